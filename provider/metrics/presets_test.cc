#include "provider/metrics/presets.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/metrics/placeholders.h"

namespace delivery::metrics {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Side SideOf(const std::string& workload) {
  Side side;
  side.namespace_name = "shop";
  side.name = side.stable = "web";
  side.canary = "web-canary";
  side.workload = workload;
  side.service = "front";
  return side;
}

TEST(PresetTest, EveryQueryIsMadeOfPlaceholdersThatExist) {
  for (const std::string& preset : PresetNames()) {
    for (const char* backend : {"istio", "nginx_ingress", "traefik"}) {
      const absl::StatusOr<std::string> query = PresetQuery(preset, backend);
      ASSERT_TRUE(query.ok()) << query.status();
      EXPECT_TRUE(ValidatePlaceholders(*query).ok()) << *query;
    }
  }
}

// With only failed requests there is no series of good ones.
TEST(PresetTest, SuccessRateIsOneLessTheFailures) {
  EXPECT_EQ(
      ExpandPlaceholders(*PresetQuery("request_success_rate", "traefik"), SideOf("web-canary")),
      "100 - 100 * (sum(rate(traefik_service_requests_total{service=~"
      "\"shop-front-canary-[0-9a-z]+@kubernetescrd\",code=~\"5..\"}[30s])) or vector(0)) / "
      "sum(rate(traefik_service_requests_total{service=~"
      "\"shop-front-canary-[0-9a-z]+@kubernetescrd\"}[30s]))");
}

TEST(PresetTest, DurationsAreInMilliseconds) {
  EXPECT_THAT(*PresetQuery("request_duration_p99", "istio"),
              StartsWith("histogram_quantile(0.99, sum by (le) (rate("
                         "istio_request_duration_milliseconds_bucket{"));
  EXPECT_THAT(*PresetQuery("request_duration_p99", "traefik"),
              StartsWith("1000 * histogram_quantile(0.99"));
}

TEST(PresetTest, IstioAsksForTheWorkload) {
  EXPECT_THAT(ExpandPlaceholders(*PresetQuery("request_success_rate", "istio"), SideOf("web")),
              AllOf(HasSubstr("destination_workload=\"web\""),
                    HasSubstr("destination_workload_namespace=\"shop\""),
                    HasSubstr("reporter=\"destination\"")));
}

TEST(PresetTest, NginxTellsTheSidesApartByTheLabelCanary) {
  const std::string query = *PresetQuery("request_success_rate", "nginx_ingress");
  EXPECT_THAT(ExpandPlaceholders(query, SideOf("web-canary")),
              HasSubstr("canary=~\"shop-front-canary-[0-9a-z]+\""));
  EXPECT_THAT(ExpandPlaceholders(query, SideOf("web")),
              HasSubstr("service=\"front\",canary=~\"-?\""));
}

TEST(PresetTest, BackendsWithoutMetricsSayWhatToWrite) {
  for (const char* backend : {"gateway_api", "replicas", ""}) {
    for (const std::string& preset : PresetNames()) {
      const absl::Status status = PresetQuery(preset, backend).status();
      EXPECT_TRUE(absl::IsInvalidArgument(status));
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr("instead of preset"), HasSubstr("{{pods}}")));
    }
  }
}

TEST(PresetTest, UnknownOnesNameThoseThatExist) {
  EXPECT_THAT(std::string(PresetQuery("errors", "istio").status().message()),
              HasSubstr("request_success_rate, request_duration_p99"));
}

}  // namespace
}  // namespace delivery::metrics
