#include "provider/kubernetes/quantity.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"

namespace delivery::kubernetes {
namespace {

struct Suffix {
  std::string_view text;
  int power_of_two;
  int power_of_ten;
};

constexpr std::array<Suffix, 16> kSuffixes = {{{"", 0, 0},
                                               {"n", 0, -9},
                                               {"u", 0, -6},
                                               {"m", 0, -3},
                                               {"k", 0, 3},
                                               {"M", 0, 6},
                                               {"G", 0, 9},
                                               {"T", 0, 12},
                                               {"P", 0, 15},
                                               {"E", 0, 18},
                                               {"Ki", 10, 0},
                                               {"Mi", 20, 0},
                                               {"Gi", 30, 0},
                                               {"Ti", 40, 0},
                                               {"Pi", 50, 0},
                                               {"Ei", 60, 0}}};
// Far beyond any real quantity; keeps the sums of exponents from overflowing.
constexpr int kLargestExponent = 1000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view TakeDigits(std::string_view& rest) {
  size_t length = 0;
  while (length < rest.size() && IsDigit(rest[length])) ++length;
  const std::string_view digits = rest.substr(0, length);
  rest.remove_prefix(length);
  return digits;
}

// False when the number does not fit.
bool AppendDigits(std::string_view digits, uint64_t& number) {
  for (const char c : digits) {
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (number > (std::numeric_limits<uint64_t>::max() - digit) / 10) return false;
    number = number * 10 + digit;
  }
  return true;
}

// The exponents of two and ten that a suffix or a decimal exponent stands for.
std::optional<std::pair<int, int>> ParseSuffix(std::string_view text) {
  for (const Suffix& suffix : kSuffixes) {
    if (text == suffix.text) return std::pair(suffix.power_of_two, suffix.power_of_ten);
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  const std::string_view digits = text.substr(text[1] == '+' || text[1] == '-' ? 2 : 1);
  int exponent = 0;
  if (digits.empty() || !IsDigit(digits.front()) ||
      !absl::SimpleAtoi(std::string(digits), &exponent) || exponent > kLargestExponent) {
    return std::nullopt;
  }
  return std::pair(0, text[1] == '-' ? -exponent : exponent);
}

int DivideOut(uint64_t& number, uint64_t prime) {
  int power = 0;
  while (number % prime == 0) {
    number /= prime;
    ++power;
  }
  return power;
}

Quantity Normalised(bool negative, uint64_t number, int power_of_two, int power_of_ten) {
  if (number == 0) return {};
  const int twos = DivideOut(number, 2);
  const int fives = DivideOut(number, 5);
  return {negative, number, power_of_two + power_of_ten + twos, power_of_ten + fives};
}

}  // namespace

double Quantity::ToDouble() const {
  const double value =
      static_cast<double>(magnitude) * std::pow(2.0, power_of_two) * std::pow(5.0, power_of_five);
  return negative ? -value : value;
}

std::optional<Quantity> ParseQuantity(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const std::string_view whole = TakeDigits(rest);
  std::string_view fraction;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = TakeDigits(rest);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  uint64_t number = 0;
  if (!AppendDigits(whole, number) || !AppendDigits(fraction, number)) return std::nullopt;
  const auto suffix = ParseSuffix(rest);
  if (!suffix) return std::nullopt;
  return Normalised(negative, number, suffix->first,
                    suffix->second - static_cast<int>(fraction.size()));
}

bool EqualQuantities(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto left = ParseQuantity(a);
  const auto right = ParseQuantity(b);
  return left && right && *left == *right;
}

}  // namespace delivery::kubernetes
