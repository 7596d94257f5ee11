#include "resources/preflight_quota.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Edit = std::function<void(Json&)>;

// A container with these requests and limits.
Json Container(const Json& requests, const Json& limits = Json::object()) {
  return {{"name", "web"},
          {"image", "web:1"},
          {"resources", {{"requests", requests}, {"limits", limits}}}};
}

Json WithContainers(const std::vector<Json>& containers, const std::vector<Json>& init = {}) {
  Json workload = WebManifest();
  PodSpecOf(workload)["containers"] = containers;
  PodSpecOf(workload)["initContainers"] = init;
  return workload;
}

Json Quota(const Json& hard, const Json& used, const Json& spec = Json::object()) {
  return {{"kind", "ResourceQuota"},
          {"metadata", {{"name", "compute"}, {"namespace", "shop"}}},
          {"spec", spec},
          {"status", {{"hard", hard}, {"used", used}}}};
}

// Three pods of 500m and 1Gi, of which as many run.
Json Next() {
  return WithContainers({Container({{"cpu", "500m"}, {"memory", "1Gi"}}, {{"memory", "2Gi"}})});
}
Json Live() {
  Json live = Next();
  live["status"]["replicas"] = 3;
  return live;
}
QuotaDemand Release(const Json& next) { return {next, Live(), true}; }

std::vector<std::string> Lines(const Json& quota, const QuotaDemand& demand) {
  std::vector<std::string> lines;
  for (const QuotaShortage& shortage : FindShortages({quota}, demand)) {
    EXPECT_EQ(shortage.quota, "compute");
    lines.insert(lines.end(), shortage.lines.begin(), shortage.lines.end());
  }
  return lines;
}

// ---- What a pod counts as

TEST(PodAmountTest, SumsContainers) {
  const Json workload =
      WithContainers({Container({{"cpu", "250m"}}), Container({{"cpu", 1}}), Container({})});
  EXPECT_DOUBLE_EQ(PodAmount(workload, "requests", "cpu"), 1.25);
  EXPECT_DOUBLE_EQ(PodAmount(workload, "requests", "memory"), 0);
  EXPECT_DOUBLE_EQ(PodAmount(workload, "limits", "cpu"), 0);
}

TEST(PodAmountTest, ALimitIsTheRequestThatIsNotNamed) {
  const Json workload =
      WithContainers({Container({{"cpu", "1"}}, {{"cpu", "2"}, {"memory", "1Gi"}})});
  EXPECT_DOUBLE_EQ(PodAmount(workload, "requests", "cpu"), 1);
  EXPECT_DOUBLE_EQ(PodAmount(workload, "requests", "memory"), 1073741824);
}

TEST(PodAmountTest, InitContainersCountWhereTheyNeedMore) {
  const Json small = Container({{"cpu", "1"}});
  EXPECT_DOUBLE_EQ(
      PodAmount(WithContainers({small}, {Container({{"cpu", "3"}})}), "requests", "cpu"), 3);
  EXPECT_DOUBLE_EQ(PodAmount(WithContainers({small, small}, {small, small}), "requests", "cpu"), 2);
}

TEST(PodAmountTest, InitContainersThatStayCountWithBoth) {
  Json stays = Container({{"cpu", "2"}});
  stays["restartPolicy"] = "Always";
  const Json small = Container({{"cpu", "1"}});
  EXPECT_DOUBLE_EQ(PodAmount(WithContainers({small}, {stays}), "requests", "cpu"), 3);
  EXPECT_DOUBLE_EQ(
      PodAmount(WithContainers({small}, {stays, Container({{"cpu", "4"}})}), "requests", "cpu"), 6);
}

TEST(PodAmountTest, WhatThePodNamesAsAWholeCounts) {
  Json workload = WithContainers({Container({{"cpu", "1"}})});
  PodSpecOf(workload)["resources"]["requests"]["cpu"] = "5";
  EXPECT_DOUBLE_EQ(PodAmount(workload, "requests", "cpu"), 5);
}

// ---- What does not fit

