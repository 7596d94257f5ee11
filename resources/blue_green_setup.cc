#include "resources/blue_green_setup.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/canary_objects.h"
#include "provider/runner/journal.h"
#include "provider/runner/slot_objects.h"
#include "resources/manifest_value.h"
#include "resources/workload_change.h"
#include "resources/workload_plan.h"

namespace delivery::resources {
namespace {

using kubernetes::ObjectRef;
using kubernetes::StringMap;

constexpr size_t kLongestServiceName = 63;

struct SlotsOfRun {
  std::string active;  // empty: none serves
  std::string target;
};

// What was never good is no version to go back to.
bool HasGoodVersion(const ReleaseJob& job) {
  const ReleaseRecord& record = job.planned.record;
  return job.prior.has_value() && (record.good.has_value() || record.imported);
}

SlotsOfRun SlotsOf(const ReleaseJob& job, const Prepared& prepared) {
  const bool open = prepared.open.has_value() && prepared.open->state.slots.has_value();
  if (open) {
    const engine::BlueGreenState& found = *prepared.open->state.slots;
    const bool ended = found.teardown == engine::Teardown::kPromoted && !found.in_place;
    if (!ended || prepared.open->state.identity == TemplateIdentity(prepared.intent.workload)) {
      return {found.active, found.target};
    }
    return {found.target, routing::OtherSlot(found.target)};
  }
  const std::optional<SlotRecord>& slots = job.planned.record.slots;
  const std::string active = slots.has_value() ? slots->active : "";
  if (!HasGoodVersion(job)) return {"", active.empty() ? routing::kSlots[0] : active};
  return {active, routing::OtherSlot(active)};
}

class Setup {
 public:
  Setup(const Connection& connection, const ReleaseJob& job, const Prepared& prepared,
        const std::stop_token& stop)
      : api_(*connection.api),
        job_(*job.blue_green),
        prepared_(prepared),
        slots_(SlotsOf(job, prepared)),
        first_(slots_.active.empty()),
        open_(prepared.open.has_value()),
        stop_(stop) {}

  absl::StatusOr<runner::BlueGreenTarget> Run() {
    runner::BlueGreenTarget target;
    target.traffic = SwitchOf(job_, prepared_.ref.namespace_name, slots_.active);
    target.traffic.target = slots_.target;
    target.preview_service = job_.preview_service;
    target.before_promotion = job_.before_promotion;
    DELIVERY_ASSIGN_OR_RETURN(target.service, GetService());
    // Taking an open run back must not fail for what has become wrong meanwhile.
    if (open_) return target;
    if (first_) {
      DELIVERY_RETURN_IF_ERROR(RequireNoPlainWorkload());
    }
    DELIVERY_RETURN_IF_ERROR(CheckService(target));
    DELIVERY_RETURN_IF_ERROR(CheckPorts(target.service));
    DELIVERY_RETURN_IF_ERROR(RequireFree());
    if (first_ && !routing::NeedsSlotServices(job_.by)) {
      DELIVERY_RETURN_IF_ERROR(RequireOwnPods(target.service));
    }
    DELIVERY_RETURN_IF_ERROR(CheckSwitch(target.traffic));
    return target;
  }

 private:
  ObjectRef ServiceRef(const std::string& name) const {
    return {"v1", "Service", prepared_.ref.namespace_name, name};
  }

  absl::StatusOr<Json> GetService() {
    const ObjectRef ref = ServiceRef(job_.service);
    absl::StatusOr<Json> service = api_.Get(ref, stop_);
    if (!absl::IsNotFound(service.status())) return service;
    return absl::NotFoundError(
        absl::StrCat(ref.ToString(),
                     " does not exist. Create it first, or correct service. Nothing was "
                     "changed."));
  }

