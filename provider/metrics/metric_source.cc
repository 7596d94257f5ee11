#include "provider/metrics/metric_source.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/checks/bounded_stop.h"
#include "provider/checks/exchange.h"
#include "provider/checks/printable.h"
#include "provider/checks/url.h"
#include "provider/metrics/json_path.h"
#include "provider/metrics/kubernetes_signal.h"
#include "provider/metrics/placeholders.h"
#include "provider/metrics/prometheus_answer.h"
#include "provider/metrics/sample_text.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;
using checks::Answer;
using checks::Printable;
using kubernetes::ProxyRequest;

// Of one answer, repetitions included; one request ends before, and Prometheus gives a query up
// before that, because their own words say more.
constexpr absl::Duration kPatience = absl::Seconds(29);
constexpr absl::Duration kRequestTimeout = absl::Seconds(25);
constexpr char kQueryTimeout[] = "20s";
constexpr size_t kMostBody = size_t{1024} * 1024;

// The server's own words, without what we were doing.
std::string WordsOf(const absl::Status& status) {
  if (absl::IsCancelled(status)) return "no answer in time";
  const auto error = kubernetes::GetApiError(status);
  if (error && !error->message.empty()) return error->message;
  return std::string(status.message());
}

// `failure` of `who`, as a person may read it.
absl::Status Explained(const std::string& who, const absl::Status& failure,
                       const checks::Shown& shown, std::string_view original) {
  const absl::StatusCode code =
      absl::IsCancelled(failure) || absl::IsDeadlineExceeded(failure) || absl::IsInternal(failure)
          ? absl::StatusCode::kUnavailable
          : failure.code();
  return absl::Status(
      code,
      absl::StrCat(who, ": ", Printable(shown.Hide(WordsOf(failure), original), kLongestWords)));
}

// A failure to ask at all: what a server would mean by InvalidArgument says nothing of the query.
absl::Status Unreached(absl::Status failure) {
  if (!absl::IsInvalidArgument(failure) && !absl::IsNotFound(failure)) return failure;
  return absl::UnavailableError(WordsOf(failure));
}

std::string TooLongText() {
  return absl::StrCat("the answer is longer than ", kMostBody / (1024 * 1024),
                      " MiB; it must be one number");
}

Sample TooLong() { return Ambiguous(TooLongText()); }

absl::Status RedirectRefused(const Answer& answer) {
  return absl::UnavailableError(
      absl::StrCat("answered with status ", answer.status, checks::RedirectNote(answer)));
}

bool IsRedirect(const Answer& answer) { return answer.status >= 300 && answer.status < 400; }

// The two ways to ask Prometheus.
struct InstantQuery {
  using Result = Sample;
  static constexpr char kPath[] = "/api/v1/query";
  static absl::StatusOr<Sample> Longer() { return TooLong(); }
  static absl::StatusOr<Sample> Parse(const Answer& answer) {
    return ParsePrometheusAnswer(answer.status, answer.body);
  }
};
struct RangeQuery {
  using Result = std::vector<double>;
  static constexpr char kPath[] = "/api/v1/query_range";
  static absl::StatusOr<Result> Longer() { return absl::InvalidArgumentError(TooLongText()); }
  static absl::StatusOr<Result> Parse(const Answer& answer) {
    return ParsePrometheusSeries(answer.status, answer.body);
  }
};

template <typename Query>
absl::StatusOr<typename Query::Result> ReadPrometheusAnswer(const Answer& answer) {
  if (IsRedirect(answer)) return RedirectRefused(answer);
  if (answer.longer) return Query::Longer();
  return Query::Parse(answer);
}

void AddCredentials(const PrometheusServer& server, http::Request& request) {
  for (const auto& [name, value] : server.headers) request.headers.emplace_back(name, value);
  if (!server.bearer_token.empty()) {
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", server.bearer_token));
  } else if (!server.username.empty() || !server.password.empty()) {
    request.headers.emplace_back(
        "Authorization", absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(
                                                    server.username, ":", server.password))));
  }
}

