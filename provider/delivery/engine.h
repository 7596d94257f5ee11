// The delivery engine: from what is planned, where the run stands and what is seen, to what is done
// next. Pure: no I/O, no clock, no logging, so that a release can be simulated, killed and resumed
// in a unit test.
//
// Crash rule: the caller stores Decision::next before it executes Decision::actions. An action is
// executed again after a crash, so every action is idempotent.
#ifndef DELIVERY_DELIVERY_ENGINE_H_
#define DELIVERY_DELIVERY_ENGINE_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/delivery/plan.h"
#include "provider/delivery/state.h"

namespace delivery::engine {

enum class Version { kNew, kPrevious };

// Write the workload in this version, running (or halted: Kubernetes starts no further pod).
struct ApplyWorkload {
  Version version = Version::kNew;
  bool halted = false;
};
struct DeleteWorkload {};
// Delete the pods of another revision that cannot start and hold the rollout up: a StatefulSet's
// controller waits for them for ever.
struct RemoveStuckPods {};
// Start the checks; their verdict is observed.
struct RunChecks {};
using Action = std::variant<ApplyWorkload, DeleteWorkload, RemoveStuckPods, RunChecks>;

enum class Checks { kNotStarted, kRunning, kPassed, kFailed };

// What the caller saw.
struct Observation {
  // Result of the previous decision's actions; absent after a start or a resume.
  std::optional<absl::Status> action_result;
  bool stop_requested = false;
  // The API server does not answer at the moment: nothing below is known, no deadline counts.
  bool unreachable = false;
  // Why nothing can be seen any more, and waiting does not help: a permission was taken away.
  std::optional<std::string> blind;
  bool exists = false;
  // Kubernetes' controller has seen the generation last written.
  bool observed = false;
  // Complete in the sense of `kubectl rollout status`, for the generation last written.
  bool complete = false;
  // Kubernetes gave up (the manifest's progressDeadlineSeconds passed).
  bool deadline_exceeded = false;
  // Changes whenever the rollout got further ("2 of 3 updated, 1 available").
  std::string progress_mark;
  // Something that waiting will not mend: a pod that cannot start, an admission refusal.
  std::optional<std::string> failure;
  // Pods that RemoveStuckPods would delete.
  bool has_stuck_pods = false;
  Checks checks = Checks::kNotStarted;
  std::string check_failure;  // with kFailed
};

struct Decision {
  State next;
  std::vector<Action> actions;
  // Decide again then at the latest, even if nothing changed.
  absl::Time wake_at = absl::InfiniteFuture();
  std::optional<Outcome> outcome;
};

// A new run.
State Start(const Plan& plan, std::string run_id, absl::Time now);

// A run found in the journal, continued by an apply with the same identity. Rolls back instead when
// the plan says so and nothing was decided yet.
State Resume(const Plan& plan, State found, absl::Time now);

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_ENGINE_H_
