#include "provider/checks/job_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/checks/check_fixture.h"
#include "provider/kubernetes/object.h"

namespace delivery::checks {
namespace {

using Outcome = CheckResult::Outcome;
using delivery::testing::FakeKubeApi;
using delivery::testing::KubeFault;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kName[] = "smoke-deadbeef";

Json Condition(const std::string& type, const std::string& reason = "",
               const std::string& message = "") {
  return {{"type", type}, {"status", "True"}, {"reason", reason}, {"message", message}};
}

Json StatusWith(Json condition) { return {{"conditions", Json::array({std::move(condition)})}}; }

Json Terminated(const std::string& name, int exit_code) {
  return {{"name", name}, {"state", {{"terminated", {{"exitCode", exit_code}}}}}};
}
Json Waiting(const std::string& name, const std::string& reason) {
  return {{"name", name}, {"state", {{"waiting", {{"reason", reason}}}}}};
}
Json Running(const std::string& name) {
  return {{"name", name}, {"state", {{"running", Json::object()}}}};
}

class JobCheckTest : public CheckFixture {
 protected:
  static kubernetes::ObjectRef Ref() { return {"batch/v1", "Job", "shop", kName}; }

  static Json SmokeJob() {
    return {
        {"apiVersion", "batch/v1"},
        {"kind", "Job"},
        {"metadata", {{"labels", {{"team", "shop"}}}}},
        {"spec",
         {{"backoffLimit", 0},
          {"template",
           {{"spec",
             {{"restartPolicy", "Never"},
              {"containers", Json::array({Json{{"name", "main"}, {"image", "smoke:1"}}})}}}}}}}};
  }
  static Check Smoke(Json job = SmokeJob()) {
    return {.name = "smoke", .what = JobCheck{.job = std::move(job)}};
  }

  // What the controllers do with each new Job, once.
  void OnNewJob(std::function<void(const Json& job)> act) {
    kube_->SetController([this, act = std::move(act)](FakeKubeApi& kube) {
      for (const Json& job : kube.All("batch/v1", "Job")) {
        const std::string uid = kubernetes::UidOf(job);
        if (uid == handled_) continue;
        handled_ = uid;
        act(job);
      }
    });
  }
  void End(const Json& job, Json condition) {
    kube_->SetStatus(kubernetes::RefOf(job), StatusWith(std::move(condition)));
  }
  void PutPod(const Json& job, const std::string& name, Json status,
              const std::string& created = "2026-01-01T00:00:00Z") {
    const kubernetes::ObjectRef ref{"v1", "Pod", "shop", name};
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata",
                 {{"name", name},
                  {"namespace", "shop"},
                  {"creationTimestamp", created},
                  {"labels", {{"job-name", kubernetes::NameOf(job)}}},
                  {"ownerReferences", Json::array({Json{{"apiVersion", "batch/v1"},
                                                        {"kind", "Job"},
                                                        {"name", kubernetes::NameOf(job)},
                                                        {"uid", kubernetes::UidOf(job)},
                                                        {"controller", true}}})}}},
                {"spec", {{"containers", Json::array({Json{{"name", "main"}}})}}},
                {"status", std::move(status)}});
  }

  // The writes to Jobs that reached the server: "POST 201".
  std::vector<std::string> JobWrites() const {
    std::vector<std::string> writes;
    for (const auto& [request, status] : kube_->writes()) {
      if (request.plural == "jobs") writes.push_back(absl::StrCat(request.method, " ", status));
    }
    return writes;
  }
  std::vector<Json> Jobs() const { return kube_->All("batch/v1", "Job"); }

  std::string handled_;
};

TEST(JobNameTest, IsMadeOfTheJobOrTheCheckAndTheRun) {
  EXPECT_EQ(JobName(Json::object(), "smoke", "run-deadbeef"), "smoke-deadbeef");
  EXPECT_EQ(JobName({{"metadata", {{"name", "e2e.smoke"}}}}, "smoke", "run-deadbeef"),
            "e2e.smoke-deadbeef");
  EXPECT_EQ(JobName(Json::object(), " Smoke Test_1!", "0123-4567-89AB-CDEF"),
            "smoke-test-1-89abcdef");
  EXPECT_EQ(JobName(Json::object(), "???", "run-1"), "check-run1");
}

