#include "provider/image_policy/tag.h"

#include <algorithm>
#include <cstddef>

#include "provider/image_policy/digits.h"

namespace delivery::image_policy {
namespace {

constexpr std::string_view kDigestPrefix = "sha256-";
constexpr size_t kDigestLength = 64;

bool IsLowerHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }

std::string_view TakeDigits(std::string_view& rest) {
  const auto end = std::find_if_not(rest.begin(), rest.end(), IsDigit);
  const std::string_view digits = rest.substr(0, static_cast<size_t>(end - rest.begin()));
  rest.remove_prefix(digits.size());
  return digits;
}

}  // namespace

bool IsSignatureTag(std::string_view tag) {
  if (!tag.starts_with(kDigestPrefix)) return false;
  tag.remove_prefix(kDigestPrefix.size());
  if (tag.size() < kDigestLength ||
      !std::all_of(tag.begin(), tag.begin() + kDigestLength, IsLowerHex)) {
    return false;
  }
  tag.remove_prefix(kDigestLength);
  return tag.empty() || tag == ".sig" || tag == ".att" || tag == ".sbom";
}

int CompareNaturally(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (IsDigit(a[0]) && IsDigit(b[0])) {
      const int order = CompareDigits(TakeDigits(a), TakeDigits(b));
      if (order != 0) return order;
      continue;
    }
    if (a[0] != b[0]) {
      return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]) ? -1 : 1;
    }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
}

}  // namespace delivery::image_policy
