#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "provider/delivery/blue_green_world.h"

namespace delivery::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

analysis::Sample Value(double value) { return {analysis::Sample::Kind::kValue, value, ""}; }

// There is nothing yet.
Plan FirstReleasePlan(BlueGreenWorld& world) {
  Plan plan = BlueGreenReleasePlan();
  plan.first_release = true;
  plan.blue_green.active.clear();
  plan.blue_green.target = "blue";
  plan.blue_green.replicas = 4;
  world.slots.clear();
  world.active.clear();
  world.target = "blue";
  world.routed.clear();
  return plan;
}

Plan InPlacePlan() {
  Plan plan = BlueGreenReleasePlan();
  plan.analysis = {};
  plan.blue_green.in_place = true;
  return plan;
}

TEST(BlueGreenTest, GoodReleaseIsOneSwitchAndKeepsTheOldSlot) {
  BlueGreenWorld world;
  BlueGreenApplies applies;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.checks_before_promotion = plan.has_checks = true;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done,
              ElementsAre("RecordRoute", "SetTraffic 0", "Preview", "ApplyCanary 1", "RunChecks 2",
                          "ApplyCanary 4", "SetTraffic 100", "RunChecks 3", "RestorePreview"));
  EXPECT_THAT(world.broken_invariants, IsEmpty());
  EXPECT_EQ(world.routed, "green");
  EXPECT_EQ(world.slots["blue"].ready, 4);
  EXPECT_EQ(world.previewed, "");
  EXPECT_FALSE(applies.journal.has_value());
  EXPECT_TRUE(applies.last.slots->switched_at.has_value());
}

TEST(BlueGreenTest, OldSlotIsScaledToZeroWhenItIsNotKept) {
  BlueGreenWorld world;
  BlueGreenApplies applies;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.keep_previous = false;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_EQ(world.done.back(), "EmptySlot blue");
  EXPECT_EQ(world.slots["blue"].desired, 0);
  EXPECT_THAT(world.broken_invariants, IsEmpty());
}

TEST(BlueGreenTest, FirstReleaseGetsFullSizeAndThenTheTraffic) {
  BlueGreenWorld world;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(FirstReleasePlan(world), world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute", "Preview", "ApplyCanary 4", "SetTraffic 100",
                                      "RestorePreview"));
  EXPECT_EQ(world.routed, "blue");
}

TEST(BlueGreenTest, FailedFirstReleaseIsRemoved) {
  BlueGreenWorld world;
  world.broken_version = "2";
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(FirstReleasePlan(world), world), Outcome::kRemoved);
  EXPECT_EQ(world.routed, "");
  EXPECT_FALSE(world.slots["blue"].exists);
  EXPECT_THAT(applies.last.reason, HasSubstr("ImagePullBackOff"));
  EXPECT_FALSE(applies.journal.has_value());
}

TEST(BlueGreenTest, FailedFirstReleaseIsLeftWhenAsked) {
  BlueGreenWorld world;
  world.verdict = Checks::kFailed;
  Plan plan = FirstReleasePlan(world);
  plan.on_failure = OnFailure::kKeep;
  plan.has_checks = true;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kFailed);
  EXPECT_EQ(world.routed, "blue") << "nothing else serves";
  EXPECT_EQ(applies.last.step, Step::kDone);
}

TEST(BlueGreenTest, BadSlotNeverGetsARequest) {
  BlueGreenWorld world;
  world.broken_version = "2";
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(BlueGreenReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_THAT(world.done, Not(Contains("SetTraffic 100")));
  EXPECT_EQ(world.routed, "blue");
  EXPECT_EQ(world.slots["green"].desired, 0);
  EXPECT_EQ(world.previewed, "");
}

TEST(BlueGreenTest, FailedCheckOfTheIdleSlotEndsTheRelease) {
  BlueGreenWorld world;
  world.verdict = Checks::kFailed;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.checks_before_promotion = true;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack);
  EXPECT_THAT(world.done, Not(Contains("SetTraffic 100")));
  EXPECT_THAT(applies.last.reason, HasSubstr("smoke"));
}

