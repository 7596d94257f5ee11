// Ready-made queries: what a preset asks for depends on who routes the traffic.
#ifndef DELIVERY_METRICS_PRESETS_H_
#define DELIVERY_METRICS_PRESETS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace delivery::metrics {

// "request_success_rate" (percent of requests that were not answered by 5xx) and
// "request_duration_p99" (milliseconds).
const std::vector<std::string>& PresetNames();

// The PromQL of `preset` for the traffic backend ("gateway_api", "replicas", "nginx_ingress",
// "istio", "traefik"; empty: none, as in a rollout). InvalidArgument, with what to write instead,
// for a backend that has no metrics of its own to ask.
absl::StatusOr<std::string> PresetQuery(std::string_view preset, std::string_view backend);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_PRESETS_H_
