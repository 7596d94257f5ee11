// The way of a canary:
//
//   RecordRoute > CreateCanary > AwaitCanary > CheckBeforeTraffic
//     > for each step: ScaleCanary > AwaitScaled > SetWeight > Hold (measure, check)   [> Held]
//     > CheckBeforePromotion > Promote > AwaitPromoted
//     > ReturnTraffic > RestoreRoute > Check > ScaleDownDelay > DeleteCanary > AwaitCanaryGone
//
// An abort takes the same way back, from wherever it is: [AwaitStable >] ReturnTraffic (weight 0,
// read back) > RestoreRoute [> ScaleDownDelay] > DeleteCanary > AwaitCanaryGone, and, if the
// promotion had begun, Restore > AwaitRestored. What it ends in is State::canary.teardown.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/delivery/beside.h"
#include "provider/delivery/decisions.h"
#include "provider/delivery/measuring.h"
#include "provider/delivery/strategy.h"

namespace delivery::engine::canary {
namespace {

using beside::Abort;
using beside::AbortForTrouble;
using beside::ActionTrouble;
using beside::AwaitReady;
using beside::BeginningOf;
using beside::BeginTeardown;
using beside::DecideApply;
using beside::DecideRecordRoute;
using beside::DecideReserveRoute;
using beside::DecideTeardown;
using beside::TakeBack;
using beside::Trouble;

// An autoscaler that shrank stable has this long to bring it back before an abort.
constexpr absl::Duration kStableComeback = absl::Seconds(30);

// ---- Giving up

// Metrics are bad, but the canary serves: stable first comes back to its size, if something shrank
// it, so that it can take all the traffic.
Decision AbortForMetrics(State state, std::string reason, const Look& look) {
  const bool shrank =
      look.seen.desired < state.canary.stable_size || look.seen.ready < look.seen.desired;
  if (!shrank || look.seen.canary.ready == 0 || look.plan.on_failure == OnFailure::kHold) {
    return Abort(std::move(state), std::move(reason), look);
  }
  state.reason = std::move(reason);
  state.canary.teardown = Teardown::kAborted;
  return Next(std::move(state), Step::kAwaitStable, look);
}

// ---- The steps

const CanaryStep& StepOf(const Look& look, const State& state) {
  return look.plan.canary.steps[static_cast<size_t>(state.canary.step_index)];
}

bool HasStep(const Look& look, int index) {
  return index < static_cast<int>(look.plan.canary.steps.size());
}

absl::Duration HoldOf(const Look& look, const State& state) {
  const bool last = !HasStep(look, state.canary.step_index + 1);
  return StepOf(look, state).hold + (last ? look.plan.analysis.duration : absl::ZeroDuration());
}

int ReplicasOf(const Look& look, int step_index) {
  const CanaryStep& step = look.plan.canary.steps[static_cast<size_t>(step_index)];
  return step.replicas.value_or(
      CanaryReplicas(step.weight, look.seen.desired, look.plan.canary.share_by_replicas));
}

// Whether the run may go beyond the step it stands at.
bool IsApproved(const State& state, const Look& look) {
  const CanaryPlan& canary = look.plan.canary;
  if (!canary.approve_up_to.has_value()) return true;
  const int next = state.canary.step_index + 1;
  return HasStep(look, next) &&
         canary.steps[static_cast<size_t>(next)].weight <= *canary.approve_up_to;
}

State WithWeightOfStep(State state, const Look& look) {
  state.canary.weight = StepOf(look, state).weight;
  state.canary.match = look.plan.canary.has_match;
  return state;
}

// The next step, the wait for its approval, or the promotion.
Decision Advance(State state, const Look& look) {
  if (!IsApproved(state, look)) return Next(std::move(state), Step::kHeld, look);
  if (!HasStep(look, state.canary.step_index + 1)) {
    const bool checks = look.plan.canary.checks_before_promotion;
    return Next(std::move(state), checks ? Step::kCheckBeforePromotion : Step::kPromote, look);
  }
  ++state.canary.step_index;
  const bool large_enough = state.step != Step::kHeld &&
                            ReplicasOf(look, state.canary.step_index) == state.canary.replicas;
  if (!large_enough) return Next(std::move(state), Step::kScaleCanary, look);
  return Next(WithWeightOfStep(std::move(state), look), Step::kSetWeight, look);
}

Decision DecideHeld(const State& state, const Look& look) {
  return IsApproved(state, look) ? Advance(state, look) : EndWith(state, Outcome::kHeld);
}

// ---- Before any traffic

Decision DecideApplyCanary(const State& state, const Look& look, Step then) {
  const int replicas = ReplicasOf(look, std::max(state.canary.step_index, 0));
  return DecideApply(state, look, replicas, then);
}

// Until every pod of the canary is ready.
Decision DecideAwaitCanary(const State& state, const Look& look) {
  State next = state;
  if (auto waits = AwaitReady(next, look)) return *std::move(waits);
  if (state.step == Step::kAwaitScaled) {
    return Next(WithWeightOfStep(std::move(next), look), Step::kSetWeight, look);
  }
  if (look.plan.canary.checks_before_traffic) {
    return Next(std::move(next), Step::kCheckBeforeTraffic, look);
  }
  return Advance(std::move(next), look);
}

// Checks of one moment; `passed` decides what follows.
Decision DecideChecksAt(const State& state, const Look& look, CheckPoint at,
                        std::function<Decision()> passed) {
  const auto trouble = [&]() -> std::optional<Decision> {
    const bool with_canary = state.canary.teardown == Teardown::kNone;
    const auto what = with_canary ? Trouble(state, look) : look.seen.failure;
    if (!what.has_value()) return std::nullopt;
    return AbortForTrouble(state, *what, look);
  };
  return DecideChecks(state, look, {at, 0}, {Abort, trouble, std::move(passed)});
}

// ---- With traffic

Decision DecideSetWeight(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, SetTraffic{.weight = state.canary.weight,
                                 .match = state.canary.match,
                                 .route_record = state.canary.route_record});
  }
  if (!look.seen.action_result->ok() && !CannotSee(look)) {
    // Why there is no endpoint to send requests to.
    if (auto trouble = Trouble(state, look)) return TakeBack(state, *std::move(trouble), look);
  }
  if (auto trouble = ActionTrouble(state, look)) return *std::move(trouble);
  return WaitUntil(BeginHold(look.plan, Moved(state, Step::kHold), look.now), look.now);
}

