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
  return state;
}

State Resume(const Plan& plan, State found, absl::Time now) {
  found.resumed_at = now;
  found.progressed_at.reset();
  found.progress_mark.clear();
  switch (plan.strategy) {
    case Strategy::kRolling:
      return rolling::Resume(plan, std::move(found));
  }
  return found;
}

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now) {
  switch (plan.strategy) {
    case Strategy::kRolling:
      return rolling::Decide(plan, state, seen, now);
  }
  return Decision{state, {}, now, Outcome::kFailed};
}

}  // namespace delivery::engine
