#include "resources/traffic_block.h"

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
using ::testing::StartsWith;

std::string S(const char* text) { return text; }

TrafficBlock Gateway() {
  TrafficBlock traffic;
  traffic.gateway_api = GatewayApiBlock{{}, S("web"), S("web"), {}};
  return traffic;
}
TrafficBlock Replicas() {
  TrafficBlock traffic;
  traffic.replicas = ReplicasBlock{};
  return traffic;
}
TrafficBlock Nginx() {
  TrafficBlock traffic;
  traffic.nginx_ingress = NginxIngressBlock{S("web"), S("web")};
  return traffic;
}
TrafficBlock Istio(std::vector<Attr<std::string>> route_names = {}) {
  TrafficBlock traffic;
  traffic.istio = IstioBlock{S("vs"), S("web"), S("dr"), {}};
  if (!route_names.empty()) traffic.istio.value().route_names = std::move(route_names);
  return traffic;
}
TrafficBlock Traefik() {
  TrafficBlock traffic;
  traffic.traefik = TraefikBlock{S("ts"), S("web")};
  return traffic;
}

HeaderMatchBlock Exact(const char* name = "X-Canary") { return {S(name), S("always"), {}, {}}; }
MatchBlock MatchOf(std::vector<HeaderMatchBlock> headers,
                   std::vector<CookieMatchBlock> cookies = {}) {
  return {std::move(headers), std::move(cookies)};
}

std::vector<std::string> Complaints(const Attr<TrafficBlock>& traffic,
                                    const Attr<MatchBlock>& match = {}) {
  Diagnostics diagnostics;
  ValidateTraffic(traffic, match, diagnostics);
  return Said(diagnostics);
}

StepBlock Step(int64_t weight, const char* hold = "1m") { return {weight, S(hold), {}, {}}; }
std::vector<std::string> StepComplaints(const StepBlocks& steps, const StepRules& rules = {}) {
  Diagnostics diagnostics;
  ValidateSteps(steps, rules, diagnostics);
  return Said(diagnostics);
}

