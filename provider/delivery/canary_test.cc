#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "provider/delivery/canary_world.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

analysis::Sample Value(double value) { return {analysis::Sample::Kind::kValue, value, ""}; }

TEST(CanaryTest, GoodReleaseGoesStepByStepAndLeavesNothing) {
  CanaryWorld world;
  Applies applies;
  const absl::Time began = world.now;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute", "ApplyCanary 1", "SetTraffic 10",
                                      "ApplyCanary 2", "SetTraffic 50", "ApplyWorkload new",
                                      "SetTraffic 0", "RestoreRoute", "DeleteCanary"));
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_TRUE(world.stable_has_new);
  EXPECT_EQ(world.stable_rolled, 1);
  EXPECT_GE(world.now - began, absl::Seconds(125));
  EXPECT_FALSE(applies.journal.has_value());
}

TEST(CanaryTest, FailingMetricRollsBackBeforeStableIsTouched) {
  CanaryWorld world;
  world.metric = [](const CanaryWorld& now) { return Value(now.weight >= 50 ? 80 : 100); };
  Applies applies;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_EQ(world.stable_rolled, 0);
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_THAT(applies.last.reason, HasSubstr("success"));
  EXPECT_THAT(applies.last.reason, HasSubstr("80"));
}

TEST(CanaryTest, WeightIsZeroAtOnceAfterTheFailingMeasurement) {
  CanaryWorld world;
  absl::Time failed_at = absl::InfiniteFuture();
  world.metric = [&](const CanaryWorld& now) {
    failed_at = std::min(failed_at, now.now);
    return Value(0);
  };
  Applies applies;
  absl::Time zero_at = absl::InfiniteFuture();
  applies.meanwhile = [&](CanaryWorld& now) {
    if (failed_at <= now.now && now.weight == 0) zero_at = std::min(zero_at, now.now);
  };
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_LT(zero_at - failed_at, absl::Seconds(1));
}

TEST(CanaryTest, CanaryThatCannotStartGetsNoTraffic) {
  CanaryWorld world;
  world.new_is_broken = true;
  Applies applies;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(world.done, Not(Contains("SetTraffic 10")));
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_THAT(applies.last.reason, HasSubstr("ImagePullBackOff"));
}

TEST(CanaryTest, NoStepPassesWithoutAMeasurementThatDecides) {
  CanaryWorld world;
  int answers = 0;
  world.metric = [&](const CanaryWorld&) {
    // The source is down for longer than the hold of the first step.
    return ++answers <= 7 ? analysis::Sample{analysis::Sample::Kind::kError, 0, "down"}
                          : Value(100);
  };
  Plan plan = CanaryReleasePlan();
  plan.analysis.limits.consecutive_error_limit = 20;
  Applies applies;
  absl::Time raised_at = absl::InfiniteFuture();
  const absl::Time began = world.now;
  applies.meanwhile = [&](CanaryWorld& now) {
    if (now.weight == 50) raised_at = std::min(raised_at, now.now);
  };
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_GE(raised_at - began, absl::Seconds(70));
}

TEST(CanaryTest, SourceThatIsDownRollsBackByItsOwnLimit) {
  CanaryWorld world;
  world.metric = [](const CanaryWorld&) {
    return analysis::Sample{analysis::Sample::Kind::kError, 0, "connection refused"};
  };
  Applies applies;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(applies.last.reason, HasSubstr("connection refused"));
  EXPECT_EQ(applies.last.tallies.at("success").failed, 0);
}

TEST(CanaryTest, HoldCountsOnlyWhileSomebodyObserves) {
  Plan plan = CanaryReleasePlan();
  CanaryWorld world;
  Applies applies;
  bool cut = false;
  absl::Time cut_at;
  absl::Time raised_at = absl::InfiniteFuture();
  applies.meanwhile = [&](CanaryWorld& now) {
    if (!cut && now.weight == 10 && applies.last.hold_began.has_value() &&
        now.now - *applies.last.hold_began >= absl::Seconds(50)) {
      // The process was stopped for an hour.
      now.now += absl::Minutes(10);
      cut = true;
      cut_at = now.now;
    }
    if (now.weight == 50) raised_at = std::min(raised_at, now.now);
  };
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_TRUE(cut);
  EXPECT_GE(raised_at - cut_at, absl::Seconds(60));
}