// Checks named by the step, once. Nullopt when there is nothing to do about them at the moment.
std::optional<Decision> StartStepChecks(const State& state, const Look& look) {
  if (!StepOf(look, state).has_checks || state.checks_began || look.seen.stop_requested) {
    return std::nullopt;
  }
  State next = state;
  next.checks_began = true;
  return Act(std::move(next), RunChecks{CheckPoint::kStep, state.canary.step_index});
}

Decision DecideHold(const State& state, const Look& look) {
  State next = Counted(look.plan, state, look.seen, look.now);
  if (auto failure = AnalysisFailure(look.plan, next)) {
    return AbortForMetrics(std::move(next), *std::move(failure), look);
  }
  if (CannotSee(look)) return WaitToSee(std::move(next), look);
  next = UnderObservation(look.plan, std::move(next), look.now);
  if (auto trouble = Trouble(state, look)) {
    return TakeBack(std::move(next), *std::move(trouble), look);
  }
  if (look.seen.action_result.has_value() && !look.seen.action_result->ok()) {
    return Abort(std::move(next), std::string(look.seen.action_result->message()), look);
  }
  const bool checking = StepOf(look, next).has_checks;
  if (checking && next.checks_began && look.seen.checks == Checks::kFailed) {
    return Abort(std::move(next), look.seen.check_failure, look);
  }
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (auto start = StartStepChecks(next, look)) return *std::move(start);
  const absl::Duration length = HoldOf(look, next);
  const bool checked = !checking || look.seen.checks == Checks::kPassed;
  if (checked && IsHoldOver(look.plan, next, length, look.now)) {
    return Advance(std::move(next), look);
  }
  if (auto late = TimedOut(look.plan, next, look.now)) {
    return Abort(std::move(next), *std::move(late), look);
  }
  if (IsMeasurementDue(look.plan, next, look.now)) {
    return Act(Measuring(look.plan, std::move(next), look.now), Measure{});
  }
  const absl::Time wake_at =
      std::min(TimeoutOf(look.plan, next), NextLook(look.plan, next, length, look.now));
  return WaitUntil(std::move(next), wake_at);
}

