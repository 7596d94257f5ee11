#include "provider/runner/rollout_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using engine::ApplyWorkload;
using engine::Observation;
using engine::Version;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KubeFault;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kRevision[] = "deployment.kubernetes.io/revision";

constexpr char kWebhookIsDown[] =
    "Internal error occurred: failed calling webhook \"policy.example.com\": connection refused";

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// The status of a Deployment of two replicas, `generation` of which rolled out.
Json CompleteStatus(int generation) {
  return {{"observedGeneration", generation},
          {"replicas", 2},
          {"updatedReplicas", 2},
          {"readyReplicas", 2},
          {"availableReplicas", 2}};
}

// The same in the middle of a rollout.
Json PartialStatus(int generation) {
  Json status = CompleteStatus(generation);
  status["replicas"] = 3;
  status["updatedReplicas"] = 1;
  return status;
}

class RolloutPortTest : public RunnerFixture {
 protected:
  // The workload as a release finds it: revision 2, of which a ReplicaSet exists.
  void PutWeb(Json status) {
    Json web = Manifest(kOld);
    web["metadata"]["annotations"] = {{kRevision, "2"}};
    web["status"] = std::move(status);
    web_uid_ = kubernetes::UidOf(kube_->Put(web));
    PutReplicaSet("web-old", "1");
    new_set_uid_ = PutReplicaSet("web-new", "2");
  }
  static Json OwnedBy(const char* kind, const std::string& name, const std::string& uid) {
    return Json::array({{{"apiVersion", "apps/v1"},
                         {"kind", kind},
                         {"name", name},
                         {"uid", uid},
                         {"controller", true}}});
  }
  std::string PutReplicaSet(const std::string& name, const std::string& revision,
                            Json status = Json::object()) {
    return kubernetes::UidOf(
        kube_->Put({{"apiVersion", "apps/v1"},
                    {"kind", "ReplicaSet"},
                    {"metadata",
                     {{"name", name},
                      {"namespace", "shop"},
                      {"labels", {{"app", "web"}}},
                      {"annotations", {{kRevision, revision}}},
                      {"ownerReferences", OwnedBy("Deployment", "web", web_uid_)}}},
                    {"status", std::move(status)}}));
  }
  // A pod of the ReplicaSet of that uid. Returns its own.
  std::string PutPod(const std::string& name, const std::string& owner_uid, Json status) {
    return kubernetes::UidOf(
        kube_->Put({{"apiVersion", "v1"},
                    {"kind", "Pod"},
                    {"metadata",
                     {{"name", name},
                      {"namespace", "shop"},
                      {"labels", {{"app", "web"}}},
                      {"ownerReferences", OwnedBy("ReplicaSet", "web-new", owner_uid)}}},
                    {"spec", {{"containers", Json::array({{{"name", "web"}}})}}},
                    {"status", std::move(status)}}));
  }
  Json Unschedulable(absl::Duration since) {
    return {
        {"phase", "Pending"},
        {"conditions", Json::array({{{"type", "PodScheduled"},
                                     {"status", "False"},
                                     {"reason", "Unschedulable"},
                                     {"message", "0/3 nodes are available"},
                                     {"lastTransitionTime", TimeText(clock_.Now() - since)}}})}};
  }
  void PutEvent(const std::string& name, const std::string& about_uid, const std::string& reason,
                const std::string& message) {
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "Event"},
                {"metadata", {{"name", name}, {"namespace", "shop"}}},
                {"involvedObject", {{"uid", about_uid}}},
                {"type", "Warning"},
                {"reason", reason},
                {"message", message},
                {"lastTimestamp", TimeText(clock_.Now())}});
  }

  RolloutTarget Target() {
    return {.ref = Web(), .new_version = Write(kNew), .previous_version = Write(kOld)};
  }
  RolloutPort& Make(RolloutTarget target) {
    port_ = std::make_unique<RolloutPort>(
        api(), clock_, std::move(target),
        [this](const kubernetes::ApplyResult& result) {
          written_.push_back(kubernetes::ImagesOf(result.object)["web"]);
        },
        hard_stop_.get_token());
    return *port_;
  }
  // With all watches open, so that what changes from then on is told at once (Settle).
  void Open(const RolloutTarget& target) {
    const absl::Status opened = Make(target).Open(NoStop());
    ASSERT_TRUE(opened.ok()) << opened;
    const int watches = target.ref.kind == "StatefulSet" ? 2 : 3;
    ASSERT_TRUE(Eventually([&] { return kube_->open_watches() == watches; }));
  }
  void Open() { Open(Target()); }
  // The open watches have told everything so far: the server's thread does that before it answers.
  void Settle() { static_cast<void>(api().Get(Web(), NoStop())); }
  Observation Observe() { return port_->Observe({}); }
  // What is seen once `wanted` holds, or at last.
  Observation ObserveUntil(const std::function<bool(const Observation&)>& wanted) {
    Observation seen;
    EXPECT_TRUE(Eventually([&] {
      seen = Observe();
      return wanted(seen);
    })) << "last seen: "
        << seen.progress_mark;
    return seen;
  }

  std::stop_source hard_stop_;
  std::string web_uid_;
  std::string new_set_uid_;
  std::vector<std::string> written_;  // images, as on_written was told
  std::unique_ptr<RolloutPort> port_;
};

