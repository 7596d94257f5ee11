#include "provider/image_policy/semver_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace delivery::image_policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

TEST(SemverFunctionsTest, SelectsTheHighestInTheRange) {
  const std::vector<std::string> tags = {"1.9.0", "latest", "v1.10.0", "2.0.0", "1.11.0-rc.1", "1"};
  EXPECT_THAT(SemverSelect(tags, *Range::Parse("^1.0.0")), Optional(std::string("v1.10.0")));
  EXPECT_THAT(SemverSelect(tags, *Range::Parse("^1.0.0-0")), Optional(std::string("1.11.0-rc.1")));
  EXPECT_EQ(SemverSelect(tags, *Range::Parse(">=3")), std::nullopt);
  EXPECT_EQ(SemverSelect({}, *Range::Parse("*")), std::nullopt);
}

TEST(SemverFunctionsTest, OfEqualVersionsTheLaterTextIsSelected) {
  const Range any = *Range::Parse("*");
  EXPECT_THAT(SemverSelect({"1.0.0", "v1.0.0"}, any), Optional(std::string("v1.0.0")));
  EXPECT_THAT(SemverSelect({"v1.0.0", "1.0.0"}, any), Optional(std::string("v1.0.0")));
}

TEST(SemverFunctionsTest, Compares) {
  EXPECT_EQ(SemverCompare("1.9.0", "v1.10.0").value(), -1);
  EXPECT_EQ(SemverCompare("v1.10.0", "1.9.0").value(), 1);
  EXPECT_EQ(SemverCompare("1.0.0-a", "1.0.0-b").value(), -1);
  EXPECT_EQ(SemverCompare("1.0.0+a", "v1.0.0+b").value(), 0);
}

TEST(SemverFunctionsTest, NamesTheTextThatIsNoVersion) {
  for (const auto& status :
       {SemverCompare("1.0", "1.0.0").status(), SemverCompare("1.0.0", "1.0").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("\"1.0\" is not a semantic version"));
  }
}

}  // namespace
}  // namespace delivery::image_policy
