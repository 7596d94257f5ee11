#include "provider/image_policy/canary_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace delivery::image_policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int64_t> Weights(int64_t max, int64_t step) {
  const auto steps = CanarySteps(max, step, "5m");
  EXPECT_TRUE(steps.ok()) << steps.status();
  std::vector<int64_t> weights;
  for (const CanaryStep& each : steps.value_or(std::vector<CanaryStep>())) {
    EXPECT_EQ(each.hold, "5m");
    weights.push_back(each.weight);
  }
  return weights;
}

TEST(CanaryStepsTest, CountsUpToTheMaximum) {
  EXPECT_THAT(Weights(50, 10), ElementsAre(10, 20, 30, 40, 50));
  EXPECT_THAT(Weights(50, 20), ElementsAre(20, 40, 50));
  EXPECT_THAT(Weights(100, 99), ElementsAre(99, 100));
  EXPECT_THAT(Weights(7, 7), ElementsAre(7));
  EXPECT_THAT(Weights(1, 1), ElementsAre(1));
  EXPECT_EQ(Weights(100, 1).size(), 100u);
}

TEST(CanaryStepsTest, RefusesWhatIsNoPercentage) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  for (const int64_t max : {int64_t{0}, int64_t{-1}, int64_t{101}, kHuge, -kHuge}) {
    EXPECT_THAT(CanarySteps(max, 1, "1m").status().message(), HasSubstr("from 1 to 100"));
  }
  for (const int64_t step : {int64_t{0}, int64_t{-5}, int64_t{51}, kHuge, -kHuge}) {
    EXPECT_THAT(CanarySteps(50, step, "1m").status().message(), HasSubstr("from 1 to max"));
  }
}

}  // namespace
}  // namespace delivery::image_policy
