#include "resources/blue_green_refresh.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/slot_objects.h"
#include "resources/blue_green_setup.h"
#include "resources/manifest_value.h"
#include "resources/workload_change.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using value::Path;

constexpr char kDefaultLabel[] = "slot";

SlotRecord& SlotsOf(ReleaseRecord& record) {
  if (!record.slots.has_value()) record.slots.emplace();
  return *record.slots;
}

void SetActive(const std::string& slot, BlueGreenRelease& model, ReleaseRecord& record) {
  SlotsOf(record).active = slot;
  model.active_slot = slot;
  model.idle_slot = routing::OtherSlot(slot);
}

void SetFailed(BlueGreenRelease& model, std::string why) {
  ReleaseStatus verdict;
  if (model.status.is_known()) verdict = model.status.value();
  verdict.phase = std::string(phase::kFailed);
  verdict.message = std::move(why);
  SetVerdict(model.status, std::move(verdict));
}

std::string PhaseOf(const BlueGreenRelease& model) {
  return model.status.is_known() ? model.status->phase.value_or("") : "";
}

// What the switch says now; nullopt while it cannot be told.
struct SwitchLook {
  routing::SwitchTarget target;
  routing::SwitchState state;
  bool gone = false;
};
std::optional<SwitchLook> LookAtSwitch(const BlueGreenRefresh& refresh,
                                       const BlueGreenRelease& model, const SlotRecord& slots,
                                       Diagnostics& diagnostics) {
  const absl::StatusOr<BlueGreenJob> job = ToBlueGreenJob(model);
  if (!job.ok()) return std::nullopt;  // imported, and nothing applied since
  SwitchLook look{SwitchOf(*job, refresh.ref.namespace_name, slots.active), {}};
  const absl::StatusOr<Json> object =
      refresh.connection.api->Get(routing::SwitchObject(look.target), refresh.stop);
  look.gone = absl::IsNotFound(object.status());
  if (object.ok()) {
    look.state = routing::ReadSwitch(look.target, *object);
  } else if (!look.gone) {
    diagnostics.Warning(Path::Of("switch"), "It could not be told which slot serves",
                        std::string(object.status().message()));
    return std::nullopt;
  }
  return look;
}

// Somebody sent the traffic elsewhere.
void JudgeSwitch(const SwitchLook& look, const std::string& active, BlueGreenRelease& model,
                 Diagnostics& diagnostics) {
  if (!look.gone && look.state.slot == active) return;
  std::string what = absl::StrCat(
      routing::SwitchObject(look.target).ToString(), " ",
      look.gone ? std::string("was deleted") : routing::DescribeSwitch(look.target, look.state),
      look.gone ? "" : absl::StrCat(" instead of ", active));
  if (!look.gone) {
    absl::StrAppend(
        &what, look.state.manager.empty()
                   ? std::string(" (changed by somebody unknown)")
                   : absl::StrCat(" (changed by ", look.state.manager,
                                  look.state.written.has_value()
                                      ? absl::StrCat(" at ", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                                                                              *look.state.written,
                                                                              absl::UTCTimeZone()))
                                      : "",
                                  ")"));
  }
  diagnostics.Warning(Path::Of("switch"), "Drift: the traffic does not go to the slot that serves",
                      absl::StrCat(what, ". The next apply repairs it first."));
  SetFailed(model, std::move(what));
}

// The slot that served before: whether it is still there, and whether its time is over.
void RefreshKept(const BlueGreenRefresh& refresh, BlueGreenRelease& model, SlotRecord& slots) {
  model.previous_expired = false;
  slots.expired = false;
  if (slots.kept_identity.empty()) return;
  const kubernetes::ObjectRef ref = runner::SlotRef(refresh.ref, routing::OtherSlot(slots.active));
  const absl::StatusOr<Json> kept = refresh.connection.api->Get(ref, refresh.stop);
  if (!kept.ok() && !absl::IsNotFound(kept.status())) return;
  const int64_t size = kept.ok() ? GetInt(kubernetes::Spec(*kept), "replicas", 1) : 0;
  if (size == 0) {
    slots.kept_identity.clear();
    slots.kept_ready = false;
    return;
  }
  slots.kept_ready = GetInt(kubernetes::Status(*kept), "readyReplicas") >= size;
  absl::Time switched_at;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, slots.switched_at, &switched_at, &error)) return;
  slots.expired = refresh.now >= switched_at + KeepPrevious(model);
  model.previous_expired = slots.expired;
}

// The slot that waits must still be there.
void RefreshHeld(const BlueGreenRefresh& refresh, const engine::State& run, BlueGreenRelease& model,
                 PendingVersion& pending, Diagnostics& diagnostics) {
  if (!pending.abort_reason.empty()) return;
  const kubernetes::ObjectRef ref = runner::SlotRef(refresh.ref, run.slots->target);
  const absl::StatusOr<Json> slot = refresh.connection.api->Get(ref, refresh.stop);
  const bool gone =
      absl::IsNotFound(slot.status()) || (slot.ok() && kubernetes::IsBeingDeleted(*slot));
  if (!gone) return;
  pending.abort_reason =
      absl::StrCat(ref.ToString(), " was deleted by someone else while it was held");
  SetFailed(model, pending.abort_reason);
  diagnostics.Warning({}, absl::StrCat("The release of ", refresh.ref.ToString(), " fails"),
                      absl::StrCat(pending.abort_reason, ". The next apply rolls it back."));
}