TEST(CanaryTest, ClockSetBackDoesNotStopTheMeasurements) {
  CanaryWorld world;
  Applies applies;
  bool cut = false;
  applies.meanwhile = [&](CanaryWorld& now) {
    if (!cut && now.weight == 10) {
      now.now -= absl::Hours(5);
      cut = true;
    }
  };
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kSucceeded);
}

TEST(CanaryTest, WaitsForApprovalAndGoesOnWhenItComes) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 25;
  CanaryWorld world;
  Applies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_EQ(world.weight, 10);
  EXPECT_EQ(applies.last.canary.step_index, 0);
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld) << "nothing was approved since";
  EXPECT_EQ(world.weight, 10);
  plan.canary.approve_up_to = 50;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_EQ(world.weight, 50);
  EXPECT_EQ(world.stable_rolled, 0);
  plan.canary.approve_up_to.reset();
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_TRUE(world.IsAtRest());
}

TEST(CanaryTest, ApprovalOfNothingMeansReadyAndCheckedWithoutTraffic) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 0;
  plan.canary.checks_before_traffic = true;
  CanaryWorld world;
  Applies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_EQ(world.canary_ready, 1);
  EXPECT_FALSE(world.reference_added);
  EXPECT_THAT(world.done, Contains("RunChecks 0"));
}

TEST(CanaryTest, FailureWhileHeldIsRolledBackByTheNextApply) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 10;
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(plan, world), Outcome::kHeld);
  plan.canary.abort_reason = "success is 80";
  EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack);
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_THAT(applies.last.reason, HasSubstr("success is 80"));
}

TEST(CanaryTest, OnFailureHoldStaysAndMeasuresAgain) {
  Plan plan = CanaryReleasePlan();
  plan.on_failure = OnFailure::kHold;
  CanaryWorld world;
  world.metric = [](const CanaryWorld&) { return Value(0); };
  Applies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kFailed);
  EXPECT_EQ(world.weight, 10);
  world.metric = [](const CanaryWorld&) { return Value(100); };
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_TRUE(world.IsAtRest());
}

TEST(CanaryTest, PromotionThatFailsPutsStableBack) {
  CanaryWorld world;
  world.breaks_in_promotion = true;
  Applies applies;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_FALSE(world.stable_has_new);
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_EQ(world.stable_rolled, 2);
}

TEST(CanaryTest, CheckAfterThePromotionPutsStableBack) {
  Plan plan = CanaryReleasePlan();
  plan.has_checks = true;
  CanaryWorld world;
  world.verdict = Checks::kFailed;
  Applies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack);
  EXPECT_FALSE(world.stable_has_new);
  EXPECT_TRUE(world.IsAtRest());
}

TEST(CanaryTest, ChecksRunAtTheirMoments) {
  Plan plan = CanaryReleasePlan();
  plan.has_checks = true;
  plan.canary.checks_before_traffic = true;
  plan.canary.checks_before_promotion = true;
  plan.canary.steps[1].has_checks = true;
  CanaryWorld world;
  Applies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_THAT(
      world.done,
      ElementsAre("RecordRoute", "ApplyCanary 1", "RunChecks 0", "SetTraffic 10", "ApplyCanary 2",
                  "SetTraffic 50", "RunChecks 1", "RunChecks 2", "ApplyWorkload new",
                  "SetTraffic 0", "RestoreRoute", "RunChecks 3", "DeleteCanary"));
}

// The old version is not put back in between: stable is restarted once per release.
TEST(CanaryTest, AnotherVersionAfterThePromotionOnlyCleansUpFirst) {
  CanaryWorld world;
  Applies applies;
  Plan plan = CanaryReleasePlan();
  plan.has_checks = true;
  int promoted = 1;  // killed right after the step that follows the promotion is stored
  while (applies.Run(plan, world, promoted).has_value() ||
         applies.journal->canary.teardown != Teardown::kPromoted) {
    ASSERT_LT(++promoted, 100);
    world = CanaryWorld();
    applies = Applies();
  }
  plan.identity = RunIdentity("another");
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_EQ(applies.last.run_id, "run-2");
  EXPECT_THAT(world.done, Not(Contains("ApplyWorkload previous")));
  EXPECT_TRUE(world.IsAtRest());
}

TEST(CanaryTest, AnotherVersionTakesTheOldCanaryBackFirst) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 10;
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(plan, world), Outcome::kHeld);
  world.done.clear();
  plan.identity = RunIdentity("another");
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_THAT(world.done, ElementsAre("SetTraffic 0", "RestoreRoute", "DeleteCanary", "RecordRoute",
                                      "ApplyCanary 1", "SetTraffic 10"));
  EXPECT_EQ(applies.last.run_id, "run-2");
}