bool HasOwnCredentials(const PrometheusServer& server) {
  return !server.bearer_token.empty() || !server.username.empty() || !server.password.empty();
}

using Form = std::vector<std::pair<std::string, std::string>>;

Form InstantForm(const PrometheusMetric& metric, const Side& side) {
  return {{"query", ExpandPlaceholders(metric.query, side)}, {"timeout", kQueryTimeout}};
}

template <typename Query>
class PrometheusReader {
 public:
  using Result = typename Query::Result;
  PrometheusReader(const MetricContext& context, const PrometheusMetric& metric, const Side& side,
                   const Form& form, const std::stop_token& stop)
      : context_(context),
        server_(metric.server),
        side_(side),
        form_(EncodeForm(form)),
        stop_(stop) {}

  absl::StatusOr<Result> Read() const {
    return server_.url.empty() && server_.service ? ReadService(*server_.service) : ReadUrl();
  }

 private:
  absl::StatusOr<Result> ReadUrl() const {
    absl::StatusOr<checks::Url> url = checks::ParseUrl(server_.url);
    if (!url.ok()) {
      return absl::UnavailableError(absl::StrCat("Prometheus: ", url.status().message()));
    }
    const std::string who = absl::StrCat("Prometheus at ", url->shown.text);
    url->request = absl::StrCat(absl::StripSuffix(url->request, "/"), Query::kPath);
    if (HasOwnCredentials(server_)) url->authorization.clear();
    absl::StatusOr<Answer> answer = Send(*url, "POST");
    // A proxy before it may let only GET through.
    if (answer.ok() && (answer->status == 405 || answer->status == 501)) answer = Send(*url, "GET");
    if (!answer.ok()) return Explained(who, Unreached(answer.status()), url->shown, server_.url);
    absl::StatusOr<Result> result = ReadPrometheusAnswer<Query>(*answer);
    if (result.ok()) return result;
    return Explained(who, result.status(), url->shown, server_.url);
  }

  absl::StatusOr<Answer> Send(checks::Url url, const std::string& method) const {
    http::Request request;
    request.method = method;
    request.timeout = kRequestTimeout;
    AddCredentials(server_, request);
    if (method == "POST") {
      request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
      request.body = form_;
    } else {
      absl::StrAppend(&url.request, "?", form_);
    }
    return checks::Exchange(*context_.transport(server_), url, std::move(request), kMostBody,
                            stop_);
  }

  // Only a GET passes the API server with nothing but the right to get services/proxy.
  absl::StatusOr<Result> ReadService(const PrometheusServer::Service& service) const {
    ProxyRequest request;
    request.target = ProxyRequest::Target::kService;
    request.namespace_name =
        service.namespace_name.empty() ? side_.namespace_name : service.namespace_name;
    request.name = service.name;
    request.port = service.port;
    request.scheme = service.scheme;
    request.path = absl::StrCat(Query::kPath, "?", form_);
    request.timeout = kRequestTimeout;
    request.max_response_bytes = kMostBody;
    const std::string who = absl::StrCat("Prometheus at Service ", request.namespace_name, "/",
                                         request.name, ", port ", request.port);
    absl::StatusOr<http::Response> response = context_.api.Proxy(request, stop_);
    if (!response.ok()) {
      const bool too_long = absl::IsResourceExhausted(response.status()) &&
                            !kubernetes::GetApiError(response.status()).has_value();
      if (too_long) return Query::Longer();
      return Explained(who, Unreached(response.status()), {}, "");
    }
    const std::string location = http::FindHeader(response->headers, "Location").value_or("");
    const Answer answer{response->status, location, std::move(response->body), false};
    absl::StatusOr<Result> result = ReadPrometheusAnswer<Query>(answer);
    if (result.ok()) return result;
    return Explained(who, result.status(), {}, "");
  }

  const MetricContext& context_;
  const PrometheusServer& server_;
  const Side& side_;
  const std::string form_;
  const std::stop_token& stop_;
};