TEST(BlueGreenTest, FailingMetricAfterTheSwitchSwitchesBackAtOnce) {
  BlueGreenWorld world;
  absl::Time failed_at = absl::InfiniteFuture();
  absl::Time back_at = absl::InfiniteFuture();
  int measured = 0;
  world.metric = [&](const BlueGreenWorld& now) {
    if (++measured < 3) return Value(100);
    failed_at = std::min(failed_at, now.now);
    return Value(80);
  };
  BlueGreenApplies applies;
  applies.meanwhile = [&](BlueGreenWorld& now) {
    if (failed_at <= now.now && now.routed == "blue") back_at = std::min(back_at, now.now);
  };
  EXPECT_EQ(applies.Run(BlueGreenReleasePlan(), world), Outcome::kRolledBack);
  EXPECT_LT(back_at - failed_at, absl::Seconds(1));
  EXPECT_THAT(applies.last.reason, HasSubstr("80"));
  EXPECT_EQ(world.slots["green"].desired, 0);
  EXPECT_THAT(world.broken_invariants, IsEmpty());
}

TEST(BlueGreenTest, KeptFailureHasNoTraffic) {
  BlueGreenWorld world;
  world.metric = [](const BlueGreenWorld&) { return Value(0); };
  Plan plan = BlueGreenReleasePlan();
  plan.on_failure = OnFailure::kKeep;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kFailed);
  EXPECT_EQ(world.routed, "blue");
  EXPECT_EQ(world.slots["green"].ready, 4) << "it is there to be looked at";
  world.metric = [](const BlueGreenWorld&) { return Value(100); };
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_EQ(world.routed, "green");
}

TEST(BlueGreenTest, WaitsForApprovalAtPreviewSize) {
  BlueGreenWorld world;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.approved = false;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_EQ(world.slots["green"].ready, 1);
  EXPECT_EQ(world.previewed, "green");
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld) << "nothing was approved since";
  EXPECT_EQ(world.routed, "blue");
  plan.blue_green.approved = true;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_EQ(world.routed, "green");
}

TEST(BlueGreenTest, HeldReleaseIsTakenBackForAReason) {
  BlueGreenWorld world;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.approved = false;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  plan.blue_green.abort_reason = "the slot was deleted while it was held";
  EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack);
  EXPECT_EQ(world.slots["green"].desired, 0);
  EXPECT_THAT(applies.last.reason, HasSubstr("while it was held"));
}

TEST(BlueGreenTest, OnInterruptRollbackDoesNotTakeBackWhatIsHeld) {
  BlueGreenWorld world;
  Plan plan = BlueGreenReleasePlan();
  plan.on_interrupt = OnInterrupt::kRollback;
  plan.blue_green.approved = false;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
}

TEST(BlueGreenTest, ReturnToAKeptSlotIsOneSwitch) {
  BlueGreenWorld world;
  world.slots["green"] = {true, "2", 4, 4, 0};
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.returns = true;
  plan.blue_green.approved = false;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute", "SetTraffic 0", "ApplyCanary 4",
                                      "SetTraffic 100", "RestorePreview"));
}

TEST(BlueGreenTest, ReturnToASlotThatSomebodyChangedIsARelease) {
  BlueGreenWorld world;
  world.slots["green"] = {true, "7", 4, 4, 0};
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.returns = true;
  plan.blue_green.checks_before_promotion = true;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, Contains("RunChecks 2"));
  EXPECT_THAT(world.done, Contains("ApplyCanary 1"));
}

