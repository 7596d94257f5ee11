#include "provider/value/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace delivery::value {
namespace {

constexpr size_t kLongestText = 1000;
constexpr int kLargestExponent = 9999;

// 0.digits * 10^exponent without leading or trailing zeros, so that equal numbers have equal
// members; zero has no digits.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;

  friend bool operator==(const Decimal&, const Decimal&) = default;

  bool IsIntegral() const { return exponent >= static_cast<int>(digits.size()); }
};

std::string_view TakeDigits(std::string_view* text) {
  const auto is_digit = [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); };
  const auto end = std::find_if_not(text->begin(), text->end(), is_digit);
  const std::string_view digits = text->substr(0, static_cast<size_t>(end - text->begin()));
  text->remove_prefix(digits.size());
  return digits;
}

bool TakeAny(std::string_view* text, std::string_view chars) {
  if (text->empty() || chars.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

bool TakeSign(std::string_view* text) {
  if (TakeAny(text, "-")) return true;
  TakeAny(text, "+");
  return false;
}

// The exponent with which `text` ends; 0 when there is none, nothing when it is malformed.
std::optional<int> TakeExponent(std::string_view* text) {
  if (!TakeAny(text, "eE")) return 0;
  const bool negative = TakeSign(text);
  const std::string_view digits = TakeDigits(text);
  int exponent = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (parsed.ec != std::errc() || exponent > kLargestExponent) return std::nullopt;
  return negative ? -exponent : exponent;
}

void Normalise(Decimal* decimal) {
  std::string& digits = decimal->digits;
  const size_t leading = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, leading);
  decimal->exponent -= static_cast<int>(leading);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.empty()) *decimal = Decimal();
}

std::optional<Decimal> ParseDecimal(std::string_view text) {
  Decimal decimal;
  decimal.negative = TakeSign(&text);
  const std::string_view whole = TakeDigits(&text);
  if (whole.empty()) return std::nullopt;
  decimal.digits = whole;
  if (TakeAny(&text, ".")) {
    const std::string_view fraction = TakeDigits(&text);
    if (fraction.empty()) return std::nullopt;
    decimal.digits.append(fraction);
  }
  const std::optional<int> exponent = TakeExponent(&text);
  if (!exponent.has_value() || !text.empty()) return std::nullopt;
  decimal.exponent = static_cast<int>(whole.size()) + *exponent;
  Normalise(&decimal);
  return decimal;
}

// The fewest digits that name this double, which is what the hosts compare.
std::string ShortestText(double number) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), number);
  return std::string(buffer, result.ptr);
}

Decimal ToFiniteDecimal(const Number& number) {
  const Number::Form& form = number.form();
  std::string text;
  if (const auto* decimal = std::get_if<std::string>(&form)) {
    text = *decimal;
  } else if (const auto* floating = std::get_if<double>(&form)) {
    text = ShortestText(*floating);
  } else if (const auto* natural = std::get_if<uint64_t>(&form)) {
    text = absl::StrCat(*natural);
  } else {
    text = absl::StrCat(std::get<int64_t>(form));
  }
  return ParseDecimal(text).value_or(Decimal());
}

std::string NonFiniteText(double number) {
  return std::isnan(number) ? "NaN" : number > 0 ? "Inf" : "-Inf";
}

// Digits without a point or an exponent.
std::string IntegralText(const Decimal& decimal) {
  const size_t zeros = static_cast<size_t>(decimal.exponent) - decimal.digits.size();
  return absl::StrCat(decimal.negative ? "-" : "", decimal.digits, std::string(zeros, '0'));
}

std::string PlainText(const Decimal& decimal) {
  if (decimal.IsIntegral()) return IntegralText(decimal);
  const absl::string_view sign = decimal.negative ? "-" : "";
  if (decimal.exponent <= 0) {
    const std::string zeros(static_cast<size_t>(-decimal.exponent), '0');
    return absl::StrCat(sign, "0.", zeros, decimal.digits);
  }
  const size_t point = static_cast<size_t>(decimal.exponent);
  const absl::string_view digits = decimal.digits;
  return absl::StrCat(sign, digits.substr(0, point), ".", digits.substr(point));
}

std::string ScientificText(const Decimal& decimal) {
  const absl::string_view digits = decimal.digits;
  return absl::StrCat(decimal.negative ? "-" : "", digits.substr(0, 1),
                      digits.size() > 1 ? "." : "", digits.substr(1), "e", decimal.exponent - 1);
}

// What `number` is as an integer type, if exactly that; both need at most 20 digits.
template <typename Integer>
std::optional<Integer> AsInteger(const Number& number) {
  if (!number.IsFinite()) return std::nullopt;
  const Decimal decimal = ToFiniteDecimal(number);
  if (decimal.digits.empty()) return 0;
  if (!decimal.IsIntegral() || decimal.exponent > 20) return std::nullopt;
  Integer integer;
  if (!absl::SimpleAtoi(IntegralText(decimal), &integer)) return std::nullopt;
  return integer;
}

}  // namespace

absl::StatusOr<Number> Number::FromDecimal(std::string_view text) {
  if (text.size() > kLongestText) {
    return absl::InvalidArgumentError(
        absl::StrCat("a number of more than ", kLongestText, " characters"));
  }
  if (!ParseDecimal(text).has_value()) {
    return absl::InvalidArgumentError("not a decimal number");
  }
  return Number(std::string(text));
}

std::optional<int64_t> Number::AsInt64() const {
  if (const auto* integer = std::get_if<int64_t>(&form_)) return *integer;
  return AsInteger<int64_t>(*this);
}

std::optional<uint64_t> Number::AsUint64() const {
  if (const auto* natural = std::get_if<uint64_t>(&form_)) return *natural;
  return AsInteger<uint64_t>(*this);
}

double Number::AsDouble() const {
  if (const auto* floating = std::get_if<double>(&form_)) return *floating;
  if (const auto* integer = std::get_if<int64_t>(&form_)) return static_cast<double>(*integer);
  if (const auto* natural = std::get_if<uint64_t>(&form_)) return static_cast<double>(*natural);
  double nearest = 0;
  [[maybe_unused]] const bool parsed = absl::SimpleAtod(std::get<std::string>(form_), &nearest);
  return nearest;
}

bool Number::IsFinite() const {
  const auto* floating = std::get_if<double>(&form_);
  return floating == nullptr || std::isfinite(*floating);
}

std::string Number::ToDecimal() const {
  if (!IsFinite()) return NonFiniteText(std::get<double>(form_));
  const Decimal decimal = ToFiniteDecimal(*this);
  if (decimal.digits.empty()) return "0";
  if (decimal.exponent > 21 || decimal.exponent <= -100) return ScientificText(decimal);
  return PlainText(decimal);
}

bool operator==(const Number& a, const Number& b) {
  if (a.form_ == b.form_) return true;
  if (!a.IsFinite() || !b.IsFinite()) return a.ToDecimal() == b.ToDecimal();
  return ToFiniteDecimal(a) == ToFiniteDecimal(b);
}

}  // namespace delivery::value