TEST(FindShortagesTest, ASurgeThatFitsIsNone) {
  EXPECT_THAT(Lines(Quota({{"requests.cpu", "2"}, {"pods", "4"}},
                          {{"requests.cpu", "1500m"}, {"pods", "3"}}),
                    Release(Next())),
              IsEmpty());
}

TEST(FindShortagesTest, NamesEveryResourceWithUsedHardAndNeeded) {
  const Json used = {{"cpu", "1500m"},          {"limits.memory", "6Gi"},   {"pods", "3"},
                     {"requests.cpu", "1500m"}, {"requests.memory", "3Gi"}, {"services", "5"}};
  const Json hard = {{"cpu", "1700m"},        {"limits.memory", "7Gi"},      {"pods", "3"},
                     {"requests.cpu", "1.5"}, {"requests.memory", "3500Mi"}, {"services", "5"}};
  EXPECT_THAT(
      Lines(Quota(hard, used), Release(Next())),
      ElementsAre(
          "cpu: used 1500m, hard 1700m, needed 2 (1 pod more than now, 500m each)",
          "limits.memory: used 6Gi, hard 7Gi, needed 8Gi (1 pod more than now, 2Gi each)",
          "pods: used 3, hard 3, needed 4 (1 pod more than now)",
          "requests.cpu: used 1500m, hard 1500m, needed 2 (1 pod more than now, 500m each)",
          "requests.memory: used 3Gi, hard 3500Mi, needed 4Gi (1 pod more than now, 1Gi each)"));
}

struct SurgeCase {
  std::string name;
  Edit edit;
  int replicas = 3;
  int more = 0;  // pods than the three that run
};
void PrintTo(const SurgeCase& test, std::ostream* out) { *out << test.name; }

class SurgeTest : public ::testing::TestWithParam<SurgeCase> {};

TEST_P(SurgeTest, CountsPods) {
  Json next = Next();
  next["spec"]["replicas"] = GetParam().replicas;
  if (GetParam().edit) GetParam().edit(next);
  const int enough = 3 + GetParam().more;
  const Json used = {{"pods", "3"}};
  EXPECT_THAT(Lines(Quota({{"pods", std::to_string(enough)}}, used), Release(next)), IsEmpty());
  if (GetParam().more == 0) return;
  EXPECT_EQ(Lines(Quota({{"pods", std::to_string(enough - 1)}}, used), Release(next)).size(), 1u);
}

Edit MaxSurge(const Json& value) {
  return [value](Json& next) { next["spec"]["strategy"]["rollingUpdate"]["maxSurge"] = value; };
}

INSTANTIATE_TEST_SUITE_P(
    All, SurgeTest,
    ::testing::Values(
        SurgeCase{"TheDefaultIsAQuarterRoundedUp", {}, 3, 1},
        SurgeCase{"ANumber", MaxSurge(2), 3, 2}, SurgeCase{"None", MaxSurge(0), 3, 0},
        SurgeCase{"APercentageIsRoundedUp", MaxSurge("34%"), 3, 2},
        SurgeCase{"AllOfThem", MaxSurge("100%"), 3, 3},
        SurgeCase{"MoreReplicasToo", MaxSurge(1), 5, 3},
        SurgeCase{"FewerReplicas", MaxSurge(1), 2, 0},
        SurgeCase{"RecreateHasNone",
                  [](Json& next) { next["spec"]["strategy"]["type"] = "Recreate"; }, 9, 0},
        SurgeCase{"PausedMakesNone", [](Json& next) { next["spec"]["paused"] = true; }, 9, 0},
        SurgeCase{"OtherKindsHaveNone", [](Json& next) { next["kind"] = "StatefulSet"; }, 9, 0}),
    [](const auto& test) { return test.param.name; });

TEST(FindShortagesTest, AFirstReleaseNeedsAllItsPods) {
  const QuotaDemand first{Next(), Json(), false};
  EXPECT_THAT(Lines(Quota({{"pods", "5"}}, {{"pods", "3"}}), first),
              ElementsAre("pods: used 3, hard 5, needed 6 (3 pods more than now)"));
  EXPECT_THAT(Lines(Quota({{"pods", "6"}}, {{"pods", "3"}}), first), IsEmpty());
}

