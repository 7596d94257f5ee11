#include "provider/kubernetes/pod_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);

absl::Time At(int seconds) {
  return absl::FromUnixSeconds(1770091506) + absl::Seconds(seconds);  // 2026-02-03T04:05:06Z
}

Json Parse(const std::string& text) {
  const auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status() << " in " << text;
  return json.ok() ? *json : Json();
}

Json PodWithStatus(const std::string& status) {
  return Parse(R"({"kind": "Pod", "metadata": {"name": "web-1"}, "status": )" + status + "}");
}

Json PodWithContainer(const std::string& container_status) {
  return PodWithStatus(R"({"phase": "Pending", "containerStatuses": [)" + container_status + "]}");
}

std::optional<PodFailure> Failure(const Json& pod) { return FindPodFailure(pod, At(0), kTimeout); }

struct Waiting {
  std::string reason;
  std::string message;
  bool failure;
  bool definitive;
};

class WaitingTest : public ::testing::TestWithParam<Waiting> {};

TEST_P(WaitingTest, IsJudgedByReason) {
  const auto failure = Failure(PodWithContainer(
      R"({"name": "app", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": ")" +
      GetParam().reason + R"(", "message": ")" + GetParam().message + R"("}}})"));
  ASSERT_EQ(failure.has_value(), GetParam().failure);
  if (!failure) return;
  EXPECT_EQ(failure->pod, "web-1");
  EXPECT_EQ(failure->container, "app");
  EXPECT_EQ(failure->reason, GetParam().reason);
  EXPECT_EQ(failure->definitive, GetParam().definitive);
}

INSTANTIATE_TEST_SUITE_P(
    All, WaitingTest,
    ::testing::Values(Waiting{"ContainerCreating", "", false, false},
                      Waiting{"PodInitializing", "", false, false},
                      Waiting{"ErrImagePull", "not found", false, false},
                      Waiting{"ImagePullBackOff",
                              "Back-off pulling image x: ErrImagePull: not found", true, true},
                      Waiting{"ImagePullBackOff", "Back-off pulling image x", true, true},
                      Waiting{"ImagePullBackOff", "ErrImagePull: dial tcp: i/o timeout", true,
                              false},
                      Waiting{"ImagePullBackOff", "429 Too Many Requests", true, false},
                      Waiting{"ErrImageNeverPull", "", true, true},
                      Waiting{"InvalidImageName", "", true, true},
                      Waiting{"CreateContainerConfigError", "configmap not found", true, true},
                      Waiting{"CreateContainerError", "context deadline exceeded", true, false},
                      Waiting{"RunContainerError", "exec: no such file", true, false},
                      Waiting{"CrashLoopBackOff", "back-off 10s", true, true}));

TEST(PodFailureTest, CrashLoopTellsTheLastTermination) {
  const auto failure = Failure(PodWithContainer(R"({"name": "app", "restartCount": 3,
      "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}},
      "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": " boom\n"}}})"));
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->definitive);
  EXPECT_TRUE(failure->out_of_memory);
  EXPECT_TRUE(failure->previous_log);
  EXPECT_EQ(failure->exit_code, 137);
  EXPECT_EQ(failure->restarts, 3);
  EXPECT_EQ(
      failure->ToString(),
      "pod web-1, container app: CrashLoopBackOff: exit code 137, OOMKilled, boom, 3 restarts");
}

TEST(PodFailureTest, FirstCrashIsNotDefinitive) {
  const auto terminated = Failure(PodWithContainer(R"({"name": "app", "restartCount": 0,
      "state": {"terminated": {"exitCode": 1, "reason": "Error"}}})"));
  ASSERT_TRUE(terminated);
  EXPECT_EQ(terminated->reason, "Error");
  EXPECT_FALSE(terminated->definitive);
  EXPECT_FALSE(terminated->previous_log);
  const auto restarted = Failure(PodWithContainer(R"({"name": "app", "restartCount": 1,
      "ready": false, "state": {"running": {}},
      "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}})"));
  ASSERT_TRUE(restarted);
  EXPECT_FALSE(restarted->definitive);
  EXPECT_TRUE(restarted->previous_log);
}

TEST(PodFailureTest, ReadyAfterRestartIsFine) {
  EXPECT_FALSE(Failure(PodWithContainer(R"({"name": "app", "restartCount": 1, "ready": true,
      "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 2}}})")));
}

