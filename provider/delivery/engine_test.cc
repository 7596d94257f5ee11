#include "provider/delivery/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace delivery::engine {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

// A cluster of one workload whose rollout takes a few looks to complete, or never does.
struct World {
  enum class Runs { kNothing, kOld, kNew };
  Runs written = Runs::kOld;
  bool halted = false;
  bool new_is_broken = false;
  bool refuse_writes = false;
  // A StatefulSet's: the pods of the broken version hold up the next one until they are removed.
  bool pods_get_stuck = false;
  bool stuck = false;
  bool checks_fail = false;
  Checks checks = Checks::kNotStarted;
  int checks_run = 0;
  int looks_until_complete = 2;
  int writes = 0;

  absl::Status Execute(const Action& action) {
    if (refuse_writes) return absl::PermissionDeniedError("forbidden");
    if (std::holds_alternative<RunChecks>(action)) {
      ++checks_run;
      checks = Checks::kRunning;
      return absl::OkStatus();
    }
    if (std::holds_alternative<RemoveStuckPods>(action)) {
      stuck = false;
      return absl::OkStatus();
    }
    ++writes;
    checks = Checks::kNotStarted;
    if (std::holds_alternative<DeleteWorkload>(action)) {
      written = Runs::kNothing;
      return absl::OkStatus();
    }
    const auto& apply = std::get<ApplyWorkload>(action);
    const Runs version = apply.version == Version::kNew ? Runs::kNew : Runs::kOld;
    if (version != written || halted != apply.halted) looks_until_complete = 2;
    stuck = pods_get_stuck && version == Runs::kOld && written == Runs::kNew && new_is_broken;
    written = version;
    halted = apply.halted;
    return absl::OkStatus();
  }

  Observation Look() {
    Observation seen;
    seen.exists = written != Runs::kNothing;
    const bool broken = written == Runs::kNew && new_is_broken;
    if (!broken && !halted && !stuck && looks_until_complete > 0) --looks_until_complete;
    seen.observed = true;
    seen.has_stuck_pods = stuck;
    seen.checks = checks;
    if (checks == Checks::kRunning) checks = checks_fail ? Checks::kFailed : Checks::kPassed;
    seen.check_failure = "check smoke: answered 500";
    seen.complete = seen.exists && !broken && looks_until_complete == 0;
    if (broken) seen.failure = "pod web-1: ImagePullBackOff";
    seen.progress_mark = std::to_string(looks_until_complete);
    return seen;
  }
};

Plan RollingPlan() {
  Plan plan;
  plan.identity = RunIdentity("{}");
  plan.progress_deadline = absl::Seconds(60);
  return plan;
}

// One apply: decides and executes until an outcome, or until `kill_after` effects (a store of the
// journal or an action) have happened. `journal` is what survives a kill.
struct Apply {
  std::optional<State> journal;
  int effects = 0;
  State last;

  std::optional<Outcome> Run(const Plan& plan, World& world, int kill_after = 1'000'000,
                             bool stop = false) {
    absl::Time now = kStart;
    State state = journal.has_value() ? Resume(plan, *journal, now) : Start(plan, "run-1", now);
    if (!Store(state, kill_after)) return std::nullopt;
    std::optional<absl::Status> result;
    for (int i = 0; i < 200; ++i) {
      Observation seen = world.Look();
      seen.action_result = std::exchange(result, std::nullopt);
      seen.stop_requested = stop;
      const Decision decision = Decide(plan, state, seen, now);
      if (!state.SameRecord(decision.next) && !Store(decision.next, kill_after)) {
        return std::nullopt;
      }
      state = last = decision.next;
      for (const Action& action : decision.actions) {
        if (effects++ == kill_after) return std::nullopt;
        result = world.Execute(action);
      }
      if (decision.outcome.has_value()) {
        if (decision.outcome != Outcome::kInterrupted) journal.reset();
        return decision.outcome;
      }
      now += absl::Seconds(1);
    }
    ADD_FAILURE() << "no outcome after 200 decisions, step " << StepName(state.step);
    return std::nullopt;
  }

  bool Store(const State& state, int kill_after) {
    if (effects++ == kill_after) return false;
    // Through the stored form, as after a real crash.
    journal = DecodeState(EncodeState(state)).value();
    return true;
  }
};

