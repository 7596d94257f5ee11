#include "provider/kubernetes/managed_fields.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"

namespace delivery::kubernetes {
namespace {

// How an entry holds a field; the better match comes later.
enum class Ownership { kNone, kThroughAncestor, kExact };

// The element step of a "k:{...}" key, nullopt for other keys.
std::optional<FieldPath::Element> ParseElementKey(std::string_view key) {
  if (!key.starts_with("k:")) return std::nullopt;
  const absl::StatusOr<Json> keys = ParseJson(key.substr(2));
  if (!keys.ok() || !keys->is_object()) return std::nullopt;
  FieldPath::Element element;
  for (const auto& [name, value] : keys->items()) element.keys.emplace(name, value);
  return element;
}

std::optional<FieldPath::Step> ParseStep(std::string_view key) {
  if (key.starts_with("f:")) return FieldPath::Member{std::string(key.substr(2))};
  if (auto element = ParseElementKey(key)) return *std::move(element);
  if (key.starts_with("v:")) {
    absl::StatusOr<Json> value = ParseJson(key.substr(2));
    if (value.ok()) return FieldPath::SetValue{*std::move(value)};
  }
  if (key.starts_with("i:")) {
    const absl::StatusOr<Json> index = ParseJson(key.substr(2));
    if (index.ok() && index->is_number_unsigned()) return FieldPath::Index{index->get<size_t>()};
  }
  return std::nullopt;
}

// The child of `node` for `step`; null when the entry does not hold it.
const Json* FindChild(const Json& node, const FieldPath::Step& step) {
  if (const auto* member = std::get_if<FieldPath::Member>(&step)) {
    return Find(node, absl::StrCat("f:", member->name));
  }
  if (!node.is_object()) return nullptr;
  const FieldPath wanted({step});
  for (const auto& [key, child] : node.items()) {
    const auto parsed = ParseStep(key);
    if (parsed && wanted.Covers(FieldPath({*parsed}))) return &child;
  }
  return nullptr;
}

bool IsLeaf(const Json& node) { return !node.is_object() || node.empty(); }

Ownership FindOwnership(const Json& fields_v1, const FieldPath& path) {
  const Json* node = &fields_v1;
  bool inside = false;  // below the root, whose emptiness means nothing
  for (const FieldPath::Step& step : path.steps()) {
    if (inside && IsLeaf(*node)) return Ownership::kThroughAncestor;
    node = FindChild(*node, step);
    if (node == nullptr) return Ownership::kNone;
    inside = true;
  }
  return Ownership::kExact;
}

FieldOwner OwnerOf(const Json& entry) {
  return {GetString(entry, "manager"), GetString(entry, "operation"),
          GetString(entry, "subresource"), GetTime(entry, "time")};
}

const Json& EntriesOf(const Json& object) { return GetArray(Metadata(object), "managedFields"); }

bool IsNewer(const FieldOwner& a, const FieldOwner& b) {
  if (!a.written || !b.written) return a.written.has_value() && !b.written.has_value();
  return *a.written > *b.written;
}

void CollectLeaves(const Json& node, const FieldPath& at, std::vector<FieldPath>& leaves) {
  if (IsLeaf(node) || (node.size() == 1 && node.contains("."))) {
    if (!at.empty()) leaves.push_back(at);
    return;
  }
  for (const auto& [key, child] : node.items()) {
    if (auto step = ParseStep(key)) CollectLeaves(child, at.Plus(*std::move(step)), leaves);
  }
}

// Takes `prefix` off `text`.
bool Consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes a quoted string (Go's %q) off `text`.
std::optional<std::string> ConsumeQuoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return std::nullopt;
  const absl::StatusOr<Json> parsed = ParseJson(text.substr(0, end + 1));
  const std::string raw(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  return parsed.ok() ? parsed->get<std::string>() : raw;
}

// The time at the end of the message: "... using apps/v1 at 2026-02-03T04:05:06Z".
std::optional<absl::Time> TrailingTime(std::string_view text) {
  const size_t at = text.rfind(" at ");
  if (at == std::string_view::npos) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, std::string(text.substr(at + 4)), &time, &error)) {
    return std::nullopt;
  }
  return time;
}

// When the manager of the conflict wrote the field: its entry for the field, else any.
std::optional<absl::Time> FindConflictTime(const FieldConflict& conflict, const Json& live) {
  for (const FieldOwner& owner : OwnersOf(live, conflict.path)) {
    if (owner.manager == conflict.manager && owner.written) return owner.written;
  }
  return LastWriteBy(live, conflict.manager);
}

// The fields of one entry without those of another.
Json Difference(const Json& theirs, const Json& ours) {
  Json left = Json::object();
  for (const auto& [key, below] : theirs.items()) {
    const auto own = ours.find(key);
    if (own == ours.end()) {
      left[key] = below;
      continue;
    }
    const bool element = key.starts_with("k:") || key.starts_with("v:");
    if (below.empty() || own->empty() || (element && own->contains("."))) continue;
    Json rest = Difference(below, *own);
    if (!rest.empty()) left[key] = std::move(rest);
  }
  return left;
}

}  // namespace

