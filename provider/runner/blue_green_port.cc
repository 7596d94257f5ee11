#include "provider/runner/blue_green_port.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/pod_failure.h"
#include "provider/routing/object_edit.h"
#include "provider/runner/endpoints.h"
#include "provider/runner/first_list.h"
#include "provider/runner/slot_objects.h"

namespace delivery::runner {
namespace {

using engine::Step;

constexpr absl::Duration kLookAgain = absl::Seconds(5);
constexpr absl::Duration kFirstListTimeout = absl::Seconds(45);
constexpr char kSwitch[] = "switch";    // in the record of the route
constexpr char kPreview[] = "preview";  // likewise; null: the Service is made by the run

std::string ActiveSlotOf(const routing::SwitchTarget& traffic) {
  return traffic.active.empty() ? routing::OtherSlot(traffic.target) : traffic.active;
}

WorkloadWrite InSlot(WorkloadWrite write, const std::string& slot_label, const std::string& slot) {
  write.manifest = SlotDeployment(write.manifest, slot_label, slot, std::nullopt);
  return write;
}

RolloutTarget SlotRollout(const RolloutTarget& workload, const std::string& slot_label,
                          const std::string& slot) {
  RolloutTarget target = workload;
  target.ref = SlotRef(workload.ref, slot);
  target.new_version = InSlot(workload.new_version, slot_label, slot);
  if (workload.previous_version.has_value()) {
    target.previous_version = InSlot(*workload.previous_version, slot_label, slot);
  }
  return target;
}

routing::SwitchTarget PreviewOf(const BlueGreenTarget& target) {
  routing::SwitchTarget preview = target.traffic;
  preview.by = routing::SelectorSwitch{};
  preview.service = target.preview_service;
  preview.active.clear();
  return preview;
}

// Whether what was written last of the route is what should be there: not while it is being
// written.
bool RouteIsSettled(const engine::State& state) {
  return engine::HasRouteRecord(state) && state.step != Step::kRecordRoute &&
         state.step != Step::kVerifySwitch && state.step != Step::kSwitch &&
         state.slots->teardown == engine::Teardown::kNone && !state.slots->in_place;
}

// Steps in which the slot that is released to has, and keeps, the new version.
bool TargetIsWritten(const engine::State& state) {
  switch (state.step) {
    case Step::kAwaitSlot:
    case Step::kCheckBeforePromotion:
    case Step::kAwaitFull:
    case Step::kSwitch:
    case Step::kAfterSwitch:
      return state.slots->teardown == engine::Teardown::kNone;
    default:
      return false;
  }
}

const Json& PartOf(const Json& record, const char* part) {
  static const auto* const none = new Json();
  const Json* found = Find(record, part);
  return found == nullptr ? *none : *found;
}

}  // namespace

BlueGreenPort::BlueGreenPort(kubernetes::Api& api, Clock& clock, const RolloutTarget& workload,
                             BlueGreenTarget target, RolloutPort::Written on_written,
                             std::stop_token hard_stop)
    : api_(api),
      clock_(clock),
      workload_(workload.ref),
      slots_(std::move(target)),
      active_slot_(ActiveSlotOf(slots_.traffic)),
      new_version_(workload.new_version),
      after_promotion_(workload.checks.checks),
      hard_stop_(hard_stop),
      router_(routing::MakeSwitchRouter(api, slots_.traffic)),
      preview_(slots_.preview_service.empty() ? nullptr
                                              : routing::MakeSwitchRouter(api, PreviewOf(slots_))),
      active_(api, clock, SlotRollout(workload, slots_.traffic.slot_label, active_slot_),
              on_written, hard_stop, signal_),
      target_(
          api, clock, SlotRollout(workload, slots_.traffic.slot_label, slots_.traffic.target),
          // Owner of what a run keeps is the slot that stays, whatever becomes of the run.
          [first = slots_.traffic.active.empty(), on_written](const auto& result) {
            if (first) on_written(result);
          },
          hard_stop, signal_) {}

absl::Status BlueGreenPort::Open(const std::stop_token& stop) {
  route_watches_ = router_->Watch(signal_);
  const std::vector<const kubernetes::ObjectWatch*> watches(route_watches_.begin(),
                                                            route_watches_.end());
  DELIVERY_RETURN_IF_ERROR(active_.Open(stop));
  DELIVERY_RETURN_IF_ERROR(target_.Open(stop));
  return AwaitFirstLists(watches, signal_, clock_, kFirstListTimeout, stop);
}

kubernetes::ObjectRef BlueGreenPort::ServiceRef(const std::string& name) const {
  return {"v1", "Service", workload_.namespace_name, name};
}

kubernetes::ObjectRef BlueGreenPort::DeploymentRef(const std::string& slot) const {
  return SlotRef(workload_, slot);
}

// What is seen.

engine::Observation BlueGreenPort::Observe(const engine::State& state) {
  seen_version_ = signal_.version();
  in_place_ = state.slots.has_value() && state.slots->in_place;
  switched_ = state.slots.has_value() && state.slots->switched;
  const bool goes_on = state.slots.has_value() && state.slots->teardown == engine::Teardown::kNone;
  engine::Observation seen = active_.Look(state, /*explain=*/in_place_);
  engine::Observation target = target_.Look(state, /*explain=*/goes_on && !in_place_);
  if (!in_place_) {
    seen.checks = target.checks;
    seen.check_failure = target.check_failure;
    seen.measured = target.measured;
  }
  seen.canary = ObserveTarget(state, std::move(target));
  seen.route_record = std::exchange(route_record_, std::nullopt);
  if (state.slots.has_value()) seen.foreign_change = FindForeignChange(state);
  return seen;
}

engine::CanarySeen BlueGreenPort::ObserveTarget(const engine::State&,
                                                engine::Observation seen) const {
  engine::CanarySeen slot;
  slot.unreachable = seen.unreachable;
  slot.blind = std::move(seen.blind);
  // A route that is not seen may have been rewritten.
  for (const kubernetes::ObjectWatch* watch : route_watches_) {
    if (watch->status().ok()) continue;
    slot.unreachable = true;
    if (kubernetes::IsFinalRefusal(watch->status())) {
      slot.blind = std::string(watch->status().message());
    }
  }
  const Json live = target_.Live();
  slot.exists = seen.exists && (live.is_null() || HasTarget());
  slot.gone = !slot.exists && target_.OrphanedPods().empty();
  if (!slot.exists) {
    slot.progress_mark = slot.gone ? "gone" : "its pods end";
    return slot;
  }
  slot.observed = seen.observed;
  slot.complete = seen.complete;
  slot.deadline_exceeded = seen.deadline_exceeded;
  slot.progress_mark = std::move(seen.progress_mark);
  slot.failure = std::move(seen.failure);
  slot.ready = seen.ready;
  slot.has_new = TargetHasNew(live);
  return slot;
}

bool BlueGreenPort::HasTarget() const {
  return IsSlot(target_.Live(), slots_.traffic.slot_label, slots_.traffic.target);
}

bool BlueGreenPort::TargetHasNew(const Json& live) const {
  if (live.is_null()) return false;
  const Json wanted = {{"spec",
                        {{"template", kubernetes::PodTemplate(SlotDeployment(
                                          new_version_.manifest, slots_.traffic.slot_label,
                                          slots_.traffic.target, std::nullopt))}}}};
  return kubernetes::ChangedFields(kubernetes::ProjectNamedFields(wanted, live), wanted).empty();
}

std::optional<std::string> BlueGreenPort::FindForeignChange(const engine::State& state) {
  if (RouteIsSettled(state)) {
    const routing::RouteState route = router_->Look(PartOf(state.slots->route_record, kSwitch),
                                                    {.weight = state.slots->switched ? 100 : 0});
    if (route.foreign.has_value()) return route.foreign;
  }
  const Json live = target_.Live();
  const bool behind =
      target_.last_write().has_value() &&
      kubernetes::GenerationOf(live) < kubernetes::GenerationOf(target_.last_write()->object);
  if (!TargetIsWritten(state) || live.is_null() || behind || TargetHasNew(live)) {
    return std::nullopt;
  }
  return absl::StrCat("the pod template of ", kubernetes::RefOf(live).ToString(),
                      " was changed by someone else during the release");
}

void BlueGreenPort::WaitForChange(absl::Time deadline, const std::stop_token& stop) {
  signal_.Wait(seen_version_, std::min(deadline, clock_.Now() + kLookAgain), stop);
}

// What is done.

absl::Status BlueGreenPort::Execute(const engine::Action& action) {
  if (std::holds_alternative<engine::RecordRoute>(action)) return RecordRoute();
  if (const auto* write = std::get_if<engine::ApplyCanary>(&action)) {
    return WriteTarget(write->replicas);
  }
  if (const auto* traffic = std::get_if<engine::SetTraffic>(&action)) return SetTraffic(*traffic);
  if (const auto* restore = std::get_if<engine::RestoreRoute>(&action)) {
    return router_->Restore(PartOf(restore->route_record, kSwitch), hard_stop_);
  }
  if (const auto* preview = std::get_if<engine::PointPreview>(&action)) {
    return PointPreview(*preview);
  }
  if (const auto* empty = std::get_if<engine::EmptySlot>(&action)) {
    return Empty(empty->target ? slots_.traffic.target : active_slot_);
  }
  if (std::holds_alternative<engine::DeleteCanary>(action)) return DeleteTarget();
  if (in_place_) return active_.Execute(action);
  if (const auto* checks = std::get_if<engine::RunChecks>(&action)) return RunChecks(*checks);
  if (std::holds_alternative<engine::Measure>(action)) {
    Measure();
    return absl::OkStatus();
  }
  return active_.Execute(action);
}

absl::Status BlueGreenPort::RecordRoute() {
  Json record = Json::object();
  DELIVERY_ASSIGN_OR_RETURN(record[kSwitch], router_->Record(hard_stop_));
  if (preview_ != nullptr) {
    absl::StatusOr<Json> preview = preview_->Record(hard_stop_);
    if (!preview.ok() && !absl::IsNotFound(preview.status())) return preview.status();
    record[kPreview] = preview.ok() ? *std::move(preview) : Json();
  }
  route_record_ = std::move(record);
  return absl::OkStatus();
}

absl::Status BlueGreenPort::WriteTarget(int replicas) {
  const kubernetes::ObjectRef ref = DeploymentRef(slots_.traffic.target);
  const absl::StatusOr<Json> live = api_.Get(ref, hard_stop_);
  if (!live.ok() && !absl::IsNotFound(live.status())) return live.status();
  if (live.ok() && kubernetes::IsBeingDeleted(*live)) {
    return absl::UnavailableError(
        absl::StrCat(ref.ToString(), " of an earlier release is still being deleted"));
  }
  if (live.ok() && !IsSlot(*live, slots_.traffic.slot_label, slots_.traffic.target)) {
    return absl::AlreadyExistsError(absl::StrCat(
        ref.ToString(), " exists already and was not made by a release of ", workload_.ToString(),
        ". The slot needs that name: delete or rename the object, then apply again."));
  }
  WorkloadWrite write = new_version_;
  write.manifest = SlotDeployment(new_version_.manifest, slots_.traffic.slot_label,
                                  slots_.traffic.target, replicas);
  // Live values are those of the slot that serves.
  write.kept.clear();
  write.agreed.push_back(kubernetes::FieldPath() / "spec" / "replicas");
  target_.SetNewVersion(std::move(write));
  DELIVERY_RETURN_IF_ERROR(target_.Execute(engine::ApplyWorkload{}));
  return ApplySlotService(slots_.traffic.target, kubernetes::UidOf(target_.last_write()->object));
}

absl::Status BlueGreenPort::ApplySlotService(const std::string& slot, const std::string& uid) {
  if (!routing::NeedsSlotServices(slots_.traffic.by) || uid.empty()) return absl::OkStatus();
  const Json service =
      SlotServiceObject(slots_.service, routing::SlotService(slots_.traffic.service, slot),
                        slots_.traffic.slot_label, slot, SlotName(workload_.name, slot), uid);
  return api_.Apply(service, {.force = true}, hard_stop_).status();
}

absl::Status BlueGreenPort::SetTraffic(const engine::SetTraffic& action) {
  const std::string& slot = action.weight > 0 ? slots_.traffic.target : active_slot_;
  if (action.weight == 0) {
    // It may have been deleted; the write back must not wait for it.
    const Json live = active_.Live();
    const absl::Status there =
        live.is_null() ? absl::OkStatus() : ApplySlotService(slot, kubernetes::UidOf(live));
    if (!there.ok()) log::Warn("Service of the slot", {{"error", std::string(there.message())}});
  } else {
    const absl::StatusOr<std::string> pod = target_.PickReadyPod();
    if (!pod.ok()) return absl::UnavailableError(pod.status().message());
    if (routing::NeedsSlotServices(slots_.traffic.by)) {
      DELIVERY_RETURN_IF_ERROR(RequireReadyEndpoint(
          api_, ServiceRef(routing::SlotService(slots_.traffic.service, slot)),
          [](const std::string&) { return true; }, hard_stop_));
    }
  }
  return router_->Set(PartOf(action.route_record, kSwitch), {.weight = action.weight}, hard_stop_);
}

// A preview Service that nobody made is the run's own.
absl::Status BlueGreenPort::MakePreview() {
  const Json live = target_.Live();
  const Json& owner = live.is_null() ? active_.Live() : live;
  Json service =
      SlotServiceObject(slots_.service, slots_.preview_service, slots_.traffic.slot_label,
                        slots_.traffic.target, kubernetes::NameOf(owner), kubernetes::UidOf(owner));
  if (owner.is_null()) service["metadata"].erase("ownerReferences");
  return api_.Apply(service, {.force = true}, hard_stop_).status();
}

absl::Status BlueGreenPort::PointPreview(const engine::PointPreview& action) {
  const Json& record = PartOf(action.route_record, kPreview);
  if (preview_ == nullptr) return absl::OkStatus();
  if (record.is_null()) {
    if (action.to_target) return MakePreview();
    return Delete(ServiceRef(slots_.preview_service), kubernetes::Propagation::kBackground);
  }
  return action.to_target ? preview_->Set(record, {.weight = 100}, hard_stop_)
                          : preview_->Restore(record, hard_stop_);
}

absl::Status BlueGreenPort::Empty(const std::string& slot) {
  const kubernetes::ObjectRef ref = DeploymentRef(slot);
  // The controllers write the object, too: look again a few times.
  constexpr int kAttempts = 5;
  absl::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const absl::StatusOr<Json> live = api_.Get(ref, hard_stop_);
    if (absl::IsNotFound(live.status())) return absl::OkStatus();
    if (!live.ok()) return live.status();
    if (!IsSlot(*live, slots_.traffic.slot_label, slot)) return absl::OkStatus();
    routing::ObjectEdit edit(*live);
    edit.Set("/spec/replicas", 0);
    if (edit.empty()) return absl::OkStatus();
    status = api_.JsonPatch(ref, edit.Operations(), {}, hard_stop_).status();
    if (status.ok()) log::Info("slot scaled to zero", {{"slot", ref.ToString()}});
    if (!absl::IsAborted(status) && !absl::IsInvalidArgument(status)) return status;
  }
  return status;
}

