#include "provider/kubernetes/object.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace delivery::kubernetes {
namespace {

constexpr const char* kContainerLists[] = {"initContainers", "containers"};

struct Requirement {
  std::string key;
  std::string op;
  std::vector<std::string> values;
};

std::vector<std::string> Strings(const Json& array) {
  std::vector<std::string> strings;
  for (const Json& item : array) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::vector<Requirement> RequirementsOf(const Json& selector) {
  std::vector<Requirement> requirements;
  for (const auto& [key, value] : ToStringMap(GetObject(selector, "matchLabels"))) {
    requirements.push_back({key, "In", {value}});
  }
  for (const Json& expression : GetArray(selector, "matchExpressions")) {
    requirements.push_back({GetString(expression, "key"), GetString(expression, "operator"),
                            Strings(GetArray(expression, "values"))});
  }
  return requirements;
}

bool Satisfies(const StringMap& labels, const Requirement& requirement) {
  const auto it = labels.find(requirement.key);
  const bool present = it != labels.end();
  const bool among = present && std::find(requirement.values.begin(), requirement.values.end(),
                                          it->second) != requirement.values.end();
  if (requirement.op == "In") return among;
  if (requirement.op == "NotIn") return !among;
  if (requirement.op == "Exists") return present;
  if (requirement.op == "DoesNotExist") return !present;
  return false;
}

std::string RequirementToString(const Requirement& requirement) {
  const std::string values = absl::StrJoin(requirement.values, ",");
  if (requirement.op == "In" && requirement.values.size() == 1) {
    return absl::StrCat(requirement.key, "=", values);
  }
  if (requirement.op == "In") return absl::StrCat(requirement.key, " in (", values, ")");
  if (requirement.op == "NotIn") return absl::StrCat(requirement.key, " notin (", values, ")");
  if (requirement.op == "DoesNotExist") return absl::StrCat("!", requirement.key);
  return requirement.key;
}

// Null when the workload has no object there.
Json* MutableMember(Json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto it = object->find(key);
  return it == object->end() ? nullptr : &*it;
}

Json* MutablePodSpec(Json& workload) {
  Json* spec = MutableMember(&workload, "spec");
  if (KindOf(workload) == "Pod") return spec;
  return MutableMember(MutableMember(spec, "template"), "spec");
}

Json* MutableContainer(Json& workload, const std::string& name) {
  Json* pod_spec = MutablePodSpec(workload);
  for (const char* list : kContainerLists) {
    Json* containers = MutableMember(pod_spec, list);
    if (containers == nullptr || !containers->is_array()) continue;
    for (Json& container : *containers) {
      if (container.is_object() && GetString(container, "name") == name) return &container;
    }
  }
  return nullptr;
}

std::vector<std::string> UnknownNames(const StringMap& existing, const StringMap& wanted) {
  std::vector<std::string> unknown;
  for (const auto& [name, image] : wanted) {
    if (existing.count(name) == 0) unknown.push_back(absl::StrCat("\"", name, "\""));
  }
  return unknown;
}

}  // namespace

const Json& Metadata(const Json& object) { return GetObject(object, "metadata"); }
const Json& Spec(const Json& object) { return GetObject(object, "spec"); }
const Json& Status(const Json& object) { return GetObject(object, "status"); }
std::string KindOf(const Json& object) { return GetString(object, "kind"); }
std::string NameOf(const Json& object) { return GetString(Metadata(object), "name"); }
std::string NamespaceOf(const Json& object) { return GetString(Metadata(object), "namespace"); }
std::string UidOf(const Json& object) { return GetString(Metadata(object), "uid"); }
std::string ResourceVersionOf(const Json& object) {
  return GetString(Metadata(object), "resourceVersion");
}
int64_t GenerationOf(const Json& object) { return GetInt(Metadata(object), "generation"); }
int64_t ObservedGenerationOf(const Json& object) {
  return GetInt(Status(object), "observedGeneration");
}
StringMap LabelsOf(const Json& object) {
  return ToStringMap(GetObject(Metadata(object), "labels"));
}
StringMap AnnotationsOf(const Json& object) {
  return ToStringMap(GetObject(Metadata(object), "annotations"));
}

std::optional<std::string> AnnotationOf(const Json& object, std::string_view key) {
  const Json* value = Find(GetObject(Metadata(object), "annotations"), key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

bool IsBeingDeleted(const Json& object) {
  const Json* deletion = Find(Metadata(object), "deletionTimestamp");
  return deletion != nullptr && !deletion->is_null();
}

StringMap ToStringMap(const Json& object) {
  StringMap map;
  if (!object.is_object()) return map;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) map.emplace(key, value.get<std::string>());
  }
  return map;
}

std::optional<absl::Time> GetTime(const Json& object, std::string_view key) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, GetString(object, key), &time, &error)) {
    return std::nullopt;
  }
  return time;
}

