#include "provider/analysis/analysis.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "provider/analysis/mann_whitney.h"

namespace delivery::analysis {
namespace {

// What one measurement shows. `gathering`: a comparison that waits for more values.
struct Judgement {
  Verdict verdict = Verdict::kPass;
  std::string reason;
  bool gathering = false;
};

std::string NumberText(double value, int digits) { return absl::StrFormat("%.*g", digits, value); }

// Two numbers in as few digits as tell them apart: "99.99996 is below 100".
std::pair<std::string, std::string> ApartTexts(double a, double b) {
  constexpr int kFewDigits = 6;
  constexpr int kAllDigits = 17;
  int digits = kFewDigits;
  while (a != b && digits < kAllDigits && NumberText(a, digits) == NumberText(b, digits)) ++digits;
  return {NumberText(a, digits), NumberText(b, digits)};
}

std::string ValueText(double value) { return ApartTexts(value, value).first; }

// A sample that claims a value but has none is what its number is.
Sample Honest(Sample sample) {
  if (sample.kind != Sample::Kind::kValue || std::isfinite(sample.value)) return sample;
  if (std::isnan(sample.value)) return {Sample::Kind::kNoData, 0, "the value is NaN"};
  return {Sample::Kind::kAmbiguous, 0, "the value is infinite"};
}

std::string DetailOf(const Sample& sample) {
  if (!sample.detail.empty()) return sample.detail;
  switch (sample.kind) {
    case Sample::Kind::kNoData:
      return "no data";
    case Sample::Kind::kAmbiguous:
      return "no single number";
    case Sample::Kind::kError:
      return "the source could not be asked";
    case Sample::Kind::kValue:
      break;
  }
  return ValueText(sample.value);
}

// The verdict on a side that has no value; nullopt when it has one.
std::optional<Judgement> JudgeMissing(const Sample& sample, const char* side,
                                      const Limits& limits) {
  std::string reason = absl::StrCat(side, ": ", DetailOf(sample));
  switch (sample.kind) {
    case Sample::Kind::kValue:
      return std::nullopt;
    case Sample::Kind::kError:
      return Judgement{Verdict::kError, std::move(reason)};
    case Sample::Kind::kAmbiguous:
      return Judgement{Verdict::kInconclusive, std::move(reason)};
    case Sample::Kind::kNoData:
      break;
  }
  if (!limits.no_data_passes) return Judgement{Verdict::kInconclusive, std::move(reason)};
  return Judgement{Verdict::kPass,
                   absl::StrCat(reason, "; passed because on_no_traffic = \"continue\"")};
}

std::optional<Judgement> JudgeThresholds(const Rule& rule, double value) {
  if (rule.min && !(value >= *rule.min)) {
    const auto [shown, limit] = ApartTexts(value, *rule.min);
    return Judgement{Verdict::kFail, absl::StrCat(shown, " is below min = ", limit)};
  }
  if (rule.max && !(value <= *rule.max)) {
    const auto [shown, limit] = ApartTexts(value, *rule.max);
    return Judgement{Verdict::kFail, absl::StrCat(shown, " is above max = ", limit)};
  }
  return std::nullopt;
}

std::optional<Judgement> JudgeRatio(const Rule& rule, double canary, double stable) {
  if (!rule.max_ratio_to_stable) return std::nullopt;
  if (!(stable > 0)) {
    return Judgement{Verdict::kInconclusive,
                     absl::StrCat("stable is ", ValueText(stable),
                                  ": there is no ratio to it (canary is ", ValueText(canary), ")")};
  }
  const double ratio = canary / stable;
  if (ratio <= *rule.max_ratio_to_stable) return std::nullopt;
  const auto [shown, limit] = ApartTexts(ratio, *rule.max_ratio_to_stable);
  return Judgement{Verdict::kFail,
                   absl::StrCat("canary ", ValueText(canary), " is ", shown, " times stable ",
                                ValueText(stable), ", above max_ratio_to_stable = ", limit)};
}

std::optional<Judgement> JudgeComparison(const Rule& rule, const Tally& tally) {
  if (!rule.compare) return std::nullopt;
  const size_t values = std::min(tally.canary_values.size(), tally.stable_values.size());
  if (values < kLeastEvidence) {
    return Judgement{Verdict::kInconclusive,
                     absl::StrCat("comparing with stable: ", values, " of ", kLeastEvidence,
                                  " values a side so far"),
                     /*gathering=*/true};
  }
  const MannWhitneyResult result =
      MannWhitney(tally.canary_values, tally.stable_values, rule.compare->direction);
  std::string evidence = absl::StrFormat(
      "%d values a side, typical difference %s, p = %.2g, a canary value exceeds a stable one in "
      "%.0f%% of pairs",
      values, ValueText(result.shift), result.p_value, 100 * result.effect);
  if (IsWorse(result, *rule.compare)) {
    return Judgement{Verdict::kFail,
                     absl::StrCat("the canary is worse than stable (", evidence,
                                  ", confidence = ", ValueText(rule.compare->confidence), ")")};
  }
  return Judgement{Verdict::kPass, absl::StrCat("no worse than stable: ", evidence)};
}

// `tally` has the values of this measurement already.
Judgement Judge(const Rule& rule, const Limits& limits, const Tally& tally, const Sample& canary,
                const std::optional<Sample>& stable) {
  if (auto missing = JudgeMissing(canary, "canary", limits)) return *missing;
  // A value that breaks a threshold fails whatever stable shows.
  if (auto broken = JudgeThresholds(rule, canary.value)) return *broken;
  Judgement judgement{Verdict::kPass, ValueText(canary.value)};
  if (!rule.ComparesWithStable()) return judgement;
  const Sample other = stable.value_or(Sample{});
  if (auto missing = JudgeMissing(other, "stable", limits)) return *missing;
  if (auto ratio = JudgeRatio(rule, canary.value, other.value)) return *ratio;
  return JudgeComparison(rule, tally).value_or(judgement);
}

void Append(std::vector<double>& values, double value) {
  if (values.size() >= kMostValues) {
    values.erase(values.begin(), values.end() - static_cast<ptrdiff_t>(kMostValues - 1));
  }
  values.push_back(value);
}

// Where both sides are asked, only pairs are kept: what one side missed must not shift the other.
void Remember(const Rule& rule, const Sample& canary, const std::optional<Sample>& stable,
              Tally& tally) {
  const bool has_canary = canary.kind == Sample::Kind::kValue;
  const bool has_stable = stable && stable->kind == Sample::Kind::kValue;
  tally.last_value = has_canary ? std::optional(canary.value) : std::nullopt;
  tally.last_stable_value = has_stable ? std::optional(stable->value) : std::nullopt;
  if (!has_canary || (rule.ComparesWithStable() && !has_stable)) return;
  Append(tally.canary_values, canary.value);
  if (rule.ComparesWithStable()) Append(tally.stable_values, stable->value);
}

void CountVerdict(const Judgement& judgement, Tally& tally) {
  if (judgement.verdict == Verdict::kError) {
    ++tally.errors;
    ++tally.consecutive_errors;
    return;
  }
  tally.consecutive_errors = 0;
  if (judgement.gathering) {
    ++tally.gathering;
  } else if (judgement.verdict == Verdict::kPass) {
    ++tally.passed;
  } else if (judgement.verdict == Verdict::kFail) {
    ++tally.failed;
  } else {
    ++tally.inconclusive;
  }
}

}  // namespace

std::string VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kInconclusive:
      return "inconclusive";
    case Verdict::kError:
      break;
  }
  return "error";
}

