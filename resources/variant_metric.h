// The `metric` blocks of an A/B test and a mirror: declaration, rules, what was measured of both
// sides, and what it says.
#ifndef DELIVERY_RESOURCES_VARIANT_METRIC_H_
#define DELIVERY_RESOURCES_VARIANT_METRIC_H_

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/analysis/variant_statistics.h"
#include "provider/base/json.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/analysis_block.h"
#include "resources/cluster.h"

namespace delivery::resources {

struct VariantMetricBlock {
  schema::Attr<std::string> name;
  schema::Attr<std::string> direction;
  schema::Attr<value::Number> min;
  schema::Attr<value::Number> max;
  schema::Attr<std::string> total;
  schema::Attr<MetricPrometheusBlock> prometheus;
  schema::Attr<MetricHttpBlock> http;
  schema::Attr<std::string> kubernetes;
  schema::Attr<std::string> preset;
  static const schema::Spec<VariantMetricBlock>& Declaration();
};
using VariantMetricBlocks = schema::Attr<std::vector<VariantMetricBlock>>;

// Names used twice, sources (as in an analysis), a total without a query, min above max.
// `backend` as AnalysisRules.
void ValidateVariantMetrics(const VariantMetricBlocks& metrics,
                            const std::optional<std::string>& backend, Diagnostics& diagnostics);

// What a metric asks: its query, and that of its total.
std::vector<absl::StatusOr<metrics::Metric>> MetricsOf(
    const VariantMetricBlock& metric, const std::string& backend,
    const std::optional<metrics::PrometheusServer>& default_server);

// What was measured of one metric. Values are in step with nothing: sides may differ in number.
struct VariantSamples {
  std::vector<double> a;
  std::vector<double> b;
  analysis::Counts counts_a;
  analysis::Counts counts_b;
  std::string problem;  // why the last look brought nothing; empty: it did
  absl::Time looked_at = absl::InfinitePast();
};
using AllVariantSamples = std::map<std::string, VariantSamples>;
Json EncodeVariantSamples(const AllVariantSamples& samples);
// What is damaged is left out.
AllVariantSamples DecodeVariantSamples(const Json& json);

struct VariantMeasuring {
  const Connection& connection;
  const VariantMetricBlocks& metrics;
  std::string backend;
  metrics::Side a;
  metrics::Side b;
  absl::Duration interval;
  absl::Time since;  // both served
  absl::Time now;
  std::stop_token stop;
};
// Looks at each metric once. What cannot be measured keeps what was measured before, with the
// problem.
void MeasureVariant(const VariantMeasuring& measuring, AllVariantSamples& samples);

struct SideReport {
  schema::Attr<int64_t> samples;
  schema::Attr<value::Number> mean;
  schema::Attr<value::Number> low;
  schema::Attr<value::Number> high;
  static const schema::Spec<SideReport>& Declaration();
};
struct VariantReport {
  schema::Attr<std::string> metric;
  schema::Attr<int64_t> samples;
  schema::Attr<SideReport> a;
  schema::Attr<SideReport> b;
  schema::Attr<value::Number> p_value;
  schema::Attr<value::Number> effect;
  schema::Attr<value::Number> effect_low;
  schema::Attr<value::Number> effect_high;
  schema::Attr<std::string> verdict;
  schema::Attr<std::string> reason;
  static const schema::Spec<VariantReport>& Declaration();
};
using VariantReports = schema::Attr<std::vector<schema::Attr<VariantReport>>>;

struct ReportRules {
  double confidence = 0.95;
  std::optional<int64_t> min_samples;
};
// In the order of the blocks, which are wholly known.
VariantReports ToVariantReports(const VariantMetricBlocks& metrics,
                                const AllVariantSamples& samples, const ReportRules& rules);

// For the reader of a plan.
std::vector<std::string> DescribeVariantMetrics(const VariantMetricBlocks& metrics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_METRIC_H_
