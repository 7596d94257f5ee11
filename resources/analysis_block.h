// The `analysis` block of a workload resource: declaration, rules, and what it asks for.
#ifndef DELIVERY_RESOURCES_ANALYSIS_BLOCK_H_
#define DELIVERY_RESOURCES_ANALYSIS_BLOCK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/analysis/analysis.h"
#include "provider/delivery/plan.h"
#include "provider/metrics/metric_source.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "provider/value/number.h"
#include "resources/prometheus_block.h"

namespace delivery::resources {

struct MetricServiceBlock {
  schema::Attr<std::string> namespace_name;  // "namespace"
  schema::Attr<std::string> name;
  schema::Attr<int64_t> port;
  schema::Attr<std::string> scheme;
  static const schema::Spec<MetricServiceBlock>& Declaration();
};
struct MetricPrometheusBlock {
  schema::Attr<std::string> query;
  schema::Attr<std::string> url;  // otherwise the provider's
  schema::Attr<MetricServiceBlock> service;
  static const schema::Spec<MetricPrometheusBlock>& Declaration();
};
struct MetricHttpBlock {
  schema::Attr<std::string> url;
  schema::Attr<std::string> json_path;
  static const schema::Spec<MetricHttpBlock>& Declaration();
};
struct CompareBlock {
  schema::Attr<std::string> test;
  schema::Attr<std::string> direction;
  schema::Attr<value::Number> confidence;
  static const schema::Spec<CompareBlock>& Declaration();
};
struct MetricBlock {
  schema::Attr<std::string> name;
  schema::Attr<value::Number> min;
  schema::Attr<value::Number> max;
  schema::Attr<value::Number> max_ratio_to_stable;
  schema::Attr<CompareBlock> compare;
  schema::Attr<MetricPrometheusBlock> prometheus;
  schema::Attr<MetricHttpBlock> http;
  schema::Attr<std::string> kubernetes;
  schema::Attr<std::string> preset;
  static const schema::Spec<MetricBlock>& Declaration();
};
struct AnalysisBlock {
  schema::Attr<std::string> interval;
  schema::Attr<std::string> initial_delay;
  schema::Attr<std::string> duration;
  schema::Attr<int64_t> failure_limit;
  schema::Attr<int64_t> consecutive_error_limit;
  schema::Attr<int64_t> inconclusive_limit;
  schema::Attr<std::vector<MetricBlock>> metric;
  static const schema::Spec<AnalysisBlock>& Declaration();
};

struct AnalysisRules {
  // What a preset is looked up for ("gateway_api"; empty: no traffic block); nullopt: not known
  // yet.
  std::optional<std::string> backend;
  bool compares = true;  // a rollout has no second version to compare with
};
// What is wrong besides the rules of single fields (Declaration().Validate), each with its path: no
// metric, a name used twice, nothing that decides a metric, no source or two, a placeholder that
// does not exist, a URL or a path that is none, min above max, a comparison where there is nothing
// to compare with. Unknown values are passed over.
void ValidateAnalysis(const schema::Attr<AnalysisBlock>& block, const AnalysisRules& rules,
                      Diagnostics& diagnostics);

// The rules of one metric's source alone: none or two, a placeholder that does not exist, a URL or
// a path that is none, a preset that the backend has no query for.
void ValidateMetricSource(const MetricBlock& metric, const AnalysisRules& rules,
                          const value::Path& path, Diagnostics& diagnostics);
// What it asks, as ToMetrics.
absl::StatusOr<metrics::Metric> ToMetric(
    const MetricBlock& block, const std::string& backend,
    const std::optional<metrics::PrometheusServer>& default_server);

// Blocks that are wholly known and valid. An empty plan when there is no block.
engine::AnalysisPlan ToAnalysisPlan(const schema::Attr<AnalysisBlock>& block, bool no_data_passes);
// In the order of the plan's rules. FailedPrecondition when a Prometheus metric has no server:
// which metric, and that the provider's prometheus block or prometheus.url is what to add.
absl::StatusOr<std::vector<metrics::Metric>> ToMetrics(
    const schema::Attr<AnalysisBlock>& block, const std::string& backend,
    const std::optional<metrics::PrometheusServer>& default_server);
// Interval and duration as far as they are known; zero without a block.
absl::Duration AnalysisInterval(const schema::Attr<AnalysisBlock>& block);
absl::Duration AnalysisDuration(const schema::Attr<AnalysisBlock>& block);

// For the reader of a plan: "measure success-rate every 30s: at least 99 (0 failures tolerated)",
// with the query of a preset.
std::vector<std::string> DescribeAnalysis(const schema::Attr<AnalysisBlock>& block,
                                          const std::string& backend);

// One computed entry per metric: analysis_report.
struct MetricReport {
  schema::Attr<std::string> metric;
  schema::Attr<int64_t> samples;  // measurements that decided
  schema::Attr<int64_t> failures;
  schema::Attr<int64_t> inconclusive;
  schema::Attr<int64_t> errors;
  schema::Attr<std::vector<schema::Attr<value::Number>>> last_values;  // newest ten, oldest first
  schema::Attr<std::string> verdict;  // pass, fail, inconclusive, error
  schema::Attr<std::string> reason;
  static const schema::Spec<MetricReport>& Declaration();
};
using AnalysisReport = schema::Attr<std::vector<schema::Attr<MetricReport>>>;
AnalysisReport ToReport(const std::vector<analysis::Rule>& rules,
                        const std::map<std::string, analysis::Tally>& tallies);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_ANALYSIS_BLOCK_H_
