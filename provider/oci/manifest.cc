#include "provider/oci/manifest.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/oci/digest.h"

namespace delivery::oci {
namespace {

constexpr size_t kMostEntries = 1000;
// BuildKit's mark of an entry that is about an image of the same index.
constexpr char kReferenceType[] = "vnd.docker.reference.type";

std::map<std::string, std::string> Annotations(const Json& object) {
  std::map<std::string, std::string> annotations;
  for (const auto& [name, value] : GetObject(object, "annotations").items()) {
    if (value.is_string()) annotations.emplace(name, value.get<std::string>());
  }
  return annotations;
}

// As Go's names are; what a registry says here is printed.
bool IsPlatformWord(const std::string& text) {
  constexpr size_t kLongest = 64;
  return text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == '-';
         });
}

// Empty parts where there is none that can be used.
Platform ReadPlatform(const Json& json) {
  Platform platform{GetString(json, "os"), GetString(json, "architecture"),
                    GetString(json, "variant")};
  for (std::string* part : {&platform.os, &platform.architecture, &platform.variant}) {
    if (!IsPlatformWord(*part)) part->clear();
  }
  return Normalized(std::move(platform));
}

std::optional<Platform> PlatformOf(const Json& descriptor) {
  const Json& platform = GetObject(descriptor, "platform");
  if (platform.empty()) return std::nullopt;
  return ReadPlatform(platform);
}

// Nullopt when there is no digest to get it by.
std::optional<Descriptor> ReadDescriptor(const Json& json) {
  Descriptor descriptor;
  descriptor.digest = GetString(json, "digest");
  if (!IsDigest(descriptor.digest)) return std::nullopt;
  descriptor.media_type = GetString(json, "mediaType");
  descriptor.size = GetInt(json, "size");
  descriptor.artifact_type = GetString(json, "artifactType");
  descriptor.annotations = Annotations(json);
  descriptor.platform = PlatformOf(json);
  return descriptor;
}

absl::StatusOr<std::vector<Descriptor>> ReadDescriptors(const Json& array, std::string_view what) {
  if (array.size() > kMostEntries) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", std::string(what), " has more than ", kMostEntries, " entries"));
  }
  std::vector<Descriptor> descriptors;
  for (const Json& entry : array) {
    if (std::optional<Descriptor> read = ReadDescriptor(entry)) {
      descriptors.push_back(*std::move(read));
    }
  }
  return descriptors;
}

absl::StatusOr<Json> ParseObject(std::string_view text, std::string_view what) {
  const absl::StatusOr<Json> json = ParseJson(text);
  if (json.ok() && json->is_object()) return json;
  return absl::InvalidArgumentError(
      absl::StrCat("the ", std::string(what), " is not a JSON object",
                   json.ok() ? "" : absl::StrCat(": ", json.status().message())));
}

bool IsAttestation(const Descriptor& descriptor) {
  if (descriptor.annotations.count(kReferenceType) != 0) return true;
  return descriptor.platform.has_value() && descriptor.platform->os == "unknown" &&
         descriptor.platform->architecture == "unknown";
}

}  // namespace

bool IsIndexType(std::string_view media_type) {
  return media_type == kOciIndex || media_type == kDockerManifestList;
}

bool IsManifestType(std::string_view media_type) {
  return media_type == kOciManifest || media_type == kDockerManifest;
}

std::string ManifestTypeOf(std::string_view content_type, std::string_view text) {
  std::string type(content_type.substr(0, content_type.find(';')));
  absl::StripAsciiWhitespace(&type);
  absl::AsciiStrToLower(&type);
  if (IsIndexType(type) || IsManifestType(type)) return type;
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return "";
  type = GetString(*json, "mediaType");
  if (IsIndexType(type) || IsManifestType(type)) return type;
  // OCI allows to leave the type out. What has another one, or is of schema 1, is none of them.
  if (!type.empty() || GetInt(*json, "schemaVersion") != 2) return "";
  if (Find(*json, "manifests") != nullptr) return kOciIndex;
  return Find(*json, "config") != nullptr ? kOciManifest : "";
}

absl::StatusOr<std::vector<Descriptor>> ParseDescriptors(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(const Json json, ParseObject(text, "image index"));
  const Json* manifests = Find(json, "manifests");
  // Go's encoders write null for an empty list.
  const bool list = manifests != nullptr && (manifests->is_array() || manifests->is_null());
  if (!list) return absl::InvalidArgumentError("the image index has no list of manifests");
  return ReadDescriptors(GetArray(json, "manifests"), "image index");
}

absl::StatusOr<Index> ParseIndex(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(std::vector<Descriptor> descriptors, ParseDescriptors(text));
  Index index;
  for (Descriptor& descriptor : descriptors) {
    if (!IsAttestation(descriptor)) index.manifests.push_back(std::move(descriptor));
  }
  return index;
}

absl::StatusOr<ImageManifest> ParseImageManifest(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(const Json json, ParseObject(text, "image manifest"));
  std::optional<Descriptor> config = ReadDescriptor(GetObject(json, "config"));
  if (!config.has_value()) {
    return absl::InvalidArgumentError("the image manifest names no configuration with a digest");
  }
  ImageManifest manifest;
  manifest.config = *std::move(config);
  DELIVERY_ASSIGN_OR_RETURN(manifest.layers,
                            ReadDescriptors(GetArray(json, "layers"), "image manifest"));
  manifest.artifact_type = GetString(json, "artifactType");
  manifest.annotations = Annotations(json);
  return manifest;
}

absl::StatusOr<ImageConfig> ParseImageConfig(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(const Json json, ParseObject(text, "image configuration"));
  ImageConfig config;
  config.platform = Normalized(
      {GetString(json, "os"), GetString(json, "architecture"), GetString(json, "variant")});
  config.created = MeaningfulTime(GetString(json, "created"));
  return config;
}

std::optional<absl::Time> MeaningfulTime(std::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &error)) return std::nullopt;
  const absl::Time first = absl::FromCivil(absl::CivilYear(1980), absl::UTCTimeZone());
  // "infinite-future" parses too.
  if (time < first || time == absl::InfiniteFuture()) return std::nullopt;
  return time;
}

}  // namespace delivery::oci
