// What the strategies share: how a decision is put together, what progress is, when to give up.
#ifndef DELIVERY_DELIVERY_DECISIONS_H_
#define DELIVERY_DELIVERY_DECISIONS_H_

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

// The reason, with why it could not be undone.
State WithUndoFailure(State state, const std::string& why);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_DECISIONS_H_
