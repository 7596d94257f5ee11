// Decimal numbers of any length, compared exactly.
#ifndef DELIVERY_IMAGE_POLICY_DECIMAL_H_
#define DELIVERY_IMAGE_POLICY_DECIMAL_H_

#include <optional>
#include <string_view>

namespace delivery::image_policy {

// Refers to the text it was parsed from. Pure and thread-safe.
struct Decimal {
  bool negative = false;      // never for zero
  std::string_view whole;     // digits
  std::string_view fraction;  // digits without zeros at the end
};

// Digits, with a "-" before them and ".digits" after them if wanted. Nullopt for everything else:
// a "+", an exponent, hexadecimal, NaN and Inf, ".5", "5.", blanks.
std::optional<Decimal> ParseDecimal(std::string_view text);

// Negative, 0 or positive. Zeros at either end count for nothing, and -0 is 0.
int Compare(const Decimal& a, const Decimal& b);

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_DECIMAL_H_
