#include "provider/delivery/state.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "openssl/sha.h"
#include "provider/delivery/plan.h"

namespace delivery::engine {
namespace {

constexpr int64_t kSchemaVersion = 1;

constexpr std::array<std::pair<Step, const char*>, 9> kStepNames = {{
    {Step::kApply, "apply"},
    {Step::kAwait, "await"},
    {Step::kCheck, "check"},
    {Step::kRestore, "restore"},
    {Step::kAwaitRestored, "await_restored"},
    {Step::kRemove, "remove"},
    {Step::kAwaitRemoved, "await_removed"},
    {Step::kHalt, "halt"},
    {Step::kDone, "done"},
}};

std::optional<Step> StepFromName(const std::string& name) {
  for (const auto& [step, step_name] : kStepNames) {
    if (name == step_name) return step;
  }
  return std::nullopt;
}

}  // namespace

std::string RunIdentity(const std::string& canonical_json) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(canonical_json.data()), canonical_json.size(),
         digest.data());
  return absl::StrCat(
      "v1:", absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()}));
}

std::string StepName(Step step) {
  for (const auto& [known, name] : kStepNames) {
    if (known == step) return name;
  }
  return "done";
}

bool State::SameRecord(const State& other) const {
  return EncodeState(*this) == EncodeState(other);
}

Json EncodeState(const State& state) {
  return {
      {"schema_version", kSchemaVersion},
      {"run_id", state.run_id},
      {"identity", state.identity},
      {"first_release", state.first_release},
      {"step", StepName(state.step)},
      {"started_at", absl::FormatTime(absl::RFC3339_full, state.started_at, absl::UTCTimeZone())},
      {"reason", state.reason}};
}

absl::StatusOr<State> DecodeState(const Json& json) {
  const int64_t version = GetInt(json, "schema_version", -1);
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("it was written by a newer version of the provider (journal schema ", version,
                     ", this version knows ", kSchemaVersion, ")"));
  }
  const std::optional<Step> step = StepFromName(GetString(json, "step"));
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
    return absl::DataLossError("its \"state\" entry is damaged");
  }
  state.step = *step;
  return state;
}

}  // namespace delivery::engine
