#include "provider/runner/announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/redact.h"
#include "provider/runner/runner_fixture.h"
#include "provider/system/test_folder.h"

namespace delivery::runner {
namespace {

using engine::Outcome;
using engine::State;
using engine::Step;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

State At(Step step, const std::string& reason = "") {
  State state;
  state.run_id = "run-1";
  state.step = step;
  state.reason = reason;
  return state;
}

class AnnouncerTest : public RunnerFixture {
 protected:
  // The workload is there, so that Events can be about it.
  AnnouncerTest() { announcer_.SetUid("uid-of-web"); }

  std::vector<std::string> Lines() const {
    return absl::StrSplit(folder_.Read("progress"), '\n', absl::SkipEmpty());
  }
  // Each at a time of its own, as the names of Events are made of it.
  void Announce(const State& state) {
    clock_.Advance(absl::Seconds(1));
    announcer_.AnnounceStep(state);
  }
  // "Normal ReleaseStarted: release run-1 begins", in the order of time.
  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    for (const Json& event : kube_->All("v1", "Event", "shop")) {
      events.push_back(absl::StrCat(GetString(event, "type"), " ", GetString(event, "reason"), ": ",
                                    GetString(event, "message")));
    }
    return events;
  }

  const system::TestFolder folder_;
  ProgressFile file_{folder_.Path("progress")};
  Announcer announcer_{api(), clock_, Web(), &file_, NoStop()};
};

struct StepCase {
  Step step;
  const char* reason;
  const char* says;  // null: nothing is said
};

TEST_F(AnnouncerTest, StepsAreSaidInOneLineAndOneEventEach) {
  const std::vector<StepCase> cases = {
      {Step::kApply, "", "Normal ReleaseStarted: release run-1 begins"},
      {Step::kAwait, "", "Normal RollingOut: the new version is written and rolls out"},
      {Step::kCheck, "", "Normal Checking: the new version runs; its checks decide"},
      {Step::kRestore, "pod web-1 crashed\nlog",
       "Warning RollingBack: the previous version is "
       "written back: pod web-1 crashed"},
      {Step::kAwaitRestored, "", nullptr},
      {Step::kRemove, "", "Warning Removing: the first release failed and is removed"},
      {Step::kAwaitRemoved, "", nullptr},
      {Step::kHalt, "no progress", "Warning Pausing: the rollout is paused: no progress"},
      {Step::kDone, "", nullptr},
  };
  for (const StepCase& test : cases) {
    SCOPED_TRACE(engine::StepName(test.step));
    const size_t events = Events().size();
    const size_t lines = Lines().size();
    Announce(At(test.step, test.reason));
    const size_t said = test.says == nullptr ? 0 : 1;
    ASSERT_THAT(Events(), SizeIs(events + said));
    ASSERT_THAT(Lines(), SizeIs(lines + said));
    if (said == 0) continue;
    EXPECT_EQ(Events().back(), test.says);
    const std::string text = test.says;
    EXPECT_THAT(Lines().back(), EndsWith(text.substr(text.find(' '))));
  }
}

TEST_F(AnnouncerTest, OutcomesAreSaid) {
  struct Case {
    Outcome outcome;
    const char* says;
  };
  for (const Case& test : {
           Case{Outcome::kSucceeded, "Normal ReleaseSucceeded: release run-1 is complete"},
           Case{Outcome::kPaused, "Normal ReleasePaused: the new version is written"},
           Case{Outcome::kRolledBack, "Warning RolledBack: the previous version runs again: why"},
           Case{Outcome::kRemoved,
                "Warning Removed: the first release failed and was removed: why"},
           Case{Outcome::kInterrupted,
                "Warning ReleaseInterrupted: stopped at step \"await\"; the "
                "next apply goes on: why"},
           Case{Outcome::kRefused, "Warning ReleaseRefused: nothing was changed: why"},
           Case{Outcome::kFailed, "Warning ReleaseFailed: the release failed: why"},
       }) {
    clock_.Advance(absl::Seconds(1));
    announcer_.AnnounceOutcome(test.outcome, At(Step::kAwait, "why"));
    EXPECT_THAT(Events().back(), StartsWith(test.says));
  }
}

TEST_F(AnnouncerTest, LineTellsTimeAndWorkload) {
  Announce(At(Step::kApply));
  const std::string when =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now(), absl::UTCTimeZone());
  EXPECT_THAT(Lines(), ElementsAre(absl::StrCat(
                           when, " Deployment shop/web ReleaseStarted: release run-1 begins")));
}