TEST(JobNameTest, LongNamesAreShortenedAndStayDifferent) {
  const std::string stem(80, 'a');
  const std::string one = JobName(Json::object(), stem + "1", "run-deadbeef");
  const std::string two = JobName(Json::object(), stem + "2", "run-deadbeef");
  EXPECT_EQ(one.size(), 63);
  EXPECT_THAT(one, EndsWith("-deadbeef"));
  EXPECT_NE(one, two);
  const std::string exact = JobName(Json::object(), std::string(54, 'a'), "run-deadbeef");
  EXPECT_EQ(exact, std::string(54, 'a') + "-deadbeef");
}

TEST_F(JobCheckTest, PassesWhenTheJobCompletes) {
  Json made;
  OnNewJob([&](const Json& job) {
    made = job;
    End(job, Condition("Complete"));
  });
  const CheckResult result = Run(Smoke());
  EXPECT_EQ(result.outcome, Outcome::kPassed) << result.reason;
  EXPECT_EQ(made["metadata"]["name"], kName);
  EXPECT_EQ(made["metadata"]["namespace"], "shop");
  EXPECT_EQ(
      made["metadata"]["labels"],
      Json({{"team", "shop"}, {"app.kubernetes.io/managed-by", "terraform-provider-delivery"}}));
  EXPECT_EQ(made["metadata"]["ownerReferences"], Json::array({Json{{"apiVersion", "apps/v1"},
                                                                   {"kind", "Deployment"},
                                                                   {"name", "web"},
                                                                   {"uid", "uid-of-web"}}}));
  EXPECT_EQ(made["spec"]["template"], SmokeJob()["spec"]["template"]);
  EXPECT_THAT(JobWrites(), ElementsAre("POST 201", "DELETE 200"));
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(JobCheckTest, WaitsForTheCondition) {
  OnNewJob([](const Json&) {});
  std::thread controller([&] {
    EXPECT_TRUE(Eventually([&] { return kube_->open_watches() == 2; }));
    kube_->SetStatus(Ref(), StatusWith(Condition("SuccessCriteriaMet")));
    kube_->SetStatus(Ref(), StatusWith(Condition("Complete")));
  });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  controller.join();
  EXPECT_TRUE(Eventually([&] { return kube_->open_watches() == 0; }));
}

TEST_F(JobCheckTest, AWorkloadThatIsNotThereOwnsNothing) {
  Json made;
  OnNewJob([&](const Json& job) {
    made = job;
    End(job, Condition("Complete"));
  });
  CheckContext context = Context();
  context.workload_uid = "";
  EXPECT_EQ(RunCheck(context, Smoke(), {}).outcome, Outcome::kPassed);
  EXPECT_FALSE(made["metadata"].contains("ownerReferences"));
}

TEST_F(JobCheckTest, IsNotCollectedBeforeItWasLookedAt) {
  Json made;
  OnNewJob([&](const Json& job) {
    made = job;
    End(job, Condition("Complete"));
  });
  Json job = SmokeJob();
  job["spec"]["ttlSecondsAfterFinished"] = 0;
  job["status"] = {{"succeeded", 1}};
  EXPECT_EQ(Run(Smoke(job)).outcome, Outcome::kPassed);
  EXPECT_EQ(made["spec"]["ttlSecondsAfterFinished"], 300);
}

TEST_F(JobCheckTest, AFailureIsExplained) {
  OnNewJob([&](const Json& job) {
    PutPod(job, "smoke-old", {{"phase", "Failed"}, {"containerStatuses", {Terminated("main", 1)}}},
           "2026-01-01T00:00:00Z");
    PutPod(job, "smoke-new",
           {{"phase", "Failed"},
            {"initContainerStatuses", {Terminated("setup", 0)}},
            {"containerStatuses", {Terminated("main", 3), Terminated("sidecar", 0)}}},
           "2026-01-01T00:00:09Z");
    kube_->SetPodLog("shop", "smoke-new", "main", "one\ntwo\n\n\x1b[31mpanic\n");
    End(job, Condition("Failed", "BackoffLimitExceeded", "Job has reached its backoff limit"));
  });
  const CheckResult result = Run(Smoke());
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(
      result.reason,
      AllOf(StartsWith("Job shop/smoke-deadbeef failed: BackoffLimitExceeded: Job has reached its "
                       "backoff limit\npod smoke-new, container main: "),
            HasSubstr("exit code 3"), HasSubstr("\npod smoke-old, container main: "),
            EndsWith("\nLast log lines of container main:\n  one\n  two\n  [31mpanic"),
            Not(HasSubstr("sidecar"))));
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(JobCheckTest, TheLogOfAnInitContainerThatFailed) {
  OnNewJob([&](const Json& job) {
    PutPod(job, "smoke-1",
           {{"phase", "Failed"},
            {"initContainerStatuses", {Terminated("setup", 2)}},
            {"containerStatuses", {Waiting("main", "PodInitializing")}}});
    kube_->SetPodLog("shop", "smoke-1", "setup", "no database\n");
    End(job, Condition("Failed", "BackoffLimitExceeded"));
  });
  EXPECT_THAT(Run(Smoke()).reason,
              AllOf(HasSubstr("failed: BackoffLimitExceeded\npod smoke-1, init container setup: "),
                    EndsWith("\nLast log lines of container setup:\n  no database")));
}

TEST_F(JobCheckTest, ALogThatCannotBeReadIsSaid) {
  OnNewJob([&](const Json& job) {
    PutPod(job, "smoke-1", {{"phase", "Failed"}, {"containerStatuses", {Terminated("main", 1)}}});
    End(job, Condition("Failed", "BackoffLimitExceeded"));
  });
  EXPECT_THAT(Run(Smoke()).reason, HasSubstr("The log of container main cannot be read: "));
}

TEST_F(JobCheckTest, PodsThatAreGoneAreSaid) {
  OnNewJob([&](const Json& job) { End(job, Condition("Failed", "DeadlineExceeded", "too slow")); });
  EXPECT_EQ(Run(Smoke()).reason,
            "Job shop/smoke-deadbeef failed: DeadlineExceeded: too slow\n"
            "There is no pod of it (any more), and so no log.");
}

TEST_F(JobCheckTest, AHangingJobTimesOut) {
  OnNewJob([&](const Json& job) {
    PutPod(job, "smoke-1",
           {{"phase", "Running"},
            {"containerStatuses", {Running("main"), Waiting("sidecar", "ContainerCreating")}}});
    kube_->SetPodLog("shop", "smoke-1", "main", "waiting for a miracle\n");
    clock_.Advance(absl::Minutes(2));
  });
  EXPECT_EQ(Run(Smoke()).reason,
            "Job shop/smoke-deadbeef was not complete within 1m\n"
            "pod smoke-1: Running, container sidecar: ContainerCreating\n"
            "Last log lines of container main:\n"
            "  waiting for a miracle");
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(JobCheckTest, AJobThatGetsNoPodSaysWhy) {
  OnNewJob([&](const Json& job) {
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "Event"},
                {"metadata", {{"name", "e1"}, {"namespace", "shop"}}},
                {"involvedObject", {{"uid", kubernetes::UidOf(job)}}},
                {"type", "Warning"},
                {"reason", "FailedCreate"},
                {"lastTimestamp", "2026-01-01T00:00:00Z"},
                {"message", "exceeded quota: pods"}});
    clock_.Advance(absl::Minutes(2));
  });
  EXPECT_THAT(Run(Smoke()).reason,
              EndsWith("\npods of smoke-deadbeef: FailedCreate: exceeded quota: pods"));
}

