#include "provider/runner/release.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/journal.h"
#include "provider/runner/lease.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using engine::OnFailure;
using engine::OnInterrupt;
using engine::Outcome;
using engine::Step;
using engine::Version;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FakeKubeApi;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KubeFault;
using ::testing::StartsWith;

const Json& Crashing() {
  static const Json* const status = new Json(PodStatusWith(CrashedContainer(1, 3)));
  return *status;
}
// Neither ready nor failing.
const Json& Pending() {
  static const Json* const status =
      new Json(PodStatusWith(WaitingContainer("ContainerCreating", "")));
  return *status;
}

class ReleaseTest : public RunnerFixture {
 protected:
  ReleaseTest() {
    kube_->SetController([this](FakeKubeApi& kube) {
      nodes_.Reconcile(kube);
      if (on_change_) on_change_();
    });
  }
  // Before what the controller refers to goes.
  ~ReleaseTest() override { kube_->SetController(nullptr); }

  // The old version, as an earlier release left it.
  void ReleaseOld() {
    const auto applied = WriteWorkload(api(), Write(kOld), WriteMode::kWrite, NoStop());
    ASSERT_TRUE(applied.ok()) << applied.status();
    kube_->ForgetRequests();
  }
  ReleaseRequest FirstRelease(const std::string& image = kNew) {
    ReleaseRequest request;
    request.resource_type = "delivery_rollout";
    request.plan.first_release = true;
    request.plan.identity = engine::RunIdentity(image);
    request.target = {.ref = Web(), .new_version = Write(image)};
    request.workload_uid = kubernetes::UidOf(Live(Web()));
    return request;
  }
  ReleaseRequest Update(const std::string& image = kNew) {
    ReleaseRequest request = FirstRelease(image);
    request.plan.first_release = false;
    request.target.previous_version = Write(kOld);
    return request;
  }

  ReleaseResult Run(const ReleaseRequest& request) { return RunOn(process_, request); }
  ReleaseResult RunOn(Process& process, const ReleaseRequest& request) {
    auto result = RunRelease(*process.api, clock_, request, stop_.get_token());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : ReleaseResult();
  }
  // As the next apply does it: another process, nobody stops it.
  ReleaseResult RunNext(const ReleaseRequest& request) {
    stop_ = std::stop_source();
    on_change_ = nullptr;
    Process next(kube_);
    return RunOn(next, request);
  }

  // Writes without the Events that announce the release.
  std::vector<std::string> Effects() const {
    std::vector<std::string> effects = Writes();
    std::erase(effects, "POST events");
    return effects;
  }
  int WritesOfWeb() const {
    const std::vector<std::string> writes = Writes();
    return static_cast<int>(std::count(writes.begin(), writes.end(), "PATCH deployments/web"));
  }
  std::string StoredStep() const {
    const Json journal = Live(JournalRef());
    if (journal.is_null()) return "none";
    return GetString(*ParseJson(GetString(journal["data"], "state")), "step");
  }
  bool IsPaused() const { return GetBool(Live(Web())["spec"], "paused"); }
  void ExpectNothingLeft() const {
    EXPECT_TRUE(Live(JournalRef()).is_null());
    EXPECT_TRUE(Live(LeaseRef()).is_null());
  }
  // Requests the stop once the cluster runs, or tries to run, `image`.
  void StopWhenWritten(const std::string& image) {
    on_change_ = [this, image] {
      if (LiveImage() == image) stop_.request_stop();
    };
  }
  // Does it beside the release, once that waits for the new version.
  std::jthread WhileAwaiting(std::function<void()> action) {
    return std::jthread([this, action = std::move(action)] {
      // The Lease's renewal and the end of the grace after a stop.
      const bool waits =
          Eventually([this] { return StoredStep() == "await" && clock_.sleepers() == 2; });
      EXPECT_TRUE(waits);
      action();
    });
  }

  FakeNodes nodes_;
  std::function<void()> on_change_;  // after each write, on the thread that wrote
  std::stop_source stop_;
};

// Whole releases.

