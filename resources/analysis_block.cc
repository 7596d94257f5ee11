#include "resources/analysis_block.h"

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/checks/url.h"
#include "provider/metrics/json_path.h"
#include "provider/metrics/placeholders.h"
#include "provider/metrics/presets.h"
#include "provider/schema/rules.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using value::Number;
using value::Path;

constexpr absl::Duration kInterval = absl::Seconds(30);

absl::Duration DurationOr(const Attr<std::string>& text, absl::Duration otherwise) {
  if (!text.is_known()) return otherwise;
  return schema::ParseGoDuration(text.value()).value_or(otherwise);
}

std::optional<double> ToDouble(const Attr<Number>& number) {
  if (!number.is_known()) return std::nullopt;
  return number->AsDouble();
}

// Of whom nothing is measured: to see what a URL looks like.
metrics::Side Anybody() {
  metrics::Side side;
  side.namespace_name = side.name = side.workload = side.stable = side.service = "web";
  side.canary = "web-canary";
  return side;
}

void AddIfWrong(const absl::Status& status, const Path& path, const char* summary,
                Diagnostics& diagnostics) {
  if (!status.ok()) diagnostics.Error(path, summary, std::string(status.message()));
}

void ValidateUrl(const Attr<std::string>& url, const Path& path, Diagnostics& diagnostics) {
  if (!url.is_known()) return;
  const absl::Status placeholders = metrics::ValidatePlaceholders(url.value());
  AddIfWrong(placeholders, path, "Invalid placeholder", diagnostics);
  if (!placeholders.ok()) return;
  const std::string expanded = metrics::ExpandUrlPlaceholders(url.value(), Anybody());
  AddIfWrong(checks::ParseUrl(expanded).status(), path, "Invalid URL", diagnostics);
}

void ValidatePrometheus(const MetricPrometheusBlock& prometheus, const Path& path,
                        Diagnostics& diagnostics) {
  if (prometheus.query.is_known()) {
    AddIfWrong(metrics::ValidatePlaceholders(prometheus.query.value()), path.Attr("query"),
               "Invalid placeholder", diagnostics);
  }
  if (!prometheus.url.is_null() && !prometheus.service.is_null()) {
    diagnostics.Error(path.Attr("service"), "Two servers",
                      "Give either url or service; without both the provider's prometheus block "
                      "is asked.");
  }
  if (!prometheus.url.is_known()) return;
  const absl::StatusOr<checks::Url> url = checks::ParseUrl(prometheus.url.value());
  AddIfWrong(url.status(), path.Attr("url"), "Invalid URL", diagnostics);
  if (url.ok() && url->request.find('?') != std::string::npos) {
    diagnostics.Error(path.Attr("url"), "Invalid URL",
                      "url must be the server's base, without a query.");
  }
}

void ValidateHttp(const MetricHttpBlock& http, const Path& path, Diagnostics& diagnostics) {
  ValidateUrl(http.url, path.Attr("url"), diagnostics);
  if (!http.json_path.is_known()) return;
  AddIfWrong(metrics::ParseJsonPath(http.json_path.value()).status(), path.Attr("json_path"),
             "Invalid path", diagnostics);
}

void ValidateDecision(const MetricBlock& metric, const AnalysisRules& rules, const Path& path,
                      Diagnostics& diagnostics) {
  const bool compares = !metric.max_ratio_to_stable.is_null() || !metric.compare.is_null();
  if (metric.min.is_null() && metric.max.is_null() && !compares) {
    diagnostics.Error(
        path, "Nothing decides this metric",
        rules.compares ? "Give min, max, max_ratio_to_stable or compare." : "Give min or max.");
  }
  const std::optional<double> min = ToDouble(metric.min);
  const std::optional<double> max = ToDouble(metric.max);
  if (min && max && *min > *max) {
    diagnostics.Error(path.Attr("min"), "min is above max",
                      absl::StrCat("No value is at least ", metric.min->ToDecimal(),
                                   " and at most ", metric.max->ToDecimal(), "."));
  }
  if (!compares || rules.compares) return;
  diagnostics.Error(
      path.Attr(metric.compare.is_null() ? "max_ratio_to_stable" : "compare"),
      "Nothing to compare with",
      "A rollout has no stable version that runs beside the new one: use min or max, or a "
      "delivery_canary_release.");
}

std::optional<analysis::Comparison> ToComparison(const Attr<CompareBlock>& block) {
  if (!block.is_known()) return std::nullopt;
  analysis::Comparison comparison;
  const std::string direction = block->direction.value_or("increase");
  comparison.direction = direction == "decrease" ? analysis::Direction::kDecrease
                         : direction == "either" ? analysis::Direction::kEither
                                                 : analysis::Direction::kIncrease;
  comparison.confidence = ToDouble(block->confidence).value_or(comparison.confidence);
  return comparison;
}

