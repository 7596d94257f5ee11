// What the provider relies on of Prometheus' HTTP API, asked of the real one: a fake of a query
// language would show nothing.
#include <cstdlib>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/http/curl_transport.h"
#include "provider/kubernetes/rest_api.h"
#include "provider/metrics/metric_source.h"
#include "provider/metrics/presets.h"

namespace delivery::testing {
namespace {

using analysis::Sample;
using metrics::Side;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class PrometheusContractTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* url = std::getenv("DELIVERY_PROMETHEUS");
    ASSERT_NE(url, nullptr) << "DELIVERY_PROMETHEUS is not set: these tests ask a real Prometheus. "
                               "Start one with `./dev cluster` and set the variable to its URL";
    url_ = url;
    side_.namespace_name = "shop";
    side_.name = side_.stable = "web";
    side_.workload = side_.canary = "web-canary";
    side_.service = "web";
    side_.pods = {{{"metadata", {{"name", "web-canary-1.x"}}}}};
    kubernetes::ClusterConfig nowhere;
    nowhere.server = "http://127.0.0.1:9";
    api_ = kubernetes::MakeRestApi(
        nowhere, kubernetes::MakeCredentialSource(nowhere, Clock::Real()),
        [this](const auto&) { return transport_; }, Clock::Real());
  }

  metrics::MetricContext Context() {
    return {*api_, [this](const auto&) { return transport_; }, [this] { return transport_; }};
  }
  metrics::Metric Query(const std::string& query) const {
    return {"m", metrics::PrometheusMetric{{.url = url_}, query}};
  }
  Sample Read(const std::string& query) {
    return metrics::ReadMetric(Context(), Query(query), side_, {});
  }
  absl::Status Rehearse(const std::string& query) {
    return metrics::RehearseMetric(Context(), Query(query), side_, {});
  }

  std::string url_;
  const std::shared_ptr<http::Transport> transport_ = http::MakeCurlTransport({});
  std::shared_ptr<kubernetes::Api> api_;
  Side side_;
};

TEST_F(PrometheusContractTest, AVectorOfOneElementAndAScalarAreValues) {
  EXPECT_EQ(Read("vector(1.5)"), (Sample{Sample::Kind::kValue, 1.5, ""}));
  EXPECT_EQ(Read("2 * 21"), (Sample{Sample::Kind::kValue, 42, ""}));
  EXPECT_EQ(Read("1000000 * vector(1)").value, 1e6);
}

TEST_F(PrometheusContractTest, NothingAndNaNAreNoData) {
  EXPECT_EQ(Read("no_such_metric").kind, Sample::Kind::kNoData);
  EXPECT_EQ(Read("vector(0) / 0").kind, Sample::Kind::kNoData);
}

TEST_F(PrometheusContractTest, WhatIsNotOneNumberIsAmbiguous) {
  EXPECT_EQ(Read("vector(1) / 0").kind, Sample::Kind::kAmbiguous);
  EXPECT_EQ(Read("\"text\"").kind, Sample::Kind::kAmbiguous);
  const Sample two = Read(
      "label_replace(vector(1), \"side\", \"a\", \"\", \"\") or label_replace(vector(2), "
      "\"side\", \"b\", \"\", \"\")");
  EXPECT_EQ(two.kind, Sample::Kind::kAmbiguous);
  EXPECT_THAT(two.detail, AllOf(HasSubstr("2 elements"), HasSubstr("side")));
}

TEST_F(PrometheusContractTest, AMistakeInAQueryHasAPosition) {
  const absl::Status status = Rehearse("sum(up");
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), ContainsRegex("1:[0-9]+: parse error"));
}

TEST_F(PrometheusContractTest, AFailureOfTheEvaluationIsTheQuerys) {
  // Both sides have the same labels: which one matches is not clear.
  const absl::Status status = Rehearse(
      "vector(1) + on() (label_replace(vector(1), \"side\", \"a\", \"\", \"\") or "
      "label_replace(vector(2), \"side\", \"b\", \"\", \"\"))");
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

TEST_F(PrometheusContractTest, EveryPresetIsAQuery) {
  for (const std::string& preset : metrics::PresetNames()) {
    for (const char* backend : {"istio", "nginx_ingress", "traefik"}) {
      EXPECT_TRUE(Rehearse(metrics::PresetQuery(preset, backend).value()).ok())
          << Rehearse(metrics::PresetQuery(preset, backend).value());
    }
  }
}

TEST_F(PrometheusContractTest, PodsAreAPatternInAQuery) {
  const std::string pods = "{pod=~\"{{pods}}\"}";
  EXPECT_TRUE(Rehearse("sum(no_such_metric" + pods + ")").ok());
  side_.pods.clear();
  EXPECT_TRUE(Rehearse("sum(no_such_metric" + pods + ")").ok());
}

// A sample without the label must not count as one of the pods while there are none.
TEST_F(PrometheusContractTest, WithoutPodsNoSampleMatches) {
  side_.pods.clear();
  EXPECT_EQ(Read("count({__name__=\"up\"})").kind, Sample::Kind::kValue);
  EXPECT_EQ(Read("count({__name__=\"up\",pod=~\"{{pods}}\"})").kind, Sample::Kind::kNoData);
}

}  // namespace
}  // namespace delivery::testing
