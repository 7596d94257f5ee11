// What others do to an object while a run has its parts in it.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/backends_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::HasSubstr;

// Nothing in `live` sends anything to the canary, and the Service serves.
void ExpectSilent(const RoutePart& part, const Json& live) {
  EXPECT_EQ(part.Read(live).split, Split{}) << live["spec"];
}

struct ForeignCase {
  std::string name;
  void (*change)(Json& rules);
  std::string deviation;
};
void PrintTo(const ForeignCase& test, std::ostream* out) { *out << test.name; }
class ForeignTest : public ::testing::TestWithParam<ForeignCase> {};

// Of the crowded route at {25, true}: the rule for match is 2, the rule itself 3.
INSTANTIATE_TEST_SUITE_P(
    All, ForeignTest,
    ::testing::Values(
        ForeignCase{"CanaryRemoved", [](Json& rules) { rules[3]["backendRefs"].erase(1); },
                    "no longer refers to the canary web-canary"},
        ForeignCase{"CanaryRemovedAtWeightZero",
                    [](Json& rules) {
                      rules[3]["backendRefs"].erase(1);
                      rules[3]["backendRefs"][0]["weight"] = 0;
                    },
                    "no longer refers"},
        ForeignCase{"OtherWeights", [](Json& rules) { rules[3]["backendRefs"][1]["weight"] = 60; },
                    "has the weights 75 and 60, not 75 and 25"},
        ForeignCase{"MatchRemoved", [](Json& rules) { rules.erase(2); }, "gone or altered"},
        ForeignCase{"MatchSilenced", [](Json& rules) { rules[2]["backendRefs"][0]["weight"] = 0; },
                    "gone or altered"},
        ForeignCase{"MatchAltered",
                    [](Json& rules) { rules[2]["matches"][0]["headers"][0]["value"] = "never"; },
                    "gone or altered"},
        ForeignCase{"MatchForEverybody", [](Json& rules) { rules[2].erase("matches"); },
                    "gone or altered"},
        ForeignCase{"StableRemoved", [](Json& rules) { rules[3]["backendRefs"].erase(0); },
                    "no longer has one place"},
        ForeignCase{"AnotherBackend",
                    [](Json& rules) {
                      rules[3]["backendRefs"].push_back({{"name", "v3"}});
                    },
                    "splits"},
        ForeignCase{
            "CanaryTwice",
            [](Json& rules) { rules[3]["backendRefs"].push_back(rules[3]["backendRefs"][1]); },
            "more than one reference to the canary"},
        ForeignCase{"CopiedRule", [](Json& rules) { rules.push_back(rules[3]); }, "2 rules"},
        ForeignCase{"EverythingRemoved", [](Json& rules) { rules = Json::array(); },
                    "no rule routes"}),
    [](const auto& test) { return test.param.name; });

TEST_P(ForeignTest, IsNoticedAndTheCanaryIsTakenOut) {
  const Route route("CrowdedRoute");
  Json live = Written(*route.part, route.live, route.recorded, {25, true});
  GetParam().change(live["spec"]["rules"]);
  EXPECT_THAT(route.part->Deviation(live, {25, true}), HasSubstr(GetParam().deviation));

  const Json silent = Written(*route.part, live, route.recorded, {});
  ExpectSilent(*route.part, silent);
  const Json undone = Undone(*route.part, live, route.recorded);
  ExpectSilent(*route.part, undone);
  EXPECT_TRUE(route.part->Read(undone).at_rest);
  EXPECT_EQ(Undone(*route.part, silent, route.recorded), undone);
  // Rules of others are as they left them, and what serves goes on serving.
  for (const Json& rules : {silent["spec"]["rules"], undone["spec"]["rules"]}) {
    for (const Json& rule : rules) {
      if (!rule.contains("backendRefs")) continue;
      int64_t weights = 0;
      for (const Json& ref : rule["backendRefs"]) weights += GetInt(ref, "weight", 1);
      EXPECT_GT(weights, 0) << rule;
    }
  }
}

TEST(ForeignTest, WhatWasOnlyOursIsAsBefore) {
  const Route route("CrowdedRoute");
  const Json live = Written(*route.part, route.live, route.recorded, {25, true});
  for (const char* name :
       {"CanaryRemovedAtWeightZero", "MatchRemoved", "MatchAltered", "StableRemoved"}) {
    Json changed = live;
    Json& rules = changed["spec"]["rules"];
    if (name == std::string("CanaryRemovedAtWeightZero")) {
      rules[3]["backendRefs"].erase(1);
      rules[3]["backendRefs"][0]["weight"] = 0;
    } else if (name == std::string("MatchRemoved")) {
      rules.erase(2);
    } else if (name == std::string("MatchAltered")) {
      rules[2]["matches"][0]["headers"][0]["value"] = "never";
    } else {
      rules[3]["backendRefs"].erase(0);
    }
    EXPECT_EQ(Undone(*route.part, changed, route.recorded), route.live) << name;
  }
}

TEST(ForeignTest, ChangesElsewhereAreFineAndStay) {
  const Route route("CrowdedRoute");
  Json live = Written(*route.part, route.live, route.recorded, {25, true});
  Json added = {{"backendRefs", Json::array({Json{{"name", "new"}}})}};
  live["spec"]["rules"].insert(live["spec"]["rules"].begin(), added);
  live["spec"]["rules"][4]["timeouts"]["request"] = "20s";
  live["spec"]["hostnames"] = {"other.test"};
  EXPECT_EQ(route.part->Deviation(live, {25, true}), "");
  live = Written(*route.part, live, route.recorded, {50, true});
  EXPECT_EQ(route.part->Read(live).split, (Split{50, true}));

  Json expected = route.live;
  expected["spec"]["rules"].insert(expected["spec"]["rules"].begin(), added);
  expected["spec"]["rules"][3]["timeouts"]["request"] = "20s";
  expected["spec"]["hostnames"] = {"other.test"};
  EXPECT_EQ(Undone(*route.part, live, route.recorded), expected);
}

TEST(ForeignTest, AnAlteredRuleForMatchIsWrittenAnew) {
  const Route route("CrowdedRoute");
  const Json live = Written(*route.part, route.live, route.recorded, {25, true});
  Json changed = live;
  changed["spec"]["rules"][2]["matches"].erase(0);
  changed["spec"]["rules"][2]["matches"].erase(2);
  changed["spec"]["rules"][2]["backendRefs"][0]["weight"] = 0;
  EXPECT_EQ(Written(*route.part, changed, route.recorded, {25, true}), live);
}

TEST(ForeignTest, SubsetsOfTheDestinationRule) {
  const RouteCase test = RouteCaseOf("VirtualService");
  const auto part = MakeDestinationRulePart(test.target);
  const Json recorded = Recorded(*part, test.objects[0]);
  const Json live = Written(*part, test.objects[0], recorded, {5, false});
  Json gone = live;
  gone["spec"]["subsets"].erase(1);
  EXPECT_THAT(part->Deviation(gone, {5, false}), HasSubstr("subset canary of DestinationRule"));
  EXPECT_EQ(part->Deviation(gone, {}), "");
  EXPECT_EQ(Undone(*part, gone, recorded), test.objects[0]);
  Json other = live;
  other["spec"]["subsets"][1]["labels"]["track"] = "blue";
  ObjectEdit edit(other);
  EXPECT_TRUE(absl::IsFailedPrecondition(part->Write(recorded, {9, false}, edit)));
}

}  // namespace
}  // namespace delivery::routing
