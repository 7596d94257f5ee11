// When a release measures, and what its measurements decide.
#ifndef DELIVERY_DELIVERY_MEASURING_H_
#define DELIVERY_DELIVERY_MEASURING_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {

// A time under observation begins: of a step, or of a rollout.
State BeginHold(const Plan& plan, State state, absl::Time now);

// Notes that somebody looks. A hold counts only time under observation: after a gap longer than
// twice the interval it begins anew.
State UnderObservation(const Plan& plan, State state, absl::Time now);

// Counts what a Measure has brought.
State Counted(const Plan& plan, State state, const Observation& seen, absl::Time now);

// Why the measurements so far end the release, with metric, value and threshold.
std::optional<std::string> AnalysisFailure(const Plan& plan, const State& state);

// Whether the next measurement is due, and the state in which it is under way.
bool IsMeasurementDue(const Plan& plan, const State& state, absl::Time now);
State Measuring(const Plan& plan, State state, absl::Time now);

// Whether a hold of `length` is over: the time has passed, every metric has decided something
// since it began, and nothing is being measured.
bool IsHoldOver(const Plan& plan, const State& state, absl::Duration length, absl::Time now);
// When to look again during such a hold.
absl::Time NextLook(const Plan& plan, const State& state, absl::Duration length, absl::Time now);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_MEASURING_H_
