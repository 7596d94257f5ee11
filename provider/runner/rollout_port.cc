#include "provider/runner/rollout_port.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/drift.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/workload_status.h"
#include "provider/runner/failure_report.h"
#include "provider/runner/first_list.h"

namespace delivery::runner {
namespace {

// Unschedulable pods become failures by time alone, so the watches are not all that wakes.
constexpr absl::Duration kLookAgain = absl::Seconds(5);
constexpr absl::Duration kLasting = absl::Seconds(30);
constexpr absl::Duration kFirstListTimeout = absl::Seconds(45);
// Between this machine's clock and the cluster's.
constexpr absl::Duration kClockSkew = absl::Seconds(5);
constexpr absl::Duration kRetryOfCreation = absl::Seconds(10);
constexpr char kRevisionHash[] = "controller-revision-hash";

std::string ProgressMark(const kubernetes::RolloutProgress& progress) {
  return absl::StrCat(progress.summary, " (", progress.updated, " of ", progress.desired,
                      " updated, ", progress.available, " available)");
}

// The newest ControllerRevision of a DaemonSet.
std::string NewestRevisionName(const Json& workload, const std::vector<Json>& revisions) {
  const Json* newest = nullptr;
  for (const Json* one : kubernetes::ControlledBy(kubernetes::UidOf(workload), revisions)) {
    if (newest == nullptr || GetInt(*one, "revision") > GetInt(*newest, "revision")) newest = one;
  }
  return newest == nullptr ? "" : kubernetes::NameOf(*newest);
}

// Pods of a StatefulSet are labelled with the revision's name, those of a DaemonSet with its hash,
// which is the end of the name.
bool BelongsToRevision(const Json& pod, const std::string& revision,
                       const kubernetes::ObjectRef& workload) {
  const kubernetes::StringMap labels = kubernetes::LabelsOf(pod);
  const auto label = labels.find(kRevisionHash);
  if (label == labels.end()) return false;
  return label->second == revision || absl::StrCat(workload.name, "-", label->second) == revision;
}

// Somebody deleted what we wrote and made it anew.
bool IsAnother(const Json& object, const std::optional<kubernetes::ApplyResult>& written) {
  return written.has_value() && kubernetes::UidOf(object) != kubernetes::UidOf(written->object);
}

bool IsOlder(const Json& object, const std::optional<kubernetes::ApplyResult>& written) {
  return written.has_value() &&
         kubernetes::GenerationOf(object) < kubernetes::GenerationOf(written->object);
}

}  // namespace

RolloutPort::RolloutPort(kubernetes::Api& api, Clock& clock, RolloutTarget target,
                         Written on_written, std::stop_token hard_stop,
                         kubernetes::ChangeSignal signal)
    : api_(api),
      clock_(clock),
      target_(std::move(target)),
      on_written_(std::move(on_written)),
      hard_stop_(std::move(hard_stop)),
      signal_(std::move(signal)) {}

absl::Status RolloutPort::Open(const std::stop_token& stop) {
  kubernetes::ListOptions one;
  one.namespace_name = target_.ref.namespace_name;
  one.field_selector = absl::StrCat("metadata.name=", target_.ref.name);
  workload_ = api_.Watch(target_.ref.api_version, target_.ref.kind, one, signal_);
  kubernetes::ListOptions selected;
  selected.namespace_name = target_.ref.namespace_name;
  selected.label_selector = kubernetes::SelectorToString(
      GetObject(kubernetes::Spec(target_.new_version.manifest), "selector"));
  const std::string& kind = target_.ref.kind;
  if (kind != "StatefulSet") {
    revisions_ = api_.Watch("apps/v1", kind == "Deployment" ? "ReplicaSet" : "ControllerRevision",
                            selected, signal_);
  }
  pods_ = api_.Watch("v1", "Pod", selected, signal_);

  return AwaitFirstLists({workload_.get(), revisions_.get(), pods_.get()}, signal_, clock_,
                         kFirstListTimeout, stop);
}

engine::Observation RolloutPort::Observe(const engine::State& state) { return Look(state, true); }

engine::Observation RolloutPort::Look(const engine::State& state, bool explain) {
  seen_version_ = signal_.version();
  run_id_ = state.run_id;
  engine::Observation seen;
  if (check_run_.has_value()) {
    seen.checks = check_run_->verdict();
    seen.check_failure = check_run_->failure();
  }
  if (measure_run_.has_value()) seen.measured = measure_run_->Take();
  seen.unreachable = !workload_->status().ok();
  if (kubernetes::IsFinalRefusal(workload_->status()))
    seen.blind = std::string(workload_->status().message());
  const std::vector<Json> objects = workload_->Objects();
  if (objects.empty() || IsAnother(objects.front(), last_write_)) {
    seen.exists = ExistsUnseen();
    seen.progress_mark = "not seen yet";
    return seen;
  }
  const Json& workload = objects.front();
  seen.exists = true;
  made_unseen_ = false;
  if (IsOlder(workload, last_write_)) {
    seen.progress_mark = "written";
    return seen;
  }
  const int64_t generation =
      last_write_.has_value() ? kubernetes::GenerationOf(last_write_->object) : 0;
  const kubernetes::RolloutProgress progress = kubernetes::WorkloadProgress(workload, generation);
  seen.observed = progress.observed;
  seen.complete = progress.complete;
  seen.deadline_exceeded = progress.deadline_exceeded && CountsDeadline(workload);
  seen.progress_mark = ProgressMark(progress);
  seen.desired = static_cast<int>(progress.desired);
  seen.ready = static_cast<int>(progress.ready);
  if (progress.complete || !progress.observed || !explain) return seen;
  seen.has_stuck_pods = !StuckPods(workload).empty();
  if (const std::optional<Failure> failure = FindFailure(workload)) {
    seen.failure =
        ReportFailure(api_, failure->what, target_.ref.namespace_name, failure->uid, hard_stop_);
  }
  return seen;
}

// Kubernetes' own verdict counts when the manifest asks for one: its default of ten minutes must
// not cut a longer progress_deadline short. And when it is not on what ran before our write.
bool RolloutPort::CountsDeadline(const Json& workload) const {
  const bool previous = last_version_ == engine::Version::kPrevious;
  const Json& written =
      previous ? target_.previous_version->manifest : target_.new_version.manifest;
  if (Find(kubernetes::Spec(written), "progressDeadlineSeconds") == nullptr) return false;
  if (!last_write_.has_value()) return true;
  const Json* before = kubernetes::FindCondition(last_write_->object, "Progressing");
  const Json* now = kubernetes::FindCondition(workload, "Progressing");
  return before == nullptr || now == nullptr || *before != *now;
}

// The watch may not have told yet of what was made, or tell of an object that was there before.
bool RolloutPort::ExistsUnseen() {
  if (!made_unseen_) return false;
  const absl::StatusOr<Json> live = api_.Get(target_.ref, hard_stop_);
  return live.ok() ? !IsAnother(*live, last_write_) : !absl::IsNotFound(live.status());
}

std::vector<Json> RolloutPort::PodsOf(const Json& owner) const {
  const std::vector<Json> pods = pods_->Objects();
  std::vector<Json> own;
  for (const Json* pod : kubernetes::ControlledBy(kubernetes::UidOf(owner), pods)) {
    own.push_back(*pod);
  }
  return own;
}

std::optional<std::vector<Json>> RolloutPort::NewPods(const Json& workload) const {
  if (target_.ref.kind == "Deployment") {
    const std::vector<Json> replica_sets = revisions_->Objects();
    const Json* replica_set = kubernetes::NewestReplicaSet(workload, replica_sets);
    if (replica_set == nullptr) return std::nullopt;
    return PodsOf(*replica_set);
  }
  const std::string revision = target_.ref.kind == "StatefulSet"
                                   ? GetString(kubernetes::Status(workload), "updateRevision")
                                   : NewestRevisionName(workload, revisions_->Objects());
  if (revision.empty()) return std::nullopt;
  std::vector<Json> pods = PodsOf(workload);
  std::erase_if(pods,
                [&](const Json& pod) { return !BelongsToRevision(pod, revision, target_.ref); });
  return pods;
}

std::optional<RolloutPort::Failure> RolloutPort::FindPodFailure(const std::vector<Json>& pods) {
  auto failure = kubernetes::FindFirstPodFailure(pods, clock_.Now(), target_.schedule_timeout);
  // What has passed begins anew when it comes again.
  if (!failure.has_value()) first_seen_.clear();
  if (!failure.has_value() || !(failure->definitive || HasLasted(*failure))) return std::nullopt;
  const auto pod = std::find_if(pods.begin(), pods.end(), [&](const Json& candidate) {
    return kubernetes::NameOf(candidate) == failure->pod;
  });
  return Failure{*failure, pod == pods.end() ? "" : kubernetes::UidOf(*pod)};
}

std::optional<RolloutPort::Failure> RolloutPort::FindFailure(const Json& workload) {
  if (auto failure = FindCreationFailure(workload)) return failure;
  const std::optional<std::vector<Json>> pods = NewPods(workload);
  if (!pods.has_value()) return std::nullopt;
  return FindPodFailure(*pods);
}

// Pods that end give quota back, and the controller tries again then, later and later.
bool RolloutPort::RoomMayComeFree() {
  const std::vector<Json> pods = pods_->Objects();
  if (std::any_of(pods.begin(), pods.end(), kubernetes::IsBeingDeleted)) {
    room_came_free_at_ = clock_.Now();
  }
  return clock_.Now() - room_came_free_at_ < kRetryOfCreation;
}

std::optional<RolloutPort::Failure> RolloutPort::FindCreationFailure(const Json& workload) {
  if (RoomMayComeFree()) return std::nullopt;
  if (target_.ref.kind == "Deployment") {
    const std::vector<Json> replica_sets = revisions_->Objects();
    const Json* replica_set = kubernetes::NewestReplicaSet(workload, replica_sets);
    if (replica_set == nullptr) return std::nullopt;
    auto failure = kubernetes::FindReplicaSetFailure(*replica_set);
    if (!CountsCreationFailure(failure)) return std::nullopt;
    return Failure{*std::move(failure), kubernetes::UidOf(*replica_set)};
  }
  // The others have no such condition: their events say it. Asked for now and then only.
  if (clock_.Now() - events_read_at_ < kLookAgain) return std::nullopt;
  events_read_at_ = clock_.Now();
  kubernetes::ListOptions about;
  about.namespace_name = target_.ref.namespace_name;
  about.field_selector = absl::StrCat("involvedObject.uid=", kubernetes::UidOf(workload));
  const absl::StatusOr<kubernetes::ObjectList> events = api_.List("v1", "Event", about, hard_stop_);
  if (!events.ok()) return std::nullopt;
  auto failure = kubernetes::FindCreationFailure(events->items, workload, written_at_ - kClockSkew);
  if (!CountsCreationFailure(failure)) return std::nullopt;
  return Failure{*std::move(failure), kubernetes::UidOf(workload)};
}

std::vector<Json> RolloutPort::StuckPods(const Json& workload) const {
  std::vector<Json> stuck;
  if (target_.ref.kind != "StatefulSet") return stuck;
  const std::string revision = GetString(kubernetes::Status(workload), "updateRevision");
  if (revision.empty()) return stuck;
  const std::vector<Json> pods = pods_->Objects();
  for (const Json* pod : kubernetes::ControlledBy(kubernetes::UidOf(workload), pods)) {
    if (BelongsToRevision(*pod, revision, target_.ref)) continue;
    const auto failure = kubernetes::FindPodFailure(*pod, clock_.Now(), target_.schedule_timeout);
    if (failure.has_value() && failure->definitive) stuck.push_back(*pod);
  }
  return stuck;
}

absl::Status RolloutPort::RemoveStuckPods() {
  const std::vector<Json> objects = workload_->Objects();
  if (objects.empty()) return absl::OkStatus();
  for (const Json& pod : StuckPods(objects.front())) {
    log::Info("pod that holds the rollout up is deleted", {{"pod", kubernetes::NameOf(pod)}});
    kubernetes::ObjectRef ref = kubernetes::RefOf(pod);
    ref.api_version = "v1";
    ref.kind = "Pod";
    kubernetes::DeleteOptions options;
    options.uid = kubernetes::UidOf(pod);
    const absl::Status deleted = api_.Delete(ref, options, hard_stop_);
    // Gone, or another pod of the same name by now.
    if (!deleted.ok() && !absl::IsNotFound(deleted) && !absl::IsAborted(deleted)) return deleted;
  }
  return absl::OkStatus();
}

bool RolloutPort::CountsCreationFailure(const std::optional<kubernetes::PodFailure>& failure) {
  if (!failure.has_value()) {
    no_pods_since_.reset();
    return false;
  }
  if (!no_pods_since_.has_value()) no_pods_since_ = clock_.Now();
  return failure->definitive || clock_.Now() - *no_pods_since_ >= kLasting;
}

bool RolloutPort::HasLasted(const kubernetes::PodFailure& failure) {
  const std::string key = absl::StrCat(failure.pod, "/", failure.container, "/", failure.reason);
  const auto [entry, added] = first_seen_.emplace(key, clock_.Now());
  return clock_.Now() - entry->second >= kLasting;
}

absl::Status RolloutPort::Execute(const engine::Action& action) {
  if (const auto* write = std::get_if<engine::ApplyWorkload>(&action)) return WriteVersion(*write);
  if (std::holds_alternative<engine::DeleteWorkload>(action)) return DeleteIt();
  if (std::holds_alternative<engine::RemoveStuckPods>(action)) return RemoveStuckPods();
  if (std::holds_alternative<engine::RunChecks>(action)) {
    StartChecks("after_promotion", target_.checks.checks,
                [this](checks::Side, const std::stop_token&) { return PickReadyPod(); });
    return absl::OkStatus();
  }
  if (std::holds_alternative<engine::Measure>(action)) {
    StartMeasuring({.judged = SideOf(PodsOfRevision()), .stable = {}});
    return absl::OkStatus();
  }
  return absl::InternalError("an action of a canary's release in a rollout");
}

void RolloutPort::StartChecks(std::string phase, std::vector<checks::Check> checks,
                              checks::PodPicker picker) {
  checks::CheckContext context{
      .workload = target_.ref,
      .workload_uid = last_write_.has_value() ? kubernetes::UidOf(last_write_->object)
                                              : kubernetes::UidOf(Live()),
      .run_id = run_id_,
      .phase = std::move(phase),
      .images = kubernetes::ImagesOf(target_.new_version.manifest),
      .pick_pod = std::move(picker),
      .api = api_,
      .transport = target_.checks.transport ? target_.checks.transport() : nullptr,
      .clock = clock_,
      .schedule_timeout = target_.schedule_timeout};
  check_run_.emplace(std::move(context), std::move(checks), signal_);
}

void RolloutPort::StartMeasuring(MeasureRun::Sides sides) {
  metrics::MetricContext context{.api = api_,
                                 .transport = target_.measuring.transport,
                                 .url_transport = target_.measuring.url_transport};
  measure_run_.emplace(std::move(context), target_.measuring, std::move(sides), signal_);
}

metrics::Side RolloutPort::SideOf(std::vector<Json> pods) const {
  return {.namespace_name = target_.ref.namespace_name,
          .name = target_.ref.name,
          .workload = target_.ref.name,
          .canary = target_.ref.name,
          .stable = target_.ref.name,
          .service = target_.measuring.service,
          .interval = target_.measuring.interval,
          .pods = std::move(pods)};
}

Json RolloutPort::Live() const {
  std::vector<Json> objects = workload_->Objects();
  return objects.empty() ? Json() : std::move(objects.front());
}

std::vector<Json> RolloutPort::PodsOfRevision() const {
  const Json workload = Live();
  if (workload.is_null()) return {};
  std::optional<std::vector<Json>> pods = NewPods(workload);
  if (pods.has_value() && pods->empty() && target_.ref.kind != "Deployment") {
    // A partition or OnDelete may replace no pod at all: the old ones are what there is to ask.
    return PodsOf(workload);
  }
  return pods.has_value() ? *std::move(pods) : std::vector<Json>();
}

std::vector<Json> RolloutPort::AllPods() const {
  const Json workload = Live();
  if (workload.is_null()) return {};
  if (target_.ref.kind != "Deployment") return PodsOf(workload);
  std::vector<Json> all;
  const std::vector<Json> sets = revisions_->Objects();
  for (const Json* set : kubernetes::ControlledBy(kubernetes::UidOf(workload), sets)) {
    for (Json& pod : PodsOf(*set)) all.push_back(std::move(pod));
  }
  return all;
}

std::vector<Json> RolloutPort::OrphanedPods() const {
  std::vector<Json> left = pods_->Objects();
  const std::string prefix = absl::StrCat(target_.ref.name, "-");
  std::erase_if(left, [&](const Json& pod) {
    const Json& owners = GetArray(kubernetes::Metadata(pod), "ownerReferences");
    return std::none_of(owners.begin(), owners.end(), [&](const Json& owner) {
      return GetString(owner, "kind") == "ReplicaSet" &&
             absl::StartsWith(GetString(owner, "name"), prefix);
    });
  });
  return left;
}

absl::StatusOr<std::string> RolloutPort::PickReadyPod() const {
  for (const Json& pod : PodsOfRevision()) {
    if (kubernetes::IsPodReady(pod) && !kubernetes::IsBeingDeleted(pod)) {
      return kubernetes::NameOf(pod);
    }
  }
  return absl::NotFoundError(absl::StrCat("no pod of ", target_.ref.ToString(), " is ready"));
}

// An autoscaler may have been at work since the release was prepared.
void RolloutPort::KeepLiveValues(WorkloadWrite& write) const {
  if (write.kept.empty()) return;
  const Json live = Live();
  if (live.is_null()) return;
  std::vector<kubernetes::FieldChange> changes;
  for (const kubernetes::FieldPath& field : write.kept) {
    kubernetes::FieldChange change;
    change.path = field;
    if (const Json* value = kubernetes::FindField(live, field)) change.live = *value;
    changes.push_back(std::move(change));
  }
  write.manifest = kubernetes::ApplyChangesToManifest(write.manifest, changes);
}

absl::Status RolloutPort::WriteVersion(const engine::ApplyWorkload& action) {
  WorkloadWrite write = target_.new_version;
  if (action.version == engine::Version::kPrevious) {
    if (!target_.previous_version.has_value()) {
      return absl::FailedPreconditionError("there is no record of a version that ran before");
    }
    write = *target_.previous_version;
  }
  KeepLiveValues(write);
  if (action.halted) {
    // The other kinds cannot be halted: what was written goes on.
    if (target_.ref.kind != "Deployment") return absl::OkStatus();
    write.manifest["spec"]["paused"] = true;
  }
  DELIVERY_ASSIGN_OR_RETURN(kubernetes::ApplyResult result,
                            WriteWorkload(api_, write, WriteMode::kWrite, hard_stop_));
  log::Info("workload written",
            {{"workload", target_.ref.ToString()},
             {"generation", absl::StrCat(kubernetes::GenerationOf(result.object))},
             {"halted", action.halted ? "true" : "false"}});
  first_seen_.clear();
  no_pods_since_.reset();
  check_run_.reset();
  measure_run_.reset();
  if (result.created) made_unseen_ = true;
  last_write_ = std::move(result);
  last_version_ = action.version;
  written_at_ = clock_.Now();
  on_written_(*last_write_);
  return absl::OkStatus();
}

absl::Status RolloutPort::DeleteIt() {
  kubernetes::DeleteOptions options;
  options.propagation = kubernetes::Propagation::kForeground;
  // Not what somebody else made in its place.
  if (last_write_.has_value()) options.uid = kubernetes::UidOf(last_write_->object);
  const absl::Status deleted = api_.Delete(target_.ref, options, hard_stop_);
  if (!deleted.ok() && !absl::IsNotFound(deleted) && !IsTakenByAnother(deleted)) return deleted;
  return absl::OkStatus();
}

bool RolloutPort::IsTakenByAnother(const absl::Status& deleted) {
  if (!absl::IsAborted(deleted)) return false;
  const absl::StatusOr<Json> live = api_.Get(target_.ref, hard_stop_);
  return live.ok() && IsAnother(*live, last_write_);
}

void RolloutPort::WaitForChange(absl::Time deadline, const std::stop_token& stop) {
  signal_.Wait(seen_version_, std::min(deadline, clock_.Now() + kLookAgain), stop);
}

}  // namespace delivery::runner
