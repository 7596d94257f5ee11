#include "provider/routing/switch.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/backends.h"
#include "provider/routing/edit_router.h"
#include "provider/routing/ownership.h"

namespace delivery::routing {
namespace {

constexpr char kValue[] = "value";

bool IsSlot(const std::string& value) {
  return std::find(std::begin(kSlots), std::end(kSlots), value) != std::end(kSlots);
}

kubernetes::FieldPath FieldOf(const SwitchTarget& target) {
  const kubernetes::FieldPath spec = kubernetes::FieldPath() / "spec";
  if (std::holds_alternative<SelectorSwitch>(target.by)) {
    return spec / "selector" / target.slot_label;
  }
  return spec / "rules";
}

// Where an object names a Service that gets requests.
struct Reference {
  std::string pointer;  // to the name
  std::string service;
};

std::vector<Reference> IngressReferences(const Json& live) {
  std::vector<Reference> found;
  const Json& rules = GetArray(kubernetes::Spec(live), "rules");
  for (size_t i = 0; i < rules.size(); ++i) {
    const Json& paths = GetArray(GetObject(rules[i], "http"), "paths");
    for (size_t j = 0; j < paths.size(); ++j) {
      const Json& service = GetObject(GetObject(paths[j], "backend"), "service");
      found.push_back({absl::StrCat("/spec/rules/", i, "/http/paths/", j, "/backend/service/name"),
                       GetString(service, "name")});
    }
  }
  return found;
}

std::vector<Reference> RouteReferences(const Json& live, const std::string& namespace_name) {
  std::vector<Reference> found;
  const Json& rules = GetArray(kubernetes::Spec(live), "rules");
  for (size_t i = 0; i < rules.size(); ++i) {
    const Json& refs = GetArray(rules[i], "backendRefs");
    for (size_t j = 0; j < refs.size(); ++j) {
      if (GetString(refs[j], "kind", "Service") != "Service" ||
          !GetString(refs[j], "group").empty() ||
          GetString(refs[j], "namespace", namespace_name) != namespace_name) {
        continue;
      }
      found.push_back({absl::StrCat("/spec/rules/", i, "/backendRefs/", j, "/name"),
                       GetString(refs[j], "name")});
    }
  }
  return found;
}

// Those that are the Service of the workload or of one of its slots.
std::vector<Reference> OwnReferences(const SwitchTarget& target, const Json& live) {
  std::vector<Reference> own = std::holds_alternative<IngressSwitch>(target.by)
                                   ? IngressReferences(live)
                                   : RouteReferences(live, target.namespace_name);
  std::set<std::string> names = {target.service};
  for (const char* slot : kSlots) names.insert(SlotService(target.service, slot));
  std::erase_if(own, [&](const Reference& one) { return !names.contains(one.service); });
  return own;
}

// The slots that an object sends requests to; "" stands for what was there before the first
// release.
std::set<std::string> SlotsIn(const SwitchTarget& target, const Json& live) {
  std::set<std::string> slots;
  if (std::holds_alternative<SelectorSwitch>(target.by)) {
    const Json& selector = GetObject(kubernetes::Spec(live), "selector");
    return {GetString(selector, target.slot_label)};
  }
  for (const Reference& one : OwnReferences(target, live)) {
    const bool original = one.service == target.service;
    slots.insert(original ? "" : one.service.substr(target.service.size() + 1));
  }
  return slots;
}

class SwitchPart : public RoutePart {
 public:
  explicit SwitchPart(const SwitchTarget& target)
      : RoutePart({SwitchObject(target).api_version}, SwitchObject(target)), target_(target) {}

  PartState Read(const Json& live) const override {
    PartState state;
    const std::set<std::string> slots = SlotsIn(target_, live);
    state.split.weight = slots == std::set<std::string>{target_.target} ? 100 : 0;
    state.at_rest = std::none_of(slots.begin(), slots.end(), IsSlot);
    return state;
  }

  std::string Deviation(const Json& live, const Split& expected) const override {
    const std::string& wanted = expected.weight > 0 ? target_.target : target_.active;
    const std::set<std::string> slots = SlotsIn(target_, live);
    // Before the first switch nothing is expected but that there was none.
    const bool as_wanted =
        wanted.empty() ? !slots.contains(target_.target) : slots == std::set<std::string>{wanted};
    if (as_wanted) return "";
    return absl::StrCat(ref().ToString(), " ", DescribeSwitch(target_, ReadSwitch(target_, live)),
                        wanted.empty() ? std::string() : absl::StrCat(" instead of ", wanted));
  }

  absl::Status Write(const Json& recorded, const Split& split, ObjectEdit& edit) const override {
    if (split.weight == 0 && target_.active.empty()) {
      Undo(recorded, edit);
      return absl::OkStatus();
    }
    if (split.weight > 0) {
      const std::set<std::string> slots = SlotsIn(target_, edit.object());
      const bool known = slots == std::set<std::string>{target_.active} ||
                         slots == std::set<std::string>{target_.target};
      if (!known && !target_.active.empty()) {
        return absl::FailedPreconditionError(
            absl::StrCat("Traffic is not switched: ", Deviation(edit.object(), {}), "."));
      }
    }
    return WriteSlot(split.weight > 0 ? target_.target : target_.active, edit);
  }

  kubernetes::FieldPath Field() const override { return FieldOf(target_); }

 protected:
  virtual absl::Status WriteSlot(const std::string& slot, ObjectEdit& edit) const = 0;
  const SwitchTarget& target() const { return target_; }

