#include "provider/routing/backends.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/backends_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RouteCaseTest : public ::testing::TestWithParam<RouteCase> {};
INSTANTIATE_TEST_SUITE_P(All, RouteCaseTest, ::testing::ValuesIn(RouteCases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(RouteCaseTest, ARunLeavesTheObjectsAsTheyWere) {
  const RouteParts parts = MakeRouteParts(GetParam().target);
  ASSERT_THAT(parts, SizeIs(GetParam().objects.size()));
  const bool can_match = !GetParam().target.match.empty();
  for (size_t i = 0; i < parts.size(); ++i) {
    const RoutePart& part = *parts[i];
    const Json original = GetParam().objects[i];
    const Json recorded = Recorded(part, original);
    Json live = original;
    for (const Split& split : {Split{5, false}, Split{25, can_match}, Split{100, false},
                               Split{0, can_match}, Split{0, false}}) {
      live = Written(part, live, recorded, split);
      EXPECT_EQ(part.Deviation(live, split), "");
      // Nothing is to be done twice.
      ObjectEdit again(live);
      EXPECT_TRUE(part.Write(recorded, split, again).ok());
      EXPECT_TRUE(again.empty()) << again.Operations();
      EXPECT_FALSE(part.Read(live).at_rest);
    }
    EXPECT_EQ(Undone(part, live, recorded), original);
    EXPECT_TRUE(part.Read(original).at_rest);
    EXPECT_EQ(Undone(part, original, recorded), original);
  }
}

TEST_P(RouteCaseTest, TheCarrierReadsWhatWasWritten) {
  const RouteParts parts = MakeRouteParts(GetParam().target);
  const RoutePart& part = *parts.back();
  const Json original = GetParam().objects.back();
  const Json recorded = Recorded(part, original);
  EXPECT_EQ(part.Read(original).split, Split{});
  const bool can_match = !GetParam().target.match.empty();
  for (const Split& split : {Split{5, false}, Split{25, can_match}, Split{0, can_match}}) {
    EXPECT_EQ(part.Read(Written(part, original, recorded, split)).split, split);
  }
}

TEST_P(RouteCaseTest, TheRunWithoutCanaryIsNoChange) {
  for (size_t i = 0; i < GetParam().objects.size(); ++i) {
    const auto part = std::move(MakeRouteParts(GetParam().target)[i]);
    const Json& live = GetParam().objects[i];
    EXPECT_EQ(Written(*part, live, Recorded(*part, live), {}), live);
  }
}

// ---- What is written

TEST(GatewayApiTest, TheCanaryStandsBesideTheStableBackend) {
  const Route route("CrowdedRoute");
  const Json rules = Written(*route.part, route.live, route.recorded, {5, false})["spec"]["rules"];
  Json expected = route.live["spec"]["rules"];
  expected[2]["backendRefs"].push_back(expected[2]["backendRefs"][0]);
  expected[2]["backendRefs"][0]["weight"] = 95;
  expected[2]["backendRefs"][1]["name"] = "web-canary";
  expected[2]["backendRefs"][1]["weight"] = 5;
  EXPECT_EQ(rules, expected);
}

TEST(GatewayApiTest, ThePatchIsNarrow) {
  const Route route("CrowdedRoute");
  ObjectEdit edit(Written(*route.part, route.live, route.recorded, {5, false}));
  ASSERT_TRUE(route.part->Write(route.recorded, {25, false}, edit).ok());
  std::vector<std::string> paths;
  for (const Json& one : edit.Operations()) {
    if (one["op"] != "test") paths.push_back(one["path"]);
  }
  EXPECT_THAT(paths, ElementsAre("/spec/rules/2/backendRefs/1/weight",
                                 "/spec/rules/2/backendRefs/0/weight"));
}

TEST(GatewayApiTest, MatchIsARuleBeforeWithEveryPairOfConditions) {
  const Route route("CrowdedRoute");
  const Json rules = Written(*route.part, route.live, route.recorded, {25, true})["spec"]["rules"];
  ASSERT_THAT(rules, SizeIs(5));
  const Json& added = rules[2];
  EXPECT_EQ(added["timeouts"], rules[3]["timeouts"]);
  EXPECT_EQ(added["filters"], rules[3]["filters"]);
  ASSERT_THAT(added["backendRefs"], SizeIs(1));
  EXPECT_EQ(added["backendRefs"][0]["name"], "web-canary");
  EXPECT_EQ(added["backendRefs"][0]["weight"], 1);
  ASSERT_THAT(added["matches"], SizeIs(6));
  EXPECT_EQ(added["matches"][0]["headers"],
            Json::parse(R"([{"name": "X-Canary", "type": "Exact", "value": "always"}])"));
  EXPECT_EQ(added["matches"][1]["headers"][0]["value"], "^beta\\..*$");
  EXPECT_EQ(added["matches"][5]["headers"], Json::parse(R"([
      {"name": "x-tenant", "type": "Exact", "value": "a"},
      {"name": "Cookie", "type": "RegularExpression", "value": "^(.*; *)?canary=yes *(;.*)?$"}])"));
  EXPECT_EQ(added["matches"][5]["method"], "GET");
}

TEST(GatewayApiTest, TheRuleForMatchHasNoName) {
  const Route route("NamedRule");
  const Json rules = Written(*route.part, route.live, route.recorded, {25, true})["spec"]["rules"];
  EXPECT_FALSE(rules[0].contains("name"));
  EXPECT_EQ(rules[1]["name"], "public");
  EXPECT_EQ(rules[2], route.live["spec"]["rules"][1]);
}

TEST(IstioTest, DestinationsGetSubsets) {
  const Route route("VirtualService");
  const Json http = Written(*route.part, route.live, route.recorded, {5, true})["spec"]["http"];
  ASSERT_THAT(http, SizeIs(3));
  EXPECT_FALSE(http[1].contains("name"));
  EXPECT_EQ(http[1]["match"][0]["headers"],
            Json::parse(R"({"x-tenant": {"exact": "a"}, "x-canary": {"exact": "always"}})"));
  EXPECT_EQ(http[1]["match"][4]["headers"], Json::parse(R"({"x-team": {"prefix": "beta."}})"));
  EXPECT_EQ(http[1]["match"][5]["headers"]["cookie"],
            Json({{"regex", "^(.*; *)?canary=yes *(;.*)?$"}}));
  const Json& route_list = http[2]["route"];
  ASSERT_THAT(route_list, SizeIs(2));
  EXPECT_EQ(route_list[0]["destination"]["subset"], "stable");
  EXPECT_EQ(route_list[0]["weight"], 95);
  EXPECT_EQ(route_list[1]["destination"]["subset"], "canary");
  EXPECT_EQ(route_list[1]["destination"]["port"], route_list[0]["destination"]["port"]);
  EXPECT_EQ(route_list[1]["headers"], route_list[0]["headers"]);
  EXPECT_EQ(route_list[1]["weight"], 5);
}

TEST(IstioTest, EveryNamedHttpRouteIsShiftedAndNoOther) {
  const Route route("NamedHttpRoutes");
  const Json http = Written(*route.part, route.live, route.recorded, {5, true})["spec"]["http"];
  ASSERT_THAT(http, SizeIs(5));
  EXPECT_EQ(http[1]["name"], "first");
  EXPECT_EQ(http[1]["route"][1]["weight"], 5);
  EXPECT_EQ(http[2], route.live["spec"]["http"][1]);
  EXPECT_EQ(http[4]["name"], "second");
  EXPECT_EQ(http[4]["route"][1]["weight"], 5);
}

TEST(IstioTest, TheDestinationRuleGetsBothSubsets) {
  const RouteCase test = RouteCaseOf("NamedHttpRoutes");
  const auto part = MakeDestinationRulePart(test.target);
  const Json live = test.objects[0];
  const Json subsets = Written(*part, live, Recorded(*part, live), {5, false})["spec"]["subsets"];
  EXPECT_EQ(subsets, Json::parse(R"([{"name": "v1", "labels": {"version": "1"}},
                                     {"name": "stable", "labels": {"track": "stable"}},
                                     {"name": "canary", "labels": {"track": "canary"}}])"));
}

TEST(TraefikTest, TheCanaryIsOneMoreService) {
  const Route route("TraefikService");
  const Json services =
      Written(*route.part, route.live, route.recorded, {5, false})["spec"]["weighted"]["services"];
  EXPECT_EQ(services, Json::parse(R"([
      {"name": "idle", "kind": "TraefikService", "weight": 0},
      {"name": "web", "port": 80, "serversTransport": "t", "passHostHeader": true, "weight": 95},
      {"name": "web-canary", "port": 80, "serversTransport": "t", "passHostHeader": true,
       "weight": 5}])"));
}

// ---- What a backend is

const GatewayApiBackend kRoute = {"HTTPRoute", "web", "web", ""};
const IstioBackend kIstio = {"web", "web", "web", {}};

TEST(BackendTest, NamesServicesAndObjects) {
  const Backend ingress = NginxIngressBackend{"web", "svc"};
  EXPECT_EQ(BackendName(ingress), "nginx_ingress");
  EXPECT_EQ(ServiceOf(ingress), "svc");
  EXPECT_THAT(
      ObjectsOf(ingress, "shop"),
      ElementsAre(kubernetes::ObjectRef{"networking.k8s.io/v1", "Ingress", "shop", "web"},
                  kubernetes::ObjectRef{"networking.k8s.io/v1", "Ingress", "shop", "web-canary"}));
  EXPECT_TRUE(NeedsCanaryService(ingress));
  EXPECT_EQ(BackendName(ReplicasBackend{}), "replicas");
  EXPECT_THAT(ObjectsOf(ReplicasBackend{"web"}, "shop"), IsEmpty());
  EXPECT_TRUE(SharesService(ReplicasBackend{}));
  EXPECT_FALSE(NeedsCanaryService(kIstio));
  EXPECT_EQ(BackendName(kIstio), "istio");
  EXPECT_THAT(ObjectsOf(kIstio, "shop"), SizeIs(2));
  EXPECT_EQ(BackendName(TraefikBackend{}), "traefik");
  EXPECT_EQ(BackendName(kRoute), "gateway_api");
  EXPECT_FALSE(SharesService(kRoute));
}

}  // namespace
}  // namespace delivery::routing
