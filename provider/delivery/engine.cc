#include "provider/delivery/engine.h"

#include <algorithm>
#include <utility>

#include "provider/delivery/strategy.h"

namespace delivery::engine {

State Start(const Plan& plan, std::string run_id, absl::Time now) {
  State state;
  state.run_id = std::move(run_id);
  state.identity = plan.identity;
  state.first_release = plan.first_release;
  state.started_at = now;
  state.resumed_at = now;
  if (plan.strategy != Strategy::kRolling) {
    state.step = Step::kRecordRoute;
    state.canary.steps = plan.canary.steps;
  }
  if (plan.strategy == Strategy::kBlueGreen) return blue_green::Start(plan, std::move(state));
  return state;
}

namespace {

State SeenAnew(State found, absl::Time now) {
  found.resumed_at = now;
  found.progressed_at.reset();
  found.progress_mark.clear();
  found.hold_began.reset();
  found.observed_at.reset();
  found.measure_at.reset();
  found.measuring = false;
  found.checks_began = false;
  found.halting_for_stop = false;
  return found;
}

}  // namespace

bool IsOfCanary(const State& state) {
  if (state.slots.has_value()) return false;
  return state.step >= Step::kRecordRoute || !state.canary.route_record.is_null();
}

bool HasRouteRecord(const State& state) {
  const Json& record =
      state.slots.has_value() ? state.slots->route_record : state.canary.route_record;
  return !record.is_null();
}

State Resume(const Plan& plan, State found, absl::Time now) {
  found = SeenAnew(std::move(found), now);
  if (found.slots.has_value()) return blue_green::Resume(plan, std::move(found), now);
  if (plan.strategy == Strategy::kVariant) return variant::Resume(plan, std::move(found));
  return IsOfCanary(found) ? canary::Resume(plan, std::move(found), now)
                           : rolling::Resume(plan, std::move(found));
}

State Supersede(const Plan& plan, State found, std::string run_id, absl::Time now) {
  if (found.slots.has_value()) {
    found = SeenAnew(std::move(found), now);
    return blue_green::Supersede(plan, std::move(found), std::move(run_id), now);
  }
  // A rollout is written over; only what a canary put beside it has to be taken back.
  if (found.canary.route_record.is_null()) return Start(plan, std::move(run_id), now);
  found = SeenAnew(std::move(found), now);
  found.next_run_id = std::move(run_id);
  if (found.canary.teardown == Teardown::kPromoted)
    return canary::Resume(plan, std::move(found), now);
  found.canary.teardown = Teardown::kSuperseded;
  found.reason = "another version is released in its place";
  found.step = Step::kReturnTraffic;
  return found;
}

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now) {
  if (state.slots.has_value()) return blue_green::Decide(plan, state, seen, now);
  if (plan.strategy == Strategy::kVariant) return variant::Decide(plan, state, seen, now);
  return IsOfCanary(state) ? canary::Decide(plan, state, seen, now)
                           : rolling::Decide(plan, state, seen, now);
}

}  // namespace delivery::engine
