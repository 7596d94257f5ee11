// Objects in which a run cannot begin.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/backends_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct RefusedCase {
  std::string name;
  Backend backend;
  std::vector<Json> objects;
  std::vector<std::string> says;
  Match match = {};
};
void PrintTo(const RefusedCase& test, std::ostream* out) { *out << test.name; }
class RefusedTest : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedTest, BeforeTheFirstWrite) {
  const RefusedCase& test = GetParam();
  absl::Status status;
  const RouteParts parts = MakeRouteParts(TargetOf(test.backend, test.match));
  for (size_t i = 0; i < parts.size() && status.ok(); ++i) {
    status = parts[i]->Record(test.objects[i]).status();
  }
  ASSERT_TRUE(absl::IsFailedPrecondition(status) || absl::IsNotFound(status)) << status;
  for (const std::string& text : test.says) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

const GatewayApiBackend kRoute = {"HTTPRoute", "web", "web", ""};
const IstioBackend kIstio = {"web", "web", "web", {}};

Json Destination(const std::string& spec) {
  return MakeObject("networking.istio.io/v1", "DestinationRule", "web", spec);
}
Json Virtual(const std::string& http) {
  return MakeObject("networking.istio.io/v1", "VirtualService", "web", R"({"http": )" + http + "}");
}
std::string ManyMatches(int count) {
  Json matches = Json::array();
  for (int i = 0; i < count; ++i) matches.push_back({{"method", "GET"}});
  return Json::array(
             {Json{{"matches", matches}, {"backendRefs", Json::array({Json{{"name", "web"}}})}}})
      .dump();
}
Json Traefik(const std::string& services) {
  return MakeObject("traefik.io/v1alpha1", "TraefikService", "web",
                    R"({"weighted": {"services": )" + services + "}}");
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTest,
    ::testing::Values(
        RefusedCase{"NoRule",
                    kRoute,
                    {HttpRoute(R"([{"backendRefs": [{"name": "api"}]}])")},
                    {"HTTPRoute shop/web", "no rule routes to Service web"}},
        RefusedCase{"NoRules", kRoute, {HttpRoute("[]")}, {"no rule routes to Service web"}},
        RefusedCase{"TwoRules",
                    kRoute,
                    {HttpRoute(R"([{"backendRefs": [{"name": "web"}]},
                                   {"backendRefs": [{"name": "web"}]}])")},
                    {"HTTPRoute shop/web", "2 rules", "Service web", "set rule_name"}},
        RefusedCase{"Splits",
                    kRoute,
                    {HttpRoute(R"([{"name": "r", "backendRefs": [{"name": "web"},
                                                                 {"name": "v2"}]}])")},
                    {"rule 0 (r) of HTTPRoute shop/web", "splits", "leave web"}},
        RefusedCase{"SplitsWithItself",
                    kRoute,
                    {HttpRoute(R"([{"backendRefs": [{"name": "web", "port": 1},
                                                    {"name": "web", "port": 2}]}])")},
                    {"splits"}},
        RefusedCase{"LeftCanary",
                    kRoute,
                    {HttpRoute(R"([{"backendRefs": [{"name": "web"},
                                                    {"name": "web-canary", "weight": 0}]}])")},
                    {"web-canary", "remove"}},
        RefusedCase{"WeightZero",
                    kRoute,
                    {HttpRoute(R"([{"backendRefs": [{"name": "web", "weight": 0}]}])")},
                    {"weight 0"}},
        RefusedCase{"UnknownRuleName",
                    GatewayApiBackend{"HTTPRoute", "web", "web", "nope"},
                    {HttpRoute(R"([{"backendRefs": [{"name": "web"}]}])")},
                    {"no rule with the name nope", "rule_name"}},
        RefusedCase{"NamedRuleRoutesElsewhere",
                    GatewayApiBackend{"HTTPRoute", "web", "web", "other"},
                    {HttpRoute(R"([{"name": "other", "backendRefs": [{"name": "api"}]}])")},
                    {"rule 0 (other)", "does not route to Service web"}},
        RefusedCase{"OwnConditionOnTheHeader",
                    kRoute,
                    {HttpRoute(R"([{"matches": [{"headers": [{"name": "x-canary", "value": "n"}]}],
                                    "backendRefs": [{"name": "web"}]}])")},
                    {"header X-Canary"},
                    SomeMatch()},
        RefusedCase{"TooManyMatches",
                    kRoute,
                    {HttpRoute(ManyMatches(22))},
                    {"at most 66 matches in one"},
                    SomeMatch()},
        RefusedCase{"TooManyMatchesInAll",
                    kRoute,
                    {HttpRoute([] {
                      Json rules = Json::parse(ManyMatches(21));
                      for (int i = 0; i < 2; ++i) {
                        rules.push_back(Json::parse(ManyMatches(60))[0]);
                        rules.back()["backendRefs"][0]["name"] = "api";
                      }
                      return rules.dump();
                    }())},
                    {"in all"},
                    SomeMatch()},
        RefusedCase{"SubsetOfTheirOwn",
                    kIstio,
                    {Destination(R"({"host": "web", "subsets": [{"name": "canary"}]})"),
                     Virtual(R"([{"route": [{"destination": {"host": "web"}}]}])")},
                    {"DestinationRule shop/web", "subset canary", "rename"}},
        RefusedCase{"RuleOfAnotherHost",
                    kIstio,
                    {Destination(R"({"host": "api"})"), Json()},
                    {"host api", "not for Service web"}},
        RefusedCase{"DestinationWithSubset",
                    kIstio,
                    {Destination(R"({"host": "web"})"),
                     Virtual(R"([{"route": [{"destination": {"host": "web", "subset": "v1"}}]}])")},
                    {"no http route", "Service web"}},
        RefusedCase{"TwoHttpRoutes",
                    kIstio,
                    {Destination(R"({"host": "web"})"),
                     Virtual(R"([{"route": [{"destination": {"host": "web"}}]},
                                 {"route": [{"destination": {"host": "web"}}]}])")},
                    {"2 http routes", "set route_names"}},
        RefusedCase{"NamedTwice",
                    IstioBackend{"web", "web", "web", {"a"}},
                    {Destination(R"({"host": "web"})"),
                     Virtual(R"([{"name": "a", "route": [{"destination": {"host": "web"}}]},
                                 {"name": "a", "route": [{"destination": {"host": "web"}}]}])")},
                    {"have the name a"}},
        RefusedCase{"TraefikSplits",
                    TraefikBackend{"web", "web"},
                    {Traefik(R"([{"name": "web"}, {"name": "v2"}])")},
                    {"TraefikService shop/web", "splits"}},
        RefusedCase{"TraefikWithoutTheService",
                    TraefikBackend{"web", "web"},
                    {Traefik(R"([{"name": "api"}])")},
                    {"no weighted service routes to Service web"}}),
    [](const auto& test) { return test.param.name; });

TEST(RefusedTest, StablePodsWithoutTheLabelHaveNoSubset) {
  TrafficTarget target = TargetOf(kIstio);
  target.stable_label_value.clear();
  const auto part = MakeDestinationRulePart(target);
  EXPECT_THAT(std::string(part->Record(Destination(R"({"host": "web"})")).status().message()),
              AllOf(HasSubstr("no label track"), HasSubstr("give the pod template one")));
}

}  // namespace
}  // namespace delivery::routing