// A process that was killed after its release could not record it: what serves is that.
void RecordWhatServes(const Json& live, BlueGreenRelease& model, ReleaseRecord& record) {
  if (!record.written.has_value() || !record.recorded.empty()) return;
  Json named = kubernetes::ProjectNamedFields(record.written->workload, live);
  named["metadata"]["name"] = kubernetes::NameOf(record.written->workload);
  WorkloadVersion version{value::FromPlainJson(named), record.written->images, named};
  if (version.images.is_known()) {
    const kubernetes::StringMap running = kubernetes::ImagesOf(live);
    for (auto& [container, image] : version.images.value()) {
      const auto found = running.find(container);
      if (found != running.end()) image = found->second;
    }
  }
  record.recorded = std::move(named);
  record.written = record.good = std::move(version);
  SlotsOf(record).kept_identity.clear();
  SetVerdict(model.status, EndedElsewhere(live));
}

// The journal is gone: another apply has ended the run, or somebody has deleted it.
void EndWithoutJournal(const Json& live, BlueGreenRelease& model, ReleaseRecord& record) {
  record.open_identity.clear();
  if (!record.pending.has_value()) {
    if (PhaseOf(model) == phase::kProgressing || PhaseOf(model) == phase::kInterrupted) {
      SetVerdict(model.status, EndedElsewhere(live));
    }
    return;
  }
  const WorkloadVersion version = record.pending->version;
  record.pending.reset();
  const Json named = kubernetes::ProjectNamedFields(version.workload, live);
  if (TemplateDiffers(version.workload, named)) {
    SetFailed(model,
              "the release was open and is not any more: its journal is gone, and the slot that "
              "serves does not run the new version");
    return;
  }
  SetVerdict(model.status, EndedElsewhere(live));
  record.written = record.good = version;
  record.recorded = named;
}

// The slot of Services or routes that name one; empty when there is none, or not only one.
std::string SlotByTraffic(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                          const Json& deployment, const std::stop_token& stop) {
  kubernetes::ListOptions here;
  here.namespace_name = ref.namespace_name;
  std::set<std::string> slots;
  const kubernetes::StringMap labels = kubernetes::TemplateLabelsOf(deployment);
  const absl::StatusOr<kubernetes::ObjectList> services = api.List("v1", "Service", here, stop);
  if (!services.ok()) return "";
  for (const Json& service : services->items) {
    kubernetes::StringMap selector =
        kubernetes::ToStringMap(GetObject(kubernetes::Spec(service), "selector"));
    const std::string slot = selector[kDefaultLabel];
    selector.erase(kDefaultLabel);
    const bool of_workload = !selector.empty() && std::includes(labels.begin(), labels.end(),
                                                                selector.begin(), selector.end());
    if (of_workload && !slot.empty() && !runner::IsOwnService(service)) slots.insert(slot);
    if (!of_workload || runner::IsOwnService(service)) continue;
    // Behind an Ingress or a route the Service stays as it is, and they name those of the slots.
    for (const auto& [version, kind] : {std::pair{"networking.k8s.io/v1", "Ingress"},
                                        std::pair{"gateway.networking.k8s.io/v1", "HTTPRoute"}}) {
      const absl::StatusOr<kubernetes::ObjectList> routes = api.List(version, kind, here, stop);
      if (!routes.ok()) continue;
      for (const Json& route : routes->items) {
        routing::SwitchTarget target;
        target.service = kubernetes::NameOf(service);
        target.namespace_name = ref.namespace_name;
        target.slot_label = kDefaultLabel;
        if (std::string_view(kind) == "Ingress") {
          target.by = routing::IngressSwitch{kubernetes::NameOf(route)};
        } else {
          target.by = routing::GatewaySwitch{kubernetes::NameOf(route)};
        }
        const std::string found = routing::ReadSwitch(target, route).slot;
        if (!found.empty()) slots.insert(found);
      }
    }
  }
  return slots.size() == 1 ? *slots.begin() : "";
}

}  // namespace

