#include "provider/runner/runner.h"

#include <optional>
#include <utility>

#include "provider/base/log.h"

namespace delivery::runner {
namespace {

using engine::Outcome;

absl::Status ExecuteAll(const std::vector<engine::Action>& actions, WorkloadPort& workload) {
  for (const engine::Action& action : actions) {
    absl::Status status = workload.Execute(action);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

RunResult Finish(Outcome outcome, engine::State state, RunStore& store) {
  RunResult result{outcome, std::move(state), absl::OkStatus()};
  if (outcome == Outcome::kFailed || outcome == Outcome::kHeld || outcome == Outcome::kServing) {
    // What failed and was left, or waits, stays on record until a later release ends well.
    result.store_status = store.Save(result.state);
  } else if (outcome != Outcome::kInterrupted) {
    result.store_status = store.Clear();
  }
  return result;
}

}  // namespace

RunResult Run(const engine::Plan& plan, engine::State state, WorkloadPort& workload,
              RunStore& store, Clock& clock, const std::stop_token& stop) {
  if (absl::Status saved = store.Save(state); !saved.ok()) {
    return {Outcome::kInterrupted, std::move(state), std::move(saved)};
  }
  std::optional<absl::Status> action_result;
  while (true) {
    engine::Observation seen = workload.Observe(state);
    seen.action_result = std::exchange(action_result, std::nullopt);
    seen.stop_requested = stop.stop_requested();
    engine::Decision decision = engine::Decide(plan, state, seen, clock.Now());
    if (!decision.outcome.has_value() && !state.SameRecord(decision.next)) {
      log::Info("release step", {{"run", decision.next.run_id},
                                 {"step", engine::StepName(decision.next.step)},
                                 {"reason", decision.next.reason}});
      if (absl::Status saved = store.Save(decision.next); !saved.ok()) {
        // Not in the step that could not be stored, but with what led there.
        state.reason = decision.next.reason;
        return {Outcome::kInterrupted, std::move(state), std::move(saved)};
      }
    }
    state = std::move(decision.next);
    if (decision.outcome.has_value()) return Finish(*decision.outcome, std::move(state), store);
    if (!decision.actions.empty()) {
      action_result = ExecuteAll(decision.actions, workload);
    } else {
      workload.WaitForChange(decision.wake_at, stop);
    }
  }
}

}  // namespace delivery::runner