// What Open needs.

TEST_F(RolloutPortTest, WhatMayNotBeWatchedIsAnErrorBeforeTheFirstWrite) {
  for (const char* resource : {"deployments", "replicasets", "pods"}) {
    SCOPED_TRACE(resource);
    kube_->Deny({.verb = "list", .resource = resource});
    const absl::Status refused = Make(Target()).Open(NoStop());
    EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(resource));
    kube_->AllowAll();
  }
}

TEST_F(RolloutPortTest, ServerThatDoesNotAnswerIsGivenUpBeforeTheFirstWrite) {
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 1'000'000});
  const std::jthread time = PassTime(
      absl::Minutes(1), [this] { return !kube_->requests().empty(); }, [] { return true; });
  const absl::Status failed = Make(Target()).Open(NoStop());
  EXPECT_TRUE(absl::IsUnavailable(failed)) << failed;
}

TEST_F(RolloutPortTest, StopEndsTheWaitForTheFirstLists) {
  kube_->AddFault({.kind = KubeFault::Kind::kDelay, .times = 100, .delay = absl::Minutes(1)});
  std::stop_source stop;
  const std::jthread stopper([&] {
    Eventually([&] { return !kube_->requests().empty(); });
    stop.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(Make(Target()).Open(stop.get_token())));
}

TEST_F(RolloutPortTest, StatefulSetNeedsNoReplicaSets) {
  kube_->Deny({.resource = "replicasets"});
  kube_->Deny({.resource = "controllerrevisions"});
  RolloutTarget target = Target();
  target.ref.kind = "StatefulSet";
  EXPECT_TRUE(Make(target).Open(NoStop()).ok());
}

// Where a rollout stands.

struct ProgressCase {
  const char* name;
  int replicas;
  Json status;
  bool observed;
  bool complete;
  const char* mark;
};

class RolloutProgressTest : public RolloutPortTest,
                            public ::testing::WithParamInterface<ProgressCase> {};

TEST_P(RolloutProgressTest, IsJudgedAsKubectlDoes) {
  PutWeb(GetParam().status);
  kube_->Change(
      Web(), [](Json& web) { web["spec"]["replicas"] = GetParam().replicas; }, "kubectl");
  Open();
  const Observation seen = Observe();
  EXPECT_TRUE(seen.exists);
  EXPECT_FALSE(seen.unreachable);
  EXPECT_EQ(seen.observed, GetParam().observed);
  EXPECT_EQ(seen.complete, GetParam().complete);
  EXPECT_FALSE(seen.deadline_exceeded);
  EXPECT_FALSE(seen.failure.has_value());
  EXPECT_THAT(seen.progress_mark, HasSubstr(GetParam().mark));
}

Json Counts(int observed_generation, int total, int updated, int available) {
  return {{"observedGeneration", observed_generation},
          {"replicas", total},
          {"updatedReplicas", updated},
          {"availableReplicas", available}};
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, RolloutProgressTest,
    ::testing::Values(
        ProgressCase{"Complete", 2, Counts(1, 2, 2, 2), true, true, "successfully rolled out"},
        ProgressCase{"CompleteWithoutReplicas", 0, Counts(2, 0, 0, 0), true, true,
                     "successfully rolled out"},
        ProgressCase{"NotObserved", 2, Counts(0, 2, 2, 2), false, false,
                     "waiting for the controller"},
        ProgressCase{"NoStatus", 2, Json::object(), false, false, "waiting for the controller"},
        ProgressCase{"NotAllUpdated", 2, Counts(1, 3, 1, 2), true, false,
                     "1 out of 2 new replicas have been updated (1 of 2 updated, 2 available)"},
        ProgressCase{"OldOnesLeft", 2, Counts(1, 3, 2, 2), true, false,
                     "1 old replicas are pending termination"},
        ProgressCase{"NotAllAvailable", 2, Counts(1, 2, 2, 1), true, false,
                     "1 of 2 updated replicas are available"}),
    [](const auto& test) { return test.param.name; });

Json TimedOut(const char* time) {
  return {{"type", "Progressing"},
          {"status", "False"},
          {"reason", "ProgressDeadlineExceeded"},
          {"lastUpdateTime", time},
          {"message", "ReplicaSet \"web-new\" has timed out"}};
}

TEST_F(RolloutPortTest, DeadlineOfTheManifestIsSeen) {
  Json status = PartialStatus(1);
  status["conditions"] = Json::array({TimedOut("2026-02-03T04:05:06Z")});
  PutWeb(status);
  RolloutTarget target = Target();
  target.new_version.manifest["spec"]["progressDeadlineSeconds"] = 60;
  Open(target);
  const Observation seen = Observe();
  EXPECT_TRUE(seen.deadline_exceeded);
  EXPECT_FALSE(seen.complete);
  EXPECT_THAT(seen.progress_mark, HasSubstr("web-new\" has timed out"));
}

// It would cut a longer progress_deadline short.
TEST_F(RolloutPortTest, DeadlineThatTheManifestDoesNotAskForDoesNotCount) {
  Json status = PartialStatus(1);
  status["conditions"] = Json::array({TimedOut("2026-02-03T04:05:06Z")});
  PutWeb(status);
  Open();
  EXPECT_FALSE(Observe().deadline_exceeded);
}

// The controller leaves its verdict where it is until something progresses.
TEST_F(RolloutPortTest, VerdictOnWhatRanBeforeDoesNotCount) {
  RolloutTarget target = Target();
  target.new_version.manifest["spec"]["progressDeadlineSeconds"] = 60;
  target.new_version.force = true;
  Json status = PartialStatus(1);
  status["conditions"] = Json::array({TimedOut("2026-02-03T04:05:06Z")});
  PutWeb(status);
  Open(target);
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  const auto set_condition = [&](const char* time) {
    Json now = PartialStatus(1);
    now["observedGeneration"] = kubernetes::GenerationOf(Live(Web()));
    now["conditions"] = Json::array({TimedOut(time)});
    kube_->SetStatus(Web(), now);
    Settle();
  };
  set_condition("2026-02-03T04:05:06Z");
  EXPECT_FALSE(Observe().deadline_exceeded);
  set_condition("2026-02-03T04:07:08Z");
  EXPECT_TRUE(Observe().deadline_exceeded);
}

TEST_F(RolloutPortTest, WorkloadThatIsNotThereDoesNotExist) {
  Open();
  EXPECT_FALSE(Observe().exists);
  EXPECT_FALSE(Observe().complete);
}

TEST_F(RolloutPortTest, WhatWasCompleteBeforeTheWriteDoesNotCount) {
  PutWeb(CompleteStatus(1));
  WorkloadWrite write = Write(kNew);
  write.force = true;
  RolloutTarget target = Target();
  target.new_version = write;
  Open(target);
  ASSERT_TRUE(Observe().complete);
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  EXPECT_FALSE(Observe().complete);
  kube_->SetStatus(Web(), PartialStatus(2));
  ObserveUntil([](const Observation& seen) { return seen.observed && !seen.complete; });
  kube_->SetStatus(Web(), CompleteStatus(2));
  ObserveUntil([](const Observation& seen) { return seen.complete; });
}

TEST_F(RolloutPortTest, WriteThatChangesNothingIsCompleteAtOnce) {
  ASSERT_TRUE(WriteWorkload(api(), Write(kNew), WriteMode::kWrite, NoStop()).ok());
  kube_->SetStatus(Web(), CompleteStatus(1));
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  EXPECT_TRUE(Observe().complete);
}

TEST_F(RolloutPortTest, ProgressMarkChangesWithEachStep) {
  PutWeb(PartialStatus(1));
  Open();
  const std::string before = Observe().progress_mark;
  kube_->Change(Web(), [](Json& web) { web["status"]["availableReplicas"] = 1; });
  ObserveUntil([&](const Observation& seen) { return seen.progress_mark != before; });
}

TEST_F(RolloutPortTest, CreatedWorkloadExistsBeforeTheWatchTells) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  EXPECT_TRUE(Observe().exists);
  EXPECT_FALSE(Observe().complete);
}

