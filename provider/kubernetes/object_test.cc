#include "provider/kubernetes/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace delivery::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Json Deployment() {
  return *ParseJson(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "42",
                 "generation": 3, "labels": {"app": "web", "bad": 1},
                 "annotations": {"deployment.kubernetes.io/revision": "7"},
                 "creationTimestamp": "2026-02-03T04:05:06Z"},
    "spec": {
      "selector": {"matchLabels": {"app": "web"}},
      "template": {
        "metadata": {"labels": {"app": "web", "tier": "front"}},
        "spec": {"initContainers": [{"name": "migrate", "image": "m:1"}],
                 "containers": [{"name": "web", "image": "w:1"}, {"name": "log"}]}}},
    "status": {"observedGeneration": 2, "conditions": [
      {"type": "Available", "status": "True"}, {"type": "Progressing", "reason": "X"}]}})");
}

TEST(ObjectTest, ReadsMetadata) {
  const Json object = Deployment();
  EXPECT_EQ(KindOf(object), "Deployment");
  EXPECT_EQ(NameOf(object), "web");
  EXPECT_EQ(NamespaceOf(object), "shop");
  EXPECT_EQ(UidOf(object), "u1");
  EXPECT_EQ(ResourceVersionOf(object), "42");
  EXPECT_EQ(GenerationOf(object), 3);
  EXPECT_EQ(ObservedGenerationOf(object), 2);
  EXPECT_THAT(LabelsOf(object), ElementsAre(Pair("app", "web")));
  EXPECT_THAT(AnnotationsOf(object), ElementsAre(Pair("deployment.kubernetes.io/revision", "7")));
  EXPECT_EQ(AnnotationOf(object, "deployment.kubernetes.io/revision"), "7");
  EXPECT_EQ(AnnotationOf(object, "none"), std::nullopt);
  EXPECT_EQ(GetTime(Metadata(object), "creationTimestamp"), absl::FromUnixSeconds(1770091506));
  EXPECT_EQ(GetTime(Metadata(object), "name"), std::nullopt);
  EXPECT_EQ(GetString(*FindCondition(object, "Progressing"), "reason"), "X");
  EXPECT_EQ(FindCondition(object, "ReplicaFailure"), nullptr);
  EXPECT_FALSE(IsBeingDeleted(object));
}

TEST(ObjectTest, IsEmptyOnAnythingElse) {
  for (const Json& object : {Json(), Json("text"), Json(3), Json::array({1}),
                             Json{{"metadata", 3}, {"spec", "x"}, {"status", nullptr}}}) {
    EXPECT_EQ(NameOf(object), "");
    EXPECT_EQ(GenerationOf(object), 0);
    EXPECT_TRUE(LabelsOf(object).empty());
    EXPECT_TRUE(PodTemplate(object).empty());
    EXPECT_TRUE(ContainersOf(object).empty());
    EXPECT_EQ(FindContainer(object, "web"), nullptr);
    EXPECT_TRUE(ImagesOf(object).empty());
    EXPECT_EQ(ControllerUidOf(object), "");
    Json copy = object;
    EXPECT_FALSE(SetImages(copy, {{"web", "x"}}).ok());
    EXPECT_TRUE(SetImages(copy, {}).ok());
  }
}

TEST(ObjectTest, FindsContainers) {
  const Json object = Deployment();
  const auto containers = ContainersOf(object);
  ASSERT_EQ(containers.size(), 3U);
  EXPECT_TRUE(containers[0].init);
  EXPECT_FALSE(containers[1].init);
  EXPECT_EQ(GetString(*FindContainer(object, "migrate"), "image"), "m:1");
  EXPECT_EQ(FindContainer(object, "x"), nullptr);
  EXPECT_THAT(ImagesOf(object),
              ElementsAre(Pair("log", ""), Pair("migrate", "m:1"), Pair("web", "w:1")));
  EXPECT_THAT(TemplateLabelsOf(object), ElementsAre(Pair("app", "web"), Pair("tier", "front")));
}

