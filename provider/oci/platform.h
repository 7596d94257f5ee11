// Operating system and processor an image is made for.
#ifndef DELIVERY_OCI_PLATFORM_H_
#define DELIVERY_OCI_PLATFORM_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace delivery::oci {

// In the words of Go (GOOS, GOARCH), as images have them.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;  // "v7"; empty: none

  // "linux/arm/v7"
  std::string Text() const;
  bool operator==(const Platform&) const = default;
};

// "os/architecture[/variant]" in any case; the usual other names (x86_64, aarch64, armhf, ...)
// count. InvalidArgument says what is wrong.
absl::StatusOr<Platform> ParsePlatform(std::string_view text);

// The same platform in its one form, as containerd writes it: "amd64/v1" is "amd64", "arm64/v8" is
// "arm64", "arm" is "arm/v7".
Platform Normalized(Platform platform);

// True when a machine that is `wanted` runs what is `offered`, in one architecture: an arm or amd64
// machine runs its variant and the lower ones (linux/arm/v7 takes v7, v6 and v5; plain linux/amd64
// takes only v1). Unlike containerd's default, no other architecture is taken (386 on amd64, arm on
// arm64): who asks for a platform means images made for it.
bool Matches(const Platform& wanted, const Platform& offered);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_PLATFORM_H_
