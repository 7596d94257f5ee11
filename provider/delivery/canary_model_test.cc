// Random clusters against the engine: pods die, autoscalers scale, sources fail, the API server
// goes away, the clock jumps, the process is killed and stopped. What must hold is checked at every
// look, and by a small model of what a step needs. A failure names its seed and how few events it
// needs.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/delivery/canary_world.h"

namespace delivery::engine {
namespace {

enum class Event {
  kPodDies,
  kScaledUp,
  kScaledDown,
  kBadMetric,
  kNoData,
  kSourceDown,
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

struct Script {
  std::vector<Scripted> events;
  std::vector<int> kills;  // effect number, per apply
  std::vector<int> stops;
  bool rollback_on_interrupt = false;
};

Script ScriptOf(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
  Script script;
  for (int i = below(6); i > 0; --i) {
    script.events.push_back(
        {below(220), static_cast<Event>(below(static_cast<int>(Event::kLast) + 1))});
  }
  for (int i = below(3); i > 0; --i) script.kills.push_back(below(45));
  if (below(3) == 0) script.stops.push_back(below(45));
  script.rollback_on_interrupt = below(4) == 0;
  return script;
}

// What a release may do, kept apart from the engine: a weight rises only after its predecessor was
// held, observed and measured well.
struct Model {
  int weight = 0;
  absl::Time since;
  int good_measurements = 0;
  bool held = false;  // long enough, at some time since the weight was written
  bool measured = false;
  std::vector<std::string> wrong;

  // Nobody observed for a while: the hold begins anew.
  void LoseSight(absl::Time now) {
    since = now;
    good_measurements = 0;
  }

  void See(const CanaryWorld& world) {
    held = held || world.now - since >= absl::Seconds(60);
    measured = measured || good_measurements > 0;
    if (world.weight == weight) return;
    if (world.weight > weight && weight > 0) {
      if (!held) wrong.push_back(absl::StrCat("weight ", weight, " was left too early"));
      if (!measured) wrong.push_back(absl::StrCat("weight ", weight, " was not measured"));
    }
    weight = world.weight;
    held = measured = false;
    LoseSight(world.now);
  }
};

class Simulation {
 public:
  explicit Simulation(const Script& script) : script_(script) {
    plan_ = CanaryReleasePlan();
    plan_.analysis.limits.consecutive_error_limit = 12;
    plan_.analysis.limits.inconclusive_limit = 2;
    world_.metric = [this](const CanaryWorld&) { return Measured(); };
    applies_.meanwhile = [this](CanaryWorld& world) { Meanwhile(world); };
  }

  // What was violated.
  std::set<std::string> Run() {
    std::optional<Outcome> outcome;
    for (size_t apply = 0; apply < 8; ++apply) {
      if (apply > 0 && script_.rollback_on_interrupt) plan_.on_interrupt = OnInterrupt::kRollback;
      model_.LoseSight(world_.now);
      const int kill = apply < script_.kills.size() ? script_.kills[apply] : Applies::kNever;
      const int stop = apply < script_.stops.size() ? script_.stops[apply] : Applies::kNever;
      outcome = applies_.Run(plan_, world_, kill, stop);
      const bool over = outcome == Outcome::kSucceeded || outcome == Outcome::kRolledBack ||
                        outcome == Outcome::kRefused;
      if (over) break;
      // What is between two applies: the API server comes back, the failing action does not fail.
      away_until_ = absl::InfinitePast();
      world_.Pass(absl::Seconds(30));
    }
    Judge(outcome);
    return wrong_;
  }

 private:
  analysis::Sample Measured() {
    if (source_down_for_ > 0) {
      --source_down_for_;
      return {analysis::Sample::Kind::kError, 0, "down"};
    }
    const analysis::Sample answer = std::exchange(next_sample_, Good());
    if (answer == Good()) ++model_.good_measurements;
    return answer;
  }
  static analysis::Sample Good() { return {analysis::Sample::Kind::kValue, 100, ""}; }

  void Meanwhile(CanaryWorld& world) {
    model_.See(world);
    const bool was_away = world.unreachable;
    world.unreachable = world.now < away_until_;
    if (was_away && !world.unreachable) model_.LoseSight(world.now);
    for (const Scripted& scripted : script_.events) {
      if (scripted.at == look_) Happens(scripted.event, world);
    }
    ++look_;
    Check(world);
  }

