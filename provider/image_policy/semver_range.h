// Ranges of semantic versions, as Flux's image policies and Helm read them.
#ifndef DELIVERY_IMAGE_POLICY_SEMVER_RANGE_H_
#define DELIVERY_IMAGE_POLICY_SEMVER_RANGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/image_policy/semver.h"

namespace delivery::image_policy {

// The rules are those of github.com/Masterminds/semver v3.4.0:
//
//   =1.2.3 1.2.3 !=1.2.3 >1.2.3 <1.2.3 >=1.2.3 (=>) <=1.2.3 (=<)
//   ~1.2.3 (~>)   from 1.2.3, the same minor; ~1 the same major
//   ^1.2.3        from 1.2.3 up to what its first number that is not zero allows
//   1.2, 1.2.x    any of that minor; 1, 1.*, 1.X of that major; *, x, X any release
//   1.2 - 2.3     from 1.2.0 to any 2.3
//   a b, "a, b"   both; a || b either, and binds weaker
//
// Versions in it may be partial, have leading zeros and a "v", and a build, which is ignored. With
// an operator, what is left out counts as a whole: >1.2 begins at 1.3.0, <=1.2 ends with the last
// 1.2, while >= and < take it for zero. ~0.0.0 is anything from 0.0.0, as it is there.
//
// A pre-release is in the range only by an alternative (a side of "||") that names a pre-release
// itself, in any of its comparators: ">=1.0.0-0 <2" takes them all.
//
// Different here: a wildcard alone is refused after != > < <= ^, where theirs decides what nobody
// means ("^*" is 0.0.0 only, "<=*" any 0.0); "1||2 - 3" and "!=1.5 1 - 2" mean what they say, where
// theirs mistakes what precedes the hyphen range; after one, a separator is needed as everywhere;
// and numbers in pre-releases compare by value at any length, where theirs take those of more than
// 64 bits for words.
//
// Immutable and thread-safe.
class Range {
 public:
  // Also the length of what messages can quote.
  static constexpr size_t kMaxLength = 1024;

  // InvalidArgument, with the part that is wrong and what is accepted, for anything else. An empty
  // text is no range, nor is an empty alternative.
  static absl::StatusOr<Range> Parse(std::string_view text);

  bool Matches(const Version& version) const;
  // Nullopt when it matches, else a phrase for the user that begins with the version.
  std::optional<std::string> WhyNot(const Version& version) const;

  // As given, without blanks around it.
  const std::string& text() const { return text_; }

 private:
  friend class RangeParser;

  enum class Operator {
    kEqual,
    kNotEqual,
    kGreater,
    kLess,
    kGreaterOrEqual,
    kLessOrEqual,
    kTilde,
    kCaret
  };
  struct Comparator {
    Operator op = Operator::kEqual;
    Version version;  // zeros where nothing is named
    int named = 3;    // how many of major, minor and patch are named
  };
  struct Alternative {
    std::vector<Comparator> comparators;  // all must hold
    bool names_pre_release = false;
  };

  Range() = default;
  static bool Holds(const Comparator& comparator, const Version& version);
  static bool TildeHolds(const Comparator& comparator, const Version& version);
  static bool CaretHolds(const Comparator& comparator, const Version& version);
  // Whether all comparators hold, whether or not pre-releases are wanted.
  static bool HoldsApartFromPreRelease(const Alternative& alternative, const Version& version);

  std::string text_;
  std::vector<Alternative> alternatives_;
};

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_SEMVER_RANGE_H_