bool OwnsField(const Json& fields_v1, const FieldPath& path) {
  return FindOwnership(fields_v1, path) != Ownership::kNone;
}

std::vector<FieldOwner> OwnersOf(const Json& object, const FieldPath& path) {
  std::vector<FieldOwner> exact;
  std::vector<FieldOwner> through_ancestor;
  for (const Json& entry : EntriesOf(object)) {
    const Ownership ownership = FindOwnership(GetObject(entry, "fieldsV1"), path);
    if (ownership == Ownership::kExact) exact.push_back(OwnerOf(entry));
    if (ownership == Ownership::kThroughAncestor) through_ancestor.push_back(OwnerOf(entry));
  }
  // Who owns an empty parent ("f:resources": {}) has no say in what others put into it.
  std::vector<FieldOwner>& owners = exact.empty() ? through_ancestor : exact;
  std::stable_sort(owners.begin(), owners.end(), IsNewer);
  return owners;
}

std::vector<FieldPath> FieldsOwnedBy(const Json& object, std::string_view manager,
                                     std::string_view operation) {
  std::vector<FieldPath> leaves;
  for (const Json& entry : EntriesOf(object)) {
    const FieldOwner owner = OwnerOf(entry);
    if (owner.manager != manager) continue;
    if (!operation.empty() && owner.operation != operation) continue;
    CollectLeaves(GetObject(entry, "fieldsV1"), FieldPath(), leaves);
  }
  return leaves;
}

std::vector<FieldOwner> ManagersOf(const Json& object) {
  std::vector<FieldOwner> managers;
  for (const Json& entry : EntriesOf(object)) managers.push_back(OwnerOf(entry));
  return managers;
}

std::optional<absl::Time> LastWriteBy(const Json& object, std::string_view manager) {
  std::optional<absl::Time> last;
  for (const FieldOwner& owner : ManagersOf(object)) {
    if (owner.manager != manager || !owner.written) continue;
    if (!last || *owner.written > *last) last = owner.written;
  }
  return last;
}

std::optional<Json> WithoutCoOwners(const Json& object, std::string_view manager,
                                    const std::function<bool(const std::string&)>& gives_up) {
  const Json& entries = GetArray(GetObject(object, "metadata"), "managedFields");
  const auto own = std::find_if(entries.begin(), entries.end(), [&](const Json& entry) {
    return GetString(entry, "manager") == manager && GetString(entry, "operation") == "Apply";
  });
  if (own == entries.end()) return std::nullopt;
  Json kept = Json::array();
  for (const Json& entry : entries) {
    Json left = entry;
    if (gives_up(GetString(entry, "manager")) && GetString(entry, "subresource").empty()) {
      left["fieldsV1"] = Difference(GetObject(entry, "fieldsV1"), GetObject(*own, "fieldsV1"));
      if (left["fieldsV1"].empty()) continue;
    }
    kept.push_back(std::move(left));
  }
  if (kept == entries) return std::nullopt;
  return kept;
}

std::optional<FieldConflict> ParseConflict(std::string_view field, std::string_view message,
                                           const Json& live) {
  absl::StatusOr<FieldPath> path = FieldPath::Parse(field);
  if (!path.ok() || path->empty() || !Consume(message, "conflict with ")) return std::nullopt;
  const std::optional<std::string> manager = ConsumeQuoted(message);
  if (!manager) return std::nullopt;
  FieldConflict conflict{*std::move(path), *manager, "", TrailingTime(message)};
  if (Consume(message, " with subresource ")) {
    conflict.subresource = ConsumeQuoted(message).value_or("");
  }
  if (!conflict.written) conflict.written = FindConflictTime(conflict, live);
  return conflict;
}

}  // namespace delivery::kubernetes
