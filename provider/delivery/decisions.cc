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

}  // namespace delivery::engine