TEST(CanaryTest, PlainUpdateTakesTheCanaryBackFirst) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 10;
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(plan, world), Outcome::kHeld);
  world.done.clear();
  Plan back;
  back.identity = RunIdentity("as it was, with a label");
  EXPECT_EQ(applies.Run(back, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done,
              ElementsAre("SetTraffic 0", "RestoreRoute", "DeleteCanary", "ApplyWorkload new"));
}

TEST(CanaryTest, LaterStepsMayChangeWhileItIsHeld) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 10;
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(plan, world), Outcome::kHeld);
  world.done.clear();
  plan.canary.approve_up_to.reset();
  plan.canary.steps = {{.weight = 5, .hold = absl::Seconds(10)},
                       {.weight = 10, .hold = absl::Seconds(10)},
                       {.weight = 20, .hold = absl::Seconds(10)},
                       {.weight = 80, .hold = absl::Seconds(10)}};
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done,
              ElementsAre("ApplyCanary 1", "SetTraffic 20", "ApplyCanary 4", "SetTraffic 80",
                          "ApplyWorkload new", "SetTraffic 0", "RestoreRoute", "DeleteCanary"));
}

TEST(CanaryTest, ForeignChangeMeansNoTrafficAndFailure) {
  CanaryWorld world;
  Applies applies;
  applies.meanwhile = [](CanaryWorld& now) {
    if (now.weight == 50) now.foreign_change = "HTTPRoute shop/web was rewritten by argocd";
  };
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(applies.last.reason, HasSubstr("argocd"));
  EXPECT_EQ(world.weight, 0);
}

TEST(CanaryTest, RouteGuardsPodsThatTheStableServiceSelectsToo) {
  Plan plan = CanaryReleasePlan();
  plan.canary.route_guards = true;
  for (const bool good : {true, false}) {
    CanaryWorld world;
    world.route_guards = true;
    world.metric = [good](const CanaryWorld&) { return Value(good ? 100 : 0); };
    Applies applies;
    EXPECT_EQ(applies.Run(plan, world), good ? Outcome::kSucceeded : Outcome::kRolledBack);
    EXPECT_THAT(world.broken_invariants, IsEmpty());
    EXPECT_EQ(world.done[1], "ReserveRoute");
    EXPECT_EQ(world.done.back(), "RestoreRoute");
    EXPECT_TRUE(world.IsAtRest());
  }
}

TEST(CanaryTest, PromotionThatIsRefusedPutsNothingBack) {
  CanaryWorld world;
  Applies applies;
  applies.meanwhile = [&](CanaryWorld& now) {
    const bool promotes = applies.last.step == Step::kPromote && !now.next_action_fails.has_value();
    if (promotes && now.stable_rolled == 0) {
      now.next_action_fails = absl::AbortedError("conflict with kube-controller-manager");
    }
  };
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(applies.last.reason, HasSubstr("kube-controller-manager"));
  EXPECT_THAT(world.done, Not(Contains("ApplyWorkload previous")));
  EXPECT_TRUE(world.IsAtRest());
}

TEST(CanaryTest, CanaryThatLosesItsPodsHasItsTrafficTakenAtOnce) {
  CanaryWorld world;
  Applies applies;
  // Ready again and again, but not when the second step wants more of them.
  applies.meanwhile = [&](CanaryWorld& now) {
    if (applies.last.step == Step::kAwaitScaled && now.weight == 10) now.canary_ready = 0;
  };
  const absl::Time began = world.now;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(applies.last.reason, HasSubstr("no pod of the canary is ready"));
  EXPECT_LT(world.now - began, absl::Seconds(80)) << "not at the progress deadline";
}

TEST(CanaryTest, ForeignChangeIsNotHeld) {
  Plan plan = CanaryReleasePlan();
  plan.on_failure = OnFailure::kHold;
  CanaryWorld world;
  Applies applies;
  applies.meanwhile = [](CanaryWorld& now) {
    if (now.weight == 10) now.foreign_change = "HTTPRoute shop/web was rewritten by argocd";
  };
  EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack);
  EXPECT_EQ(world.weight, 0);
}