Tally Count(const Rule& rule, const Limits& limits, Tally tally, const Measurement& measurement) {
  const Sample canary = Honest(measurement.canary);
  std::optional<Sample> stable;
  if (measurement.stable) stable = Honest(*measurement.stable);
  Remember(rule, canary, stable, tally);
  Judgement judgement = Judge(rule, limits, tally, canary, stable);
  CountVerdict(judgement, tally);
  tally.last_verdict = judgement.verdict;
  tally.last_reason = std::move(judgement.reason);
  return tally;
}

std::optional<std::string> Failure(const Rule& rule, const Limits& limits, const Tally& tally) {
  const auto exceeded = [&](int64_t count, const char* what, const char* limit_name,
                            int64_t limit) -> std::optional<std::string> {
    if (count <= limit) return std::nullopt;
    return absl::StrCat("metric ", rule.metric, ": ", tally.last_reason, " (", count, " ", what,
                        ", ", limit_name, " = ", limit, ")");
  };
  if (auto failed = exceeded(tally.failed, "failed", "failure_limit", limits.failure_limit)) {
    return failed;
  }
  if (auto errors = exceeded(tally.consecutive_errors, "errors in a row", "consecutive_error_limit",
                             limits.consecutive_error_limit)) {
    return errors;
  }
  return exceeded(tally.inconclusive, "inconclusive", "inconclusive_limit",
                  limits.inconclusive_limit);
}

}  // namespace delivery::analysis
