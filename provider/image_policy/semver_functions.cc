#include "provider/image_policy/semver_functions.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "provider/image_policy/quoted.h"
#include "provider/image_policy/semver.h"

namespace delivery::image_policy {
namespace {

absl::Status NotAVersion(std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(Quoted(text),
                   " is not a semantic version: MAJOR.MINOR.PATCH without leading zeros, such as "
                   "1.2.3, v1.2.3 or 1.3.0-rc.1"));
}

}  // namespace

std::optional<std::string> SemverSelect(const std::vector<std::string>& tags, const Range& range) {
  const std::string* best = nullptr;
  Version highest;
  for (const std::string& tag : tags) {
    std::optional<Version> version = ParseVersion(tag);
    if (!version || !range.Matches(*version)) continue;
    const int order = best == nullptr ? 1 : Compare(*version, highest);
    if (order < 0 || (order == 0 && tag <= *best)) continue;
    best = &tag;
    highest = *std::move(version);
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

absl::StatusOr<int> SemverCompare(std::string_view a, std::string_view b) {
  const std::optional<Version> left = ParseVersion(a);
  if (!left) return NotAVersion(a);
  const std::optional<Version> right = ParseVersion(b);
  if (!right) return NotAVersion(b);
  const int order = Compare(*left, *right);
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

}  // namespace delivery::image_policy
