// Random routes and random sequences of splits: whatever the run is asked for, it touches only its
// own rule, and its weights are a share of a hundred.
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "provider/routing/backends.h"
#include "provider/routing/routing_fixture.h"

namespace delivery::routing {
namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int Below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(engine_); }
  bool Chance() { return Below(2) == 0; }

 private:
  std::mt19937 engine_;
};

Json RandomMatches(Dice& dice) {
  Json matches = Json::array();
  const int count = 1 + dice.Below(3);
  for (int i = 0; i < count; ++i) {
    Json match = {{"path", {{"type", "PathPrefix"}, {"value", absl::StrCat("/", i)}}}};
    if (dice.Chance()) match["headers"] = Json::array({Json{{"name", "x-t"}, {"value", "v"}}});
    matches.push_back(std::move(match));
  }
  return matches;
}

Json RandomRule(Dice& dice, const std::string& service, int number) {
  Json ref = {{"name", service}, {"port", 80 + dice.Below(3)}};
  if (dice.Chance()) ref["weight"] = 1 + dice.Below(100);
  if (dice.Chance()) ref["filters"] = Json::array({Json{{"type", "URLRewrite"}}});
  Json rule = {{"name", absl::StrCat("rule-", number)}, {"backendRefs", Json::array()}};
  if (dice.Chance()) rule["backendRefs"].push_back({{"name", "idle"}, {"weight", 0}});
  rule["backendRefs"].push_back(std::move(ref));
  if (dice.Chance()) rule["matches"] = RandomMatches(dice);
  if (dice.Chance()) rule["timeouts"] = {{"request", "9s"}};
  return rule;
}

// What is nobody's business: the object without the rule of this name and the one for match.
Json Outside(Json object, const std::string& name) {
  Json kept = Json::array();
  for (const Json& rule : object["spec"]["rules"]) {
    if (rule.contains("name") && rule["name"] != name) kept.push_back(rule);
  }
  object["spec"]["rules"] = std::move(kept);
  return object;
}

int SumOfWeights(const Json& object, const std::string& name) {
  int sum = 0;
  for (const Json& rule : object["spec"]["rules"]) {
    if (GetString(rule, "name") != name) continue;
    for (const Json& ref : rule["backendRefs"]) sum += static_cast<int>(GetInt(ref, "weight", 1));
  }
  return sum;
}

class RandomRouteTest : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomRouteTest, ::testing::Range(0u, 200u));

TEST_P(RandomRouteTest, OnlyTheRunsOwnRuleChanges) {
  Dice dice(GetParam());
  Json rules = Json::array();
  const int count = 1 + dice.Below(6);
  const int ours = dice.Below(count);
  const std::string name = absl::StrCat("rule-", ours);
  const bool named = dice.Chance();
  for (int i = 0; i < count; ++i) {
    const bool to_web = i == ours || (named && dice.Chance());
    rules.push_back(RandomRule(dice, to_web ? "web" : "api", i));
  }
  const Json original = HttpRoute(rules.dump());
  const auto part = MakeGatewayApiPart(
      TargetOf(GatewayApiBackend{"HTTPRoute", "web", "web", named ? name : ""}, SomeMatch()));
  const auto recorded = part->Record(original);
  ASSERT_TRUE(recorded.ok()) << recorded.status();

  Json live = original;
  for (int step = 0; step < 12; ++step) {
    const Split split{dice.Below(101), dice.Chance()};
    ObjectEdit edit(live);
    const absl::Status written = part->Write(*recorded, split, edit);
    ASSERT_TRUE(written.ok()) << written;
    const bool untouched = live == original && split == Split{};
    live = live.patch(edit.Operations());
    EXPECT_EQ(part->Read(live).split, split);
    EXPECT_EQ(Outside(live, name), Outside(original, name));
    if (!untouched) {
      EXPECT_EQ(SumOfWeights(live, name), 100);
    }
    EXPECT_EQ(live["spec"]["rules"].size(),
              original["spec"]["rules"].size() + (split.match ? 1 : 0));
  }
  ObjectEdit edit(live);
  part->Undo(*recorded, edit);
  EXPECT_EQ(live.patch(edit.Operations()), original);
}

// Whatever others leave, the canary can be taken out and what has backends serves.
TEST_P(RandomRouteTest, TheCanaryIsTakenOutOfWhateverOthersLeave) {
  Dice dice(GetParam());
  const auto part =
      MakeGatewayApiPart(TargetOf(GatewayApiBackend{"HTTPRoute", "web", "web", ""}, SomeMatch()));
  const Json original =
      HttpRoute(Json::array({RandomRule(dice, "api", 0), RandomRule(dice, "web", 1)}).dump());
  const auto recorded = part->Record(original);
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  ObjectEdit edit(original);
  ASSERT_TRUE(part->Write(*recorded, {1 + dice.Below(100), dice.Chance()}, edit).ok());
  Json live = edit.object();
  for (int change = 0; change < 3; ++change) {
    Json& rules = live["spec"]["rules"];
    if (rules.empty()) break;
    Json& rule = rules[static_cast<size_t>(dice.Below(static_cast<int>(rules.size())))];
    Json& refs = rule["backendRefs"];
    const size_t ref =
        refs.empty() ? 0 : static_cast<size_t>(dice.Below(static_cast<int>(refs.size())));
    switch (dice.Below(5)) {
      case 0:
        if (!refs.empty()) refs.erase(ref);
        break;
      case 1:
        if (!refs.empty()) refs[ref]["weight"] = 1 + dice.Below(9);
        break;
      case 2:
        rules.push_back(Json(rule));
        break;
      case 3:
        rule.erase("matches");
        break;
      case 4:
        refs.push_back({{"name", "web-canary"}});
        break;
    }
  }
  for (const bool all : {false, true}) {
    ObjectEdit cleanup(live);
    if (all) {
      part->Undo(*recorded, cleanup);
      EXPECT_TRUE(part->Read(cleanup.object()).at_rest);
    } else {
      ASSERT_TRUE(part->Write(*recorded, {}, cleanup).ok());
    }
    EXPECT_EQ(part->Read(cleanup.object()).split, Split{}) << live["spec"];
    EXPECT_EQ(live.patch(cleanup.Operations()), cleanup.object());
  }
}

}  // namespace
}  // namespace delivery::routing
