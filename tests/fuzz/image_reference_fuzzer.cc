// Arbitrary text as the name of an image and as a platform: what parses says the same again, in the
// user's words and in the canonical ones.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "provider/oci/digest.h"
#include "provider/oci/platform.h"
#include "provider/oci/reference.h"

namespace {

using namespace delivery::oci;  // NOLINT: the fuzzer is about nothing else

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckReference(std::string_view text) {
  const auto reference = ParseReference(text);
  if (!reference.ok()) {
    Check(!reference.status().message().empty());
    Check(!ParseRepository(text).ok());
    return;
  }
  Check(reference->Text() == text);
  Check(!reference->registry.empty() && !reference->repository.empty());
  Check(reference->tag.empty() || IsTag(reference->tag));
  Check(reference->digest.empty() || IsDigest(reference->digest));
  Check(ParseRepository(text).ok() == (reference->tag.empty() && reference->digest.empty()));
  const auto canonical = ParseReference(reference->CanonicalName());
  Check(canonical.ok() && canonical->CanonicalName() == reference->CanonicalName());
  Check(CanonicalHost(reference->registry) == CanonicalHost(CanonicalHost(reference->registry)));
}

void CheckPlatform(std::string_view text) {
  const auto platform = ParsePlatform(text);
  if (!platform.ok()) return;
  const auto again = ParsePlatform(platform->Text());
  Check(again.ok() && *again == *platform);
  Check(Matches(*platform, *platform));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckReference(text);
  CheckPlatform(text);
  return 0;
}