  // A Deployment of the name itself would go on beside the slots, behind the same Service.
  absl::Status RequireNoPlainWorkload() {
    const absl::StatusOr<Json> live = api_.Get(prepared_.ref, stop_);
    if (absl::IsNotFound(live.status())) return absl::OkStatus();
    if (!live.ok()) return live.status();
    return absl::FailedPreconditionError(absl::StrCat(
        prepared_.ref.ToString(),
        " exists already as a plain Deployment. A blue-green release runs ",
        runner::SlotName(prepared_.ref.name, "blue"), " and ",
        runner::SlotName(prepared_.ref.name, "green"),
        " instead, whose pods are others, so it cannot be taken over as it is. The guide \"Moving "
        "a "
        "Deployment to blue-green\" shows the way without downtime. Nothing was changed."));
  }

  absl::Status CheckService(const runner::BlueGreenTarget& target) {
    const Json& spec = kubernetes::Spec(target.service);
    const std::string what = ServiceRef(job_.service).ToString();
    StringMap selector = kubernetes::ToStringMap(GetObject(spec, "selector"));
    const routing::SwitchState state = routing::ReadSwitch(target.traffic, target.service);
    const auto own = selector.find(job_.slot_label);
    const bool by_selector = !routing::NeedsSlotServices(job_.by);
    if (own != selector.end() && (state.slot.empty() || (first_ && !state.ours) || !by_selector)) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, " selects by the label ", job_.slot_label, " already (",
                       job_.slot_label, "=", own->second,
                       "), which the slots are told apart by. Choose another slot_label, or take "
                       "it out of the selector. Nothing was changed."));
    }
    selector.erase(job_.slot_label);
    if (GetString(spec, "type") == "ExternalName" || selector.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          what,
          " has no selector, so no slot can be selected by it. Name a Service that selects "
          "the pods of ",
          prepared_.ref.ToString(), ". Nothing was changed."));
    }
    if (runner::Selects(selector, kubernetes::TemplateLabelsOf(prepared_.intent.workload))) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat(
        what, " selects ", kubernetes::LabelsToSelector(selector), ", which the pods of ",
        prepared_.ref.ToString(),
        " are not. Name the Service of these pods in service, or correct the labels of the pod "
        "template. Nothing was changed."));
  }

  // Of the containers that say which ports they have.
  absl::Status CheckPorts(const Json& service) {
    std::set<std::string> names;
    std::set<int64_t> numbers;
    for (const auto& one : kubernetes::ContainersOf(prepared_.intent.workload)) {
      for (const Json& port : GetArray(*one.container, "ports")) {
        names.insert(GetString(port, "name"));
        numbers.insert(GetInt(port, "containerPort"));
      }
    }
    for (const Json& port : GetArray(kubernetes::Spec(service), "ports")) {
      const Json* target = ::delivery::Find(port, "targetPort");
      const bool named = target != nullptr && target->is_string();
      const int64_t number = GetInt(port, "targetPort", GetInt(port, "port"));
      const bool has = named ? names.contains(target->get<std::string>())
                             : numbers.empty() || numbers.contains(number);
      if (has) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          ServiceRef(job_.service).ToString(), " sends requests to port ",
          named ? target->get<std::string>() : absl::StrCat(number), ", which no container of ",
          prepared_.ref.ToString(),
          " has. Correct targetPort of the Service, or add the port to the container's ports. "
          "Nothing was changed."));
    }
    return absl::OkStatus();
  }

  // What has the name of a slot, or of its Service, must be ours.
  absl::Status RequireFree() {
    for (const char* slot : routing::kSlots) {
      const ObjectRef ref = runner::SlotRef(prepared_.ref, slot);
      const absl::StatusOr<Json> live = api_.Get(ref, stop_);
      if (!live.ok() && !absl::IsNotFound(live.status())) return live.status();
      if (live.ok() && !runner::IsSlot(*live, job_.slot_label, slot)) return Taken(ref);
      if (!routing::NeedsSlotServices(job_.by)) continue;
      const ObjectRef service = ServiceRef(routing::SlotService(job_.service, slot));
      if (service.name.size() > kLongestServiceName) {
        return absl::InvalidArgumentError(absl::StrCat(
            "The Service \"", service.name, "\" of a slot would have ", service.name.size(),
            " characters; Kubernetes allows 63. Give service a shorter name."));
      }
      const absl::StatusOr<Json> found = api_.Get(service, stop_);
      if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
      if (found.ok() && !runner::IsOwnService(*found)) return Taken(service);
    }
    return absl::OkStatus();
  }

  absl::Status Taken(const ObjectRef& ref) const {
    return absl::AlreadyExistsError(absl::StrCat(
        ref.ToString(), " exists already and is not of this release, which would make a ", ref.kind,
        " of that name for a slot. Rename or delete it. Nothing was changed."));
  }

  // The first switch would take the Service away from others.
  absl::Status RequireOwnPods(const Json& service) {
    kubernetes::ListOptions selected;
    selected.namespace_name = prepared_.ref.namespace_name;
    StringMap selector = kubernetes::ToStringMap(GetObject(kubernetes::Spec(service), "selector"));
    selector.erase(job_.slot_label);
    selected.label_selector = kubernetes::LabelsToSelector(selector);
    DELIVERY_ASSIGN_OR_RETURN(kubernetes::ObjectList pods, api_.List("v1", "Pod", selected, stop_));
    std::vector<std::string> others;
    for (const Json& pod : pods.items) {
      const StringMap labels = kubernetes::LabelsOf(pod);
      if (!labels.contains(job_.slot_label) && !kubernetes::IsBeingDeleted(pod)) {
        others.push_back(kubernetes::NameOf(pod));
      }
    }
    if (others.empty()) return absl::OkStatus();
    std::sort(others.begin(), others.end());
    return absl::FailedPreconditionError(
        absl::StrCat(ServiceRef(job_.service).ToString(),
                     " selects pods that are not of this workload (", absl::StrJoin(others, ", "),
                     "), which would lose its requests with the first switch. "
                     "Give the workload a Service of its own. Nothing was changed."));
  }

  absl::Status CheckSwitch(const routing::SwitchTarget& traffic) {
    const absl::Status record = routing::MakeSwitchRouter(api_, traffic)->Record(stop_).status();
    if (!record.ok()) {
      return absl::Status(record.code(),
                          absl::StrCat(std::string(record.message()), " Nothing was changed."));
    }
    const absl::StatusOr<Json> live = api_.Get(routing::SwitchObject(traffic), stop_);
    if (!live.ok()) return live.status();
    const routing::SwitchState state = routing::ReadSwitch(traffic, *live);
    if (first_ || !state.ours || state.slot.empty() || state.slot == slots_.active) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat("another apply has switched to slot ", state.slot,
                     " since this was planned. Nothing was changed; plan again."));
  }

  kubernetes::Api& api_;
  const BlueGreenJob& job_;
  const Prepared& prepared_;
  const SlotsOfRun slots_;
  const bool first_;
  const bool open_;
  const std::stop_token& stop_;
};