TEST_F(JobCheckTest, APodThatCannotStartFailsBeforeTheTimeIsOver) {
  OnNewJob([&](const Json& job) {
    Json waiting = Waiting("main", "ImagePullBackOff");
    waiting["state"]["waiting"]["message"] = "smoke:1 not found";
    PutPod(job, "smoke-1", {{"phase", "Pending"}, {"containerStatuses", {waiting}}});
  });
  EXPECT_EQ(Run(Smoke()).reason,
            "Job shop/smoke-deadbeef has a pod that cannot start\n"
            "pod smoke-1, container main: ImagePullBackOff: smoke:1 not found");
  EXPECT_EQ(clock_.Now(), start_);
}

// Whether to try again is what backoffLimit says.
TEST_F(JobCheckTest, APodThatCrashesIsLeftToTheJob) {
  OnNewJob([&](const Json& job) {
    PutPod(job, "smoke-1",
           {{"phase", "Running"}, {"containerStatuses", {Waiting("main", "CrashLoopBackOff")}}});
  });
  std::thread controller([&] {
    EXPECT_TRUE(Eventually([&] { return kube_->open_watches() == 2; }));
    kube_->SetStatus(Ref(), StatusWith(Condition("Complete")));
  });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  controller.join();
}

TEST_F(JobCheckTest, ADeletedJobFails) {
  OnNewJob([&](const Json& job) { kube_->Remove(kubernetes::RefOf(job)); });
  EXPECT_EQ(Run(Smoke()).reason,
            "Job shop/smoke-deadbeef was deleted by somebody before it was complete");
}