TEST_F(RolloutPortTest, WorkloadThatSomebodyDeletesIsGone) {
  PutWeb(PartialStatus(1));
  Open();
  kube_->Remove(Web());
  ObserveUntil([](const Observation& seen) { return !seen.exists; });
}

TEST_F(RolloutPortTest, CreatedWorkloadThatSomebodyDeletesIsGone) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  ObserveUntil([](const Observation& seen) { return seen.progress_mark != "not seen yet"; });
  kube_->Remove(Web());
  ObserveUntil([](const Observation& seen) { return !seen.exists; });
}

TEST_F(RolloutPortTest, WorkloadThatSomebodyMadeAnewIsNotWhatWasWritten) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  kube_->Remove(Web());
  kube_->Put(Manifest(kNew));
  kube_->SetStatus(Web(), CompleteStatus(1));
  Settle();
  EXPECT_FALSE(Observe().exists);
  EXPECT_FALSE(Observe().complete);
}

// The watch still tells of the old one when the new one is written.
TEST_F(RolloutPortTest, WorkloadThatIsWrittenAfterSomebodyDeletedItExists) {
  PutWeb(CompleteStatus(1));
  Open();
  // The watch comes back when all is over.
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .watches_only = true, .times = 2});
  kube_->CutWatches();
  kube_->Remove(Web());
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  EXPECT_TRUE(Observe().exists);
  EXPECT_FALSE(Observe().complete);
}

// Why a rollout fails.

