#include "provider/routing/ownership.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/traffic_router.h"

namespace delivery::routing {
namespace {

using ::testing::ElementsAre;

Json Entry(const std::string& manager, const std::string& operation, const std::string& fields,
           const std::string& time = "2026-01-01T00:00:00Z", const std::string& subresource = "") {
  Json entry = {{"manager", manager}, {"operation", operation},
                {"apiVersion", "v1"}, {"fieldsType", "FieldsV1"},
                {"time", time},       {"fieldsV1", Json::parse(fields)}};
  if (!subresource.empty()) entry["subresource"] = subresource;
  return entry;
}
Json With(Json entries) { return {{"metadata", {{"managedFields", std::move(entries)}}}}; }
Json Ours(const std::string& fields) { return Entry(kTrafficManager, "Update", fields); }

const char kRules[] = R"({"f:spec": {"f:rules": {}}})";
const char kParents[] = R"({"f:spec": {"f:parentRefs": {}}})";
const char kBoth[] = R"({"f:spec": {"f:parentRefs": {}, "f:rules": {}}})";

TEST(GiveBackTest, WithoutOurEntryThereIsNothingToDo) {
  EXPECT_EQ(GiveBack(With(Json::array({Entry("a", "Apply", kBoth)})), Json::array()), std::nullopt);
}

TEST(GiveBackTest, TheFormerOwnerHoldsItAgain) {
  const Json saved = EntriesToSave(With(Json::array({Entry("a", "Apply", kBoth)})));
  EXPECT_EQ(GiveBack(With(Json::array({Entry("a", "Apply", kParents), Ours(kRules)})), saved),
            saved);
}

TEST(GiveBackTest, AnEntryThatHeldNothingElseComesBack) {
  const Json saved = EntriesToSave(
      With(Json::array({Entry("a", "Apply", kParents), Entry("b", "Update", kRules)})));
  EXPECT_EQ(GiveBack(With(Json::array({Entry("a", "Apply", kParents), Ours(kRules)})), saved),
            saved);
}

TEST(GiveBackTest, WhoWroteMeanwhileKeepsWhatIsTheirs) {
  const Json saved = EntriesToSave(With(Json::array({Entry("a", "Apply", kBoth)})));
  const Json newer = Entry("a", "Apply", R"({"f:spec": {"f:parentRefs": {}, "f:hostnames": {}}})",
                           "2026-01-01T01:00:00Z");
  const Json taken = Entry("c", "Update", kRules);
  // Somebody else holds the rules now: they are not ours to give.
  EXPECT_EQ(GiveBack(With(Json::array({newer, taken, Ours(R"({"f:spec": {"f:x": {}}})")})), saved),
            Json::array({newer, taken}));
  Json merged = newer;
  merged["fieldsV1"]["f:spec"]["f:rules"] = Json::object();
  EXPECT_EQ(GiveBack(With(Json::array({newer, Ours(kRules)})), saved), Json::array({merged}));
}

TEST(GiveBackTest, WhatNobodyHeldIsNobodysAgain) {
  const Json entry = Entry("a", "Apply", kParents);
  EXPECT_EQ(GiveBack(With(Json::array({entry, Ours(kRules)})), Json::array({entry})),
            Json::array({entry}));
  // An empty list would leave the entries as they are.
  EXPECT_EQ(GiveBack(With(Json::array({Ours(kRules)})), Json::array()),
            Json::array({Json::object()}));
}

TEST(GiveBackTest, TheStatusIsLeftAlone) {
  const Json before = Entry("ctl", "Update", R"({"f:status": {"f:a": {}}})", "t", "status");
  const Json after = Entry("ctl", "Update", R"({"f:status": {"f:b": {}}})", "u", "status");
  const Json saved = EntriesToSave(With(Json::array({Entry("a", "Apply", kBoth), before})));
  EXPECT_EQ(saved, Json::array({Entry("a", "Apply", kBoth)}));
  EXPECT_EQ(
      GiveBack(With(Json::array({Entry("a", "Apply", kParents), after, Ours(kRules)})), saved),
      Json::array({Entry("a", "Apply", kBoth), after}));
}

TEST(RouteManagersTest, AreTheNewestFirstWithoutUsAndTheStatus) {
  EXPECT_THAT(
      RouteManagers(With(Json::array(
          {Entry("helm", "Update", kParents, "2026-01-01T00:00:00Z"),
           Entry("argocd", "Apply", kRules, "2026-01-02T00:00:00Z"),
           Entry("helm", "Apply", kRules, "2026-01-01T00:00:01Z"), Ours(kRules),
           Entry("terraform-provider-delivery", "Apply", kRules),
           Entry("edge", "Update", R"({"f:status": {}})", "2026-01-03T00:00:00Z", "status")}))),
      ElementsAre("argocd", "helm"));
  EXPECT_THAT(RouteManagers(Json::object()), ElementsAre());
}

TEST(ForeignManagerTest, IsTheOwnerOfTheField) {
  const auto rules = kubernetes::FieldPath() / "spec" / "rules";
  const Json object = With(Json::array({Entry("old", "Update", kRules, "2026-01-01T00:00:00Z"),
                                        Entry("new", "Update", kParents, "2026-01-02T00:00:00Z")}));
  EXPECT_EQ(ForeignManager(object, rules), "old");
  EXPECT_EQ(ForeignManager(object, kubernetes::FieldPath() / "spec" / "hostnames"), "");
  EXPECT_EQ(ForeignManager(With(Json::array({Ours(kRules)})), rules), "");
  EXPECT_TRUE(IsWrittenByUs(With(Json::array({Ours(kRules)})), rules));
  EXPECT_FALSE(IsWrittenByUs(object, rules));
}

TEST(FingerprintTest, IsThatOfTheFieldOnly) {
  const auto rules = kubernetes::FieldPath() / "spec" / "rules";
  const auto of = [&](const char* text) { return FingerprintOf(Json::parse(text), rules); };
  const std::string one = of(R"({"spec": {"rules": [{"a": 1, "b": 2}], "hostnames": []}})");
  EXPECT_EQ(one, of(R"({"spec": {"rules": [{"b": 2, "a": 1}]}})"));
  EXPECT_NE(one, of(R"({"spec": {"rules": [{"a": 1}]}})"));
  EXPECT_NE(one, of(R"({"spec": {}})"));
  EXPECT_EQ(of("{}"), of(R"({"spec": {}})"));
}

}  // namespace
}  // namespace delivery::routing