analysis::Rule ToRule(const MetricBlock& block) {
  analysis::Rule rule;
  rule.metric = block.name.value_or("");
  rule.min = ToDouble(block.min);
  rule.max = ToDouble(block.max);
  rule.max_ratio_to_stable = ToDouble(block.max_ratio_to_stable);
  rule.compare = ToComparison(block.compare);
  return rule;
}

absl::StatusOr<metrics::PrometheusServer> ServerOf(
    const MetricBlock& metric, const std::optional<metrics::PrometheusServer>& default_server) {
  metrics::PrometheusServer server;
  if (metric.prometheus.is_known()) {
    const MetricPrometheusBlock& from = metric.prometheus.value();
    if (from.url.is_known()) {
      server.url = from.url.value();
      return server;
    }
    if (from.service.is_known()) {
      server.service = metrics::PrometheusServer::Service{
          from.service->namespace_name.value_or(""), from.service->name.value_or(""),
          static_cast<int>(from.service->port.value_or(0)), from.service->scheme.value_or("http")};
      return server;
    }
  }
  if (default_server) return *default_server;
  return absl::FailedPreconditionError(absl::StrCat(
      "metric ", metric.name.value_or(""), " is asked of Prometheus, but no server is configured: ",
      metric.preset.is_known()
          ? "add a prometheus block with url to the provider"
          : "add a prometheus block with url to the provider, or url or service to the metric's"));
}

std::string ConditionText(const MetricBlock& metric) {
  std::vector<std::string> conditions;
  const auto number = [](const Attr<Number>& value) {
    return value.is_known() ? value->ToDecimal() : std::string("(known after apply)");
  };
  if (!metric.min.is_null()) conditions.push_back(absl::StrCat("at least ", number(metric.min)));
  if (!metric.max.is_null()) conditions.push_back(absl::StrCat("at most ", number(metric.max)));
  if (!metric.max_ratio_to_stable.is_null()) {
    conditions.push_back(
        absl::StrCat("at most ", number(metric.max_ratio_to_stable), " times stable"));
  }
  if (const auto comparison = ToComparison(metric.compare)) {
    const char* worse = comparison->direction == analysis::Direction::kIncrease ? "above"
                        : comparison->direction == analysis::Direction::kDecrease
                            ? "below"
                            : "different from";
    conditions.push_back(absl::StrCat("not significantly ", worse, " stable (confidence ",
                                      comparison->confidence, ")"));
  }
  return absl::StrJoin(conditions, ", ");
}

std::string DescribeMetric(const AnalysisBlock& analysis, const MetricBlock& metric,
                           const std::string& backend, absl::Duration interval) {
  const int64_t tolerated = analysis.failure_limit.value_or(analysis::Limits().failure_limit);
  std::string line =
      absl::StrCat("measure ", metric.name.value_or("(known after apply)"), " every ",
                   schema::FormatGoDuration(interval), ": ", ConditionText(metric), " (", tolerated,
                   tolerated == 1 ? " failure" : " failures", " tolerated)");
  if (metric.preset.is_known()) {
    const absl::StatusOr<std::string> query = metrics::PresetQuery(metric.preset.value(), backend);
    if (query.ok()) absl::StrAppend(&line, ", by ", *query);
  }
  return line;
}

}  // namespace

void ValidateMetricSource(const MetricBlock& metric, const AnalysisRules& rules, const Path& path,
                          Diagnostics& diagnostics) {
  const int sources = (metric.prometheus.is_null() ? 0 : 1) + (metric.http.is_null() ? 0 : 1) +
                      (metric.kubernetes.is_null() ? 0 : 1) + (metric.preset.is_null() ? 0 : 1);
  if (sources != 1) {
    diagnostics.Error(path, sources == 0 ? "A metric without a source" : "A metric of two sources",
                      "A metric has exactly one of prometheus, http, kubernetes and preset.");
  }
  if (metric.prometheus.is_known()) {
    ValidatePrometheus(metric.prometheus.value(), path.Attr("prometheus"), diagnostics);
  }
  if (metric.http.is_known()) ValidateHttp(metric.http.value(), path.Attr("http"), diagnostics);
  const bool preset_exists =
      metric.preset.is_known() && schema::Contains(metrics::PresetNames(), metric.preset.value());
  if (preset_exists && rules.backend) {
    AddIfWrong(metrics::PresetQuery(metric.preset.value(), *rules.backend).status(),
               path.Attr("preset"), "No query for this preset", diagnostics);
  }
}