TEST(CanaryTest, ApprovalThatIsTakenBackBeforeThePromotionCounts) {
  Plan plan = CanaryReleasePlan();
  CanaryWorld world;
  Applies applies;
  int at = 0;
  // Killed when the promotion is next.
  while (applies.journal == std::nullopt || applies.journal->step != Step::kPromote) {
    world = CanaryWorld();
    applies = Applies();
    ASSERT_EQ(applies.Run(plan, world, ++at), std::nullopt);
  }
  ASSERT_FALSE(applies.journal->canary.stable_written);
  plan.canary.approve_up_to = 50;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_EQ(world.stable_rolled, 0);
}

TEST(CanaryTest, NothingIsWrittenWhenStableIsNotWell) {
  CanaryWorld world;
  world.stable_ready = 0;
  world.stable_desired = 0;
  Applies applies;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRefused);
  EXPECT_THAT(world.done, IsEmpty());
  EXPECT_THAT(applies.last.reason, HasSubstr("no ready pod"));
}

TEST(CanaryTest, RouteThatCannotBeUsedRefusesTheRelease) {
  CanaryWorld world;
  world.route_refused = absl::FailedPreconditionError("HTTPRoute shop/web already splits");
  Applies applies;
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRefused);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute"));
}

TEST(CanaryTest, AbortForMetricsWaitsForStableThatWasShrunk) {
  CanaryWorld world;
  world.metric = [](const CanaryWorld& now) { return Value(now.weight >= 50 ? 0 : 100); };
  Applies applies;
  absl::Time zero_at = absl::InfiniteFuture();
  absl::Time raised_at = absl::InfiniteFuture();
  applies.meanwhile = [&](CanaryWorld& now) {
    if (now.weight != 50) {
      if (raised_at < now.now) zero_at = std::min(zero_at, now.now);
      return;
    }
    raised_at = std::min(raised_at, now.now);
    now.stable_desired = now.now - raised_at < absl::Seconds(15) ? 2 : 4;
    now.stable_ready = std::min(now.stable_ready, now.stable_desired);
  };
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_GE(zero_at - raised_at, absl::Seconds(15));
  EXPECT_LE(zero_at - raised_at, absl::Seconds(30));
}

TEST(CanaryTest, ApiServerThatIsAwayForMinutesDoesNotLoseTheRun) {
  CanaryWorld world;
  Applies applies;
  absl::Time away = absl::InfiniteFuture();
  applies.meanwhile = [&](CanaryWorld& now) {
    if (now.weight == 10) away = std::min(away, now.now);
    now.unreachable = now.now >= away + absl::Seconds(5) && now.now < away + absl::Minutes(4);
  };
  EXPECT_EQ(applies.Run(CanaryReleasePlan(), world), Outcome::kSucceeded);
  EXPECT_EQ(world.stable_rolled, 1);
}

TEST(CanaryTest, StopIsAnsweredAtOnceAndTheNextApplyGoesOn) {
  Plan plan = CanaryReleasePlan();
  CanaryWorld whole;
  Applies count;
  ASSERT_EQ(count.Run(plan, whole), Outcome::kSucceeded);
  const int effects = count.effects;
  for (int at = 0; at < effects; ++at) {
    CanaryWorld world;
    Applies applies;
    const auto outcome = applies.Run(plan, world, Applies::kNever, at);
    ASSERT_TRUE(outcome == Outcome::kInterrupted || outcome == Outcome::kSucceeded)
        << at << " " << StepName(applies.last.step);
    EXPECT_LE(applies.effects, at + 5) << at;
    if (outcome == Outcome::kSucceeded) continue;
    EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded) << at;
    EXPECT_TRUE(world.IsAtRest()) << at;
    EXPECT_EQ(world.stable_rolled, 1) << at;
  }
}

// Killed before each effect, then continued.
TEST(CanaryTest, KilledAnywhereItIsResumedToTheSameEnd) {
  Plan plan = CanaryReleasePlan();
  plan.has_checks = true;
  plan.canary.checks_before_traffic = true;
  for (int at = 0;; ++at) {
    CanaryWorld world;
    Applies applies;
    const auto outcome = applies.Run(plan, world, at);
    if (outcome.has_value()) {
      EXPECT_GT(at, 25);
      break;
    }
    world.now += absl::Seconds(20);
    EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded) << at;
    EXPECT_TRUE(world.IsAtRest()) << at;
    EXPECT_EQ(world.stable_rolled, 1) << at;
    EXPECT_THAT(world.broken_invariants, IsEmpty());
  }
}