TEST_F(JobCheckTest, AJobThatWasReplacedIsNotTheSame) {
  int jobs = 0;
  OnNewJob([&](const Json& job) {
    if (++jobs > 1) return End(job, Condition("Complete"));
    kube_->Remove(kubernetes::RefOf(job));
    handled_.clear();
    Json other = job;
    other["metadata"] = {{"name", kName}, {"namespace", "shop"}};
    End(kube_->Put(other), Condition("Complete"));
  });
  EXPECT_THAT(Run(Smoke()).reason, HasSubstr("was deleted by somebody"));
  EXPECT_EQ(Jobs().size(), 1);  // not ours
}

TEST_F(JobCheckTest, IsContinuedByTheSameRun) {
  kube_->AddFault({.method = "DELETE", .times = 100, .status = 403, .reason = "Forbidden"});
  OnNewJob([&](const Json& job) { End(job, Condition("Complete")); });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  EXPECT_EQ(Jobs().size(), 1);  // as a killed provider leaves it
  kube_->ClearFaults();
  kube_->ForgetRequests();
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  EXPECT_THAT(JobWrites(), ElementsAre("POST 409", "DELETE 200"));
}

TEST_F(JobCheckTest, IsWaitedForWhenItWasContinued) {
  kube_->AddFault({.method = "DELETE", .times = 100, .status = 403, .reason = "Forbidden"});
  OnNewJob([&](const Json&) { clock_.Advance(absl::Minutes(2)); });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kFailed);
  kube_->ClearFaults();
  std::thread controller([&] {
    EXPECT_TRUE(Eventually([&] { return kube_->open_watches() == 2; }));
    kube_->SetStatus(Ref(), StatusWith(Condition("Complete")));
  });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  controller.join();
}

TEST_F(JobCheckTest, TheVerdictOfAnEarlierPhaseDoesNotCount) {
  kube_->AddFault({.method = "DELETE", .times = 100, .status = 403, .reason = "Forbidden"});
  OnNewJob([&](const Json& job) { End(job, Condition("Complete")); });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  kube_->ClearFaults();
  kube_->ForgetRequests();
  phase_ = "step 2";
  OnNewJob([&](const Json& job) { End(job, Condition("Failed", "BackoffLimitExceeded")); });
  EXPECT_THAT(Run(Smoke()).reason, HasSubstr("failed: BackoffLimitExceeded"));
  EXPECT_THAT(JobWrites(), ElementsAre("POST 409", "DELETE 200", "POST 201", "DELETE 200"));
}

TEST_F(JobCheckTest, AJobThatIsGoingIsWaitedFor) {
  Json old = SmokeJob();
  old["metadata"] = {
      {"name", kName}, {"namespace", "shop"}, {"finalizers", {"foregroundDeletion"}}};
  kube_->Put(old);
  kube_->Remove(Ref());
  OnNewJob([&](const Json& job) {
    if (!kubernetes::IsBeingDeleted(job)) End(job, Condition("Complete"));
  });
  kube_->RunController();
  std::thread collector([&] {
    EXPECT_TRUE(Eventually([&] { return clock_.Now() > start_ + absl::Seconds(2); }));
    kube_->Change(Ref(), [](Json& job) { job["metadata"].erase("finalizers"); });
  });
  Check check = Smoke();
  check.timeout = absl::Hours(1000);  // simulated ones go by quickly
  EXPECT_EQ(Run(check).outcome, Outcome::kPassed);
  collector.join();
}

