#include "provider/delivery/canary_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace delivery::engine {

absl::Status CanaryWorld::Shift(const SetTraffic& wanted) {
  done.push_back(absl::StrCat("SetTraffic ", wanted.weight, wanted.match ? " match" : "",
                              wanted.mirror > 0 ? absl::StrCat(" mirror ", wanted.mirror) : ""));
  if (wanted.weight < 0 || wanted.weight > 100) broken_invariants.push_back("weights sum to 100");
  const bool to_canary = wanted.weight > 0 || wanted.match || wanted.mirror > 0;
  if (to_canary && canary_ready == 0) return absl::UnavailableError("no ready endpoint of canary");
  if (to_canary && wanted.weight < 100 && stable_ready == 0) {
    return absl::UnavailableError("no ready endpoint of stable");
  }
  weight = wanted.weight;
  match = wanted.match;
  mirror = wanted.mirror;
  reference_added = true;
  return absl::OkStatus();
}

void CanaryWorld::WriteStable(bool to_new, bool halted) {
  if (to_new != stable_has_new) {
    ++stable_rolled;
    stable_to_roll = stable_desired;
  }
  stable_has_new = to_new;
  stable_halted = halted;
}

absl::Status CanaryWorld::Execute(const Action& action) {
  if (unreachable) return absl::UnavailableError("the API server does not answer");
  if (next_action_fails.has_value()) return *std::exchange(next_action_fails, std::nullopt);
  if (std::holds_alternative<RecordRoute>(action)) {
    done.push_back("RecordRoute");
    if (route_refused.has_value()) return *route_refused;
    route_record_ = Json{{"rules", "as they were"}};
  } else if (const auto* apply_canary = std::get_if<ApplyCanary>(&action)) {
    done.push_back(absl::StrCat("ApplyCanary ", apply_canary->replicas));
    if (route_guards && !reference_added) broken_invariants.push_back("the route guards its pods");
    canary_exists = true;
    canary_desired = apply_canary->replicas;
    canary_ready = std::min(canary_ready, canary_desired);
  } else if (const auto* traffic = std::get_if<SetTraffic>(&action)) {
    if (traffic->reserve) {
      done.push_back("ReserveRoute");
      reference_added = true;
      return absl::OkStatus();
    }
    return Shift(*traffic);
  } else if (std::holds_alternative<RestoreRoute>(action)) {
    done.push_back("RestoreRoute");
    reference_added = false;
    weight = 0;
    match = false;
    mirror = 0;
  } else if (std::holds_alternative<DeleteCanary>(action)) {
    done.push_back("DeleteCanary");
    if (HasTraffic()) broken_invariants.push_back("no traffic to what is deleted");
    if (route_guards && !reference_added) broken_invariants.push_back("the route guards its pods");
    canary_exists = false;
    canary_desired = canary_ready = 0;
  } else if (const auto* apply = std::get_if<ApplyWorkload>(&action)) {
    done.push_back(absl::StrCat("ApplyWorkload ",
                                apply->version == Version::kNew ? "new" : "previous",
                                apply->halted ? " halted" : ""));
    WriteStable(apply->version == Version::kNew, apply->halted);
  } else if (std::holds_alternative<Measure>(action)) {
    measured_ = {{"success", metric(*this), std::nullopt}};
  } else if (std::holds_alternative<RunChecks>(action)) {
    done.push_back(absl::StrCat("RunChecks ", static_cast<int>(std::get<RunChecks>(action).at)));
    checks_ = Checks::kRunning;
  }
  return absl::OkStatus();
}

Observation CanaryWorld::Look() {
  Observation seen;
  seen.unreachable = seen.canary.unreachable = unreachable;
  seen.checks = checks_;
  if (checks_ == Checks::kRunning) checks_ = verdict;
  seen.check_failure = "check smoke: answered 500";
  seen.measured = std::exchange(measured_, std::nullopt);
  seen.route_record = std::exchange(route_record_, std::nullopt);
  if (unreachable) return seen;
  seen.exists = seen.observed = true;
  seen.desired = stable_desired;
  seen.ready = stable_ready;
  seen.complete = !stable_halted && stable_to_roll == 0 && stable_ready == stable_desired;
  seen.progress_mark = absl::StrCat(stable_to_roll, " to replace, ", stable_ready, " ready");
  if (stable_has_new && breaks_in_promotion) seen.failure = "pod web-2: CrashLoopBackOff";
  seen.canary.exists = canary_exists;
  seen.canary.gone = !canary_exists;
  seen.canary.observed = true;
  seen.canary.ready = canary_ready;
  seen.canary.complete = canary_exists && canary_ready == canary_desired;
  seen.canary.progress_mark = absl::StrCat(canary_ready, " of ", canary_desired, " ready");
  if (canary_exists && new_is_broken) seen.canary.failure = "pod web-canary-1: ImagePullBackOff";
  seen.foreign_change = foreign_change;
  return seen;
}

void CanaryWorld::Pass(absl::Duration time) {
  now += time;
  if (canary_exists && !new_is_broken && canary_ready < canary_desired) ++canary_ready;
  if (!stable_halted && stable_to_roll > 0) --stable_to_roll;
  if (stable_ready < stable_desired) ++stable_ready;
  stable_ready = std::min(stable_ready, stable_desired);
}

bool CanaryWorld::IsAtRest() const { return !canary_exists && !reference_added && !HasTraffic(); }

Plan VariantTestPlan() {
  Plan plan;
  plan.strategy = Strategy::kVariant;
  plan.identity = RunIdentity("{}");
  plan.progress_deadline = absl::Seconds(60);
  plan.timeout = absl::Minutes(30);
  plan.canary.scale_down_delay = absl::Seconds(5);
  plan.beside = "variant";
  plan.variant.replicas = 2;
  plan.variant.match = true;
  return plan;
}

Plan CanaryReleasePlan() {
  Plan plan;
  plan.strategy = Strategy::kCanary;
  plan.identity = RunIdentity("{}");
  plan.progress_deadline = absl::Seconds(60);
  plan.timeout = absl::Minutes(30);
  plan.analysis.interval = absl::Seconds(10);
  plan.analysis.metrics = {{.metric = "success", .min = 99}};
  plan.canary.steps = {{.weight = 10, .hold = absl::Seconds(60)},
                       {.weight = 50, .hold = absl::Seconds(60)}};
  plan.canary.scale_down_delay = absl::Seconds(5);
  return plan;
}

}  // namespace delivery::engine