TEST(EngineTest, GoodReleaseSucceeds) {
  World world;
  Apply apply;
  EXPECT_EQ(apply.Run(RollingPlan(), world), Outcome::kSucceeded);
  EXPECT_EQ(world.written, World::Runs::kNew);
  EXPECT_EQ(world.writes, 1);
}

TEST(EngineTest, BrokenReleaseIsRolledBackWithItsReason) {
  World world{.new_is_broken = true};
  Apply apply;
  EXPECT_EQ(apply.Run(RollingPlan(), world), Outcome::kRolledBack);
  EXPECT_EQ(world.written, World::Runs::kOld);
  EXPECT_THAT(apply.last.reason, HasSubstr("ImagePullBackOff"));
}

TEST(EngineTest, BrokenFirstReleaseIsRemoved) {
  World world{.written = World::Runs::kNothing, .new_is_broken = true};
  Plan plan = RollingPlan();
  plan.first_release = true;
  Apply apply;
  EXPECT_EQ(apply.Run(plan, world), Outcome::kRemoved);
  EXPECT_EQ(world.written, World::Runs::kNothing);
}

TEST(EngineTest, KeepLeavesTheFailedVersion) {
  World world{.new_is_broken = true};
  Plan plan = RollingPlan();
  plan.on_failure = OnFailure::kKeep;
  Apply apply;
  EXPECT_EQ(apply.Run(plan, world), Outcome::kFailed);
  EXPECT_EQ(world.written, World::Runs::kNew);
  EXPECT_FALSE(world.halted);
}

TEST(EngineTest, PauseHaltsTheFailedRollout) {
  World world{.new_is_broken = true};
  Plan plan = RollingPlan();
  plan.on_failure = OnFailure::kPause;
  Apply apply;
  EXPECT_EQ(apply.Run(plan, world), Outcome::kFailed);
  EXPECT_TRUE(world.halted);
}

TEST(EngineTest, PausedReleaseEndsOnceItIsKnown) {
  World world{.looks_until_complete = 100};
  Plan plan = RollingPlan();
  plan.paused = plan.has_checks = true;
  Apply apply;
  EXPECT_EQ(apply.Run(plan, world), Outcome::kPaused);
  EXPECT_EQ(world.written, World::Runs::kNew);
  EXPECT_EQ(world.checks_run, 0);
}

TEST(EngineTest, ChecksDecideAfterTheRollout) {
  Plan plan = RollingPlan();
  plan.has_checks = true;
  World good;
  Apply apply;
  EXPECT_EQ(apply.Run(plan, good), Outcome::kSucceeded);
  EXPECT_EQ(good.checks_run, 1);

  World bad{.checks_fail = true};
  Apply failing;
  EXPECT_EQ(failing.Run(plan, bad), Outcome::kRolledBack);
  EXPECT_EQ(bad.written, World::Runs::kOld);
  EXPECT_THAT(failing.last.reason, HasSubstr("check smoke"));
}

TEST(EngineTest, VersionThatBreaksDuringTheChecksFails) {
  Plan plan = RollingPlan();
  plan.has_checks = true;
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kCheck;
  Observation seen;
  seen.exists = true;
  seen.checks = Checks::kRunning;
  EXPECT_EQ(Decide(plan, state, seen, kStart).next.step, Step::kCheck);
  seen.failure = "pod web-1: CrashLoopBackOff";
  EXPECT_EQ(Decide(plan, state, seen, kStart).next.step, Step::kRestore);
  seen.failure.reset();
  seen.exists = false;
  EXPECT_EQ(Decide(plan, state, seen, kStart).next.step, Step::kRestore);
}

TEST(EngineTest, ChecksEndWithTheTimeOfTheWholeRelease) {
  Plan plan = RollingPlan();
  plan.has_checks = true;
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kCheck;
  Observation seen;
  seen.exists = seen.complete = true;
  seen.checks = Checks::kRunning;
  const Decision waits = Decide(plan, state, seen, kStart);
  EXPECT_EQ(waits.wake_at, kStart + plan.timeout);
  const Decision late = Decide(plan, state, seen, waits.wake_at);
  EXPECT_EQ(late.next.step, Step::kRestore);
  EXPECT_THAT(late.next.reason, HasSubstr("(timeouts)"));
}

