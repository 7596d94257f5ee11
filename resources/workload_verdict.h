// After a run: the state that is true, and a message that explains.
#ifndef DELIVERY_RESOURCES_WORKLOAD_VERDICT_H_
#define DELIVERY_RESOURCES_WORKLOAD_VERDICT_H_

#include <stop_token>

#include "provider/base/clock.h"
#include "provider/runner/release.h"
#include "provider/value/diagnostics.h"
#include "resources/cluster.h"
#include "resources/workload_apply.h"
#include "resources/workload_prepare.h"

namespace delivery::resources {

// Whether there is anything that must be recorded.
bool LeavesObject(const ReleaseJob& job, const Prepared& prepared,
                  const runner::ReleaseResult& result);

// The state after a run that the cluster still has an object of.
WorkloadState StateAfter(const Connection& connection, Clock& clock, const ReleaseJob& job,
                         const Prepared& prepared, const runner::ReleaseResult& result,
                         const std::stop_token& stop);

// What happened, why, what was done about it, and what to do.
void Explain(const ReleaseJob& job, const Prepared& prepared, const runner::ReleaseResult& result,
             Diagnostics& diagnostics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_VERDICT_H_
