#include "provider/oci/image.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"

namespace delivery::oci {
namespace {

constexpr size_t kMostConfigBytes = 8 * 1024 * 1024;
// An index may hold indexes; images have one level.
constexpr int kDeepestIndex = 3;
constexpr char kOciConfig[] = "application/vnd.oci.image.config.v1+json";
constexpr char kDockerConfig[] = "application/vnd.docker.container.image.v1+json";
constexpr char kCreated[] = "org.opencontainers.image.created";

bool IsConfigType(const std::string& media_type) {
  return media_type == kOciConfig || media_type == kDockerConfig;
}

// One description in progress.
class Describer {
 public:
  Describer(Client& client, const Reference& image, const std::optional<Platform>& wanted,
            absl::Time deadline, const std::stop_token& stop)
      : client_(client), image_(image), wanted_(wanted), deadline_(deadline), stop_(stop) {}

  absl::StatusOr<Image> Run() {
    DELIVERY_ASSIGN_OR_RETURN(Manifest manifest, client_.GetManifest(image_, deadline_, stop_));
    Image result;
    result.digest = manifest.digest;
    std::set<std::string> platforms;
    for (int depth = 0; IsIndexType(manifest.media_type); ++depth) {
      if (depth == kDeepestIndex) return Malformed("its indexes are nested too deeply");
      absl::StatusOr<Index> index = ParseIndex(manifest.content);
      if (!index.ok()) return Malformed(index.status().message());
      for (const Descriptor& each : index->manifests) {
        if (each.platform.has_value()) platforms.insert(each.platform->Text());
      }
      DELIVERY_ASSIGN_OR_RETURN(const Descriptor chosen, Choose(*index, platforms));
      told_ = chosen.platform;
      DELIVERY_ASSIGN_OR_RETURN(
          manifest, client_.GetManifest(image_.WithDigest(chosen.digest), deadline_, stop_));
    }
    DELIVERY_RETURN_IF_ERROR(ReadConfig(manifest, platforms, result));
    result.platforms.assign(platforms.begin(), platforms.end());
    return result;
  }

 private:
  absl::Status Malformed(absl::string_view why) const {
    return absl::DataLossError(absl::StrCat(image_.Text(), " is malformed: ", why));
  }

  absl::Status NotFor(const std::set<std::string>& platforms) const {
    return absl::FailedPreconditionError(absl::StrCat(
        image_.Text(), " has no image for ", wanted_->Text(),
        platforms.empty() ? std::string(", nor for any other platform: it is no container image")
                          : absl::StrCat("; it has ", absl::StrJoin(platforms, ", "))));
  }

  absl::StatusOr<Descriptor> Choose(const Index& index,
                                    const std::set<std::string>& platforms) const {
    if (index.manifests.empty()) return Malformed("its index names no image");
    const Platform preferred = wanted_.value_or(Platform{"linux", "amd64", ""});
    const Descriptor* best = nullptr;
    for (const Descriptor& each : index.manifests) {
      if (!each.platform.has_value() || !Matches(preferred, *each.platform)) continue;
      // The highest variant that still runs.
      if (best == nullptr || Matches(*each.platform, *best->platform)) best = &each;
    }
    if (best != nullptr) return *best;
    // What does not say its platform may be for any: its configuration tells.
    for (const Descriptor& each : index.manifests) {
      if (!each.platform.has_value()) return each;
    }
    if (wanted_.has_value()) return NotFor(platforms);
    return index.manifests.front();
  }

  absl::Status ReadConfig(const Manifest& manifest, std::set<std::string>& platforms,
                          Image& result) const {
    const absl::StatusOr<ImageManifest> image = ParseImageManifest(manifest.content);
    if (!image.ok()) return Malformed(image.status().message());
    const auto created = image->annotations.find(kCreated);
    if (!IsConfigType(image->config.media_type)) {
      // A chart or another artifact: it has no platform.
      if (created != image->annotations.end()) result.created = MeaningfulTime(created->second);
      return wanted_.has_value() ? NotFor(platforms) : absl::OkStatus();
    }
    DELIVERY_ASSIGN_OR_RETURN(
        const std::string text,
        client_.GetBlob(image_, image->config.digest, kMostConfigBytes, deadline_, stop_));
    const absl::StatusOr<ImageConfig> config = ParseImageConfig(text);
    if (!config.ok()) return Malformed(config.status().message());
    // What an index says counts more: configurations often lack the variant.
    const Platform platform = told_.value_or(config->platform);
    const bool complete = !platform.os.empty() && !platform.architecture.empty();
    if (complete) platforms.insert(platform.Text());
    if (wanted_.has_value() && !(complete && Matches(*wanted_, platform))) {
      return NotFor(platforms);
    }
    result.created = config->created;
    if (!result.created.has_value() && created != image->annotations.end()) {
      result.created = MeaningfulTime(created->second);
    }
    return absl::OkStatus();
  }

  Client& client_;
  const Reference& image_;
  const std::optional<Platform>& wanted_;
  const absl::Time deadline_;
  const std::stop_token& stop_;
  std::optional<Platform> told_;  // what the index says of the chosen image
};

}  // namespace

absl::StatusOr<Image> DescribeImage(Client& client, const Reference& image,
                                    const std::optional<Platform>& wanted, absl::Time deadline,
                                    const std::stop_token& stop) {
  return Describer(client, image, wanted, deadline, stop).Run();
}

}  // namespace delivery::oci