TEST(EngineTest, StopDuringTheChecksKeepsTheRunOpen) {
  Plan plan = RollingPlan();
  plan.has_checks = true;
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kCheck;
  Observation seen;
  seen.exists = seen.complete = seen.stop_requested = true;
  EXPECT_EQ(Decide(plan, state, seen, kStart).outcome, Outcome::kInterrupted);
}

TEST(EngineTest, PodsThatHoldUpTheRollbackAreRemoved) {
  World world{.new_is_broken = true, .pods_get_stuck = true};
  Apply apply;
  EXPECT_EQ(apply.Run(RollingPlan(), world), Outcome::kRolledBack);
  EXPECT_FALSE(world.stuck);
}

TEST(EngineTest, StuckPodsThatMayNotBeRemovedFailTheRollback) {
  Plan plan = RollingPlan();
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kAwaitRestored;
  Observation seen;
  seen.exists = true;
  seen.has_stuck_pods = true;
  ASSERT_EQ(Decide(plan, state, seen, kStart).actions.size(), 1u);
  seen.action_result = absl::PermissionDeniedError("may not delete pods");
  const Decision decision = Decide(plan, state, seen, kStart);
  EXPECT_EQ(decision.outcome, Outcome::kFailed);
  EXPECT_THAT(decision.next.reason, HasSubstr("may not delete pods"));
}

TEST(EngineTest, RefusedFirstWriteChangesNothing) {
  World world{.refuse_writes = true};
  Apply apply;
  EXPECT_EQ(apply.Run(RollingPlan(), world), Outcome::kRefused);
  EXPECT_EQ(apply.last.reason, "forbidden");
}

TEST(EngineTest, NoProgressFailsAtTheDeadlineAndProgressMovesIt) {
  Plan plan = RollingPlan();
  State state = Start(plan, "run-1", kStart);
  Observation seen;
  seen.exists = true;
  seen.progress_mark = "1 of 3";
  seen.action_result = absl::OkStatus();
  state = Decide(plan, state, seen, kStart).next;
  ASSERT_EQ(state.step, Step::kAwait);
  seen.action_result.reset();

  Decision waiting = Decide(plan, state, seen, kStart + absl::Seconds(59));
  EXPECT_TRUE(waiting.actions.empty());
  EXPECT_EQ(waiting.wake_at, kStart + absl::Seconds(60));

  seen.progress_mark = "2 of 3";
  state = Decide(plan, state, seen, kStart + absl::Seconds(59)).next;
  EXPECT_EQ(Decide(plan, state, seen, kStart + absl::Seconds(118)).next.step, Step::kAwait);
  const Decision late = Decide(plan, state, seen, kStart + absl::Seconds(119));
  EXPECT_EQ(late.next.step, Step::kRestore);
  EXPECT_THAT(late.next.reason, HasSubstr("2 of 3"));
}

TEST(EngineTest, TimeoutEndsARolloutThatProgressesForever) {
  Plan plan = RollingPlan();
  plan.timeout = absl::Seconds(100);
  State state = Start(plan, "run-1", kStart);
  Observation seen;
  seen.exists = true;
  seen.action_result = absl::OkStatus();
  for (int second = 0; second < 100; ++second) {
    seen.progress_mark = std::to_string(second);
    state = Decide(plan, state, seen, kStart + absl::Seconds(second)).next;
    ASSERT_EQ(state.step, Step::kAwait) << second;
    seen.action_result.reset();
  }
  EXPECT_EQ(Decide(plan, state, seen, kStart + absl::Seconds(100)).next.step, Step::kRestore);
}

TEST(EngineTest, DeletedWorkloadIsNoSuccess) {
  Plan plan = RollingPlan();
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kAwait;
  Observation seen;
  seen.complete = true;
  const Decision decision = Decide(plan, state, seen, kStart);
  EXPECT_THAT(decision.next.reason, HasSubstr("deleted by someone else"));
}

