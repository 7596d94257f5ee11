#include "tests/support/fake_kube_managers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/fake_kube_fields.h"

namespace delivery::testing {
namespace {

constexpr char kApply[] = "Apply";
constexpr char kUpdate[] = "Update";

Json ManagersOf(const Json& object) {
  return GetArray(GetObject(object, "metadata"), "managedFields");
}

bool IsEntryOf(const Json& entry, const Writer& writer, const std::string& operation) {
  return GetString(entry, "manager") == writer.manager &&
         GetString(entry, "operation") == operation &&
         GetString(entry, "subresource") == writer.subresource;
}

Json NewEntry(const Writer& writer, const std::string& operation, Json fields) {
  Json entry = {{"manager", writer.manager},        {"operation", operation},
                {"apiVersion", writer.api_version}, {"time", writer.time},
                {"fieldsType", "FieldsV1"},         {"fieldsV1", std::move(fields)}};
  if (!writer.subresource.empty()) entry["subresource"] = writer.subresource;
  return entry;
}

// The words of apimachinery's printManager: no time, and the version for updates only.
std::string Describe(const Json& entry) {
  std::string text = Json(GetString(entry, "manager")).dump();
  if (entry.contains("subresource")) {
    absl::StrAppend(&text, " with subresource ", Json(GetString(entry, "subresource")).dump());
  }
  if (GetString(entry, "operation") == kUpdate) {
    absl::StrAppend(&text, " using ", GetString(entry, "apiVersion"));
  }
  return text;
}

std::string ConflictMessage(const std::map<std::string, std::vector<std::string>>& fields_of,
                            size_t count) {
  if (count == 1) {
    const auto& [manager, fields] = *fields_of.begin();
    return absl::StrCat("Apply failed with 1 conflict: conflict with ", manager, ": ", fields[0]);
  }
  std::vector<std::string> lines;
  for (const auto& [manager, fields] : fields_of) {
    lines.push_back(absl::StrCat("conflicts with ", manager, ":"));
    for (const std::string& field : fields) lines.push_back(absl::StrCat("- ", field));
  }
  return absl::StrCat("Apply failed with ", count, " conflicts: ", absl::StrJoin(lines, "\n"));
}

// The real server's order.
std::vector<std::string> SortKey(const Json& entry) {
  std::vector<std::string> key;
  for (const char* name : {"operation", "time", "manager", "apiVersion", "subresource"}) {
    key.push_back(GetString(entry, name));
  }
  return key;
}

void SetManagers(Json& object, const Json& entries) {
  std::vector<Json> kept;
  for (const Json& entry : entries) {
    if (!FieldsEmpty(GetObject(entry, "fieldsV1"))) kept.push_back(entry);
  }
  std::sort(kept.begin(), kept.end(),
            [](const Json& a, const Json& b) { return SortKey(a) < SortKey(b); });
  object["metadata"]["managedFields"] = kept;
}

// Takes from `entries` the applier's previous fields, and from the others what it takes by force.
struct Takeover {
  Json entries = Json::array();
  Json previous = Json::object();
  Json others = Json::object();  // what others own afterwards
  std::string previous_time;
  std::map<std::string, std::vector<std::string>> fields_of;
  std::vector<ApplyConflict> conflicts;
};

Takeover TakeOver(const Json& live, const Json& applied, const Json& fields, const Writer& writer,
                  bool force) {
  Takeover takeover;
  for (Json entry : ManagersOf(live)) {
    if (IsEntryOf(entry, writer, kApply)) {
      takeover.previous = GetObject(entry, "fieldsV1");
      takeover.previous_time = GetString(entry, "time");
      continue;
    }
    Json owned = GetObject(entry, "fieldsV1");
    for (const DifferingField& field : FindDiffering(fields, applied, owned, live)) {
      const std::string manager = Describe(entry);
      takeover.fields_of[manager].push_back(field.path);
      takeover.conflicts.push_back({absl::StrCat("conflict with ", manager), field.path});
      if (force) owned = FieldsDifference(owned, field.fields);
    }
    takeover.others = FieldsUnion(takeover.others, owned);
    entry["fieldsV1"] = std::move(owned);
    takeover.entries.push_back(std::move(entry));
  }
  return takeover;
}

// `given_up` without the list elements, as wholes, in which others own something.
Json SpareSharedItems(const Json& given_up, const Json& others) {
  Json spared = Json::object();
  for (const auto& [name, fields] : given_up.items()) {
    const auto shared = others.find(name);
    if (shared == others.end()) {
      spared[name] = fields;
      continue;
    }
    Json inner = SpareSharedItems(fields, *shared);
    inner.erase(".");
    if (!inner.empty()) spared[name] = std::move(inner);
  }
  return spared;
}

}  // namespace

ApplyOutcome ApplyFields(const Json& live, const Json& applied, const Writer& writer, bool force) {
  const Json fields = FieldsOf(applied);
  Takeover takeover = TakeOver(live, applied, fields, writer, force);
  ApplyOutcome outcome;
  if (!takeover.conflicts.empty() && !force) {
    outcome.conflicts = std::move(takeover.conflicts);
    outcome.message = ConflictMessage(takeover.fields_of, outcome.conflicts.size());
    return outcome;
  }
  const Json given_up = SpareSharedItems(
      FieldsDifference(FieldsDifference(takeover.previous, fields), takeover.others),
      takeover.others);
  const Json base = live.is_object() ? live : Json::object();
  outcome.object = MergeApplied(RemoveFields(base, given_up), applied);
  Writer applier = writer;
  // The time is that of the last change of the set or of a value.
  const bool same = fields == takeover.previous && ChangedFields(base, outcome.object).empty() &&
                    given_up.empty();
  if (same) applier.time = takeover.previous_time;
  takeover.entries.push_back(NewEntry(applier, kApply, fields));
  SetManagers(outcome.object, takeover.entries);
  return outcome;
}

void TrackUpdate(const Json& before, Json& after, const Writer& writer) {
  const bool status_only = writer.subresource == "status";
  const auto part = [&](const Json& object) -> Json {
    if (!status_only) return object;
    // Status is left out of the fields of an object; under another name it is not.
    return {{"f", GetObject(object, "status")}};
  };
  Json changed = ChangedFields(part(before), part(after));
  if (status_only && changed.contains("f:f")) changed = {{"f:status", changed["f:f"]}};
  const Json gone = FieldsDifference(FieldsOf(before), FieldsOf(after));
  Json entries = Json::array();
  bool found = false;
  // Who sends managedFields gives fields up, or hands them over.
  for (Json entry : ManagersOf(ManagersOf(after).empty() ? before : after)) {
    const bool own = IsEntryOf(entry, writer, kUpdate);
    Json owned = FieldsDifference(GetObject(entry, "fieldsV1"), gone);
    owned = own ? FieldsUnion(owned, changed) : FieldsDifference(owned, changed);
    if (own && !FieldsEmpty(changed)) entry["time"] = writer.time;
    entry["fieldsV1"] = std::move(owned);
    found = found || own;
    entries.push_back(std::move(entry));
  }
  if (!found && !FieldsEmpty(changed)) entries.push_back(NewEntry(writer, kUpdate, changed));
  SetManagers(after, entries);
}

}  // namespace delivery::testing
