#include "provider/runner/canary_port.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/drift.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/endpoints.h"
#include "provider/runner/first_list.h"

namespace delivery::runner {
namespace {

using engine::Step;

// A release waits for events, and for the times at which waiting becomes a failure.
constexpr absl::Duration kLookAgain = absl::Seconds(5);
constexpr absl::Duration kFirstListTimeout = absl::Seconds(45);

RolloutTarget CanaryRollout(const RolloutTarget& stable, const CanaryTarget& canary) {
  RolloutTarget target;
  target.ref = stable.ref;
  target.ref.name = canary.naming.deployment;
  target.new_version.manifest =
      CanaryDeployment(stable.new_version.manifest, canary.naming, canary.canary_labels, 1, "");
  target.schedule_timeout = stable.schedule_timeout;
  return target;
}

// Steps in which the stable Deployment rolls out, or should be well, so that its failures count.
bool ConcernsStable(const engine::State& state) {
  switch (state.step) {
    case Step::kRecordRoute:
    case Step::kPromote:
    case Step::kAwaitPromoted:
    case Step::kCheck:
    case Step::kRestore:
    case Step::kAwaitRestored:
      return true;
    default:
      return !engine::IsOfCanary(state);
  }
}

// Whether what was written last of the route is what should be there: not while it is being
// written.
bool RouteIsSettled(const engine::State& state) {
  return !state.canary.route_record.is_null() && state.step != Step::kRecordRoute &&
         state.step != Step::kSetWeight;
}

// Only what makes pods: replicas are an autoscaler's, and a halted rollout is our own.
Json TemplateOf(const Json& manifest) {
  return {{"spec", {{"template", kubernetes::PodTemplate(manifest)}}}};
}

}  // namespace

CanaryPort::CanaryPort(kubernetes::Api& api, Clock& clock, RolloutTarget stable,
                       CanaryTarget canary, RolloutPort::Written on_written,
                       std::stop_token hard_stop)
    : api_(api),
      clock_(clock),
      target_(std::move(canary)),
      new_version_(stable.new_version),
      previous_version_(stable.previous_version),
      after_promotion_(stable.checks.checks),
      hard_stop_(hard_stop),
      router_(routing::MakeTrafficRouter(api, target_.traffic)),
      canary_(
          api, clock, CanaryRollout(stable, target_), [](const kubernetes::ApplyResult&) {},
          hard_stop, signal_),
      stable_(api, clock, std::move(stable), std::move(on_written), std::move(hard_stop), signal_) {
}

absl::Status CanaryPort::Open(const std::stop_token& stop) {
  std::vector<const kubernetes::ObjectWatch*> watches;
  route_watches_ = router_->Watch(signal_);
  watches.insert(watches.end(), route_watches_.begin(), route_watches_.end());
  if (!target_.naming.service.empty()) {
    kubernetes::ListOptions one;
    one.namespace_name = CanaryServiceRef().namespace_name;
    one.field_selector = absl::StrCat("metadata.name=", target_.naming.service);
    service_ = api_.Watch("v1", "Service", one, signal_);
    watches.push_back(service_.get());
  }
  DELIVERY_RETURN_IF_ERROR(stable_.Open(stop));
  DELIVERY_RETURN_IF_ERROR(canary_.Open(stop));
  DELIVERY_RETURN_IF_ERROR(AwaitFirstLists(watches, signal_, clock_, kFirstListTimeout, stop));
  opened_stable_ = stable_.Live();
  opened_canary_ = canary_.Live();
  return absl::OkStatus();
}

kubernetes::ObjectRef CanaryPort::CanaryDeploymentRef() const {
  return {"apps/v1", "Deployment", kubernetes::NamespaceOf(new_version_.manifest),
          target_.naming.deployment};
}

kubernetes::ObjectRef CanaryPort::CanaryServiceRef() const {
  return {"v1", "Service", kubernetes::NamespaceOf(new_version_.manifest), target_.naming.service};
}

std::string CanaryPort::StableUid() const {
  const Json live = stable_.Live();
  if (!live.is_null()) return kubernetes::UidOf(live);
  return last_write().has_value() ? kubernetes::UidOf(last_write()->object) : "";
}

// By the reference to its owner. One that lost it is known by its label and by who applied it: the
// label alone could be copied, and Deployments of other resources are applied by the same manager.
bool CanaryPort::IsOurs(const Json& object) const {
  const std::string stable = kubernetes::NameOf(new_version_.manifest);
  const Json& owners = GetArray(kubernetes::Metadata(object), "ownerReferences");
  const bool owned = std::any_of(owners.begin(), owners.end(), [&](const Json& owner) {
    return GetString(owner, "kind") == "Deployment" && GetString(owner, "name") == stable;
  });
  if (owned) return true;
  const kubernetes::StringMap labels = kubernetes::LabelsOf(object);
  const auto label = labels.find("app.kubernetes.io/managed-by");
  return label != labels.end() && label->second == kubernetes::kFieldManager &&
         kubernetes::LastWriteBy(object, kubernetes::kFieldManager).has_value();
}

// What is seen.

engine::Observation CanaryPort::Observe(const engine::State& state) {
  seen_version_ = signal_.version();
  measures_stable_ = !engine::IsOfCanary(state);
  engine::Observation seen = stable_.Look(state, ConcernsStable(state));
  seen.canary = ObserveCanary(state);
  seen.route_record = std::exchange(route_record_, std::nullopt);
  seen.foreign_change = FindForeignChange(state);
  return seen;
}

engine::CanarySeen CanaryPort::ObserveCanary(const engine::State& state) {
  // Why it fails is of interest until it is taken back.
  const bool explain =
      engine::IsOfCanary(state) && state.canary.teardown == engine::Teardown::kNone;
  engine::Observation seen = canary_.Look(state, explain);
  engine::CanarySeen canary;
  canary.unreachable = seen.unreachable || (service_ != nullptr && !service_->status().ok());
  canary.blind = std::move(seen.blind);
  if (service_ != nullptr && kubernetes::IsFinalRefusal(service_->status())) {
    canary.blind = std::string(service_->status().message());
  }
  // A route that is not seen may have been rewritten.
  for (const kubernetes::ObjectWatch* watch : route_watches_) {
    if (watch->status().ok()) continue;
    canary.unreachable = true;
    if (kubernetes::IsFinalRefusal(watch->status())) {
      canary.blind = std::string(watch->status().message());
    }
  }
  const Json live = canary_.Live();
  // Somebody else's object of that name is not looked at.
  const bool foreign = !live.is_null() && !IsOurs(live);
  canary.exists = seen.exists && !foreign;
  canary.gone = IsGone(canary.exists);
  if (!canary.exists) {
    canary.progress_mark = canary.gone ? "gone" : "its pods end";
    return canary;
  }
  canary.observed = seen.observed;
  canary.complete = seen.complete;
  canary.deadline_exceeded = seen.deadline_exceeded;
  canary.progress_mark = std::move(seen.progress_mark);
  canary.failure = std::move(seen.failure);
  canary.ready = seen.ready;
  return canary;
}

bool CanaryPort::IsGone(bool deployment_exists) const {
  if (deployment_exists || !canary_.OrphanedPods().empty()) return false;
  if (service_ == nullptr) return true;
  const std::vector<Json> services = service_->Objects();
  return std::none_of(services.begin(), services.end(),
                      [this](const Json& service) { return IsOurs(service); });
}

std::optional<std::string> CanaryPort::FindForeignChange(const engine::State& state) {
  if (!engine::IsOfCanary(state) || state.canary.teardown != engine::Teardown::kNone) {
    return std::nullopt;
  }
  if (RouteIsSettled(state)) {
    const routing::RouteState route =
        router_->Look(state.canary.route_record, {.weight = state.canary.weight,
                                                  .match = state.canary.match,
                                                  .mirror = state.canary.mirror});
    if (route.foreign.has_value()) return route.foreign;
  }
  if (!target_.promotes) return FindEdit(canary_, new_version_.manifest, opened_canary_);
  const bool promoted = last_version() != engine::Version::kPrevious &&
                        (state.canary.stable_written || !previous_version_.has_value());
  const Json& stable = promoted ? new_version_.manifest : previous_version_->manifest;
  if (auto edit = FindEdit(stable_, stable, opened_stable_)) return edit;
  return FindEdit(canary_, new_version_.manifest, opened_canary_);
}

// A field of the pod template that `manifest` names, and that is not what it was after our last
// write or, before the first, when we began to look.
std::optional<std::string> CanaryPort::FindEdit(const RolloutPort& port, const Json& manifest,
                                                const Json& opened) const {
  const Json live = port.Live();
  const Json& before = port.last_write().has_value() ? port.last_write()->object : opened;
  if (live.is_null() || before.is_null() || kubernetes::UidOf(live) != kubernetes::UidOf(before) ||
      kubernetes::GenerationOf(live) <= kubernetes::GenerationOf(before)) {
    return std::nullopt;
  }
  const Json recorded = kubernetes::ProjectNamedFields(TemplateOf(manifest), before);
  const std::vector<kubernetes::FieldChange> changes = kubernetes::FindDrift(recorded, live, {});
  if (changes.empty()) return std::nullopt;
  const std::string more =
      changes.size() > 1 ? absl::StrCat(" and ", changes.size() - 1, " more") : "";
  return absl::StrCat(kubernetes::RefOf(live).ToString(),
                      " was changed by someone else during the release: ",
                      kubernetes::DescribeChange(changes.front()), more);
}

void CanaryPort::WaitForChange(absl::Time deadline, const std::stop_token& stop) {
  signal_.Wait(seen_version_, std::min(deadline, clock_.Now() + kLookAgain), stop);
}

// What is done.

absl::Status CanaryPort::Execute(const engine::Action& action) {
  if (std::holds_alternative<engine::RecordRoute>(action)) return RecordRoute();
  if (const auto* apply = std::get_if<engine::ApplyCanary>(&action)) {
    return ApplyCanary(apply->replicas);
  }
  if (const auto* traffic = std::get_if<engine::SetTraffic>(&action)) return SetTraffic(*traffic);
  if (const auto* restore = std::get_if<engine::RestoreRoute>(&action)) {
    return router_->Restore(restore->route_record, hard_stop_);
  }
  if (std::holds_alternative<engine::DeleteCanary>(action)) return DeleteCanary();
  if (const auto* checks = std::get_if<engine::RunChecks>(&action)) return RunChecks(*checks);
  if (std::holds_alternative<engine::Measure>(action)) {
    Measure();
    return absl::OkStatus();
  }
  return stable_.Execute(action);
}

absl::Status CanaryPort::RecordRoute() {
  DELIVERY_ASSIGN_OR_RETURN(route_record_, router_->Record(hard_stop_));
  return absl::OkStatus();
}

// Why an object of this name may not be written, if it may not.
absl::Status CanaryPort::Refuse(const kubernetes::ObjectRef& ref) {
  const absl::StatusOr<Json> live = api_.Get(ref, hard_stop_);
  if (absl::IsNotFound(live.status())) return absl::OkStatus();
  DELIVERY_RETURN_IF_ERROR(live.status());
  if (kubernetes::IsBeingDeleted(*live)) {
    return absl::UnavailableError(
        absl::StrCat(ref.ToString(), " of an earlier release is still being deleted"));
  }
  if (IsOurs(*live)) return absl::OkStatus();
  std::set<std::string> managers;
  for (const kubernetes::FieldOwner& owner : kubernetes::ManagersOf(*live)) {
    if (owner.subresource.empty()) managers.insert(owner.manager);
  }
  return absl::AlreadyExistsError(absl::StrCat(
      ref.ToString(), " exists already and was not made by this release (field managers: ",
      managers.empty() ? "unknown" : absl::StrJoin(managers, ", "), "). A ", target_.noun,
      " needs that name: delete or rename the object, then apply again."));
}

absl::Status CanaryPort::ApplyCanary(int replicas) {
  const std::string uid = StableUid();
  if (uid.empty()) {
    return absl::FailedPreconditionError(
        "the workload was deleted by someone else during the release");
  }
  DELIVERY_RETURN_IF_ERROR(Refuse(CanaryDeploymentRef()));
  if (service_ != nullptr) {
    DELIVERY_RETURN_IF_ERROR(Refuse(CanaryServiceRef()));
  }
  WorkloadWrite write;
  write.manifest =
      CanaryDeployment(new_version_.manifest, target_.naming, target_.canary_labels, replicas, uid);
  write.force = true;
  canary_.SetNewVersion(std::move(write));
  DELIVERY_RETURN_IF_ERROR(canary_.Execute(engine::ApplyWorkload{}));
  if (service_ == nullptr) return absl::OkStatus();
  const Json service = CanaryService(target_.service, target_.naming, target_.canary_labels, uid);
  kubernetes::ApplyOptions options;
  options.force = true;
  return api_.Apply(service, options, hard_stop_).status();
}

absl::Status CanaryPort::SetTraffic(const engine::SetTraffic& action) {
  const bool to_canary = action.weight > 0 || action.match || action.mirror > 0;
  // Back to stable: always, whatever its state is.
  if (to_canary) {
    DELIVERY_RETURN_IF_ERROR(CheckEndpoints(Side::kCanary));
  }
  if (to_canary && action.weight < 100) {
    DELIVERY_RETURN_IF_ERROR(CheckEndpoints(Side::kStable));
  }
  return router_->Set(action.route_record,
                      {.weight = action.weight,
                       .match = action.match,
                       .mirror = action.mirror,
                       .reserve = action.reserve},
                      hard_stop_);
}

absl::Status CanaryPort::CheckEndpoints(Side side) {
  const bool shared = target_.naming.service.empty();
  const std::string service = shared || side == Side::kStable
                                  ? routing::ServiceOf(target_.traffic.backend)
                                  : target_.naming.service;
  // Behind one Service both are told apart by their pods.
  std::set<std::string> pods;
  for (const Json& pod : (side == Side::kStable ? stable_ : canary_).AllPods()) {
    pods.insert(kubernetes::NameOf(pod));
  }
  const auto counts = [&](const std::string& pod) { return !shared || pods.contains(pod); };

  const kubernetes::ObjectRef ref = {"v1", "Service",
                                     kubernetes::NamespaceOf(new_version_.manifest), service};
  const absl::Status ready = RequireReadyEndpoint(api_, ref, counts, hard_stop_);
  if (!absl::IsUnavailable(ready) || kubernetes::GetApiError(ready).has_value()) return ready;
  return absl::UnavailableError(absl::StrCat(
      "No traffic is sent to the ", side == Side::kCanary ? target_.noun : "stable version", ": ",
      ref.ToString(), " has no ready endpoint of ",
      side == Side::kCanary ? target_.naming.deployment : kubernetes::NameOf(new_version_.manifest),
      ". Look at its selector, and at the readiness of these pods."));
}

absl::Status CanaryPort::DeleteCanary() {
  DELIVERY_RETURN_IF_ERROR(Delete(CanaryDeploymentRef(), kubernetes::Propagation::kForeground));
  if (service_ == nullptr) return absl::OkStatus();
  return Delete(CanaryServiceRef(), kubernetes::Propagation::kBackground);
}

// What is gone, or somebody else's, is done with.
absl::Status CanaryPort::Delete(const kubernetes::ObjectRef& ref,
                                kubernetes::Propagation propagation) {
  const absl::StatusOr<Json> live = api_.Get(ref, hard_stop_);
  if (absl::IsNotFound(live.status())) return absl::OkStatus();
  DELIVERY_RETURN_IF_ERROR(live.status());
  if (kubernetes::IsBeingDeleted(*live) || !IsOurs(*live)) return absl::OkStatus();
  kubernetes::DeleteOptions options;
  options.propagation = propagation;
  options.uid = kubernetes::UidOf(*live);
  const absl::Status deleted = api_.Delete(ref, options, hard_stop_);
  // Aborted: another object of that name by now.
  if (!deleted.ok() && !absl::IsNotFound(deleted) && !absl::IsAborted(deleted)) return deleted;
  log::Info("deleted", {{"object", ref.ToString()}});
  return absl::OkStatus();
}

absl::Status CanaryPort::RunChecks(const engine::RunChecks& action) {
  const auto start = [this](std::string phase, const std::vector<checks::Check>& checks) {
    stable_.StartChecks(std::move(phase), checks,
                        [this](checks::Side side, const std::stop_token&) {
                          return (side == checks::Side::kCanary ? canary_ : stable_).PickReadyPod();
                        });
    return absl::OkStatus();
  };
  switch (action.at) {
    case engine::CheckPoint::kBeforeTraffic:
      return start("before_traffic", target_.before_traffic);
    case engine::CheckPoint::kStep: {
      const auto of_step = target_.of_steps.find(action.step_index);
      if (of_step == target_.of_steps.end()) break;
      // Told apart: a Job or a gate of one step is not that of another.
      return start(absl::StrCat("step-", action.step_index + 1), of_step->second);
    }
    case engine::CheckPoint::kBeforePromotion:
      return start("before_promotion", target_.before_promotion);
    case engine::CheckPoint::kAfterPromotion:
      return start("after_promotion", after_promotion_);
  }
  return absl::InternalError(
      absl::StrCat("there are no checks for step ", action.step_index + 1, " of the release"));
}

void CanaryPort::Measure() {
  metrics::Side stable =
      stable_.SideOf(measures_stable_ ? stable_.PodsOfRevision()
                                      // While it is promoted both versions serve.
                                      : stable_.AllPods());
  stable.canary = target_.naming.deployment;
  stable.service = routing::ServiceOf(target_.traffic.backend);
  if (measures_stable_) return stable_.StartMeasuring({.judged = stable, .stable = stable});
  metrics::Side canary = stable;
  canary.workload = target_.naming.deployment;
  canary.pods = canary_.AllPods();
  stable_.StartMeasuring({.judged = std::move(canary), .stable = std::move(stable)});
}

}  // namespace delivery::runner