TEST(EngineTest, FailedRollbackSaysBothReasons) {
  Plan plan = RollingPlan();
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kRestore;
  state.reason = "pod web-1 crashed";
  Observation seen;
  seen.action_result = absl::PermissionDeniedError("forbidden");
  const Decision decision = Decide(plan, state, seen, kStart);
  EXPECT_EQ(decision.outcome, Outcome::kFailed);
  EXPECT_THAT(decision.next.reason, HasSubstr("pod web-1 crashed"));
  EXPECT_THAT(decision.next.reason, HasSubstr("forbidden"));
}

TEST(EngineTest, StopHaltsTheRolloutAndTheNextApplyGoesOn) {
  World world;
  world.looks_until_complete = 100;
  Plan plan = RollingPlan();
  Apply apply;
  apply.journal = Start(plan, "run-1", kStart);
  apply.journal->step = Step::kAwait;
  world.written = World::Runs::kNew;
  State state = *apply.journal;
  Observation seen = world.Look();
  seen.stop_requested = true;
  Decision decision = Decide(plan, state, seen, kStart);
  ASSERT_EQ(decision.actions.size(), 1u);
  EXPECT_TRUE(std::get<ApplyWorkload>(decision.actions[0]).halted);
  seen.action_result = world.Execute(decision.actions[0]);
  EXPECT_EQ(Decide(plan, decision.next, seen, kStart).outcome, Outcome::kInterrupted);

  EXPECT_EQ(apply.Run(plan, world), Outcome::kSucceeded);
  EXPECT_FALSE(world.halted);
}

TEST(EngineTest, StopBeforeTheFirstWriteWritesNothing) {
  World world;
  Apply apply;
  EXPECT_EQ(apply.Run(RollingPlan(), world, 1'000'000, /*stop=*/true), Outcome::kInterrupted);
  EXPECT_EQ(world.writes, 0);
}

TEST(EngineTest, InterruptedRunRollsBackWhenAsked) {
  World world;
  Plan plan = RollingPlan();
  plan.on_interrupt = OnInterrupt::kRollback;
  Apply apply;
  apply.journal = Start(plan, "run-1", kStart);
  apply.journal->step = Step::kAwait;
  world.written = World::Runs::kNew;
  EXPECT_EQ(apply.Run(plan, world), Outcome::kRolledBack);
  EXPECT_EQ(world.written, World::Runs::kOld);
}

TEST(EngineTest, UnreachableApiServerIsWaitedForAndNeverRollsBack) {
  Plan plan = RollingPlan();
  State state = Start(plan, "run-1", kStart);
  state.step = Step::kAwait;
  Observation seen;
  seen.unreachable = true;
  for (absl::Duration t; t < plan.timeout; t += absl::Seconds(30)) {
    const Decision decision = Decide(plan, state, seen, kStart + t);
    ASSERT_TRUE(decision.actions.empty());
    ASSERT_FALSE(decision.outcome.has_value());
    state = decision.next;
  }
  EXPECT_EQ(Decide(plan, state, seen, kStart + plan.timeout).outcome, Outcome::kInterrupted);
}

TEST(EngineTest, RunThatCannotBeSeenAnyMoreStaysOpenAndSaysWhy) {
  const Plan plan = RollingPlan();
  for (const Step step : {Step::kAwait, Step::kAwaitRestored, Step::kAwaitRemoved}) {
    State state = Start(plan, "run-1", kStart);
    state.step = step;
    Observation seen;
    seen.unreachable = true;
    seen.blind = "watching is forbidden";
    const Decision decision = Decide(plan, state, seen, kStart);
    EXPECT_EQ(decision.outcome, Outcome::kInterrupted);
    EXPECT_EQ(decision.next.reason, "watching is forbidden");
  }
}

TEST(EngineTest, TransientWriteErrorIsTriedAgain) {
  const Plan plan = RollingPlan();
  for (const Step step : {Step::kApply, Step::kRestore, Step::kRemove}) {
    State state = Start(plan, "run-1", kStart);
    state.step = step;
    Observation seen;
    seen.exists = true;
    seen.action_result = absl::UnavailableError("connection refused");
    const Decision later = Decide(plan, state, seen, kStart);
    EXPECT_TRUE(later.actions.empty());
    EXPECT_EQ(later.next.step, step);
    EXPECT_EQ(later.wake_at, kStart + absl::Seconds(2));
    seen.action_result.reset();
    EXPECT_EQ(Decide(plan, later.next, seen, later.wake_at).actions.size(), 1u);
  }
}

