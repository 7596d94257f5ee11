// The way of a blue-green release, from the slot that serves ("active") to the other one
// ("target"):
//
//   RecordRoute > VerifySwitch > PointPreview > WriteSlot > AwaitSlot > CheckBeforePromotion
//     [> Held] > FillSlot > AwaitFull > Switch > AfterSwitch (measure, check)
//     > RestorePreview [> RetireDelay > EmptySlot (the one that served before)]
//
// A first release has no active slot: its target gets full size at once, and nothing is verified.
// A return to a version that its slot still runs has nothing to roll out: VerifySwitch > FillSlot.
//
// A failure goes back from wherever it is: SwitchBack > RestorePreview [> RetireDelay] > EmptySlot
// (the target), or, of a first release, RemoveSlot > AwaitSlotGone. The active slot is not touched
// before the switch is read back and observed, so going back is one write at any time.
//
// What changes nothing of the pods is written to the active slot in place: VerifySwitch, then the
// steps of a rollout [> EmptySlot (what was kept of the version before)].
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/delivery/decisions.h"
#include "provider/delivery/measuring.h"
#include "provider/delivery/strategy.h"

namespace delivery::engine::blue_green {
namespace {

bool IsFirst(const State& state) { return state.slots->active.empty(); }

int FullSize(const Look& look) {
  return look.plan.blue_green.replicas.value_or(std::max(1, look.seen.desired));
}

// ---- The way back

// A failure leaves what is there: as asked, or because there is nothing to go back to.
bool IsKept(const State& state, const Plan& plan) {
  return plan.on_failure == OnFailure::kKeep || (IsFirst(state) && !state.first_release);
}

Decision BeginTeardown(State state, Teardown teardown, Step step, const Look& look) {
  state.slots->teardown = teardown;
  return Next(std::move(state), step, look);
}

Decision Fail(State state, std::string reason, const Look& look) {
  if (state.reason.empty()) state.reason = std::move(reason);
  const bool stays = IsFirst(state) && IsKept(state, look.plan);
  // The only version that runs keeps its traffic, however it is.
  const bool alone =
      !IsFirst(state) && state.slots->switched && !CannotSee(look) && !look.seen.exists;
  if (alone) {
    absl::StrAppend(&state.reason, "\n\nTraffic was not switched back: slot ", state.slots->active,
                    " is gone.");
  }
  return BeginTeardown(std::move(state), Teardown::kAborted,
                       stays || alone ? Step::kRestorePreview : Step::kSwitchBack, look);
}

Decision AfterTeardown(State state, const Look& look) {
  switch (state.slots->teardown) {
    case Teardown::kPromoted:
    case Teardown::kEnded:
      return EndDone(std::move(state), Outcome::kSucceeded);
    case Teardown::kSuperseded:
      return BeginNext(state, look);
    case Teardown::kNone:
    case Teardown::kAborted:
      break;
  }
  return EndDone(std::move(state), Outcome::kRolledBack);
}

// With the traffic and the preview where they belong: what is left to do about the slot that does
// not serve.
Decision AfterPreview(State state, const Look& look) {
  const bool promoted = state.slots->teardown == Teardown::kPromoted;
  if (promoted && (look.plan.blue_green.keep_previous || IsFirst(state))) {
    return EndDone(std::move(state), Outcome::kSucceeded);
  }
  // Still switched: it could not be switched back.
  const bool left = IsKept(state, look.plan) || state.slots->switched;
  if (state.slots->teardown == Teardown::kAborted && left) {
    return EndDone(std::move(state), Outcome::kFailed);
  }
  if (!promoted && IsFirst(state)) return Next(std::move(state), Step::kRemoveSlot, look);
  // Nothing of the run is in the slot, which may still hold the version before.
  if (!promoted && state.slots->size == 0) return AfterTeardown(std::move(state), look);
  const bool may_have_requests = promoted || state.slots->served;
  return Next(std::move(state), may_have_requests ? Step::kRetireDelay : Step::kEmptySlot, look);
}

Decision DecideSwitchBack(const State& state, const Look& look) {
  const Json& record = state.slots->route_record;
  if (!look.seen.action_result.has_value()) {
    if (IsFirst(state)) return Act(state, RestoreRoute{record});
    return Act(state, SetTraffic{.route_record = record});
  }
  // An object that is gone sends nothing to anybody.
  if (!absl::IsNotFound(*look.seen.action_result)) {
    if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  }
  State next = state;
  next.slots->switched = false;
  return Next(std::move(next), Step::kRestorePreview, look);
}

Decision DecideRestorePreview(const State& state, const Look& look) {
  if (!look.plan.blue_green.has_preview) return AfterPreview(state, look);
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, PointPreview{/*to_target=*/false, state.slots->route_record});
  }
  if (!absl::IsNotFound(*look.seen.action_result)) {
    if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  }
  return AfterPreview(state, look);
}