absl::StatusOr<metrics::Metric> ToMetric(
    const MetricBlock& block, const std::string& backend,
    const std::optional<metrics::PrometheusServer>& default_server) {
  metrics::Metric metric;
  metric.name = block.name.value_or("");
  if (block.http.is_known()) {
    metric.source =
        metrics::HttpMetric{block.http->url.value_or(""), block.http->json_path.value_or("$")};
    return metric;
  }
  if (block.kubernetes.is_known()) {
    metric.source = block.kubernetes.value() == "restarts"
                        ? metrics::KubernetesSignal::kRestarts
                        : metrics::KubernetesSignal::kUnreadyPods;
    return metric;
  }
  metrics::PrometheusMetric prometheus;
  if (block.preset.is_known()) {
    absl::StatusOr<std::string> query = metrics::PresetQuery(block.preset.value(), backend);
    if (!query.ok()) return query.status();
    prometheus.query = *std::move(query);
  } else if (block.prometheus.is_known()) {
    prometheus.query = block.prometheus->query.value_or("");
  }
  absl::StatusOr<metrics::PrometheusServer> server = ServerOf(block, default_server);
  if (!server.ok()) return server.status();
  prometheus.server = *std::move(server);
  metric.source = std::move(prometheus);
  return metric;
}

void ValidateAnalysis(const Attr<AnalysisBlock>& block, const AnalysisRules& rules,
                      Diagnostics& diagnostics) {
  if (!block.is_known() || !block->metric.is_known()) return;
  const Path list = Path::Of("analysis").Attr("metric");
  const std::vector<MetricBlock>& all = block->metric.value();
  if (all.empty()) {
    diagnostics.Error(list, "Nothing is measured", "An analysis has at least one metric block.");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < all.size(); ++i) {
    const Path path = list.At(static_cast<int64_t>(i));
    const std::string name = all[i].name.value_or("");
    if (!name.empty() && !names.insert(name).second) {
      diagnostics.Error(path.Attr("name"), "A name used twice",
                        absl::StrCat("Another metric is named \"", name, "\", too."));
    }
    ValidateMetricSource(all[i], rules, path, diagnostics);
    ValidateDecision(all[i], rules, path, diagnostics);
  }
}

engine::AnalysisPlan ToAnalysisPlan(const Attr<AnalysisBlock>& block, bool no_data_passes) {
  engine::AnalysisPlan plan;
  if (!block.is_known()) return plan;
  plan.limits.no_data_passes = no_data_passes;
  plan.limits.failure_limit = block->failure_limit.value_or(plan.limits.failure_limit);
  plan.limits.consecutive_error_limit =
      block->consecutive_error_limit.value_or(plan.limits.consecutive_error_limit);
  plan.limits.inconclusive_limit =
      block->inconclusive_limit.value_or(plan.limits.inconclusive_limit);
  plan.interval = AnalysisInterval(block);
  plan.initial_delay = DurationOr(block->initial_delay, absl::ZeroDuration());
  plan.duration = AnalysisDuration(block);
  if (!block->metric.is_known()) return plan;
  for (const MetricBlock& metric : block->metric.value()) plan.metrics.push_back(ToRule(metric));
  return plan;
}

absl::StatusOr<std::vector<metrics::Metric>> ToMetrics(
    const Attr<AnalysisBlock>& block, const std::string& backend,
    const std::optional<metrics::PrometheusServer>& default_server) {
  std::vector<metrics::Metric> all;
  if (!block.is_known() || !block->metric.is_known()) return all;
  for (const MetricBlock& one : block->metric.value()) {
    absl::StatusOr<metrics::Metric> metric = ToMetric(one, backend, default_server);
    if (!metric.ok()) return metric.status();
    all.push_back(*std::move(metric));
  }
  return all;
}

absl::Duration AnalysisInterval(const Attr<AnalysisBlock>& block) {
  return block.is_known() ? DurationOr(block->interval, kInterval) : absl::ZeroDuration();
}

absl::Duration AnalysisDuration(const Attr<AnalysisBlock>& block) {
  return block.is_known() ? DurationOr(block->duration, absl::ZeroDuration())
                          : absl::ZeroDuration();
}

std::vector<std::string> DescribeAnalysis(const Attr<AnalysisBlock>& block,
                                          const std::string& backend) {
  std::vector<std::string> lines;
  if (!block.is_known() || !block->metric.is_known()) return lines;
  for (const MetricBlock& metric : block->metric.value()) {
    lines.push_back(DescribeMetric(block.value(), metric, backend, AnalysisInterval(block)));
  }
  const absl::Duration duration = AnalysisDuration(block);
  if (duration > absl::ZeroDuration()) {
    lines.push_back(
        absl::StrCat("go on measuring for ", schema::FormatGoDuration(duration), " at the end"));
  }
  return lines;
}

}  // namespace delivery::resources
