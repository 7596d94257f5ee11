#include "provider/routing/ownership.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/traffic_router.h"

namespace delivery::routing {
namespace {

constexpr char kFields[] = "fieldsV1";

bool IsOurs(const Json& entry) { return GetString(entry, "manager") == kTrafficManager; }

bool IsSameEntry(const Json& a, const Json& b) {
  for (const char* member : {"manager", "operation", "apiVersion", "subresource"}) {
    if (GetString(a, member) != GetString(b, member)) return false;
  }
  return true;
}

// The fields that are in both.
Json Common(const Json& a, const Json& b) {
  Json common = Json::object();
  for (const auto& [name, fields] : a.items()) {
    const auto other = b.find(name);
    if (other == b.end()) continue;
    // A leaf is the field with all that is below.
    if (fields.empty() || other->empty()) {
      common[name] = fields.empty() ? *other : fields;
      continue;
    }
    Json below = Common(fields, *other);
    if (!below.empty()) common[name] = std::move(below);
  }
  return common;
}

Json Union(const Json& a, const Json& b) {
  Json both = a;
  for (const auto& [name, fields] : b.items()) {
    both[name] = both.contains(name) ? Union(both[name], fields) : fields;
  }
  return both;
}

// All but ours.
Json ForeignEntries(const Json& object) {
  Json entries = Json::array();
  for (const Json& entry : GetArray(kubernetes::Metadata(object), "managedFields")) {
    if (!IsOurs(entry)) entries.push_back(entry);
  }
  return entries;
}

Json OurFields(const Json& entries) {
  Json fields = Json::object();
  for (const Json& entry : entries) {
    if (IsOurs(entry)) fields = Union(fields, GetObject(entry, kFields));
  }
  return fields;
}

}  // namespace

Json EntriesToSave(const Json& object) {
  Json entries = Json::array();
  for (const Json& entry : ForeignEntries(object)) {
    if (GetString(entry, "subresource") != "status") entries.push_back(entry);
  }
  return entries;
}

std::optional<Json> GiveBack(const Json& live, const Json& saved) {
  const Json& now = GetArray(kubernetes::Metadata(live), "managedFields");
  if (std::none_of(now.begin(), now.end(), IsOurs)) return std::nullopt;
  const Json ours = OurFields(now);
  std::vector<Json> entries;
  for (const Json& entry : ForeignEntries(live)) entries.push_back(entry);
  for (const Json& former : saved) {
    const Json given = Common(GetObject(former, kFields), ours);
    if (given.empty()) continue;
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Json& entry) { return IsSameEntry(entry, former); });
    if (found != entries.end()) {
      (*found)[kFields] = Union(GetObject(*found, kFields), given);
    } else {
      // It held nothing else, so that the server dropped it.
      entries.push_back(former);
      entries.back()[kFields] = given;
    }
  }
  // An empty list would leave the entries as they are; a list with an empty entry clears them.
  if (entries.empty()) return Json::array({Json::object()});
  return Json(entries);
}

std::string FingerprintOf(const Json& object, const kubernetes::FieldPath& field) {
  const Json* value = &object;
  for (const auto& step : field.steps()) {
    const auto* member = std::get_if<kubernetes::FieldPath::Member>(&step);
    if (value != nullptr && member != nullptr) value = Find(*value, member->name);
  }
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : value == nullptr ? std::string() : DumpJson(*value)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad16));
}

bool IsWrittenByUs(const Json& object, const kubernetes::FieldPath& field) {
  const std::vector<kubernetes::FieldOwner> owners = kubernetes::OwnersOf(object, field);
  return std::any_of(owners.begin(), owners.end(), [](const kubernetes::FieldOwner& owner) {
    return owner.manager == kTrafficManager;
  });
}

std::string ForeignManager(const Json& object, const kubernetes::FieldPath& field) {
  for (const kubernetes::FieldOwner& owner : kubernetes::OwnersOf(object, field)) {
    if (owner.manager != kTrafficManager) return owner.manager;
  }
  return "";
}

std::vector<std::string> RouteManagers(const Json& object) {
  std::vector<kubernetes::FieldOwner> owners = kubernetes::ManagersOf(object);
  std::stable_sort(owners.begin(), owners.end(),
                   [](const kubernetes::FieldOwner& a, const kubernetes::FieldOwner& b) {
                     return a.written.value_or(absl::InfinitePast()) >
                            b.written.value_or(absl::InfinitePast());
                   });
  std::vector<std::string> managers;
  for (const kubernetes::FieldOwner& owner : owners) {
    // Controllers report in the status; that resets nothing.
    if (owner.subresource == "status" || owner.manager == kTrafficManager ||
        owner.manager == kubernetes::kFieldManager) {
      continue;
    }
    if (std::find(managers.begin(), managers.end(), owner.manager) == managers.end()) {
      managers.push_back(owner.manager);
    }
  }
  return managers;
}

}  // namespace delivery::routing
