// {{namespace}} {{name}} {{workload}} {{canary}} {{stable}} {{service}} {{workload_service}}
// {{interval}} {{pods}} in queries and URLs.
#ifndef DELIVERY_METRICS_PLACEHOLDERS_H_
#define DELIVERY_METRICS_PLACEHOLDERS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "provider/metrics/metric_source.h"

namespace delivery::metrics {

// InvalidArgument naming a placeholder that does not exist, and those that do, or an open "{{".
absl::Status ValidatePlaceholders(std::string_view text);

// Blanks inside the braces are allowed; what is no placeholder stays as it is. {{interval}} is in
// Prometheus' spelling ("30s", "1m30s"). {{pods}} is a regular expression, to be used anchored as
// PromQL does, that matches exactly the pods of the side, and nothing while there are none: not
// even samples that have no label of a pod. {{workload_service}} is the Service of the measured
// side alone: "web-canary", or "web".
std::string ExpandPlaceholders(std::string_view text, const Side& side);
// The same for a URL: values are percent-encoded.
std::string ExpandUrlPlaceholders(std::string_view url, const Side& side);

// Fields as of a form or the query of a URL; names are plain, values are percent-encoded.
std::string EncodeForm(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_PLACEHOLDERS_H_