TEST_F(AnnouncerTest, EventIsAboutTheWorkload) {
  Announce(At(Step::kApply));
  const std::vector<Json> events = kube_->All("v1", "Event", "shop");
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0]["involvedObject"], Json({{"apiVersion", "apps/v1"},
                                               {"kind", "Deployment"},
                                               {"namespace", "shop"},
                                               {"name", "web"},
                                               {"uid", "uid-of-web"}}));
  EXPECT_EQ(events[0]["source"]["component"], "terraform-provider-delivery");
}

State Canary(Step step, int index, int weight) {
  State state = At(step);
  state.canary.step_index = index;
  state.canary.weight = weight;
  state.canary.steps = {{.weight = 5, .hold = absl::Minutes(2)},
                        {.weight = 25, .hold = absl::Minutes(5)}};
  return state;
}

TEST_F(AnnouncerTest, EachStepOfACanaryIsSaidWithItsWeight) {
  Announce(Canary(Step::kRecordRoute, -1, 0));
  Announce(Canary(Step::kSetWeight, 0, 5));
  Announce(Canary(Step::kHold, 0, 5));
  Announce(Canary(Step::kHold, 0, 5));
  Announce(Canary(Step::kHold, 1, 25));
  Announce(Canary(Step::kPromote, 1, 25));
  EXPECT_THAT(
      Events(),
      ElementsAre(
          "Normal CanaryStarted: canary release run-1 begins",
          "Normal TrafficShifted: 5 % of the traffic goes to the canary for 2m (step 1 of 2)",
          "Normal TrafficShifted: 25 % of the traffic goes to the canary for 5m (step 2 of 2)",
          "Normal PromotionStarted: the new version is written to the workload; 25 % of the "
          "traffic goes to the canary meanwhile"));
}

TEST_F(AnnouncerTest, WayBackIsSaidWithItsReason) {
  State state = Canary(Step::kReturnTraffic, 0, 5);
  state.canary.teardown = engine::Teardown::kAborted;
  state.reason = "success-rate is 40";
  Announce(state);
  state.step = Step::kFailedHold;
  clock_.Advance(absl::Seconds(1));
  announcer_.AnnounceOutcome(Outcome::kFailed, state);
  clock_.Advance(absl::Seconds(1));
  announcer_.AnnounceOutcome(Outcome::kHeld, Canary(Step::kHeld, 0, 5));
  EXPECT_THAT(Events(),
              ElementsAre("Warning CanaryAborted: all traffic goes back to the version that ran "
                          "before: success-rate is 40",
                          "Warning ReleaseFailed: the release failed and stays where it is, 5 % of "
                          "the traffic goes to the canary: success-rate is 40",
                          "Normal ReleaseHeld: 5 % of the traffic goes to the canary until the "
                          "rest is approved (approve_up_to)"));
}

TEST_F(AnnouncerTest, SameStepIsSaidOnce) {
  Announce(At(Step::kAwait));
  Announce(At(Step::kAwait));
  EXPECT_THAT(Lines(), SizeIs(1));
  Announce(At(Step::kRestore));
  Announce(At(Step::kAwait));
  EXPECT_THAT(Lines(), SizeIs(3));
  EXPECT_THAT(Events(), SizeIs(3));
}

