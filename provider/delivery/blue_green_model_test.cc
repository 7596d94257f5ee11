// Random clusters against the engine: pods die, autoscalers scale, sources fail, the API server
// goes away, the clock jumps, somebody switches by hand, the process is killed and stopped. What
// must hold is checked at every look. A failure names its seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/delivery/blue_green_world.h"

namespace delivery::engine {
namespace {

enum class Event {
  kPodDies,
  kScaledUp,
  kBadMetric,
  kApiAway,
  kActionFails,
  kForeignChange,
  kClockForward,
  kClockBack,
  kLast = kClockBack,
};

struct Scripted {
  int at = 0;  // look
  Event event = Event::kPodDies;
};

class Simulation {
 public:
  explicit Simulation(uint32_t seed) : random_(seed) {
    plan_ = BlueGreenReleasePlan();
    plan_.has_checks = plan_.blue_green.checks_before_promotion = Below(2) == 0;
    plan_.blue_green.keep_previous = Below(2) == 0;
    plan_.analysis.limits.consecutive_error_limit = 12;
    for (int i = Below(6); i > 0; --i) {
      events_.push_back(
          {Below(160), static_cast<Event>(Below(static_cast<int>(Event::kLast) + 1))});
    }
    for (int i = Below(4); i > 0; --i) kills_.push_back(Below(40));
    if (Below(3) == 0) stops_.push_back(Below(40));
    rollback_ = Below(4) == 0;
    world_.metric = [this](const BlueGreenWorld&) {
      const double value = bad_ ? 10 : 100;
      bad_ = false;
      return analysis::Sample{analysis::Sample::Kind::kValue, value, ""};
    };
    applies_.meanwhile = [this](BlueGreenWorld& world) { Meanwhile(world); };
  }

  std::set<std::string> Run() {
    std::optional<Outcome> outcome;
    for (size_t apply = 0; apply < 8; ++apply) {
      if (apply > 0 && rollback_) plan_.on_interrupt = OnInterrupt::kRollback;
      const int kill = apply < kills_.size() ? kills_[apply] : BlueGreenApplies::kNever;
      const int stop = apply < stops_.size() ? stops_[apply] : BlueGreenApplies::kNever;
      outcome = applies_.Run(plan_, world_, kill, stop);
      if (outcome == Outcome::kSucceeded || outcome == Outcome::kRolledBack) break;
      away_until_ = absl::InfinitePast();
      world_.Pass(absl::Seconds(30));
    }
    Judge(outcome);
    return wrong_;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

  void Meanwhile(BlueGreenWorld& world) {
    world.unreachable = world.now < away_until_;
    for (const Scripted& scripted : events_) {
      if (scripted.at == look_) Happens(scripted.event, world);
    }
    ++look_;
    // Before the switch the slot that serves is not touched by anybody but its pods' fate.
    if (world.routed == "blue" && world.slots["blue"].version != "1") {
      wrong_.insert("the slot that serves was written");
    }
  }

  void Happens(Event event, BlueGreenWorld& world) {
    switch (event) {
      case Event::kPodDies:
        world.slots["green"].ready = std::max(0, world.slots["green"].ready - 1);
        break;
      case Event::kScaledUp:
        if (world.routed == "blue" && !world.slots["green"].exists) {
          world.slots["blue"].desired += 2;
        }
        break;
      case Event::kBadMetric:
        bad_ = true;
        break;
      case Event::kApiAway:
        away_until_ = world.now + absl::Seconds(90);
        break;
      case Event::kActionFails:
        world.next_action_fails = absl::UnavailableError("etcdserver: leader changed");
        break;
      case Event::kForeignChange:
        if (applies_.last.step == Step::kAfterSwitch) world.foreign_change = "switched by hand";
        break;
      case Event::kClockForward:
        world.now += absl::Minutes(7);
        break;
      case Event::kClockBack:
        world.now -= absl::Minutes(7);
        break;
    }
  }

  void Judge(const std::optional<Outcome>& outcome) {
    for (const std::string& one : world_.broken_invariants) wrong_.insert(one);
    const bool switched = outcome == Outcome::kSucceeded;
    if (!switched && outcome != Outcome::kRolledBack) {
      wrong_.insert(absl::StrCat("no verdict: ", applies_.last.reason));
      return;
    }
    if (world_.routed != (switched ? "green" : "blue")) wrong_.insert("the other slot serves");
    if (!world_.previewed.empty()) wrong_.insert("the preview was not put back");
    if (applies_.journal.has_value()) wrong_.insert("the journal stays");
    const int kept = world_.slots[switched ? "blue" : "green"].desired;
    const bool keeps = switched && plan_.blue_green.keep_previous;
    if ((kept > 0) != keeps) wrong_.insert("the slot that does not serve has the wrong size");
  }

  std::mt19937 random_;
  Plan plan_;
  BlueGreenWorld world_;
  BlueGreenApplies applies_;
  std::vector<Scripted> events_;
  std::vector<int> kills_;
  std::vector<int> stops_;
  bool rollback_ = false;
  bool bad_ = false;
  int look_ = 0;
  absl::Time away_until_ = absl::InfinitePast();
  std::set<std::string> wrong_;
};

TEST(BlueGreenModelTest, WhateverHappensTheInvariantsHold) {
  int shown = 0;
  for (uint32_t seed = 0; seed < kRandomWorlds && shown < 5; ++seed) {
    const std::set<std::string> wrong = Simulation(seed).Run();
    if (wrong.empty()) continue;
    ++shown;
    ADD_FAILURE() << "seed " << seed << ": " << absl::StrJoin(wrong, "; ");
  }
}

}  // namespace
}  // namespace delivery::engine