TEST_F(JobCheckTest, AJobOfSomebodyElseIsLeftAlone) {
  Json other = SmokeJob();
  other["metadata"] = {{"name", kName}, {"namespace", "shop"}};
  kube_->Put(other);
  EXPECT_THAT(Run(Smoke()).reason,
              HasSubstr("Job shop/smoke-deadbeef exists already, and this check of this run did "
                        "not make it"));
  EXPECT_EQ(Jobs().size(), 1);
  EXPECT_THAT(JobWrites(), ElementsAre("POST 409"));
}

TEST_F(JobCheckTest, ARefusedJobFails) {
  kube_->Deny({.verb = "create", .resource = "jobs"});
  EXPECT_THAT(Run(Smoke()).reason,
              MatchesRegex("Job shop/smoke-deadbeef cannot be created: .*forbidden.*"));
  EXPECT_THAT(JobWrites(), ElementsAre("POST 403"));
}

TEST_F(JobCheckTest, AJobThatMayNotBeWatchedFails) {
  kube_->Deny({.verb = "list", .resource = "jobs"});
  EXPECT_THAT(Run(Smoke()).reason, HasSubstr("smoke-deadbeef cannot be watched: "));
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(JobCheckTest, ACreationWhoseAnswerWasLostIsContinued) {
  kube_->AddFault({.kind = KubeFault::Kind::kCutAfter, .method = "POST"});
  OnNewJob([&](const Json& job) { End(job, Condition("Complete")); });
  EXPECT_EQ(Run(Smoke()).outcome, Outcome::kPassed);
  EXPECT_THAT(JobWrites(), ElementsAre("POST 0", "POST 409", "DELETE 200"));
}

TEST_F(JobCheckTest, ACreationThatNeverSucceedsTimesOut) {
  kube_->AddFault({.method = "POST", .path_part = "jobs", .times = 1000, .status = 500});
  EXPECT_THAT(Run(Smoke()).reason,
              StartsWith("Job shop/smoke-deadbeef could not be created within 1m: "));
}

TEST_F(JobCheckTest, TheNamespaceIsThatOfTheWorkload) {
  Json job = SmokeJob();
  job["metadata"]["namespace"] = "other";
  EXPECT_THAT(Run(Smoke(job)).reason, HasSubstr("names the namespace other"));
  EXPECT_THAT(JobWrites(), IsEmpty());
  OnNewJob([&](const Json& made) { End(made, Condition("Complete")); });
  job["metadata"]["namespace"] = "shop";
  EXPECT_EQ(Run(Smoke(job)).outcome, Outcome::kPassed);
}

TEST_F(JobCheckTest, WhatIsNoJobFails) {
  EXPECT_THAT(Run(Smoke(Json::object())).reason, HasSubstr("must be a batch/v1 Job"));
}

TEST_F(JobCheckTest, ACancelledJobIsRemoved) {
  CheckResult result;
  const auto took = StopDuring(
      RealTimeContext(), Smoke(), [&] { return kube_->open_watches() == 2; }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_LT(took.count(), 1000);
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(JobCheckTest, ACancellationDoesNotWaitForTheRemoval) {
  kube_->AddFault(
      {.kind = KubeFault::Kind::kDelay, .method = "DELETE", .delay = absl::Seconds(30)});
  CheckResult result;
  const auto took = StopDuring(
      RealTimeContext(), Smoke(), [&] { return kube_->open_watches() == 2; }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_LT(took.count(), 1000);
}

TEST_F(JobCheckTest, AJobIsRemovedWhoseCreationWasCancelled) {
  kube_->AddFault(
      {.kind = KubeFault::Kind::kCutAfter, .method = "POST", .path_part = "jobs", .times = 100});
  CheckResult result;
  StopDuring(
      RealTimeContext(), Smoke(), [&] { return Jobs().size() == 1; }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_THAT(Jobs(), IsEmpty());
}

}  // namespace
}  // namespace delivery::checks
