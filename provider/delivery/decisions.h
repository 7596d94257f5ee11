// What the strategies share: how a decision is put together, what progress is, when to give up.
#ifndef DELIVERY_DELIVERY_DECISIONS_H_
#define DELIVERY_DELIVERY_DECISIONS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {

// Execute `action`, then decide again.
Decision Act(State next, Action action);
// Nothing to do before `wake_at`, unless something changes.
Decision WaitUntil(State next, absl::Time wake_at);
// The run is over; `next` says where it stands.
Decision EndWith(State next, Outcome outcome);

// In `step`, with what belongs to a step only begun anew.
State Moved(State state, Step step);

// Notes when `mark` changed last, which is what a progress deadline counts from.
State WithProgress(State state, const std::string& mark, absl::Time now);
bool IsStuck(const Plan& plan, const State& state, absl::Time now);
// When it would be, or the whole release runs out of time.
absl::Time GiveUpAt(const Plan& plan, const State& state);

absl::Time TimeoutOf(const Plan& plan, const State& state);
// "not complete after 20m (timeouts): ..." once that time is over.
std::optional<std::string> TimedOut(const Plan& plan, const State& state, absl::Time now);

// Why the rollout of the workload that is awaited has failed, if it has. `state` has its progress.
std::optional<std::string> RolloutFailure(const Plan& plan, const State& state,
                                          const Observation& seen, absl::Time now);

// The API server could not be asked; it may come back. Nothing is lost meanwhile: what was written
// goes on in the cluster, and the journal stays.
bool IsTransient(const absl::Status& status);
// Tries again in a moment; gives up as interrupted on a stop, or when the release's time is over.
Decision WaitForApiServer(const Plan& plan, State state, const Observation& seen, absl::Time now);

// Between a route that was written and the last request that goes by the old one.
inline constexpr absl::Duration kRoutersLag = absl::Seconds(5);

// ---- Of those that put a second Deployment beside the one that serves

// Everything a decision is made from.
struct Look {
  const Plan& plan;
  const Observation& seen;
  absl::Time now;
};

// Stores `step`, then decides there.
Decision Next(State state, Step step, const Look& look);
Decision Interrupt(State state);
Decision EndDone(State state, Outcome outcome);
// What was released in place of this run begins now.
Decision BeginNext(const State& state, const Look& look);

bool CannotSee(const Look& look);
Decision WaitToSee(State state, const Look& look);

// What a strategy does about a failure.
using FailureHandler = std::function<Decision(State, std::string, const Look&)>;

// The result of the action of a step on the way; nullopt when it succeeded. One that may have
// failed for a passing reason is tried again, as long as there is progress to hope for.
std::optional<Decision> ActionTrouble(const State& state, const Look& look,
                                      const FailureHandler& abort);

// Checks of one moment. `trouble` says what else ends them while they run, `passed` what follows.
struct CheckHooks {
  FailureHandler abort;
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

// The reason, with why it could not be undone.
State WithUndoFailure(State state, const std::string& why);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_DECISIONS_H_
