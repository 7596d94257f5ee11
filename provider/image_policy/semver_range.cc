#include "provider/image_policy/semver_range.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace delivery::image_policy {
namespace {

bool SameMajor(const Version& a, const Version& b) { return a.major == b.major; }

bool SameMinor(const Version& a, const Version& b) { return SameMajor(a, b) && a.minor == b.minor; }

// Whether `version` is one of those that the partial `pattern` stands for; a pre-release in it is
// then compared as text.
bool IsOneOf(const Version& version, const Version& pattern, int named) {
  switch (named) {
    case 1:
      return SameMajor(version, pattern);
    case 2:
      return SameMinor(version, pattern) && version.pre_release == pattern.pre_release;
    default:
      return Compare(version, pattern) == 0;
  }
}

bool IsAfterAllOf(const Version& version, const Version& pattern, int named) {
  switch (named) {
    case 1:
      return version.major > pattern.major;
    case 2:
      return version.major > pattern.major ||
             (SameMajor(version, pattern) && version.minor > pattern.minor);
    default:
      return Compare(version, pattern) > 0;
  }
}

}  // namespace

bool Range::TildeHolds(const Comparator& comparator, const Version& version) {
  const Version& from = comparator.version;
  if (Compare(version, from) < 0) return false;
  const bool zero = from.major == 0 && from.minor == 0 && from.patch == 0;
  if (zero && (comparator.named == 0 || comparator.named == 3)) return true;
  return comparator.named == 1 ? SameMajor(version, from) : SameMinor(version, from);
}

bool Range::CaretHolds(const Comparator& comparator, const Version& version) {
  const Version& from = comparator.version;
  if (Compare(version, from) < 0 || !SameMajor(version, from)) return false;
  if (from.major > 0 || comparator.named == 1) return true;
  if (version.minor != from.minor) return false;
  return from.minor > 0 || comparator.named == 2 || version.patch == from.patch;
}

bool Range::Holds(const Comparator& comparator, const Version& version) {
  const Version& other = comparator.version;
  switch (comparator.op) {
    case Operator::kEqual:
      return Compare(version, other) == 0;
    case Operator::kNotEqual:
      return !IsOneOf(version, other, comparator.named);
    case Operator::kGreater:
      return IsAfterAllOf(version, other, comparator.named);
    case Operator::kLess:
      return Compare(version, other) < 0;
    case Operator::kGreaterOrEqual:
      return Compare(version, other) >= 0;
    case Operator::kLessOrEqual:
      return !IsAfterAllOf(version, other, comparator.named);
    case Operator::kTilde:
      return TildeHolds(comparator, version);
    case Operator::kCaret:
      return CaretHolds(comparator, version);
  }
  return false;
}

bool Range::HoldsApartFromPreRelease(const Alternative& alternative, const Version& version) {
  return std::all_of(alternative.comparators.begin(), alternative.comparators.end(),
                     [&](const Comparator& comparator) { return Holds(comparator, version); });
}

bool Range::Matches(const Version& version) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const Alternative& each) {
    return (each.names_pre_release || !version.IsPreRelease()) &&
           HoldsApartFromPreRelease(each, version);
  });
}

std::optional<std::string> Range::WhyNot(const Version& version) const {
  if (Matches(version)) return std::nullopt;
  const auto holds = [&](const Alternative& each) {
    return HoldsApartFromPreRelease(each, version);
  };
  if (std::none_of(alternatives_.begin(), alternatives_.end(), holds)) {
    return absl::StrCat(version.ToString(), " is outside the range ", text_);
  }
  const bool names_one =
      std::any_of(alternatives_.begin(), alternatives_.end(),
                  [](const Alternative& each) { return each.names_pre_release; });
  return absl::StrCat(version.ToString(), " is a pre-release, and ",
                      names_one ? "the part of the range it is in" : "the range", " names none");
}

}  // namespace delivery::image_policy
