#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/delivery/decisions.h"
#include "provider/delivery/measuring.h"
#include "provider/delivery/strategy.h"

namespace delivery::engine::rolling {
namespace {

Decision End(State next, Outcome outcome) {
  if (outcome != Outcome::kInterrupted) next.step = Step::kDone;
  return EndWith(std::move(next), outcome);
}

// Moves to `step` and decides there at once: the caller stores the step before its action runs.
Decision Continue(const Plan& plan, const State& state, Step step, absl::Time now) {
  Observation nothing_yet;
  // Qualified: argument-dependent lookup would find the engine's own too.
  return rolling::Decide(plan, Moved(state, step), nothing_yet, now);
}

Decision AfterChecks(const Plan& plan, State state, absl::Time now) {
  if (plan.analysis.metrics.empty()) return End(std::move(state), Outcome::kSucceeded);
  return WaitUntil(BeginHold(plan, Moved(std::move(state), Step::kObserve), now), now);
}

// What a failure leads to.
Decision Fail(const Plan& plan, State state, std::string reason, absl::Time now) {
  state.reason = std::move(reason);
  switch (plan.on_failure) {
    case OnFailure::kKeep:
    case OnFailure::kHold:  // a canary's; its plain updates are left likewise
      return End(std::move(state), Outcome::kFailed);
    case OnFailure::kPause:
      return Continue(plan, state, Step::kHalt, now);
    case OnFailure::kRollback:
      return Continue(plan, state, state.first_release ? Step::kRemove : Step::kRestore, now);
  }
  return End(std::move(state), Outcome::kFailed);
}

Decision DecideApply(const Plan& plan, const State& state, const Observation& seen,
                     absl::Time now) {
  if (!seen.action_result.has_value()) {
    if (seen.stop_requested) return End(state, Outcome::kInterrupted);
    return Act(state, ApplyWorkload{Version::kNew});
  }
  if (IsTransient(*seen.action_result)) return WaitForApiServer(plan, state, seen, now);
  if (!seen.action_result->ok()) {
    State refused = state;
    refused.reason = std::string(seen.action_result->message());
    return End(std::move(refused), Outcome::kRefused);
  }
  return Decision{
      WithProgress(BeginHold(plan, Moved(state, Step::kAwait), now), seen.progress_mark, now),
      {},
      now,
      {}};
}

// Ctrl-C while the new version rolls out: Kubernetes starts no further pods until the next apply.
Decision DecideStop(const State& state, const Observation& seen) {
  if (state.halting_for_stop || seen.complete) return End(state, Outcome::kInterrupted);
  State next = state;
  next.halting_for_stop = true;
  return Act(std::move(next), ApplyWorkload{Version::kNew, /*halted=*/true});
}

// Pods that hold the rollout up are removed; nullopt when nothing is to be done about any.
std::optional<Decision> DecideStuckPods(const Plan& plan, const State& state,
                                        const Observation& seen, absl::Time now) {
  if (seen.action_result.has_value() && !seen.action_result->ok()) {
    if (IsTransient(*seen.action_result)) return WaitForApiServer(plan, state, seen, now);
    const std::string why = absl::StrCat("pods that hold the rollout up could not be removed: ",
                                         std::string(seen.action_result->message()));
    if (state.step == Step::kAwait) return Fail(plan, state, why, now);
    return End(WithUndoFailure(state, why), Outcome::kFailed);
  }
  if (seen.has_stuck_pods && !seen.stop_requested) return Act(state, RemoveStuckPods{});
  return std::nullopt;
}

Decision DecideAwait(const Plan& plan, const State& state, const Observation& seen,
                     absl::Time now) {
  if (seen.unreachable) return WaitForApiServer(plan, state, seen, now);
  State next = WithProgress(Counted(plan, state, seen, now), seen.progress_mark, now);
  if (auto failure = AnalysisFailure(plan, next)) {
    return Fail(plan, std::move(next), *std::move(failure), now);
  }
  if (seen.exists && seen.complete && !plan.paused) {
    return plan.has_checks ? Continue(plan, next, Step::kCheck, now)
                           : AfterChecks(plan, std::move(next), now);
  }
  if (seen.exists && seen.observed && plan.paused) return End(std::move(next), Outcome::kPaused);
  if (seen.stop_requested) return DecideStop(next, seen);
  if (auto removal = DecideStuckPods(plan, next, seen, now)) return *std::move(removal);
  if (auto failure = RolloutFailure(plan, next, seen, now)) {
    return Fail(plan, std::move(next), *std::move(failure), now);
  }
  if (auto late = TimedOut(plan, next, now)) return Fail(plan, next, *std::move(late), now);
  if (IsMeasurementDue(plan, next, now)) return Act(Measuring(plan, next, now), Measure{});
  absl::Time wake_at = GiveUpAt(plan, next);
  if (!plan.analysis.metrics.empty()) wake_at = std::min(wake_at, NextLook(plan, next, {}, now));
  return WaitUntil(std::move(next), wake_at);
}

// Measures for analysis.duration, and at least once.
Decision DecideObserve(const Plan& plan, const State& state, const Observation& seen,
                       absl::Time now) {
  if (seen.unreachable) return WaitForApiServer(plan, state, seen, now);
  const State next = Counted(plan, UnderObservation(plan, state, now), seen, now);
  if (auto failure = AnalysisFailure(plan, next)) return Fail(plan, next, *failure, now);
  if (!seen.exists) {
    return Fail(plan, next, "the workload was deleted by someone else during the release", now);
  }
  if (seen.failure.has_value()) return Fail(plan, next, *seen.failure, now);
  if (seen.stop_requested) return End(next, Outcome::kInterrupted);
  const absl::Duration length = plan.analysis.duration;
  if (IsHoldOver(plan, next, length, now)) return End(next, Outcome::kSucceeded);
  if (auto late = TimedOut(plan, next, now)) return Fail(plan, next, *late, now);
  if (IsMeasurementDue(plan, next, now)) return Act(Measuring(plan, next, now), Measure{});
  return WaitUntil(next, std::min(TimeoutOf(plan, next), NextLook(plan, next, length, now)));
}

// The checks run beside the watches; a version that breaks meanwhile fails as it would before them.
Decision DecideCheck(const Plan& plan, const State& state, const Observation& seen,
                     absl::Time now) {
  if (seen.checks == Checks::kPassed) return AfterChecks(plan, state, now);
  if (seen.checks == Checks::kFailed) return Fail(plan, state, seen.check_failure, now);
  if (seen.stop_requested) return End(state, Outcome::kInterrupted);
  if (seen.action_result.has_value() && !seen.action_result->ok()) {
    return Fail(plan, state, std::string(seen.action_result->message()), now);
  }
  if (seen.checks == Checks::kNotStarted) return Act(state, RunChecks{});
  if (!seen.unreachable && !seen.exists) {
    return Fail(plan, state, "the workload was deleted by someone else during the release", now);
  }
  if (!seen.unreachable && seen.failure.has_value()) return Fail(plan, state, *seen.failure, now);
  // The checks have time limits of their own; this one is the whole release's.
  const absl::Time timeout = TimeoutOf(plan, state);
  if (now >= timeout) {
    return Fail(plan, state,
                absl::StrCat("the checks are not done after ", absl::FormatDuration(plan.timeout),
                             " (timeouts)"),
                now);
  }
  return {state, {}, timeout, {}};
}

Decision DecideRestore(const Plan& plan, const State& state, const Observation& seen,
                       absl::Time now) {
  if (!seen.action_result.has_value()) return Act(state, ApplyWorkload{Version::kPrevious});
  if (IsTransient(*seen.action_result)) return WaitForApiServer(plan, state, seen, now);
  if (!seen.action_result->ok()) {
    return End(WithUndoFailure(state, std::string(seen.action_result->message())),
               Outcome::kFailed);
  }
  return Decision{
      WithProgress(Moved(state, Step::kAwaitRestored), seen.progress_mark, now), {}, now, {}};
}

Decision DecideAwaitRestored(const Plan& plan, const State& state, const Observation& seen,
                             absl::Time now) {
  if (seen.unreachable) return WaitForApiServer(plan, state, seen, now);
  State next = WithProgress(state, seen.progress_mark, now);
  if (seen.exists && seen.complete) return End(std::move(next), Outcome::kRolledBack);
  if (seen.stop_requested) return End(std::move(next), Outcome::kInterrupted);
  if (auto removal = DecideStuckPods(plan, next, seen, now)) return *std::move(removal);
  if (auto failure = RolloutFailure(plan, next, seen, now)) {
    return End(WithUndoFailure(std::move(next), *failure), Outcome::kFailed);
  }
  const absl::Time wake_at = *next.progressed_at + plan.progress_deadline;
  return {std::move(next), {}, wake_at, {}};
}

Decision DecideRemove(const Plan& plan, const State& state, const Observation& seen,
                      absl::Time now) {
  if (!seen.action_result.has_value()) return Act(state, DeleteWorkload{});
  if (IsTransient(*seen.action_result)) return WaitForApiServer(plan, state, seen, now);
  if (!seen.action_result->ok()) {
    return End(WithUndoFailure(state, std::string(seen.action_result->message())),
               Outcome::kFailed);
  }
  return Decision{
      WithProgress(Moved(state, Step::kAwaitRemoved), seen.progress_mark, now), {}, now, {}};
}

Decision DecideAwaitRemoved(const Plan& plan, const State& state, const Observation& seen,
                            absl::Time now) {
  if (seen.unreachable) return WaitForApiServer(plan, state, seen, now);
  State next = WithProgress(state, seen.progress_mark, now);
  if (!seen.exists) return End(std::move(next), Outcome::kRemoved);
  if (seen.stop_requested) return End(std::move(next), Outcome::kInterrupted);
  const absl::Time deadline = *next.progressed_at + plan.progress_deadline;
  if (now >= deadline) {
    return End(WithUndoFailure(std::move(next), "the workload is still being deleted"),
               Outcome::kFailed);
  }
  return {std::move(next), {}, deadline, {}};
}

Decision DecideHalt(const State& state, const Observation& seen) {
  if (!seen.action_result.has_value()) {
    return Act(state, ApplyWorkload{Version::kNew, /*halted=*/true});
  }
  if (!seen.action_result->ok()) {
    State next = state;
    absl::StrAppend(&next.reason,
                    "\n\nIt could not be paused: ", std::string(seen.action_result->message()));
    return End(std::move(next), Outcome::kFailed);
  }
  return End(state, Outcome::kFailed);
}

}  // namespace

State Resume(const Plan& plan, State found) {
  const bool undecided = found.step == Step::kApply || found.step == Step::kAwait ||
                         found.step == Step::kCheck || found.step == Step::kObserve;
  if (!undecided) return found;
  // Written again in any case: the rollout may be halted, or the write may never have happened.
  found.step = Step::kApply;
  if (plan.on_interrupt == OnInterrupt::kRollback) {
    found.reason = "the release was interrupted, and on_interrupt = \"rollback\"";
    found.step = found.first_release ? Step::kRemove : Step::kRestore;
  }
  return found;
}

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now) {
  switch (state.step) {
    case Step::kApply:
      return DecideApply(plan, state, seen, now);
    case Step::kAwait:
      return DecideAwait(plan, state, seen, now);
    case Step::kCheck:
      return DecideCheck(plan, state, seen, now);
    case Step::kRestore:
      return DecideRestore(plan, state, seen, now);
    case Step::kAwaitRestored:
      return DecideAwaitRestored(plan, state, seen, now);
    case Step::kRemove:
      return DecideRemove(plan, state, seen, now);
    case Step::kAwaitRemoved:
      return DecideAwaitRemoved(plan, state, seen, now);
    case Step::kHalt:
      return DecideHalt(state, seen);
    case Step::kObserve:
      return DecideObserve(plan, state, seen, now);
    default:  // those of canaries, which canary::Decide knows
      break;
  }
  return End(state, Outcome::kFailed);
}

}  // namespace delivery::engine::rolling