TEST_F(RolloutPortTest, CrashLoopIsReportedWithExitCodeLogAndEvents) {
  PutWeb(PartialStatus(1));
  const std::string pod = PutPod("web-new-1", new_set_uid_, PodStatusWith(CrashedContainer(3, 2)));
  kube_->SetPodLog("shop", "web-new-1", "web", "connecting\npanic: no database\n", true);
  PutEvent("a", pod, "BackOff", "Back-off restarting failed container");
  Open();
  const Observation seen = Observe();
  ASSERT_TRUE(seen.failure.has_value());
  EXPECT_EQ(*seen.failure,
            "pod web-new-1, container web: CrashLoopBackOff: exit code 3, 2 restarts\n"
            "Last log lines:\n"
            "  connecting\n"
            "  panic: no database\n"
            "Last events:\n"
            "  Warning BackOff: Back-off restarting failed container");
}

struct PodCase {
  const char* name;
  Json status;
  const char* failure;  // how it begins; null for none
};

class RolloutPodTest : public RolloutPortTest, public ::testing::WithParamInterface<PodCase> {};

TEST_P(RolloutPodTest, FailsTheRolloutWhenWaitingDoesNotHelp) {
  PutWeb(PartialStatus(1));
  PutPod("web-new-1", new_set_uid_, GetParam().status);
  Open();
  const Observation seen = Observe();
  if (GetParam().failure == nullptr) {
    EXPECT_FALSE(seen.failure.has_value()) << *seen.failure;
  } else {
    ASSERT_TRUE(seen.failure.has_value());
    EXPECT_THAT(*seen.failure, StartsWith(GetParam().failure));
  }
}

Json InitFailure() {
  Json status = {{"phase", "Pending"},
                 {"initContainerStatuses", Json::array({CrashedContainer(1, 4)})}};
  status["initContainerStatuses"][0]["name"] = "migrate";
  return status;
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, RolloutPodTest,
    ::testing::Values(
        PodCase{
            "ImagePullBackOff",
            PodStatusWith(WaitingContainer("ImagePullBackOff",
                                           "Back-off pulling image: not found")),
            "pod web-new-1, container web: ImagePullBackOff: Back-off pulling image: not found"},
        PodCase{"FirstImagePullError", PodStatusWith(WaitingContainer("ErrImagePull", "not found")),
                nullptr},
        PodCase{"RegistryThatIsBusy",
                PodStatusWith(WaitingContainer("ImagePullBackOff", "429 Too Many Requests")),
                nullptr},
        PodCase{
            "MissingSecret",
            PodStatusWith(WaitingContainer("CreateContainerConfigError",
                                           "secret \"db\" not found")),
            "pod web-new-1, container web: CreateContainerConfigError: secret \"db\" not found"},
        PodCase{"InvalidImageName",
                PodStatusWith(WaitingContainer("InvalidImageName", "invalid reference format")),
                "pod web-new-1, container web: InvalidImageName"},
        PodCase{"InitContainer", InitFailure(),
                "pod web-new-1, init container migrate: CrashLoopBackOff: exit code 1, 4 restarts"},
        PodCase{"Starting", PodStatusWith(WaitingContainer("ContainerCreating", "")), nullptr},
        PodCase{"NoStatus", Json::object(), nullptr}),
    [](const auto& test) { return test.param.name; });

TEST_F(RolloutPortTest, UnschedulablePodFailsAfterTheScheduleTimeout) {
  PutWeb(PartialStatus(1));
  const std::string pod = PutPod("web-new-1", new_set_uid_, Unschedulable(absl::Seconds(40)));
  PutEvent("a", pod, "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu");
  RolloutTarget target = Target();
  target.schedule_timeout = absl::Seconds(60);
  Open(target);
  EXPECT_FALSE(Observe().failure.has_value());
  // Nothing changes in the cluster: time alone makes it a failure.
  clock_.Advance(absl::Seconds(20));
  EXPECT_EQ(Observe().failure,
            "pod web-new-1: Unschedulable: 0/3 nodes are available\n"
            "Last events:\n"
            "  Warning FailedScheduling: 0/3 nodes are available: 3 Insufficient cpu");
}

TEST_F(RolloutPortTest, PodsThatCannotBeCreatedFailTheRollout) {
  PutWeb(PartialStatus(1));
  kube_->SetStatus({"apps/v1", "ReplicaSet", "shop", "web-new"},
                   {{"conditions", Json::array({{{"type", "ReplicaFailure"},
                                                 {"status", "True"},
                                                 {"reason", "FailedCreate"},
                                                 {"message", "exceeded quota: pods"}}})}});
  PutEvent("a", new_set_uid_, "FailedCreate", "Error creating: exceeded quota");
  Open();
  EXPECT_EQ(Observe().failure,
            "pods of web-new: FailedCreate: exceeded quota: pods\n"
            "Last events:\n"
            "  Warning FailedCreate: Error creating: exceeded quota");
}

TEST_F(RolloutPortTest, PodsThatCannotBeCreatedForAMomentFailTheRolloutWhenItLasts) {
  PutWeb(PartialStatus(1));
  PutPod("web-new-1", new_set_uid_, {{"phase", "Running"}});
  kube_->SetStatus({"apps/v1", "ReplicaSet", "shop", "web-new"},
                   {{"conditions", Json::array({{{"type", "ReplicaFailure"},
                                                 {"status", "True"},
                                                 {"reason", "FailedCreate"},
                                                 {"message", kWebhookIsDown}}})}});
  Open();
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Seconds(29));
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Observe().failure.value_or(""), HasSubstr("failed calling webhook"));
}

