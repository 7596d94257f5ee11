#include "resources/restart.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "provider/runner/runner_fixture.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;

using Names = Attr<std::vector<Attr<std::string>>>;

TEST(RestartOnTest, DeclarationHasNoProblems) {
  EXPECT_THAT(RestartOn::Declaration().Problems(), IsEmpty());
}

class LookAtContentsTest : public runner::RunnerFixture {
 protected:
  void Put(const char* kind, const std::string& name, const Json& content) {
    Json object = {{"apiVersion", "v1"},
                   {"kind", kind},
                   {"metadata", {{"name", name}, {"namespace", "shop"}}}};
    object.update(content);
    kube_->Put(object);
  }
  ContentLook Look(const Names& config_maps, const Names& secrets) {
    const auto look = LookAtContents(api(), "shop", RestartOn{config_maps, secrets}, NoStop());
    EXPECT_TRUE(look.ok()) << look.status();
    return look.value_or(ContentLook());
  }
  static Names Of(const std::string& name) { return std::vector<Attr<std::string>>{name}; }
};

TEST_F(LookAtContentsTest, HashesWhatIsNamed) {
  Put("ConfigMap", "settings", {{"data", {{"a", "1"}}}});
  Put("ConfigMap", "other", {{"data", {{"a", "1"}}}});
  Put("Secret", "settings", {{"data", {{"a", "MQ=="}}}});
  const ContentLook look = Look(Of("settings"), Of("settings"));
  EXPECT_THAT(look.hashes, ElementsAre(Key("ConfigMap settings"), Key("Secret settings")));
  EXPECT_THAT(look.missing, IsEmpty());
}

TEST_F(LookAtContentsTest, OnlyTheContentCounts) {
  Put("ConfigMap", "settings", {{"data", {{"a", "1"}}}});
  const ContentHashes before = Look(Of("settings"), {}).hashes;
  ASSERT_TRUE(kube_->Change({"v1", "ConfigMap", "shop", "settings"}, [](Json& map) {
    map["metadata"]["labels"] = {{"x", "y"}};
  }));
  EXPECT_EQ(Look(Of("settings"), {}).hashes, before);
  Put("ConfigMap", "settings", {{"data", {{"a", "2"}}}});
  EXPECT_NE(Look(Of("settings"), {}).hashes, before);
  Put("ConfigMap", "settings", {{"binaryData", {{"a", "1"}}}});
  EXPECT_NE(Look(Of("settings"), {}).hashes, before);
}

TEST_F(LookAtContentsTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(Look(Of("gone"), Of("keys")).missing,
              ElementsAre(kubernetes::ObjectRef{"v1", "ConfigMap", "shop", "gone"},
                          kubernetes::ObjectRef{"v1", "Secret", "shop", "keys"}));
}

TEST_F(LookAtContentsTest, NothingIsAskedForNothing) {
  EXPECT_THAT(Look({}, Names::Unknown()).hashes, IsEmpty());
  EXPECT_TRUE(LookAtContents(api(), "shop", Attr<RestartOn>::Unknown(), NoStop()).ok());
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

TEST_F(LookAtContentsTest, ARefusalIsAnError) {
  kube_->Deny({.verb = "get", .resource = "secrets"});
  Put("Secret", "keys", Json::object());
  EXPECT_TRUE(absl::IsPermissionDenied(
      LookAtContents(api(), "shop", RestartOn{{}, Of("keys")}, NoStop()).status()));
}

TEST(ChangedContentsTest, AreThoseReleasedWithAnotherContent) {
  EXPECT_THAT(ChangedContents({{"a", "1"}, {"b", "1"}, {"gone", "1"}},
                              {{"a", "2"}, {"b", "1"}, {"new", "1"}}),
              ElementsAre("a"));
}

TEST(RestartMarkTest, IsTheSameForTheSameCauseOnly) {
  const std::string mark = RestartMark("1", {{"a", "x"}});
  EXPECT_FALSE(mark.empty());
  EXPECT_EQ(RestartMark("1", {{"a", "x"}}), mark);
  EXPECT_NE(RestartMark("2", {{"a", "x"}}), mark);
  EXPECT_NE(RestartMark("1", {{"a", "y"}}), mark);
  EXPECT_NE(RestartMark("1", {{"b", "x"}}), mark);
}

TEST(RestartMarkTest, LiesInThePodTemplate) {
  Json workload = WebManifest();
  SetRestartMark(workload, "");
  EXPECT_EQ(workload, WebManifest());
  EXPECT_EQ(RestartMarkOf(workload), "");
  SetRestartMark(workload, "m1");
  EXPECT_EQ(RestartMarkOf(workload), "m1");
  EXPECT_EQ(workload["spec"]["template"]["metadata"]["annotations"][kRestartAnnotation], "m1");
}

TEST(RestartMarkTest, LeavesNothingWhenItIsTakenOut) {
  EXPECT_EQ(WithoutRestartMark(WebManifest()), WebManifest());
  Json workload = WebManifest();
  SetRestartMark(workload, "m1");
  EXPECT_EQ(WithoutRestartMark(workload), WebManifest());
  workload["spec"]["template"]["metadata"]["annotations"]["of"] = "user";
  EXPECT_EQ(WithoutRestartMark(workload)["spec"]["template"]["metadata"]["annotations"],
            Json({{"of", "user"}}));
}

}  // namespace
}  // namespace delivery::resources