// The manifest's, unless somebody else may change it.
std::optional<int> ReplicasOf(const ReleaseJob& job, const Prepared& prepared) {
  const kubernetes::FieldPath field = kubernetes::FieldPath() / "spec" / "replicas";
  const Json* replicas = kubernetes::FindField(prepared.declared, field);
  if (replicas == nullptr || !replicas->is_number_integer()) return std::nullopt;
  const std::vector<kubernetes::FieldPath> ignored = IgnoredFields(job.planned.arguments);
  const bool theirs = std::any_of(ignored.begin(), ignored.end(),
                                  [&](const auto& pattern) { return pattern.Covers(field); });
  return theirs ? std::nullopt : std::optional(replicas->get<int>());
}

}  // namespace

bool ReleasesBySwitch(const ReleaseJob& job, const Json& declared,
                      const std::string& open_identity) {
  if (!job.blue_green.has_value()) return false;
  if (!HasGoodVersion(job)) return true;
  if (!open_identity.empty() && open_identity == TemplateIdentity(declared)) return true;
  const ReleaseRecord& record = job.planned.record;
  if (record.written.has_value()) return TemplateDiffers(record.written->workload, declared);
  const Json had = ToPartialJson(job.prior->arguments.manifest.value()).json;
  return TemplateDiffers(kubernetes::ProjectNamedFields(declared, had), declared);
}

