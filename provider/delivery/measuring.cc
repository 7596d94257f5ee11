#include "provider/delivery/measuring.h"

#include <algorithm>
#include <utility>

namespace delivery::engine {
namespace {

int64_t CompletedOf(const State& state, const std::string& metric) {
  const auto tally = state.tallies.find(metric);
  return tally == state.tallies.end() ? 0 : tally->second.Completed();
}

bool HasEveryMetricDecided(const Plan& plan, const State& state) {
  return std::all_of(
      plan.analysis.metrics.begin(), plan.analysis.metrics.end(), [&](const analysis::Rule& rule) {
        const auto before = state.completed_before.find(rule.metric);
        const int64_t then = before == state.completed_before.end() ? 0 : before->second;
        return CompletedOf(state, rule.metric) > then;
      });
}

}  // namespace

State BeginHold(const Plan& plan, State state, absl::Time now) {
  state.hold_began = now;
  state.observed_at = now;
  state.measure_at = now + plan.analysis.initial_delay;
  state.completed_before.clear();
  for (const auto& [metric, tally] : state.tallies) {
    state.completed_before[metric] = tally.Completed();
  }
  return state;
}

State UnderObservation(const Plan& plan, State state, absl::Time now) {
  // A clock that was set back makes every stored time wrong, too.
  const bool lost_sight = !state.observed_at.has_value() || now < *state.observed_at ||
                          now - *state.observed_at > 2 * plan.analysis.interval;
  if (lost_sight || !state.hold_began.has_value()) return BeginHold(plan, std::move(state), now);
  state.observed_at = now;
  return state;
}

State Counted(const Plan& plan, State state, const Observation& seen, absl::Time now) {
  if (!seen.measured.has_value()) return state;
  state.measuring = false;
  if (state.measure_at.has_value()) state.measure_at = std::max(*state.measure_at, now);
  for (const analysis::Measurement& measurement : *seen.measured) {
    for (const analysis::Rule& rule : plan.analysis.metrics) {
      if (rule.metric != measurement.metric) continue;
      analysis::Tally& tally = state.tallies[rule.metric];
      tally = analysis::Count(rule, plan.analysis.limits, std::move(tally), measurement);
    }
  }
  return state;
}

std::optional<std::string> AnalysisFailure(const Plan& plan, const State& state) {
  for (const analysis::Rule& rule : plan.analysis.metrics) {
    const auto tally = state.tallies.find(rule.metric);
    if (tally == state.tallies.end()) continue;
    if (auto why = analysis::Failure(rule, plan.analysis.limits, tally->second)) return why;
  }
  return std::nullopt;
}

bool IsMeasurementDue(const Plan& plan, const State& state, absl::Time now) {
  return !plan.analysis.metrics.empty() && !state.measuring && state.measure_at.has_value() &&
         now >= *state.measure_at;
}

State Measuring(const Plan& plan, State state, absl::Time now) {
  state.measuring = true;
  state.measure_at = now + plan.analysis.interval;
  return state;
}

bool IsHoldOver(const Plan& plan, const State& state, absl::Duration length, absl::Time now) {
  return state.hold_began.has_value() && now >= *state.hold_began + length && !state.measuring &&
         HasEveryMetricDecided(plan, state);
}

absl::Time NextLook(const Plan& plan, const State& state, absl::Duration length, absl::Time now) {
  // Often enough that the hold stays under observation.
  absl::Time next = now + plan.analysis.interval;
  const absl::Time end = state.hold_began.value_or(now) + length;
  if (end > now) next = std::min(next, end);
  if (!plan.analysis.metrics.empty() && !state.measuring && state.measure_at.has_value()) {
    next = std::min(next, *state.measure_at);
  }
  return next;
}

}  // namespace delivery::engine
