// What the strategies share that put a second Deployment beside the one that serves: how they wait,
// what they do about an action that failed, how checks decide, and how what was made is taken back.
#ifndef DELIVERY_DELIVERY_BESIDE_H_
#define DELIVERY_DELIVERY_BESIDE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {

// Everything a decision is made from.
struct Look {
  const Plan& plan;
  const Observation& seen;
  absl::Time now;
};

// Between a route that was written and the last request that goes by the old one.
inline constexpr absl::Duration kRoutersLag = absl::Seconds(5);

// Stores `step`, then decides there.
Decision Next(State state, Step step, const Look& look);
Decision Interrupt(State state);
Decision EndDone(State state, Outcome outcome);
// What was released in place of this run begins now.
Decision BeginNext(const State& state, const Look& look);

bool CannotSee(const Look& look);
Decision WaitToSee(State state, const Look& look);

// What a strategy does about a failure.
using Abort = std::function<Decision(State, std::string, const Look&)>;

// The result of the action of a step on the way; nullopt when it succeeded. One that may have
// failed for a passing reason is tried again, as long as there is progress to hope for.
std::optional<Decision> ActionTrouble(const State& state, const Look& look, const Abort& abort);

// Checks of one moment. `trouble` says what else ends them while they run, `passed` what follows.
struct CheckHooks {
  Abort abort;
  std::function<std::optional<Decision>()> trouble;
  std::function<Decision()> passed;
};
Decision DecideChecks(const State& state, const Look& look, RunChecks checks,
                      const CheckHooks& hooks);

// Undoing did not work: the step stays in the journal, so that the next apply goes on with it.
Decision UndoFailed(State state, const std::string& why);
// The result of an action of the way back; nullopt when it succeeded. It is not given up for a
// passing reason: the cluster waits as it is, and so does the next apply.
std::optional<Decision> UndoTrouble(const State& state, const Look& look);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_BESIDE_H_
