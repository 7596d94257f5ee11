#include "provider/metrics/sample_text.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "provider/checks/printable.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;

constexpr size_t kLongestQuote = 60;

}  // namespace

Sample NoData(std::string detail) { return {Sample::Kind::kNoData, 0, std::move(detail)}; }

Sample Ambiguous(std::string detail) { return {Sample::Kind::kAmbiguous, 0, std::move(detail)}; }

Sample SampleOf(double value) {
  if (std::isnan(value)) return NoData("the value is NaN (for a ratio: nothing was counted)");
  if (std::isinf(value)) return Ambiguous("the value is infinite (a division by zero?)");
  return {Sample::Kind::kValue, value, ""};
}

Sample SampleOfText(const std::string& text) {
  double value = 0;
  if (absl::SimpleAtod(text, &value)) return SampleOf(value);
  return Ambiguous(
      absl::StrCat("the value is \"", checks::Printable(text, kLongestQuote), "\", not a number"));
}

}  // namespace delivery::metrics
