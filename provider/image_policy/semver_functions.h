// The logic of the provider functions semver_select and semver_compare. Pure and thread-safe.
#ifndef DELIVERY_IMAGE_POLICY_SEMVER_FUNCTIONS_H_
#define DELIVERY_IMAGE_POLICY_SEMVER_FUNCTIONS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/image_policy/semver_range.h"

namespace delivery::image_policy {

// The tag with the highest version in the range, of equal versions the one later in byte order:
// what a policy with this range selects. Tags that are no versions are passed over. Nullopt without
// any.
std::optional<std::string> SemverSelect(const std::vector<std::string>& tags, const Range& range);

// -1, 0 or 1 by SemVer's precedence, builds ignored. InvalidArgument, with the text, when one is
// not a version (semver.h).
absl::StatusOr<int> SemverCompare(std::string_view a, std::string_view b);

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_SEMVER_FUNCTIONS_H_
