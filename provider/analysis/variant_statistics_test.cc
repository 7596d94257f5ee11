#include "provider/analysis/variant_statistics.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace delivery::analysis {
namespace {

constexpr double k95 = 0.95;

// Fisher's tea tasting, and the example of Wikipedia's article on his test.
TEST(CompareCountsTest, FishersExactTestGivesThePublishedValues) {
  EXPECT_NEAR(CompareCounts({3, 4}, {1, 4}, k95).p_value, 0.4857142857, 1e-9);
  EXPECT_NEAR(CompareCounts({1, 10}, {11, 14}, k95).p_value, 0.002759456185, 1e-9);
  EXPECT_NEAR(CompareCounts({1, 10}, {11, 14}, k95).p_value,
              CompareCounts({11, 14}, {1, 10}, k95).p_value, 1e-12);
}

// Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3.
TEST(CompareCountsTest, WilsonsIntervalsAreThePublishedOnes) {
  const auto check = [](int64_t successes, int64_t trials, double low, double high) {
    const Interval interval = CompareCounts({successes, trials}, {0, 1}, k95).a.interval;
    EXPECT_NEAR(interval.low, low, 5e-5);
    EXPECT_NEAR(interval.high, high, 5e-5);
  };
  check(81, 263, 0.2553, 0.3662);
  check(15, 148, 0.0624, 0.1605);
  check(0, 20, 0.0000, 0.1611);
  check(1, 29, 0.0061, 0.1718);
}

// Newcombe, Interval estimation for the difference between independent proportions (1998), table
// II, method 10.
TEST(CompareCountsTest, NewcombesIntervalsOfADifferenceAreThePublishedOnes) {
  const auto check = [](const Counts& b, const Counts& a, double low, double high) {
    const VariantComparison result = CompareCounts(a, b, k95);
    EXPECT_NEAR(result.effect_interval.low, low, 5e-5);
    EXPECT_NEAR(result.effect_interval.high, high, 5e-5);
  };
  check({56, 70}, {48, 80}, 0.0524, 0.3339);
  check({9, 10}, {3, 10}, 0.1705, 0.8090);
  check({10, 10}, {0, 10}, 0.6075, 1.0000);
}

TEST(CompareCountsTest, ManyTrialsAreApproximatedAlike) {
  // On both sides of the limit the same shares say the same.
  const VariantComparison exact = CompareCounts({1000, 900'000}, {1100, 900'000}, k95);
  const VariantComparison rough = CompareCounts({100'000, 90'000'000}, {100'300, 90'000'000}, k95);
  EXPECT_NEAR(exact.p_value, 0.0303, 0.002);
  EXPECT_GT(rough.p_value, 0.3);
  EXPECT_LT(CompareCounts({10'000'000, 90'000'000}, {10'100'000, 90'000'000}, k95).p_value, 1e-9);
}

TEST(CompareCountsTest, SidesWithoutTrialsSayNothing) {
  const VariantComparison result = CompareCounts({0, 0}, {3, 10}, k95);
  EXPECT_EQ(result.p_value, 1);
  EXPECT_EQ(result.a.samples, 0);
  EXPECT_EQ(result.b.samples, 10);
  EXPECT_EQ(CompareCounts({0, 10}, {0, 10}, k95).p_value, 1);
}

// Hollander and Wolfe (1973), page 69: permeability constants of the human chorioamnion, as in R's
// example of wilcox.test.
TEST(CompareValuesTest, MannWhitneyGivesThePublishedValues) {
  const std::vector<double> at_term = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
  const std::vector<double> weeks_12 = {1.15, 0.88, 0.90, 0.74, 1.21};
  const VariantComparison result = CompareValues(weeks_12, at_term, k95);
  EXPECT_NEAR(result.p_value, 0.2544122544, 1e-9);
  EXPECT_NEAR(result.effect, 0.305, 1e-9);
  // The exact interval of 95 % is -0.15 to 0.76; the approximation is no narrower.
  EXPECT_LE(result.effect_interval.low, -0.15);
  EXPECT_GE(result.effect_interval.low, -0.30);
  EXPECT_GE(result.effect_interval.high, 0.76);
  EXPECT_LE(result.effect_interval.high, 0.90);
}

// Student's own data on sleep: the second drug; R: t.test(extra[11:20]).
TEST(CompareValuesTest, StudentsIntervalOfAMeanIsThePublishedOne) {
  const std::vector<double> sleep = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  const SideSummary summary = CompareValues(sleep, {0}, k95).a;
  EXPECT_NEAR(summary.mean, 2.33, 1e-9);
  EXPECT_NEAR(summary.interval.low, 0.8976775, 1e-6);
  EXPECT_NEAR(summary.interval.high, 3.7623225, 1e-6);
}

TEST(CompareValuesTest, OneValueHasNoSpread) {
  const VariantComparison result = CompareValues({5}, {}, k95);
  EXPECT_EQ(result.a.mean, 5);
  EXPECT_EQ(result.a.interval.low, 5);
  EXPECT_EQ(result.p_value, 1);
}

TEST(QuantileTest, AreThoseOfTheTables) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963985, 1e-8);
  EXPECT_NEAR(StudentQuantile(0.975, 1), 12.7062047, 1e-6);
  EXPECT_NEAR(StudentQuantile(0.975, 9), 2.262157163, 1e-8);
  EXPECT_NEAR(StudentQuantile(0.995, 30), 2.749995654, 1e-8);
  EXPECT_NEAR(StudentQuantile(0.975, 1e6), 1.959966, 1e-5);
}

// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
TEST(AdjustForSeveralTest, IsHolms) {
  const std::vector<double> adjusted = AdjustForSeveral({0.01, 0.04, 0.03, 0.005});
  const std::vector<double> published = {0.03, 0.06, 0.06, 0.02};
  ASSERT_EQ(adjusted.size(), published.size());
  for (size_t i = 0; i < published.size(); ++i) EXPECT_NEAR(adjusted[i], published[i], 1e-12);
  EXPECT_TRUE(AdjustForSeveral({}).empty());
  EXPECT_EQ(AdjustForSeveral({0.9, 0.8}), (std::vector<double>{1, 1}));
}

// Of tests in which nothing differs, no more than 1 - confidence find something.
TEST(VariantStatisticsTest, FalseWinnersAreAsRareAsPromised) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  int by_counts = 0;
  int by_values = 0;
  constexpr int kTests = 2000;
  for (int test = 0; test < kTests; ++test) {
    std::binomial_distribution<int> successes(400, 0.1);
    by_counts +=
        CompareCounts({successes(random), 400}, {successes(random), 400}, k95).p_value < 0.05 ? 1
                                                                                              : 0;
    std::vector<double> a(25);
    std::vector<double> b(30);
    for (double& value : a) value = normal(random);
    for (double& value : b) value = normal(random);
    by_values += CompareValues(a, b, k95).p_value < 0.05 ? 1 : 0;
  }
  // Three deviations above the promise.
  EXPECT_LT(by_counts, kTests * 0.05 + 30);
  EXPECT_LT(by_values, kTests * 0.05 + 30);
}

// ... and the interval of the shift covers the true one as often as promised.
TEST(VariantStatisticsTest, IntervalsOfTheShiftCoverIt) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  int covered = 0;
  constexpr int kTests = 500;
  for (int test = 0; test < kTests; ++test) {
    std::vector<double> a(20);
    std::vector<double> b(20);
    for (double& value : a) value = normal(random);
    for (double& value : b) value = 1.5 + normal(random);
    const Interval interval = CompareValues(a, b, k95).effect_interval;
    covered += interval.low <= 1.5 && 1.5 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, kTests * 0.95 - 15);
}

}  // namespace
}  // namespace delivery::analysis
