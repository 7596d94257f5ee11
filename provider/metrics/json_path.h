// The part of JSONPath that names one value: "$.data[0]['last value']", "$.series[-1]". Pure.
#ifndef DELIVERY_METRICS_JSON_PATH_H_
#define DELIVERY_METRICS_JSON_PATH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/analysis/analysis.h"

namespace delivery::metrics {

// Member names, and indices that count from the end when negative.
using JsonPath = std::vector<std::variant<std::string, int64_t>>;

// InvalidArgument with the position of the mistake.
absl::StatusOr<JsonPath> ParseJsonPath(std::string_view text);

// The number, or text that is one, at `path` of the document `body`. What is missing or null is no
// data, anything else ambiguous. Unavailable when `body` is no JSON.
absl::StatusOr<analysis::Sample> ReadJsonNumber(std::string_view body, const JsonPath& path);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_JSON_PATH_H_