  void Happens(Event event, CanaryWorld& world) {
    switch (event) {
      case Event::kPodDies:
        world.stable_ready = std::max(0, world.stable_ready - 1);
        break;
      case Event::kScaledUp:
        world.stable_desired += 2;
        break;
      case Event::kScaledDown:
        world.stable_desired = std::max(1, world.stable_desired - 2);
        world.stable_ready = std::min(world.stable_ready, world.stable_desired);
        break;
      case Event::kBadMetric:
        next_sample_ = {analysis::Sample::Kind::kValue, 10, ""};
        break;
      case Event::kNoData:
        next_sample_ = {analysis::Sample::Kind::kNoData, 0, "NaN"};
        break;
      case Event::kSourceDown:
        source_down_for_ = 9;  // longer than a hold, within the limit
        break;
      case Event::kApiAway:
        away_until_ = world.now + absl::Seconds(90);
        break;
      case Event::kActionFails:
        world.next_action_fails = absl::UnavailableError("etcdserver: leader changed");
        break;
      case Event::kForeignChange:
        if (world.weight > 0) world.foreign_change = "somebody rewrote the route";
        break;
      case Event::kClockForward:
        world.now += absl::Minutes(7);
        model_.LoseSight(world.now);
        break;
      case Event::kClockBack:
        world.now -= absl::Minutes(7);
        model_.LoseSight(world.now);
        break;
    }
  }

  void Check(const CanaryWorld& world) {
    if (world.weight > 0 && !world.canary_exists) wrong_.insert("traffic to a canary that is gone");
    if (world.foreign_change.has_value() && world.weight > 0 && !world.unreachable) {
      if (foreign_since_ == absl::InfiniteFuture()) foreign_since_ = world.now;
      if (world.now - foreign_since_ > absl::Seconds(45)) {
        wrong_.insert("weight stays after a foreign change");
      }
    } else {
      foreign_since_ = absl::InfiniteFuture();
    }
  }

  void Judge(const std::optional<Outcome>& outcome) {
    for (const std::string& one : model_.wrong) wrong_.insert(one);
    for (const std::string& one : world_.broken_invariants) wrong_.insert(one);
    if (!outcome.has_value()) {
      wrong_.insert("no verdict");
      return;
    }
    const bool promoted = outcome == Outcome::kSucceeded;
    const bool ended = promoted || outcome == Outcome::kRolledBack || outcome == Outcome::kRefused;
    if (!ended)
      wrong_.insert(
          absl::StrCat("ended in ", static_cast<int>(*outcome), ": ", applies_.last.reason));
    if (ended && !world_.IsAtRest()) wrong_.insert("something is left over");
    if (ended && world_.stable_has_new != promoted) wrong_.insert("stable runs the other version");
    if (world_.stable_rolled > (promoted ? 1 : 2)) wrong_.insert("stable restarted too often");
    if (ended && applies_.journal.has_value()) wrong_.insert("the journal stays");
  }

  const Script script_;
  Plan plan_;
  CanaryWorld world_;
  Applies applies_;
  Model model_;
  int look_ = 0;
  absl::Time away_until_ = absl::InfinitePast();
  absl::Time foreign_since_ = absl::InfiniteFuture();
  analysis::Sample next_sample_ = Good();
  int source_down_for_ = 0;
  std::set<std::string> wrong_;
};

// The script with as few events, kills and stops as still show something wrong.
Script Shrunk(Script script) {
  const auto without = [](auto list, size_t index) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
    return list;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    std::vector<Script> candidates;
    for (size_t i = 0; i < script.events.size(); ++i) {
      candidates.push_back(script);
      candidates.back().events = without(script.events, i);
    }
    for (size_t i = 0; i < script.kills.size(); ++i) {
      candidates.push_back(script);
      candidates.back().kills = without(script.kills, i);
    }
    for (size_t i = 0; i < script.stops.size(); ++i) {
      candidates.push_back(script);
      candidates.back().stops = without(script.stops, i);
    }
    for (const Script& candidate : candidates) {
      if (Simulation(candidate).Run().empty()) continue;
      script = candidate;
      smaller = true;
      break;
    }
  }
  return script;
}

std::string Text(const Script& script) {
  std::string text;
  for (const Scripted& one : script.events) {
    absl::StrAppend(&text, "event ", static_cast<int>(one.event), " at look ", one.at, "; ");
  }
  return absl::StrCat(text, "kills ", absl::StrJoin(script.kills, ","), " stops ",
                      absl::StrJoin(script.stops, ","), " rollback ", script.rollback_on_interrupt);
}

TEST(CanaryModelTest, WhateverHappensTheInvariantsHold) {
  int shown = 0;
  for (uint32_t seed = 0; seed < kRandomWorlds && shown < 5; ++seed) {
    const Script script = ScriptOf(seed);
    if (Simulation(script).Run().empty()) continue;
    ++shown;
    const Script small = Shrunk(script);
    ADD_FAILURE() << "seed " << seed << ": " << absl::StrJoin(Simulation(small).Run(), "; ")
                  << "\n  " << Text(small);
  }
}

}  // namespace
}  // namespace delivery::engine