// ---- The promotion

Decision DecidePromote(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    if (!state.canary.stable_written) {
      // Stored before the write.
      State next = state;
      next.canary.stable_written = next.first_to_promote = true;
      return WaitUntil(std::move(next), look.now);
    }
    return Act(state, ApplyWorkload{Version::kNew});
  }
  State next = state;
  if (IsTransient(*look.seen.action_result)) {
    next.first_to_promote = false;  // it may have been written all the same
  } else if (!look.seen.action_result->ok() && state.first_to_promote) {
    next.canary.stable_written = false;  // refused: there is nothing to put back
  }
  if (auto trouble = ActionTrouble(next, look)) return *std::move(trouble);
  return Next(std::move(next), Step::kAwaitPromoted, look);
}

Decision DecideAwaitPromoted(const State& state, const Look& look) {
  if (CannotSee(look)) return WaitToSee(state, look);
  State next = WithProgress(state, look.seen.progress_mark, look.now);
  if (look.seen.exists && look.seen.complete && !look.seen.foreign_change.has_value()) {
    return BeginTeardown(std::move(next), Teardown::kPromoted, look);
  }
  if (look.seen.stop_requested) {
    // Kubernetes starts no further pods until the next apply.
    if (state.halting_for_stop) return Interrupt(std::move(next));
    next.halting_for_stop = true;
    return Act(std::move(next), ApplyWorkload{Version::kNew, /*halted=*/true});
  }
  if (auto trouble = Trouble(state, look)) {
    return TakeBack(std::move(next), *std::move(trouble), look);
  }
  if (auto failure = RolloutFailure(look.plan, next, look.seen, look.now)) {
    return Abort(std::move(next), absl::StrCat("the promotion failed: ", *failure), look);
  }
  if (auto late = TimedOut(look.plan, next, look.now)) {
    return Abort(std::move(next), *std::move(late), look);
  }
  const absl::Time wake_at = GiveUpAt(look.plan, next);
  return WaitUntil(std::move(next), wake_at);
}

// ---- Taking the canary back

Decision DecideAwaitStable(const State& state, const Look& look) {
  State next = state;
  if (!next.progressed_at.has_value()) next.progressed_at = look.now;
  const bool back =
      look.seen.ready >= state.canary.stable_size && look.seen.ready >= look.seen.desired;
  const absl::Time until = *next.progressed_at + kStableComeback;
  if (back || look.seen.canary.ready == 0 || look.seen.stop_requested || look.now >= until) {
    return Next(std::move(next), Step::kReturnTraffic, look);
  }
  return WaitUntil(std::move(next), until);
}

Decision DecideRestore(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) return Act(state, ApplyWorkload{Version::kPrevious});
  if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  return Next(state, Step::kAwaitRestored, look);
}

Decision DecideAwaitRestored(const State& state, const Look& look) {
  if (look.seen.unreachable) return WaitToSee(state, look);
  State next = WithProgress(state, look.seen.progress_mark, look.now);
  if (look.seen.exists && look.seen.complete) {
    return state.canary.teardown == Teardown::kSuperseded
               ? BeginNext(next, look)
               : EndDone(std::move(next), Outcome::kRolledBack);
  }
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (auto failure = RolloutFailure(look.plan, next, look.seen, look.now)) {
    return UndoFailed(std::move(next), *failure);
  }
  const absl::Time wake_at = *next.progressed_at + look.plan.progress_deadline;
  return WaitUntil(std::move(next), wake_at);
}

// ---- Resuming

// The step of the changed plan at which the run stands: its weight is what counts.
int PositionIn(const std::vector<CanaryStep>& steps, const State& found) {
  const int weight = found.canary.weight;
  const auto at_least = std::find_if(steps.begin(), steps.end(), [weight](const CanaryStep& step) {
    return step.weight >= weight;
  });
  const auto index = static_cast<int>(at_least - steps.begin());
  const bool same = at_least != steps.end() && at_least->weight == weight;
  // What is held has done the steps below its weight; what is under way does one anew.
  if (!same && found.step == Step::kHeld) return index - 1;
  return std::min(index, static_cast<int>(steps.size()) - 1);
}