absl::StatusOr<Sample> ReadHttpAnswer(const Answer& answer, const JsonPath& path) {
  if (IsRedirect(answer)) return RedirectRefused(answer);
  if (answer.longer) return TooLong();
  const std::string words = absl::StrCat("answered with status ", answer.status);
  if (answer.status == 401) return absl::UnauthenticatedError(words);
  if (answer.status == 403) return absl::PermissionDeniedError(words);
  if (answer.status < 200 || answer.status > 299) return absl::UnavailableError(words);
  return ReadJsonNumber(answer.body, path);
}

absl::StatusOr<Sample> ReadHttp(const MetricContext& context, const HttpMetric& metric,
                                const Side& side, const std::stop_token& stop) {
  const std::string text = ExpandUrlPlaceholders(metric.url, side);
  DELIVERY_ASSIGN_OR_RETURN(const checks::Url url, checks::ParseUrl(text));
  DELIVERY_ASSIGN_OR_RETURN(const JsonPath path, ParseJsonPath(metric.json_path));
  const std::string who = absl::StrCat("GET ", url.shown.text);
  http::Request request;
  request.timeout = kRequestTimeout;
  request.headers.emplace_back("Accept", "application/json");
  const absl::StatusOr<Answer> answer =
      checks::Exchange(*context.url_transport(), url, std::move(request), kMostBody, stop);
  if (!answer.ok()) return Explained(who, Unreached(answer.status()), url.shown, text);
  absl::StatusOr<Sample> sample = ReadHttpAnswer(*answer, path);
  if (sample.ok()) return sample;
  return Explained(who, sample.status(), url.shown, text);
}

absl::StatusOr<Sample> Ask(const MetricContext& context, const Metric& metric, const Side& side,
                           const std::stop_token& stop) {
  if (const auto* signal = std::get_if<KubernetesSignal>(&metric.source)) {
    return ReadSignal(*signal, side.pods);
  }
  const checks::BoundedStop bounded(stop, kPatience);
  const std::stop_token token = bounded.token();
  if (const auto* http = std::get_if<HttpMetric>(&metric.source)) {
    return ReadHttp(context, *http, side, token);
  }
  const auto& prometheus = std::get<PrometheusMetric>(metric.source);
  return PrometheusReader<InstantQuery>(context, prometheus, side, InstantForm(prometheus, side),
                                        token)
      .Read();
}

}  // namespace

Sample ReadMetric(const MetricContext& context, const Metric& metric, const Side& side,
                  const std::stop_token& stop) {
  absl::StatusOr<Sample> sample = Ask(context, metric, side, stop);
  if (!sample.ok()) {
    return {Sample::Kind::kError, 0, Redact(std::string(sample.status().message()))};
  }
  sample->detail = Redact(sample->detail);
  return *std::move(sample);
}

absl::StatusOr<std::vector<double>> ReadSeries(const MetricContext& context,
                                               const PrometheusMetric& metric, const Side& side,
                                               const SeriesTime& time,
                                               const std::stop_token& stop) {
  const checks::BoundedStop bounded(stop, kPatience);
  const std::stop_token token = bounded.token();
  const auto seconds = [](absl::Duration since) {
    return absl::StrFormat("%.3f", absl::ToDoubleSeconds(since));
  };
  Form form = InstantForm(metric, side);
  form.emplace_back("start", seconds(time.from - absl::UnixEpoch()));
  form.emplace_back("end", seconds(time.to - absl::UnixEpoch()));
  form.emplace_back("step", seconds(time.step));
  absl::StatusOr<std::vector<double>> values =
      PrometheusReader<RangeQuery>(context, metric, side, form, token).Read();
  if (values.ok()) return values;
  return absl::Status(values.status().code(), Redact(std::string(values.status().message())));
}

absl::Status RehearseMetric(const MetricContext& context, const Metric& metric, const Side& side,
                            const std::stop_token& stop) {
  const absl::StatusOr<Sample> sample = Ask(context, metric, side, stop);
  if (sample.ok()) return absl::OkStatus();
  return absl::Status(sample.status().code(), Redact(std::string(sample.status().message())));
}

}  // namespace delivery::metrics