TEST(TrafficBlockTest, DeclarationsHaveNoProblems) {
  EXPECT_THAT(TrafficBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(GatewayApiBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(ReplicasBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(NginxIngressBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(IstioBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(TraefikBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(StepBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(MatchBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(HeaderMatchBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(CookieMatchBlock::Declaration().Problems(), IsEmpty());
}

// ---- traffic and match

TEST(ValidateTrafficTest, OneRouterIsFine) {
  EXPECT_THAT(Complaints(Gateway(), MatchOf({Exact()}, {{S("c"), S("v")}})), IsEmpty());
  EXPECT_THAT(Complaints(Replicas()), IsEmpty());
  EXPECT_THAT(Complaints(Nginx(), MatchOf({Exact()}, {{S("c"), S("always")}})), IsEmpty());
  EXPECT_THAT(Complaints(Istio({S("a"), S("b")}), MatchOf({Exact(), Exact("X-B")})), IsEmpty());
  EXPECT_THAT(Complaints(Traefik()), IsEmpty());
}

TEST(ValidateTrafficTest, NoneAndTwoAreWrong) {
  EXPECT_THAT(Complaints({}), ElementsAre(StartsWith("error at traffic: No traffic block")));
  EXPECT_THAT(Complaints(TrafficBlock()),
              ElementsAre(StartsWith("error at traffic: Traffic without a router")));
  TrafficBlock two = Gateway();
  two.replicas = ReplicasBlock{};
  EXPECT_THAT(Complaints(two),
              ElementsAre(StartsWith("error at traffic: Traffic through two routers")));
}

TEST(ValidateTrafficTest, EmptyNamesAreShownAtTheirPlaces) {
  TrafficBlock traffic = Gateway();
  traffic.gateway_api.value().route = S("");
  traffic.gateway_api.value().rule_name = S("");
  EXPECT_THAT(Complaints(traffic),
              ElementsAre(StartsWith("error at traffic.gateway_api.route: "),
                          StartsWith("error at traffic.gateway_api.rule_name: ")));
  EXPECT_THAT(Complaints(Istio({S("a"), S(""), S("a")})),
              ElementsAre(StartsWith("error at traffic.istio.route_names[1]: "),
                          StartsWith("error at traffic.istio.route_names[2]: A name used twice")));
}

TEST(ValidateTrafficTest, UnknownValuesArePassedOver) {
  TrafficBlock traffic = Gateway();
  traffic.gateway_api.value().route = Attr<std::string>::Unknown();
  HeaderMatchBlock header = Exact();
  header.exact = Attr<std::string>::Unknown();
  EXPECT_THAT(Complaints(traffic, MatchOf({header})), IsEmpty());
  EXPECT_THAT(Complaints(Attr<TrafficBlock>::Unknown(), Attr<MatchBlock>::Unknown()), IsEmpty());
}

TEST(ValidateMatchTest, WhatARouterCannotDoIsOneError) {
  for (const TrafficBlock& traffic : {Replicas(), Traefik()}) {
    EXPECT_THAT(Complaints(traffic, MatchOf({Exact(), Exact("X-B")})),
                ElementsAre(AllOf(StartsWith("error at match: This match is not possible: "),
                                  HasSubstr("remove match"))));
  }
  EXPECT_THAT(Complaints(Nginx(), MatchOf({Exact(), Exact("X-B")})),
              ElementsAre(AllOf(StartsWith("error at match: "), HasSubstr("one header"))));
  EXPECT_THAT(Complaints(Nginx(), MatchOf({}, {{S("c"), S("yes")}})),
              ElementsAre(StartsWith("error at match.cookie[0]: ")));
}

TEST(ValidateMatchTest, AllMistakesAreSaidAtTheirPlaces) {
  EXPECT_THAT(Complaints(Gateway(), MatchBlock()),
              ElementsAre(StartsWith("error at match: A match without conditions")));
  HeaderMatchBlock none = Exact();
  none.exact = {};
  HeaderMatchBlock two = Exact();
  two.prefix = S("a");
  EXPECT_THAT(Complaints(Gateway(), MatchOf({Exact(), none, two})),
              ElementsAre(StartsWith("error at match.header[1]: A header without a value"),
                          StartsWith("error at match.header[2]: A header with two values")));
  const HeaderMatchBlock bad = {S("X-A"), {}, {}, S("(")};
  EXPECT_THAT(Complaints(Gateway(), MatchOf({Exact(), bad})),
              ElementsAre(StartsWith("error at match.header[1]: This match is not possible")));
}

// ---- step

TEST(ValidateStepsTest, RisingStepsAreFine) {
  StepBlock last = Step(100, "0s");
  last.replicas = 2;
  last.checks = std::vector<Attr<std::string>>{S("smoke")};
  EXPECT_THAT(
      StepComplaints(std::vector<StepBlock>{Step(1), Step(50), last}, {.check_names = {"smoke"}}),
      IsEmpty());
  EXPECT_THAT(StepComplaints(StepBlocks::Unknown()), IsEmpty());
}

TEST(ValidateStepsTest, NoStepIsWrong) {
  EXPECT_THAT(StepComplaints({}), ElementsAre(StartsWith("error at step: No step")));
  EXPECT_THAT(StepComplaints(std::vector<StepBlock>()),
              ElementsAre(StartsWith("error at step: No step")));
}

TEST(ValidateStepsTest, AllMistakesAreSaidAtTheirPlaces) {
  StepBlock few = Step(30, "10s");
  few.replicas = 0;
  few.checks = std::vector<Attr<std::string>>{S("smoke"), S("late"), S("nope")};
  StepBlock unknown = Step(0);
  unknown.weight = Attr<int64_t>::Unknown();
  EXPECT_THAT(StepComplaints(std::vector<StepBlock>{Step(20), Step(20), unknown, few, Step(101),
                                                    Step(0), Step(40, "soon")},
                             {.interval = absl::Seconds(30),
                              .check_names = {"smoke", "late"},
                              .timed_checks = {"late"}}),
              ElementsAre(StartsWith("error at step[1].weight: Steps that do not rise"),
                          StartsWith("error at step[3].hold: A hold without a measurement"),
                          StartsWith("error at step[3].replicas: "),
                          StartsWith("error at step[3].checks[1]: A check with a time of its own"),
                          AllOf(StartsWith("error at step[3].checks[2]: An unknown check"),
                                HasSubstr("There are: smoke, late.")),
                          StartsWith("error at step[4].weight: Invalid weight"),
                          StartsWith("error at step[5].weight: Invalid weight"),
                          StartsWith("error at step[6].hold: Invalid hold")));
}

TEST(ValidateStepsTest, ReplicasShareAtMostHalf) {
  EXPECT_THAT(
      StepComplaints(std::vector<StepBlock>{Step(50), Step(51)}, {.share_by_replicas = true}),
      ElementsAre(AllOf(StartsWith("error at step[1].weight: "), HasSubstr("at most 50"))));
}

// ---- What they ask for

TEST(ToBackendTest, EachBlockIsItsBackend) {
  TrafficBlock traffic = Gateway();
  traffic.gateway_api.value().rule_name = S("public");
  const auto gateway = std::get<routing::GatewayApiBackend>(*ToBackend(traffic));
  EXPECT_EQ(gateway.kind, "HTTPRoute");
  EXPECT_EQ(gateway.route, "web");
  EXPECT_EQ(gateway.service, "web");
  EXPECT_EQ(gateway.rule_name, "public");
  EXPECT_EQ(std::get<routing::ReplicasBackend>(*ToBackend(Replicas())).service, "");
  EXPECT_EQ(std::get<routing::NginxIngressBackend>(*ToBackend(Nginx())).ingress, "web");
  const auto istio = std::get<routing::IstioBackend>(*ToBackend(Istio({S("a")})));
  EXPECT_EQ(istio.virtual_service, "vs");
  EXPECT_EQ(istio.destination_rule, "dr");
  EXPECT_THAT(istio.route_names, ElementsAre("a"));
  EXPECT_EQ(std::get<routing::TraefikBackend>(*ToBackend(Traefik())).traefik_service, "ts");
  EXPECT_FALSE(ToBackend({}).ok());
  EXPECT_FALSE(ToBackend(TrafficBlock()).ok());
}

TEST(ToMatchTest, EachBlockIsAnAlternative) {
  const routing::Match match = ToMatch(MatchOf(
      {Exact(), {S("X-B"), {}, S("p"), {}}, {S("X-C"), {}, {}, S("r")}}, {{S("c"), S("v")}}));
  ASSERT_EQ(match.headers.size(), 3u);
  EXPECT_EQ(match.headers[0].value.exact, "always");
  EXPECT_EQ(match.headers[1].value.prefix, "p");
  EXPECT_EQ(match.headers[2].value.regex, "r");
  ASSERT_EQ(match.cookies.size(), 1u);
  EXPECT_EQ(match.cookies[0].exact, "v");
  EXPECT_TRUE(ToMatch({}).empty());
}

TEST(ToStepsTest, StepsKeepTheirOrder) {
  StepBlock second = Step(25, "5m");
  second.replicas = 2;
  second.checks = std::vector<Attr<std::string>>{S("smoke")};
  const StepBlocks steps = std::vector<StepBlock>{Step(5, "2m"), second};
  const std::vector<engine::CanaryStep> made = ToSteps(steps);
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0], (engine::CanaryStep{.weight = 5, .hold = absl::Minutes(2)}));
  EXPECT_EQ(made[1],
            (engine::CanaryStep{
                .weight = 25, .hold = absl::Minutes(5), .replicas = 2, .has_checks = true}));
  EXPECT_THAT(ChecksOfSteps(steps), ElementsAre(IsEmpty(), ElementsAre("smoke")));
  EXPECT_EQ(TimeForSteps(steps), absl::Minutes(7));
  EXPECT_THAT(ToSteps({}), IsEmpty());
}

TEST(DescribeTrafficTest, SaysWhatWillBeWrittenWithoutValues) {
  EXPECT_EQ(DescribeTraffic(*ToBackend(Gateway()), ToMatch(MatchOf({Exact()}, {{S("c"), S("v")}}))),
            "through HTTPRoute web (Gateway API): 2 backends, stable web and canary web-canary; "
            "always to the canary: requests with a matching header X-Canary or cookie c");
  EXPECT_EQ(DescribeTraffic(*ToBackend(Replicas()), {}),
            "by the ratio of ready pods behind the Service");
  EXPECT_EQ(DescribeTraffic(*ToBackend(Nginx()), {}),
            "through Ingress web-canary beside Ingress web (ingress-nginx): 2 backends, stable web "
            "and canary web-canary");
  EXPECT_EQ(DescribeTraffic(*ToBackend(Istio({S("a"), S("b")})), {}),
            "through VirtualService vs and DestinationRule dr (Istio), http routes a, b: 2 subsets "
            "of web, stable and canary");
  EXPECT_THAT(DescribeTraffic(*ToBackend(Traefik()), {}),
              StartsWith("through TraefikService ts (Traefik)"));
}

}  // namespace
}  // namespace delivery::resources
