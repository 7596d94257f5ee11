#include "provider/oci/platform.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace delivery::oci {
namespace {

void NormalizeArm(Platform& platform) {
  if (platform.variant.empty()) platform.variant = "v7";
  if (platform.variant.size() == 1 && absl::ascii_isdigit(platform.variant[0])) {
    platform.variant.insert(0, "v");
  }
}

// "v8.2" is 802, so that variants compare as numbers; nullopt for other forms.
std::optional<int> VariantNumber(const Platform& platform) {
  std::string text = platform.variant;
  if (text.empty()) text = platform.architecture == "arm64" ? "v8" : "v1";
  if (text.front() != 'v') return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(text.substr(1), '.');
  int major = 0;
  int minor = 0;
  if (parts.size() > 2 || !absl::SimpleAtoi(parts[0], &major)) return std::nullopt;
  if (parts.size() == 2 && !absl::SimpleAtoi(parts[1], &minor)) return std::nullopt;
  if (major < 0 || major > 99 || minor < 0 || minor > 99) return std::nullopt;
  return major * 100 + minor;
}

bool IsWord(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

}  // namespace

std::string Platform::Text() const {
  return absl::StrCat(os, "/", architecture, variant.empty() ? "" : "/", variant);
}

absl::StatusOr<Platform> ParsePlatform(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), '/');
  const bool words = std::all_of(parts.begin(), parts.end(), IsWord);
  if (parts.size() < 2 || parts.size() > 3 || !words) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text.substr(0, 100)),
                     "\" is not a platform: it must be os/architecture or os/architecture/variant, "
                     "as linux/amd64 or linux/arm/v7"));
  }
  return Normalized({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

Platform Normalized(Platform platform) {
  absl::AsciiStrToLower(&platform.os);
  absl::AsciiStrToLower(&platform.architecture);
  absl::AsciiStrToLower(&platform.variant);
  std::string& architecture = platform.architecture;
  if (platform.os == "macos") platform.os = "darwin";
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "armhf") platform = {platform.os, "arm", "v7"};
  if (architecture == "armel") platform = {platform.os, "arm", "v6"};
  if (architecture == "i386") platform = {platform.os, "386", ""};
  if (architecture == "arm") NormalizeArm(platform);
  if (architecture == "amd64" && platform.variant == "v1") platform.variant.clear();
  const bool plain_arm64 = platform.variant == "v8" || platform.variant == "8";
  if (architecture == "arm64" && plain_arm64) platform.variant.clear();
  return platform;
}

bool Matches(const Platform& wanted, const Platform& offered) {
  const Platform machine = Normalized(wanted);
  const Platform image = Normalized(offered);
  if (machine.os != image.os || machine.architecture != image.architecture) return false;
  if (machine.variant == image.variant) return true;
  const bool ordered = machine.architecture == "arm" || machine.architecture == "arm64" ||
                       machine.architecture == "amd64";
  const std::optional<int> most = VariantNumber(machine);
  const std::optional<int> needed = VariantNumber(image);
  return ordered && most.has_value() && needed.has_value() && *needed <= *most;
}

}  // namespace delivery::oci