TEST(ObjectTest, ReadsAPodAsItsOwnTemplate) {
  const Json pod = *ParseJson(
      R"({"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "i"}]},
          "metadata": {"ownerReferences": [{"uid": "x"}, {"uid": "y", "controller": true}]}})");
  EXPECT_THAT(ImagesOf(pod), ElementsAre(Pair("a", "i")));
  EXPECT_EQ(ControllerUidOf(pod), "y");
}

TEST(SetImagesTest, SetsContainersAndInitContainers) {
  Json object = Deployment();
  ASSERT_TRUE(SetImages(object, {{"web", "w:2"}, {"migrate", "m:2"}, {"log", "l:1"}}).ok());
  EXPECT_THAT(ImagesOf(object),
              ElementsAre(Pair("log", "l:1"), Pair("migrate", "m:2"), Pair("web", "w:2")));
}

TEST(SetImagesTest, NamesUnknownContainersAndListsTheOthers) {
  Json object = Deployment();
  const absl::Status status = SetImages(object, {{"web", "w:2"}, {"wev", "x"}, {"zzz", "y"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"wev\", \"zzz\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr("log, migrate, web"));
  EXPECT_EQ(object, Deployment());
}

struct SelectorCase {
  const char* selector;
  bool matches;  // {app: web, tier: front}
  const char* text;
};

class SelectorTest : public ::testing::TestWithParam<SelectorCase> {};

TEST_P(SelectorTest, MatchesAndPrints) {
  const Json selector = *ParseJson(GetParam().selector);
  EXPECT_EQ(SelectorMatches(selector, {{"app", "web"}, {"tier", "front"}}), GetParam().matches);
  EXPECT_EQ(SelectorToString(selector), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    All, SelectorTest,
    ::testing::Values(SelectorCase{"{}", true, ""}, SelectorCase{"null", false, ""},
                      SelectorCase{R"({"matchLabels": {"app": "web"}})", true, "app=web"},
                      SelectorCase{R"({"matchLabels": {"app": "web", "tier": "back"}})", false,
                                   "app=web,tier=back"},
                      SelectorCase{R"({"matchExpressions": [{"key": "tier", "operator": "In",
                      "values": ["front", "back"]}]})",
                                   true, "tier in (front,back)"},
                      SelectorCase{R"({"matchExpressions": [{"key": "tier", "operator": "NotIn",
                      "values": ["front"]}]})",
                                   false, "tier notin (front)"},
                      SelectorCase{R"({"matchExpressions": [{"key": "none", "operator": "NotIn",
                      "values": ["front"]}]})",
                                   true, "none notin (front)"},
                      SelectorCase{
                          R"({"matchExpressions": [{"key": "app", "operator": "Exists"}]})", true,
                          "app"},
                      SelectorCase{R"({"matchLabels": {"app": "web"},
                         "matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]})",
                                   true, "app=web,!x"},
                      SelectorCase{R"({"matchExpressions": [{"key": "app", "operator": "Maybe"}]})",
                                   false, "app"}));

TEST(SelectorTest, AnEmptyServiceSelectorSelectsNothing) {
  const Json service = *ParseJson(R"({"spec": {"selector": {"app": "web"}}})");
  EXPECT_TRUE(ServiceSelects(service, {{"app", "web"}, {"x", "y"}}));
  EXPECT_FALSE(ServiceSelects(service, {{"app", "db"}}));
  EXPECT_FALSE(ServiceSelects(Json{{"spec", {{"selector", Json::object()}}}}, {{"app", "web"}}));
  EXPECT_FALSE(ServiceSelects(Json::object(), {}));
  EXPECT_EQ(LabelsToSelector({{"a", "1"}, {"b", "2"}}), "a=1,b=2");
}

}  // namespace
}  // namespace delivery::kubernetes
