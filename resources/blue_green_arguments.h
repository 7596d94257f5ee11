// delivery_blue_green_release as the user declares it: its model, its rules, and what it asks for.
#ifndef DELIVERY_RESOURCES_BLUE_GREEN_ARGUMENTS_H_
#define DELIVERY_RESOURCES_BLUE_GREEN_ARGUMENTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/analysis_block.h"
#include "resources/workload_apply.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

struct SelectorSwitchBlock {
  static const schema::Spec<SelectorSwitchBlock>& Declaration();
};
struct IngressSwitchBlock {
  schema::Attr<std::string> name;
  static const schema::Spec<IngressSwitchBlock>& Declaration();
};
struct GatewaySwitchBlock {
  schema::Attr<std::string> route;
  static const schema::Spec<GatewaySwitchBlock>& Declaration();
};
struct SwitchBlock {
  schema::Attr<SelectorSwitchBlock> selector;
  schema::Attr<IngressSwitchBlock> ingress;
  schema::Attr<GatewaySwitchBlock> gateway_api;
  static const schema::Spec<SwitchBlock>& Declaration();
};

struct BlueGreenRelease {
  WorkloadArguments arguments;
  schema::Attr<std::string> service;
  schema::Attr<SwitchBlock> switch_by;
  schema::Attr<std::string> slot_label;
  schema::Attr<std::string> preview_service;
  schema::Attr<int64_t> preview_replicas;
  schema::Attr<bool> approve;
  schema::Attr<Images> approved;
  schema::Attr<std::string> keep_previous;
  schema::Attr<std::string> on_failure;
  schema::Attr<std::string> retry;
  schema::Attr<AnalysisBlock> analysis;
  WorkloadResults results;
  schema::Attr<std::string> active_slot;
  schema::Attr<std::string> idle_slot;
  schema::Attr<bool> previous_expired;
  schema::Attr<ReleaseStatus> status;
  AnalysisReport analysis_report;
  static const schema::Spec<BlueGreenRelease>& Declaration();
};

// Rules between the arguments, everything at once; unknown values are passed over.
void ValidateBlueGreenRelease(const BlueGreenRelease& config, Diagnostics& diagnostics);

// Whether everything that decides what a release does is known.
bool IsWhollyKnown(const BlueGreenRelease& model);
// Whether a release may go through its switch: approve, or images that are approved by name.
bool IsApproved(const BlueGreenRelease& model);

// For arguments that are wholly known and valid.
absl::StatusOr<BlueGreenJob> ToBlueGreenJob(const BlueGreenRelease& model);
absl::Duration KeepPrevious(const BlueGreenRelease& model);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_BLUE_GREEN_ARGUMENTS_H_