// With the steps of the plan as it is now.
State WithSteps(const Plan& plan, State found) {
  if (found.canary.steps == plan.canary.steps || plan.canary.steps.empty()) return found;
  found.canary.steps = plan.canary.steps;
  if (found.canary.step_index < 0) return found;
  found.canary.step_index = PositionIn(plan.canary.steps, found);
  const bool on_the_step = found.step == Step::kHold || found.step == Step::kSetWeight ||
                           found.step == Step::kScaleCanary;
  if (!on_the_step) return found;
  const auto index = static_cast<size_t>(found.canary.step_index);
  if (plan.canary.steps[index].weight != found.canary.weight) found.step = Step::kScaleCanary;
  return found;
}

}  // namespace

State Resume(const Plan& plan, State found, absl::Time now) {
  found.step = BeginningOf(found.step);
  if (found.step == Step::kCheck && !found.next_run_id.empty()) found.step = Step::kScaleDownDelay;
  const bool between_applies = found.step == Step::kHeld || found.step == Step::kFailedHold;
  if (found.canary.teardown != Teardown::kNone && !between_applies) return found;
  std::string abort = plan.canary.abort_reason;
  if (abort.empty() && plan.on_interrupt == OnInterrupt::kRollback && !between_applies) {
    abort = "the release was interrupted, and on_interrupt = \"rollback\"";
  }
  if (!abort.empty() && !found.canary.route_record.is_null()) {
    found.reason = abort;
    found.canary.teardown = Teardown::kAborted;
    found.step = Step::kReturnTraffic;
    return found;
  }
  if (found.step == Step::kFailedHold) {
    // Measured again, from nothing: the user has looked at it.
    found.step = BeginningOf(found.canary.resume_step);
    found.tallies.clear();
    found.reason.clear();
  }
  found = WithSteps(plan, std::move(found));
  const bool at_the_end = found.step == Step::kCheckBeforePromotion || found.step == Step::kPromote;
  if (at_the_end && !found.canary.stable_written && plan.canary.approve_up_to.has_value()) {
    found.step = Step::kHeld;  // the approval was taken back meanwhile
  }
  if (found.step == Step::kHold) return BeginHold(plan, std::move(found), now);
  return found;
}

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now) {
  const Look look{plan, seen, now};
  switch (state.step) {
    case Step::kRecordRoute:
      return DecideRecordRoute(state, look);
    case Step::kReserveRoute:
      return DecideReserveRoute(state, look);
    case Step::kCreateCanary:
      return DecideApplyCanary(state, look, Step::kAwaitCanary);
    case Step::kScaleCanary:
      return DecideApplyCanary(state, look, Step::kAwaitScaled);
    case Step::kAwaitCanary:
    case Step::kAwaitScaled:
      return DecideAwaitCanary(state, look);
    case Step::kCheckBeforeTraffic:
      return DecideChecksAt(state, look, CheckPoint::kBeforeTraffic,
                            [&] { return Advance(state, look); });
    case Step::kSetWeight:
      return DecideSetWeight(state, look);
    case Step::kHold:
      return DecideHold(state, look);
    case Step::kHeld:
      return DecideHeld(state, look);
    case Step::kCheckBeforePromotion:
      return DecideChecksAt(state, look, CheckPoint::kBeforePromotion,
                            [&] { return Next(state, Step::kPromote, look); });
    case Step::kPromote:
      return DecidePromote(state, look);
    case Step::kAwaitPromoted:
      return DecideAwaitPromoted(state, look);
    case Step::kAwaitStable:
      return DecideAwaitStable(state, look);
    case Step::kCheck:
      return DecideChecksAt(state, look, CheckPoint::kAfterPromotion,
                            [&] { return Next(state, Step::kScaleDownDelay, look); });
    case Step::kReturnTraffic:
    case Step::kRestoreRoute:
    case Step::kScaleDownDelay:
    case Step::kDeleteCanary:
    case Step::kAwaitCanaryGone:
      return DecideTeardown(state, look);
    case Step::kRestore:
      return DecideRestore(state, look);
    case Step::kAwaitRestored:
      return DecideAwaitRestored(state, look);
    default:  // kFailedHold and kDone end a run; the others are those of rollouts
      return EndWith(state, Outcome::kFailed);
  }
}

}  // namespace delivery::engine::canary