TEST_F(ReleaseTest, EachEffectComesAfterItsJournalAndUnderTheLease) {
  const ReleaseResult result = Run(FirstRelease());
  EXPECT_EQ(result.outcome, Outcome::kSucceeded);
  EXPECT_THAT(Effects(), ElementsAre("POST leases", "POST configmaps", "PATCH deployments/web",
                                     "PUT configmaps/delivery-deployment-web",
                                     "DELETE configmaps/delivery-deployment-web",
                                     "DELETE leases/delivery-deployment-web"));
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(result.version, Version::kNew);
  ASSERT_TRUE(result.written.has_value());
  EXPECT_EQ(kubernetes::UidOf(*result.written), kubernetes::UidOf(Live(Web())));
  EXPECT_FALSE(result.resumed);
  EXPECT_TRUE(result.store_status.ok()) << result.store_status;
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, UpdateReplacesTheOldVersion) {
  ReleaseOld();
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kSucceeded);
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(kubernetes::GenerationOf(*result.written), 2);
  EXPECT_EQ(result.step, Step::kDone);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, FailingUpdateIsRolledBack) {
  ReleaseOld();
  nodes_.Break(kNew, Crashing());
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("container web: CrashLoopBackOff: exit code 1, 3 restarts"));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(result.version, Version::kPrevious);
  EXPECT_EQ(kubernetes::ImagesOf(*result.written)["web"], kOld);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, FailingFirstReleaseIsRemoved) {
  nodes_.Break(kNew, Crashing());
  const ReleaseResult result = Run(FirstRelease());
  EXPECT_EQ(result.outcome, Outcome::kRemoved);
  EXPECT_THAT(result.reason, HasSubstr("CrashLoopBackOff"));
  EXPECT_TRUE(Live(Web()).is_null());
  EXPECT_THAT(kube_->All("v1", "Pod"), IsEmpty());
  EXPECT_TRUE(result.store_status.ok()) << result.store_status;
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, FailureThatIsKeptStaysAsItIsWithItsRecord) {
  ReleaseOld();
  nodes_.Break(kNew, Crashing());
  ReleaseRequest request = Update();
  request.plan.on_failure = OnFailure::kKeep;
  EXPECT_EQ(Run(request).outcome, Outcome::kFailed);
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_FALSE(IsPaused());
  EXPECT_EQ(StoredStep(), "done");
  EXPECT_TRUE(Live(LeaseRef()).is_null());
  // The next release begins anew and clears it.
  const ReleaseResult next = RunNext(Update("registry.test/web:3"));
  EXPECT_EQ(next.outcome, Outcome::kSucceeded);
  EXPECT_FALSE(next.resumed);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, FailureThatPausesHoldsTheRolloutUntilTheNextRelease) {
  ReleaseOld();
  nodes_.Break(kNew, Crashing());
  ReleaseRequest request = Update();
  request.plan.on_failure = OnFailure::kPause;
  EXPECT_EQ(Run(request).outcome, Outcome::kFailed);
  EXPECT_TRUE(IsPaused());
  EXPECT_EQ(StoredStep(), "done");
  EXPECT_EQ(RunNext(Update("registry.test/web:3")).outcome, Outcome::kSucceeded);
  EXPECT_FALSE(IsPaused());
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, RefusedFirstWriteChangesNothing) {
  ReleaseOld();
  const Json before = Live(Web());
  kube_->AddFault({.method = "PATCH", .times = 100, .status = 403, .reason = "Forbidden"});
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_THAT(result.reason, HasSubstr("this is a fault that the test asked for"));
  EXPECT_FALSE(result.written.has_value());
  EXPECT_FALSE(result.version.has_value());
  EXPECT_EQ(Live(Web()), before);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, RollbackThatIsRefusedIsAFailureThatSaysBoth) {
  ReleaseOld();
  nodes_.Break(kNew, Crashing());
  kube_->AddFault({.method = "PATCH", .skip = 1, .times = 100, .status = 403});
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reason,
              AllOf(HasSubstr("CrashLoopBackOff"), HasSubstr("The rollback failed too")));
  EXPECT_EQ(result.version, Version::kNew);
  EXPECT_EQ(StoredStep(), "done");
}

