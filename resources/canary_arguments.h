// delivery_canary_release as the user declares it: its model, its rules, and what it asks for.
#ifndef DELIVERY_RESOURCES_CANARY_ARGUMENTS_H_
#define DELIVERY_RESOURCES_CANARY_ARGUMENTS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/analysis_block.h"
#include "resources/traffic_block.h"
#include "resources/workload_apply.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

struct CanaryStatus {
  ReleaseStatus verdict;
  schema::Attr<int64_t> weight;
  schema::Attr<int64_t> step;
  static const schema::Spec<CanaryStatus>& Declaration();
};
schema::Attr<ReleaseStatus> VerdictOf(const schema::Attr<CanaryStatus>& status);
// Weight and step stay as they are; without them they are those of a workload at rest.
void SetVerdict(schema::Attr<CanaryStatus>& status, ReleaseStatus verdict);

struct CanaryRelease {
  WorkloadArguments arguments;
  schema::Attr<TrafficBlock> traffic;
  StepBlocks step;
  schema::Attr<MatchBlock> match;
  schema::Attr<int64_t> approve_up_to;
  schema::Attr<Images> approved;
  schema::Attr<std::string> on_no_traffic;
  schema::Attr<std::string> scale_down_delay;
  schema::Attr<Images> canary_labels;
  schema::Attr<std::string> on_failure;
  schema::Attr<std::string> retry;
  schema::Attr<AnalysisBlock> analysis;
  WorkloadResults results;
  schema::Attr<CanaryStatus> status;
  AnalysisReport analysis_report;
  static const schema::Spec<CanaryRelease>& Declaration();
};

// Rules between the arguments, everything at once; unknown values are passed over.
void ValidateCanaryRelease(const CanaryRelease& config, Diagnostics& diagnostics);

// Whether everything that decides what a release does is known.
bool IsWhollyKnown(const CanaryRelease& model);

// How far steps may go: nullopt when nothing has to be approved any more, because approve_up_to is
// null, or `approved` names the images that are released.
std::optional<int> ApprovedUpTo(const CanaryRelease& model);

// For arguments that are wholly known and valid.
absl::StatusOr<CanaryJob> ToCanaryJob(const CanaryRelease& model);
// The name of the traffic's backend; nullopt while it is not known, or not valid.
std::optional<std::string> BackendOf(const CanaryRelease& model);
// What a release waits for besides the rollout and its checks: holds, delays and durations.
absl::Duration TimeBesides(const CanaryRelease& model);
absl::Duration ScaleDownDelay(const CanaryRelease& model);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CANARY_ARGUMENTS_H_