kubernetes::ObjectRef ServingSlotRef(const ReleaseJob& job, const Prepared& prepared) {
  const SlotsOfRun slots = SlotsOf(job, prepared);
  return runner::SlotRef(prepared.ref, slots.active.empty() ? slots.target : slots.active);
}

bool HasOtherSlot(const Connection& connection, const ReleaseJob& job, const Prepared& prepared,
                  const std::stop_token& stop) {
  if (!job.blue_green.has_value()) return false;
  const SlotsOfRun slots = SlotsOf(job, prepared);
  const std::string serving = slots.active.empty() ? slots.target : slots.active;
  const ObjectRef other = runner::SlotRef(prepared.ref, routing::OtherSlot(serving));
  return connection.api->Get(other, stop).ok();
}

absl::StatusOr<runner::BlueGreenTarget> SetUpBlueGreen(const Connection& connection,
                                                       const ReleaseJob& job,
                                                       const Prepared& prepared,
                                                       const std::stop_token& stop) {
  return Setup(connection, job, prepared, stop).Run();
}

engine::BlueGreenPlan BlueGreenPlanOf(const ReleaseJob& job, const Prepared& prepared) {
  const BlueGreenJob& asked = *job.blue_green;
  const ReleaseRecord& record = job.planned.record;
  engine::BlueGreenPlan plan;
  plan.active = prepared.blue_green->traffic.active;
  plan.target = prepared.blue_green->traffic.target;
  plan.in_place = !prepared.by_switch;
  const SlotRecord slots = record.slots.value_or(SlotRecord());
  plan.retire_previous = slots.expired;
  plan.write_active = !slots.expired || !record.drifted.empty() || !prepared.live.has_value() ||
                      (record.written.has_value() &&
                       DiffersOutsideTemplate(record.written->workload, prepared.declared));
  plan.returns = slots.kept_ready && slots.kept_identity == TemplateIdentity(prepared.declared);
  plan.preview_replicas = asked.preview_replicas;
  plan.replicas = ReplicasOf(job, prepared);
  plan.approved = asked.approved;
  plan.has_preview = !asked.preview_service.empty();
  plan.checks_before_promotion = !asked.before_promotion.empty();
  plan.keep_previous = asked.keep_previous;
  const bool same_run =
      prepared.open.has_value() && prepared.open->state.identity == prepared.identity;
  if (record.pending.has_value() && same_run) plan.abort_reason = record.pending->abort_reason;
  return plan;
}

Json RehearsedSlot(const runner::BlueGreenTarget& target, bool by_switch, const Json& workload) {
  const std::string& slot = by_switch ? target.traffic.target : target.traffic.active;
  return runner::SlotDeployment(workload, target.traffic.slot_label, slot, std::nullopt);
}

void AddNeedsOfSlots(const ReleaseJob& job, PermissionNeeds& needs) {
  const BlueGreenJob& asked = *job.blue_green;
  const ObjectRef ref =
      kubernetes::RefOf(ToPartialJson(job.planned.arguments.manifest.value()).json);
  const std::optional<SlotRecord>& slots = job.planned.record.slots;
  const std::string active = slots.has_value() ? slots->active : "";
  needs.run_object = runner::RunObjectName(ref);
  needs.canary.emplace();
  needs.canary->deployment = runner::SlotName(ref.name, routing::OtherSlot(active));
  needs.canary->makes_service =
      routing::NeedsSlotServices(asked.by) || !asked.preview_service.empty();
  needs.canary->routes = {routing::SwitchObject(SwitchOf(asked, ref.namespace_name, active))};
}

