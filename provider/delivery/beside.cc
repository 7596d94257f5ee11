#include "provider/delivery/beside.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace delivery::engine::beside {
namespace {

// A release must not begin on a version that is not well; it may be finishing something.
constexpr absl::Duration kStableGrace = absl::Seconds(30);

// Whether a canary with trouble is taken back though the user wants to look at failed ones: a
// version that never had traffic hurts nobody.
bool MustGo(const State& state, const Look& look) {
  return look.seen.foreign_change.has_value() || HasTraffic(state.canary);
}

}  // namespace

bool HasTraffic(const CanaryState& canary) {
  return canary.weight > 0 || canary.match || canary.mirror > 0;
}

// ---- What may go wrong

std::optional<std::string> Trouble(const State& state, const Look& look) {
  const Observation& seen = look.seen;
  if (seen.foreign_change.has_value()) return seen.foreign_change;
  if (!seen.exists) return "the workload was deleted by someone else during the release";
  if (!seen.canary.exists) {
    return absl::StrCat("the ", look.plan.beside,
                        " was deleted by someone else during the release");
  }
  if (seen.canary.failure.has_value()) return seen.canary.failure;
  if (HasTraffic(state.canary) && seen.canary.observed && seen.canary.ready == 0) {
    return absl::StrCat("no pod of the ", look.plan.beside, " is ready any more");
  }
  return std::nullopt;
}

std::optional<Decision> ActionTrouble(const State& state, const Look& look) {
  return engine::ActionTrouble(state, look, Abort);
}

Decision TakeBack(State state, std::string reason, const Look& look) {
  if (state.reason.empty()) state.reason = std::move(reason);
  return BeginTeardown(std::move(state), Teardown::kAborted, look);
}

Decision Abort(State state, std::string reason, const Look& look) {
  if (look.plan.on_failure != OnFailure::kHold) {
    return TakeBack(std::move(state), std::move(reason), look);
  }
  if (state.reason.empty()) state.reason = std::move(reason);
  state.canary.resume_step = state.step;
  state.step = Step::kFailedHold;
  return EndWith(std::move(state), Outcome::kFailed);
}

Decision AbortForTrouble(State state, std::string trouble, const Look& look) {
  return MustGo(state, look) ? TakeBack(std::move(state), std::move(trouble), look)
                             : Abort(std::move(state), std::move(trouble), look);
}

// ---- How it begins

namespace {

// What a run begins beside. A canary is compared with it and ends in it; a variant only needs
// something that serves, which may be in the middle of a release of its own.
bool IsWell(const Look& look) {
  if (!look.seen.exists || look.seen.ready == 0) return false;
  return look.seen.complete || look.plan.strategy == Strategy::kVariant;
}

State NotWell(State refused, const Look& look) {
  refused.step = Step::kDone;
  refused.reason = absl::StrCat(
      "the version that runs is not well, so there is nothing to compare a ", look.plan.beside,
      " with and to go back to: ",
      !look.seen.exists               ? std::string("the workload does not exist")
      : look.seen.failure.has_value() ? *look.seen.failure
      : look.seen.complete            ? std::string("it has no ready pod")
                                      : look.seen.progress_mark,
      ". Repair it first",
      look.plan.strategy == Strategy::kVariant ? "." : ", or release with delivery_rollout.");
  return refused;
}

}  // namespace

Decision DecideRecordRoute(const State& state, const Look& look) {
  if (look.seen.route_record.has_value()) {
    State next = state;
    next.canary.route_record =
        look.seen.route_record->is_null() ? Json::object() : *look.seen.route_record;
    next.canary.stable_size = look.seen.desired;
    const bool guards = look.plan.canary.route_guards;
    return Next(std::move(next), guards ? Step::kReserveRoute : Step::kCreateCanary, look);
  }
  if (look.seen.stop_requested) return Interrupt(state);
  if (look.seen.action_result.has_value() && !look.seen.action_result->ok() &&
      !IsTransient(*look.seen.action_result)) {
    State refused = state;
    refused.reason = std::string(look.seen.action_result->message());
    refused.step = Step::kDone;
    return EndWith(std::move(refused), Outcome::kRefused);
  }
  if (CannotSee(look) || look.seen.action_result.has_value()) return WaitToSee(state, look);
  if (IsWell(look)) return Act(state, RecordRoute{});
  if (look.seen.exists && look.now < state.started_at + kStableGrace) {
    return WaitUntil(state, state.started_at + kStableGrace);
  }
  return EndWith(NotWell(state, look), Outcome::kRefused);
}

Decision DecideReserveRoute(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, SetTraffic{.route_record = state.canary.route_record, .reserve = true});
  }
  if (auto trouble = ActionTrouble(state, look)) return *std::move(trouble);
  return Next(state, Step::kCreateCanary, look);
}

Decision DecideApply(const State& state, const Look& look, int replicas, Step then) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    if (CannotSee(look)) return WaitToSee(state, look);
    State next = state;
    next.canary.replicas = replicas;
    return Act(std::move(next), ApplyCanary{replicas});
  }
  if (auto trouble = ActionTrouble(state, look)) return *std::move(trouble);
  return Next(state, then, look);
}