TEST_F(RolloutPortTest, PassingFailureCountsOnlyWhenItLasts) {
  PutWeb(PartialStatus(1));
  PutPod("web-new-1", new_set_uid_,
         PodStatusWith(WaitingContainer("CreateContainerError", "context deadline exceeded")));
  Open();
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Seconds(29));
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Observe().failure.value_or(""), HasSubstr("CreateContainerError"));
}

TEST_F(RolloutPortTest, PassingFailureThatPassedDoesNotCountTheNextTime) {
  PutWeb(PartialStatus(1));
  const Json failing =
      PodStatusWith(WaitingContainer("CreateContainerError", "context deadline exceeded"));
  const kubernetes::ObjectRef pod = {"v1", "Pod", "shop", "web-new-1"};
  PutPod("web-new-1", new_set_uid_, failing);
  Open();
  EXPECT_FALSE(Observe().failure.has_value());
  kube_->SetStatus(pod, {{"phase", "Running"}});
  Settle();
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Minutes(2));
  kube_->SetStatus(pod, failing);
  Settle();
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Observe().failure.has_value());
}

TEST_F(RolloutPortTest, PassingFailureStartsAnewWithEachWrite) {
  PutWeb(PartialStatus(1));
  PutPod("web-new-1", new_set_uid_,
         PodStatusWith(WaitingContainer("CreateContainerError", "context deadline exceeded")));
  RolloutTarget target = Target();
  target.new_version.force = true;
  Open(target);
  EXPECT_FALSE(Observe().failure.has_value());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  kube_->SetStatus(Web(), PartialStatus(2));
  ObserveUntil([](const Observation& seen) { return seen.observed; });
  EXPECT_FALSE(Observe().failure.has_value());
}

TEST_F(RolloutPortTest, PodsOfOtherVersionsAndOwnersDoNotFailIt) {
  const Json crashed = PodStatusWith(CrashedContainer(1, 3));
  PutWeb(PartialStatus(1));
  PutPod("web-old-1", kubernetes::UidOf(Live({"apps/v1", "ReplicaSet", "shop", "web-old"})),
         crashed);
  PutPod("web-new-going", new_set_uid_, crashed);
  kube_->Change({"v1", "Pod", "shop", "web-new-going"},
                [](Json& pod) { pod["metadata"]["finalizers"] = {"example.com/keep"}; });
  kube_->Remove({"v1", "Pod", "shop", "web-new-going"});
  PutPod("unrelated", "another-uid", crashed);
  Open();
  const Observation seen = Observe();
  EXPECT_FALSE(seen.failure.has_value()) << *seen.failure;
}

TEST_F(RolloutPortTest, FailuresAreNotLookedForWhereTheyMeanNothing) {
  const Json crashed = PodStatusWith(CrashedContainer(1, 3));
  PutWeb(CompleteStatus(1));
  PutPod("web-new-1", new_set_uid_, crashed);
  Open();
  EXPECT_FALSE(Observe().failure.has_value()) << "complete";
  kube_->SetStatus(Web(), PartialStatus(0));
  ObserveUntil([](const Observation& seen) { return !seen.observed; });
  EXPECT_FALSE(Observe().failure.has_value()) << "not observed";
  kube_->SetStatus(Web(), PartialStatus(1));
  kube_->Change(Web(), [](Json& web) { web["metadata"]["annotations"][kRevision] = "3"; });
  Settle();
  EXPECT_FALSE(Observe().failure.has_value()) << "the ReplicaSet of the new revision is not there";
}

// When watches break.

TEST_F(RolloutPortTest, OutageIsToldFromWhatIsSeen) {
  PutWeb(PartialStatus(1));
  Open();
  EXPECT_FALSE(Observe().unreachable);
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 1'000'000});
  kube_->CutWatches();
  const Observation seen = ObserveUntil([](const Observation& now) { return now.unreachable; });
  // The last that was known is kept.
  EXPECT_TRUE(seen.exists);
  kube_->ClearFaults();
  ObserveUntil([](const Observation& now) { return !now.unreachable; });
}

TEST_F(RolloutPortTest, WatchesThatAreCutGoOnWithoutALoss) {
  PutWeb(PartialStatus(1));
  Open();
  for (int available = 0; available < 3; ++available) {
    kube_->CutWatches();
    kube_->Change(Web(), [&](Json& web) { web["status"]["availableReplicas"] = available; });
    ObserveUntil([&](const Observation& seen) {
      return absl::StrContains(seen.progress_mark, absl::StrCat(" ", available, " available"));
    });
    EXPECT_FALSE(Observe().unreachable);
  }
}

TEST_F(RolloutPortTest, WatchesThatExpireListAgain) {
  PutWeb(PartialStatus(1));
  PutPod("web-new-1", new_set_uid_, PodStatusWith(CrashedContainer(1, 3)));
  Open();
  ASSERT_TRUE(Observe().failure.has_value());
  // While nobody watches, the pod goes and the history with it.
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 3});
  kube_->CutWatches();
  kube_->Remove({"v1", "Pod", "shop", "web-new-1"});
  kube_->ExpireHistory();
  ObserveUntil([](const Observation& seen) { return !seen.failure && !seen.unreachable; });
}

