#include "provider/image_policy/decimal.h"

#include "provider/image_policy/digits.h"

namespace delivery::image_policy {
namespace {

int CompareMagnitudes(const Decimal& a, const Decimal& b) {
  const int order = CompareDigits(a.whole, b.whole);
  return order != 0 ? order : a.fraction.compare(b.fraction);
}

}  // namespace

std::optional<Decimal> ParseDecimal(std::string_view text) {
  Decimal decimal;
  const bool minus = text.starts_with('-');
  if (minus) text.remove_prefix(1);
  const size_t dot = text.find('.');
  decimal.whole = text.substr(0, dot);
  if (!IsDigits(decimal.whole)) return std::nullopt;
  if (dot != std::string_view::npos) {
    decimal.fraction = text.substr(dot + 1);
    if (!IsDigits(decimal.fraction)) return std::nullopt;
    while (decimal.fraction.ends_with('0')) decimal.fraction.remove_suffix(1);
  }
  const bool zero = CompareDigits(decimal.whole, "0") == 0 && decimal.fraction.empty();
  decimal.negative = minus && !zero;
  return decimal;
}

int Compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  return a.negative ? CompareMagnitudes(b, a) : CompareMagnitudes(a, b);
}

}  // namespace delivery::image_policy
