#include "provider/image_policy/newest_tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace delivery::image_policy {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

// In the order promised.
const std::vector<std::string>& Tags() {
  static const auto* const tags = new std::vector<std::string>{
      "v10.0.0", "2.0.0",  "v2.0.0-rc.1", "2.0.0-rc.1", "0.1.0", "main-10-a", "main-9-z",
      "main",    "latest", "12",          "2",          "02",    "1.2"};
  return *tags;
}

TEST(NewestTagsTest, VersionsComeFirstThenNaturalOrder) {
  std::mt19937 random(7);
  std::vector<std::string> shuffled = Tags();
  for (size_t limit = 1; limit <= shuffled.size() + 1; ++limit) {
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    NewestTags newest(limit);
    for (const std::string& tag : shuffled) newest.Add(tag);
    EXPECT_EQ(newest.count(), Tags().size());
    const std::vector<std::string> expected(
        Tags().begin(),
        Tags().begin() + static_cast<std::ptrdiff_t>(std::min(limit, Tags().size())));
    EXPECT_THAT(newest.Take(), ElementsAreArray(expected));
  }
}

TEST(NewestTagsTest, KeepsNothingButCountsWithoutALimit) {
  NewestTags newest(0);
  newest.Add("1.0.0");
  EXPECT_EQ(newest.count(), 1u);
  EXPECT_THAT(newest.Take(), IsEmpty());
}

TEST(NewestTagsTest, AnEqualVersionIsOrderedByItsText) {
  NewestTags newest(2);
  for (const std::string_view tag : {"1.0.0", "v1.0.0", "1.0.0+b"}) newest.Add(tag);
  EXPECT_THAT(newest.Take(), ElementsAre("v1.0.0", "1.0.0+b"));
}

}  // namespace
}  // namespace delivery::image_policy
