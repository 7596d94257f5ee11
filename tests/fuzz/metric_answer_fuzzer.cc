// Arbitrary text as what metric servers answer, as a path into it, and as a query with
// placeholders. A sample is a finite value or says why it is none; what was expanded has no
// placeholders left; a release's tally that was read is written alike.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "provider/analysis/analysis.h"
#include "provider/base/json.h"
#include "provider/metrics/json_path.h"
#include "provider/metrics/placeholders.h"
#include "provider/metrics/prometheus_answer.h"

namespace {

using namespace delivery;  // NOLINT: the fuzzer is about nothing else
using analysis::Sample;

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckSample(const absl::StatusOr<Sample>& sample) {
  constexpr size_t kLongest = 2000;
  if (!sample.ok()) {
    Check(!sample.status().message().empty() && sample.status().message().size() < kLongest);
    return;
  }
  const bool value = sample->kind == Sample::Kind::kValue;
  Check(std::isfinite(sample->value) && sample->detail.empty() == value);
  Check(sample->detail.size() < kLongest);
}

void CheckPlaceholders(const std::string& text) {
  metrics::Side side;
  side.namespace_name = side.name = side.workload = side.canary = side.stable = side.service = "w";
  side.pods = {{{"metadata", {{"name", "w-1.x"}}}}};
  const std::string expanded = metrics::ExpandPlaceholders(text, side);
  const std::string in_url = metrics::ExpandUrlPlaceholders(text, side);
  if (!metrics::ValidatePlaceholders(text).ok()) return;
  // What is expanded has nothing in it that would be expanded again.
  Check(text.find("{{") == std::string::npos ? expanded == text && in_url == text
                                             : expanded != text);
}

void CheckTally(const std::string& text) {
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return;
  const absl::StatusOr<analysis::Tally> tally = analysis::DecodeTally(*json);
  if (!tally.ok()) return;
  const absl::StatusOr<analysis::Tally> again =
      analysis::DecodeTally(analysis::EncodeTally(*tally));
  Check(again.ok() && *again == *tally);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const int status : {200, 400, 503}) {
    CheckSample(metrics::ParsePrometheusAnswer(status, text));
  }
  const size_t line = text.find('\n');
  const absl::StatusOr<metrics::JsonPath> path = metrics::ParseJsonPath(text.substr(0, line));
  if (path.ok() && line != std::string::npos) {
    CheckSample(metrics::ReadJsonNumber(text.substr(line + 1), *path));
  }
  CheckPlaceholders(text);
  CheckTally(text);
  return 0;
}
