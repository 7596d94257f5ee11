#include "provider/analysis/variant_statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "provider/analysis/mann_whitney.h"

namespace delivery::analysis {
namespace {

constexpr int64_t kMostTables = 1'000'000;

// Where `rising` passes `wanted`, between `low` and `high`.
double Bisect(const std::function<double(double)>& rising, double wanted, double low, double high) {
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (rising(middle) < wanted ? low : high) = middle;
  }
  return (low + high) / 2;
}

double NormalBelow(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// The continued fraction of the incomplete beta function (Lentz).
double BetaFraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    const double change = d * c;
    fraction *= change;
    if (std::abs(change - 1) < 1e-15) break;
  }
  return fraction;
}

// The regularized incomplete beta function.
double BetaBelow(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(a, b, x) / a;
  return 1 - front * BetaFraction(b, a, 1 - x) / b;
}

Interval WilsonInterval(const Counts& counts, double z) {
  const auto n = static_cast<double>(counts.trials);
  const double share = static_cast<double>(counts.successes) / n;
  const double center = share + z * z / (2 * n);
  const double spread = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {std::max(0.0, (center - spread) / scale), std::min(1.0, (center + spread) / scale)};
}

SideSummary SummaryOf(const Counts& counts, double z) {
  if (counts.trials == 0) return {};
  return {counts.trials, static_cast<double>(counts.successes) / static_cast<double>(counts.trials),
          WilsonInterval(counts, z)};
}

double LogChoose(int64_t n, int64_t k) {
  const auto all = static_cast<double>(n);
  const auto chosen = static_cast<double>(k);
  return std::lgamma(all + 1) - std::lgamma(chosen + 1) - std::lgamma(all - chosen + 1);
}

// All tables with these margins that are no more likely than the one that was seen.
double FisherTest(const Counts& a, const Counts& b) {
  const int64_t successes = a.successes + b.successes;
  const int64_t low = std::max<int64_t>(0, successes - b.trials);
  const int64_t high = std::min(successes, a.trials);
  const auto log_of = [&](int64_t of_a) {
    return LogChoose(a.trials, of_a) + LogChoose(b.trials, successes - of_a) -
           LogChoose(a.trials + b.trials, successes);
  };
  // As likely but for rounding.
  const double seen = log_of(a.successes) + 1e-7;
  double p_value = 0;
  for (int64_t of_a = low; of_a <= high; ++of_a) {
    const double one = log_of(of_a);
    if (one <= seen) p_value += std::exp(one);
  }
  return std::min(1.0, p_value);
}

double PooledTest(const Counts& a, const Counts& b) {
  const auto n_a = static_cast<double>(a.trials);
  const auto n_b = static_cast<double>(b.trials);
  const double pooled = static_cast<double>(a.successes + b.successes) / (n_a + n_b);
  const double variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b);
  if (!(variance > 0)) return 1;
  const double difference =
      std::abs(static_cast<double>(b.successes) / n_b - static_cast<double>(a.successes) / n_a);
  const double continuity = (1 / n_a + 1 / n_b) / 2;
  const double z = std::max(0.0, difference - continuity) / std::sqrt(variance);
  return std::min(1.0, 2 * NormalBelow(-z));
}

SideSummary SummaryOf(const std::vector<double>& values, double confidence) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  SideSummary summary{static_cast<int64_t>(values.size()), mean, {mean, mean}};
  if (values.size() < 2) return summary;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double spread =
      StudentQuantile((1 + confidence) / 2, n - 1) * std::sqrt(squares / (n - 1) / n);
  summary.interval = {mean - spread, mean + spread};
  return summary;
}

// Between the ordered differences that the normal approximation of the rank sum leaves.
Interval ShiftInterval(const std::vector<double>& a, const std::vector<double>& b, double z) {
  std::vector<double> differences;
  differences.reserve(a.size() * b.size());
  for (const double of_b : b) {
    for (const double of_a : a) differences.push_back(of_b - of_a);
  }
  std::sort(differences.begin(), differences.end());
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  const double place = n * m / 2 - z * std::sqrt(n * m * (n + m + 1) / 12);
  const auto from_end = static_cast<size_t>(std::max(1.0, std::floor(place)));
  return {differences[from_end - 1], differences[differences.size() - from_end]};
}

}  // namespace

double NormalQuantile(double probability) { return Bisect(NormalBelow, probability, -40, 40); }

double StudentQuantile(double probability, double degrees) {
  const auto below = [degrees](double t) {
    return 1 - BetaBelow(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
  };
  return Bisect(below, probability, 0, 1e6);
}

VariantComparison CompareCounts(const Counts& a, const Counts& b, double confidence) {
  const double z = NormalQuantile((1 + confidence) / 2);
  VariantComparison result{.a = SummaryOf(a, z), .b = SummaryOf(b, z)};
  if (a.trials == 0 || b.trials == 0) return result;
  result.effect = result.b.mean - result.a.mean;
  const Interval& of_a = result.a.interval;
  const Interval& of_b = result.b.interval;
  result.effect_interval = {
      result.effect - std::hypot(result.b.mean - of_b.low, of_a.high - result.a.mean),
      result.effect + std::hypot(of_b.high - result.b.mean, result.a.mean - of_a.low)};
  const int64_t tables = std::min({a.trials, b.trials, a.successes + b.successes});
  result.p_value = tables <= kMostTables ? FisherTest(a, b) : PooledTest(a, b);
  return result;
}

VariantComparison CompareValues(const std::vector<double>& a, const std::vector<double>& b,
                                double confidence) {
  VariantComparison result{.a = SummaryOf(a, confidence), .b = SummaryOf(b, confidence)};
  if (a.empty() || b.empty()) return result;
  const MannWhitneyResult test = MannWhitney(b, a, Direction::kEither);
  result.p_value = test.p_value;
  result.effect = test.shift;
  result.effect_interval = ShiftInterval(a, b, NormalQuantile((1 + confidence) / 2));
  return result;
}

std::vector<double> AdjustForSeveral(const std::vector<double>& p_values) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t one, size_t other) { return p_values[one] < p_values[other]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    least = std::max(least, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

std::string FindingName(Finding finding) {
  switch (finding) {
    case Finding::kBetter:
      return "better";
    case Finding::kWorse:
      return "worse";
    case Finding::kNoDifference:
      return "no_difference";
    case Finding::kNotEnoughData:
      break;
  }
  return "not_enough_data";
}

}  // namespace delivery::analysis
