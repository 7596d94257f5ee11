#include "resources/variant_metric.h"

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "provider/metrics/placeholders.h"
#include "provider/schema/rules.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Number;
using value::Path;

bool IsFiniteNumber(const Number& number) { return std::isfinite(number.AsDouble()); }

MetricBlock AsMetric(const VariantMetricBlock& block) {
  MetricBlock metric;
  metric.name = block.name;
  metric.prometheus = block.prometheus;
  metric.http = block.http;
  metric.kubernetes = block.kubernetes;
  metric.preset = block.preset;
  return metric;
}

void ValidateTotal(const VariantMetricBlock& metric, const Path& path, Diagnostics& diagnostics) {
  if (metric.total.is_null()) return;
  if (metric.prometheus.is_null()) {
    diagnostics.Error(path.Attr("total"), "Trials without successes",
                      "total is a query for the number of trials; prometheus.query then gives the "
                      "number of those that succeeded. Add a prometheus block, or remove total.");
  }
  if (!metric.total.is_known()) return;
  const absl::Status placeholders = metrics::ValidatePlaceholders(metric.total.value());
  if (!placeholders.ok()) {
    diagnostics.Error(path.Attr("total"), "Invalid placeholder",
                      std::string(placeholders.message()));
  }
}

// ---- Measuring

class Measurer {
 public:
  explicit Measurer(const VariantMeasuring& measuring)
      : measuring_(measuring),
        context_{*measuring.connection.api, measuring.connection.metric_transport,
                 measuring.connection.url_transport} {}

  void Measure(const VariantMetricBlock& block, VariantSamples& samples) {
    const absl::Status measured = TryMeasure(block, samples);
    samples.problem = measured.ok() ? "" : std::string(measured.message());
  }

 private:
  absl::Status TryMeasure(const VariantMetricBlock& block, VariantSamples& samples) {
    const absl::StatusOr<metrics::Metric> metric =
        ToMetric(AsMetric(block), measuring_.backend, measuring_.connection.prometheus);
    if (!metric.ok()) return metric.status();
    const auto* prometheus = std::get_if<metrics::PrometheusMetric>(&metric->source);
    if (block.total.is_known() && prometheus != nullptr) {
      return Count(*prometheus, block.total.value(), samples);
    }
    return prometheus != nullptr ? ReadBoth(*prometheus, samples) : AddOne(*metric, samples);
  }

  metrics::Side SideFor(const metrics::Side& side, absl::Duration interval) const {
    metrics::Side same = side;
    same.interval = interval;
    return same;
  }

  // The whole time so far, anew at each look: nothing is counted twice.
  absl::Status Count(const metrics::PrometheusMetric& successes, const std::string& total,
                     VariantSamples& samples) {
    metrics::PrometheusMetric trials = successes;
    trials.query = total;
    const absl::Duration so_far = std::max(
        absl::Seconds(1), absl::Trunc(measuring_.now - measuring_.since, absl::Seconds(1)));
    std::vector<analysis::Counts> found;
    for (const metrics::Side* side : {&measuring_.a, &measuring_.b}) {
      const metrics::Side timed = SideFor(*side, so_far);
      const auto all = ReadCount(trials, timed);
      if (!all.ok()) return all.status();
      const auto good = ReadCount(successes, timed);
      if (!good.ok()) return good.status();
      found.push_back({std::min(*good, *all), *all});
    }
    samples.counts_a = found[0];
    samples.counts_b = found[1];
    return absl::OkStatus();
  }

  // A series that has not begun is none.
  absl::StatusOr<int64_t> ReadCount(const metrics::PrometheusMetric& metric,
                                    const metrics::Side& side) {
    const analysis::Sample sample =
        metrics::ReadMetric(context_, {"", metric}, side, measuring_.stop);
    if (sample.kind == analysis::Sample::Kind::kNoData) return 0;
    if (sample.kind != analysis::Sample::Kind::kValue) {
      return absl::UnavailableError(sample.detail);
    }
    constexpr double kMost = 1e15;
    if (sample.value < 0 || sample.value > kMost) {
      return absl::InvalidArgumentError(
          absl::StrCat("a count cannot be ", sample.value,
                       "; the query must give a number of "
                       "trials since the test began, such as sum(increase(x[{{interval}}]))"));
    }
    return static_cast<int64_t>(std::llround(sample.value));
  }

