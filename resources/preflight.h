// What an apply would trip on in the cluster, found while it is planned.
#ifndef DELIVERY_RESOURCES_PREFLIGHT_H_
#define DELIVERY_RESOURCES_PREFLIGHT_H_

#include <functional>
#include <stop_token>

#include "absl/time/time.h"
#include "provider/value/diagnostics.h"
#include "resources/cluster.h"
#include "resources/preflight_permissions.h"
#include "resources/release_record.h"
#include "resources/workload_plan.h"

namespace delivery::resources {

struct PreflightInput {
  const WriteIntent* intent = nullptr;
  const ReleaseRecord* record = nullptr;
  bool first_release = false;
  bool adopt_existing = false;
  // A first release that fails is removed.
  bool removes_failed = false;
  PermissionNeeds needs;  // NeedsOf the arguments
  const WorkloadArguments* arguments = nullptr;
  // How many pods a canary has at its largest, beside so many stable ones; empty: there is none.
  std::function<int(int stable)> canary_pods;
};

// Rehearses the write of a release that was planned and says everything that apply would trip on:
// what exists already, missing permissions, what the API server objects to in a server-side dry run
// (admission, schema, quota, missing namespace, other field managers), Services and
// PodDisruptionBudgets that would lose the pods, ResourceQuotas that leave no room, Services of
// checks and objects of restart_on that do not exist. Findings are warnings, or errors with
// preflight = "error"; with "off" nothing is asked and nothing said.
//
// A cluster that does not answer is one warning. So are credentials that lack permissions to write,
// since apply may use others; no dry run is sent with those. Says nothing when `stop` was
// requested. Changes nothing, neither the cluster nor what is planned.
void RunPreflight(const Connection& connection, const PreflightInput& input, absl::Time now,
                  const std::stop_token& stop, Diagnostics& diagnostics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PREFLIGHT_H_
