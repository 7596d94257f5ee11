// What each rule compares: one class per rule, all with the same members, so that ranking is
// written once. Internal to image_policy.
//
//   Key                what is compared; it may refer to the texts it was read from
//   Read(tag, text)    nullopt when the tag is no candidate; `text` is what the filter made of it
//   Compare(a, b)      positive when `a` is better
//   WhyNot(tag, text)  why Read found nothing
#ifndef DELIVERY_IMAGE_POLICY_RULE_KEYS_H_
#define DELIVERY_IMAGE_POLICY_RULE_KEYS_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "provider/image_policy/decimal.h"
#include "provider/image_policy/policy.h"
#include "provider/image_policy/semver.h"

namespace delivery::image_policy {

class VersionKeys {
 public:
  using Key = Version;
  explicit VersionKeys(const Range& range) : range_(range) {}

  std::optional<Version> Read(std::string_view tag, std::string_view text) const;
  int Compare(const Version& a, const Version& b) const { return image_policy::Compare(a, b); }
  std::string WhyNot(std::string_view tag, std::string_view text) const;

 private:
  const Range& range_;
};

class TextKeys {
 public:
  using Key = std::string_view;
  explicit TextKeys(Order order) : descending_(order == Order::kDescending) {}

  std::optional<std::string_view> Read(std::string_view /*tag*/, std::string_view text) const {
    return text;
  }
  int Compare(std::string_view a, std::string_view b) const {
    return descending_ ? b.compare(a) : a.compare(b);
  }
  std::string WhyNot(std::string_view /*tag*/, std::string_view /*text*/) const { return ""; }

 private:
  bool descending_;
};

class NumberKeys {
 public:
  using Key = Decimal;
  explicit NumberKeys(Order order) : descending_(order == Order::kDescending) {}

  std::optional<Decimal> Read(std::string_view /*tag*/, std::string_view text) const {
    return ParseDecimal(text);
  }
  int Compare(const Decimal& a, const Decimal& b) const {
    return descending_ ? image_policy::Compare(b, a) : image_policy::Compare(a, b);
  }
  std::string WhyNot(std::string_view tag, std::string_view text) const;

 private:
  bool descending_;
};

class TimeKeys {
 public:
  using Key = absl::Time;
  explicit TimeKeys(const CreationTimes& created) : created_(created) {}

  std::optional<absl::Time> Read(std::string_view tag, std::string_view text) const;
  int Compare(absl::Time a, absl::Time b) const { return a < b ? -1 : (b < a ? 1 : 0); }
  std::string WhyNot(std::string_view tag, std::string_view text) const;

 private:
  const CreationTimes& created_;
};

// The keys refer to the rule and to `created`.
inline VersionKeys KeysOf(const Semver& rule, const CreationTimes& /*created*/) {
  return VersionKeys(rule.range);
}
inline TextKeys KeysOf(const Alphabetical& rule, const CreationTimes& /*created*/) {
  return TextKeys(rule.order);
}
inline NumberKeys KeysOf(const Numerical& rule, const CreationTimes& /*created*/) {
  return NumberKeys(rule.order);
}
inline TimeKeys KeysOf(const Newest& /*rule*/, const CreationTimes& created) {
  return TimeKeys(created);
}

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_RULE_KEYS_H_