TEST_F(ReleaseTest, RolloutWithoutProgressIsRolledBack) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  ReleaseRequest request = Update();
  const std::jthread time = PassTime(
      absl::Minutes(1), [this] { return StoredStep() == "await"; },
      [this] { return LiveImage() == kNew; });
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, StartsWith("no progress for 10m (progress_deadline): 1 out of 2 new "
                                        "replicas have been updated"));
  EXPECT_EQ(LiveImage(), kOld);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, OutageDuringTheRolloutIsWaitedFor) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  const std::jthread outage = WhileAwaiting([&] {
    kube_->ForgetRequests();
    kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 1'000'000});
    kube_->CutWatches();
    Eventually([this] { return kube_->requests().size() > 3; });
    nodes_.Mend(kNew);
    kube_->RunController();
    kube_->ClearFaults();
  });
  EXPECT_EQ(Run(Update()).outcome, Outcome::kSucceeded);
  EXPECT_EQ(LiveImage(), kNew);
  ExpectNothingLeft();
}

// The garbage collector takes the journal with it, which must not end the release.
TEST_F(ReleaseTest, WorkloadThatSomebodyDeletesMeanwhileComesBackAsItWas) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  const std::jthread somebody = WhileAwaiting([&] { kube_->Remove(Web()); });
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("the workload was deleted by someone else"));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_TRUE(result.store_status.ok()) << result.store_status;
  ExpectNothingLeft();
}

// Who may release.

TEST_F(ReleaseTest, SecondApplyIsKeptOutBeforeItWrites) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  absl::Status second;
  {
    // The first one, in another process, holds the Lease and renews it.
    TestClock other_clock;
    const auto lease = Lease::Acquire(api(), Web(), other_clock, NoStop(), NoStop());
    ASSERT_TRUE(lease.ok()) << lease.status();
    Process next(kube_);
    next.line->OnRequest([&, looks = 0](const http::Request& request) mutable {
      if (request.method != "GET" || !absl::StrContains(request.url, "/leases/")) return;
      if (++looks == 3) {
        kube_->Change(LeaseRef(), [](Json& held) { held["spec"]["renewTime"] = "renewed"; });
      }
    });
    second = RunRelease(*next.api, clock_, Update(), NoStop()).status();
  }
  EXPECT_TRUE(absl::IsAborted(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr("another apply is releasing this workload"));
  EXPECT_EQ(StoredStep(), "none");
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(ReleaseTest, OpenRunOfAnotherResourceTypeIsLeftToIt) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  ASSERT_EQ(Run(Update()).outcome, Outcome::kInterrupted);
  kube_->ForgetRequests();
  ReleaseRequest other = Update();
  other.resource_type = "delivery_canary_release";
  const absl::Status refused = RunRelease(api(), clock_, other, NoStop()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("a release of Deployment shop/web by a delivery_rollout is still open"));
  EXPECT_THAT(Effects(), ElementsAre("POST leases", "DELETE leases/delivery-deployment-web"));
  EXPECT_EQ(StoredStep(), "await");
}

