#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "provider/delivery/canary_world.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Plan Ended(Plan plan) {
  plan.variant.serve = false;
  return plan;
}

TEST(VariantTest, ServesOnceItIsReadyAndKeepsItsJournal) {
  CanaryWorld world;
  Applies applies;
  EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute", "ApplyCanary 2", "SetTraffic 0 match"));
  ASSERT_TRUE(applies.journal.has_value());
  EXPECT_EQ(applies.journal->step, Step::kServing);
  EXPECT_FALSE(applies.journal->canary.route_record.is_null());
  EXPECT_EQ(world.stable_rolled, 0);
}

TEST(VariantTest, MirrorGetsCopiesOnly) {
  CanaryWorld world;
  Applies applies;
  Plan plan = VariantTestPlan();
  plan.variant = {.mirror = 20};
  EXPECT_EQ(applies.Run(plan, world), Outcome::kServing);
  EXPECT_THAT(world.done, Contains("SetTraffic 0 mirror 20"));
  EXPECT_EQ(applies.journal->canary.mirror, 20);
}

TEST(VariantTest, EndedItGivesTheTrafficBackFirstAndLeavesNothing) {
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
  world.done.clear();
  EXPECT_EQ(applies.Run(Ended(VariantTestPlan()), world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, ElementsAre("SetTraffic 0", "RestoreRoute", "DeleteCanary"));
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_FALSE(applies.journal.has_value());
}

TEST(VariantTest, WithoutARunThereIsNothingToEnd) {
  CanaryWorld world;
  Applies applies;
  EXPECT_EQ(applies.Run(Ended(VariantTestPlan()), world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, IsEmpty());
}

TEST(VariantTest, OneThatServesGetsAnotherSizeAndShareInPlace) {
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
  world.done.clear();
  Plan plan = VariantTestPlan();
  plan.variant = {.replicas = 3, .weight = 30};
  EXPECT_EQ(applies.Run(plan, world), Outcome::kServing);
  EXPECT_THAT(world.done, ElementsAre("ApplyCanary 3", "SetTraffic 30"));
}

TEST(VariantTest, AnotherVersionTakesItsPlaceAfterTheTrafficWentBack) {
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
  world.done.clear();
  Plan plan = VariantTestPlan();
  plan.identity = RunIdentity("{\"other\":1}");
  EXPECT_EQ(applies.Run(plan, world), Outcome::kServing);
  EXPECT_THAT(world.done, ElementsAre("SetTraffic 0", "RestoreRoute", "DeleteCanary", "RecordRoute",
                                      "ApplyCanary 2", "SetTraffic 0 match"));
  EXPECT_EQ(applies.journal->identity, plan.identity);
}

TEST(VariantTest, WhatSomebodyTookAwayIsMadeAnewAfterTheTrafficWentBack) {
  CanaryWorld world;
  Applies applies;
  ASSERT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
  world.done.clear();
  world.canary_exists = false;
  world.canary_ready = world.canary_desired = 0;
  EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
  EXPECT_THAT(world.done, ElementsAre("SetTraffic 0", "RestoreRoute", "DeleteCanary", "RecordRoute",
                                      "ApplyCanary 2", "SetTraffic 0 match"));
}

TEST(VariantTest, OneThatCannotStartIsTakenBackWithoutAnyTraffic) {
  CanaryWorld world;
  world.new_is_broken = true;
  Applies applies;
  EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(world.done, Not(Contains("SetTraffic 0 match")));
  EXPECT_THAT(applies.last.reason, HasSubstr("ImagePullBackOff"));
  EXPECT_TRUE(world.IsAtRest());
}

TEST(VariantTest, TheWorkloadMayBeReleasedMeanwhile) {
  CanaryWorld world;
  world.stable_to_roll = 1000;  // not complete for a long time
  Applies applies;
  EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
}

TEST(VariantTest, NothingBeginsBesideAWorkloadWithoutReadyPods) {
  CanaryWorld world;
  world.stable_ready = world.stable_desired = 0;
  Applies applies;
  EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kRefused);
  EXPECT_THAT(world.done, IsEmpty());
  EXPECT_THAT(applies.last.reason, HasSubstr("compare a variant with"));
}

TEST(VariantTest, WhereTheServiceSelectsBothTheRouteIsWrittenFirstAndPutBackLast) {
  CanaryWorld world;
  world.route_guards = true;
  Plan plan = VariantTestPlan();
  plan.canary.route_guards = true;
  Applies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kServing);
  EXPECT_EQ(applies.Run(Ended(plan), world), Outcome::kSucceeded);
  EXPECT_THAT(world.done,
              ElementsAre("RecordRoute", "ReserveRoute", "ApplyCanary 2", "SetTraffic 0 match",
                          "SetTraffic 0", "DeleteCanary", "RestoreRoute"));
  EXPECT_THAT(world.broken_invariants, IsEmpty());
}