TEST_F(AnnouncerTest, BeforeThereIsAWorkloadOnlyTheFileIsTold) {
  announcer_.SetUid("");
  Announce(At(Step::kApply));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_THAT(Lines(), SizeIs(1));
  announcer_.SetUid("uid-of-web");
  Announce(At(Step::kAwait));
  EXPECT_THAT(Events(), SizeIs(1));
}

TEST_F(AnnouncerTest, RefusedEventsAreNotTriedAgain) {
  kube_->Deny({.verb = "create", .resource = "events"});
  Announce(At(Step::kApply));
  Announce(At(Step::kAwait));
  EXPECT_THAT(Writes(), ElementsAre("POST events"));
  EXPECT_THAT(Lines(), SizeIs(2));
}

TEST_F(AnnouncerTest, EventOfTheSameMomentIsNoRefusal) {
  announcer_.AnnounceStep(At(Step::kApply));
  announcer_.AnnounceStep(At(Step::kAwait));
  Announce(At(Step::kCheck));
  EXPECT_THAT(Events().back(), StartsWith("Normal Checking"));
}

TEST_F(AnnouncerTest, FileThatCannotBeWrittenIsReportedOnceAndStopsNothing) {
  ProgressFile missing(folder_.Path("no/such/folder"));
  Announcer announcer(api(), clock_, Web(), &missing, NoStop());
  announcer.SetUid("uid-of-web");
  EXPECT_TRUE(announcer.file_status().ok());
  announcer.AnnounceStep(At(Step::kApply));
  EXPECT_THAT(std::string(announcer.file_status().message()),
              AllOf(HasSubstr(folder_.Path("no/such/folder")), HasSubstr("cannot be opened"),
                    HasSubstr("No such file or directory")));
  EXPECT_THAT(Events(), SizeIs(1));
}

TEST_F(AnnouncerTest, WithoutAFileTheEventsAreSent) {
  Announcer announcer(api(), clock_, Web(), nullptr, NoStop());
  announcer.SetUid("uid-of-web");
  announcer.AnnounceStep(At(Step::kApply));
  EXPECT_TRUE(announcer.file_status().ok());
  EXPECT_THAT(Events(), SizeIs(1));
}

TEST_F(AnnouncerTest, FileIsAppendedTo) {
  folder_.Write("progress", "of an earlier apply\n");
  Announce(At(Step::kApply));
  EXPECT_THAT(Lines(), ElementsAre("of an earlier apply", HasSubstr("ReleaseStarted")));
}

TEST_F(AnnouncerTest, SecretsAreNotSaid) {
  RegisterSecret("s3cret-of-the-announcer-test");
  Announce(At(Step::kRestore, "401 for s3cret-of-the-announcer-test"));
  EXPECT_THAT(Lines().back(), AllOf(HasSubstr("401 for (redacted)"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(Events().back(), AllOf(HasSubstr("401 for (redacted)"), Not(HasSubstr("s3cret"))));
}

TEST_F(AnnouncerTest, LongReasonsAreCutInEvents) {
  Announce(At(Step::kRestore, std::string(5000, 'x')));
  const std::vector<Json> events = kube_->All("v1", "Event", "shop");
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(GetString(events[0], "message").size(), 1024);
}

class RefusingStore : public RunStore {
 public:
  absl::Status Save(const State&) override { return absl::AbortedError("another apply"); }
  absl::Status Clear() override { return absl::OkStatus(); }
};

class AcceptingStore : public RefusingStore {
 public:
  absl::Status Save(const State&) override { return absl::OkStatus(); }
};

TEST_F(AnnouncerTest, OnlyStepsThatWereStoredAreSaid) {
  RefusingStore refusing;
  EXPECT_TRUE(absl::IsAborted(AnnouncingStore(refusing, announcer_).Save(At(Step::kApply))));
  EXPECT_THAT(Lines(), IsEmpty());
  AcceptingStore accepting;
  EXPECT_TRUE(AnnouncingStore(accepting, announcer_).Save(At(Step::kApply)).ok());
  EXPECT_THAT(Lines(), SizeIs(1));
}

}  // namespace
}  // namespace delivery::runner
