// A workload that is released in place by Kubernetes' own controllers: watches it, its revisions
// and its pods, and writes it.
#ifndef DELIVERY_RUNNER_ROLLOUT_PORT_H_
#define DELIVERY_RUNNER_ROLLOUT_PORT_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/pod_failure.h"
#include "provider/runner/check_run.h"
#include "provider/runner/measure_run.h"
#include "provider/runner/ports.h"
#include "provider/runner/workload_writer.h"

namespace delivery::runner {

// What follows a rollout.
struct ReleaseChecks {
  std::vector<checks::Check> checks;
  // For URLs; asked for when the checks begin. May be empty when no check has one.
  std::function<std::shared_ptr<http::Transport>()> transport;
};

struct RolloutTarget {
  kubernetes::ObjectRef ref;
  WorkloadWrite new_version;
  std::optional<WorkloadWrite> previous_version;
  absl::Duration schedule_timeout = absl::Seconds(30);
  ReleaseChecks checks;
  MeasuringTarget measuring;
};

// Used by one thread. Requests end when `hard_stop` is requested. A canary is released by two of
// these, one for each Deployment.
class RolloutPort : public ReleasePort {
 public:
  using Written = std::function<void(const kubernetes::ApplyResult&)>;

  // `on_written` is told what the server answered to each write of the workload. `signal` is
  // notified of everything that changes.
  RolloutPort(kubernetes::Api& api, Clock& clock, RolloutTarget target, Written on_written,
              std::stop_token hard_stop, kubernetes::ChangeSignal signal = {});

  absl::Status Open(const std::stop_token& stop) override;
  engine::Observation Observe(const engine::State& state) override;
  absl::Status Execute(const engine::Action& action) override;
  void WaitForChange(absl::Time deadline, const std::stop_token& stop) override;

  // Observe without (or with) a search for failures, whose explanation takes requests.
  engine::Observation Look(const engine::State& state, bool explain);
  // What the next ApplyWorkload writes as the new version.
  void SetNewVersion(WorkloadWrite write) { target_.new_version = std::move(write); }
  // Starts these checks and forgets those that ran before; Observe tells their verdict.
  void StartChecks(std::string phase, std::vector<checks::Check> checks, checks::PodPicker picker);
  // Asks the metrics of the target about these sides; Observe brings the answers, once.
  void StartMeasuring(MeasureRun::Sides sides);
  // For StartMeasuring: this workload with `pods`.
  metrics::Side SideOf(std::vector<Json> pods) const;

  // The workload as the watch last saw it; null while there is none.
  Json Live() const;
  // Its pods of the revision that it runs or rolls out; of any revision.
  std::vector<Json> PodsOfRevision() const;
  std::vector<Json> AllPods() const;
  // Pods that a Deployment left behind when it was deleted: they end yet.
  std::vector<Json> OrphanedPods() const;
  // A ready one of PodsOfRevision. Thread-safe.
  absl::StatusOr<std::string> PickReadyPod() const;

  const std::optional<kubernetes::ApplyResult>& last_write() const override { return last_write_; }
  const std::optional<engine::Version>& last_version() const override { return last_version_; }

 private:
  struct Failure {
    kubernetes::PodFailure what;
    std::string uid;
  };
  bool ExistsUnseen();
  std::optional<Failure> FindFailure(const Json& workload);
  std::optional<Failure> FindCreationFailure(const Json& workload);
  bool RoomMayComeFree();
  // The pods of the version last written; nullopt while its revision is not known.
  std::optional<std::vector<Json>> NewPods(const Json& workload) const;
  std::vector<Json> PodsOf(const Json& owner) const;
  bool CountsDeadline(const Json& workload) const;
  // The definitive failure among `pods`, or one that has lasted.
  std::optional<Failure> FindPodFailure(const std::vector<Json>& pods);
  // Pods of another revision that cannot start, of a StatefulSet, whose controller waits for them.
  std::vector<Json> StuckPods(const Json& workload) const;
  absl::Status RemoveStuckPods();
  // Failures that may pass are reported once they have lasted.
  bool HasLasted(const kubernetes::PodFailure& failure);
  // The same for pods that cannot be created.
  bool CountsCreationFailure(const std::optional<kubernetes::PodFailure>& failure);
  absl::Status WriteVersion(const engine::ApplyWorkload& action);
  void KeepLiveValues(WorkloadWrite& write) const;
  absl::Status DeleteIt();
  // Whether a deletion was refused because somebody else made an object of that name meanwhile.
  bool IsTakenByAnother(const absl::Status& deleted);

  kubernetes::Api& api_;
  Clock& clock_;
  RolloutTarget target_;
  const Written on_written_;
  const std::stop_token hard_stop_;
  kubernetes::ChangeSignal signal_;
  uint64_t seen_version_ = 0;
  std::unique_ptr<kubernetes::ObjectWatch> workload_;
  // ReplicaSets of a Deployment, ControllerRevisions of a DaemonSet. Null for a StatefulSet, whose
  // status names its revision.
  std::unique_ptr<kubernetes::ObjectWatch> revisions_;
  std::unique_ptr<kubernetes::ObjectWatch> pods_;
  std::optional<kubernetes::ApplyResult> last_write_;
  std::optional<engine::Version> last_version_;
  bool made_unseen_ = false;  // a write made the object, and the watch has not told of it
  std::map<std::string, absl::Time> first_seen_;  // of pods' failures
  std::optional<absl::Time> no_pods_since_;       // they could not be created
  absl::Time written_at_ = absl::InfinitePast();
  absl::Time events_read_at_ = absl::InfinitePast();
  absl::Time room_came_free_at_ = absl::InfinitePast();
  std::string run_id_;
  std::optional<MeasureRun> measure_run_;
  std::optional<CheckRun> check_run_;  // last: it uses the rest
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_ROLLOUT_PORT_H_