TEST(PodFailureTest, CompletedInitContainerIsFine) {
  EXPECT_FALSE(Failure(PodWithStatus(R"({"phase": "Pending",
      "initContainerStatuses": [{"name": "init", "ready": true,
        "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
      "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}]})")));
}

TEST(PodFailureTest, InitContainerCrashes) {
  const auto failure = Failure(PodWithStatus(R"({"phase": "Pending",
      "initContainerStatuses": [{"name": "migrate", "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
      "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}]})"));
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->init_container);
  EXPECT_EQ(failure->ToString(),
            "pod web-1, init container migrate: CrashLoopBackOff: exit code 1, 2 restarts");
}

TEST(PodFailureTest, DefinitiveContainerComesFirst) {
  const auto failure = Failure(PodWithStatus(R"({"phase": "Pending", "containerStatuses": [
      {"name": "a", "state": {"terminated": {"exitCode": 1}}},
      {"name": "b", "state": {"waiting": {"reason": "InvalidImageName"}}}]})"));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->container, "b");
}

TEST(PodFailureTest, UnschedulableAfterTheTimeout) {
  const Json pod = PodWithStatus(R"({"phase": "Pending", "conditions": [{"type": "PodScheduled",
      "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-02-03T04:05:06Z",
      "message": "0/1 nodes are available: 1 Insufficient cpu."}]})");
  EXPECT_FALSE(FindPodFailure(pod, At(29), kTimeout));
  EXPECT_EQ(SchedulingDeadline(pod, kTimeout), At(30));
  const auto failure = FindPodFailure(pod, At(30), kTimeout);
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->definitive);
  EXPECT_EQ(failure->reason, "Unschedulable");
  EXPECT_THAT(failure->message, HasSubstr("Insufficient cpu"));
}

TEST(PodFailureTest, SchedulingGatesAreNotAFailure) {
  const Json pod = PodWithStatus(R"({"conditions": [{"type": "PodScheduled", "status": "False",
      "reason": "SchedulingGated", "lastTransitionTime": "2026-02-03T04:05:06Z"}]})");
  EXPECT_FALSE(FindPodFailure(pod, At(1000), kTimeout));
  EXPECT_EQ(SchedulingDeadline(pod, kTimeout), std::nullopt);
}

TEST(PodFailureTest, EvictedAndRefusedPods) {
  const auto evicted = Failure(PodWithStatus(R"({"phase": "Failed", "reason": "Evicted",
      "message": "The node was low on resource: memory."})"));
  ASSERT_TRUE(evicted);
  EXPECT_EQ(evicted->reason, "Evicted");
  EXPECT_FALSE(evicted->definitive);
  const auto failed = Failure(PodWithStatus(R"({"phase": "Failed", "containerStatuses": [
      {"name": "a", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]})"));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->container, "a");
}

TEST(PodFailureTest, NothingWrongWithPodsThatRunEndOrGo) {
  EXPECT_FALSE(Failure(PodWithStatus(R"({"phase": "Running"})")));
  EXPECT_FALSE(Failure(PodWithStatus(R"({"phase": "Succeeded", "containerStatuses": [
      {"name": "a", "state": {"terminated": {"exitCode": 0}}}]})")));
  Json going =
      PodWithContainer(R"({"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}})");
  going["metadata"]["deletionTimestamp"] = "2026-02-03T04:05:06Z";
  EXPECT_FALSE(Failure(going));
  EXPECT_FALSE(Failure(Json()));
  EXPECT_FALSE(Failure(Parse(R"({"status": {"containerStatuses": [3, null, "x"]}})")));
}

TEST(PodFailureTest, FindsTheMostTellingOfSeveralPods) {
  const std::vector<Json> pods = {
      PodWithContainer(R"({"name": "a", "state": {"terminated": {"exitCode": 1}}})"),
      PodWithContainer(R"({"name": "b", "state": {"waiting": {"reason": "InvalidImageName"}}})")};
  EXPECT_EQ(FindFirstPodFailure(pods, At(0), kTimeout)->container, "b");
  EXPECT_EQ(FindFirstPodFailure({pods[0]}, At(0), kTimeout)->container, "a");
  EXPECT_FALSE(FindFirstPodFailure({}, At(0), kTimeout));
}