Decision DecideRetireDelay(const State& state, const Look& look) {
  if (look.seen.stop_requested) return Interrupt(state);
  State next = state;
  if (!next.progressed_at.has_value()) next.progressed_at = look.now;
  const absl::Time until = *next.progressed_at + kRoutersLag;
  if (look.now >= until) return Next(std::move(next), Step::kEmptySlot, look);
  return WaitUntil(std::move(next), until);
}

Decision DecideEmptySlot(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    const bool serves = state.slots->teardown == Teardown::kPromoted && !state.slots->in_place;
    return Act(state, EmptySlot{/*target=*/!serves});
  }
  if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  return AfterTeardown(state, look);
}

Decision DecideRemoveSlot(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, DeleteCanary{});
  }
  if (auto trouble = UndoTrouble(state, look)) return *std::move(trouble);
  return Next(state, Step::kAwaitSlotGone, look);
}

Decision DecideAwaitSlotGone(const State& state, const Look& look) {
  if (CannotSee(look)) return WaitToSee(state, look);
  State next = WithProgress(state, look.seen.canary.progress_mark, look.now);
  if (look.seen.canary.gone) return EndDone(std::move(next), Outcome::kRemoved);
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (IsStuck(look.plan, next, look.now)) {
    std::string reason = absl::StrCat("slot ", next.slots->target, " is still being deleted");
    return UndoFailed(std::move(next), std::move(reason));
  }
  const absl::Time wake_at = *next.progressed_at + look.plan.progress_deadline;
  return WaitUntil(std::move(next), wake_at);
}

// ---- Before the switch

// Where a run goes once the traffic is known to go to the active slot.
Step AfterVerify(const State& state, const Plan& plan) {
  if (state.slots->in_place) return Step::kApply;
  return plan.blue_green.has_preview ? Step::kPointPreview : Step::kWriteSlot;
}

Decision DecideRecordRoute(const State& state, const Look& look) {
  State next = state;
  if (look.seen.route_record.has_value()) {
    next.slots->route_record =
        look.seen.route_record->is_null() ? Json::object() : *look.seen.route_record;
  }
  if (!next.slots->route_record.is_null()) {
    next.slots->resume_step = AfterVerify(next, look.plan);
    const Step step = IsFirst(next) ? next.slots->resume_step : Step::kVerifySwitch;
    return Next(std::move(next), step, look);
  }
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (!look.seen.action_result.has_value()) return Act(std::move(next), RecordRoute{});
  if (look.seen.action_result->ok() || IsTransient(*look.seen.action_result)) {
    return WaitToSee(std::move(next), look);
  }
  next.reason = std::string(look.seen.action_result->message());
  return EndDone(std::move(next), Outcome::kRefused);
}

// As long as nothing was changed there is nothing to undo.
Decision Refuse(State state, std::string reason, const Look& look) {
  if (state.slots->size > 0) return Fail(std::move(state), std::move(reason), look);
  state.reason = std::move(reason);
  return EndDone(std::move(state), Outcome::kRefused);
}

// Whether the slot that is released to has the whole version already, from when it served.
bool HasNothingToRollOut(const State& state, const Look& look) {
  const CanarySeen& target = look.seen.canary;
  return state.slots->returns && target.exists && target.has_new && target.complete &&
         target.ready > 0;
}

Decision EndOfInPlace(State state, const Look& look) {
  state.slots->teardown = Teardown::kPromoted;
  if (look.plan.blue_green.retire_previous) return Next(std::move(state), Step::kEmptySlot, look);
  return EndDone(std::move(state), Outcome::kSucceeded);
}

