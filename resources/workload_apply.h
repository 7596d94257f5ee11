// Applying a workload resource: from a planned version to a verdict, a state that is true, and a
// message that explains. Shared by the resources that release in place.
#ifndef DELIVERY_RESOURCES_WORKLOAD_APPLY_H_
#define DELIVERY_RESOURCES_WORKLOAD_APPLY_H_

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "provider/checks/check.h"
#include "provider/delivery/engine.h"
#include "provider/routing/switch.h"
#include "provider/routing/traffic_router.h"
#include "provider/runner/canary_objects.h"
#include "provider/value/diagnostics.h"
#include "resources/analysis_block.h"
#include "resources/cluster.h"
#include "resources/preflight_permissions.h"
#include "resources/release_record.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

struct WorkloadState {
  WorkloadArguments arguments;
  WorkloadResults results;
  schema::Attr<ReleaseStatus> status;
  ReleaseRecord record;
  std::optional<engine::State> run;  // where the release stands or ended, once there was one
  // Of a canary that is open: its percent of the traffic (with replicas {} of the ready pods) and
  // the number of its step; both 0 when there is none.
  int64_t share = 0;
  int64_t position = 0;
};

// Checks by the moment they run at; those of steps by the step's index.
struct CanaryChecks {
  std::vector<checks::Check> before_traffic;
  std::vector<checks::Check> before_promotion;
  std::vector<checks::Check> after_promotion;
  std::map<int, std::vector<checks::Check>> of_steps;
};

// A change of the pods is released by a canary.
struct CanaryJob {
  routing::Backend backend;
  routing::Match match;
  engine::CanaryPlan plan;
  std::map<std::string, std::string> labels;  // canary_labels
  runner::BesideWords words = {};
  int mirror = 0;  // percent of the requests that it gets copies of, instead of a share
  CanaryChecks checks;
};

// A change of the pods is released to the slot that does not serve.
struct BlueGreenJob {
  routing::Switch by;
  std::string service;
  std::string slot_label;
  std::string preview_service;  // empty: none
  std::optional<int> preview_replicas;
  bool approved = true;
  bool keep_previous = true;
  std::vector<checks::Check> before_promotion;
  std::vector<checks::Check> after_promotion;
};

struct ReleaseJob {
  std::string resource_type;
  engine::OnFailure on_failure = engine::OnFailure::kRollback;
  bool paused = false;
  std::string retry = "always";
  schema::Attr<AnalysisBlock> analysis;
  bool no_data_passes = false;
  std::string backend;     // of the traffic ("gateway_api"); empty: none
  absl::Duration besides;  // what the strategy waits for (CreateTimeout)
  std::optional<CanaryJob> canary;
  std::optional<BlueGreenJob> blue_green;
  WorkloadState planned;               // arguments wanted; results and record as they were
  std::optional<WorkloadState> prior;  // nullopt: create
};

struct ReleaseVerdict {
  // What exists now; nullopt: nothing (a create that left nothing).
  std::optional<WorkloadState> state;
  // Nothing was changed: what was before stands.
  bool unchanged = false;
  Diagnostics diagnostics;
};

// What of the job needs permissions, apart from what is known of the workload only.
PermissionNeeds NeedsOf(const ReleaseJob& job);

// Whether a release of `declared` goes by a canary: there is a version that serves, and its pods
// would be others; or such a release, of `open_identity`, is open.
bool ReleasesByCanary(const ReleaseJob& job, const Json& declared,
                      const std::string& open_identity);

// How many pods the canary of the job has at its largest, beside so many stable ones.
std::function<int(int stable)> LargestCanaryOf(const ReleaseJob& job);

// Follows product.md section 1: a failed create with rollback leaves nothing and errors without
// state; keep, pause and interruption return the state with a warning; a failed update errors with
// the state that really is.
ReleaseVerdict ReleaseWorkload(const Connection& connection, Clock& clock, const ReleaseJob& job,
                               const std::stop_token& stop);

// Takes back what an open canary has put into the cluster: traffic, route, Deployment and Service.
// The workload itself keeps its stable version. OK when none is open.
absl::Status TakeBackCanary(const Connection& connection, Clock& clock, const ReleaseJob& job,
                            const kubernetes::ObjectRef& ref, const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_APPLY_H_
