#include "provider/runner/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace delivery::runner {
namespace {

using engine::Outcome;
using ::testing::ElementsAre;

// Records what happens in which order; the rollout completes at the given look.
class FakeWorld : public WorkloadPort, public RunStore {
 public:
  engine::Observation Observe(const engine::State&) override {
    engine::Observation seen;
    seen.exists = true;
    seen.complete = wrote_ && --looks_until_complete <= 0;
    if (wrote_ && broken) seen.failure = "broken";
    return seen;
  }
  absl::Status Execute(const engine::Action& action) override {
    wrote_ = true;
    const bool previous =
        std::holds_alternative<engine::ApplyWorkload>(action) &&
        std::get<engine::ApplyWorkload>(action).version == engine::Version::kPrevious;
    if (previous) broken = false;
    log.push_back(previous ? "restore" : "write");
    return write_status;
  }
  void WaitForChange(absl::Time, const std::stop_token&) override { log.push_back("wait"); }
  absl::Status Save(const engine::State& state) override {
    if (!save_status.ok() && saves_until_failure-- <= 0) return save_status;
    log.push_back("save " + engine::StepName(state.step));
    return absl::OkStatus();
  }
  absl::Status Clear() override {
    log.push_back("clear");
    return absl::OkStatus();
  }

  std::vector<std::string> log;
  bool broken = false;
  int looks_until_complete = 1;
  absl::Status write_status;
  absl::Status save_status;
  int saves_until_failure = 0;

 private:
  bool wrote_ = false;
};

class RunnerTest : public ::testing::Test {
 protected:
  RunResult RunIt() {
    plan_.identity = engine::RunIdentity("{}");
    return runner::Run(plan_, engine::Start(plan_, "run-1", clock_.Now()), world_, world_, clock_,
                       stop_.get_token());
  }
  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  engine::Plan plan_;
  FakeWorld world_;
  std::stop_source stop_;
};

TEST_F(RunnerTest, StoresBeforeItActsAndClearsAtSuccess) {
  EXPECT_EQ(RunIt().outcome, Outcome::kSucceeded);
  EXPECT_THAT(world_.log, ElementsAre("save apply", "write", "save await", "wait", "clear"));
}

TEST_F(RunnerTest, FailedReleaseIsRestoredAndCleared) {
  world_.broken = true;
  world_.looks_until_complete = 3;
  const RunResult result = RunIt();
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(result.state.reason, "broken");
  EXPECT_THAT(world_.log, ElementsAre("save apply", "write", "save await", "wait", "save restore",
                                      "restore", "save await_restored", "wait", "clear"));
}

TEST_F(RunnerTest, FailureThatIsKeptStaysOnRecordAsDone) {
  world_.broken = true;
  world_.looks_until_complete = 3;
  plan_.on_failure = engine::OnFailure::kKeep;
  EXPECT_EQ(RunIt().outcome, Outcome::kFailed);
  EXPECT_EQ(world_.log.back(), "save done");
}

TEST_F(RunnerTest, NothingIsWrittenWhenTheJournalCannotBe) {
  world_.save_status = absl::AbortedError("another apply");
  const RunResult result = RunIt();
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_EQ(result.store_status.message(), "another apply");
  EXPECT_TRUE(world_.log.empty());
}

TEST_F(RunnerTest, ALostJournalEndsTheRunBeforeTheNextWrite) {
  world_.broken = true;
  world_.looks_until_complete = 3;
  world_.save_status = absl::AbortedError("another apply");
  world_.saves_until_failure = 2;
  const RunResult result = RunIt();
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_EQ(result.state.step, engine::Step::kAwait);
  EXPECT_EQ(result.state.reason, "broken") << "what was found out is not lost with the journal";
  EXPECT_THAT(world_.log, ElementsAre("save apply", "write", "save await", "wait"));
}

TEST_F(RunnerTest, StopLeavesTheJournal) {
  stop_.request_stop();
  EXPECT_EQ(RunIt().outcome, Outcome::kInterrupted);
  EXPECT_THAT(world_.log, ElementsAre("save apply"));
}

TEST_F(RunnerTest, RefusedWriteClearsTheJournal) {
  world_.write_status = absl::PermissionDeniedError("forbidden");
  const RunResult result = RunIt();
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_EQ(world_.log.back(), "clear");
}

TEST_F(RunnerTest, WhatIsHeldStaysOnRecord) {
  plan_.strategy = engine::Strategy::kCanary;
  plan_.canary.steps = {{.weight = 10}, {.weight = 50}};
  plan_.canary.approve_up_to = 10;
  plan_.identity = engine::RunIdentity("{}");
  engine::State held = engine::Start(plan_, "run-1", clock_.Now());
  held.step = engine::Step::kHeld;
  held.canary.step_index = 0;
  const RunResult result = runner::Run(plan_, held, world_, world_, clock_, stop_.get_token());
  EXPECT_EQ(result.outcome, Outcome::kHeld);
  EXPECT_THAT(world_.log, ElementsAre("save held", "save held"));
}

}  // namespace
}  // namespace delivery::runner
