// What a registry keeps of an image, as data: indexes, manifests and image configurations of the
// OCI image specification and of Docker (manifest list and schema 2). Pure.
#ifndef DELIVERY_OCI_MANIFEST_H_
#define DELIVERY_OCI_MANIFEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/oci/platform.h"

namespace delivery::oci {

inline constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kDockerManifestList[] =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";

bool IsIndexType(std::string_view media_type);
bool IsManifestType(std::string_view media_type);

struct Descriptor {
  std::string media_type;
  std::string digest;  // IsDigest
  int64_t size = 0;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;
};

struct Index {
  std::vector<Descriptor> manifests;  // without attestations and other things that are no image
};

struct ImageManifest {
  Descriptor config;
  std::vector<Descriptor> layers;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
};

struct ImageConfig {
  Platform platform;                  // empty parts where the configuration has none
  std::optional<absl::Time> created;  // see MeaningfulTime
};

// The media type of a manifest: `content_type` where it names one, else what the text itself says
// or looks like. Empty when it is none of the four above.
std::string ManifestTypeOf(std::string_view content_type, std::string_view text);

// InvalidArgument says what is malformed. Entries that build tools add for attestations
// (vnd.docker.reference.type, platform unknown/unknown) are left out of an index, and so are
// entries without a usable digest. More than 1,000 entries are refused.
absl::StatusOr<Index> ParseIndex(std::string_view text);
absl::StatusOr<ImageManifest> ParseImageManifest(std::string_view text);
absl::StatusOr<ImageConfig> ParseImageConfig(std::string_view text);

// All descriptors of an index, attestations too: what the referrers API answers.
absl::StatusOr<std::vector<Descriptor>> ParseDescriptors(std::string_view text);

// An RFC 3339 time. Nullopt when malformed or before 1980: reproducible builds write the Unix epoch
// or the year 1 for "not told".
std::optional<absl::Time> MeaningfulTime(std::string_view text);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_MANIFEST_H_