Decision DecideVerifySwitch(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, SetTraffic{.route_record = state.slots->route_record});
  }
  if (auto trouble = ActionTrouble(state, look, Refuse)) return *std::move(trouble);
  State next = state;
  if (next.slots->in_place && !look.plan.blue_green.write_active) {
    return EndOfInPlace(std::move(next), look);
  }
  if (next.slots->returns) {
    if (CannotSee(look)) return WaitToSee(std::move(next), look);
    if (HasNothingToRollOut(next, look)) return Next(std::move(next), Step::kFillSlot, look);
    next.slots->returns = false;
  }
  const Step step = next.slots->resume_step;
  return Next(std::move(next), step, look);
}

Decision DecidePointPreview(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    return Act(state, PointPreview{/*to_target=*/true, state.slots->route_record});
  }
  if (auto trouble = ActionTrouble(state, look, Fail)) return *std::move(trouble);
  return Next(state, Step::kWriteSlot, look);
}

int SizeAt(const State& state, const Look& look) {
  if (state.step == Step::kFillSlot || IsFirst(state)) return FullSize(look);
  return look.plan.blue_green.preview_replicas.value_or(FullSize(look));
}

Decision DecideWrite(const State& state, const Look& look, Step then) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    if (CannotSee(look)) return WaitToSee(state, look);
    State next = state;
    const int size = next.slots->size = SizeAt(state, look);
    return Act(std::move(next), ApplyCanary{size});
  }
  if (auto trouble = ActionTrouble(state, look, Fail)) return *std::move(trouble);
  return Next(state, then, look);
}

std::string SlotText(const State& state) { return absl::StrCat("slot ", state.slots->target); }

// Of what is there while the new version is. The active slot is not asked: a version that is well
// helps most when the one that serves is not.
std::optional<std::string> Trouble(const State& state, const Look& look) {
  const Observation& seen = look.seen;
  if (seen.foreign_change.has_value()) return seen.foreign_change;
  if (!seen.canary.exists) {
    return absl::StrCat(SlotText(state), " was deleted by someone else during the release");
  }
  if (seen.canary.failure.has_value()) return seen.canary.failure;
  if (state.slots->switched && seen.canary.observed && seen.canary.ready == 0) {
    return absl::StrCat("no pod of ", SlotText(state), " is ready any more");
  }
  return std::nullopt;
}

bool NeedsApproval(const State& state, const Look& look) {
  return !look.plan.blue_green.approved && !IsFirst(state);
}

Decision AfterChecks(State state, const Look& look) {
  if (NeedsApproval(state, look)) return Next(std::move(state), Step::kHeld, look);
  const Step next = IsFirst(state) ? Step::kSwitch : Step::kFillSlot;
  return Next(std::move(state), next, look);
}

// Until every pod of the slot is ready.
Decision DecideAwaitSlot(const State& state, const Look& look) {
  if (CannotSee(look)) return WaitToSee(state, look);
  const CanarySeen& target = look.seen.canary;
  State next = WithProgress(state, target.progress_mark, look.now);
  if (auto trouble = Trouble(state, look)) return Fail(std::move(next), *std::move(trouble), look);
  if (target.complete) {
    if (state.step == Step::kAwaitFull) return Next(std::move(next), Step::kSwitch, look);
    return look.plan.blue_green.checks_before_promotion
               ? Next(std::move(next), Step::kCheckBeforePromotion, look)
               : AfterChecks(std::move(next), look);
  }
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (target.deadline_exceeded || IsStuck(look.plan, next, look.now)) {
    return Fail(next,
                absl::StrCat(SlotText(state), " did not become ready, no progress for ",
                             absl::FormatDuration(look.plan.progress_deadline),
                             " (progress_deadline): ", target.progress_mark),
                look);
  }
  if (auto late = TimedOut(look.plan, next, look.now)) {
    return Fail(std::move(next), *std::move(late), look);
  }
  const absl::Time wake_at = GiveUpAt(look.plan, next);
  return WaitUntil(std::move(next), wake_at);
}

Decision DecideChecksBefore(const State& state, const Look& look) {
  const auto trouble = [&]() -> std::optional<Decision> {
    const std::optional<std::string> what = Trouble(state, look);
    if (!what.has_value()) return std::nullopt;
    return Fail(state, *what, look);
  };
  return DecideChecks(state, look, {CheckPoint::kBeforePromotion, 0},
                      {Fail, trouble, [&] { return AfterChecks(state, look); }});
}

