#include "resources/release_record.h"

#include <utility>

#include "provider/base/status_macros.h"
#include "provider/value/json_codec.h"

namespace delivery::resources {
namespace {

constexpr int64_t kVersion = 1;

absl::Status Damaged() {
  return absl::DataLossError(
      "the resource's private state cannot be read. It was damaged, or written by an incompatible "
      "version of the provider; use the version that wrote it, or import the workload anew.");
}

Json ToJson(const std::optional<WorkloadVersion>& version) {
  if (!version.has_value()) return Json();
  const absl::StatusOr<std::string> manifest =
      value::EncodeJson(version->manifest, value::Type::Dynamic());
  Json json = {{"manifest", manifest.ok() ? Json(*manifest) : Json()},
               {"workload", version->workload}};
  if (version->images.is_known()) json["images"] = KnownImages(version->images);
  return json;
}

absl::StatusOr<std::optional<WorkloadVersion>> VersionFromJson(const Json* json) {
  if (json == nullptr || json->is_null()) return std::nullopt;
  WorkloadVersion version;
  absl::StatusOr<value::Value> manifest =
      value::DecodeJson(GetString(*json, "manifest"), value::Type::Dynamic());
  const Json* workload = Find(*json, "workload");
  if (!manifest.ok() || workload == nullptr || !workload->is_object()) return Damaged();
  version.manifest = *std::move(manifest);
  version.workload = *workload;
  if (const Json* images = Find(*json, "images")) {
    std::map<std::string, std::string> map;
    if (!images->is_object()) return Damaged();
    for (const auto& [name, image] : images->items()) {
      if (!image.is_string()) return Damaged();
      map.emplace(name, image.get<std::string>());
    }
    version.images = ToImages(map);
  }
  return version;
}

std::vector<std::string> StringsOf(const Json& json, const char* key) {
  std::vector<std::string> strings;
  for (const Json& entry : GetArray(json, key)) {
    if (entry.is_string()) strings.push_back(entry.get<std::string>());
  }
  return strings;
}

ContentHashes KnownText(const Json& json, const char* key) {
  ContentHashes texts;
  const Json& object = GetObject(json, key);
  if (!object.is_object()) return texts;
  for (const auto& [name, text] : object.items()) {
    if (text.is_string()) texts.emplace(name, text.get<std::string>());
  }
  return texts;
}

Json ToJson(const PendingVersion& pending) {
  Json json = {{"version", ToJson(std::optional(pending.version))},
               {"weight", pending.weight},
               {"step", pending.step},
               {"stable_contents", pending.stable_contents},
               {"abort_reason", pending.abort_reason}};
  if (pending.stable_trigger.has_value()) json["stable_trigger"] = *pending.stable_trigger;
  return json;
}

absl::StatusOr<std::optional<PendingVersion>> PendingFromJson(const Json* json) {
  if (json == nullptr || !json->is_object()) return std::nullopt;
  DELIVERY_ASSIGN_OR_RETURN(std::optional<WorkloadVersion> version,
                            VersionFromJson(Find(*json, "version")));
  if (!version.has_value()) return Damaged();
  PendingVersion pending;
  pending.version = *std::move(version);
  pending.weight = static_cast<int>(GetInt(*json, "weight"));
  pending.step = static_cast<int>(GetInt(*json, "step"));
  pending.stable_contents = KnownText(*json, "stable_contents");
  if (Find(*json, "stable_trigger") != nullptr) {
    pending.stable_trigger = GetString(*json, "stable_trigger");
  }
  pending.abort_reason = GetString(*json, "abort_reason");
  return pending;
}

Json ToJson(const SlotRecord& slots) {
  return {{"active", slots.active},
          {"original", slots.original},
          {"kept_identity", slots.kept_identity},
          {"switched_at", slots.switched_at},
          {"kept_ready", slots.kept_ready},
          {"expired", slots.expired}};
}

std::optional<SlotRecord> SlotsFromJson(const Json* json) {
  if (json == nullptr || !json->is_object()) return std::nullopt;
  SlotRecord slots;
  slots.active = GetString(*json, "active");
  if (const Json* original = Find(*json, "original")) slots.original = *original;
  slots.kept_identity = GetString(*json, "kept_identity");
  slots.switched_at = GetString(*json, "switched_at");
  slots.kept_ready = GetBool(*json, "kept_ready");
  slots.expired = GetBool(*json, "expired");
  return slots;
}

}  // namespace

absl::StatusOr<ReleaseRecord> ReleaseRecord::Parse(const std::string& text) {
  ReleaseRecord record;
  if (text.empty()) return record;
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok() || GetInt(*json, "version") != kVersion) return Damaged();
  DELIVERY_ASSIGN_OR_RETURN(record.written, VersionFromJson(Find(*json, "written")));
  if (GetBool(*json, "written_is_good")) {
    record.good = record.written;
  } else {
    DELIVERY_ASSIGN_OR_RETURN(record.good, VersionFromJson(Find(*json, "good")));
  }
  record.recorded = GetObject(*json, "recorded");
  record.generation = GetInt(*json, "generation");
  record.imported = GetBool(*json, "imported");
  record.drifted = StringsOf(*json, "drifted");
  record.contents = KnownText(*json, "contents");
  record.released_contents = KnownText(*json, "released_contents");
  if (const Json* failed = Find(*json, "failed"); failed != nullptr && failed->is_object()) {
    record.failed = FailedRelease{GetString(*failed, "template"), GetString(*failed, "at"),
                                  GetString(*failed, "reason"), GetString(*failed, "retry_token")};
  }
  DELIVERY_ASSIGN_OR_RETURN(record.pending, PendingFromJson(Find(*json, "pending")));
  record.slots = SlotsFromJson(Find(*json, "slots"));
  record.open_identity = GetString(*json, "open_identity");
  record.legacy_managers = StringsOf(*json, "legacy_managers");
  return record;
}

std::string ReleaseRecord::Serialize() const {
  // Stored once where they are the same, which is the usual case.
  const bool written_is_good = written.has_value() && good.has_value() && *written == *good;
  Json json = {
      {"version", kVersion},  {"written", ToJson(written)}, {"written_is_good", written_is_good},
      {"recorded", recorded}, {"generation", generation},   {"drifted", drifted},
      {"imported", imported}};
  if (!written_is_good) json["good"] = ToJson(good);
  if (pending.has_value()) json["pending"] = ToJson(*pending);
  if (slots.has_value()) json["slots"] = ToJson(*slots);
  if (!open_identity.empty()) json["open_identity"] = open_identity;
  if (!contents.empty()) json["contents"] = contents;
  if (!released_contents.empty()) json["released_contents"] = released_contents;
  if (failed.has_value()) {
    json["failed"] = {{"template", failed->template_identity},
                      {"at", failed->at},
                      {"reason", failed->reason},
                      {"retry_token", failed->retry_token}};
  }
  if (!legacy_managers.empty()) json["legacy_managers"] = legacy_managers;
  return DumpJson(json);
}

}  // namespace delivery::resources
