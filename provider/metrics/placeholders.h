// {{namespace}} {{name}} {{workload}} {{canary}} {{stable}} {{service}} {{interval}} {{pods}} in
// queries and URLs (product.md section 6).
#ifndef DELIVERY_METRICS_PLACEHOLDERS_H_
#define DELIVERY_METRICS_PLACEHOLDERS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "provider/metrics/metric_source.h"

namespace delivery::metrics {

// InvalidArgument naming a placeholder that does not exist, and those that do, or an open "{{".
absl::Status ValidatePlaceholders(std::string_view text);

// Blanks inside the braces are allowed. {{interval}} is in Prometheus' spelling ("30s", "1m30s").
// {{pods}} is a regular expression that matches exactly the pods of the side: their names, each
// quoted, joined by "|"; one that matches nothing ("^$") while there are none.
std::string ExpandPlaceholders(std::string_view text, const Side& side);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_PLACEHOLDERS_H_
