// Digits, and natural numbers of any length that are written in them.
#ifndef DELIVERY_IMAGE_POLICY_DIGITS_H_
#define DELIVERY_IMAGE_POLICY_DIGITS_H_

#include <algorithm>
#include <string_view>

namespace delivery::image_policy {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// True for one digit or more.
inline bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// Two natural numbers of any length, written in digits: negative, 0 or positive.
inline int CompareDigits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_DIGITS_H_
