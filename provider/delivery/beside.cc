#include "provider/delivery/beside.h"

#include <utility>

#include "provider/delivery/decisions.h"

namespace delivery::engine {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

Decision TryAgain(const State& state, const Look& look, const Abort& abort) {
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

std::optional<Decision> ActionTrouble(const State& state, const Look& look, const Abort& abort) {
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
