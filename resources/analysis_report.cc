// analysis_report: what was measured, for whoever reads the state.
#include <algorithm>

#include "resources/analysis_block.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Number;

constexpr size_t kReportedValues = 10;

// In the decimals that a host stores: a binary number would differ from what it reads back.
Number InDecimals(double value) {
  const Number binary(value);
  const absl::StatusOr<Number> decimal = Number::FromDecimal(binary.ToDecimal());
  return decimal.ok() ? *decimal : binary;
}

std::vector<Attr<Number>> Newest(const std::vector<double>& values) {
  const size_t count = std::min(values.size(), kReportedValues);
  std::vector<Attr<Number>> newest;
  for (auto value = values.end() - static_cast<ptrdiff_t>(count); value != values.end(); ++value) {
    newest.emplace_back(InDecimals(*value));
  }
  return newest;
}

}  // namespace

const Spec<MetricReport>& MetricReport::Declaration() {
  using R = MetricReport;
  static const auto* const spec = [] {
    auto* s = new Spec<R>("What was measured of one metric over the release.");
    s->Field("metric", &R::metric).Computed().Doc("Its name.");
    s->Field("samples", &R::samples).Computed().Doc("Measurements that passed or failed.");
    s->Field("failures", &R::failures).Computed().Doc("Measurements that failed.");
    s->Field("inconclusive", &R::inconclusive)
        .Computed()
        .Doc("Measurements without a result, such as no sample.");
    s->Field("errors", &R::errors).Computed().Doc("Times that the source did not answer.");
    s->Field("last_values", &R::last_values)
        .Computed()
        .Doc("The ten newest values of the measured side, oldest first.");
    s->Field("verdict", &R::verdict)
        .Computed()
        .Doc("Of the newest measurement: `pass`, `fail`, `inconclusive` or `error`.");
    s->Field("reason", &R::reason).Computed().Doc("Why.");
    return s;
  }();
  return *spec;
}

AnalysisReport ToReport(const std::vector<analysis::Rule>& rules,
                        const std::map<std::string, analysis::Tally>& tallies) {
  std::vector<Attr<MetricReport>> reports;
  for (const analysis::Rule& rule : rules) {
    const auto found = tallies.find(rule.metric);
    const bool measured = found != tallies.end();
    const analysis::Tally tally = measured ? found->second : analysis::Tally();
    reports.emplace_back(
        MetricReport{.metric = rule.metric,
                     .samples = tally.Completed(),
                     .failures = tally.failed,
                     .inconclusive = tally.inconclusive + tally.gathering,
                     .errors = tally.errors,
                     .last_values = Newest(tally.canary_values),
                     .verdict = analysis::VerdictName(tally.last_verdict),
                     .reason = measured ? tally.last_reason : "nothing was measured"});
  }
  return reports;
}

}  // namespace delivery::resources
