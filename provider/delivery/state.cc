#include "provider/delivery/state.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "openssl/sha.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {
namespace {

constexpr int64_t kSchemaVersion = 3;

constexpr std::array<std::pair<Step, const char*>, 45> kStepNames = {{
    {Step::kApply, "apply"},
    {Step::kAwait, "await"},
    {Step::kCheck, "check"},
    {Step::kRestore, "restore"},
    {Step::kAwaitRestored, "await_restored"},
    {Step::kRemove, "remove"},
    {Step::kAwaitRemoved, "await_removed"},
    {Step::kHalt, "halt"},
    {Step::kDone, "done"},
    {Step::kObserve, "observe"},
    {Step::kRecordRoute, "record_route"},
    {Step::kReserveRoute, "reserve_route"},
    {Step::kCreateCanary, "create_canary"},
    {Step::kAwaitCanary, "await_canary"},
    {Step::kCheckBeforeTraffic, "check_before_traffic"},
    {Step::kScaleCanary, "scale_canary"},
    {Step::kAwaitScaled, "await_scaled"},
    {Step::kSetWeight, "set_weight"},
    {Step::kHold, "hold"},
    {Step::kHeld, "held"},
    {Step::kFailedHold, "failed_hold"},
    {Step::kCheckBeforePromotion, "check_before_promotion"},
    {Step::kPromote, "promote"},
    {Step::kAwaitPromoted, "await_promoted"},
    {Step::kAwaitStable, "await_stable"},
    {Step::kReturnTraffic, "return_traffic"},
    {Step::kRestoreRoute, "restore_route"},
    {Step::kScaleDownDelay, "scale_down_delay"},
    {Step::kDeleteCanary, "delete_canary"},
    {Step::kAwaitCanaryGone, "await_canary_gone"},
    {Step::kVerifySwitch, "verify_switch"},
    {Step::kPointPreview, "point_preview"},
    {Step::kWriteSlot, "write_slot"},
    {Step::kAwaitSlot, "await_slot"},
    {Step::kFillSlot, "fill_slot"},
    {Step::kAwaitFull, "await_full"},
    {Step::kSwitch, "switch"},
    {Step::kAfterSwitch, "after_switch"},
    {Step::kSwitchBack, "switch_back"},
    {Step::kRestorePreview, "restore_preview"},
    {Step::kRetireDelay, "retire_delay"},
    {Step::kEmptySlot, "empty_slot"},
    {Step::kRemoveSlot, "remove_slot"},
    {Step::kAwaitSlotGone, "await_slot_gone"},
    {Step::kServing, "serving"},
}};

constexpr std::array<std::pair<Teardown, const char*>, 5> kTeardownNames = {{
    {Teardown::kNone, "none"},
    {Teardown::kPromoted, "promoted"},
    {Teardown::kAborted, "aborted"},
    {Teardown::kSuperseded, "superseded"},
    {Teardown::kEnded, "ended"},
}};

// The value with this name in one of the tables above.
template <typename Value, size_t kSize>
std::optional<Value> FromName(const std::array<std::pair<Value, const char*>, kSize>& names,
                              const std::string& name) {
  for (const auto& [value, known] : names) {
    if (name == known) return value;
  }
  return std::nullopt;
}

template <typename Value, size_t kSize>
std::string NameIn(const std::array<std::pair<Value, const char*>, kSize>& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return "";
}

Json EncodeStep(const CanaryStep& step) {
  Json json = {{"weight", step.weight}, {"hold", absl::FormatDuration(step.hold)}};
  if (step.replicas.has_value()) json["replicas"] = *step.replicas;
  if (step.has_checks) json["has_checks"] = true;
  return json;
}

std::optional<CanaryStep> DecodeStep(const Json& json) {
  CanaryStep step;
  step.weight = static_cast<int>(GetInt(json, "weight"));
  step.has_checks = GetBool(json, "has_checks");
  if (Find(json, "replicas") != nullptr) step.replicas = static_cast<int>(GetInt(json, "replicas"));
  const bool ok = absl::ParseDuration(GetString(json, "hold"), &step.hold) && step.weight > 0 &&
                  step.weight <= 100;
  return ok ? std::optional(step) : std::nullopt;
}

Json EncodeCanary(const CanaryState& canary) {
  Json steps = Json::array();
  for (const CanaryStep& step : canary.steps) steps.push_back(EncodeStep(step));
  return {{"step_index", canary.step_index},
          {"weight", canary.weight},
          {"match", canary.match},
          {"mirror", canary.mirror},
          {"replicas", canary.replicas},
          {"stable_size", canary.stable_size},
          {"stable_written", canary.stable_written},
          {"served", canary.served},
          {"teardown", NameIn(kTeardownNames, canary.teardown)},
          {"resume_step", StepName(canary.resume_step)},
          {"route_record", canary.route_record},
          {"steps", std::move(steps)}};
}

std::optional<CanaryState> DecodeCanary(const Json& json) {
  CanaryState canary;
  canary.step_index = static_cast<int>(GetInt(json, "step_index", -1));
  canary.weight = static_cast<int>(GetInt(json, "weight"));
  canary.match = GetBool(json, "match");
  canary.mirror = static_cast<int>(GetInt(json, "mirror"));
  canary.replicas = static_cast<int>(GetInt(json, "replicas"));
  canary.stable_size = static_cast<int>(GetInt(json, "stable_size"));
  canary.stable_written = GetBool(json, "stable_written");
  canary.served = GetBool(json, "served");
  const auto teardown = FromName(kTeardownNames, GetString(json, "teardown"));
  const auto resume_step = FromName(kStepNames, GetString(json, "resume_step"));
  const Json* record = Find(json, "route_record");
  if (!teardown.has_value() || !resume_step.has_value() || record == nullptr) return std::nullopt;
  canary.teardown = *teardown;
  canary.resume_step = *resume_step;
  canary.route_record = *record;
  for (const Json& entry : GetArray(json, "steps")) {
    const std::optional<CanaryStep> step = DecodeStep(entry);
    if (!step.has_value()) return std::nullopt;
    canary.steps.push_back(*step);
  }
  const auto count = static_cast<int>(canary.steps.size());
  if (canary.step_index < -1 || canary.step_index >= count) return std::nullopt;
  return canary;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

Json EncodeSlots(const BlueGreenState& slots) {
  Json json = {{"active", slots.active},
               {"target", slots.target},
               {"in_place", slots.in_place},
               {"returns", slots.returns},
               {"switched", slots.switched},
               {"served", slots.served},
               {"size", slots.size},
               {"teardown", NameIn(kTeardownNames, slots.teardown)},
               {"resume_step", StepName(slots.resume_step)},
               {"route_record", slots.route_record}};
  if (slots.switched_at.has_value()) json["switched_at"] = TimeText(*slots.switched_at);
  return json;
}

std::optional<BlueGreenState> DecodeSlots(const Json& json) {
  BlueGreenState slots;
  slots.active = GetString(json, "active");
  slots.target = GetString(json, "target");
  slots.in_place = GetBool(json, "in_place");
  slots.returns = GetBool(json, "returns");
  slots.switched = GetBool(json, "switched");
  slots.served = GetBool(json, "served");
  slots.size = static_cast<int>(GetInt(json, "size"));
  const auto teardown = FromName(kTeardownNames, GetString(json, "teardown"));
  const auto resume_step = FromName(kStepNames, GetString(json, "resume_step"));
  const Json* record = Find(json, "route_record");
  if (!teardown.has_value() || !resume_step.has_value() || record == nullptr) return std::nullopt;
  slots.teardown = *teardown;
  slots.resume_step = *resume_step;
  slots.route_record = *record;
  if (Find(json, "switched_at") == nullptr) return slots;
  absl::Time switched_at;
  std::string error;
  const std::string text = GetString(json, "switched_at");
  if (!absl::ParseTime(absl::RFC3339_full, text, &switched_at, &error)) return std::nullopt;
  slots.switched_at = switched_at;
  return slots;
}

absl::Status DecodeTallies(const Json& json, State& state) {
  for (const auto& [metric, entry] : json.items()) {
    absl::StatusOr<analysis::Tally> tally = analysis::DecodeTally(entry);
    if (!tally.ok()) return tally.status();
    state.tallies[metric] = *std::move(tally);
  }
  return absl::OkStatus();
}

absl::Status Damaged() { return absl::DataLossError("its \"state\" entry is damaged"); }

}  // namespace

std::string RunIdentity(const std::string& canonical_json) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(canonical_json.data()), canonical_json.size(),
         digest.data());
  return absl::StrCat(
      "v1:", absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()}));
}

