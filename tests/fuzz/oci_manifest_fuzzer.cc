// Arbitrary text as what a registry keeps of an image: nothing crashes, bounds hold, and JSON that
// is written anew means the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "provider/base/json.h"
#include "provider/oci/digest.h"
#include "provider/oci/manifest.h"

namespace {

using namespace delivery::oci;  // NOLINT: the fuzzer is about nothing else

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckIndex(std::string_view text, const std::string& rewritten) {
  const auto all = ParseDescriptors(text);
  const auto index = ParseIndex(text);
  Check(all.ok() == index.ok());
  if (!all.ok()) return;
  Check(all->size() <= 1000 && index->manifests.size() <= all->size());
  for (const Descriptor& each : *all) Check(IsDigest(each.digest));
  for (const Descriptor& each : index->manifests) {
    if (each.platform.has_value()) Check(Normalized(*each.platform) == *each.platform);
  }
  const auto again = ParseDescriptors(rewritten);
  Check(again.ok() && again->size() == all->size());
}

void CheckImage(std::string_view text, const std::string& rewritten) {
  const auto image = ParseImageManifest(text);
  if (image.ok()) {
    Check(IsDigest(image->config.digest));
    const auto again = ParseImageManifest(rewritten);
    Check(again.ok() && again->layers.size() == image->layers.size());
  }
  const auto config = ParseImageConfig(text);
  if (!config.ok()) return;
  Check(Normalized(config->platform) == config->platform);
  Check(!config->created.has_value() || *config->created > absl::UnixEpoch());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string type = ManifestTypeOf("", text);
  Check(type.empty() || IsIndexType(type) != IsManifestType(type));
  const auto json = delivery::ParseJson(text);
  const std::string rewritten = json.ok() ? delivery::DumpJson(*json) : "";
  CheckIndex(text, rewritten);
  CheckImage(text, rewritten);
  return 0;
}
