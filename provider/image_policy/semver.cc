#include "provider/image_policy/semver.h"

#include <charconv>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/image_policy/digits.h"

namespace delivery::image_policy {
namespace {

// Cuts `text` at the first `separator`: what precedes it is returned, `text` keeps what follows.
// Without a separator all is returned, and nothing is left.
std::string_view TakeUntil(char separator, std::string_view& text) {
  const size_t end = text.find(separator);
  const std::string_view head = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return head;
}

bool IsIdentifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c == '-' || absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

bool HasLeadingZero(std::string_view digits) { return digits.size() > 1 && digits[0] == '0'; }

template <typename Predicate>
bool EachIdentifier(std::string_view text, const Predicate& holds) {
  for (size_t start = 0;;) {
    const size_t end = text.find('.', start);
    if (!holds(text.substr(start, end == std::string_view::npos ? end : end - start))) return false;
    if (end == std::string_view::npos) return true;
    start = end + 1;
  }
}

std::optional<uint64_t> StrictNumber(std::string_view digits) {
  return HasLeadingZero(digits) ? std::nullopt : ParseVersionNumber(digits);
}

int CompareNumbers(uint64_t a, uint64_t b) { return a < b ? -1 : (a > b ? 1 : 0); }

// Numbers are lower than words.
int CompareIdentifiers(std::string_view a, std::string_view b) {
  const bool numeric = IsDigits(a);
  if (numeric != IsDigits(b)) return numeric ? -1 : 1;
  return numeric ? CompareDigits(a, b) : a.compare(b);
}

// An identifier more is higher.
int ComparePreReleases(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const int order = CompareIdentifiers(TakeUntil('.', a), TakeUntil('.', b));
    if (order != 0) return order;
  }
  return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
}

}  // namespace

std::string Version::ToString() const {
  return absl::StrCat(major, ".", minor, ".", patch, IsPreRelease() ? "-" : "", pre_release,
                      build.empty() ? "" : "+", build);
}

std::optional<uint64_t> ParseVersionNumber(std::string_view digits) {
  if (!IsDigits(digits)) return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

bool IsPreReleaseText(std::string_view text) {
  return EachIdentifier(text, [](std::string_view identifier) {
    return IsIdentifier(identifier) && !(IsDigits(identifier) && HasLeadingZero(identifier));
  });
}

bool IsBuildText(std::string_view text) { return EachIdentifier(text, IsIdentifier); }

std::optional<Version> ParseVersion(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  // Most tags of a repository are no versions: those are told apart before anything is copied.
  if (text.empty() || !IsDigit(text[0])) return std::nullopt;
  const size_t plus = text.find('+');
  std::string_view core = text.substr(0, plus);
  const size_t dash = core.find('-');
  if (plus != std::string_view::npos && !IsBuildText(text.substr(plus + 1))) return std::nullopt;
  if (dash != std::string_view::npos && !IsPreReleaseText(core.substr(dash + 1))) {
    return std::nullopt;
  }
  Version version;
  if (dash != std::string_view::npos) version.pre_release = core.substr(dash + 1);
  if (plus != std::string_view::npos) version.build = text.substr(plus + 1);
  core = core.substr(0, dash);
  for (uint64_t* const part : {&version.major, &version.minor}) {
    const std::optional<uint64_t> number = StrictNumber(TakeUntil('.', core));
    if (!number) return std::nullopt;
    *part = *number;
  }
  const std::optional<uint64_t> patch = StrictNumber(core);
  if (!patch) return std::nullopt;
  version.patch = *patch;
  return version;
}

int Compare(const Version& a, const Version& b) {
  if (const int order = CompareNumbers(a.major, b.major); order != 0) return order;
  if (const int order = CompareNumbers(a.minor, b.minor); order != 0) return order;
  if (const int order = CompareNumbers(a.patch, b.patch); order != 0) return order;
  if (a.IsPreRelease() != b.IsPreRelease()) return a.IsPreRelease() ? -1 : 1;
  return ComparePreReleases(a.pre_release, b.pre_release);
}

}  // namespace delivery::image_policy
