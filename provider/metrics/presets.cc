#include "provider/metrics/presets.h"

#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace delivery::metrics {
namespace {

constexpr char kSuccessRate[] = "request_success_rate";
constexpr char kDurationP99[] = "request_duration_p99";

// How a backend's proxies count requests.
struct Names {
  const char* requests;    // counter
  const char* durations;   // histogram
  const char* failed;      // matcher of 5xx answers
  bool in_seconds = true;  // of `durations`
  // Matchers of the measured side; a sample that meets any one of them belongs to it.
  std::vector<std::string> side;
};

// Services are named after namespace, Service and port, those of a weighted TraefikService too.
Names TraefikNames() {
  return {"traefik_service_requests_total",
          "traefik_service_request_duration_seconds_bucket",
          "code=~\"5..\"",
          true,
          {"service=~\"{{namespace}}-{{workload_service}}-[0-9a-z]+@kubernetescrd\""}};
}

// The destination's proxy knows the workload even where one Service has several subsets.
Names IstioNames() {
  return {"istio_requests_total",
          "istio_request_duration_milliseconds_bucket",
          "response_code=~\"5..\"",
          false,
          {"reporter=\"destination\",destination_workload_namespace=\"{{namespace}}\","
           "destination_workload=\"{{workload}}\""}};
}

// ingress-nginx puts a canary's requests under the main Ingress and Service; only the label canary
// (namespace, Service and port of the canary; empty or "-" otherwise) tells them apart.
Names NginxNames() {
  return {"nginx_ingress_controller_requests",
          "nginx_ingress_controller_request_duration_seconds_bucket",
          "status=~\"5..\"",
          true,
          {"namespace=\"{{namespace}}\","
           "canary=~\"{{namespace}}-{{workload_service}}-[0-9a-z]+\"",
           "namespace=\"{{namespace}}\",service=\"{{workload_service}}\",canary=~\"-?\""}};
}

std::string Rate(const Names& names, const char* metric, const std::string& more) {
  return absl::StrJoin(names.side, " or ", [&](std::string* out, const std::string& matchers) {
    absl::StrAppend(out, "rate(", metric, "{", matchers, more.empty() ? "" : ",", more,
                    "}[{{interval}}])");
  });
}

// Failed ones are subtracted: when every request fails there is no series of good ones to divide.
std::string SuccessRateQuery(const Names& names) {
  return absl::StrCat("100 - 100 * (sum(", Rate(names, names.requests, names.failed),
                      ") or vector(0)) / sum(", Rate(names, names.requests, ""), ")");
}

std::string DurationQuery(const Names& names) {
  return absl::StrCat(names.in_seconds ? "1000 * " : "", "histogram_quantile(0.99, sum by (le) (",
                      Rate(names, names.durations, ""), "))");
}

std::string WhyNone(std::string_view backend) {
  if (backend == "gateway_api") {
    return "the Gateway API says nothing about metrics: every gateway names them differently";
  }
  if (backend == "replicas") return "nothing routes with replicas, so nothing counts requests";
  return "without a traffic block nothing that routes is known to count requests";
}

}  // namespace

const std::vector<std::string>& PresetNames() {
  static const auto* const names = new std::vector<std::string>{kSuccessRate, kDurationP99};
  return *names;
}

absl::StatusOr<std::string> PresetQuery(std::string_view preset, std::string_view backend) {
  const bool success = preset == kSuccessRate;
  if (!success && preset != kDurationP99) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no such preset; there are: ", absl::StrJoin(PresetNames(), ", ")));
  }
  const std::map<std::string, Names (*)(), std::less<>> backends = {
      {"istio", IstioNames}, {"nginx_ingress", NginxNames}, {"traefik", TraefikNames}};
  const auto found = backends.find(backend);
  if (found == backends.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        WhyNone(backend),
        ". Use prometheus with a query of your own instead of preset, for example ",
        success
            ? "100 - 100 * (sum(rate(http_requests_total{namespace=\"{{namespace}}\","
              "pod=~\"{{pods}}\",code=~\"5..\"}[1m])) or vector(0)) / "
              "sum(rate(http_requests_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\"}[1m]))"
            : "1000 * histogram_quantile(0.99, sum by (le) (rate("
              "http_request_duration_seconds_bucket{namespace=\"{{namespace}}\","
              "pod=~\"{{pods}}\"}[1m])))"));
  }
  const Names names = found->second();
  return success ? SuccessRateQuery(names) : DurationQuery(names);
}

}  // namespace delivery::metrics
