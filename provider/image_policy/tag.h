// What the tags of a repository tell by themselves, whatever a policy says. Pure and thread-safe.
#ifndef DELIVERY_IMAGE_POLICY_TAG_H_
#define DELIVERY_IMAGE_POLICY_TAG_H_

#include <string_view>

namespace delivery::image_policy {

// Tags that hang something on another image instead of being one: "sha256-<64 hex digits>" (the
// referrers tag of the OCI distribution specification), and that with ".sig", ".att" or ".sbom"
// (cosign).
bool IsSignatureTag(std::string_view tag);

// The order in which people count: runs of digits by their value, all else by its bytes. Negative,
// 0 or positive; 0 also for texts that differ in leading zeros only.
int CompareNaturally(std::string_view a, std::string_view b);

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_TAG_H_
