// What strategies share that put a second Deployment beside the workload and send it a part of the
// requests: how that begins, what may go wrong, and the way back from wherever it stands.
#ifndef DELIVERY_DELIVERY_BESIDE_H_
#define DELIVERY_DELIVERY_BESIDE_H_

#include <optional>
#include <string>

#include "provider/delivery/decisions.h"
#include "provider/delivery/engine.h"

namespace delivery::engine::beside {

// Whether requests go to the second Deployment, as last written.
bool HasTraffic(const CanaryState& canary);

// What has gone wrong while there is a second Deployment, whether or not it has traffic.
std::optional<std::string> Trouble(const State& state, const Look& look);
// The result of the action of a step on the way; nullopt when it succeeded.
std::optional<Decision> ActionTrouble(const State& state, const Look& look);

// For reasons that leave nothing to look at: traffic that somebody else moves, a Deployment that
// does not serve.
Decision TakeBack(State state, std::string reason, const Look& look);
// For reasons that need not wait: nothing is gained by leaving traffic where it is, unless the user
// wants to look at it.
Decision Abort(State state, std::string reason, const Look& look);
Decision AbortForTrouble(State state, std::string trouble, const Look& look);

// kRecordRoute and kReserveRoute, up to kCreateCanary.
Decision DecideRecordRoute(const State& state, const Look& look);
Decision DecideReserveRoute(const State& state, const Look& look);
// kCreateCanary and kScaleCanary: makes it of this size, and goes on with `then`.
Decision DecideApply(const State& state, const Look& look, int replicas, Step then);
// What keeps the run waiting until every pod of the second Deployment is ready, or ends it; nullopt
// when they are. `next` has the progress.
std::optional<Decision> AwaitReady(State& next, const Look& look);

// The way back begins: weight 0 first.
Decision BeginTeardown(State state, Teardown teardown, const Look& look);
// kReturnTraffic, kRestoreRoute, kScaleDownDelay, kDeleteCanary, kAwaitCanaryGone.
Decision DecideTeardown(const State& state, const Look& look);

// The step that a stopped run begins again, so that what it waits for is seen anew.
Step BeginningOf(Step step);

}  // namespace delivery::engine::beside

#endif  // DELIVERY_DELIVERY_BESIDE_H_