TEST(PodFailureTest, Readiness) {
  EXPECT_TRUE(
      IsPodReady(PodWithStatus(R"({"conditions": [{"type": "Ready", "status": "True"}]})")));
  EXPECT_FALSE(
      IsPodReady(PodWithStatus(R"({"conditions": [{"type": "Ready", "status": "False"}]})")));
  EXPECT_FALSE(IsPodReady(Json()));
}

TEST(ReplicaSetFailureTest, QuotaAndAdmission) {
  const auto failure = FindReplicaSetFailure(Parse(R"({"metadata": {"name": "web-5d"},
      "status": {"conditions": [{"type": "ReplicaFailure", "status": "True",
        "reason": "FailedCreate", "message": "pods \"web-5d-\" is forbidden: exceeded quota"}]}})"));
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->definitive);
  EXPECT_THAT(failure->ToString(), HasSubstr("pods of web-5d: FailedCreate: pods"));
  EXPECT_FALSE(FindReplicaSetFailure(Parse(R"({"status": {"conditions": [
      {"type": "ReplicaFailure", "status": "True", "reason": "FailedDelete"}]}})")));
  EXPECT_FALSE(FindReplicaSetFailure(Parse(R"({"status": {"conditions": [
      {"type": "ReplicaFailure", "status": "False", "reason": "FailedCreate"}]}})")));
}

TEST(ReplicaSetFailureTest, EventsOfOtherKinds) {
  const Json owner = Parse(R"({"metadata": {"name": "db", "uid": "u"}})");
  const auto event = [](const char* uid, const char* reason, const char* time, const char* text) {
    return Json{{"involvedObject", {{"uid", uid}}},
                {"type", "Warning"},
                {"reason", reason},
                {"lastTimestamp", time},
                {"message", text}};
  };
  const std::vector<Json> events = {
      event("u", "FailedCreate", "2026-02-03T04:05:07Z", "first"),
      event("u", "FailedCreate", "2026-02-03T04:05:09Z", "second"),
      event("u", "FailedCreate", "2026-02-03T04:05:08Z", "third"),
      event("u", "FailedMount", "2026-02-03T04:06:00Z", "other"),
      event("v", "FailedCreate", "2026-02-03T04:06:00Z", "of another")};
  EXPECT_EQ(FindCreationFailure(events, owner, At(0))->message, "second");
  EXPECT_FALSE(FindCreationFailure(events, owner, At(10)));
}

TEST(ReplicaSetTest, NewestByOwnerAndRevision) {
  const Json deployment = Parse(R"({"metadata": {"uid": "d", "annotations": {
      "deployment.kubernetes.io/revision": "2"}}})");
  const auto replica_set = [](const char* name, const char* owner, const char* revision) {
    return Json{{"metadata",
                 {{"name", name},
                  {"ownerReferences", {{{"uid", owner}, {"controller", true}}}},
                  {"annotations", {{"deployment.kubernetes.io/revision", revision}}}}}};
  };
  const std::vector<Json> sets = {replica_set("old", "d", "1"), replica_set("foreign", "x", "2"),
                                  replica_set("new", "d", "2")};
  const Json* newest = NewestReplicaSet(deployment, sets);
  ASSERT_NE(newest, nullptr);
  EXPECT_EQ(*newest, sets[2]);
  EXPECT_EQ(NewestReplicaSet(deployment, {sets[0]}), nullptr);
  EXPECT_EQ(NewestReplicaSet(Json(), sets), nullptr);
  EXPECT_EQ(ControlledBy("d", sets).size(), 2U);
  EXPECT_TRUE(ControlledBy("", sets).empty());
}

TEST(ReplicaSetFailureTest, WebhookThatIsOutOfOrderMayPass) {
  const Json replica_set = {
      {"kind", "ReplicaSet"},
      {"metadata", {{"name", "web-1"}}},
      {"status",
       {{"conditions",
         {{{"type", "ReplicaFailure"},
           {"status", "True"},
           {"reason", "FailedCreate"},
           {"message",
            "Internal error occurred: failed calling webhook \"pods.example.com\""}}}}}}};
  const auto failure = FindReplicaSetFailure(replica_set);
  ASSERT_TRUE(failure.has_value());
  EXPECT_FALSE(failure->definitive);
}

}  // namespace
}  // namespace delivery::kubernetes