const Json* FindCondition(const Json& object, std::string_view type) {
  for (const Json& condition : GetArray(Status(object), "conditions")) {
    if (GetString(condition, "type") == type) return &condition;
  }
  return nullptr;
}

std::string ControllerUidOf(const Json& object) {
  for (const Json& owner : GetArray(Metadata(object), "ownerReferences")) {
    if (GetBool(owner, "controller")) return GetString(owner, "uid");
  }
  return "";
}

const Json& PodTemplate(const Json& workload) {
  return KindOf(workload) == "Pod" ? workload : GetObject(Spec(workload), "template");
}

StringMap TemplateLabelsOf(const Json& workload) { return LabelsOf(PodTemplate(workload)); }

std::vector<ContainerRef> ContainersOf(const Json& workload) {
  std::vector<ContainerRef> containers;
  const Json& pod_spec = Spec(PodTemplate(workload));
  for (const char* list : kContainerLists) {
    for (const Json& container : GetArray(pod_spec, list)) {
      containers.push_back({&container, list == kContainerLists[0]});
    }
  }
  return containers;
}

const Json* FindContainer(const Json& workload, std::string_view name) {
  for (const ContainerRef& ref : ContainersOf(workload)) {
    if (ref.container->is_object() && GetString(*ref.container, "name") == name) {
      return ref.container;
    }
  }
  return nullptr;
}

StringMap ImagesOf(const Json& workload) {
  StringMap images;
  for (const ContainerRef& ref : ContainersOf(workload)) {
    const std::string name = GetString(*ref.container, "name");
    if (!name.empty()) images.emplace(name, GetString(*ref.container, "image"));
  }
  return images;
}

absl::Status SetImages(Json& workload, const StringMap& images) {
  const StringMap existing = ImagesOf(workload);
  const std::vector<std::string> unknown = UnknownNames(existing, images);
  if (!unknown.empty()) {
    const std::string names = absl::StrJoin(
        existing, ", ",
        [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); });
    return absl::InvalidArgumentError(absl::StrCat(
        "the pod template has no container named ", absl::StrJoin(unknown, ", "),
        "; its containers and init containers are: ", names.empty() ? "(none)" : names));
  }
  for (const auto& [name, image] : images) {
    if (Json* container = MutableContainer(workload, name)) (*container)["image"] = image;
  }
  return absl::OkStatus();
}

bool SelectorMatches(const Json& selector, const StringMap& labels) {
  if (!selector.is_object()) return false;
  const std::vector<Requirement> requirements = RequirementsOf(selector);
  return std::all_of(requirements.begin(), requirements.end(),
                     [&](const Requirement& r) { return Satisfies(labels, r); });
}

std::string SelectorToString(const Json& selector) {
  return absl::StrJoin(RequirementsOf(selector), ",", [](std::string* out, const Requirement& r) {
    absl::StrAppend(out, RequirementToString(r));
  });
}

bool ServiceSelects(const Json& service, const StringMap& pod_labels) {
  const StringMap selector = ToStringMap(GetObject(Spec(service), "selector"));
  return !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& entry) {
    const auto it = pod_labels.find(entry.first);
    return it != pod_labels.end() && it->second == entry.second;
  });
}

std::string LabelsToSelector(const StringMap& labels) {
  return absl::StrJoin(labels, ",", absl::PairFormatter("="));
}

}  // namespace delivery::kubernetes
