// The loop that turns the engine's decisions into effects: observe, decide, store, act, wait.
#ifndef DELIVERY_RUNNER_RUNNER_H_
#define DELIVERY_RUNNER_RUNNER_H_

#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "provider/base/clock.h"
#include "provider/delivery/engine.h"
#include "provider/runner/ports.h"

namespace delivery::runner {

struct RunResult {
  engine::Outcome outcome = engine::Outcome::kFailed;
  engine::State state;
  // Why the journal could not be stored or cleared, when that ended or followed the run.
  absl::Status store_status;
};

// Runs `state` to an outcome. `stop` makes it return Interrupted within the time of one write. When
// the journal cannot be stored nothing further is written and the outcome is Interrupted. The
// journal is cleared at every outcome but Interrupted, Held, Serving, and Failed (whose record says
// that it is done, or where the next apply goes on).
RunResult Run(const engine::Plan& plan, engine::State state, WorkloadPort& workload,
              RunStore& store, Clock& clock, const std::stop_token& stop);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_RUNNER_H_