  // One value for each interval since both serve, anew at each look.
  absl::Status ReadBoth(const metrics::PrometheusMetric& metric, VariantSamples& samples) {
    const absl::Duration so_far = measuring_.now - measuring_.since;
    const absl::Duration step =
        std::max(measuring_.interval, absl::Ceil(so_far / kMostSteps, absl::Seconds(1)));
    if (so_far < step) return absl::OkStatus();
    // The windows of a query reach back by one step.
    const metrics::SeriesTime time{measuring_.since + step, measuring_.now, step};
    auto a =
        metrics::ReadSeries(context_, metric, SideFor(measuring_.a, step), time, measuring_.stop);
    if (!a.ok()) return a.status();
    auto b =
        metrics::ReadSeries(context_, metric, SideFor(measuring_.b, step), time, measuring_.stop);
    if (!b.ok()) return b.status();
    samples.a = *std::move(a);
    samples.b = *std::move(b);
    return absl::OkStatus();
  }

  // Sources that know the present only: one value a look, no more often than each interval.
  absl::Status AddOne(const metrics::Metric& metric, VariantSamples& samples) {
    if (measuring_.now - samples.looked_at < measuring_.interval) return absl::OkStatus();
    const std::pair<const metrics::Side*, std::vector<double>*> sides[] = {
        {&measuring_.a, &samples.a}, {&measuring_.b, &samples.b}};
    std::vector<double> values;
    for (const auto& [side, list] : sides) {
      const analysis::Sample sample = metrics::ReadMetric(
          context_, metric, SideFor(*side, measuring_.interval), measuring_.stop);
      if (sample.kind != analysis::Sample::Kind::kValue) {
        return absl::UnavailableError(sample.detail);
      }
      values.push_back(sample.value);
    }
    samples.looked_at = measuring_.now;
    for (size_t i = 0; i < values.size(); ++i) {
      std::vector<double>& list = *sides[i].second;
      list.push_back(values[i]);
      if (list.size() > kMostSteps) list.erase(list.begin());
    }
    return absl::OkStatus();
  }

  static constexpr int64_t kMostSteps = 240;

  const VariantMeasuring& measuring_;
  const metrics::MetricContext context_;
};

Json EncodeCounts(const analysis::Counts& counts) {
  return {{"successes", counts.successes}, {"trials", counts.trials}};
}

analysis::Counts DecodeCounts(const Json& json) {
  return {GetInt(json, "successes"), GetInt(json, "trials")};
}

std::vector<double> DecodeValues(const Json& json, const char* member) {
  std::vector<double> values;
  for (const Json& value : GetArray(json, member)) {
    if (value.is_number()) values.push_back(value.get<double>());
  }
  return values;
}

}  // namespace

const Spec<VariantMetricBlock>& VariantMetricBlock::Declaration() {
  using M = VariantMetricBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<M>(
        "A number by which both sides are compared: values (Mann-Whitney), or counts with `total` "
        "(Fisher's exact test). It has one source. Several metrics are adjusted together (Holm).");
    s->Field("name", &M::name)
        .Required()
        .Must("a name", [](const std::string& text) { return !text.empty(); })
        .Doc("Name, for the report.");
    s->Field("direction", &M::direction)
        .Optional()
        .OneOf({"increase", "decrease"})
        .Doc(
            "Which difference makes the variant better: `increase` (default: a higher number is "
            "better) or `decrease`.");
    s->Field("min", &M::min)
        .Optional()
        .Must("a finite number", IsFiniteNumber)
        .Doc("A variant whose mean is below is worse, whatever the workload's is.");
    s->Field("max", &M::max)
        .Optional()
        .Must("a finite number", IsFiniteNumber)
        .Doc("A variant whose mean is above is worse, whatever the workload's is.");
    s->Field("total", &M::total)
        .Optional()
        .Must("a query", [](const std::string& text) { return !text.empty(); })
        .Doc(
            "PromQL for the number of trials, of which `prometheus.query` gives those that "
            "succeeded. In both `{{interval}}` is the whole time of the test so far: "
            "`sum(increase(orders_total{pod=~\"{{pods}}\"}[{{interval}}]))`.");
    s->Block("prometheus", &M::prometheus);
    s->Block("http", &M::http);
    s->Field("kubernetes", &M::kubernetes)
        .Optional()
        .OneOf({"restarts", "unready_pods"})
        .Doc("What Kubernetes says of the pods: `restarts` or `unready_pods`.");
    s->Field("preset", &M::preset)
        .Optional()
        .OneOf({"request_success_rate", "request_duration_p99"})
        .Doc("A query that fits what routes the traffic, as in an analysis.");
    return s;
  }();
  return *spec;
}

