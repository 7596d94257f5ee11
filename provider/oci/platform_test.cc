#include "provider/oci/platform.h"

#include <gtest/gtest.h>

namespace delivery::oci {
namespace {

std::string Canonical(std::string_view text) {
  const auto platform = ParsePlatform(text);
  return platform.ok() ? platform->Text() : std::string(platform.status().message());
}

bool Fits(std::string_view wanted, std::string_view offered) {
  return Matches(*ParsePlatform(wanted), *ParsePlatform(offered));
}

TEST(PlatformTest, HasOneForm) {
  EXPECT_EQ(Canonical("linux/amd64"), "linux/amd64");
  EXPECT_EQ(Canonical("Linux/x86_64"), "linux/amd64");
  EXPECT_EQ(Canonical("linux/amd64/v1"), "linux/amd64");
  EXPECT_EQ(Canonical("linux/amd64/v3"), "linux/amd64/v3");
  EXPECT_EQ(Canonical("linux/arm64/v8"), "linux/arm64");
  EXPECT_EQ(Canonical("linux/aarch64"), "linux/arm64");
  EXPECT_EQ(Canonical("linux/arm"), "linux/arm/v7");
  EXPECT_EQ(Canonical("linux/arm/6"), "linux/arm/v6");
  EXPECT_EQ(Canonical("linux/armhf"), "linux/arm/v7");
  EXPECT_EQ(Canonical("linux/armel"), "linux/arm/v6");
  EXPECT_EQ(Canonical("linux/i386"), "linux/386");
  EXPECT_EQ(Canonical("macos/arm64"), "darwin/arm64");
}

TEST(PlatformTest, RefusesOtherTexts) {
  for (const char* text : {"", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "linux/*"}) {
    EXPECT_EQ(ParsePlatform(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(PlatformTest, AMachineRunsItsVariantAndLowerOnes) {
  EXPECT_TRUE(Fits("linux/amd64", "linux/amd64"));
  EXPECT_TRUE(Fits("linux/arm64", "linux/arm64/v8"));
  EXPECT_TRUE(Fits("linux/arm/v7", "linux/arm/v6"));
  EXPECT_TRUE(Fits("linux/arm/v7", "linux/arm"));
  EXPECT_TRUE(Fits("linux/arm64/v8.2", "linux/arm64"));
  EXPECT_TRUE(Fits("linux/arm64/v9", "linux/arm64/v8.1"));
  EXPECT_TRUE(Fits("linux/amd64/v3", "linux/amd64"));
  EXPECT_FALSE(Fits("linux/arm/v6", "linux/arm/v7"));
  EXPECT_FALSE(Fits("linux/arm64", "linux/arm64/v8.1"));
  EXPECT_FALSE(Fits("linux/amd64", "linux/amd64/v2"));
}

TEST(PlatformTest, OtherArchitecturesAndSystemsDoNotMatch) {
  EXPECT_FALSE(Fits("linux/amd64", "linux/386"));
  EXPECT_FALSE(Fits("linux/arm64", "linux/arm/v7"));
  EXPECT_FALSE(Fits("linux/amd64", "windows/amd64"));
  EXPECT_FALSE(Fits("linux/mips/a", "linux/mips/b"));
  EXPECT_FALSE(Fits("linux/arm/vx", "linux/arm/v6"));
}

}  // namespace
}  // namespace delivery::oci
