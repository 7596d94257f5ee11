#include "provider/kubernetes/named_fields.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "provider/kubernetes/quantity.h"

namespace delivery::kubernetes {
namespace {

// The associative lists of the core API by the name of the field (x-kubernetes-list-map-keys in
// the API server's OpenAPI). Every list that is not here is atomic.
const std::map<std::string, ListKeys, std::less<>>& KeysByField() {
  static const auto* const table = new std::map<std::string, ListKeys, std::less<>>{
      {"containers", {{"name"}, {}}},
      {"initContainers", {{"name"}, {}}},
      {"ephemeralContainers", {{"name"}, {}}},
      {"volumes", {{"name"}, {}}},
      {"env", {{"name"}, {}}},
      {"imagePullSecrets", {{"name"}, {}}},
      {"volumeMounts", {{"mountPath"}, {}}},
      {"volumeDevices", {{"devicePath"}, {}}},
      {"topologySpreadConstraints", {{"topologyKey", "whenUnsatisfiable"}, {}}},
      {"hostAliases", {{"ip"}, {}}},
      {"ownerReferences", {{"uid"}, {}}},
      {"resourceClaims", {{"name"}, {}}},
      {"claims", {{"name"}, {}}},
      {"schedulingGates", {{"name"}, {}}},
      {"conditions", {{"type"}, {}}},
  };
  return *table;
}

constexpr std::array<std::string_view, 3> kContainerLists = {"containers", "initContainers",
                                                             "ephemeralContainers"};
// Maps whose values are quantities, and fields that are one.
constexpr std::array<std::string_view, 6> kQuantityMaps = {"requests", "limits",   "capacity",
                                                           "hard",     "overhead", "allocatable"};
constexpr std::array<std::string_view, 2> kQuantityFields = {"sizeLimit", "divisor"};

template <size_t n>
bool Contains(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsInsideContainer(const FieldPath& path) {
  return std::any_of(path.steps().begin(), path.steps().end(), [](const FieldPath::Step& step) {
    const auto* member = std::get_if<FieldPath::Member>(&step);
    return member != nullptr && Contains(kContainerLists, member->name);
  });
}

const ListKeys& PortKeys(bool of_container) {
  static const auto* const container =
      new ListKeys{{"containerPort", "protocol"}, {{"protocol", "TCP"}}};
  static const auto* const service = new ListKeys{{"port", "protocol"}, {{"protocol", "TCP"}}};
  return of_container ? *container : *service;
}

std::string ScalarText(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

// The element's value of a key, or the key's default; null when there is neither.
std::optional<Json> KeyValue(const Json& element, const std::string& key, const ListKeys* keys) {
  const Json* value = Find(element, key);
  if (value != nullptr && value->is_primitive() && !value->is_null()) return *value;
  if (keys == nullptr || value != nullptr) return std::nullopt;
  const auto it = keys->defaults.find(key);
  return it == keys->defaults.end() ? std::nullopt : std::optional<Json>(it->second);
}

bool HasIdentity(const Json& element, const FieldPath::Element& identity, const ListKeys* keys) {
  return element.is_object() &&
         std::all_of(identity.keys.begin(), identity.keys.end(), [&](const auto& wanted) {
           const std::optional<Json> value = KeyValue(element, wanted.first, keys);
           return value && ScalarText(*value) == ScalarText(wanted.second);
         });
}

// Equal for identities that FindElement takes for the same: 80 and "80".
std::string IdentityText(const FieldPath::Element& identity) {
  Json texts = Json::array();
  for (const auto& [key, value] : identity.keys) texts.push_back(ScalarText(value));
  return DumpJson(texts);
}

bool IsQuantity(const FieldPath& at) {
  if (Contains(kQuantityFields, at.LastMember())) return true;
  return at.steps().size() >= 2 && Contains(kQuantityMaps, at.Parent().LastMember());
}

Json Project(const FieldPath& at, const Json& manifest, const Json& live);

Json ProjectObject(const FieldPath& at, const Json& manifest, const Json& live) {
  Json projected = Json::object();
  for (const auto& [key, named] : manifest.items()) {
    const Json* value = Find(live, key);
    if (named.is_null() || value == nullptr || value->is_null()) continue;
    projected[key] = Project(at / key, named, *value);
  }
  return projected;
}

Json ProjectList(const FieldPath& at, const Json& manifest, const Json& live,
                 const ListKeys& keys) {
  Json projected = Json::array();
  for (const Json& named : manifest) {
    FieldPath::Element identity = *ElementOf(named, keys);
    const Json* element = FindElement(live, identity, &keys);
    if (element == nullptr) continue;
    projected.push_back(Project(at.Plus(std::move(identity)), named, *element));
  }
  return projected;
}

Json Project(const FieldPath& at, const Json& manifest, const Json& live) {
  if (manifest.is_object() && live.is_object() && !IsAtomicMap(at)) {
    return ProjectObject(at, manifest, live);
  }
  if (manifest.is_array() && live.is_array()) {
    if (const ListKeys* keys = UsableListKeys(at, manifest)) {
      return ProjectList(at, manifest, live, *keys);
    }
  }
  return live;
}

// The position of the element that `step` names; nullopt when there is none.
std::optional<size_t> PositionOf(const Json& list, const FieldPath::Step& step,
                                 const ListKeys* keys) {
  if (!list.is_array()) return std::nullopt;
  if (const auto* index = std::get_if<FieldPath::Index>(&step)) {
    return index->index < list.size() ? std::optional(index->index) : std::nullopt;
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const auto* element = std::get_if<FieldPath::Element>(&step);
    const auto* value = std::get_if<FieldPath::SetValue>(&step);
    if (element != nullptr && HasIdentity(list[i], *element, keys)) return i;
    if (value != nullptr && list[i] == value->value) return i;
  }
  return std::nullopt;
}

// Follows one step down; null when there is nothing. `position` receives the list index, if any.
const Json* Descend(const Json& node, const FieldPath& at, const FieldPath::Step& step,
                    std::optional<size_t>& position) {
  position.reset();
  if (const auto* member = std::get_if<FieldPath::Member>(&step)) return Find(node, member->name);
  position = PositionOf(node, step, FindListKeys(at));
  return position ? &node[*position] : nullptr;
}

bool StepMatches(const FieldPath& at, const Json& list, size_t i, const FieldPath::Step& step) {
  if (std::holds_alternative<FieldPath::AnyElement>(step)) return true;
  if (const auto* index = std::get_if<FieldPath::Index>(&step)) return index->index == i;
  if (const auto* value = std::get_if<FieldPath::SetValue>(&step)) return list[i] == value->value;
  const auto* element = std::get_if<FieldPath::Element>(&step);
  return element != nullptr && HasIdentity(list[i], *element, FindListKeys(at));
}

void Erase(Json& node, const FieldPath& at, const FieldPath& pattern);

void EraseElements(Json& list, const FieldPath& at, const FieldPath& pattern) {
  const FieldPath::Step& step = pattern.steps()[at.steps().size()];
  const bool last = pattern.steps().size() == at.steps().size() + 1;
  const bool keep_positions = std::holds_alternative<FieldPath::Index>(step);
  Json kept = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    const bool matches = StepMatches(at, list, i, step);
    if (matches && last && !keep_positions) continue;
    if (matches && last) list[i] = nullptr;
    if (matches && !last) Erase(list[i], at.Plus(step), pattern);
    kept.push_back(std::move(list[i]));
  }
  list = std::move(kept);
}

// `node` is at `at`, a prefix of `pattern` that is shorter than it.
void Erase(Json& node, const FieldPath& at, const FieldPath& pattern) {
  if (node.is_array()) return EraseElements(node, at, pattern);
  const FieldPath::Step& step = pattern.steps()[at.steps().size()];
  const auto* member = std::get_if<FieldPath::Member>(&step);
  if (member == nullptr || !node.is_object()) return;
  const auto it = node.find(member->name);
  if (it == node.end()) return;
  if (pattern.steps().size() == at.steps().size() + 1) {
    node.erase(it);
  } else {
    Erase(*it, at.Plus(step), pattern);
  }
}

bool EqualLists(const FieldPath& at, const Json& a, const Json& b) {
  if (a.size() != b.size()) return false;
  const ListKeys* keys = UsableListKeys(at, a);
  for (size_t i = 0; i < a.size(); ++i) {
    const auto identity = keys == nullptr ? std::nullopt : ElementOf(a[i], *keys);
    const Json* other = identity ? FindElement(b, *identity, keys) : &b[i];
    const FieldPath element = identity ? at.Plus(*identity) : at.At(i);
    if (other == nullptr || !SemanticallyEqual(element, a[i], *other)) return false;
  }
  return true;
}

const Json& NullJson() {
  static const Json* const null = new Json();
  return *null;
}

std::set<std::string> KeysOfBoth(const Json& a, const Json& b) {
  std::set<std::string> keys;
  for (const auto& item : a.items()) keys.insert(item.key());
  for (const auto& item : b.items()) keys.insert(item.key());
  return keys;
}

const Json& MemberOrNull(const Json& object, const std::string& key) {
  const Json* value = Find(object, key);
  return value == nullptr ? NullJson() : *value;
}

bool EqualObjects(const FieldPath& at, const Json& a, const Json& b) {
  const std::set<std::string> keys = KeysOfBoth(a, b);
  return std::all_of(keys.begin(), keys.end(), [&](const std::string& key) {
    return SemanticallyEqual(at / key, MemberOrNull(a, key), MemberOrNull(b, key));
  });
}

void CollectChanges(const FieldPath& at, const Json& before, const Json& after,
                    std::vector<FieldPath>& changes);

void CollectListChanges(const FieldPath& at, const Json& before, const Json& after,
                        const ListKeys& keys, std::vector<FieldPath>& changes) {
  for (const Json& old_element : before) {
    FieldPath::Element identity = *ElementOf(old_element, keys);
    const Json* element = FindElement(after, identity, &keys);
    CollectChanges(at.Plus(std::move(identity)), old_element,
                   element == nullptr ? NullJson() : *element, changes);
  }
  for (const Json& new_element : after) {
    FieldPath::Element identity = *ElementOf(new_element, keys);
    if (FindElement(before, identity, &keys) == nullptr) {
      changes.push_back(at.Plus(std::move(identity)));
    }
  }
}

void CollectChanges(const FieldPath& at, const Json& before, const Json& after,
                    std::vector<FieldPath>& changes) {
  if (before.is_object() && after.is_object() && !IsAtomicMap(at)) {
    for (const std::string& key : KeysOfBoth(before, after)) {
      CollectChanges(at / key, MemberOrNull(before, key), MemberOrNull(after, key), changes);
    }
    return;
  }
  if (before.is_array() && after.is_array()) {
    const ListKeys* keys = UsableListKeys(at, before);
    if (keys != nullptr && UsableListKeys(at, after) != nullptr) {
      return CollectListChanges(at, before, after, *keys, changes);
    }
  }
  if (!SemanticallyEqual(at, before, after)) changes.push_back(at);
}

}  // namespace

const ListKeys* FindListKeys(const FieldPath& list) {
  const std::string_view field = list.LastMember();
  if (field == "ports") return &PortKeys(IsInsideContainer(list));
  const auto it = KeysByField().find(field);
  return it == KeysByField().end() ? nullptr : &it->second;
}

bool IsAtomicMap(const FieldPath& map) { return map.LastMember() == "nodeSelector"; }

std::optional<FieldPath::Element> ElementOf(const Json& element, const ListKeys& keys) {
  if (!element.is_object()) return std::nullopt;
  FieldPath::Element identity;
  for (const std::string& key : keys.keys) {
    std::optional<Json> value = KeyValue(element, key, &keys);
    if (!value) return std::nullopt;
    identity.keys.emplace(key, *std::move(value));
  }
  return identity;
}

const Json* FindElement(const Json& list, const FieldPath::Element& element, const ListKeys* keys) {
  const std::optional<size_t> position = PositionOf(list, element, keys);
  return position ? &list[*position] : nullptr;
}

const ListKeys* UsableListKeys(const FieldPath& at, const Json& list) {
  const ListKeys* keys = FindListKeys(at);
  if (keys == nullptr || !list.is_array()) return nullptr;
  std::set<std::string> seen;
  for (const Json& element : list) {
    const auto identity = ElementOf(element, *keys);
    if (!identity || !seen.insert(IdentityText(*identity)).second) return nullptr;
  }
  return keys;
}

Json ProjectNamedFields(const Json& manifest, const Json& live) {
  return Project(FieldPath(), manifest, live);
}

const Json* FindField(const Json& object, const FieldPath& path) {
  const Json* node = &object;
  FieldPath at;
  std::optional<size_t> position;
  for (const FieldPath::Step& step : path.steps()) {
    node = Descend(*node, at, step, position);
    if (node == nullptr) return nullptr;
    at = at.Plus(step);
  }
  return node;
}

std::optional<ConcreteSteps> ConcretePath(const Json& object, const FieldPath& path) {
  ConcreteSteps concrete;
  const Json* node = &object;
  FieldPath at;
  std::optional<size_t> position;
  for (const FieldPath::Step& step : path.steps()) {
    node = Descend(*node, at, step, position);
    if (node == nullptr) return std::nullopt;
    if (position) {
      concrete.emplace_back(*position);
    } else {
      concrete.emplace_back(std::get<FieldPath::Member>(step).name);
    }
    at = at.Plus(step);
  }
  return concrete;
}

FieldPath CanonicalPath(const Json& object, const FieldPath& path) {
  FieldPath canonical;
  const Json* node = &object;
  for (const FieldPath::Step& step : path.steps()) {
    FieldPath::Step translated = step;
    if (node != nullptr && std::holds_alternative<FieldPath::Index>(step)) {
      const ListKeys* keys = UsableListKeys(canonical, *node);
      const auto position = PositionOf(*node, step, keys);
      if (keys != nullptr && position) translated = *ElementOf((*node)[*position], *keys);
    }
    std::optional<size_t> position;
    if (node != nullptr) node = Descend(*node, canonical, step, position);
    canonical = canonical.Plus(std::move(translated));
  }
  return canonical;
}

Json WithoutFields(const Json& object, const std::vector<FieldPath>& patterns) {
  Json rest = object;
  for (const FieldPath& pattern : patterns) {
    if (pattern.empty()) return Json::object();
    Erase(rest, FieldPath(), pattern);
  }
  return rest;
}

bool SemanticallyEqual(const FieldPath& at, const Json& a, const Json& b) {
  if (a.is_object() && b.is_object()) return EqualObjects(at, a, b);
  if (a.is_array() && b.is_array()) return EqualLists(at, a, b);
  if (a == b) return true;
  const bool scalars =
      (a.is_string() || a.is_number()) && (b.is_string() || b.is_number()) && IsQuantity(at);
  return scalars && EqualQuantities(ScalarText(a), ScalarText(b));
}

std::vector<FieldPath> ChangedFields(const Json& before, const Json& after) {
  std::vector<FieldPath> changes;
  CollectChanges(FieldPath(), before, after, changes);
  return changes;
}

}  // namespace delivery::kubernetes