absl::Status BlueGreenPort::DeleteTarget() {
  DELIVERY_RETURN_IF_ERROR(
      Delete(DeploymentRef(slots_.traffic.target), kubernetes::Propagation::kForeground));
  if (!routing::NeedsSlotServices(slots_.traffic.by)) return absl::OkStatus();
  return Delete(ServiceRef(routing::SlotService(slots_.traffic.service, slots_.traffic.target)),
                kubernetes::Propagation::kBackground);
}

// What is gone, or somebody else's, is done with.
absl::Status BlueGreenPort::Delete(const kubernetes::ObjectRef& ref,
                                   kubernetes::Propagation propagation) {
  const absl::StatusOr<Json> live = api_.Get(ref, hard_stop_);
  if (absl::IsNotFound(live.status())) return absl::OkStatus();
  DELIVERY_RETURN_IF_ERROR(live.status());
  const bool ours = ref.kind == "Deployment"
                        ? IsSlot(*live, slots_.traffic.slot_label, slots_.traffic.target)
                        : IsOwnService(*live);
  if (kubernetes::IsBeingDeleted(*live) || !ours) return absl::OkStatus();
  kubernetes::DeleteOptions options;
  options.propagation = propagation;
  options.uid = kubernetes::UidOf(*live);
  const absl::Status deleted = api_.Delete(ref, options, hard_stop_);
  // Aborted: another object of that name by now.
  if (!deleted.ok() && !absl::IsNotFound(deleted) && !absl::IsAborted(deleted)) return deleted;
  log::Info("deleted", {{"object", ref.ToString()}});
  return absl::OkStatus();
}

absl::Status BlueGreenPort::RunChecks(const engine::RunChecks& action) {
  const bool before = action.at == engine::CheckPoint::kBeforePromotion;
  // Stable is what serves.
  const RolloutPort& serving = switched_ ? target_ : active_;
  const RolloutPort& idle = switched_ ? active_ : target_;
  target_.StartChecks(before ? "before_promotion" : "after_promotion",
                      before ? slots_.before_promotion : after_promotion_,
                      [&serving, &idle](checks::Side side, const std::stop_token&) {
                        return (side == checks::Side::kCanary ? idle : serving).PickReadyPod();
                      });
  return absl::OkStatus();
}

void BlueGreenPort::Measure() {
  metrics::Side judged = target_.SideOf(target_.AllPods());
  judged.name = workload_.name;
  judged.canary = judged.workload;
  judged.stable = SlotName(workload_.name, active_slot_);
  judged.service = slots_.traffic.service;
  target_.StartMeasuring({.judged = std::move(judged), .stable = {}});
}

}  // namespace delivery::runner
