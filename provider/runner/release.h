// One release of a workload in the cluster, from the Lease to the verdict.
#ifndef DELIVERY_RUNNER_RELEASE_H_
#define DELIVERY_RUNNER_RELEASE_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/clock.h"
#include "provider/delivery/engine.h"
#include "provider/kubernetes/api.h"
#include "provider/runner/announcer.h"
#include "provider/runner/blue_green_port.h"
#include "provider/runner/canary_port.h"
#include "provider/runner/rollout_port.h"

namespace delivery::runner {

// After a stop is requested the requests still needed (halt the rollout, store the journal, give
// the Lease back) have this long.
inline constexpr absl::Duration kStopGrace = absl::Milliseconds(1500);

struct ReleaseRequest {
  std::string resource_type;  // "delivery_rollout"
  engine::Plan plan;
  RolloutTarget target;
  // Of the run's journal and Lease (RunObjectName), where it is one of several beside the workload.
  std::string suffix;
  // Of a variant that serves: where it stood when it was seen last, for when the journal is gone.
  std::optional<engine::State> remembered;
  // With Strategy::kCanary and kVariant, and wherever a run with a canary may be found open.
  std::optional<CanaryTarget> canary;
  // With Strategy::kBlueGreen: `target` is the workload under the user's name, whose slots exist.
  std::optional<BlueGreenTarget> blue_green;
  std::string workload_uid;  // empty when it does not exist yet
  // Of a blue-green release: the slot with that uid.
  std::optional<kubernetes::ObjectRef> owner;
  ProgressFile* progress_file = nullptr;  // told of each transition; may be null
};

struct ReleaseResult {
  engine::Outcome outcome = engine::Outcome::kFailed;
  std::string reason;
  engine::Step step = engine::Step::kApply;  // where it stands or ended
  bool resumed = false;                      // it went on with a run found in the journal
  engine::State state;                       // where it stands: weight, step, what was measured
  absl::Time started_at;
  // What the server answered to the last write of the workload, and which version that was; nullopt
  // when this run wrote nothing.
  std::optional<Json> written;
  std::optional<engine::Version> version;
  // Why the journal could not be stored or cleared.
  absl::Status store_status;
  // Why the progress file could not be written.
  absl::Status progress_status;
};

// Takes the Lease, reads the journal, continues the run it holds when it is the same release (same
// resource type and identity), takes back what another one has put beside the workload, or starts a
// new one, and runs it. An error means that nothing was changed.
absl::StatusOr<ReleaseResult> RunRelease(kubernetes::Api& api, Clock& clock,
                                         const ReleaseRequest& request,
                                         const std::stop_token& stop);

// What is deleted: only with this uid; empty: whatever has the name.
struct Removed {
  kubernetes::ObjectRef ref;
  std::string uid;
};
struct Removal {
  kubernetes::ObjectRef workload;  // whose Lease and journal
  std::vector<Removed> objects;    // the workload, or its slots
  // Done before, under the Lease; the journal is that of an open run. May be empty.
  std::function<absl::Status(const std::optional<engine::State>& journal)> before;
};

// Deletes the objects and waits until they and their pods are gone, then the journal. Another
// object of the same name (other uid) is left alone. DeadlineExceeded when one is not gone after
// `timeout`.
absl::Status RemoveWorkload(kubernetes::Api& api, Clock& clock, const Removal& removal,
                            absl::Duration timeout, const std::stop_token& stop);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_RELEASE_H_
