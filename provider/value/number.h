// A number as Terraform knows it: arbitrary precision, kept in the form in which it came so that
// returning it never changes it.
#ifndef DELIVERY_VALUE_NUMBER_H_
#define DELIVERY_VALUE_NUMBER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"

namespace delivery::value {

// Immutable. Two numbers are equal when their decimal values are (1, 1.0 and "1e0" are equal).
class Number {
 public:
  explicit Number(int64_t n) : form_(n) {}
  explicit Number(uint64_t n) : form_(n) {}
  explicit Number(double n) : form_(n) {}
  // Decimal text: optional sign, digits, fraction, exponent. InvalidArgument otherwise, and for
  // text over 1,000 characters or exponents beyond +-9999.
  static absl::StatusOr<Number> FromDecimal(std::string_view text);

  // Set only when the value is exactly an int64.
  std::optional<int64_t> AsInt64() const;
  // Set only when the value is exactly a uint64.
  std::optional<uint64_t> AsUint64() const;
  // The nearest double; infinite beyond its range.
  double AsDouble() const;
  bool IsFinite() const;
  // Canonical decimal text: no exponent for magnitudes from 1e-100 to below 1e21, no trailing
  // zeros. "Inf", "-Inf" and "NaN" are not finite.
  std::string ToDecimal() const;

  using Form = std::variant<int64_t, uint64_t, double, std::string>;
  const Form& form() const { return form_; }

  friend bool operator==(const Number& a, const Number& b);

 private:
  explicit Number(std::string decimal) : form_(std::move(decimal)) {}
  Form form_;
};

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_NUMBER_H_
