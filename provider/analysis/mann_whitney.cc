#include "provider/analysis/mann_whitney.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace delivery::analysis {
namespace {

// Up to here a side's arrangements are counted.
constexpr size_t kMostExact = 20;
// Values are compared on a grid of the largest one's last digits, so that 0.3 - 0.1 equals 0.2 and
// all that follows is exact arithmetic on integers.
constexpr double kGrid = 1e15;
// The share of the estimated shift that has to be significant by itself is one in this many.
constexpr int64_t kToleranceDivisor = 4;

using Grid = std::vector<int64_t>;

double Largest(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (const double value : a) largest = std::max(largest, std::abs(value));
  for (const double value : b) largest = std::max(largest, std::abs(value));
  return largest;
}

Grid ToGrid(const std::vector<double>& values, double largest) {
  Grid grid;
  grid.reserve(values.size());
  for (const double value : values) {
    grid.push_back(largest == 0 ? 0 : std::llround(value / largest * kGrid));
  }
  return grid;
}

// Twice the median of all differences canary - stable.
int64_t DoubledShift(const Grid& canary, const Grid& stable) {
  Grid differences;
  differences.reserve(canary.size() * stable.size());
  for (const int64_t x : canary) {
    for (const int64_t y : stable) differences.push_back(x - y);
  }
  const auto upper = differences.begin() + static_cast<ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), upper, differences.end());
  if (differences.size() % 2 == 1) return 2 * *upper;
  return *upper + *std::max_element(differences.begin(), upper);
}

// The pooled values' ranks, doubled: the mean rank of a tie may be half a number.
struct Ranks {
  std::vector<int64_t> pooled;
  int64_t canary_sum = 0;
  double tie_term = 0;  // sum of t^3 - t over groups of t equal values
};

Ranks RankOf(const Grid& canary, const Grid& stable) {
  struct Entry {
    int64_t value;
    bool is_canary;
  };
  std::vector<Entry> entries;
  entries.reserve(canary.size() + stable.size());
  for (const int64_t value : canary) entries.push_back({value, true});
  for (const int64_t value : stable) entries.push_back({value, false});
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.value < b.value; });
  Ranks ranks;
  for (size_t first = 0; first < entries.size();) {
    size_t end = first;
    while (end < entries.size() && entries[end].value == entries[first].value) ++end;
    const auto doubled = static_cast<int64_t>(first + 1 + end);
    for (size_t i = first; i < end; ++i) {
      ranks.pooled.push_back(doubled);
      if (entries[i].is_canary) ranks.canary_sum += doubled;
    }
    const auto ties = static_cast<double>(end - first);
    ranks.tie_term += ties * ties * ties - ties;
    first = end;
  }
  return ranks;
}

// P(statistic >= observed) and P(statistic <= observed) where both sides come from one
// distribution.
struct Tails {
  double upper = 1;
  double lower = 1;

  double Of(Direction direction) const {
    switch (direction) {
      case Direction::kIncrease:
        return upper;
      case Direction::kDecrease:
        return lower;
      case Direction::kEither:
        break;
    }
    return std::min(1.0, 2 * std::min(upper, lower));
  }
};

// Counts, for each sum of ranks, the choices of `chosen` of the pooled ranks that have it. At most
// C(40, 20) choices: a double counts them exactly.
Tails ExactTails(const Ranks& ranks, size_t chosen) {
  int64_t largest_sum = 0;
  for (const int64_t rank : ranks.pooled) largest_sum += rank;
  const auto sums = static_cast<size_t>(largest_sum) + 1;
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(sums, 0));
  ways[0][0] = 1;
  size_t reached = 0;  // the largest sum so far
  for (const int64_t rank : ranks.pooled) {
    const auto step = static_cast<size_t>(rank);
    reached += step;
    for (size_t count = chosen; count > 0; --count) {
      for (size_t sum = step; sum <= reached; ++sum) {
        ways[count][sum] += ways[count - 1][sum - step];
      }
    }
  }
  double all = 0, upper = 0, lower = 0;
  for (size_t sum = 0; sum < sums; ++sum) {
    const double count = ways[chosen][sum];
    all += count;
    if (static_cast<int64_t>(sum) >= ranks.canary_sum) upper += count;
    if (static_cast<int64_t>(sum) <= ranks.canary_sum) lower += count;
  }
  return {upper / all, lower / all};
}

Tails NormalTails(const Ranks& ranks, double u, double canary_size, double stable_size) {
  const double all = canary_size + stable_size;
  const double variance =
      canary_size * stable_size / 12 * (all + 1 - ranks.tie_term / (all * (all - 1)));
  if (!(variance > 0)) return {};  // all values are equal
  const double distance = u - canary_size * stable_size / 2;
  const auto above = [&](double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); };
  const double sigma = std::sqrt(variance);
  return {above((distance - 0.5) / sigma), above((-distance - 0.5) / sigma)};
}

struct TestResult {
  double u = 0;
  double p_value = 1;
};

TestResult TestGrid(const Grid& canary, const Grid& stable, Direction direction) {
  const Ranks ranks = RankOf(canary, stable);
  const auto canary_size = static_cast<double>(canary.size());
  const auto stable_size = static_cast<double>(stable.size());
  const double u = static_cast<double>(ranks.canary_sum) / 2 - canary_size * (canary_size + 1) / 2;
  const bool exact = std::max(canary.size(), stable.size()) <= kMostExact;
  const Tails tails =
      exact ? ExactTails(ranks, canary.size()) : NormalTails(ranks, u, canary_size, stable_size);
  return {u, tails.Of(direction)};
}

// Both sides multiplied alike, the canary less a part of the shift: still integers.
TestResult TestBeyondTolerance(const Grid& canary, const Grid& stable, int64_t doubled_shift,
                               Direction direction) {
  constexpr int64_t kFactor = 2 * kToleranceDivisor;
  Grid moved = canary;
  Grid scaled = stable;
  for (int64_t& value : moved) value = kFactor * value - doubled_shift;
  for (int64_t& value : scaled) value *= kFactor;
  return TestGrid(moved, scaled, direction);
}

}  // namespace

MannWhitneyResult MannWhitney(const std::vector<double>& canary, const std::vector<double>& stable,
                              Direction direction) {
  const double largest = Largest(canary, stable);
  const Grid canary_grid = ToGrid(canary, largest);
  const Grid stable_grid = ToGrid(stable, largest);
  const int64_t doubled_shift = DoubledShift(canary_grid, stable_grid);
  const TestResult plain = TestGrid(canary_grid, stable_grid, direction);
  const TestResult beyond = TestBeyondTolerance(canary_grid, stable_grid, doubled_shift, direction);
  const auto pairs = static_cast<double>(canary.size() * stable.size());
  return {.u = plain.u,
          .p_value = plain.p_value,
          .p_value_beyond_tolerance = beyond.p_value,
          .effect = plain.u / pairs,
          .shift = static_cast<double>(doubled_shift) / (2 * kGrid) * largest};
}

bool IsWorse(const MannWhitneyResult& result, const Comparison& comparison) {
  const bool up = comparison.direction != Direction::kDecrease && result.shift > 0;
  const bool down = comparison.direction != Direction::kIncrease && result.shift < 0;
  const double most = 1 - comparison.confidence;
  return (up || down) && result.p_value <= most && result.p_value_beyond_tolerance <= most;
}

}  // namespace delivery::analysis