 private:
  const SwitchTarget target_;
};

class SelectorPart : public SwitchPart {
 public:
  using SwitchPart::SwitchPart;

  absl::StatusOr<Json> Record(const Json& live) const override {
    const Json& selector = GetObject(kubernetes::Spec(live), "selector");
    const Json* value = Find(selector, target().slot_label);
    // What we have written is not what was there before.
    const bool ours = value != nullptr && IsWrittenByUs(live, Field());
    return Json{{kValue, value == nullptr || ours ? Json() : *value}};
  }

  void Undo(const Json& recorded, ObjectEdit& edit) const override {
    const Json* value = Find(recorded, kValue);
    Put(value == nullptr ? Json() : *value, edit);
  }

 protected:
  absl::Status WriteSlot(const std::string& slot, ObjectEdit& edit) const override {
    if (GetObject(kubernetes::Spec(edit.object()), "selector").empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(ref().ToString(), " has no selector, so no slot can be selected by it."));
    }
    Put(slot, edit);
    return absl::OkStatus();
  }

 private:
  // A selector of a Service is one value: it is tested and written as a whole.
  void Put(const Json& value, ObjectEdit& edit) const {
    Json selector = GetObject(kubernetes::Spec(edit.object()), "selector");
    if (selector.empty()) return;
    if (value.is_null()) {
      selector.erase(target().slot_label);
    } else {
      selector[target().slot_label] = value;
    }
    edit.Set("/spec/selector", selector);
  }
};

class BackendsPart : public SwitchPart {
 public:
  using SwitchPart::SwitchPart;

  absl::StatusOr<Json> Record(const Json& live) const override {
    DELIVERY_RETURN_IF_ERROR(CheckRefers(live));
    return Json::object();
  }

  void Undo(const Json&, ObjectEdit& edit) const override { Put(target().service, edit); }

 protected:
  absl::Status WriteSlot(const std::string& slot, ObjectEdit& edit) const override {
    DELIVERY_RETURN_IF_ERROR(CheckRefers(edit.object()));
    Put(SlotService(target().service, slot), edit);
    return absl::OkStatus();
  }

 private:
  absl::Status CheckRefers(const Json& live) const {
    if (!OwnReferences(target(), live).empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "Traffic cannot be switched: no rule of ", ref().ToString(), " has Service ",
        target().service, " as a backend. Name the object that routes to it, or correct service."));
  }

  void Put(const std::string& service, ObjectEdit& edit) const {
    for (const Reference& one : OwnReferences(target(), edit.object())) {
      edit.Set(one.pointer, service);
    }
  }
};

}  // namespace

std::string OtherSlot(const std::string& slot) { return slot == kSlots[0] ? kSlots[1] : kSlots[0]; }

std::string SlotService(const std::string& service, const std::string& slot) {
  return absl::StrCat(service, "-", slot);
}

bool NeedsSlotServices(const Switch& by) { return !std::holds_alternative<SelectorSwitch>(by); }

kubernetes::ObjectRef SwitchObject(const SwitchTarget& target) {
  if (const auto* ingress = std::get_if<IngressSwitch>(&target.by)) {
    return {"networking.k8s.io/v1", "Ingress", target.namespace_name, ingress->ingress};
  }
  if (const auto* gateway = std::get_if<GatewaySwitch>(&target.by)) {
    return {"gateway.networking.k8s.io/v1", "HTTPRoute", target.namespace_name, gateway->route};
  }
  return {"v1", "Service", target.namespace_name, target.service};
}

std::string SwitchText(const SwitchTarget& target) {
  return absl::StrCat(NeedsSlotServices(target.by) ? "the backends of " : "the selector of ",
                      SwitchObject(target).ToString());
}

SwitchState ReadSwitch(const SwitchTarget& target, const Json& live) {
  SwitchState state;
  const std::set<std::string> slots = SlotsIn(target, live);
  state.is_original = std::none_of(slots.begin(), slots.end(), IsSlot);
  if (slots.size() == 1 && IsSlot(*slots.begin())) state.slot = *slots.begin();
  const kubernetes::FieldPath field = FieldOf(target);
  state.ours = IsWrittenByUs(live, field);
  for (const kubernetes::FieldOwner& owner : kubernetes::OwnersOf(live, field)) {
    if (state.ours != (owner.manager == kTrafficManager)) continue;
    state.manager = owner.manager;
    state.written = owner.written;
    break;
  }
  return state;
}

std::string DescribeSwitch(const SwitchTarget& target, const SwitchState& state) {
  const bool selects = !NeedsSlotServices(target.by);
  if (!state.slot.empty()) {
    return selects ? absl::StrCat("selects ", target.slot_label, "=", state.slot)
                   : absl::StrCat("refers to Service ", SlotService(target.service, state.slot));
  }
  if (!state.is_original) return "refers to several slots";
  return selects ? absl::StrCat("selects no ", target.slot_label) : "refers to no slot";
}

std::unique_ptr<TrafficRouter> MakeSwitchRouter(kubernetes::Api& api, const SwitchTarget& target) {
  RouteParts parts;
  if (NeedsSlotServices(target.by)) {
    parts.push_back(std::make_unique<BackendsPart>(target));
  } else {
    parts.push_back(std::make_unique<SelectorPart>(target));
  }
  return MakeEditRouter(api, std::move(parts));
}

}  // namespace delivery::routing