TEST_F(ReleaseTest, OpenRunOfAnotherVersionIsReplaced) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  ASSERT_EQ(Run(Update()).outcome, Outcome::kInterrupted);
  const ReleaseResult result = RunNext(Update("registry.test/web:3"));
  EXPECT_EQ(result.outcome, Outcome::kSucceeded);
  EXPECT_FALSE(result.resumed);
  EXPECT_EQ(LiveImage(), "registry.test/web:3");
  EXPECT_FALSE(IsPaused());
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, JournalThatCannotBeReadStopsTheReleaseBeforeItWrites) {
  ReleaseOld();
  kube_->Put({{"apiVersion", "v1"},
              {"kind", "ConfigMap"},
              {"metadata", {{"name", JournalRef().name}, {"namespace", "shop"}}},
              {"data", {{"state", "{"}}}});
  const absl::Status status = RunRelease(api(), clock_, Update(), NoStop()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(WritesOfWeb(), 0);
  EXPECT_FALSE(Live(JournalRef()).is_null());
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(ReleaseTest, WhatMayNotBeWatchedStopsTheReleaseBeforeItWrites) {
  ReleaseOld();
  kube_->Deny({.verb = "list", .resource = "pods"});
  const absl::Status status = RunRelease(api(), clock_, Update(), NoStop()).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_EQ(WritesOfWeb(), 0);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, LostJournalEndsTheRun) {
  ReleaseOld();
  nodes_.Break(kNew, Crashing());
  on_change_ = [this] {
    // After the write of the new version, somebody else stores another step.
    if (LiveImage() != kNew) return;
    kube_->Change(JournalRef(), [](Json& journal) { journal["data"]["writer"] = "somebody"; });
  };
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_TRUE(absl::IsAborted(result.store_status)) << result.store_status;
  EXPECT_EQ(WritesOfWeb(), 1);
  EXPECT_FALSE(Live(JournalRef()).is_null());
}

// A holder that hung for so long that another apply took over must not even pause the rollout,
// which is the other one's by now.
TEST_F(ReleaseTest, LostLeaseEndsTheRunWithoutAnotherWrite) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  std::string journal_version;
  const std::jthread usurper = WhileAwaiting([&] {
    journal_version = kubernetes::ResourceVersionOf(Live(JournalRef()));
    kube_->Change(LeaseRef(), [](Json& lease) { lease["spec"]["holderIdentity"] = "usurper"; });
    clock_.Advance(kLeaseRenewal);
  });
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_THAT(result.reason, HasSubstr("another apply took the Lease"));
  EXPECT_EQ(WritesOfWeb(), 1);
  EXPECT_FALSE(IsPaused());
  EXPECT_EQ(kubernetes::ResourceVersionOf(Live(JournalRef())), journal_version);
  EXPECT_EQ(Live(LeaseRef())["spec"]["holderIdentity"], "usurper");
}

// Interruption.

TEST_F(ReleaseTest, StopPausesTheRolloutAndKeepsTheJournal) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_EQ(result.step, Step::kAwait);
  EXPECT_EQ(result.version, Version::kNew);
  EXPECT_TRUE(result.store_status.ok()) << result.store_status;
  EXPECT_TRUE(IsPaused());
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(StoredStep(), "await");
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(ReleaseTest, StoppedReleaseIsResumedWhereItWas) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  const ReleaseResult stopped = Run(Update());
  ASSERT_EQ(stopped.outcome, Outcome::kInterrupted);
  nodes_.Mend(kNew);
  clock_.Advance(absl::Minutes(30));
  const ReleaseResult resumed = RunNext(Update());
  EXPECT_EQ(resumed.outcome, Outcome::kSucceeded);
  EXPECT_TRUE(resumed.resumed);
  EXPECT_EQ(resumed.started_at, stopped.started_at);
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_FALSE(IsPaused());
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, StoppedReleaseIsRolledBackWhereThatIsAskedFor) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  ASSERT_EQ(Run(Update()).outcome, Outcome::kInterrupted);
  ReleaseRequest request = Update();
  request.plan.on_interrupt = OnInterrupt::kRollback;
  const ReleaseResult result = RunNext(request);
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_TRUE(result.resumed);
  EXPECT_THAT(result.reason, HasSubstr("on_interrupt = \"rollback\""));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_FALSE(IsPaused());
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, StoppedFirstReleaseIsResumedOrRemoved) {
  for (const OnInterrupt on_interrupt : {OnInterrupt::kResume, OnInterrupt::kRollback}) {
    const bool resumes = on_interrupt == OnInterrupt::kResume;
    SCOPED_TRACE(resumes ? "resume" : "rollback");
    nodes_.Break(kNew, Pending());
    StopWhenWritten(kNew);
    ASSERT_EQ(Run(FirstRelease()).outcome, Outcome::kInterrupted);
    EXPECT_TRUE(IsPaused());
    nodes_.Mend(kNew);
    ReleaseRequest request = FirstRelease();
    request.plan.on_interrupt = on_interrupt;
    EXPECT_EQ(RunNext(request).outcome, resumes ? Outcome::kSucceeded : Outcome::kRemoved);
    EXPECT_EQ(Live(Web()).is_null(), !resumes);
    ExpectNothingLeft();
    kube_->Remove(Web());
  }
}

TEST_F(ReleaseTest, StopDuringTheRollbackIsResumedToItsEnd) {
  ReleaseOld();
  nodes_.Break(kNew, Crashing());
  on_change_ = [this, was_new = false]() mutable {
    was_new = was_new || LiveImage() == kNew;
    if (was_new && LiveImage() == kOld) stop_.request_stop();
  };
  // The old version takes its time to come back.
  nodes_.Break(kOld, Pending());
  const ReleaseResult stopped = Run(Update());
  EXPECT_EQ(stopped.outcome, Outcome::kInterrupted);
  EXPECT_EQ(StoredStep(), "await_restored");
  EXPECT_FALSE(IsPaused());
  nodes_.Mend(kOld);
  kube_->RunController();
  const ReleaseResult resumed = RunNext(Update());
  EXPECT_EQ(resumed.outcome, Outcome::kRolledBack);
  EXPECT_THAT(resumed.reason, HasSubstr("CrashLoopBackOff"));
  EXPECT_EQ(LiveImage(), kOld);
  ExpectNothingLeft();
}

