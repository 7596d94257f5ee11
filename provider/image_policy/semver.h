// Semantic versions (semver.org 2.0.0) as they are written in image tags. Pure and thread-safe.
#ifndef DELIVERY_IMAGE_POLICY_SEMVER_H_
#define DELIVERY_IMAGE_POLICY_SEMVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace delivery::image_policy {

struct Version {
  uint64_t major = 0;
  uint64_t minor = 0;
  uint64_t patch = 0;
  std::string pre_release;  // "rc.1"; empty for a release
  std::string build;        // kept to be shown, never compared

  bool IsPreRelease() const { return !pre_release.empty(); }
  // Without a leading "v".
  std::string ToString() const;
};

// MAJOR.MINOR.PATCH[-PRE.RELEASE][+BUILD] with an optional leading "v", which is what Flux takes
// for a version (fluxcd/pkg/version). All three numbers are needed, have no leading zeros, and fit
// into 64 bits, as in Masterminds/semver; a number in the pre-release may have any length. Nullopt
// for everything else.
std::optional<Version> ParseVersion(std::string_view text);

// Negative, 0 or positive by SemVer's precedence: a total order of versions without their builds.
int Compare(const Version& a, const Version& b);

// The pieces of the grammar, for ranges, which are made of partial versions. Each is about the
// whole text: digits that fit into 64 bits (leading zeros count for nothing), identifiers separated
// by dots, of which numeric ones have no leading zero in a pre-release.
std::optional<uint64_t> ParseVersionNumber(std::string_view digits);
bool IsPreReleaseText(std::string_view text);
bool IsBuildText(std::string_view text);

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_SEMVER_H_