TEST(BlueGreenTest, LostSwitchIsRepairedFirst) {
  BlueGreenWorld world;
  world.routed = "green";  // by hand
  world.slots["green"] = {true, "0", 1, 1, 0};
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(InPlacePlan(), world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute", "SetTraffic 0", "ApplyWorkload new"));
  EXPECT_EQ(world.routed, "blue");
}

TEST(BlueGreenTest, ExpiredSlotIsScaledToZeroAndNothingElseIsDone) {
  BlueGreenWorld world;
  world.slots["green"] = {true, "0", 4, 4, 0};
  Plan plan = InPlacePlan();
  plan.blue_green.write_active = false;
  plan.blue_green.retire_previous = true;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute", "SetTraffic 0", "EmptySlot green"));
}

TEST(BlueGreenTest, ChangeOfTheRouteByOthersEndsTheRelease) {
  BlueGreenWorld world;
  Plan plan = BlueGreenReleasePlan();
  BlueGreenApplies applies;
  applies.meanwhile = [](BlueGreenWorld& now) {
    if (now.routed == "green") {
      now.routed = "blue";
      now.foreign_change = "somebody took slot out of the selector";
    }
  };
  EXPECT_EQ(applies.Run(plan, world), Outcome::kRolledBack);
  EXPECT_EQ(world.routed, "blue");
  EXPECT_THAT(applies.last.reason, HasSubstr("somebody"));
}

TEST(BlueGreenTest, TrafficStaysWhereTheOldSlotIsGone) {
  BlueGreenWorld world;
  world.metric = [](const BlueGreenWorld&) { return Value(0); };
  BlueGreenApplies applies;
  applies.meanwhile = [](BlueGreenWorld& now) {
    if (now.routed == "green") now.slots["blue"] = {};
  };
  EXPECT_EQ(applies.Run(BlueGreenReleasePlan(), world), Outcome::kFailed);
  EXPECT_EQ(world.routed, "green");
  EXPECT_THAT(applies.last.reason, HasSubstr("was not switched back"));
}

TEST(BlueGreenTest, ActiveSlotThatIsDeletedDoesNotStopTheRelease) {
  BlueGreenWorld world;
  BlueGreenApplies applies;
  applies.meanwhile = [](BlueGreenWorld& now) {
    if (now.slots["green"].exists) now.slots["blue"] = {};
  };
  EXPECT_EQ(applies.Run(BlueGreenReleasePlan(), world), Outcome::kSucceeded);
  EXPECT_EQ(world.routed, "green");
}

TEST(BlueGreenTest, RefusedRouteChangesNothing) {
  BlueGreenWorld world;
  world.route_refused = absl::NotFoundError("Service shop/web does not exist");
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(BlueGreenReleasePlan(), world), Outcome::kRefused);
  EXPECT_THAT(world.done, ElementsAre("RecordRoute"));
}

TEST(BlueGreenTest, AnotherVersionTakesTheOpenOneBackFirst) {
  BlueGreenWorld world;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.approved = false;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  Plan next = BlueGreenReleasePlan();
  next.identity = RunIdentity("{\"other\":1}");
  world.done.clear();
  world.new_version = "3";
  EXPECT_EQ(applies.Run(next, world), Outcome::kSucceeded);
  EXPECT_THAT(world.done, Contains("EmptySlot green"));
  EXPECT_EQ(world.slots["green"].version, "3");
  EXPECT_EQ(world.routed, "green");
}

TEST(BlueGreenTest, BackToWhatServesTakesTheHeldVersionBack) {
  BlueGreenWorld world;
  Plan plan = BlueGreenReleasePlan();
  plan.blue_green.approved = false;
  BlueGreenApplies applies;
  EXPECT_EQ(applies.Run(plan, world), Outcome::kHeld);
  Plan back = InPlacePlan();
  back.identity = RunIdentity("{\"other\":1}");
  world.new_version = "1";
  EXPECT_EQ(applies.Run(back, world), Outcome::kSucceeded);
  EXPECT_EQ(world.slots["green"].desired, 0);
  EXPECT_EQ(world.slots["blue"].version, "1");
  EXPECT_EQ(world.routed, "blue");
  EXPECT_EQ(world.previewed, "");
}

TEST(BlueGreenTest, StateSurvivesItsStoredForm) {
  BlueGreenWorld world;
  BlueGreenApplies applies;
  Plan plan = BlueGreenReleasePlan();
  EXPECT_EQ(applies.Run(plan, world, /*kill_at=*/19), std::nullopt);
  const State& state = *applies.journal;
  EXPECT_TRUE(state.slots.has_value());
  EXPECT_TRUE(DecodeState(EncodeState(state))->SameRecord(state));
  Json damaged = EncodeState(state);
  damaged["slots"].erase("route_record");
  EXPECT_FALSE(DecodeState(damaged).ok());
  damaged = EncodeState(state);
  damaged["slots"]["switched_at"] = "yesterday";
  EXPECT_FALSE(DecodeState(damaged).ok());
}

// ---- Kills and stops at every edge

struct Story {
  const char* name;
  bool fails_after_switch;
  bool keep_previous;
  bool first;
};

Plan PlanOf(const Story& story, BlueGreenWorld& world) {
  Plan plan = story.first ? FirstReleasePlan(world) : BlueGreenReleasePlan();
  plan.has_checks = plan.blue_green.checks_before_promotion = true;
  plan.blue_green.keep_previous = story.keep_previous;
  if (story.fails_after_switch) {
    world.metric = [](const BlueGreenWorld&) { return Value(0); };
  }
  return plan;
}

