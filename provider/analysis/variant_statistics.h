// Whether one of two variants that serve at the same time is better. Pure: no I/O, no clock, no
// randomness.
//
// All tests are two-sided, since a variant may be better or worse; several metrics are adjusted
// together (Holm), so that the chance of any false winner stays below 1 - confidence.
#ifndef DELIVERY_ANALYSIS_VARIANT_STATISTICS_H_
#define DELIVERY_ANALYSIS_VARIANT_STATISTICS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace delivery::analysis {

struct Interval {
  double low = 0;
  double high = 0;
};

// Trials of a variant, and how many of them succeeded. 0 <= successes <= trials.
struct Counts {
  int64_t successes = 0;
  int64_t trials = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

struct SideSummary {
  int64_t samples = 0;     // values or trials
  double mean = 0;         // of counts: the share of successes
  Interval interval = {};  // of the mean
};

// Sides without samples have nothing in them.
struct VariantComparison {
  SideSummary a = {};
  SideSummary b = {};
  double p_value = 1;  // that chance alone makes such a difference
  // How much B is above A: a difference of shares, or the Hodges-Lehmann estimate of a shift.
  double effect = 0;
  Interval effect_interval = {};
};

// Fisher's exact test (for more than a million possible tables its normal approximation), Wilson's
// intervals of the shares and Newcombe's of their difference.
VariantComparison CompareCounts(const Counts& a, const Counts& b, double confidence);

// The Mann-Whitney test, Student's intervals of the means, and the Hodges-Lehmann estimate of the
// shift with its distribution-free interval.
VariantComparison CompareValues(const std::vector<double>& a, const std::vector<double>& b,
                                double confidence);

// Holm's step-down adjustment, in the order given.
std::vector<double> AdjustForSeveral(const std::vector<double>& p_values);

enum class Finding { kBetter, kWorse, kNoDifference, kNotEnoughData };
// "better", "worse", "no_difference", "not_enough_data".
std::string FindingName(Finding finding);

// The value below which Student's t with so many degrees of freedom stays with this probability
// (0.5 to below 1).
double StudentQuantile(double probability, double degrees);
double NormalQuantile(double probability);

}  // namespace delivery::analysis

#endif  // DELIVERY_ANALYSIS_VARIANT_STATISTICS_H_