std::string StepName(Step step) { return NameIn(kStepNames, step); }

bool State::SameRecord(const State& other) const {
  return EncodeState(*this) == EncodeState(other);
}

Json EncodeState(const State& state) {
  Json json = {{"schema_version", kSchemaVersion},
               {"run_id", state.run_id},
               {"identity", state.identity},
               {"first_release", state.first_release},
               {"step", StepName(state.step)},
               {"started_at", TimeText(state.started_at)},
               {"reason", state.reason}};
  if (IsOfCanary(state)) json["canary"] = EncodeCanary(state.canary);
  if (state.slots.has_value()) json["slots"] = EncodeSlots(*state.slots);
  if (!state.next_run_id.empty()) json["next_run_id"] = state.next_run_id;
  for (const auto& [metric, tally] : state.tallies) {
    json["measured"][metric] = analysis::EncodeTally(tally);
  }
  return json;
}

absl::StatusOr<State> DecodeState(const Json& json) {
  const int64_t version = GetInt(json, "schema_version", -1);
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("it was written by a newer version of the provider (journal schema ", version,
                     ", this version knows ", kSchemaVersion, ")"));
  }
  const std::optional<Step> step = FromName(kStepNames, GetString(json, "step"));
  State state;
  state.run_id = GetString(json, "run_id");
  state.identity = GetString(json, "identity");
  state.first_release = GetBool(json, "first_release");
  state.reason = GetString(json, "reason");
  std::string time_error;
  const bool time_ok = absl::ParseTime(absl::RFC3339_full, GetString(json, "started_at"),
                                       &state.started_at, &time_error);
  if (version < 1 || !step.has_value() || state.run_id.empty() || state.identity.empty() ||
      !time_ok) {
    return Damaged();
  }
  state.step = *step;
  state.next_run_id = GetString(json, "next_run_id");
  if (const Json* slots = Find(json, "slots")) {
    state.slots = DecodeSlots(*slots);
    if (!state.slots.has_value()) return Damaged();
  } else if (state.step >= Step::kVerifySwitch) {
    return Damaged();
  }
  if (const Json* canary = Find(json, "canary")) {
    std::optional<CanaryState> decoded = DecodeCanary(*canary);
    if (!decoded.has_value()) return Damaged();
    state.canary = *std::move(decoded);
  } else if (IsOfCanary(state)) {
    return Damaged();
  }
  if (!DecodeTallies(GetObject(json, "measured"), state).ok()) return Damaged();
  return state;
}

}  // namespace delivery::engine