TEST(CanaryTest, KilledAnywhereItIsRolledBackWhenAskedTo) {
  Plan plan = CanaryReleasePlan();
  for (int at = 0;; ++at) {
    CanaryWorld world;
    Applies applies;
    plan.on_interrupt = OnInterrupt::kResume;
    if (applies.Run(plan, world, at).has_value()) break;
    const bool begun =
        applies.journal.has_value() && !applies.journal->canary.route_record.is_null();
    const bool decided = begun && applies.journal->canary.teardown == Teardown::kPromoted;
    plan.on_interrupt = OnInterrupt::kRollback;
    const auto outcome = applies.Run(plan, world);
    EXPECT_EQ(outcome, begun && !decided ? Outcome::kRolledBack : Outcome::kSucceeded) << at;
    EXPECT_TRUE(world.IsAtRest()) << at;
    EXPECT_EQ(world.stable_has_new, outcome == Outcome::kSucceeded) << at;
    EXPECT_THAT(world.broken_invariants, IsEmpty());
  }
}

// Killed while it is taken back, too.
TEST(CanaryTest, KilledInTheRollbackItIsFinished) {
  Plan plan = CanaryReleasePlan();
  for (int at = 0;; ++at) {
    CanaryWorld world;
    world.metric = [](const CanaryWorld& now) { return Value(now.weight >= 50 ? 0 : 100); };
    Applies applies;
    if (applies.Run(plan, world, at).has_value()) break;
    EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack) << at;
    EXPECT_TRUE(world.IsAtRest()) << at;
    EXPECT_EQ(world.stable_rolled, 0) << at;
  }
}

TEST(CanaryTest, JournalOfACanaryIsReadBackAsItWas) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 10;
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(plan, world), Outcome::kHeld);
  const State& state = applies.last;
  const auto again = DecodeState(EncodeState(state));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->SameRecord(state));
  EXPECT_EQ(again->canary, state.canary);
  EXPECT_EQ(again->tallies, state.tallies);
}

TEST(CanaryTest, DamagedJournalIsNoJournal) {
  Plan plan = CanaryReleasePlan();
  plan.canary.approve_up_to = 10;
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(plan, world), Outcome::kHeld);
  const Json good = EncodeState(applies.last);
  for (const char* key : {"canary", "step", "run_id", "identity", "started_at"}) {
    Json json = good;
    json.erase(key);
    EXPECT_EQ(DecodeState(json).status().code(), absl::StatusCode::kDataLoss) << key;
  }
  for (const char* key : {"teardown", "resume_step", "route_record"}) {
    Json json = good;
    json["canary"].erase(key);
    EXPECT_EQ(DecodeState(json).status().code(), absl::StatusCode::kDataLoss) << key;
  }
  Json index = good;
  index["canary"]["step_index"] = 2;
  EXPECT_FALSE(DecodeState(index).ok());
  Json tally = good;
  tally["measured"]["success"] = "damaged";
  EXPECT_FALSE(DecodeState(tally).ok());
}

TEST(ReplicaMathTest, SharesAreNeverLessThanAsked) {
  for (int stable = 1; stable <= 50; ++stable) {
    int before = 0;
    for (int weight = 1; weight <= 100; ++weight) {
      const int replicas = CanaryReplicas(weight, stable, false);
      EXPECT_GE(replicas, 1);
      EXPECT_GE(replicas * 100, weight * stable);
      EXPECT_LT((replicas - 1) * 100, std::max(weight * stable, 1));
      EXPECT_GE(replicas, before);
      before = replicas;
    }
  }
}

TEST(ReplicaMathTest, RatioOfPodsIsTheShare) {
  EXPECT_EQ(CanaryReplicas(50, 4, true), 4);
  EXPECT_EQ(CanaryReplicas(20, 4, true), 1);
  EXPECT_EQ(CanaryReplicas(25, 9, true), 3);
  EXPECT_EQ(CanaryReplicas(1, 3, true), 1);
  for (int stable = 1; stable <= 50; ++stable) {
    for (int weight = 1; weight <= 50; ++weight) {
      const double exact = static_cast<double>(weight) * stable / (100 - weight);
      const int replicas = CanaryReplicas(weight, stable, true);
      EXPECT_GE(replicas, 1);
      EXPECT_LE(std::abs(replicas - std::max(exact, 1.0)), 0.5);
    }
  }
}

}  // namespace
}  // namespace delivery::engine
