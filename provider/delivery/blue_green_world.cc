#include "provider/delivery/blue_green_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace delivery::engine {

void BlueGreenWorld::CheckServes() {
  if (!routed.empty() && !active.empty() && slots[routed].ready == 0) {
    broken_invariants.push_back("requests go to a slot without a ready pod");
  }
}

absl::Status BlueGreenWorld::SetTrafficTo(int weight) {
  done.push_back(absl::StrCat("SetTraffic ", weight));
  if (weight > 0 && Target().ready == 0) return absl::UnavailableError("no ready endpoint");
  if (weight > 0 && Target().version != new_version) {
    broken_invariants.push_back("switched to a slot with another version");
  }
  if (weight > 0 && !active.empty() && Target().desired < Active().desired) {
    broken_invariants.push_back("switched to a slot that is smaller");
  }
  routed = weight > 0 ? target : active;
  return absl::OkStatus();
}

void BlueGreenWorld::Write(const std::string& slot, const std::string& version,
                           std::optional<int> size) {
  SimulatedSlot& one = slots[slot];
  one.exists = true;
  if (version != one.version) one.to_roll = std::min(one.ready, size.value_or(one.desired));
  one.version = version;
  one.desired = size.value_or(one.desired);
  one.ready = std::min(one.ready, one.desired);
}

absl::Status BlueGreenWorld::Execute(const Action& action) {
  if (unreachable) return absl::UnavailableError("the API server does not answer");
  if (next_action_fails.has_value()) return *std::exchange(next_action_fails, std::nullopt);
  absl::Status result;
  if (std::holds_alternative<RecordRoute>(action)) {
    done.push_back("RecordRoute");
    if (route_refused.has_value()) return *route_refused;
    route_record_ = Json{{"selector", "as it was"}};
  } else if (const auto* apply_slot = std::get_if<ApplyCanary>(&action)) {
    done.push_back(absl::StrCat("ApplyCanary ", apply_slot->replicas));
    if (routed == target) broken_invariants.push_back("written to the slot that serves");
    Write(target, new_version, apply_slot->replicas);
  } else if (const auto* traffic = std::get_if<SetTraffic>(&action)) {
    result = SetTrafficTo(traffic->weight);
  } else if (std::holds_alternative<RestoreRoute>(action)) {
    done.push_back("RestoreRoute");
    routed.clear();
  } else if (const auto* preview = std::get_if<PointPreview>(&action)) {
    done.push_back(preview->to_target ? "Preview" : "RestorePreview");
    previewed = preview->to_target ? target : "";
  } else if (const auto* empty = std::get_if<EmptySlot>(&action)) {
    const std::string& slot = empty->target ? target : active;
    done.push_back(absl::StrCat("EmptySlot ", slot));
    if (routed == slot) broken_invariants.push_back("the slot that serves was emptied");
    slots[slot].desired = slots[slot].ready = slots[slot].to_roll = 0;
  } else if (std::holds_alternative<DeleteCanary>(action)) {
    done.push_back("DeleteCanary");
    if (routed == target) broken_invariants.push_back("the slot that serves was deleted");
    Target() = SimulatedSlot();
  } else if (const auto* apply = std::get_if<ApplyWorkload>(&action)) {
    const bool to_new = apply->version == Version::kNew;
    done.push_back(absl::StrCat("ApplyWorkload ", to_new ? "new" : "previous"));
    Write(active, to_new ? new_version : previous_version, std::nullopt);
  } else if (std::holds_alternative<Measure>(action)) {
    measured_ = {{"success", metric(*this), std::nullopt}};
  } else if (const auto* checks = std::get_if<RunChecks>(&action)) {
    done.push_back(absl::StrCat("RunChecks ", static_cast<int>(checks->at)));
    checks_ = Checks::kRunning;
  }
  CheckServes();
  return result;
}

Observation BlueGreenWorld::Look() {
  Observation seen;
  seen.unreachable = seen.canary.unreachable = unreachable;
  seen.checks = checks_;
  if (checks_ == Checks::kRunning) checks_ = verdict;
  seen.check_failure = "check smoke: answered 500";
  seen.measured = std::exchange(measured_, std::nullopt);
  seen.route_record = std::exchange(route_record_, std::nullopt);
  if (unreachable) return seen;
  seen.foreign_change = foreign_change;
  if (!active.empty() && Active().exists) {
    const SimulatedSlot& one = Active();
    seen.exists = seen.observed = true;
    seen.desired = one.desired;
    seen.ready = one.ready;
    seen.complete = one.to_roll == 0 && one.ready == one.desired;
    seen.progress_mark = absl::StrCat(one.to_roll, " to replace, ", one.ready, " ready");
  }
  const SimulatedSlot& one = Target();
  seen.canary.exists = one.exists;
  seen.canary.gone = !one.exists;
  seen.canary.observed = true;
  seen.canary.has_new = one.exists && one.version == new_version;
  seen.canary.ready = one.ready;
  seen.canary.complete = one.exists && one.to_roll == 0 && one.ready == one.desired;
  seen.canary.progress_mark = absl::StrCat(one.ready, " of ", one.desired, " ready");
  if (one.exists && one.version == broken_version && one.desired > one.ready) {
    seen.canary.failure = "pod web-green-1: ImagePullBackOff";
  }
  return seen;
}

void BlueGreenWorld::Pass(absl::Duration time) {
  now += time;
  for (auto& [name, slot] : slots) {
    const bool works = slot.version != broken_version;
    if (works && slot.to_roll > 0) --slot.to_roll;
    if (works && slot.ready < slot.desired) ++slot.ready;
    slot.ready = std::min(slot.ready, slot.desired);
  }
  CheckServes();
}

Plan BlueGreenReleasePlan() {
  Plan plan;
  plan.strategy = Strategy::kBlueGreen;
  plan.identity = RunIdentity("{}");
  plan.progress_deadline = absl::Seconds(60);
  plan.timeout = absl::Minutes(30);
  plan.analysis.interval = absl::Seconds(10);
  plan.analysis.duration = absl::Seconds(60);
  plan.analysis.metrics = {{.metric = "success", .min = 99}};
  plan.blue_green.active = "blue";
  plan.blue_green.target = "green";
  plan.blue_green.preview_replicas = 1;
  plan.blue_green.has_preview = true;
  return plan;
}

}  // namespace delivery::engine