void ValidateVariantMetrics(const VariantMetricBlocks& metrics,
                            const std::optional<std::string>& backend, Diagnostics& diagnostics) {
  if (!metrics.is_known()) return;
  const Path list = Path::Of("metric");
  std::set<std::string> names;
  for (size_t i = 0; i < metrics->size(); ++i) {
    const VariantMetricBlock& metric = metrics.value()[i];
    const Path path = list.At(static_cast<int64_t>(i));
    const std::string name = metric.name.value_or("");
    if (!name.empty() && !names.insert(name).second) {
      diagnostics.Error(path.Attr("name"), "A name used twice",
                        absl::StrCat("Another metric is named \"", name, "\", too."));
    }
    ValidateMetricSource(AsMetric(metric), {.backend = backend}, path, diagnostics);
    ValidateTotal(metric, path, diagnostics);
    if (metric.min.is_known() && metric.max.is_known() &&
        metric.min->AsDouble() > metric.max->AsDouble()) {
      diagnostics.Error(path.Attr("min"), "min is above max",
                        absl::StrCat("No value is at least ", metric.min->ToDecimal(),
                                     " and at most ", metric.max->ToDecimal(), "."));
    }
  }
}

std::vector<absl::StatusOr<metrics::Metric>> MetricsOf(
    const VariantMetricBlock& metric, const std::string& backend,
    const std::optional<metrics::PrometheusServer>& default_server) {
  std::vector<absl::StatusOr<metrics::Metric>> all = {
      ToMetric(AsMetric(metric), backend, default_server)};
  if (!all[0].ok() || !metric.total.is_known()) return all;
  if (const auto* successes = std::get_if<metrics::PrometheusMetric>(&all[0]->source)) {
    metrics::PrometheusMetric trials = *successes;
    trials.query = metric.total.value();
    all.push_back(metrics::Metric{all[0]->name, std::move(trials)});
  }
  return all;
}

void MeasureVariant(const VariantMeasuring& measuring, AllVariantSamples& samples) {
  if (!measuring.metrics.is_known()) return;
  Measurer measurer(measuring);
  for (const VariantMetricBlock& block : measuring.metrics.value()) {
    if (measuring.stop.stop_requested()) return;
    measurer.Measure(block, samples[block.name.value_or("")]);
  }
}

Json EncodeVariantSamples(const AllVariantSamples& samples) {
  Json json = Json::object();
  for (const auto& [metric, one] : samples) {
    Json entry = {{"a", one.a},
                  {"b", one.b},
                  {"counts_a", EncodeCounts(one.counts_a)},
                  {"counts_b", EncodeCounts(one.counts_b)},
                  {"problem", one.problem}};
    if (one.looked_at != absl::InfinitePast()) {
      entry["looked_at"] = absl::ToUnixMillis(one.looked_at);
    }
    json[metric] = std::move(entry);
  }
  return json;
}

AllVariantSamples DecodeVariantSamples(const Json& json) {
  AllVariantSamples samples;
  for (const auto& [metric, entry] : json.items()) {
    VariantSamples& one = samples[metric];
    one.a = DecodeValues(entry, "a");
    one.b = DecodeValues(entry, "b");
    one.counts_a = DecodeCounts(GetObject(entry, "counts_a"));
    one.counts_b = DecodeCounts(GetObject(entry, "counts_b"));
    one.problem = GetString(entry, "problem");
    if (Find(entry, "looked_at") != nullptr) {
      one.looked_at = absl::FromUnixMillis(GetInt(entry, "looked_at"));
    }
  }
  return samples;
}

std::vector<std::string> DescribeVariantMetrics(const VariantMetricBlocks& metrics) {
  std::vector<std::string> lines;
  if (!metrics.is_known()) return lines;
  for (const VariantMetricBlock& metric : metrics.value()) {
    lines.push_back(absl::StrCat("each refresh compares ", metric.name.value_or("(known later)"),
                                 metric.total.is_null() ? " (values)" : " (counts)", ": ",
                                 metric.direction.value_or("increase") == "increase"
                                     ? "a higher number is better"
                                     : "a lower number is better"));
  }
  return lines;
}

}  // namespace delivery::resources