TEST_F(ReleaseTest, StopBeforeTheStartChangesNothing) {
  ReleaseOld();
  stop_.request_stop();
  EXPECT_FALSE(RunRelease(api(), clock_, Update(), stop_.get_token()).ok());
  EXPECT_EQ(WritesOfWeb(), 0);
  ExpectNothingLeft();
}

// StopProvider is answered within two seconds, whatever the server does.
TEST_F(ReleaseTest, StopDoesNotWaitForAServerThatHangs) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  // The write that pauses the rollout.
  kube_->AddFault(
      {.kind = KubeFault::Kind::kDelay, .method = "PATCH", .skip = 1, .delay = absl::Minutes(1)});
  const std::jthread time = PassTime(
      kStopGrace, [this] { return WritesOfWeb() == 2; }, [] { return true; });
  const ReleaseResult result = Run(Update());
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_EQ(StoredStep(), "await");
  EXPECT_FALSE(IsPaused());
}

// A process that is killed at any of its writes.

struct Scenario {
  const char* name;
  bool first = false;
  bool works = true;
  OnInterrupt on_interrupt = OnInterrupt::kResume;
};

// More than any of these releases needs.
constexpr int kMostWrites = 16;

class KilledReleaseTest : public ReleaseTest,
                          public ::testing::WithParamInterface<std::tuple<Scenario, int, bool>> {
 protected:
  const Scenario& scenario() const { return std::get<0>(GetParam()); }
  void Prepare() {
    if (!scenario().first) ReleaseOld();
    if (!scenario().works) nodes_.Break(kNew, Crashing());
  }
  ReleaseRequest Request() {
    ReleaseRequest request = scenario().first ? FirstRelease() : Update();
    request.plan.on_interrupt = scenario().on_interrupt;
    return request;
  }
};

TEST_P(KilledReleaseTest, IsFinishedByTheNextApply) {
  const auto [scenario, write, done] = GetParam();
  Prepare();
  {
    Process killed(kube_);
    killed.line->DieAt(write, done, [this] { stop_.request_stop(); });
    static_cast<void>(RunRelease(*killed.api, clock_, Request(), stop_.get_token()));
    ASSERT_LT(killed.line->writes(), kMostWrites) << "kMostWrites is too small";
  }
  const ReleaseResult result = RunNext(Request());
  EXPECT_TRUE(result.store_status.ok()) << result.store_status;
  const std::string before = scenario.first ? "" : kOld;
  if (scenario.on_interrupt == OnInterrupt::kRollback) {
    // What was finished, or not begun, is no interrupted run.
    EXPECT_EQ(LiveImage(), result.outcome == Outcome::kSucceeded ? kNew : before);
  } else {
    EXPECT_EQ(LiveImage(), scenario.works ? kNew : before);
  }
  EXPECT_EQ(Live(Web()).is_null(), LiveImage().empty());
  EXPECT_FALSE(IsPaused());
  ExpectNothingLeft();
}

INSTANTIATE_TEST_SUITE_P(
    AtEachWrite, KilledReleaseTest,
    ::testing::Combine(
        ::testing::Values(
            Scenario{.name = "Create", .first = true},
            Scenario{.name = "FailingCreate", .first = true, .works = false},
            Scenario{.name = "Update"}, Scenario{.name = "FailingUpdate", .works = false},
            Scenario{
                .name = "CreateRolledBack", .first = true, .on_interrupt = OnInterrupt::kRollback},
            Scenario{.name = "UpdateRolledBack", .on_interrupt = OnInterrupt::kRollback}),
        ::testing::Range(1, kMostWrites), ::testing::Bool()),
    [](const auto& test) {
      return absl::StrCat(std::get<0>(test.param).name, "_", std::get<1>(test.param),
                          std::get<2>(test.param) ? "_Done" : "_NotDone");
    });

// Destroy.