TEST(EngineTest, WriteThatKeepsFailingEndsWithTheWordsOfTheLastAnswer) {
  const Plan plan = RollingPlan();
  const State state = Start(plan, "run-1", kStart);
  Observation seen;
  seen.action_result = absl::UnavailableError("etcdserver: leader changed");
  const Decision decision = Decide(plan, state, seen, kStart + plan.timeout);
  EXPECT_EQ(decision.outcome, Outcome::kInterrupted);
  EXPECT_EQ(decision.next.step, Step::kApply);
  EXPECT_EQ(decision.next.reason, "etcdserver: leader changed");
}

// Killed between any two effects and resumed, a release ends as if it had not been killed.
class KillTest : public ::testing::TestWithParam<int> {};

TEST_P(KillTest, GoodReleaseEndsWell) {
  World world;
  Apply apply;
  if (!apply.Run(RollingPlan(), world, GetParam()).has_value()) {
    apply.effects = 0;
    EXPECT_EQ(apply.Run(RollingPlan(), world), Outcome::kSucceeded);
  }
  EXPECT_EQ(world.written, World::Runs::kNew);
  EXPECT_FALSE(apply.journal.has_value());
}

TEST_P(KillTest, BrokenReleaseIsRolledBack) {
  World world{.new_is_broken = true};
  Apply apply;
  if (!apply.Run(RollingPlan(), world, GetParam()).has_value()) {
    apply.effects = 0;
    EXPECT_EQ(apply.Run(RollingPlan(), world), Outcome::kRolledBack);
  }
  EXPECT_EQ(world.written, World::Runs::kOld);
  EXPECT_FALSE(apply.journal.has_value());
}

TEST_P(KillTest, ReleaseThatItsChecksRefuseIsRolledBack) {
  World world{.pods_get_stuck = true, .checks_fail = true};
  Plan plan = RollingPlan();
  plan.has_checks = true;
  Apply apply;
  if (!apply.Run(plan, world, GetParam()).has_value()) {
    apply.effects = 0;
    world.checks = Checks::kNotStarted;  // another process knows nothing of them
    EXPECT_EQ(apply.Run(plan, world), Outcome::kRolledBack);
  }
  EXPECT_EQ(world.written, World::Runs::kOld);
  EXPECT_FALSE(apply.journal.has_value());
}

TEST_P(KillTest, BrokenFirstReleaseIsRemoved) {
  World world{.written = World::Runs::kNothing, .new_is_broken = true};
  Plan plan = RollingPlan();
  plan.first_release = true;
  Apply apply;
  if (!apply.Run(plan, world, GetParam()).has_value()) {
    apply.effects = 0;
    EXPECT_EQ(apply.Run(plan, world), Outcome::kRemoved);
  }
  EXPECT_EQ(world.written, World::Runs::kNothing);
}

INSTANTIATE_TEST_SUITE_P(EveryEffect, KillTest, ::testing::Range(0, 12));

TEST(StateTest, RoundTripsAndRefusesWhatItCannotKnow) {
  State state = Start(RollingPlan(), "run-1", kStart);
  state.step = Step::kAwaitRestored;
  state.reason = "because";
  const State read = DecodeState(EncodeState(state)).value();
  EXPECT_TRUE(read.SameRecord(state));

  Json newer = EncodeState(state);
  newer["schema_version"] = 4;
  EXPECT_EQ(DecodeState(newer).status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* key : {"schema_version", "run_id", "identity", "step", "started_at"}) {
    Json damaged = EncodeState(state);
    damaged[key] = nullptr;
    EXPECT_EQ(DecodeState(damaged).status().code(), absl::StatusCode::kDataLoss) << key;
  }
  EXPECT_EQ(DecodeState(Json()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(RunIdentityTest, IsVersionedAndStable) {
  EXPECT_EQ(RunIdentity("{}"),
            "v1:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

}  // namespace
}  // namespace delivery::engine
