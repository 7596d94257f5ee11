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
#include "provider/base/json.h"
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
// Which checks of the plan.
enum class CheckPoint { kBeforeTraffic, kStep, kBeforePromotion, kAfterPromotion };
// Start the checks of this moment; their verdict is observed. Those that ran before are forgotten.
struct RunChecks {
  CheckPoint at = CheckPoint::kAfterPromotion;
  int step_index = 0;  // with kStep
};
// Ask every metric once; the answers are observed.
struct Measure {};

// The actions of a canary and of a blue-green release, whose idle slot is "the canary" here: the
// Deployment beside the one that serves.

// Look at the route before anything is written: whether a run can begin, and what it has to be put
// back to (Observation::route_record).
struct RecordRoute {};
// Make the canary's Deployment, with so many pods, and its Service; scale it when it is there.
struct ApplyCanary {
  int replicas = 1;
};
// Give the canary this share, and read it back. No share goes to a side without a ready endpoint:
// Unavailable while there is none.
struct SetTraffic {
  int weight = 0;
  bool match = false;
  int mirror = 0;  // percent of the requests that it gets a copy of
  Json route_record;
  // Weight 0 is written into the route, too, so that what selects the canary's pods sends them
  // nothing.
  bool reserve = false;
};
// The route as it was before the run.
struct RestoreRoute {
  Json route_record;
};
// Delete the canary's Deployment and Service.
struct DeleteCanary {};

// Of a blue-green release only; its switch is SetTraffic with weight 100, and back with 0.

// Let the preview Service select the slot that is released to, or what it selected before.
struct PointPreview {
  bool to_target = true;
  Json route_record;
};
// Scale a slot to zero: the one that is released to, or the one that served when the run began.
struct EmptySlot {
  bool target = true;
};

using Action =
    std::variant<ApplyWorkload, DeleteWorkload, RemoveStuckPods, RunChecks, Measure, RecordRoute,
                 ApplyCanary, SetTraffic, RestoreRoute, DeleteCanary, PointPreview, EmptySlot>;

enum class Checks { kNotStarted, kRunning, kPassed, kFailed };

// What the caller saw of the canary's Deployment, or of the slot that is released to; the fields
// mean what they mean in Observation.
struct CanarySeen {
  bool unreachable = false;
  std::optional<std::string> blind;
  bool exists = false;
  bool observed = false;
  bool complete = false;  // every pod that was asked for is ready
  bool deadline_exceeded = false;
  std::string progress_mark;
  std::optional<std::string> failure;
  int ready = 0;
  // Nothing of it is left: Deployment, pods and Service.
  bool gone = false;
  // Its pod template is that of the new version. Of a slot only.
  bool has_new = false;
};

// What the caller saw. Of the workload itself (of a canary: the stable Deployment, of a blue-green
// release: the slot that served when the run began) unless it says otherwise.
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
  // Of the checks last started.
  Checks checks = Checks::kNotStarted;
  std::string check_failure;  // with kFailed
  // spec.replicas, and ready pods.
  int desired = 0;
  int ready = 0;
  // Answers of a Measure that has ended, once: one per metric, in the plan's order.
  std::optional<std::vector<analysis::Measurement>> measured;

  // With all strategies but kRolling.
  CanarySeen canary;
  // Answer of RecordRoute, once.
  std::optional<Json> route_record;
  // Somebody else changed the route, or the pod template of the stable version, during the run:
  // what and who.
  std::optional<std::string> foreign_change;
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

// A run found in the journal, of another version than the plan's: what it has put into the cluster
// is taken back first, then the run of the plan begins (with `run_id`). Where stable runs its
// version already, only what is beside it is removed.
State Supersede(const Plan& plan, State found, std::string run_id, absl::Time now);

// Whether a run has put a canary beside the workload, or is about to.
bool IsOfCanary(const State& state);

// Whether a run has looked at the route, which comes before its first write beside the workload.
bool HasRouteRecord(const State& state);

Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_ENGINE_H_