kubernetes::ObjectRef ServingRef(const Prepared& prepared, const engine::State& state) {
  if (!state.slots.has_value()) return prepared.live_ref;
  const engine::BlueGreenState& slots = *state.slots;
  const bool target = slots.switched || slots.active.empty();
  return runner::SlotRef(prepared.ref, target ? slots.target : slots.active);
}

void NoteSlots(const ReleaseJob& job, const Prepared& prepared, const runner::ReleaseResult& result,
               ReleaseRecord& record) {
  const engine::BlueGreenState& run = *result.state.slots;
  SlotRecord slots = record.slots.value_or(SlotRecord());
  const bool target = run.switched || run.active.empty();
  slots.active = target ? run.target : run.active;
  if (slots.original.is_null() && run.active.empty()) {
    if (const Json* original = ::delivery::Find(run.route_record, "switch")) {
      slots.original = *original;
    }
  }
  const bool succeeded = result.outcome == engine::Outcome::kSucceeded;
  const bool changed_other = run.size > 0 || (run.in_place && succeeded && slots.expired);
  if (changed_other) {
    slots.kept_identity.clear();
    slots.kept_ready = slots.expired = false;
  }
  if (succeeded && !run.in_place && !run.active.empty() && job.blue_green->keep_previous &&
      prepared.before.has_value()) {
    slots.kept_identity = TemplateIdentity(prepared.before->workload);
    slots.kept_ready = true;
    slots.switched_at = absl::FormatTime(
        absl::RFC3339_sec, run.switched_at.value_or(result.started_at), absl::UTCTimeZone());
  }
  record.slots = std::move(slots);
}

absl::Status TakeBackSwitch(const TakingBack& taking, const std::stop_token& stop) {
  const bool open = taking.journal.has_value() && taking.journal->slots.has_value();
  const Json record = open ? taking.journal->slots->route_record : Json();
  const Json* of_run = ::delivery::Find(record, "switch");
  const Json* preview = ::delivery::Find(record, "preview");
  Json original = taking.record.slots.has_value() ? taking.record.slots->original : Json();
  if (original.is_null() && of_run != nullptr) original = *of_run;
  const routing::SwitchTarget traffic = SwitchOf(taking.job, taking.ref.namespace_name, "");
  DELIVERY_RETURN_IF_ERROR(routing::MakeSwitchRouter(taking.api, traffic)->Restore(original, stop));
  std::vector<std::string> made;
  if (!taking.job.preview_service.empty()) {
    routing::SwitchTarget shown = traffic;
    shown.by = routing::SelectorSwitch{};
    shown.service = taking.job.preview_service;
    if (preview != nullptr && !preview->is_null()) {
      DELIVERY_RETURN_IF_ERROR(
          routing::MakeSwitchRouter(taking.api, shown)->Restore(*preview, stop));
    } else {
      made.push_back(taking.job.preview_service);
    }
  }
  if (routing::NeedsSlotServices(taking.job.by)) {
    for (const char* slot : routing::kSlots) {
      made.push_back(routing::SlotService(taking.job.service, slot));
    }
  }
  for (const std::string& name : made) {
    const ObjectRef ref = {"v1", "Service", taking.ref.namespace_name, name};
    const absl::StatusOr<Json> live = taking.api.Get(ref, stop);
    if (!live.ok() || !runner::IsOwnService(*live)) continue;
    kubernetes::DeleteOptions options;
    options.uid = kubernetes::UidOf(*live);
    const absl::Status deleted = taking.api.Delete(ref, options, stop);
    if (!deleted.ok() && !absl::IsNotFound(deleted) && !absl::IsAborted(deleted)) return deleted;
  }
  return absl::OkStatus();
}

routing::SwitchTarget SwitchOf(const BlueGreenJob& job, const std::string& namespace_name,
                               const std::string& active) {
  return {job.by, namespace_name, job.service, job.slot_label, active, routing::OtherSlot(active)};
}

}  // namespace delivery::resources
