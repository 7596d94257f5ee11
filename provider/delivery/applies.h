// For tests of the engine: applies that run releases on a simulated cluster, and that are killed
// and stopped there.
#ifndef DELIVERY_DELIVERY_APPLIES_H_
#define DELIVERY_DELIVERY_APPLIES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "provider/delivery/engine.h"

namespace delivery::engine {

// How many random worlds a model test lives through. Sanitizers have time for a part; CI runs these
// tests without them, too.
#ifdef DELIVERY_SANITIZED
inline constexpr uint32_t kRandomWorlds = 100;
#else
inline constexpr uint32_t kRandomWorlds = 3000;
#endif

// Applies of one resource, which may be killed between any two effects. World has `now`,
// `Execute(action)`, `Look()` and `Pass(time)`.
template <typename World>
struct AppliesOf {
  static constexpr int kNever = 1'000'000;
  std::optional<State> journal;
  State last;
  int effects = 0;  // of the last apply: journal writes and actions
  // Called before each decision; may change the world.
  std::function<void(World&)> meanwhile = [](World&) {};

  // Nullopt: killed before effect number `kill_at`. `stop_at` requests a stop then.
  std::optional<Outcome> Run(const Plan& plan, World& world, int kill_at = kNever,
                             int stop_at = kNever) {
    effects = 0;
    State state = Begin(plan, world);
    if (!Store(state, kill_at)) return std::nullopt;
    std::optional<absl::Status> result;
    for (int i = 0; i < 3000; ++i) {
      meanwhile(world);
      Observation seen = world.Look();
      seen.action_result = std::exchange(result, std::nullopt);
      seen.stop_requested = effects >= stop_at;
      const Decision decision = Decide(plan, state, seen, world.now);
      if (!state.SameRecord(decision.next) && !Store(decision.next, kill_at)) return std::nullopt;
      state = last = decision.next;
      for (const Action& action : decision.actions) {
        if (effects++ == kill_at) return std::nullopt;
        result = world.Execute(action);
      }
      if (decision.outcome.has_value()) {
        const bool stays =
            decision.outcome == Outcome::kInterrupted || decision.outcome == Outcome::kHeld ||
            decision.outcome == Outcome::kServing || decision.outcome == Outcome::kFailed;
        if (!stays) journal.reset();
        return decision.outcome;
      }
      if (decision.actions.empty() && decision.wake_at > world.now) world.Pass(absl::Seconds(1));
    }
    ADD_FAILURE() << "no outcome, step " << StepName(state.step) << ": " << state.reason;
    return std::nullopt;
  }

 private:
  State Begin(const Plan& plan, const World& world) const {
    if (!journal.has_value() || journal->step == Step::kDone) {
      return Start(plan, "run-1", world.now);
    }
    if (journal->identity == plan.identity) return Resume(plan, *journal, world.now);
    return Supersede(plan, *journal, "run-2", world.now);
  }

  bool Store(const State& state, int kill_at) {
    if (effects++ == kill_at) return false;
    // Through the stored form, as after a real crash.
    journal = DecodeState(EncodeState(state)).value();
    return true;
  }
};

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_APPLIES_H_
