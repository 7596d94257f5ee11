#include "provider/delivery/decisions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace delivery::engine {

Decision Act(State next, Action action) { return {std::move(next), {std::move(action)}, {}, {}}; }

Decision WaitUntil(State next, absl::Time wake_at) { return {std::move(next), {}, wake_at, {}}; }

Decision EndWith(State next, Outcome outcome) {
  return {std::move(next), {}, absl::InfiniteFuture(), outcome};
}

State Moved(State state, Step step) {
  state.step = step;
  state.progress_mark.clear();
  state.progressed_at.reset();
  state.checks_began = false;
  return state;
}

State WithProgress(State state, const std::string& mark, absl::Time now) {
  if (!state.progressed_at.has_value() || mark != state.progress_mark) {
    state.progress_mark = mark;
    state.progressed_at = now;
  }
  return state;
}

bool IsStuck(const Plan& plan, const State& state, absl::Time now) {
  return state.progressed_at.has_value() && now >= *state.progressed_at + plan.progress_deadline;
}

absl::Time TimeoutOf(const Plan& plan, const State& state) {
  return state.resumed_at.value_or(state.started_at) + plan.timeout;
}

absl::Time GiveUpAt(const Plan& plan, const State& state) {
  const absl::Time timeout = TimeoutOf(plan, state);
  if (!state.progressed_at.has_value()) return timeout;
  return std::min(timeout, *state.progressed_at + plan.progress_deadline);
}

std::optional<std::string> TimedOut(const Plan& plan, const State& state, absl::Time now) {
  if (now < TimeoutOf(plan, state)) return std::nullopt;
  return absl::StrCat("not complete after ", absl::FormatDuration(plan.timeout), " (timeouts)",
                      state.progress_mark.empty() ? "" : ": ", state.progress_mark);
}

std::optional<std::string> RolloutFailure(const Plan& plan, const State& state,
                                          const Observation& seen, absl::Time now) {
  if (!seen.exists) return "the workload was deleted by someone else during the release";
  if (seen.failure.has_value()) return seen.failure;
  if (seen.deadline_exceeded) {
    return absl::StrCat("Kubernetes gave up: progressDeadlineSeconds passed: ", seen.progress_mark);
  }
  if (!IsStuck(plan, state, now)) return std::nullopt;
  return absl::StrCat("no progress for ", absl::FormatDuration(plan.progress_deadline),
                      " (progress_deadline): ", state.progress_mark);
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

Decision WaitForApiServer(const Plan& plan, State state, const Observation& seen, absl::Time now) {
  constexpr absl::Duration kRetryAfter = absl::Seconds(2);
  if (seen.stop_requested) return EndWith(std::move(state), Outcome::kInterrupted);
  if (seen.blind.has_value()) {
    if (state.reason.empty()) state.reason = *seen.blind;
    return EndWith(std::move(state), Outcome::kInterrupted);
  }
  if (now >= TimeoutOf(plan, state)) {
    State given_up = std::move(state);
    if (given_up.reason.empty()) {
      // An answer such as "etcdserver: leader changed" tells more than that it failed.
      given_up.reason = seen.action_result.has_value() ? std::string(seen.action_result->message())
                                                       : "the API server does not answer";
    }
    return EndWith(std::move(given_up), Outcome::kInterrupted);
  }
  state.progressed_at = now;
  return WaitUntil(std::move(state), now + kRetryAfter);
}

State WithUndoFailure(State state, const std::string& why) {
  // A release that ended well has something left to undo, too.
  if (state.reason.empty()) {
    state.reason = why;
  } else {
    absl::StrAppend(&state.reason, "\n\nThe rollback failed too: ", why);
  }
  return state;
}

// ---- Beside the one that serves

namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

Decision TryAgain(const State& state, const Look& look, const FailureHandler& abort) {
  const std::string why(look.seen.action_result->message());
  State next = WithProgress(state, why, look.now);
  if (IsStuck(look.plan, next, look.now)) return abort(std::move(next), why, look);
  if (look.now >= TimeoutOf(look.plan, next)) return abort(std::move(next), why, look);
  return WaitUntil(std::move(next), look.now + kRetryAfter);
}

}  // namespace

Decision Next(State state, Step step, const Look& look) {
  return WaitUntil(Moved(std::move(state), step), look.now);
}

Decision Interrupt(State state) { return EndWith(std::move(state), Outcome::kInterrupted); }

Decision EndDone(State state, Outcome outcome) {
  state.step = Step::kDone;
  return EndWith(std::move(state), outcome);
}

Decision BeginNext(const State& state, const Look& look) {
  return WaitUntil(Start(look.plan, state.next_run_id, look.now), look.now);
}

bool CannotSee(const Look& look) { return look.seen.unreachable || look.seen.canary.unreachable; }

Decision WaitToSee(State state, const Look& look) {
  Observation seen = look.seen;
  if (!seen.blind.has_value()) seen.blind = seen.canary.blind;
  return WaitForApiServer(look.plan, std::move(state), seen, look.now);
}

std::optional<Decision> ActionTrouble(const State& state, const Look& look,
                                      const FailureHandler& abort) {
  const absl::Status& result = *look.seen.action_result;
  if (result.ok()) return std::nullopt;
  if (IsTransient(result)) return TryAgain(state, look, abort);
  return abort(state, std::string(result.message()), look);
}

Decision DecideChecks(const State& state, const Look& look, RunChecks checks,
                      const CheckHooks& hooks) {
  if (!state.checks_began) {
    if (look.seen.stop_requested) return Interrupt(state);
    State next = state;
    next.checks_began = true;
    return Act(std::move(next), checks);
  }
  if (look.seen.action_result.has_value() && !look.seen.action_result->ok()) {
    return hooks.abort(state, std::string(look.seen.action_result->message()), look);
  }
  if (look.seen.checks == Checks::kPassed) return hooks.passed();
  if (look.seen.checks == Checks::kFailed) {
    return hooks.abort(state, look.seen.check_failure, look);
  }
  if (look.seen.stop_requested) return Interrupt(state);
  if (!CannotSee(look)) {
    if (auto trouble = hooks.trouble()) return *std::move(trouble);
  }
  if (auto late = TimedOut(look.plan, state, look.now)) {
    return hooks.abort(state, *std::move(late), look);
  }
  return WaitUntil(state, TimeoutOf(look.plan, state));
}

Decision UndoFailed(State state, const std::string& why) {
  return EndWith(WithUndoFailure(std::move(state), why), Outcome::kFailed);
}

std::optional<Decision> UndoTrouble(const State& state, const Look& look) {
  const absl::Status& result = *look.seen.action_result;
  if (result.ok()) return std::nullopt;
  const std::string why(result.message());
  // Aborted: somebody else writes the same object again and again.
  if (!IsTransient(result) && !absl::IsAborted(result)) return UndoFailed(state, why);
  State next = WithProgress(state, why, look.now);
  const bool give_up = IsStuck(look.plan, next, look.now) || look.seen.blind.has_value();
  if (look.seen.stop_requested || give_up) return Interrupt(std::move(next));
  return WaitUntil(std::move(next), look.now + kRetryAfter);
}

}  // namespace delivery::engine
