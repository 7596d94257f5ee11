// The way of a variant that stays beside the workload for a while (an A/B test, a mirror):
//
//   RecordRoute > [ReserveRoute >] CreateCanary > AwaitCanary > SetWeight > Serving
//
// It then serves between applies, with the journal as the record of what it has put into the
// cluster. The next apply gives it another size or share, and makes it anew where it no longer
// serves. What ends it (the time is over, the resource is destroyed, it failed,
// another version takes its place) goes the way back of a canary: traffic first, then the route,
// the Deployment and the Service.
#include <utility>

#include "provider/delivery/beside.h"
#include "provider/delivery/decisions.h"
#include "provider/delivery/strategy.h"

namespace delivery::engine::variant {
namespace {

Decision DecideBeginning(const State& state, const Look& look) {
  if (!look.plan.variant.serve) return EndDone(state, Outcome::kSucceeded);
  return beside::DecideRecordRoute(state, look);
}

// One that serves already gets its size; one that cannot serve is made anew, once the requests go
// where somebody answers them.
Decision DecideCreate(const State& state, const Look& look) {
  const bool can_tell =
      beside::HasTraffic(state.canary) && !CannotSee(look) && !look.seen.action_result.has_value();
  if (can_tell && beside::Trouble(state, look).has_value()) {
    State next = state;
    next.next_run_id = state.run_id;
    return beside::BeginTeardown(std::move(next), Teardown::kSuperseded, look);
  }
  return beside::DecideApply(state, look, look.plan.variant.replicas, Step::kAwaitCanary);
}

// Its share is stored before it is written.
Decision DecideAwait(const State& state, const Look& look) {
  State next = state;
  if (auto waits = beside::AwaitReady(next, look)) return *std::move(waits);
  next.canary.weight = look.plan.variant.weight;
  next.canary.match = look.plan.variant.match;
  next.canary.mirror = look.plan.variant.mirror;
  return Next(std::move(next), Step::kSetWeight, look);
}

Decision DecideSetWeight(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, SetTraffic{.weight = state.canary.weight,
                                 .match = state.canary.match,
                                 .mirror = state.canary.mirror,
                                 .route_record = state.canary.route_record});
  }
  if (!look.seen.action_result->ok() && !CannotSee(look)) {
    // Why there is no endpoint to send requests to.
    if (auto trouble = beside::Trouble(state, look)) {
      return beside::TakeBack(state, *std::move(trouble), look);
    }
  }
  if (auto trouble = beside::ActionTrouble(state, look)) return *std::move(trouble);
  return EndWith(Moved(state, Step::kServing), Outcome::kServing);
}

}  // namespace

State Resume(const Plan& plan, State found) {
  found.step = beside::BeginningOf(found.step);
  if (found.canary.teardown != Teardown::kNone) {
    // Its time was over, and has been made longer before it was gone.
    if (found.canary.teardown == Teardown::kEnded && plan.variant.serve) {
      found.canary.teardown = Teardown::kSuperseded;
      found.next_run_id = found.run_id;
    }
    return found;
  }
  if (!plan.variant.serve) {
    if (found.canary.route_record.is_null()) return found;  // nothing was made yet
    found.canary.teardown = Teardown::kEnded;
    found.step = Step::kReturnTraffic;
  } else if (found.step == Step::kServing || found.step == Step::kSetWeight) {
    found.step = Step::kCreateCanary;
  }
  return found;
}

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now) {
  const Look look{plan, seen, now};
  switch (state.step) {
    case Step::kRecordRoute:
      return DecideBeginning(state, look);
    case Step::kReserveRoute:
      return beside::DecideReserveRoute(state, look);
    case Step::kCreateCanary:
      return DecideCreate(state, look);
    case Step::kAwaitCanary:
      return DecideAwait(state, look);
    case Step::kSetWeight:
      return DecideSetWeight(state, look);
    case Step::kReturnTraffic:
    case Step::kRestoreRoute:
    case Step::kScaleDownDelay:
    case Step::kDeleteCanary:
    case Step::kAwaitCanaryGone:
      return beside::DecideTeardown(state, look);
    default:  // kServing and kDone end a run; the others are those of other strategies
      return EndWith(state, Outcome::kFailed);
  }
}

}  // namespace delivery::engine::variant
