// What Prometheus' answer to a query says. Pure.
#ifndef DELIVERY_METRICS_PROMETHEUS_ANSWER_H_
#define DELIVERY_METRICS_PROMETHEUS_ANSWER_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/analysis/analysis.h"

namespace delivery::metrics {

// One number (a vector of one element, or a scalar) is a value; an empty vector and NaN are no
// data; several elements, infinity, and other types are ambiguous. Otherwise, with Prometheus' own
// words where there are some: InvalidArgument (the query is wrong), Unauthenticated,
// PermissionDenied, Unavailable (no answer of a Prometheus, or one that it could not give now).
absl::StatusOr<analysis::Sample> ParsePrometheusAnswer(int http_status, std::string_view body);

// Of a range query: the finite values of its one series, oldest first; none where there is no
// series. InvalidArgument when there are several, else as above.
absl::StatusOr<std::vector<double>> ParsePrometheusSeries(int http_status, std::string_view body);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_PROMETHEUS_ANSWER_H_
