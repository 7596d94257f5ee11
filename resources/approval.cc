#include "resources/approval.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/object.h"
#include "provider/oci/reference.h"
#include "resources/manifest_value.h"
#include "resources/workload_plan.h"

namespace delivery::resources {
namespace {

using value::Path;

std::vector<std::string> ContainersOf(const WorkloadArguments& arguments) {
  std::vector<std::string> names;
  const schema::Attr<Images>& images = arguments.images;
  if (images.is_known() && !images->empty()) {
    for (const auto& [name, image] : images.value()) names.push_back(name);
  } else if (arguments.manifest.is_known()) {
    const Json manifest = ToPartialJson(arguments.manifest.value()).json;
    for (const auto& [name, image] : kubernetes::ImagesOf(manifest)) names.push_back(name);
  }
  return names;
}

bool SameImage(const std::string& approved, const std::string& released) {
  if (approved == released) return true;
  const absl::StatusOr<oci::Reference> one = oci::ParseReference(approved);
  const absl::StatusOr<oci::Reference> other = oci::ParseReference(released);
  return one.ok() && other.ok() && !one->digest.empty() && one->digest == other->digest;
}

}  // namespace

void ValidateApproved(const schema::Attr<Images>& approved, const WorkloadArguments& arguments,
                      Diagnostics& diagnostics) {
  if (!approved.is_known() || arguments.images.is_unknown()) return;
  if (arguments.manifest.is_unknown()) return;
  const std::vector<std::string> names = ContainersOf(arguments);
  if (names.empty()) return;
  for (const auto& [name, image] : approved.value()) {
    const Path path = Path::Of("approved").At(name);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      diagnostics.Error(path, "Unknown container",
                        absl::StrCat("approved names the container \"", name,
                                     "\", whose image this resource does not set. Those that it "
                                     "sets are: ",
                                     absl::StrJoin(names, ", "), "."));
    }
    if (!image.is_known() || oci::ParseReference(image.value()).ok()) continue;
    diagnostics.Error(path, "Invalid image reference",
                      absl::StrCat("\"", image.value(), "\" is not an image reference."));
  }
}

bool ApprovesImages(const schema::Attr<Images>& approved, const WorkloadArguments& arguments) {
  if (!approved.is_known() || !arguments.manifest.is_known()) return false;
  std::map<std::string, std::string> released = KnownImages(arguments.images);
  if (released.empty()) released = EffectiveImages(arguments);
  const std::map<std::string, std::string> known = KnownImages(approved);
  const bool all = std::all_of(released.begin(), released.end(), [&](const auto& entry) {
    const auto found = known.find(entry.first);
    return found != known.end() && SameImage(found->second, entry.second);
  });
  return all && !released.empty();
}

}  // namespace delivery::resources