class BlueGreenEdgeTest : public ::testing::TestWithParam<Story> {};
// Stories with a version to go back to.
class BlueGreenWayBackTest : public ::testing::TestWithParam<Story> {};

void ExpectEnd(const Story& story, BlueGreenWorld& world, std::optional<Outcome> outcome) {
  EXPECT_THAT(world.broken_invariants, IsEmpty());
  EXPECT_EQ(world.previewed, "");
  if (story.fails_after_switch) {
    EXPECT_EQ(outcome, story.first ? Outcome::kRemoved : Outcome::kRolledBack);
    EXPECT_EQ(world.routed, story.first ? "" : "blue");
    if (!story.first) {
      EXPECT_EQ(world.slots["green"].desired, 0);
    }
    return;
  }
  EXPECT_EQ(outcome, Outcome::kSucceeded);
  EXPECT_EQ(world.routed, story.first ? "blue" : "green");
  if (!story.first) {
    EXPECT_EQ(world.slots["blue"].desired, story.keep_previous ? 4 : 0);
  }
}

TEST_P(BlueGreenEdgeTest, KilledAnywhereTheNextApplyEndsTheSame) {
  for (int kill_at = 0;; ++kill_at) {
    SCOPED_TRACE(kill_at);
    BlueGreenWorld world;
    const Plan plan = PlanOf(GetParam(), world);
    BlueGreenApplies applies;
    std::optional<Outcome> outcome = applies.Run(plan, world, kill_at);
    const bool killed = !outcome.has_value();
    if (killed) {
      world.Pass(absl::Seconds(20));
      outcome = applies.Run(plan, world);
    }
    ExpectEnd(GetParam(), world, outcome);
    if (!killed || HasFailure()) break;
  }
}

TEST_P(BlueGreenEdgeTest, StoppedAnywhereTheNextApplyEndsTheSame) {
  for (int stop_at = 0; stop_at < 60; ++stop_at) {
    SCOPED_TRACE(stop_at);
    BlueGreenWorld world;
    const Plan plan = PlanOf(GetParam(), world);
    BlueGreenApplies applies;
    std::optional<Outcome> outcome = applies.Run(plan, world, BlueGreenApplies::kNever, stop_at);
    if (outcome == Outcome::kInterrupted) outcome = applies.Run(plan, world);
    ExpectEnd(GetParam(), world, outcome);
    if (HasFailure()) break;
  }
}

TEST_P(BlueGreenWayBackTest, KilledAnywhereOnInterruptRollbackGoesBackOrIsDone) {
  for (int kill_at = 0;; ++kill_at) {
    SCOPED_TRACE(kill_at);
    BlueGreenWorld world;
    Plan plan = PlanOf(GetParam(), world);
    plan.on_interrupt = OnInterrupt::kRollback;
    BlueGreenApplies applies;
    std::optional<Outcome> outcome = applies.Run(plan, world, kill_at);
    const bool killed = !outcome.has_value();
    if (killed) {
      world.Pass(absl::Seconds(20));
      outcome = applies.Run(plan, world);
    }
    EXPECT_THAT(world.broken_invariants, IsEmpty());
    EXPECT_TRUE(outcome == Outcome::kSucceeded || outcome == Outcome::kRolledBack);
    EXPECT_EQ(world.routed, outcome == Outcome::kSucceeded ? "green" : "blue");
    if (!killed || HasFailure()) break;
  }
}

const Story kUpdates[] = {{"Good", false, true, false},
                          {"GoodNotKept", false, false, false},
                          {"Bad", true, true, false}};
const Story kFirstReleases[] = {{"First", false, true, true}, {"BadFirst", true, true, true}};

std::string NameOf(const ::testing::TestParamInfo<Story>& one) { return one.param.name; }

INSTANTIATE_TEST_SUITE_P(Updates, BlueGreenEdgeTest, ::testing::ValuesIn(kUpdates), NameOf);
INSTANTIATE_TEST_SUITE_P(FirstReleases, BlueGreenEdgeTest, ::testing::ValuesIn(kFirstReleases),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Updates, BlueGreenWayBackTest, ::testing::ValuesIn(kUpdates), NameOf);

}  // namespace
}  // namespace delivery::engine
