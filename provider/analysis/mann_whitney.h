// The Mann-Whitney U test (Wilcoxon rank sum) of whether a canary's values differ from stable's.
#ifndef DELIVERY_ANALYSIS_MANN_WHITNEY_H_
#define DELIVERY_ANALYSIS_MANN_WHITNEY_H_

#include <vector>

#include "provider/analysis/analysis.h"

namespace delivery::analysis {

struct MannWhitneyResult {
  double u = 0;        // of the canary
  double p_value = 1;  // that such values come from one distribution; one-sided unless kEither
  // The same with the canary's values moved by a quarter of `shift` towards stable's.
  double p_value_beyond_tolerance = 1;
  double effect = 0.5;  // common language effect size: P(canary > stable) + P(equal) / 2
  double shift = 0;     // Hodges-Lehmann estimate of canary - stable
};

// Exact (by counting arrangements, ties included) where both sides have at most 20 values,
// otherwise the normal approximation with tie and continuity correction. Deterministic. Neither
// side may be empty, all values are finite; values that differ by less than 1e-15 of the largest
// are equal. Two sides that are constant and equal give p = 1.
MannWhitneyResult MannWhitney(const std::vector<double>& canary, const std::vector<double>& stable,
                              Direction direction);

// Whether the canary is worse in the comparison's direction: a quarter of the estimated shift could
// be taken from it and it would still differ significantly at `comparison.confidence` (Kayenta's
// tolerance, as a test of its own). Without a shift nothing is worse.
bool IsWorse(const MannWhitneyResult& result, const Comparison& comparison);

}  // namespace delivery::analysis

#endif  // DELIVERY_ANALYSIS_MANN_WHITNEY_H_
