#include "provider/runner/slot_objects.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/canary_objects.h"

namespace delivery::runner {

std::string SlotName(const std::string& workload, const std::string& slot) {
  return absl::StrCat(workload, "-", slot);
}

kubernetes::ObjectRef SlotRef(const kubernetes::ObjectRef& workload, const std::string& slot) {
  kubernetes::ObjectRef ref = workload;
  ref.name = SlotName(workload.name, slot);
  return ref;
}

Json SlotDeployment(const Json& workload, const std::string& slot_label, const std::string& slot,
                    std::optional<int> replicas) {
  Json made = workload;
  made["metadata"]["name"] = SlotName(kubernetes::NameOf(workload), slot);
  made["spec"]["selector"]["matchLabels"][slot_label] = slot;
  made["spec"]["template"]["metadata"]["labels"][slot_label] = slot;
  if (replicas.has_value()) made["spec"]["replicas"] = *replicas;
  return made;
}

Json WorkloadOfSlot(const Json& deployment, const std::string& slot_label,
                    const std::string& workload) {
  Json made = deployment;
  made["metadata"]["name"] = workload;
  for (const char* labels : {"/spec/selector/matchLabels", "/spec/template/metadata/labels"}) {
    const Json::json_pointer place(labels);
    if (made.contains(place)) made[place].erase(slot_label);
  }
  return made;
}

bool IsSlot(const Json& object, const std::string& slot_label, const std::string& slot) {
  const Json& selector = GetObject(kubernetes::Spec(object), "selector");
  return GetString(GetObject(selector, "matchLabels"), slot_label) == slot &&
         kubernetes::LastWriteBy(object, kubernetes::kFieldManager).has_value();
}

bool IsOwnService(const Json& service) {
  const kubernetes::StringMap labels = kubernetes::LabelsOf(service);
  const auto label = labels.find("app.kubernetes.io/managed-by");
  return label != labels.end() && label->second == kubernetes::kFieldManager &&
         kubernetes::LastWriteBy(service, kubernetes::kFieldManager).has_value();
}

Json SlotServiceObject(const Json& service, const std::string& name, const std::string& slot_label,
                       const std::string& slot, const std::string& owner, const std::string& uid) {
  Json made = CopyOfService(service, name, {{slot_label, slot}});
  SetOwner(made["metadata"], owner, uid);
  return made;
}

}  // namespace delivery::runner
