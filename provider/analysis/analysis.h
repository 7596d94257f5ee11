// What measurements of a release mean. Pure: no I/O, no clock, no logging, no randomness.
//
// A measurement of a metric passes, fails, is inconclusive (there is nothing to decide by) or
// errors (the source could not be asked); the four are counted apart, and each has a limit of its
// own.
#ifndef DELIVERY_ANALYSIS_ANALYSIS_H_
#define DELIVERY_ANALYSIS_ANALYSIS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::analysis {

enum class Verdict { kPass, kFail, kInconclusive, kError };
// "pass", "fail", "inconclusive", "error".
std::string VerdictName(Verdict verdict);

// What a metric source said about one side (canary or stable).
struct Sample {
  enum class Kind {
    kValue,      // `value` is finite
    kNoData,     // nothing was measured: no sample, NaN
    kAmbiguous,  // several elements, an infinite value, something that is no number
    kError,      // unreachable, refused, a query with a mistake
  };
  Kind kind = Kind::kNoData;
  double value = 0;
  std::string detail;  // for a person; of kValue empty

  friend bool operator==(const Sample&, const Sample&) = default;
};

struct Measurement {
  std::string metric;
  Sample canary;                 // the side that is judged
  std::optional<Sample> stable;  // asked for when the rule compares
};

// A worse canary is a higher value (kIncrease), a lower one, or either.
enum class Direction { kIncrease, kDecrease, kEither };
struct Comparison {
  Direction direction = Direction::kIncrease;
  double confidence = 0.98;  // 0.5 to below 1
};

// What decides a metric; every part that is set must hold.
struct Rule {
  std::string metric;
  std::optional<double> min;  // inclusive
  std::optional<double> max;  // inclusive
  std::optional<double> max_ratio_to_stable;
  std::optional<Comparison> compare;  // Mann-Whitney over the values measured so far

  bool ComparesWithStable() const { return max_ratio_to_stable.has_value() || compare.has_value(); }
};

struct Limits {
  int64_t failure_limit = 0;            // failed measurements tolerated over the release
  int64_t consecutive_error_limit = 4;  // errors in a row tolerated
  int64_t inconclusive_limit = 3;       // inconclusive measurements tolerated over the release
  // No sample and NaN are no reason to decide against the release (on_no_traffic = "continue").
  bool no_data_passes = false;
};

// What was measured of one metric since the release began. The journal stores it.
struct Tally {
  int64_t passed = 0;
  int64_t failed = 0;
  int64_t inconclusive = 0;
  int64_t errors = 0;
  int64_t consecutive_errors = 0;
  // Comparisons that wait for more evidence: neither for nor against.
  int64_t gathering = 0;
  // Oldest first, at most kMostValues, in step with each other.
  std::vector<double> canary_values;
  std::vector<double> stable_values;
  std::optional<double> last_value;
  std::optional<double> last_stable_value;
  Verdict last_verdict = Verdict::kInconclusive;
  std::string last_reason;

  // Measurements that decided something, which a step must have one of.
  int64_t Completed() const { return passed + failed; }
  friend bool operator==(const Tally&, const Tally&) = default;
};
inline constexpr size_t kMostValues = 120;
// Below so many values a side a comparison does not decide.
inline constexpr size_t kLeastEvidence = 10;

// Judges `measurement` by `rule` and what was measured before, and counts it.
Tally Count(const Rule& rule, const Limits& limits, Tally tally, const Measurement& measurement);

// Why the release has failed by this metric, with its name, value and threshold; nullopt while it
// has not.
std::optional<std::string> Failure(const Rule& rule, const Limits& limits, const Tally& tally);

Json EncodeTally(const Tally& tally);
// DataLoss when it is none.
absl::StatusOr<Tally> DecodeTally(const Json& json);

}  // namespace delivery::analysis

#endif  // DELIVERY_ANALYSIS_ANALYSIS_H_