TEST(VariantTest, AnEndThatWasInterruptedBecomesANewBeginningWhenItsTimeIsMadeLonger) {
  for (int at = 0;; ++at) {
    CanaryWorld world;
    Applies applies;
    ASSERT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing);
    if (applies.Run(Ended(VariantTestPlan()), world, at).has_value()) break;
    EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kServing) << at;
    EXPECT_TRUE(world.match) << at;
    EXPECT_EQ(world.canary_ready, 2) << at;
  }
}

// Killed before each effect of a create, a change, a replacement and an end, then continued.
TEST(VariantTest, KilledAnywhereItIsContinuedToTheSameEnd) {
  Plan other = VariantTestPlan();
  other.identity = RunIdentity("{\"other\":1}");
  Plan larger = VariantTestPlan();
  larger.variant = {.replicas = 4, .weight = 25};
  for (const bool guards : {false, true}) {
    int points = 0;
    for (Plan wanted : {VariantTestPlan(), larger, other, Ended(VariantTestPlan())}) {
      wanted.canary.route_guards = guards;
      for (int at = 0;; ++at, ++points) {
        CanaryWorld world;
        world.route_guards = guards;
        Applies applies;
        Plan first = VariantTestPlan();
        first.canary.route_guards = guards;
        if (!(wanted.variant.match && wanted.variant.serve && wanted.identity == first.identity)) {
          ASSERT_EQ(applies.Run(first, world), Outcome::kServing);
        }
        if (applies.Run(wanted, world, at).has_value()) break;
        const Outcome end = wanted.variant.serve ? Outcome::kServing : Outcome::kSucceeded;
        EXPECT_EQ(applies.Run(wanted, world), end) << at;
        EXPECT_EQ(world.IsAtRest(), !wanted.variant.serve) << at;
        EXPECT_EQ(world.weight, wanted.variant.serve ? wanted.variant.weight : 0) << at;
        EXPECT_EQ(world.stable_rolled, 0);
        EXPECT_THAT(world.broken_invariants, IsEmpty()) << at;
      }
    }
    EXPECT_GT(points, 30);
  }
}

TEST(VariantTest, KilledAnywhereOneThatCannotStartLeavesNothing) {
  for (int at = 0;; ++at) {
    CanaryWorld world;
    world.new_is_broken = true;
    Applies applies;
    if (applies.Run(VariantTestPlan(), world, at).has_value()) break;
    EXPECT_EQ(applies.Run(VariantTestPlan(), world), Outcome::kRolledBack) << at;
    EXPECT_TRUE(world.IsAtRest()) << at;
  }
}

// One life of a variant among random events: whatever happens, the invariants of the world hold at
// each effect, the workload is never written, and its end leaves nothing.
void LiveThrough(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
  CanaryWorld world;
  world.route_guards = below(2) == 0;
  Applies applies;
  applies.meanwhile = [&](CanaryWorld& now) {
    now.foreign_change.reset();
    now.unreachable = false;
    switch (below(60)) {
      case 0:
        now.canary_ready = 0;
        break;
      case 1:
        now.stable_ready = below(4);
        break;
      case 2:
        now.unreachable = true;
        break;
      case 3:
        now.next_action_fails = absl::UnavailableError("a moment");
        break;
      case 4:
        now.foreign_change = "HTTPRoute shop/web was changed";
        break;
      case 5:
        now.stable_to_roll = below(5);
        break;
      case 6:
        now.now += absl::Seconds(below(90) - 30);
        break;
      default:
        break;
    }
  };
  Plan plan = VariantTestPlan();
  plan.canary.route_guards = world.route_guards;
  for (int apply = 0; apply < 6; ++apply) {
    plan.variant = {.serve = below(4) > 0, .replicas = 1 + below(3), .match = below(2) == 0};
    if (!plan.variant.match) plan.variant.weight = 10 * (1 + below(9));
    if (below(3) == 0) plan.identity = RunIdentity(std::to_string(below(2)));
    const int kill = below(2) == 0 ? below(25) : Applies::kNever;
    const int stop = below(3) == 0 ? below(25) : Applies::kNever;
    const std::optional<Outcome> outcome = applies.Run(plan, world, kill, stop);
    if (outcome == Outcome::kServing) {
      EXPECT_EQ(world.weight, plan.variant.weight);
    }
    if (outcome == Outcome::kRolledBack || outcome == Outcome::kSucceeded) {
      EXPECT_TRUE(world.IsAtRest());
    }
    ASSERT_THAT(world.broken_invariants, IsEmpty());
  }
  applies.meanwhile = [](CanaryWorld&) {};
  world.unreachable = false;
  world.foreign_change.reset();
  world.next_action_fails.reset();
  plan.variant.serve = false;
  const std::optional<Outcome> end = applies.Run(plan, world);
  EXPECT_TRUE(end == Outcome::kSucceeded || end == Outcome::kRolledBack);
  EXPECT_TRUE(world.IsAtRest());
  EXPECT_EQ(world.stable_rolled, 0);
}

TEST(VariantTest, RandomEventsNeverBreakWhatMustHold) {
  for (uint32_t seed = 0; seed < kRandomWorlds; ++seed) {
    LiveThrough(seed);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace delivery::engine