TEST_F(RolloutPortTest, WaitEndsWithAChange) {
  PutWeb(PartialStatus(1));
  Open();
  Observe();
  const std::jthread changer([this] { kube_->SetStatus(Web(), CompleteStatus(1)); });
  // By this clock the wait would last for an hour.
  clock_.Advance(absl::Hours(2));
  port_->WaitForChange(absl::InfiniteFuture(), NoStop());
  ObserveUntil([](const Observation& seen) { return seen.complete; });
}

TEST_F(RolloutPortTest, ChangeBetweenLookAndWaitIsNotSleptThrough) {
  PutWeb(PartialStatus(1));
  Open();
  Observe();
  kube_->SetStatus(Web(), CompleteStatus(1));
  Settle();
  clock_.Advance(absl::Hours(2));
  port_->WaitForChange(absl::InfiniteFuture(), NoStop());
  EXPECT_TRUE(Observe().complete);
}

TEST_F(RolloutPortTest, WaitEndsAtAStop) {
  PutWeb(PartialStatus(1));
  Open();
  Observe();
  std::stop_source stop;
  const std::jthread stopper([&] { stop.request_stop(); });
  clock_.Advance(absl::Hours(2));
  port_->WaitForChange(absl::InfiniteFuture(), stop.get_token());
  EXPECT_TRUE(stop.stop_requested());
}

// What it writes.

TEST_F(RolloutPortTest, WritesTheVersionThatIsAskedFor) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{Version::kNew}).ok());
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(port_->last_version(), Version::kNew);
  ASSERT_TRUE(port_->Execute(ApplyWorkload{Version::kPrevious}).ok());
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(port_->last_version(), Version::kPrevious);
  EXPECT_EQ(kubernetes::ImagesOf(port_->last_write()->object)["web"], kOld);
  EXPECT_THAT(written_, ElementsAre(kNew, kOld));
}

TEST_F(RolloutPortTest, HaltedIsPausedUntilTheNextWrite) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{Version::kNew, true}).ok());
  EXPECT_EQ(Live(Web())["spec"]["paused"], true);
  EXPECT_EQ(LiveImage(), kNew);
  ASSERT_TRUE(port_->Execute(ApplyWorkload{Version::kNew, false}).ok());
  EXPECT_FALSE(Live(Web())["spec"].contains("paused"));
}

TEST_F(RolloutPortTest, WithoutAPreviousVersionNothingIsWritten) {
  RolloutTarget target = Target();
  target.previous_version.reset();
  Open(target);
  const absl::Status status = port_->Execute(ApplyWorkload{Version::kPrevious});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RolloutPortTest, RefusedWriteIsNoWrite) {
  Open();
  kube_->Deny({.verb = "patch", .resource = "deployments"});
  EXPECT_TRUE(absl::IsPermissionDenied(port_->Execute(ApplyWorkload{})));
  EXPECT_FALSE(port_->last_write().has_value());
  EXPECT_FALSE(port_->last_version().has_value());
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(RolloutPortTest, HardStopEndsAWriteThatHangs) {
  Open();
  kube_->AddFault({.kind = KubeFault::Kind::kDelay, .method = "PATCH", .delay = absl::Minutes(1)});
  const std::jthread stopper([this] {
    Eventually([&] { return !kube_->writes().empty(); });
    hard_stop_.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(port_->Execute(ApplyWorkload{})));
}

TEST_F(RolloutPortTest, DeletedWorkloadIsAwaitedUntilItIsGone) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  kube_->Change(Web(), [](Json& web) { web["metadata"]["finalizers"] = {"foregroundDeletion"}; });
  ASSERT_TRUE(port_->Execute(engine::DeleteWorkload{}).ok());
  EXPECT_THAT(kube_->writes().back().request.body, HasSubstr("\"Foreground\""));
  Settle();
  EXPECT_TRUE(Observe().exists);
  kube_->Change(Web(), [](Json& web) { web["metadata"].erase("finalizers"); });
  ObserveUntil([](const Observation& seen) { return !seen.exists; });
  EXPECT_TRUE(port_->Execute(engine::DeleteWorkload{}).ok()) << "nothing to delete is no error";
}

TEST_F(RolloutPortTest, DeletedWorkloadIsAwaitedThoughNoWatchTellsOfIt) {
  Open();
  kube_->AddFault(
      {.kind = KubeFault::Kind::kUnconnected, .watches_only = true, .times = 1'000'000});
  kube_->CutWatches();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  kube_->Change(Web(), [](Json& web) { web["metadata"]["finalizers"] = {"foregroundDeletion"}; });
  ASSERT_TRUE(port_->Execute(engine::DeleteWorkload{}).ok());
  EXPECT_TRUE(Observe().exists);
  kube_->Change(Web(), [](Json& web) { web["metadata"].erase("finalizers"); });
  EXPECT_FALSE(Observe().exists);
}

TEST_F(RolloutPortTest, DeletedWorkloadIsGoneWhateverSomebodyMakesInItsPlace) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  ASSERT_TRUE(port_->Execute(engine::DeleteWorkload{}).ok());
  kube_->Put(Manifest(kOld));
  Settle();
  EXPECT_FALSE(Observe().exists);
}

