// What a release by canary would trip on in the cluster, found while it is planned.
#ifndef DELIVERY_RESOURCES_CANARY_PREFLIGHT_H_
#define DELIVERY_RESOURCES_CANARY_PREFLIGHT_H_

#include <stop_token>

#include "provider/value/diagnostics.h"
#include "resources/cluster.h"
#include "resources/workload_apply.h"
#include "resources/workload_plan.h"

namespace delivery::resources {

// Beside RunPreflight, for a release that goes by a canary: what SetUpCanary refuses; policies and
// monitors that select the stable pods but not the canary's; who manages the route; an autoscaler
// beside spec.replicas. Findings are warnings, or errors with preflight = "error"; a cluster that
// does not answer was said by RunPreflight. Changes nothing.
void RehearseCanary(const Connection& connection, const ReleaseJob& job, const WriteIntent& intent,
                    const std::stop_token& stop, Diagnostics& diagnostics);

// Asks every metric once: what the source says against it is a warning.
void RehearseMetrics(const Connection& connection, const ReleaseJob& job, const WriteIntent& intent,
                     const std::stop_token& stop, Diagnostics& diagnostics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CANARY_PREFLIGHT_H_
