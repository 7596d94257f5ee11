// The journal's form of a Tally.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "provider/analysis/analysis.h"

namespace delivery::analysis {
namespace {

absl::Status Damaged(const char* member) {
  return absl::DataLossError(absl::StrCat("its measurements are damaged at \"", member, "\""));
}

bool IsFinite(const Json& json) { return json.is_number() && std::isfinite(json.get<double>()); }

absl::Status ReadCount(const Json& json, const char* member, int64_t& count) {
  count = GetInt(json, member, -1);
  return count >= 0 ? absl::OkStatus() : Damaged(member);
}

absl::Status ReadValues(const Json& json, const char* member, std::vector<double>& values) {
  const Json* found = Find(json, member);
  if (found == nullptr || !found->is_array() || found->size() > kMostValues ||
      !std::all_of(found->begin(), found->end(), IsFinite)) {
    return Damaged(member);
  }
  values.assign(found->begin(), found->end());
  return absl::OkStatus();
}

absl::Status ReadLastValue(const Json& json, const char* member, std::optional<double>& value) {
  const Json* found = Find(json, member);
  if (found == nullptr) return absl::OkStatus();
  if (!IsFinite(*found)) return Damaged(member);
  value = found->get<double>();
  return absl::OkStatus();
}

std::optional<Verdict> VerdictFromName(const std::string& name) {
  for (const Verdict verdict :
       {Verdict::kPass, Verdict::kFail, Verdict::kInconclusive, Verdict::kError}) {
    if (VerdictName(verdict) == name) return verdict;
  }
  return std::nullopt;
}

}  // namespace

Json EncodeTally(const Tally& tally) {
  Json json = {{"passed", tally.passed},
               {"failed", tally.failed},
               {"inconclusive", tally.inconclusive},
               {"errors", tally.errors},
               {"consecutive_errors", tally.consecutive_errors},
               {"gathering", tally.gathering},
               {"canary_values", tally.canary_values},
               {"stable_values", tally.stable_values},
               {"last_verdict", VerdictName(tally.last_verdict)},
               {"last_reason", tally.last_reason}};
  if (tally.last_value) json["last_value"] = *tally.last_value;
  if (tally.last_stable_value) json["last_stable_value"] = *tally.last_stable_value;
  return json;
}

absl::StatusOr<Tally> DecodeTally(const Json& json) {
  Tally tally;
  absl::Status status;
  for (const auto& [member, count] :
       {std::pair("passed", &tally.passed), std::pair("failed", &tally.failed),
        std::pair("inconclusive", &tally.inconclusive), std::pair("errors", &tally.errors),
        std::pair("consecutive_errors", &tally.consecutive_errors),
        std::pair("gathering", &tally.gathering)}) {
    status.Update(ReadCount(json, member, *count));
  }
  status.Update(ReadValues(json, "canary_values", tally.canary_values));
  status.Update(ReadValues(json, "stable_values", tally.stable_values));
  status.Update(ReadLastValue(json, "last_value", tally.last_value));
  status.Update(ReadLastValue(json, "last_stable_value", tally.last_stable_value));
  if (!status.ok()) return status;
  if (!tally.stable_values.empty() && tally.stable_values.size() != tally.canary_values.size()) {
    return Damaged("stable_values");
  }
  const std::optional<Verdict> verdict = VerdictFromName(GetString(json, "last_verdict"));
  if (!verdict) return Damaged("last_verdict");
  tally.last_verdict = *verdict;
  tally.last_reason = GetString(json, "last_reason");
  return tally;
}

}  // namespace delivery::analysis
