// Decisions of the engine per second, and what a stored decision costs.
#include <benchmark/benchmark.h>

#include "provider/delivery/engine.h"

namespace delivery::engine {
namespace {

Plan HoldingPlan() {
  Plan plan;
  plan.strategy = Strategy::kCanary;
  plan.identity = RunIdentity("{}");
  plan.analysis.metrics = {{.metric = "success-rate", .min = 99},
                           {.metric = "latency", .max_ratio_to_stable = 1.2}};
  plan.timeout = absl::Hours(10);
  plan.canary.steps = {{.weight = 10, .hold = absl::Hours(5)}};
  return plan;
}

State Holding(const Plan& plan, absl::Time now) {
  State state = Start(plan, "run-1", now);
  state.step = Step::kHold;
  state.canary.step_index = 0;
  state.canary.weight = 10;
  state.canary.route_record = Json::object();
  for (const analysis::Rule& rule : plan.analysis.metrics) {
    state.tallies[rule.metric].canary_values.assign(analysis::kMostValues, 99.5);
    state.tallies[rule.metric].stable_values.assign(analysis::kMostValues, 99.5);
  }
  return Resume(plan, state, now);
}

Observation Well() {
  Observation seen;
  seen.exists = seen.observed = seen.complete = true;
  seen.desired = seen.ready = 4;
  seen.canary.exists = seen.canary.observed = seen.canary.complete = true;
  seen.canary.ready = 1;
  return seen;
}

// A look at a canary that holds its weight: what a release does most.
void BM_DecideWhileHolding(benchmark::State& run) {
  const Plan plan = HoldingPlan();
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  State state = Holding(plan, now);
  const Observation seen = Well();
  for (auto _ : run) {
    Decision decision = Decide(plan, state, seen, now);
    benchmark::DoNotOptimize(decision);
    now += absl::Microseconds(1);
  }
  run.SetItemsProcessed(run.iterations());
}
BENCHMARK(BM_DecideWhileHolding);

// A measurement that came in: judged, counted, and stored.
void BM_CountAndEncodeAMeasurement(benchmark::State& run) {
  const Plan plan = HoldingPlan();
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  State state = Holding(plan, now);
  Observation seen = Well();
  const analysis::Sample good{analysis::Sample::Kind::kValue, 99.9, ""};
  seen.measured = {{"success-rate", good, std::nullopt}, {"latency", good, good}};
  for (auto _ : run) {
    const Decision decision = Decide(plan, state, seen, now);
    std::string stored = DumpJson(EncodeState(decision.next));
    benchmark::DoNotOptimize(stored);
  }
  run.SetItemsProcessed(run.iterations());
}
BENCHMARK(BM_CountAndEncodeAMeasurement);

}  // namespace
}  // namespace delivery::engine