class RemoveWorkloadTest : public ReleaseTest {
 protected:
  absl::Status Remove(const std::string& uid) {
    return RemoveWorkload(api(), clock_, {Web(), {{Web(), uid}}, {}}, absl::Minutes(10),
                          stop_.get_token());
  }
  void KeepWithFinalizer() {
    kube_->Change(Web(), [](Json& web) { web["metadata"]["finalizers"] = {"foregroundDeletion"}; });
  }
  bool IsBeingDeleted() const { return kubernetes::IsBeingDeleted(Live(Web())); }
};

TEST_F(RemoveWorkloadTest, RemovesTheWorkloadItsPodsAndTheJournal) {
  ReleaseOld();
  nodes_.Break(kNew, Pending());
  StopWhenWritten(kNew);
  ASSERT_EQ(Run(Update()).outcome, Outcome::kInterrupted);
  ASSERT_EQ(StoredStep(), "await");
  stop_ = std::stop_source();
  on_change_ = nullptr;
  const absl::Status removed = Remove(kubernetes::UidOf(Live(Web())));
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_TRUE(Live(Web()).is_null());
  EXPECT_THAT(kube_->All("v1", "Pod"), IsEmpty());
  ExpectNothingLeft();
}

// Left by a first release that was killed before it wrote the workload.
TEST_F(RemoveWorkloadTest, RemovesAJournalThatNoWorkloadOwns) {
  {
    Process killed(kube_);
    killed.line->DieAt(3, false, [this] { stop_.request_stop(); });
    static_cast<void>(RunRelease(*killed.api, clock_, FirstRelease(), stop_.get_token()));
  }
  ASSERT_EQ(StoredStep(), "apply");
  stop_ = std::stop_source();
  const absl::Status removed = Remove("");
  EXPECT_TRUE(removed.ok()) << removed;
  ExpectNothingLeft();
}

TEST_F(RemoveWorkloadTest, WaitsUntilItIsGone) {
  ReleaseOld();
  KeepWithFinalizer();
  bool was_there = false;
  const std::jthread collector([&] {
    Eventually([this] { return IsBeingDeleted(); });
    was_there = !Live(Web()).is_null();
    kube_->Change(Web(), [](Json& web) { web["metadata"].erase("finalizers"); });
  });
  const absl::Status removed = Remove(kubernetes::UidOf(Live(Web())));
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_TRUE(was_there);
  EXPECT_TRUE(Live(Web()).is_null());
}

TEST_F(RemoveWorkloadTest, WhatIsGoneAlreadyIsNoError) {
  EXPECT_TRUE(Remove("some-uid").ok());
  ExpectNothingLeft();
}

TEST_F(RemoveWorkloadTest, AnotherObjectOfTheSameNameIsLeftAlone) {
  ReleaseOld();
  const absl::Status removed = Remove("uid-of-the-one-that-was-ours");
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RemoveWorkloadTest, WhatDoesNotGoIsReportedWithWhatMayHoldIt) {
  ReleaseOld();
  KeepWithFinalizer();
  const std::jthread time = PassTime(
      absl::Minutes(1), [this] { return IsBeingDeleted(); }, [] { return true; });
  const absl::Status status = Remove(kubernetes::UidOf(Live(Web())));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("Deployment shop/web is still there 10m after its deletion"),
                    HasSubstr("finalizer")));
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(RemoveWorkloadTest, StopEndsTheWait) {
  ReleaseOld();
  KeepWithFinalizer();
  on_change_ = [this] {
    if (IsBeingDeleted()) stop_.request_stop();
  };
  EXPECT_TRUE(absl::IsCancelled(Remove(kubernetes::UidOf(Live(Web())))));
}

TEST_F(RemoveWorkloadTest, WhatMayNotBeWatchedIsAnErrorBeforeTheDeletion) {
  ReleaseOld();
  kube_->Deny({.verb = "list", .resource = "deployments"});
  const absl::Status status = Remove(kubernetes::UidOf(Live(Web())));
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_FALSE(Live(Web()).is_null());
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(RemoveWorkloadTest, RefusedDeletionIsReported) {
  ReleaseOld();
  kube_->Deny({.verb = "delete", .resource = "deployments"});
  const absl::Status status = Remove(kubernetes::UidOf(Live(Web())));
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_FALSE(Live(Web()).is_null());
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

}  // namespace
}  // namespace delivery::runner
