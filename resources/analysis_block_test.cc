#include "resources/analysis_block.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using value::Number;

Attr<Number> Num(double value) { return Number(value); }

// A metric that is right, changed by `edit`.
MetricBlock Metric(const std::function<void(MetricBlock&)>& edit = nullptr) {
  MetricBlock metric;
  metric.name = std::string("success-rate");
  metric.min = Num(99);
  metric.prometheus = MetricPrometheusBlock{.query = std::string("up{pod=~\"{{pods}}\"}")};
  if (edit) edit(metric);
  return metric;
}
Attr<AnalysisBlock> Analysis(std::vector<MetricBlock> metrics) {
  AnalysisBlock block;
  block.metric = std::move(metrics);
  return block;
}

std::vector<std::string> Complaints(const Attr<AnalysisBlock>& block,
                                    const AnalysisRules& rules = {"istio", true}) {
  Diagnostics diagnostics;
  if (block.is_known()) {
    AnalysisBlock::Declaration().Validate(block.value(), value::Path::Of("analysis"), diagnostics);
  }
  ValidateAnalysis(block, rules, diagnostics);
  return Said(diagnostics);
}

TEST(AnalysisBlockTest, DeclarationsHaveNoProblems) {
  EXPECT_THAT(AnalysisBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(MetricBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(CompareBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(MetricHttpBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(MetricPrometheusBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(MetricServiceBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(MetricReport::Declaration().Problems(), IsEmpty());
}

// A host refuses a result that differs from the configuration in any digit.
TEST(AnalysisBlockTest, NumbersComeBackAsTheyCame) {
  const MetricBlock metric = Metric(
      [](MetricBlock& m) { m.min = Number::FromDecimal("99.33333333333333333333333333").value(); });
  const value::Value encoded = MetricBlock::Declaration().Encode(metric);
  EXPECT_EQ(encoded.Get("min").AsNumber().ToDecimal(), "99.33333333333333333333333333");
}

// ---- Validation

struct ComplaintCase {
  std::string name;
  std::function<void(MetricBlock&)> edit;
  std::string said;
};
class ComplaintTest : public ::testing::TestWithParam<ComplaintCase> {};

TEST_P(ComplaintTest, IsSaidAtItsPlace) {
  EXPECT_THAT(Complaints(Analysis({Metric(GetParam().edit)})),
              ElementsAre(StartsWith(GetParam().said)));
}

MetricPrometheusBlock Asked(const std::function<void(MetricPrometheusBlock&)>& edit) {
  MetricPrometheusBlock block{.query = std::string("up")};
  edit(block);
  return block;
}
void ByHttp(MetricBlock& metric, const std::string& url, const std::string& path) {
  metric.prometheus = {};
  metric.http = MetricHttpBlock{url, path};
}
MetricServiceBlock Service(int64_t port = 9090) {
  return {.name = std::string("prometheus"), .port = port};
}

INSTANTIATE_TEST_SUITE_P(
    , ComplaintTest,
    ::testing::Values(
        ComplaintCase{"NoDecision", [](MetricBlock& m) { m.min = {}; },
                      "error at analysis.metric[0]: Nothing decides this metric"},
        ComplaintCase{"NoSource", [](MetricBlock& m) { m.prometheus = {}; },
                      "error at analysis.metric[0]: A metric without a source"},
        ComplaintCase{"TwoSources", [](MetricBlock& m) { m.kubernetes = std::string("restarts"); },
                      "error at analysis.metric[0]: A metric of two sources"},
        ComplaintCase{"MinAboveMax", [](MetricBlock& m) { m.max = Num(98.5); },
                      "error at analysis.metric[0].min: min is above max: No value is at least 99 "
                      "and at most 98.5."},
        ComplaintCase{"Placeholder",
                      [](MetricBlock& m) {
                        m.prometheus = Asked([](auto& p) { p.query = std::string("{{target}}"); });
                      },
                      "error at analysis.metric[0].prometheus.query: Invalid placeholder: there is "
                      "no placeholder {{target}}"},
        ComplaintCase{
            "EmptyQuery",
            [](MetricBlock& m) { m.prometheus = Asked([](auto& p) { p.query = std::string(); }); },
            "error at analysis.metric[0].prometheus.query"},
        ComplaintCase{"TwoServers",
                      [](MetricBlock& m) {
                        m.prometheus = Asked([](auto& p) {
                          p.url = std::string("http://p.test");
                          p.service = Service();
                        });
                      },
                      "error at analysis.metric[0].prometheus.service: Two servers"},
        ComplaintCase{"ServerUrl",
                      [](MetricBlock& m) {
                        m.prometheus = Asked([](auto& p) { p.url = std::string("p.test:9090"); });
                      },
                      "error at analysis.metric[0].prometheus.url: Invalid URL"},
        ComplaintCase{"ServerUrlWithQuery",
                      [](MetricBlock& m) {
                        m.prometheus =
                            Asked([](auto& p) { p.url = std::string("http://p.test/?a=b"); });
                      },
                      "error at analysis.metric[0].prometheus.url: Invalid URL"},
        ComplaintCase{
            "Port",
            [](MetricBlock& m) { m.prometheus = Asked([](auto& p) { p.service = Service(0); }); },
            "error at analysis.metric[0].prometheus.service.port"},
        ComplaintCase{"HttpUrl", [](MetricBlock& m) { ByHttp(m, "ftp://x", "$"); },
                      "error at analysis.metric[0].http.url: Invalid URL"},
        ComplaintCase{"HttpPlaceholder",
                      [](MetricBlock& m) { ByHttp(m, "http://x/{{nobody}}", "$"); },
                      "error at analysis.metric[0].http.url: Invalid placeholder"},
        ComplaintCase{
            "JsonPath", [](MetricBlock& m) { ByHttp(m, "http://x/{{ name }}", "data"); },
            "error at analysis.metric[0].http.json_path: Invalid path: json_path is wrong "
            "at position 1"},
        ComplaintCase{"Signal",
                      [](MetricBlock& m) {
                        m.prometheus = {};
                        m.kubernetes = std::string("crashes");
                      },
                      "error at analysis.metric[0].kubernetes"},
        ComplaintCase{"Preset",
                      [](MetricBlock& m) {
                        m.prometheus = {};
                        m.preset = std::string("errors");
                      },
                      "error at analysis.metric[0].preset"},
        ComplaintCase{"Ratio", [](MetricBlock& m) { m.max_ratio_to_stable = Num(0); },
                      "error at analysis.metric[0].max_ratio_to_stable"},
        ComplaintCase{"Confidence",
                      [](MetricBlock& m) { m.compare = CompareBlock{.confidence = Num(1)}; },
                      "error at analysis.metric[0].compare.confidence"},
        ComplaintCase{
            "Direction",
            [](MetricBlock& m) { m.compare = CompareBlock{.direction = std::string("up")}; },
            "error at analysis.metric[0].compare.direction"}),
    [](const auto& test) { return test.param.name; });

TEST(ValidateAnalysisTest, WhatIsRightOrUnknownIsPassedOver) {
  EXPECT_THAT(Complaints(Attr<AnalysisBlock>()), IsEmpty());
  EXPECT_THAT(Complaints(Attr<AnalysisBlock>::Unknown()), IsEmpty());
  EXPECT_THAT(Complaints(Analysis({Metric()})), IsEmpty());
  EXPECT_THAT(Complaints(Analysis({Metric([](MetricBlock& m) {
                m.name = Attr<std::string>::Unknown();
                m.min = Attr<Number>::Unknown();
                m.prometheus.value().query = Attr<std::string>::Unknown();
              })})),
              IsEmpty());
}

TEST(ValidateAnalysisTest, AnAnalysisMeasuresSomethingUnderOneName) {
  EXPECT_THAT(Complaints(Analysis({})),
              ElementsAre(StartsWith("error at analysis.metric: Nothing is measured")));
  EXPECT_THAT(Complaints(Analysis({Metric(), Metric()})),
              ElementsAre(StartsWith("error at analysis.metric[1].name: A name used twice")));
}

TEST(ValidateAnalysisTest, LimitsAndTimesAreBounded) {
  Attr<AnalysisBlock> block = Analysis({Metric()});
  block.value().interval = std::string("0s");
  block.value().initial_delay = std::string("soon");
  block.value().failure_limit = -1;
  EXPECT_THAT(Complaints(block), ElementsAre(StartsWith("error at analysis.interval"),
                                             StartsWith("error at analysis.initial_delay"),
                                             StartsWith("error at analysis.failure_limit")));
}

TEST(ValidateAnalysisTest, ARolloutHasNothingToCompareWith) {
  const AnalysisRules rollout = {"", false};
  EXPECT_THAT(
      Complaints(Analysis({Metric([](MetricBlock& m) { m.compare = CompareBlock(); })}), rollout),
      ElementsAre(StartsWith("error at analysis.metric[0].compare: Nothing to compare")));
  EXPECT_THAT(
      Complaints(Analysis({Metric([](MetricBlock& m) { m.max_ratio_to_stable = Num(2); })}),
                 rollout),
      ElementsAre(StartsWith("error at analysis.metric[0].max_ratio_to_stable: Nothing to")));
}

TEST(ValidateAnalysisTest, APresetNeedsABackendWithMetrics) {
  const auto analysis = Analysis({Metric([](MetricBlock& m) {
    m.prometheus = {};
    m.preset = std::string("request_success_rate");
  })});
  EXPECT_THAT(Complaints(analysis, {"istio", true}), IsEmpty());
  EXPECT_THAT(Complaints(analysis, {std::nullopt, true}), IsEmpty());
  EXPECT_THAT(Complaints(analysis, {"gateway_api", true}),
              ElementsAre(AllOf(StartsWith("error at analysis.metric[0].preset"),
                                HasSubstr("instead of preset"))));
}

// ---- What it asks for

TEST(ToAnalysisPlanTest, DefaultsAreThoseOfTheContract) {
  const engine::AnalysisPlan plan = ToAnalysisPlan(Analysis({Metric()}), false);
  ASSERT_THAT(plan.metrics, SizeIs(1));
  EXPECT_EQ(plan.metrics[0].metric, "success-rate");
  EXPECT_EQ(plan.metrics[0].min, 99);
  EXPECT_EQ(plan.interval, absl::Seconds(30));
  EXPECT_EQ(plan.initial_delay, absl::ZeroDuration());
  EXPECT_EQ(plan.duration, absl::ZeroDuration());
  EXPECT_EQ(plan.limits.failure_limit, 0);
  EXPECT_EQ(plan.limits.consecutive_error_limit, 4);
  EXPECT_EQ(plan.limits.inconclusive_limit, 3);
  EXPECT_FALSE(plan.limits.no_data_passes);
  EXPECT_THAT(ToAnalysisPlan({}, true).metrics, IsEmpty());
}

TEST(ToAnalysisPlanTest, EverythingIsHandedOver) {
  Attr<AnalysisBlock> block = Analysis({Metric([](MetricBlock& m) {
    m.max = Num(100);
    m.max_ratio_to_stable = Num(1.5);
    m.compare = CompareBlock{.direction = std::string("either"), .confidence = Num(0.9)};
  })});
  block.value().interval = std::string("10s");
  block.value().initial_delay = std::string("1m");
  block.value().duration = std::string("5m");
  block.value().failure_limit = 1;
  block.value().consecutive_error_limit = 2;
  block.value().inconclusive_limit = 5;
  const engine::AnalysisPlan plan = ToAnalysisPlan(block, true);
  EXPECT_EQ(plan.interval, absl::Seconds(10));
  EXPECT_EQ(plan.initial_delay, absl::Minutes(1));
  EXPECT_EQ(plan.duration, absl::Minutes(5));
  EXPECT_EQ(plan.limits.failure_limit, 1);
  EXPECT_EQ(plan.limits.consecutive_error_limit, 2);
  EXPECT_EQ(plan.limits.inconclusive_limit, 5);
  EXPECT_TRUE(plan.limits.no_data_passes);
  const analysis::Rule& rule = plan.metrics.at(0);
  EXPECT_EQ(rule.max, 100);
  EXPECT_EQ(rule.max_ratio_to_stable, 1.5);
  ASSERT_TRUE(rule.compare.has_value());
  EXPECT_EQ(rule.compare->direction, analysis::Direction::kEither);
  EXPECT_EQ(rule.compare->confidence, 0.9);
}

TEST(ToMetricsTest, EachMetricHasItsSource) {
  const auto metrics = ToMetrics(
      Analysis({Metric(), Metric([](MetricBlock& m) {
                  m.prometheus = Asked([](auto& p) { p.url = std::string("http://other.test"); });
                }),
                Metric([](MetricBlock& m) {
                  m.prometheus = Asked([](auto& p) { p.service = Service(); });
                }),
                Metric([](MetricBlock& m) { ByHttp(m, "http://x", "$.a"); }),
                Metric([](MetricBlock& m) {
                  m.prometheus = {};
                  m.kubernetes = std::string("unready_pods");
                })}),
      "", metrics::PrometheusServer{.url = "http://default.test", .bearer_token = "secret"});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  ASSERT_THAT(*metrics, SizeIs(5));
  const auto server = [&](size_t i) {
    return std::get<metrics::PrometheusMetric>((*metrics)[i].source).server;
  };
  EXPECT_EQ(server(0).url, "http://default.test");
  EXPECT_EQ(server(0).bearer_token, "secret");
  // Credentials are for the server that they were given for.
  EXPECT_EQ(server(1).url, "http://other.test");
  EXPECT_EQ(server(1).bearer_token, "");
  EXPECT_EQ(server(2).url, "");
  EXPECT_EQ(server(2).bearer_token, "");
  ASSERT_TRUE(server(2).service.has_value());
  EXPECT_EQ(server(2).service->name, "prometheus");
  EXPECT_EQ(server(2).service->port, 9090);
  EXPECT_EQ(server(2).service->scheme, "http");
  EXPECT_EQ(std::get<metrics::HttpMetric>((*metrics)[3].source).json_path, "$.a");
  EXPECT_EQ(std::get<metrics::KubernetesSignal>((*metrics)[4].source),
            metrics::KubernetesSignal::kUnreadyPods);
}

TEST(ToMetricsTest, WithoutAServerItSaysWhatToAdd) {
  const absl::Status status = ToMetrics(Analysis({Metric()}), "", std::nullopt).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("metric success-rate"), HasSubstr("prometheus block"),
                    HasSubstr("to the provider")));
}

TEST(DescribeAnalysisTest, SaysWhatDecides) {
  Attr<AnalysisBlock> block = Analysis({Metric(), Metric([](MetricBlock& m) {
                                          m.name = std::string("latency");
                                          m.min = {};
                                          m.max = Num(500.5);
                                          m.max_ratio_to_stable = Num(1.2);
                                          m.compare = CompareBlock();
                                        })});
  block.value().failure_limit = 1;
  block.value().duration = std::string("5m");
  EXPECT_THAT(DescribeAnalysis(block, ""),
              ElementsAre("measure success-rate every 30s: at least 99 (1 failure tolerated)",
                          "measure latency every 30s: at most 500.5, at most 1.2 times stable, not "
                          "significantly above stable (confidence 0.98) (1 failure tolerated)",
                          "go on measuring for 5m at the end"));
}

TEST(DescribeAnalysisTest, ShowsTheQueryOfAPreset) {
  const auto block = Analysis({Metric([](MetricBlock& m) {
    m.prometheus = {};
    m.preset = std::string("request_success_rate");
  })});
  EXPECT_THAT(DescribeAnalysis(block, "istio"),
              ElementsAre(AllOf(HasSubstr("(0 failures tolerated), by 100 - 100 * (sum(rate("),
                                HasSubstr("{{workload}}"))));
}

TEST(ToReportTest, SaysWhatWasMeasured) {
  analysis::Tally tally;
  tally.passed = 3;
  tally.failed = 1;
  tally.inconclusive = 2;
  tally.gathering = 4;
  tally.errors = 5;
  for (int i = 1; i <= 12; ++i) tally.canary_values.push_back(i / 10.0);
  tally.last_verdict = analysis::Verdict::kFail;
  tally.last_reason = "1.2 is above max = 1";
  const AnalysisReport report =
      ToReport({{.metric = "latency"}, {.metric = "other"}}, {{"latency", tally}});
  ASSERT_THAT(report.value(), SizeIs(2));
  const MetricReport& first = report.value()[0].value();
  EXPECT_EQ(first.samples.value(), 4);
  EXPECT_EQ(first.failures.value(), 1);
  EXPECT_EQ(first.inconclusive.value(), 6);
  EXPECT_EQ(first.errors.value(), 5);
  EXPECT_EQ(first.verdict.value(), "fail");
  EXPECT_EQ(first.reason.value(), "1.2 is above max = 1");
  ASSERT_THAT(first.last_values.value(), SizeIs(10));
  EXPECT_EQ(first.last_values.value()[0].value(), Number::FromDecimal("0.3").value());
  EXPECT_EQ(first.last_values.value()[9].value(), Number::FromDecimal("1.2").value());
  const MetricReport& second = report.value()[1].value();
  EXPECT_EQ(second.samples.value(), 0);
  EXPECT_EQ(second.reason.value(), "nothing was measured");
}

}  // namespace
}  // namespace delivery::resources