TEST_F(RolloutPortTest, WorkloadThatSomebodyMadeInPlaceOfOursIsNotDeleted) {
  Open();
  ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
  kube_->Remove(Web());
  kube_->Put(Manifest(kOld));
  Settle();
  // Ours is gone, which is what was wanted.
  EXPECT_TRUE(port_->Execute(engine::DeleteWorkload{}).ok());
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_FALSE(Observe().exists);
}

// The other kinds, whose pods belong to the workload itself.

class OtherKindsTest : public RolloutPortTest {
 protected:
  kubernetes::ObjectRef Ref(const char* kind) const { return {"apps/v1", kind, "shop", "web"}; }
  // In the middle of a rollout to revision web-2.
  void PutWorkload(const char* kind) {
    Json workload = Manifest(kOld);
    workload["kind"] = kind;
    workload["status"] = {{"observedGeneration", 1},     {"replicas", 2},
                          {"readyReplicas", 1},          {"desiredNumberScheduled", 2},
                          {"updatedNumberScheduled", 1}, {"currentRevision", "web-1"},
                          {"updateRevision", "web-2"}};
    workload_uid_ = kubernetes::UidOf(kube_->Put(workload));
  }
  // Labelled as the kind does: StatefulSets with the revision's name, DaemonSets with its hash.
  void PutPodOf(const std::string& name, const std::string& revision, Json status) {
    PutPod(name, workload_uid_, std::move(status));
    kube_->Change({"v1", "Pod", "shop", name}, [&](Json& pod) {
      pod["metadata"]["labels"]["controller-revision-hash"] = revision;
    });
  }
  void PutRevision(const std::string& hash, int number) {
    kube_->Put({{"apiVersion", "apps/v1"},
                {"kind", "ControllerRevision"},
                {"metadata",
                 {{"name", absl::StrCat("web-", hash)},
                  {"namespace", "shop"},
                  {"labels", {{"app", "web"}, {"controller-revision-hash", hash}}},
                  {"ownerReferences", OwnedBy("DaemonSet", "web", workload_uid_)}}},
                {"revision", number}});
  }
  void OpenOf(const char* kind) {
    RolloutTarget target = Target();
    target.ref = Ref(kind);
    target.new_version.manifest["kind"] = kind;
    target.new_version.force = true;
    Open(target);
  }
  bool HasPod(const std::string& name) const {
    return kube_->Find({"v1", "Pod", "shop", name}).has_value();
  }

  const Json crashed_ = PodStatusWith(CrashedContainer(1, 3));
  std::string workload_uid_;
};

TEST_F(OtherKindsTest, PodOfTheNewRevisionOfAStatefulSetFailsIt) {
  PutWorkload("StatefulSet");
  PutPodOf("web-0", "web-2", crashed_);
  OpenOf("StatefulSet");
  const Observation seen = Observe();
  EXPECT_THAT(seen.failure.value_or(""), StartsWith("pod web-0, container web: CrashLoopBackOff"));
  EXPECT_FALSE(seen.has_stuck_pods);
}

TEST_F(OtherKindsTest, PodOfAnotherRevisionHoldsAStatefulSetUpUntilItIsRemoved) {
  PutWorkload("StatefulSet");
  PutPodOf("web-0", "web-1", {{"phase", "Running"}});
  PutPodOf("web-1", "web-1", crashed_);
  OpenOf("StatefulSet");
  const Observation seen = Observe();
  EXPECT_FALSE(seen.failure.has_value()) << *seen.failure;
  EXPECT_TRUE(seen.has_stuck_pods);
  EXPECT_TRUE(port_->Execute(engine::RemoveStuckPods{}).ok());
  EXPECT_FALSE(HasPod("web-1"));
  EXPECT_TRUE(HasPod("web-0"));
  Settle();
  EXPECT_FALSE(Observe().has_stuck_pods);
}

TEST_F(OtherKindsTest, PodThatTookTheNameOfAStuckOneIsNotRemoved) {
  PutWorkload("StatefulSet");
  PutPodOf("web-0", "web-1", crashed_);
  OpenOf("StatefulSet");
  ASSERT_TRUE(Observe().has_stuck_pods);
  process_.line->OnRequest([this, replaced = false](const http::Request& request) mutable {
    if (request.method != "DELETE" || std::exchange(replaced, true)) return;
    kube_->Remove({"v1", "Pod", "shop", "web-0"});
    PutPodOf("web-0", "web-2", {{"phase", "Running"}});
  });
  EXPECT_TRUE(port_->Execute(engine::RemoveStuckPods{}).ok());
  EXPECT_TRUE(HasPod("web-0"));
}

