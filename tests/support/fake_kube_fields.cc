#include "tests/support/fake_kube_fields.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace delivery::testing {
namespace {

using Keys = std::vector<std::string>;

// The associative lists of the built-in kinds by member name; the same name means the same keys
// everywhere except for ports.
const Keys* KeysOfList(const std::string& member, const Json& list) {
  static const auto* const lists = new std::map<std::string, Keys>{
      {"containers", {"name"}},
      {"initContainers", {"name"}},
      {"ephemeralContainers", {"name"}},
      {"volumes", {"name"}},
      {"env", {"name"}},
      {"imagePullSecrets", {"name"}},
      {"volumeMounts", {"mountPath"}},
      {"volumeDevices", {"devicePath"}},
      {"hostAliases", {"ip"}},
      {"topologySpreadConstraints", {"topologyKey", "whenUnsatisfiable"}},
      {"ownerReferences", {"uid"}},
      {"conditions", {"type"}},
      {"ports", {"containerPort", "protocol"}},
      {"listeners", {"name"}},
  };
  static const auto* const service_ports = new Keys{"port", "protocol"};
  const auto found = lists->find(member);
  if (found == lists->end() || !list.is_array()) return nullptr;
  if (member == "ports" && !list.empty() && list[0].contains("port")) return service_ports;
  const bool all_objects =
      std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_object(); });
  return all_objects ? &found->second : nullptr;
}

bool IsSet(const std::string& member) { return member == "finalizers"; }

// Maps that are owned and replaced as a whole.
bool IsAtomicMap(const std::string& member) {
  static const auto* const names = new std::set<std::string>{
      "selector",        "labelSelector", "nodeSelector",     "podSelector", "namespaceSelector",
      "configMapKeyRef", "secretKeyRef",  "resourceFieldRef", "fieldRef"};
  return names->contains(member);
}

Json KeyOfItem(const Json& item, const Keys& keys) {
  Json key = Json::object();
  for (const std::string& name : keys) {
    if (item.contains(name)) {
      key[name] = item[name];
    } else if (name == "protocol") {
      key[name] = "TCP";
    }
  }
  return key;
}

std::string FieldKey(const std::string& member) { return absl::StrCat("f:", member); }
std::string ItemKey(const Json& item, const Keys& keys) {
  return absl::StrCat("k:", KeyOfItem(item, keys).dump());
}
std::string SetKey(const Json& value) { return absl::StrCat("v:", value.dump()); }

// What lies inside a value, in the terms of FieldsV1; empty for leaves (scalars, atomic lists and
// maps, and what has no members).
std::vector<std::pair<std::string, const Json*>> ChildrenOf(const std::string& member,
                                                            const Json& value) {
  std::vector<std::pair<std::string, const Json*>> children;
  if (value.is_object() && !IsAtomicMap(member)) {
    for (const auto& [name, inner] : value.items()) children.emplace_back(FieldKey(name), &inner);
  } else if (const Keys* keys = KeysOfList(member, value)) {
    for (const Json& item : value) children.emplace_back(ItemKey(item, *keys), &item);
  } else if (value.is_array() && IsSet(member)) {
    for (const Json& item : value) children.emplace_back(SetKey(item), &item);
  }
  return children;
}

// The member name that decides how the children of a node are kept.
std::string MemberOf(const std::string& key) {
  return key.rfind("f:", 0) == 0 ? key.substr(2) : std::string();
}
bool IsItem(const std::string& key) { return key.rfind("k:", 0) == 0; }

const Json* ChildOf(const std::string& member, const Json& value, const std::string& key) {
  for (const auto& [name, child] : ChildrenOf(member, value)) {
    if (name == key) return child;
  }
  return nullptr;
}

bool IsLeaf(const Json& fields) { return fields.empty(); }
bool IsMember(const Json& fields) { return IsLeaf(fields) || fields.contains("."); }

Json FieldsOfValue(const std::string& key, const Json& value) {
  Json fields = Json::object();
  for (const auto& [name, child] : ChildrenOf(MemberOf(key), value)) {
    fields[name] = FieldsOfValue(name, *child);
  }
  if (IsItem(key)) fields["."] = Json::object();
  return fields;
}

// Nullopt when nothing changed.
std::optional<Json> ChangesOfValue(const std::string& key, const Json* before, const Json& after) {
  if (before == nullptr) return FieldsOfValue(key, after);
  if (*before == after) return std::nullopt;
  const auto children = ChildrenOf(MemberOf(key), after);
  const bool same_type = before->type() == after.type();
  if (children.empty() || !same_type) return FieldsOfValue(key, after);
  Json fields = Json::object();
  for (const auto& [name, child] : children) {
    auto changes = ChangesOfValue(name, ChildOf(MemberOf(key), *before, name), *child);
    if (changes.has_value()) fields[name] = *std::move(changes);
  }
  if (fields.empty()) return std::nullopt;
  return fields;
}

Json WithoutServerFields(Json object) {
  for (const char* name : {"apiVersion", "kind", "status"}) object.erase(name);
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return object;
  for (const char* name :
       {"name", "namespace", "generateName", "uid", "resourceVersion", "generation", "selfLink",
        "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"}) {
    metadata->erase(name);
  }
  if (metadata->empty()) object.erase("metadata");
  return object;
}

std::string PathStep(const std::string& key) {
  const std::string rest = key.substr(2);
  if (key[0] == 'f') return absl::StrCat(".", rest);
  if (key[0] == 'v') return absl::StrCat("[=", rest, "]");
  std::vector<std::string> parts;
  const Json keys = Json::parse(rest, nullptr, false);
  for (const auto& [name, value] : keys.items()) {
    parts.push_back(absl::StrCat(name, "=", value.dump()));
  }
  return absl::StrCat("[", absl::StrJoin(parts, ","), "]");
}

