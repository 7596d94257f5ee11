#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/delivery/strategy.h"

namespace delivery::engine::rolling {
namespace {

Decision Act(State next, Action action) { return {std::move(next), {std::move(action)}, {}, {}}; }

Decision End(State next, Outcome outcome) {
  if (outcome != Outcome::kInterrupted) next.step = Step::kDone;
  return {std::move(next), {}, absl::InfiniteFuture(), outcome};
}

State Moved(State state, Step step) {
  state.step = step;
  state.progress_mark.clear();
  state.progressed_at.reset();
  return state;
}

// Moves to `step` and decides there at once: the caller stores the step before its action runs.
Decision Continue(const Plan& plan, const State& state, Step step, absl::Time now) {
  Observation nothing_yet;
  // Qualified: argument-dependent lookup would find the engine's own too.
  return rolling::Decide(plan, Moved(state, step), nothing_yet, now);
}

// What a failure leads to.
Decision Fail(const Plan& plan, State state, std::string reason, absl::Time now) {
  state.reason = std::move(reason);
  switch (plan.on_failure) {
    case OnFailure::kKeep:
      return End(std::move(state), Outcome::kFailed);
    case OnFailure::kPause:
      return Continue(plan, state, Step::kHalt, now);
    case OnFailure::kRollback:
      return Continue(plan, state, state.first_release ? Step::kRemove : Step::kRestore, now);
  }
  return End(std::move(state), Outcome::kFailed);
}

State WithUndoFailure(State state, const std::string& why) {
  absl::StrAppend(&state.reason, state.reason.empty() ? "" : "\n\n",
                  "The rollback failed too: ", why);
  return state;
}

State WithProgress(State state, const Observation& seen, absl::Time now) {
  if (!state.progressed_at.has_value() || seen.progress_mark != state.progress_mark) {
    state.progress_mark = seen.progress_mark;
    state.progressed_at = now;
  }
  return state;
}

absl::Time TimeoutOf(const Plan& plan, const State& state) {
  return state.resumed_at.value_or(state.started_at) + plan.timeout;
}

// The API server could not be asked; it may come back. Nothing is lost meanwhile: what was written
// goes on in the cluster, and the journal stays.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

Decision WaitForApiServer(const Plan& plan, State state, const Observation& seen, absl::Time now) {
  constexpr absl::Duration kRetryAfter = absl::Seconds(2);
  if (seen.stop_requested) return End(std::move(state), Outcome::kInterrupted);
  if (seen.blind.has_value()) {
    if (state.reason.empty()) state.reason = *seen.blind;
    return End(std::move(state), Outcome::kInterrupted);
  }
  if (now >= TimeoutOf(plan, state)) {
    State given_up = std::move(state);
    if (given_up.reason.empty()) {
      // An answer such as "etcdserver: leader changed" tells more than that it failed.
      given_up.reason = seen.action_result.has_value() ? std::string(seen.action_result->message())
                                                       : "the API server does not answer";
    }
    return End(std::move(given_up), Outcome::kInterrupted);
  }
  state.progressed_at = now;
  return {std::move(state), {}, now + kRetryAfter, {}};
}

std::string StuckReason(const Plan& plan, const State& state) {
  return absl::StrCat("no progress for ", absl::FormatDuration(plan.progress_deadline),
                      " (progress_deadline): ", state.progress_mark);
}

// Why the rollout that is awaited has failed, if it has.
std::optional<std::string> RolloutFailure(const Plan& plan, const State& state,
                                          const Observation& seen, absl::Time now) {
  if (!seen.exists) return "the workload was deleted by someone else during the release";
  if (seen.failure.has_value()) return seen.failure;
  if (seen.deadline_exceeded) {
    return absl::StrCat("Kubernetes gave up: progressDeadlineSeconds passed: ", seen.progress_mark);
  }
  if (now >= *state.progressed_at + plan.progress_deadline) return StuckReason(plan, state);
  return std::nullopt;
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
  return Decision{WithProgress(Moved(state, Step::kAwait), seen, now), {}, now, {}};
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
  State next = WithProgress(state, seen, now);
  if (seen.exists && seen.complete && plan.has_checks && !plan.paused) {
    return Continue(plan, next, Step::kCheck, now);
  }
  if (seen.exists && seen.complete && !plan.paused) {
    return End(std::move(next), Outcome::kSucceeded);
  }
  if (seen.exists && seen.observed && plan.paused) return End(std::move(next), Outcome::kPaused);
  if (seen.stop_requested) return DecideStop(next, seen);
  if (auto removal = DecideStuckPods(plan, next, seen, now)) return *std::move(removal);
  if (auto failure = RolloutFailure(plan, next, seen, now)) {
    return Fail(plan, std::move(next), *std::move(failure), now);
  }
  const absl::Time timeout = TimeoutOf(plan, next);
  if (now >= timeout) {
    return Fail(plan, next,
                absl::StrCat("not complete after ", absl::FormatDuration(plan.timeout),
                             " (timeouts): ", next.progress_mark),
                now);
  }
  const absl::Time wake_at = std::min(timeout, *next.progressed_at + plan.progress_deadline);
  return {std::move(next), {}, wake_at, {}};
}

// The checks run beside the watches; a version that breaks meanwhile fails as it would before them.
Decision DecideCheck(const Plan& plan, const State& state, const Observation& seen,
                     absl::Time now) {
  if (seen.checks == Checks::kPassed) return End(state, Outcome::kSucceeded);
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
  return Decision{WithProgress(Moved(state, Step::kAwaitRestored), seen, now), {}, now, {}};
}

Decision DecideAwaitRestored(const Plan& plan, const State& state, const Observation& seen,
                             absl::Time now) {
  if (seen.unreachable) return WaitForApiServer(plan, state, seen, now);
  State next = WithProgress(state, seen, now);
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
  return Decision{WithProgress(Moved(state, Step::kAwaitRemoved), seen, now), {}, now, {}};
}

Decision DecideAwaitRemoved(const Plan& plan, const State& state, const Observation& seen,
                            absl::Time now) {
  if (seen.unreachable) return WaitForApiServer(plan, state, seen, now);
  State next = WithProgress(state, seen, now);
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
  const bool undecided =
      found.step == Step::kApply || found.step == Step::kAwait || found.step == Step::kCheck;
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
    case Step::kDone:
      break;
  }
  return End(state, Outcome::kFailed);
}

}  // namespace delivery::engine::rolling