TEST_F(OtherKindsTest, PodOfTheNewestRevisionOfADaemonSetFailsIt) {
  PutWorkload("DaemonSet");
  PutRevision("abc", 2);
  PutRevision("def", 1);
  PutPodOf("web-x", "def", crashed_);
  OpenOf("DaemonSet");
  EXPECT_FALSE(Observe().failure.has_value()) << *Observe().failure;
  PutPodOf("web-y", "abc", crashed_);
  Settle();
  EXPECT_THAT(Observe().failure.value_or(""), StartsWith("pod web-y"));
}

TEST_F(OtherKindsTest, PodsThatCannotBeCreatedFailTheRollout) {
  for (const char* kind : {"StatefulSet", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    PutWorkload(kind);
    OpenOf(kind);
    PutEvent("of-an-earlier-rollout", workload_uid_, "FailedCreate", "long ago");
    clock_.Advance(absl::Minutes(1));
    ASSERT_TRUE(port_->Execute(ApplyWorkload{}).ok());
    kube_->Change(Ref(kind), [](Json& live) { live["status"]["observedGeneration"] = 2; });
    Settle();
    EXPECT_FALSE(Observe().failure.has_value()) << *Observe().failure;
    PutEvent("of-this-one", workload_uid_, "FailedCreate", "exceeded quota: pods");
    // Events are not watched, but asked for every five seconds.
    clock_.Advance(absl::Seconds(5));
    EXPECT_THAT(Observe().failure.value_or(""),
                StartsWith("pods of web: FailedCreate: exceeded quota: pods"));
    port_.reset();
    ASSERT_TRUE(Eventually([&] { return kube_->open_watches() == 0; }));
    kube_->Remove({"v1", "Event", "shop", "of-this-one"});
  }
}

TEST_F(OtherKindsTest, PodsThatCannotBeCreatedForAMomentFailTheRolloutWhenItLasts) {
  PutWorkload("StatefulSet");
  PutPodOf("web-0", "web-2", {{"phase", "Running"}});
  OpenOf("StatefulSet");
  PutEvent("of-this-one", workload_uid_, "FailedCreate", kWebhookIsDown);
  // Its events are looked at every five seconds only.
  for (int seconds = 0; seconds < 30; seconds += 2) {
    EXPECT_FALSE(Observe().failure.has_value()) << seconds;
    clock_.Advance(absl::Seconds(2));
  }
  clock_.Advance(absl::Seconds(5));
  EXPECT_THAT(Observe().failure.value_or(""), HasSubstr("failed calling webhook"));
}

TEST_F(OtherKindsTest, WhatCannotBeHaltedIsLeftToGoOn) {
  for (const char* kind : {"StatefulSet", "DaemonSet"}) {
    RolloutTarget target = Target();
    target.ref = Ref(kind);
    Make(target);
    EXPECT_TRUE(port_->Execute(ApplyWorkload{Version::kNew, true}).ok());
  }
  EXPECT_THAT(Writes(), IsEmpty());
}

// Measurements.

TEST_F(RolloutPortTest, PodsOfTheVersionThatRollsOutAreMeasuredOnce) {
  PutWeb(PartialStatus(1));
  Json restarted = CrashedContainer(1, 4);
  PutPod("web-new-1", new_set_uid_, PodStatusWith(restarted));
  PutPod("web-of-another", "another-uid", PodStatusWith(CrashedContainer(1, 9)));
  RolloutTarget target = Target();
  target.measuring.metrics = {{.name = "restarts", .source = metrics::KubernetesSignal::kRestarts}};
  target.measuring.rules = {{.metric = "restarts", .max = 0}};
  Open(target);
  EXPECT_FALSE(Observe().measured.has_value());
  ASSERT_TRUE(port_->Execute(engine::Measure{}).ok());
  std::optional<std::vector<analysis::Measurement>> measured;
  ASSERT_TRUE(Eventually([&] {
    if (!measured.has_value()) measured = Observe().measured;
    return measured.has_value();
  }));
  ASSERT_EQ(measured->size(), 1);
  EXPECT_EQ(measured->front().metric, "restarts");
  EXPECT_EQ(measured->front().canary.value, 4) << measured->front().canary.detail;
  EXPECT_FALSE(Observe().measured.has_value());
}

TEST_F(RolloutPortTest, SizeAndReadyPodsAreTold) {
  Json status = PartialStatus(1);
  status["readyReplicas"] = 1;
  PutWeb(status);
  Open();
  const Observation seen = Observe();
  EXPECT_EQ(seen.desired, 2);
  EXPECT_EQ(seen.ready, 1);
}

TEST_F(RolloutPortTest, ALookWithoutExplanationsAsksForNothing) {
  PutWeb(PartialStatus(1));
  PutPod("web-new-1", new_set_uid_, PodStatusWith(CrashedContainer(1, 4)));
  Open();
  kube_->ForgetRequests();
  EXPECT_FALSE(port_->Look({}, /*explain=*/false).failure.has_value());
  EXPECT_THAT(kube_->requests(), IsEmpty());
  EXPECT_TRUE(port_->Look({}, /*explain=*/true).failure.has_value());
}

}  // namespace
}  // namespace delivery::runner