std::optional<Decision> AwaitReady(State& next, const Look& look) {
  if (CannotSee(look)) return WaitToSee(next, look);
  const CanarySeen& canary = look.seen.canary;
  next = WithProgress(std::move(next), canary.progress_mark, look.now);
  if (auto trouble = Trouble(next, look)) {
    return AbortForTrouble(next, *std::move(trouble), look);
  }
  if (canary.complete) return std::nullopt;
  if (look.seen.stop_requested) return Interrupt(next);
  if (canary.deadline_exceeded || IsStuck(look.plan, next, look.now)) {
    return Abort(next,
                 absl::StrCat("the ", look.plan.beside, " did not become ready, no progress for ",
                              absl::FormatDuration(look.plan.progress_deadline),
                              " (progress_deadline): ", canary.progress_mark),
                 look);
  }
  if (auto late = TimedOut(look.plan, next, look.now)) return Abort(next, *std::move(late), look);
  return WaitUntil(next, GiveUpAt(look.plan, next));
}

// ---- The way back

Decision BeginTeardown(State state, Teardown teardown, const Look& look) {
  state.canary.teardown = teardown;
  return Next(std::move(state), Step::kReturnTraffic, look);
}

namespace {

// With the traffic on stable: what is left to do before the canary goes.
Decision AfterTraffic(State state, const Look& look) {
  Step step = Step::kDeleteCanary;
  if (state.canary.teardown == Teardown::kPromoted) {
    // Nobody asks any more about a version that another one replaces.
    const bool checks = look.plan.has_checks && state.next_run_id.empty();
    step = checks ? Step::kCheck : Step::kScaleDownDelay;
  } else if (state.canary.served && !look.plan.canary.share_by_replicas) {
    // Without a router its pods get requests as long as they are there.
    step = Step::kScaleDownDelay;
  }
  return Next(std::move(state), step, look);
}

// With nothing of the canary left.
Decision AfterCanary(State state, const Look& look) {
  const bool as_wanted =
      state.canary.teardown == Teardown::kPromoted || state.canary.teardown == Teardown::kEnded;
  if (as_wanted) {
    return state.next_run_id.empty() ? EndDone(std::move(state), Outcome::kSucceeded)
                                     : BeginNext(state, look);
  }
  if (state.canary.stable_written) return Next(std::move(state), Step::kRestore, look);
  if (state.canary.teardown == Teardown::kSuperseded) return BeginNext(state, look);
  return EndDone(std::move(state), Outcome::kRolledBack);
}

Decision DecideReturnTraffic(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    return Act(state, SetTraffic{.route_record = state.canary.route_record});
  }
  // A route that is gone sends nothing to anybody.
  if (!absl::IsNotFound(*look.seen.action_result)) {
    if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  }
  State next = state;
  next.canary.served = next.canary.served || HasTraffic(state.canary);
  next.canary.weight = 0;
  next.canary.match = false;
  next.canary.mirror = 0;
  if (look.plan.canary.route_guards) return AfterTraffic(std::move(next), look);
  return Next(std::move(next), Step::kRestoreRoute, look);
}

Decision DecideRestoreRoute(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, RestoreRoute{state.canary.route_record});
  }
  if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  return look.plan.canary.route_guards ? AfterCanary(state, look) : AfterTraffic(state, look);
}

// Requests that are under way may end, and routers hear of the change. An abort waits for the
// routers only: stable may have to be put back.
absl::Duration DelayOf(const State& state, const Look& look) {
  const absl::Duration delay = look.plan.canary.scale_down_delay;
  return state.canary.teardown == Teardown::kPromoted ? delay : std::min(delay, kRoutersLag);
}

Decision DecideScaleDownDelay(const State& state, const Look& look) {
  if (look.seen.stop_requested) return Interrupt(state);
  State next = state;
  if (!next.progressed_at.has_value()) next.progressed_at = look.now;
  const absl::Time until = *next.progressed_at + DelayOf(next, look);
  if (look.now >= until) return Next(std::move(next), Step::kDeleteCanary, look);
  return WaitUntil(std::move(next), until);
}

Decision DecideDeleteCanary(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, DeleteCanary{});
  }
  if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  return Next(state, Step::kAwaitCanaryGone, look);
}

Decision DecideAwaitCanaryGone(const State& state, const Look& look) {
  if (CannotSee(look)) return WaitToSee(state, look);
  State next = WithProgress(state, look.seen.canary.progress_mark, look.now);
  if (look.seen.canary.gone) {
    return look.plan.canary.route_guards ? Next(std::move(next), Step::kRestoreRoute, look)
                                         : AfterCanary(std::move(next), look);
  }
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (IsStuck(look.plan, next, look.now)) {
    return UndoFailed(std::move(next),
                      absl::StrCat("the ", look.plan.beside, " is still being deleted"));
  }
  const absl::Time wake_at = *next.progressed_at + look.plan.progress_deadline;
  return WaitUntil(std::move(next), wake_at);
}

}  // namespace

Decision DecideTeardown(const State& state, const Look& look) {
  switch (state.step) {
    case Step::kReturnTraffic:
      return DecideReturnTraffic(state, look);
    case Step::kRestoreRoute:
      return DecideRestoreRoute(state, look);
    case Step::kScaleDownDelay:
      return DecideScaleDownDelay(state, look);
    case Step::kDeleteCanary:
      return DecideDeleteCanary(state, look);
    default:
      return DecideAwaitCanaryGone(state, look);
  }
}

Step BeginningOf(Step step) {
  switch (step) {
    case Step::kAwaitCanary:
      return Step::kCreateCanary;
    case Step::kAwaitScaled:
      return Step::kScaleCanary;
    case Step::kAwaitPromoted:
      return Step::kPromote;
    case Step::kAwaitCanaryGone:
      return Step::kDeleteCanary;
    case Step::kAwaitRestored:
      return Step::kRestore;
    case Step::kAwaitStable:
      return Step::kReturnTraffic;
    default:
      return step;
  }
}

}  // namespace delivery::engine::beside
