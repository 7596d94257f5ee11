// Reads one metric of one side of a release: from Prometheus, from a JSON document, or from what
// Kubernetes says of the pods.
#ifndef DELIVERY_METRICS_METRIC_SOURCE_H_
#define DELIVERY_METRICS_METRIC_SOURCE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/analysis/analysis.h"
#include "provider/base/clock.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/api.h"

namespace delivery::metrics {

// Where a Prometheus is: a URL with its own credentials, or a Service behind the API server's
// proxy.
struct PrometheusServer {
  std::string url;  // "http://prometheus.example.com/prefix"; empty: `service`
  std::string username;
  std::string password;
  std::string bearer_token;
  std::string ca_certificate;  // PEM; empty: the machine's
  bool insecure = false;       // the certificate is not verified
  std::map<std::string, std::string> headers;

  struct Service {
    std::string namespace_name;  // empty: the workload's
    std::string name;
    int port = 0;
    std::string scheme = "http";
  };
  std::optional<Service> service;
};

struct PrometheusMetric {
  PrometheusServer server;
  std::string query;  // PromQL with placeholders (placeholders.h); an instant query
};
struct HttpMetric {
  std::string url;        // http or https, with placeholders
  std::string json_path;  // "$.data[0].value"; the value is a number, or text that is one
};
enum class KubernetesSignal {
  kRestarts,     // restarts of the side's pods' containers since the side's pods were made
  kUnreadyPods,  // pods of the side that are not ready
};
struct Metric {
  std::string name;
  std::variant<PrometheusMetric, HttpMetric, KubernetesSignal> source;
};

// Of whom a metric is read.
struct Side {
  std::string namespace_name;
  std::string name;      // of the released workload: "web"
  std::string workload;  // the Deployment measured: "web-canary", or "web"
  std::string canary;    // "web-canary"
  std::string stable;    // "web"
  std::string service;   // of the traffic; empty where there is none
  absl::Duration interval = absl::Seconds(30);
  std::vector<Json> pods;  // those of the measured side, as the API server has them
};

// Makes a transport for a metric server; the same options give the same transport.
using TransportOf = std::function<std::shared_ptr<http::Transport>(const PrometheusServer&)>;

// Everything a read works with. The references must outlive it.
struct MetricContext {
  kubernetes::Api& api;
  TransportOf transport;
  // For HttpMetric: without credentials.
  std::function<std::shared_ptr<http::Transport>()> url_transport;
};

// One answer, within 30 s; never throws, and says in `detail` what went wrong without secrets (no
// credentials, no user info or query of a URL). Redirects are not followed. Thread-safe.
analysis::Sample ReadMetric(const MetricContext& context, const Metric& metric, const Side& side,
                            const std::stop_token& stop);

// Of a Prometheus metric, what its query said at each step of a time that has passed: the finite
// values, oldest first. As Status what went wrong, without secrets. Thread-safe.
struct SeriesTime {
  absl::Time from;
  absl::Time to;
  absl::Duration step;
};
absl::StatusOr<std::vector<double>> ReadSeries(const MetricContext& context,
                                               const PrometheusMetric& metric, const Side& side,
                                               const SeriesTime& time, const std::stop_token& stop);

// What asking `metric` once shows before a release (preflight): OK for any answer, even an empty
// one; otherwise the source's own words, for PromQL with the position of the mistake.
// InvalidArgument: the query is wrong; Unavailable: the source does not answer; Unauthenticated or
// PermissionDenied: it refuses us.
absl::Status RehearseMetric(const MetricContext& context, const Metric& metric, const Side& side,
                            const std::stop_token& stop);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_METRIC_SOURCE_H_
