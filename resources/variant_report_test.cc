#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "resources/variant_metric.h"

namespace delivery::resources {
namespace {

using ::testing::HasSubstr;

VariantMetricBlock Named(const std::string& name) {
  VariantMetricBlock metric;
  metric.name = name;
  return metric;
}
VariantMetricBlock Counted(const std::string& name) {
  VariantMetricBlock metric = Named(name);
  metric.total = std::string("sum(x)");
  return metric;
}
std::vector<double> Around(double center, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(center + 0.01 * ((i * 7) % count));
  return values;
}

std::string VerdictOf(const VariantMetricBlock& metric, const VariantSamples& samples,
                      const ReportRules& rules = {}) {
  const VariantReports reports = ToVariantReports(std::vector<VariantMetricBlock>{metric},
                                                  {{metric.name.value(), samples}}, rules);
  return reports.value()[0]->verdict.value();
}

TEST(VariantReportTest, JudgesValuesByTheWantedDirection) {
  VariantSamples samples;
  samples.a = Around(1, 12);
  samples.b = Around(2, 12);
  VariantMetricBlock metric = Named("orders");
  EXPECT_EQ(VerdictOf(metric, samples), "better");
  metric.direction = std::string("decrease");
  EXPECT_EQ(VerdictOf(metric, samples), "worse");
  samples.b = samples.a;
  EXPECT_EQ(VerdictOf(metric, samples), "no_difference");
}

TEST(VariantReportTest, DecidesNothingByTooLittle) {
  VariantSamples samples;
  samples.a = Around(1, 9);
  samples.b = Around(2, 50);
  EXPECT_EQ(VerdictOf(Named("orders"), samples), "not_enough_data");
  EXPECT_EQ(VerdictOf(Named("orders"), samples, {.min_samples = 9}), "better");
  VariantSamples counts;
  counts.counts_a = {10, 99};
  counts.counts_b = {90, 1000};
  EXPECT_EQ(VerdictOf(Counted("orders"), counts), "not_enough_data");
  EXPECT_EQ(VerdictOf(Named("nothing"), {}), "not_enough_data");
}

TEST(VariantReportTest, JudgesCountsAndTheirLimits) {
  VariantSamples counts;
  counts.counts_a = {100, 1000};
  counts.counts_b = {180, 1000};
  VariantMetricBlock metric = Counted("orders");
  EXPECT_EQ(VerdictOf(metric, counts), "better");
  metric.min = value::Number(0.5);
  EXPECT_EQ(VerdictOf(metric, counts), "worse");
  counts.counts_b = {104, 1000};
  EXPECT_EQ(VerdictOf(Counted("orders"), counts), "no_difference");
}

// A difference that one metric alone would show is chance among ten.
TEST(VariantReportTest, SeveralMetricsAreAdjustedTogether) {
  VariantSamples borderline;
  borderline.counts_a = {100, 1000};
  borderline.counts_b = {130, 1000};
  EXPECT_EQ(VerdictOf(Counted("one"), borderline), "better");
  std::vector<VariantMetricBlock> metrics;
  AllVariantSamples samples;
  for (int i = 0; i < 10; ++i) {
    metrics.push_back(Counted(std::to_string(i)));
    samples[std::to_string(i)] = borderline;
    if (i > 0) samples[std::to_string(i)].counts_b = {100, 1000};
  }
  const VariantReports reports = ToVariantReports(metrics, samples, {});
  EXPECT_EQ(reports.value()[0]->verdict.value(), "no_difference");
}

TEST(VariantReportTest, SaysWhyNothingWasMeasured) {
  VariantSamples samples;
  samples.problem = "Prometheus: no answer";
  const VariantReports reports =
      ToVariantReports(std::vector<VariantMetricBlock>{Named("orders")}, {{"orders", samples}}, {});
  EXPECT_THAT(reports.value()[0]->reason.value(), HasSubstr("Prometheus: no answer"));
  EXPECT_TRUE(reports.value()[0]->p_value.is_null());
}

TEST(VariantSamplesTest, SurviveTheirStoredForm) {
  AllVariantSamples samples;
  samples["orders"].a = {1, 2.5};
  samples["orders"].counts_b = {3, 4};
  samples["orders"].looked_at = absl::FromUnixMillis(1'700'000'000'123);
  const AllVariantSamples again = DecodeVariantSamples(EncodeVariantSamples(samples));
  EXPECT_EQ(again.at("orders").a, samples["orders"].a);
  EXPECT_EQ(again.at("orders").counts_b, samples["orders"].counts_b);
  EXPECT_EQ(again.at("orders").looked_at, samples["orders"].looked_at);
}

}  // namespace
}  // namespace delivery::resources