absl::StatusOr<Json> FindServingSlot(const BlueGreenRefresh& refresh, BlueGreenRelease& model,
                                     ReleaseRecord& record, Diagnostics& diagnostics) {
  SlotRecord& slots = SlotsOf(record);
  if (slots.active.empty()) slots.active = model.active_slot.value_or(routing::kSlots[0]);
  const auto look = LookAtSwitch(refresh, model, slots, diagnostics);
  // A process that was killed before it could record it has switched.
  const bool switched = look.has_value() && look->state.ours && !look->state.slot.empty();
  const std::string serving = switched ? look->state.slot : slots.active;
  // What is recorded is about the other slot.
  if (serving != slots.active) record.recorded = Json();
  SetActive(serving, model, record);
  const kubernetes::ObjectRef ref = runner::SlotRef(refresh.ref, slots.active);
  absl::StatusOr<Json> live = refresh.connection.api->Get(ref, refresh.stop);
  // Under the name that the user gave the workload: what the state says of it is compared.
  if (live.ok()) {
    return runner::WorkloadOfSlot(*live, model.slot_label.value_or(kDefaultLabel),
                                  refresh.ref.name);
  }
  if (!absl::IsNotFound(live.status())) return live;
  const kubernetes::ObjectRef other =
      runner::SlotRef(refresh.ref, routing::OtherSlot(slots.active));
  const absl::StatusOr<Json> rest = refresh.connection.api->Get(other, refresh.stop);
  if (!rest.ok()) return rest.status();
  record.recorded = Json();  // there is nothing to compare with
  SetFailed(model, absl::StrCat(ref.ToString(),
                                ", which serves, was deleted outside Terraform; the next apply "
                                "makes it anew"));
  diagnostics.Warning(Path::Of("manifest"), absl::StrCat(ref.ToString(), " was deleted"),
                      "It is the slot that serves. The next apply makes it anew.");
  return Json();
}

bool RefreshBlueGreen(const BlueGreenRefresh& refresh, const Json& live, BlueGreenRelease& model,
                      ReleaseRecord& record, Diagnostics& diagnostics) {
  SlotRecord& slots = SlotsOf(record);
  RefreshKept(refresh, model, slots);
  const absl::StatusOr<std::optional<OpenRun>> found =
      FindOpenRun(*refresh.connection.api, refresh.ref, refresh.now, refresh.stop);
  if (!found.ok()) {
    diagnostics.Warning({}, "It could not be told whether a release is open",
                        std::string(found.status().message()));
    return false;
  }
  if (!found->has_value()) {
    EndWithoutJournal(live, model, record);
    RecordWhatServes(live, model, record);
  }
  const bool alive = found->has_value() && (*found)->status.phase.value() == phase::kProgressing;
  const bool held = found->has_value() && !alive && (*found)->state.slots.has_value() &&
                    (*found)->state.step == engine::Step::kHeld && record.pending.has_value();
  if (held) RefreshHeld(refresh, (*found)->state, model, *record.pending, diagnostics);
  if (!found->has_value() || held) {
    const auto look = LookAtSwitch(refresh, model, slots, diagnostics);
    const bool was_good = record.good.has_value() || held;
    if (look.has_value() && was_good) JudgeSwitch(*look, slots.active, model, diagnostics);
    if (held) record.open_identity = (*found)->state.identity;
    return false;
  }
  const OpenRun& run = **found;
  record.open_identity = run.state.identity;
  // Could not be undone: the verdict stands, and the next apply goes on with it.
  if (!alive && PhaseOf(model) == phase::kFailed) return true;
  if (alive) {
    diagnostics.Warning({}, absl::StrCat(refresh.ref.ToString(), " is being released"),
                        run.status.message.value());
  }
  SetVerdict(model.status, run.status);
  return true;
}

absl::StatusOr<Json> FindSlotsForImport(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                                        const std::stop_token& stop, ReleaseRecord& record) {
  Json slots[2];
  for (size_t i = 0; i < 2; ++i) {
    const kubernetes::ObjectRef slot = runner::SlotRef(ref, routing::kSlots[i]);
    absl::StatusOr<Json> live = api.Get(slot, stop);
    if (absl::IsNotFound(live.status())) {
      const bool plain = api.Get(ref, stop).ok();
      return absl::FailedPreconditionError(absl::StrCat(
          plain ? absl::StrCat(ref.ToString(),
                               " is a plain Deployment, which has no slots and cannot be imported "
                               "without new pods. The guide \"Moving a Deployment to blue-green\" "
                               "shows the way.")
                : absl::StrCat(slot.ToString(),
                               " does not exist. A blue-green release can be imported once both of "
                               "its slots do, which is after its second release.")));
    }
    if (!live.ok()) return live.status();
    slots[i] = *std::move(live);
  }
  std::string active = SlotByTraffic(api, ref, slots[0], stop);
  const bool blue = GetInt(kubernetes::Spec(slots[0]), "replicas", 1) > 0;
  const bool green = GetInt(kubernetes::Spec(slots[1]), "replicas", 1) > 0;
  if (active.empty() && blue != green) active = routing::kSlots[blue ? 0 : 1];
  if (active.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "it cannot be told which slot of ", ref.ToString(),
        " serves: no Service, Ingress or HTTPRoute in its namespace names one of them only. Let "
        "the Service select the slot that serves (slot=blue or slot=green), then import."));
  }
  record.slots.emplace();
  record.slots->active = active;
  return runner::WorkloadOfSlot(slots[active == routing::kSlots[0] ? 0 : 1], kDefaultLabel,
                                ref.name);
}

}  // namespace delivery::resources
