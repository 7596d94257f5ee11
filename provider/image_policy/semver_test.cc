#include "provider/image_policy/semver.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace delivery::image_policy {
namespace {

int Sign(int order) { return order < 0 ? -1 : (order > 0 ? 1 : 0); }

TEST(SemverTest, ReadsAllParts) {
  const auto version = ParseVersion("v1.20.300-rc.1.x-y+build.007-a");
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(version->major, 1u);
  EXPECT_EQ(version->minor, 20u);
  EXPECT_EQ(version->patch, 300u);
  EXPECT_EQ(version->pre_release, "rc.1.x-y");
  EXPECT_EQ(version->build, "build.007-a");
  EXPECT_EQ(version->ToString(), "1.20.300-rc.1.x-y+build.007-a");
  EXPECT_TRUE(version->IsPreRelease());
  EXPECT_FALSE(ParseVersion("1.0.0+only-a-build")->IsPreRelease());
}

TEST(SemverTest, TakesWhatTheSpecificationTakes) {
  for (const std::string_view text :
       {"0.0.0", "1.2.3", "v1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta",
        "1.0.0-alpha", "1.0.0-alpha.beta.1", "1.0.0-0A.is.legal", "1.0.0-rc.1+build.1",
        "1.2.3----RC-SNAPSHOT.12.9.1--.12", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "1.0.0-0",
        "1.2.3-01a", "18446744073709551615.0.0", "1.0.0-99999999999999999999999", "1.2.3-beta.-2",
        "1.2.3--"}) {
    EXPECT_TRUE(ParseVersion(text).has_value()) << text;
  }
}

TEST(SemverTest, RefusesTheRest) {
  for (const std::string_view text : {"",
                                      "v",
                                      "1",
                                      "1.2",
                                      "1.2.3.4",
                                      "01.2.3",
                                      "1.02.3",
                                      "1.2.03",
                                      "1.2.3-",
                                      "1.2.3+",
                                      "1.2.3-+b",
                                      "1.2.3-a..b",
                                      "1.2.3-01",
                                      "1.2.3-a.01",
                                      "1.2.3+a..b",
                                      "1.2.3+a+b",
                                      "V1.2.3",
                                      "vv1.2.3",
                                      " 1.2.3",
                                      "1.2.3 ",
                                      "1.2.x",
                                      "1.2-rc.3",
                                      "-1.2.3",
                                      "1.-2.3",
                                      "1..3",
                                      "1.2.",
                                      ".1.2",
                                      "a.b.c",
                                      "1.2.3-\xc3\xa4",
                                      "1.2.3_1",
                                      "latest",
                                      "18446744073709551616.0.0",
                                      "0.99999999999999999999.0",
                                      "+1.2.3",
                                      "1.2.+3"}) {
    EXPECT_FALSE(ParseVersion(text).has_value()) << text;
  }
}

TEST(SemverTest, OrdersByPrecedence) {
  // Each lower than the next; the pre-releases are those of the specification, 11.4.
  const std::vector<std::string> ascending = {"0.0.0-0",
                                              "0.0.0",
                                              "0.0.1",
                                              "0.1.0",
                                              "0.9.10",
                                              "0.10.0",
                                              "1.0.0-1",
                                              "1.0.0-2",
                                              "1.0.0-10",
                                              "1.0.0-18446744073709551616",
                                              "1.0.0-99999999999999999999",
                                              "1.0.0--1",
                                              "1.0.0-alpha",
                                              "1.0.0-alpha.1",
                                              "1.0.0-alpha.1.0",
                                              "1.0.0-alpha.beta",
                                              "1.0.0-beta",
                                              "1.0.0-beta.2",
                                              "1.0.0-beta.11",
                                              "1.0.0-beta.11a",
                                              "1.0.0-rc.1",
                                              "1.0.0",
                                              "2.0.0",
                                              "9.0.0",
                                              "10.0.0",
                                              "9007199254740992.0.0",
                                              "9007199254740993.0.0"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(Sign(Compare(*ParseVersion(ascending[i]), *ParseVersion(ascending[j]))),
                Sign(static_cast<int>(i) - static_cast<int>(j)))
          << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(SemverTest, BuildAndPrefixAreNotCompared) {
  EXPECT_EQ(Compare(*ParseVersion("v1.0.0+a"), *ParseVersion("1.0.0+b")), 0);
  EXPECT_EQ(Compare(*ParseVersion("1.0.0-rc.1+a"), *ParseVersion("1.0.0-rc.1")), 0);
}

Version RandomVersion(std::mt19937& random) {
  // Few values, so that equal parts are common.
  static constexpr std::string_view kPreReleases[] = {
      "", "", "0", "1", "10", "1.1", "a", "a.1", "a.b", "a.1.1", "-", "A", "rc.1", "01a", "1.a"};
  return {random() % 3, random() % 3, random() % 3,
          std::string(kPreReleases[random() % std::size(kPreReleases)]),
          random() % 2 == 0 ? "" : "b." + std::to_string(random() % 9)};
}

TEST(SemverPropertyTest, OrderIsTotal) {
  std::mt19937 random(20240701);
  for (int i = 0; i < 20000; ++i) {
    const Version a = RandomVersion(random);
    const Version b = RandomVersion(random);
    const Version c = RandomVersion(random);
    ASSERT_EQ(Compare(a, a), 0);
    ASSERT_EQ(Sign(Compare(a, b)), -Sign(Compare(b, a)));
    if (Compare(a, b) <= 0 && Compare(b, c) <= 0) {
      ASSERT_LE(Compare(a, c), 0) << a.ToString() << " " << b.ToString() << " " << c.ToString();
    }
    const auto again = ParseVersion(a.ToString());
    ASSERT_TRUE(again.has_value()) << a.ToString();
    ASSERT_EQ(again->ToString(), a.ToString());
    ASSERT_EQ(Compare(a, *again), 0);
  }
}

}  // namespace
}  // namespace delivery::image_policy
