// Reading: get, list, discovery, access reviews.
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/contracts/contract_fixture.h"

namespace delivery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> NamesOf(const kubernetes::ObjectList& list) {
  std::vector<std::string> names;
  for (const Json& item : list.items) {
    names.push_back(GetString(GetObject(item, "metadata"), "name"));
  }
  return names;
}

Json WithLabel(Json object, const std::string& key, const std::string& value) {
  object["metadata"]["labels"][key] = value;
  return object;
}

TEST_F(KubeApiContract, GetReturnsWhatWasCreatedWithIdentity) {
  const Json created = Created(ConfigMap("settings", {{"color", "blue"}}));
  const Json read = Read(Ref("ConfigMap", "settings"));
  EXPECT_EQ(read, created);
  EXPECT_EQ(read["data"]["color"], "blue");
  for (const char* name : {"uid", "resourceVersion", "creationTimestamp"}) {
    EXPECT_NE(GetString(read["metadata"], name), "") << name;
  }
}

TEST_F(KubeApiContract, WhatIsNotThereIsNotFound) {
  const absl::Status status = api().Get(Ref("ConfigMap", "missing"), no_stop()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->http_status, 404);
  EXPECT_EQ(error->reason, "NotFound");
  EXPECT_EQ(error->message, "configmaps \"missing\" not found");
}

TEST_F(KubeApiContract, GroupIsNamedInErrors) {
  const auto error =
      kubernetes::GetApiError(api().Get(Ref("Deployment", "missing"), no_stop()).status());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message, "deployments.apps \"missing\" not found");
}

TEST_F(KubeApiContract, GetInUnknownNamespaceIsNotFound) {
  const absl::Status status =
      api().Get({"v1", "ConfigMap", "no-such-namespace", "a"}, no_stop()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
}

TEST_F(KubeApiContract, ListInUnknownNamespaceIsEmpty) {
  const auto list =
      api().List("v1", "ConfigMap", {.namespace_name = "no-such-namespace"}, no_stop());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->items, IsEmpty());
}

TEST_F(KubeApiContract, ListSelectsByLabels) {
  Created(WithLabel(ConfigMap("a"), "tier", "front"));
  Created(WithLabel(ConfigMap("b"), "tier", "back"));
  Created(WithLabel(ConfigMap("c"), "other", "x"));
  const auto names = [&](const std::string& selector) {
    const auto list = api().List(
        "v1", "ConfigMap", {.namespace_name = space(), .label_selector = selector}, no_stop());
    EXPECT_TRUE(list.ok()) << list.status();
    return NamesOf(*list);
  };
  EXPECT_THAT(names("tier=front"), ElementsAre("a"));
  EXPECT_THAT(names("tier in (front, back)"), ElementsAre("a", "b"));
  EXPECT_THAT(names("tier"), ElementsAre("a", "b"));
  EXPECT_THAT(names("tier,tier!=front"), ElementsAre("b"));
  EXPECT_THAT(names("other=x,tier=front"), IsEmpty());
}

TEST_F(KubeApiContract, ListSelectsByFields) {
  Created(ConfigMap("a"));
  Created(ConfigMap("b"));
  const auto list =
      api().List("v1", "ConfigMap",
                 {.namespace_name = space(), .field_selector = "metadata.name=b"}, no_stop());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(NamesOf(*list), ElementsAre("b"));
}

TEST_F(KubeApiContract, MalformedSelectorIsInvalidArgument) {
  const auto list = api().List("v1", "ConfigMap",
                               {.namespace_name = space(), .label_selector = "a in (x"}, no_stop());
  EXPECT_TRUE(absl::IsInvalidArgument(list.status())) << list.status();
}

TEST_F(KubeApiContract, ListedItemsSayWhatTheyAre) {
  Created(ConfigMap("a"));
  const auto list =
      api().List("v1", "ConfigMap",
                 {.namespace_name = space(), .field_selector = "metadata.name=a"}, no_stop());
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_THAT(list->items, SizeIs(1));
  EXPECT_EQ(list->items[0]["kind"], "ConfigMap");
  EXPECT_EQ(list->items[0]["apiVersion"], "v1");
  EXPECT_NE(list->resource_version, "");
}

TEST_F(KubeApiContract, ListIsCompleteBeyondOnePage) {
  constexpr int kThreads = 8;
  constexpr int kPerThread = 65;  // 520 in all; pages have 500
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kPerThread; ++i) {
        Created(WithLabel(ConfigMap(absl::StrCat("many-", thread, "-", i)), "many", "yes"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto list = api().List(
      "v1", "ConfigMap", {.namespace_name = space(), .label_selector = "many=yes"}, no_stop());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->items, SizeIs(kThreads * kPerThread));
}

TEST_F(KubeApiContract, DiscoveryKnowsKinds) {
  const auto deployment = api().Discover("apps/v1", "Deployment", no_stop());
  ASSERT_TRUE(deployment.ok()) << deployment.status();
  EXPECT_EQ(deployment->plural, "deployments");
  EXPECT_TRUE(deployment->namespaced);
  const auto crd = api().Discover("apiextensions.k8s.io/v1", "CustomResourceDefinition", no_stop());
  ASSERT_TRUE(crd.ok()) << crd.status();
  EXPECT_EQ(crd->plural, "customresourcedefinitions");
  EXPECT_FALSE(crd->namespaced);
}

TEST_F(KubeApiContract, UnknownKindsAndGroupsAreNotFound) {
  EXPECT_TRUE(absl::IsNotFound(api().Discover("apps/v1", "Unheard", no_stop()).status()));
  EXPECT_TRUE(absl::IsNotFound(api().Discover("no.such.group/v1", "Thing", no_stop()).status()));
}

TEST_F(KubeApiContract, AccessReviewAnswers) {
  const auto answer = api().ReviewAccess({.verb = "patch",
                                          .group = "apps",
                                          .resource = "deployments",
                                          .subresource = "",
                                          .namespace_name = space(),
                                          .name = ""},
                                         no_stop());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->allowed);
}

TEST_F(KubeApiContract, LogOfMissingPodIsNotFound) {
  const absl::Status status = api().PodLog(space(), "missing", {}, no_stop()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("pods \"missing\" not found"));
}

TEST_F(KubeApiContract, StopEndsACallAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(api().Get(Ref("ConfigMap", "a"), stop.get_token()).status()));
}

}  // namespace
}  // namespace delivery::testing
