#include "provider/kubernetes/workload_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string name;
  std::string object;
  int64_t generation;
  bool complete;
  std::string summary;
};

class RolloutTest : public ::testing::TestWithParam<Case> {};

TEST_P(RolloutTest, SaysWhatKubectlSays) {
  const auto object = ParseJson(GetParam().object);
  ASSERT_TRUE(object.ok()) << object.status();
  const RolloutProgress progress = WorkloadProgress(*object, GetParam().generation);
  EXPECT_EQ(progress.complete, GetParam().complete);
  EXPECT_THAT(progress.summary, HasSubstr(GetParam().summary));
}

std::string Deployment(const std::string& spec, const std::string& status, int generation = 2) {
  return R"({"kind": "Deployment", "metadata": {"generation": )" + std::to_string(generation) +
         R"(}, "spec": )" + spec + R"(, "status": )" + status + "}";
}
std::string StatefulSet(const std::string& spec, const std::string& status) {
  return R"({"kind": "StatefulSet", "metadata": {"generation": 2}, "spec": )" + spec +
         R"(, "status": )" + status + "}";
}
std::string DaemonSet(const std::string& spec, const std::string& status) {
  return R"({"kind": "DaemonSet", "metadata": {"generation": 2}, "spec": )" + spec +
         R"(, "status": )" + status + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Deployments, RolloutTest,
    ::testing::Values(
        Case{"NotObserved", Deployment(R"({"replicas": 3})", R"({"observedGeneration": 1})"), 2,
             false, "observe"},
        Case{"WriteNotObserved",
             Deployment(R"({"replicas": 3})", R"({"observedGeneration": 2, "replicas": 3,
                 "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3})"),
             3, false, "observe"},
        Case{"Updating",
             Deployment(R"({"replicas": 3})", R"({"observedGeneration": 2, "replicas": 4,
                 "updatedReplicas": 1, "availableReplicas": 3})"),
             2, false, "1 out of 3 new replicas have been updated"},
        Case{"OldPods", Deployment(R"({"replicas": 3})", R"({"observedGeneration": 2, "replicas": 5,
                 "updatedReplicas": 3, "availableReplicas": 3})"),
             2, false, "2 old replicas are pending termination"},
        Case{"Unavailable",
             Deployment(R"({"replicas": 3})", R"({"observedGeneration": 2, "replicas": 3,
                 "updatedReplicas": 3, "availableReplicas": 2})"),
             2, false, "2 of 3 updated replicas are available"},
        Case{"Complete",
             Deployment(R"({"replicas": 3})", R"({"observedGeneration": 2, "replicas": 3,
                 "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3})"),
             2, true, "successfully rolled out"},
        Case{"ScaledToZero", Deployment(R"({"replicas": 0})", R"({"observedGeneration": 2})"), 2,
             true, "successfully rolled out"},
        Case{"DefaultIsOneReplica", Deployment("{}", R"({"observedGeneration": 2})"), 2, false,
             "0 out of 1"},
        Case{"Paused",
             Deployment(R"({"replicas": 3, "paused": true})",
                        R"({"observedGeneration": 2, "replicas": 3, "availableReplicas": 3})"),
             2, false, "the rollout is paused"},
        Case{"Deadline",
             Deployment(R"({"replicas": 3})", R"({"observedGeneration": 2, "replicas": 3,
                 "updatedReplicas": 3, "availableReplicas": 3, "conditions": [{
                 "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                 "message": "ReplicaSet \"web-1\" has timed out progressing."}]})"),
             2, false, "exceeded its progress deadline: ReplicaSet"},
        Case{"StaleDeadline",
             Deployment(R"({"replicas": 3})", R"({"observedGeneration": 1, "conditions": [{
                 "type": "Progressing", "reason": "ProgressDeadlineExceeded"}]})"),
             2, false, "observe"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    StatefulSets, RolloutTest,
    ::testing::Values(
        Case{"NeverObserved", StatefulSet(R"({"replicas": 0})", "{}"), 0, false, "observe"},
        Case{"NotReady",
             StatefulSet(R"({"replicas": 3})", R"({"observedGeneration": 2, "readyReplicas": 1})"),
             2, false, "2 pods to be ready"},
        Case{"Defaulted",
             StatefulSet(R"({"replicas": 3, "updateStrategy": {"type": "RollingUpdate",
                 "rollingUpdate": {"partition": 0}}})",
                         R"({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 2})"),
             2, false, "2 out of 3 new pods have been updated"},
        Case{"DefaultedComplete",
             StatefulSet(R"({"replicas": 3, "updateStrategy": {"type": "RollingUpdate",
                 "rollingUpdate": {"partition": 0}}})",
                         R"({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 3})"),
             2, true, "3 new pods have been updated"},
        Case{
            "Partition",
            StatefulSet(R"({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}})",
                        R"({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 1})"),
            2, true, "1 new pods have been updated"},
        Case{
            "PartitionBeyondReplicas",
            StatefulSet(R"({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 9}}})",
                        R"({"observedGeneration": 2, "readyReplicas": 3})"),
            2, true, "0 new pods"},
        Case{"Revisions",
             StatefulSet(R"({"replicas": 3})",
                         R"({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 2,
                             "currentRevision": "web-1", "updateRevision": "web-2"})"),
             2, false, "2 pods at revision web-2"},
        Case{"RevisionsComplete",
             StatefulSet(R"({"replicas": 3})",
                         R"({"observedGeneration": 2, "readyReplicas": 3, "currentReplicas": 3,
                             "currentRevision": "web-2", "updateRevision": "web-2"})"),
             2, true, "rolling update complete, 3 pods"},
        Case{"OnDelete",
             StatefulSet(R"({"replicas": 3, "updateStrategy": {"type": "OnDelete"}})",
                         R"({"observedGeneration": 2})"),
             2, true, "OnDelete"},
        Case{"OnDeleteNotObserved",
             StatefulSet(R"({"replicas": 3, "updateStrategy": {"type": "OnDelete"}})",
                         R"({"observedGeneration": 1})"),
             2, false, "observe"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    DaemonSets, RolloutTest,
    ::testing::Values(
        Case{"NotObserved", DaemonSet("{}", R"({"observedGeneration": 1})"), 2, false, "observe"},
        Case{"Updating", DaemonSet("{}", R"({"observedGeneration": 2, "desiredNumberScheduled": 3,
                                 "updatedNumberScheduled": 1, "numberAvailable": 3})"),
             2, false, "1 out of 3 new pods have been updated"},
        Case{"Unavailable",
             DaemonSet("{}", R"({"observedGeneration": 2, "desiredNumberScheduled": 3,
                                 "updatedNumberScheduled": 3, "numberAvailable": 2})"),
             2, false, "2 of 3 updated pods are available"},
        Case{"Complete", DaemonSet("{}", R"({"observedGeneration": 2, "desiredNumberScheduled": 3,
                                 "updatedNumberScheduled": 3, "numberAvailable": 3})"),
             2, true, "successfully rolled out"},
        Case{"OnDelete",
             DaemonSet(R"({"updateStrategy": {"type": "OnDelete"}})",
                       R"({"observedGeneration": 2, "desiredNumberScheduled": 3})"),
             2, true, "0 out of 3"}),
    [](const auto& test) { return test.param.name; });

TEST(RolloutProgressTest, Flags) {
  const RolloutProgress paused = DeploymentProgress(
      *ParseJson(Deployment(R"({"replicas": 2, "paused": true})", R"({"observedGeneration": 2})")),
      0);
  EXPECT_TRUE(paused.paused);
  EXPECT_TRUE(paused.observed);
  EXPECT_EQ(paused.desired, 2);
  EXPECT_FALSE(WorkloadProgress(Json{{"kind", "Job"}}, 0).complete);
  EXPECT_FALSE(WorkloadProgress(Json(), 0).complete);
}

}  // namespace
}  // namespace delivery::kubernetes