Decision DecideHeld(const State& state, const Look& look) {
  if (NeedsApproval(state, look)) return EndWith(state, Outcome::kHeld);
  return Next(state, Step::kFillSlot, look);
}

// ---- The switch, and after it

Decision DecideSwitch(const State& state, const Look& look) {
  if (!look.seen.action_result.has_value()) {
    if (look.seen.stop_requested) return Interrupt(state);
    if (!state.slots->switched) {
      const bool ready = look.seen.canary.complete && !CannotSee(look);
      if (!ready && !IsFirst(state)) return Next(state, Step::kFillSlot, look);
      // Stored before the write.
      State next = state;
      next.slots->switched = true;
      return WaitUntil(std::move(next), look.now);
    }
    return Act(state, SetTraffic{.weight = 100, .route_record = state.slots->route_record});
  }
  if (!look.seen.action_result->ok() && !CannotSee(look)) {
    // Why there is no endpoint to send requests to.
    if (auto trouble = Trouble(state, look)) return Fail(state, *std::move(trouble), look);
  }
  if (auto trouble = ActionTrouble(state, look, Fail)) return *std::move(trouble);
  State next = Moved(state, Step::kAfterSwitch);
  next.slots->served = true;
  next.slots->switched_at = look.now;
  return WaitUntil(BeginHold(look.plan, std::move(next), look.now), look.now);
}

Decision DecideAfterSwitch(const State& state, const Look& look) {
  State next = Counted(look.plan, state, look.seen, look.now);
  if (auto failure = AnalysisFailure(look.plan, next)) {
    return Fail(std::move(next), *std::move(failure), look);
  }
  if (CannotSee(look)) return WaitToSee(std::move(next), look);
  next = UnderObservation(look.plan, std::move(next), look.now);
  if (auto trouble = Trouble(state, look)) return Fail(std::move(next), *std::move(trouble), look);
  if (look.seen.action_result.has_value() && !look.seen.action_result->ok()) {
    return Fail(std::move(next), std::string(look.seen.action_result->message()), look);
  }
  const bool checking = look.plan.has_checks;
  if (checking && next.checks_began && look.seen.checks == Checks::kFailed) {
    return Fail(std::move(next), look.seen.check_failure, look);
  }
  if (look.seen.stop_requested) return Interrupt(std::move(next));
  if (checking && !next.checks_began) {
    next.checks_began = true;
    return Act(std::move(next), RunChecks{CheckPoint::kAfterPromotion, 0});
  }
  const absl::Duration length = look.plan.analysis.duration;
  const bool checked = !checking || look.seen.checks == Checks::kPassed;
  if (checked && IsHoldOver(look.plan, next, length, look.now)) {
    return BeginTeardown(std::move(next), Teardown::kPromoted, Step::kRestorePreview, look);
  }
  if (auto late = TimedOut(look.plan, next, look.now)) {
    return Fail(std::move(next), *std::move(late), look);
  }
  if (IsMeasurementDue(look.plan, next, look.now)) {
    return Act(Measuring(look.plan, std::move(next), look.now), Measure{});
  }
  const absl::Time wake_at =
      std::min(TimeoutOf(look.plan, next), NextLook(look.plan, next, length, look.now));
  return WaitUntil(std::move(next), wake_at);
}

// ---- In place

Decision DecideInPlace(const State& state, const Look& look) {
  Decision decision = rolling::Decide(look.plan, state, look.seen, look.now);
  if (decision.outcome != Outcome::kSucceeded) return decision;
  return EndOfInPlace(std::move(decision.next), look);
}

bool IsBefore(Step step) { return step == Step::kRecordRoute || step == Step::kVerifySwitch; }

// The step that a stopped run begins again, so that what it waits for is seen anew.
Step BeginningOf(Step step) {
  switch (step) {
    case Step::kAwaitSlot:
      return Step::kWriteSlot;
    case Step::kAwaitFull:
      return Step::kFillSlot;
    case Step::kAwaitSlotGone:
      return Step::kRemoveSlot;
    default:
      return step;
  }
}

}  // namespace

State Start(const Plan& plan, State state) {
  state.step = Step::kRecordRoute;
  state.slots.emplace();
  state.slots->active = plan.blue_green.active;
  state.slots->target = plan.blue_green.target;
  state.slots->in_place = plan.blue_green.in_place;
  state.slots->returns = plan.blue_green.returns;
  return state;
}