TEST(FindShortagesTest, ReplicasThatAreNotNamedAreThoseThatRun) {
  Json next = Next();
  next["spec"].erase("replicas");
  EXPECT_THAT(Lines(Quota({{"pods", "4"}}, {{"pods", "3"}}), Release(next)), IsEmpty());
  EXPECT_THAT(Lines(Quota({{"pods", "3"}}, {{"pods", "3"}}), Release(next)),
              ElementsAre("pods: used 3, hard 3, needed 4 (1 pod more than now)"));
}

TEST(FindShortagesTest, WithoutNewPodsNothingSurges) {
  EXPECT_THAT(Lines(Quota({{"pods", "3"}}, {{"pods", "3"}}), {Next(), Live(), false}), IsEmpty());
}

TEST(FindShortagesTest, LargerPodsMayNotFitInTheEnd) {
  const Json next = WithContainers({Container({{"memory", "3Gi"}})});
  EXPECT_THAT(
      Lines(Quota({{"requests.memory", "8Gi"}}, {{"requests.memory", "3Gi"}}), Release(next)),
      ElementsAre("requests.memory: used 3Gi, hard 8Gi, needed 9Gi (3 pods of 3Gi in the end)"));
}

TEST(FindShortagesTest, ExactlyFullIsNotTooMuch) {
  const Json next = WithContainers({Container({{"cpu", "100m"}})});
  EXPECT_THAT(Lines(Quota({{"cpu", "300m"}}, {{"cpu", "200m"}}), Release(next)), IsEmpty());
}

TEST(FindShortagesTest, WhatThePodsDoNotNameIsNotCounted) {
  const Json next = WithContainers({Container({})});
  EXPECT_THAT(Lines(Quota({{"requests.cpu", "1"}, {"requests.storage", "1Gi"}},
                          {{"requests.cpu", "1"}, {"requests.storage", "1Gi"}}),
                    {next, Json(), false}),
              IsEmpty());
}

// ---- Scopes

struct ScopeCase {
  std::string name;
  Json spec;
  bool applies = false;
};
void PrintTo(const ScopeCase& test, std::ostream* out) { *out << test.name; }

class ScopeTest : public ::testing::TestWithParam<ScopeCase> {};

TEST_P(ScopeTest, Applies) {
  Json next = Next();
  PodSpecOf(next)["priorityClassName"] = "high";
  const Json quota = Quota({{"pods", "3"}}, {{"pods", "3"}}, GetParam().spec);
  EXPECT_EQ(!Lines(quota, Release(next)).empty(), GetParam().applies);
}

Json Selecting(const std::string& scope, const std::string& verb, const Json& values = {}) {
  Json expression = {{"scopeName", scope}, {"operator", verb}};
  if (!values.is_null()) expression["values"] = values;
  return {{"scopeSelector", {{"matchExpressions", Json::array({expression})}}}};
}
Json Scopes(const Json& scopes) { return {{"scopes", scopes}}; }

INSTANTIATE_TEST_SUITE_P(
    All, ScopeTest,
    ::testing::Values(
        ScopeCase{"NotTerminating", Scopes({"NotTerminating"}), true},
        ScopeCase{"Terminating", Scopes({"Terminating"}), false},
        ScopeCase{"NotBestEffort", Scopes({"NotBestEffort"}), true},
        ScopeCase{"BestEffort", Scopes({"BestEffort"}), false},
        ScopeCase{"AllMustMatch", Scopes({"NotTerminating", "BestEffort"}), false},
        ScopeCase{"Unknown", Scopes({"CrossNamespacePodAffinity"}), false},
        ScopeCase{"PriorityIn", Selecting("PriorityClass", "In", {"low", "high"}), true},
        ScopeCase{"PriorityNotIn", Selecting("PriorityClass", "NotIn", {"low", "high"}), false},
        ScopeCase{"AnotherPriority", Selecting("PriorityClass", "In", Json::array({"low"})), false},
        ScopeCase{"PriorityExists", Selecting("PriorityClass", "Exists"), true},
        ScopeCase{"NoPriority", Selecting("PriorityClass", "DoesNotExist"), false},
        ScopeCase{"SelectedScope", Selecting("NotTerminating", "Exists"), true}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::resources
