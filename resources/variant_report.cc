// report: what the measurements of both sides say.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "resources/variant_metric.h"

namespace delivery::resources {
namespace {

using analysis::Finding;
using schema::Attr;
using schema::Spec;
using value::Number;

// Below so much a verdict would rest on chance.
constexpr int64_t kLeastValues = 10;
constexpr int64_t kLeastTrials = 100;

// As a decimal that a host stores: a binary number would differ from what it reads back. Nine
// digits say more than any sample does.
Attr<Number> InDecimals(double value) {
  const absl::StatusOr<Number> decimal = Number::FromDecimal(absl::StrFormat("%.9g", value));
  return decimal.ok() ? *decimal : Number(value);
}

SideReport ToSide(const analysis::SideSummary& side) {
  SideReport report;
  report.samples = side.samples;
  if (side.samples == 0) return report;
  report.mean = InDecimals(side.mean);
  report.low = InDecimals(side.interval.low);
  report.high = InDecimals(side.interval.high);
  return report;
}

struct Judged {
  analysis::VariantComparison comparison;
  int64_t least = 0;
  double p_value = 1;  // adjusted
};

bool HasEnough(const Judged& judged) {
  return std::min(judged.comparison.a.samples, judged.comparison.b.samples) >= judged.least;
}

struct Said {
  Finding finding = Finding::kNotEnoughData;
  std::string reason;
};

Said Judge(const VariantMetricBlock& metric, const VariantSamples& samples, const Judged& judged,
           double confidence) {
  const analysis::VariantComparison& found = judged.comparison;
  const std::string trouble =
      samples.problem.empty() ? "" : absl::StrCat("; the last look failed: ", samples.problem);
  if (!HasEnough(judged)) {
    return {Finding::kNotEnoughData,
            absl::StrCat("A has ", found.a.samples, " and B ", found.b.samples,
                         metric.total.is_null() ? " values" : " trials", "; each needs ",
                         judged.least, trouble)};
  }
  if (metric.min.is_known() && found.b.mean < metric.min->AsDouble()) {
    return {Finding::kWorse,
            absl::StrCat("B's mean is below min = ", metric.min->ToDecimal(), trouble)};
  }
  if (metric.max.is_known() && found.b.mean > metric.max->AsDouble()) {
    return {Finding::kWorse,
            absl::StrCat("B's mean is above max = ", metric.max->ToDecimal(), trouble)};
  }
  const bool differs = judged.p_value < 1 - confidence;
  const bool higher = found.a.mean == found.b.mean ? found.effect > 0 : found.b.mean > found.a.mean;
  const bool shifted_up = found.effect == 0 ? higher : found.effect > 0;
  if (!differs) {
    return {
        Finding::kNoDifference,
        absl::StrCat("chance alone explains the difference at confidence ", confidence, trouble)};
  }
  const bool wanted_up = metric.direction.value_or("increase") == "increase";
  return {shifted_up == wanted_up ? Finding::kBetter : Finding::kWorse,
          absl::StrCat("B is ", shifted_up ? "higher" : "lower", " at confidence ", confidence,
                       trouble)};
}

Judged Compare(const VariantMetricBlock& metric, const VariantSamples& samples,
               const ReportRules& rules) {
  Judged judged;
  if (metric.total.is_null()) {
    judged.comparison = analysis::CompareValues(samples.a, samples.b, rules.confidence);
    judged.least = rules.min_samples.value_or(kLeastValues);
  } else {
    judged.comparison =
        analysis::CompareCounts(samples.counts_a, samples.counts_b, rules.confidence);
    judged.least = rules.min_samples.value_or(kLeastTrials);
  }
  return judged;
}

// Only metrics that decide something count as several.
void Adjust(std::vector<Judged>& all) {
  std::vector<double> p_values;
  for (const Judged& one : all) {
    if (HasEnough(one)) p_values.push_back(one.comparison.p_value);
  }
  const std::vector<double> adjusted = analysis::AdjustForSeveral(p_values);
  size_t next = 0;
  for (Judged& one : all) {
    one.p_value = HasEnough(one) ? adjusted[next++] : one.comparison.p_value;
  }
}

}  // namespace

const Spec<SideReport>& SideReport::Declaration() {
  using S = SideReport;
  static const auto* const spec = [] {
    auto* s = new Spec<S>("One side.");
    s->Field("samples", &S::samples).Computed().Doc("Values, or trials.");
    s->Field("mean", &S::mean).Computed().Doc("Their mean, or the share that succeeded.");
    s->Field("low", &S::low).Computed().Doc("Lower end of the mean's interval.");
    s->Field("high", &S::high).Computed().Doc("Upper end of the mean's interval.");
    return s;
  }();
  return *spec;
}

const Spec<VariantReport>& VariantReport::Declaration() {
  using R = VariantReport;
  static const auto* const spec = [] {
    auto* s = new Spec<R>("What was measured of one metric on both sides.");
    s->Field("metric", &R::metric).Computed().Doc("Its name.");
    s->Field("samples", &R::samples)
        .Computed()
        .Doc("Values, or trials, of the side that has fewer.");
    s->Field("a", &R::a)
        .Computed()
        .Doc("The workload: `samples`, `mean`, and its interval `low` to `high`.");
    s->Field("b", &R::b).Computed().Doc("The variant, likewise.");
    s->Field("p_value", &R::p_value)
        .Computed()
        .Doc("How likely chance alone makes such a difference, adjusted for several metrics.");
    s->Field("effect", &R::effect)
        .Computed()
        .Doc("How much B is above A: a difference of shares, or the shift of the values.");
    s->Field("effect_low", &R::effect_low).Computed().Doc("Lower end of its interval.");
    s->Field("effect_high", &R::effect_high).Computed().Doc("Upper end of its interval.");
    s->Field("verdict", &R::verdict)
        .Computed()
        .Doc("`better`, `worse`, `no_difference` or `not_enough_data`.");
    s->Field("reason", &R::reason).Computed().Doc("Why.");
    return s;
  }();
  return *spec;
}

VariantReports ToVariantReports(const VariantMetricBlocks& metrics,
                                const AllVariantSamples& samples, const ReportRules& rules) {
  std::vector<Attr<VariantReport>> reports;
  if (!metrics.is_known()) return reports;
  const auto samples_of = [&](const VariantMetricBlock& metric) {
    const auto found = samples.find(metric.name.value_or(""));
    return found == samples.end() ? VariantSamples() : found->second;
  };
  std::vector<Judged> all;
  for (const VariantMetricBlock& metric : metrics.value()) {
    all.push_back(Compare(metric, samples_of(metric), rules));
  }
  Adjust(all);
  for (size_t i = 0; i < all.size(); ++i) {
    const VariantMetricBlock& metric = metrics.value()[i];
    const analysis::VariantComparison& found = all[i].comparison;
    const Said said = Judge(metric, samples_of(metric), all[i], rules.confidence);
    VariantReport report;
    report.metric = metric.name.value_or("");
    report.samples = std::min(found.a.samples, found.b.samples);
    report.a = ToSide(found.a);
    report.b = ToSide(found.b);
    if (report.samples.value() > 0) {
      report.p_value = InDecimals(all[i].p_value);
      report.effect = InDecimals(found.effect);
      report.effect_low = InDecimals(found.effect_interval.low);
      report.effect_high = InDecimals(found.effect_interval.high);
    }
    report.verdict = analysis::FindingName(said.finding);
    report.reason = said.reason;
    reports.emplace_back(std::move(report));
  }
  return reports;
}

}  // namespace delivery::resources
