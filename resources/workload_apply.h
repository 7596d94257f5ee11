// Applying a workload resource: from a planned version to a verdict, a state that is true, and a
// message that explains. Shared by the resources that release in place.
#ifndef DELIVERY_RESOURCES_WORKLOAD_APPLY_H_
#define DELIVERY_RESOURCES_WORKLOAD_APPLY_H_

#include <optional>
#include <stop_token>
#include <string>

#include "provider/delivery/engine.h"
#include "provider/value/diagnostics.h"
#include "resources/cluster.h"
#include "resources/release_record.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

struct WorkloadState {
  WorkloadArguments arguments;
  WorkloadResults results;
  ReleaseRecord record;
};

struct ReleaseJob {
  std::string resource_type;
  engine::OnFailure on_failure = engine::OnFailure::kRollback;
  bool paused = false;
  std::string retry = "always";
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

// Follows product.md section 1: a failed create with rollback leaves nothing and errors without
// state; keep, pause and interruption return the state with a warning; a failed update errors with
// the state that really is.
ReleaseVerdict ReleaseWorkload(const Connection& connection, Clock& clock, const ReleaseJob& job,
                               const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_APPLY_H_