struct Side {
  const Json& fields;
  const Json& value;
};

void CollectDiffering(const std::string& key, const Side& a, const Side& b,
                      const std::vector<std::string>& keys, std::vector<DifferingField>& found) {
  if (IsLeaf(a.fields) && IsMember(b.fields)) {
    if (a.value == b.value) return;
    DifferingField field{"", Json::object()};
    for (const std::string& step : keys) absl::StrAppend(&field.path, PathStep(step));
    for (auto step = keys.rbegin(); step != keys.rend(); ++step) {
      field.fields = Json{{*step, std::move(field.fields)}};
    }
    found.push_back(std::move(field));
    return;
  }
  for (const auto& [name, inner] : a.fields.items()) {
    const auto other = b.fields.find(name);
    if (name == "." || other == b.fields.end()) continue;
    const Json* value_a = ChildOf(MemberOf(key), a.value, name);
    const Json* value_b = ChildOf(MemberOf(key), b.value, name);
    if (value_a == nullptr || value_b == nullptr) continue;
    std::vector<std::string> path = keys;
    path.push_back(name);
    CollectDiffering(name, {inner, *value_a}, {*other, *value_b}, path, found);
  }
}

Json MergeValue(const std::string& member, const Json& live, const Json& applied);

Json MergeLists(const Json& live, const Json& applied, const Keys& keys) {
  Json merged = live;
  for (const Json& item : applied) {
    const std::string key = ItemKey(item, keys);
    const auto same = std::find_if(merged.begin(), merged.end(),
                                   [&](const Json& other) { return ItemKey(other, keys) == key; });
    if (same == merged.end()) {
      merged.push_back(item);
    } else {
      *same = MergeValue("", *same, item);
    }
  }
  return merged;
}

Json MergeValue(const std::string& member, const Json& live, const Json& applied) {
  if (live.is_object() && applied.is_object() && !IsAtomicMap(member)) {
    Json merged = live;
    for (const auto& [name, value] : applied.items()) {
      const auto existing = merged.find(name);
      merged[name] = existing == merged.end() ? value : MergeValue(name, *existing, value);
    }
    return merged;
  }
  if (live.is_array() && applied.is_array()) {
    if (const Keys* keys = KeysOfList(member, applied)) return MergeLists(live, applied, *keys);
    if (IsSet(member)) {
      Json merged = live;
      for (const Json& item : applied) {
        if (std::find(merged.begin(), merged.end(), item) == merged.end()) merged.push_back(item);
      }
      return merged;
    }
  }
  return applied;
}

Json RemoveFromValue(const std::string& member, const Json& value, const Json& fields) {
  const auto children = ChildrenOf(member, value);
  if (children.empty()) return value;
  const bool is_list = value.is_array();
  Json kept = is_list ? Json::array() : Json::object();
  for (const auto& [name, child] : children) {
    const auto removed = fields.find(name);
    if (removed != fields.end() && IsMember(*removed)) continue;
    Json rest =
        removed == fields.end() ? *child : RemoveFromValue(MemberOf(name), *child, *removed);
    // A map that held nothing but what was removed goes with it.
    const bool emptied = rest.empty() && rest.is_structured() && !child->empty();
    if (is_list) {
      kept.push_back(std::move(rest));
    } else if (!emptied) {
      kept[name.substr(2)] = std::move(rest);
    }
  }
  return kept;
}

Json UnionOfNodes(const Json& a, const Json& b) {
  if (IsLeaf(a) && IsLeaf(b)) return Json::object();
  Json merged = a;
  for (const auto& [name, fields] : b.items()) {
    const auto existing = merged.find(name);
    merged[name] = existing == merged.end() ? fields : UnionOfNodes(*existing, fields);
  }
  if (IsLeaf(a) != IsLeaf(b)) merged["."] = Json::object();
  return merged;
}

}  // namespace

Json FieldsOf(const Json& object) { return FieldsOfValue("", WithoutServerFields(object)); }

Json ChangedFields(const Json& before, const Json& after) {
  const Json old = WithoutServerFields(before);
  return ChangesOfValue("", &old, WithoutServerFields(after)).value_or(Json::object());
}

Json FieldsUnion(const Json& a, const Json& b) {
  // At the root no children means that the set is empty.
  if (FieldsEmpty(a)) return b;
  return FieldsEmpty(b) ? a : UnionOfNodes(a, b);
}

Json FieldsDifference(const Json& a, const Json& b) {
  Json rest = Json::object();
  for (const auto& [name, fields] : a.items()) {
    const auto other = b.find(name);
    if (other == b.end()) {
      rest[name] = fields;
    } else if (name != "." && !IsLeaf(fields)) {
      Json inner = FieldsDifference(fields, *other);
      if (IsLeaf(*other)) inner.erase(".");
      if (!inner.empty()) rest[name] = std::move(inner);
    } else if (name != "." && !IsMember(*other)) {
      rest[name] = fields;
    }
  }
  return rest;
}

bool FieldsEmpty(const Json& fields) { return fields.empty(); }

std::vector<DifferingField> FindDiffering(const Json& fields_a, const Json& object_a,
                                          const Json& fields_b, const Json& object_b) {
  std::vector<DifferingField> found;
  if (FieldsEmpty(fields_a) || FieldsEmpty(fields_b)) return found;
  CollectDiffering("", {fields_a, object_a}, {fields_b, object_b}, {}, found);
  return found;
}

Json MergeApplied(const Json& live, const Json& applied) { return MergeValue("", live, applied); }

Json RemoveFields(const Json& object, const Json& fields) {
  return FieldsEmpty(fields) ? object : RemoveFromValue("", object, fields);
}

}  // namespace delivery::testing