State Resume(const Plan& plan, State found, absl::Time now) {
  BlueGreenState& slots = *found.slots;
  found.step = BeginningOf(found.step);
  if (slots.in_place && !IsBefore(found.step) && found.step != Step::kEmptySlot) {
    return rolling::Resume(plan, std::move(found));
  }
  if (slots.teardown != Teardown::kNone || slots.route_record.is_null()) return found;
  const bool held = found.step == Step::kHeld;
  std::string abort = plan.blue_green.abort_reason;
  if (abort.empty() && plan.on_interrupt == OnInterrupt::kRollback && !held) {
    abort = "the release was interrupted, and on_interrupt = \"rollback\"";
  }
  if (!abort.empty() && !slots.in_place) {
    found.reason = abort;
    slots.teardown = Teardown::kAborted;
    const bool stays = IsFirst(found) && IsKept(found, plan);
    found.step = stays ? Step::kRestorePreview : Step::kSwitchBack;
    return found;
  }
  if (slots.switched) {
    if (found.step == Step::kAfterSwitch) return BeginHold(plan, std::move(found), now);
    return found;
  }
  const bool approved = plan.blue_green.approved || slots.returns || IsFirst(found);
  if (!approved && (found.step == Step::kFillSlot || found.step == Step::kSwitch)) {
    found.step = Step::kHeld;  // the approval was taken back meanwhile
  }
  if (IsFirst(found) || IsBefore(found.step)) return found;
  // Somebody may have changed the route since.
  slots.resume_step = found.step;
  found.step = Step::kVerifySwitch;
  return found;
}

State Supersede(const Plan& plan, State found, std::string run_id, absl::Time now) {
  BlueGreenState& slots = *found.slots;
  if (slots.in_place || slots.route_record.is_null()) {
    return engine::Start(plan, std::move(run_id), now);
  }
  if (IsFirst(found)) {
    // Nothing but this ran yet: the next version is written over it.
    State next = engine::Start(plan, std::move(run_id), now);
    next.first_release = found.first_release;
    next.slots->active.clear();
    next.slots->target = slots.target;
    next.slots->in_place = next.slots->returns = false;
    next.slots->route_record = std::move(slots.route_record);
    return next;
  }
  if (slots.teardown == Teardown::kPromoted) {
    // It has ended well, and is only not tidied up: that is what the next run begins with.
    State next = engine::Start(plan, std::move(run_id), now);
    next.slots->route_record = std::move(slots.route_record);
    return next;
  }
  slots.teardown = Teardown::kSuperseded;
  found.next_run_id = std::move(run_id);
  found.reason = "another version is released in its place";
  found.step = Step::kSwitchBack;
  return found;
}

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now) {
  const Look look{plan, seen, now};
  switch (state.step) {
    case Step::kRecordRoute:
      return DecideRecordRoute(state, look);
    case Step::kVerifySwitch:
      return DecideVerifySwitch(state, look);
    case Step::kPointPreview:
      return DecidePointPreview(state, look);
    case Step::kWriteSlot:
      return DecideWrite(state, look, Step::kAwaitSlot);
    case Step::kFillSlot:
      return DecideWrite(state, look, Step::kAwaitFull);
    case Step::kAwaitSlot:
    case Step::kAwaitFull:
      return DecideAwaitSlot(state, look);
    case Step::kCheckBeforePromotion:
      return DecideChecksBefore(state, look);
    case Step::kHeld:
      return DecideHeld(state, look);
    case Step::kSwitch:
      return DecideSwitch(state, look);
    case Step::kAfterSwitch:
      return DecideAfterSwitch(state, look);
    case Step::kSwitchBack:
      return DecideSwitchBack(state, look);
    case Step::kRestorePreview:
      return DecideRestorePreview(state, look);
    case Step::kRetireDelay:
      return DecideRetireDelay(state, look);
    case Step::kEmptySlot:
      return DecideEmptySlot(state, look);
    case Step::kRemoveSlot:
      return DecideRemoveSlot(state, look);
    case Step::kAwaitSlotGone:
      return DecideAwaitSlotGone(state, look);
    default:
      return DecideInPlace(state, look);
  }
}

}  // namespace delivery::engine::blue_green
