#include "provider/image_policy/semver_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace delivery::image_policy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

// What Masterminds/semver v3.4.0 decides: this table agrees with it row by row.
struct Decisions {
  std::string range;
  std::vector<std::string> in;
  std::vector<std::string> out;
};

class RangeTest : public ::testing::TestWithParam<Decisions> {};

TEST_P(RangeTest, DecidesAsFluxDoes) {
  const auto range = Range::Parse(GetParam().range);
  ASSERT_TRUE(range.ok()) << range.status();
  for (const std::string& text : GetParam().in) {
    const auto version = ParseVersion(text);
    ASSERT_TRUE(version.has_value()) << text;
    EXPECT_TRUE(range->Matches(*version)) << text << " is not in " << GetParam().range;
    EXPECT_EQ(range->WhyNot(*version), std::nullopt);
  }
  for (const std::string& text : GetParam().out) {
    const auto version = ParseVersion(text);
    ASSERT_TRUE(version.has_value()) << text;
    EXPECT_FALSE(range->Matches(*version)) << text << " is in " << GetParam().range;
    EXPECT_THAT(range->WhyNot(*version), Optional(StartsWith(version->ToString() + " is ")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Comparators, RangeTest,
    ::testing::Values(
        Decisions{"=2.0.0", {"2.0.0", "v2.0.0", "2.0.0+b"}, {"1.2.3", "2.0.1", "2.0.0-a"}},
        Decisions{"2.0.0", {"2.0.0"}, {"2.0.1"}},
        Decisions{"v2.0.0+meta", {"2.0.0", "2.0.0+other"}, {"2.0.1"}},
        Decisions{"=2.0", {"2.0.0", "2.0.1"}, {"1.2.3", "2.1.0"}},
        Decisions{"!=4.1.0", {"4.1.1"}, {"4.1.0", "5.1.0-alpha.1"}},
        Decisions{"!=4.1", {"5.1.0", "4.2.0", "3.1.0"}, {"4.1.0", "4.1.1", "5.1.0-a"}},
        Decisions{"!=4", {"5.1.0", "3.9.9"}, {"4.0.0", "4.9.9"}},
        Decisions{"!=4.x", {"5.1.0"}, {"4.1.0"}}, Decisions{"!=4.2.x", {"4.1.3"}, {"4.2.3"}},
        Decisions{"!=4.1-alpha", {"4.1.0", "4.2.0-alpha"}, {"4.1.0-alpha", "4.1.1-alpha"}},
        Decisions{"<11", {"0.1.0", "10.9.9"}, {"11.0.0", "11.1.0"}},
        Decisions{"<1.1", {"0.1.0", "1.0.500"}, {"1.1.0", "1.1.1"}},
        Decisions{"<1.x", {"0.1.1"}, {"1.0.0", "1.1.1", "2.0.0"}},
        Decisions{"<=11", {"1.2.3", "11.2.3"}, {"12.2.3"}},
        Decisions{"<=1.1", {"0.1.0", "1.1.0", "1.1.1"}, {"1.2.3", "2.0.0", "0.1.0-alpha"}},
        Decisions{"<=1.1-a", {"0.1.0-alpha", "1.1.5"}, {"1.2.0-a"}},
        Decisions{"=<1.1.5", {"1.1.5", "1.0.9"}, {"1.1.6"}},
        Decisions{">1.1", {"4.1.0", "1.2.0"}, {"1.1.0", "1.1.9", "0.9.0"}},
        Decisions{">11", {"12.0.0"}, {"11.1.0", "10.9.0"}},
        Decisions{">11.1", {"11.2.1", "12.0.0"}, {"11.1.0", "11.1.1"}},
        Decisions{">1.1.1", {"1.1.2"}, {"1.1.1", "1.1.0"}},
        Decisions{">0-0", {"1.0.0-alpha"}, {"0.0.1-alpha", "0.0.0-alpha"}},
        Decisions{">0.0.0-0", {"0.0.0-alpha", "0.0.0"}, {"0.0.0-0"}},
        Decisions{">1.2.3-alpha.1", {"1.2.3-alpha.2", "1.3.3-alpha.2"}, {"1.2.3-alpha.1"}},
        Decisions{">=11", {"11.0.0", "11.1.2"}, {"10.9.9"}},
        Decisions{"=>11.1", {"11.1.2"}, {"11.0.2"}},
        Decisions{">=0-0", {"0.0.1-alpha", "0.0.0-alpha", "0.0.0-0", "3.4.5-beta.1", "1.2.3"}, {}},
        Decisions{">=0", {"0.0.0", "9.9.9"}, {"0.0.1-alpha", "0.0.0-alpha"}},
        Decisions{"<0-z", {"0.0.0-alpha"}, {"0.0.0"}},
        Decisions{">= 01.002.3", {"1.2.3"}, {"1.2.2"}}));

INSTANTIATE_TEST_SUITE_P(
    Wildcards, RangeTest,
    ::testing::Values(
        Decisions{"*", {"1.0.0", "4.5.6", "0.0.0"}, {"1.2.3-alpha.1"}},
        Decisions{"x", {"1.0.0"}, {"1.0.0-a"}}, Decisions{"X.1.2", {"7.0.0"}, {}},
        Decisions{"=*", {"7.0.0"}, {}}, Decisions{">=x", {"7.0.0"}, {}},
        Decisions{"~*", {"2.1.1", "0.0.0"}, {"2.1.1-a"}},
        Decisions{"*-0", {"1.2.3-alpha.1", "1.2.3"}, {}},
        Decisions{"2.*", {"2.1.1", "2.0.0"}, {"1.0.0", "3.4.5"}},
        Decisions{"2.x.5", {"2.1.1"}, {"3.0.5"}}, Decisions{"2.1.*", {"2.1.1"}, {"2.2.1"}},
        Decisions{"2", {"2.1.1"}, {"1.0.0", "3.4.5"}}, Decisions{"2.1", {"2.1.1"}, {"2.2.1"}},
        Decisions{"0.x.x", {"0.9.9"}, {"1.2.3"}}, Decisions{"0.0.x", {"0.0.9"}, {"1.2.3", "0.1.0"}},
        Decisions{"0.0.0", {"0.0.0"}, {"1.2.3"}}));

INSTANTIATE_TEST_SUITE_P(
    TildeAndCaret, RangeTest,
    ::testing::Values(
        Decisions{"~1.2.3", {"1.2.3", "1.2.5"}, {"1.2.2", "1.3.2", "2.2.3"}},
        Decisions{"~>1.2.3", {"1.2.5"}, {"1.3.2"}},
        Decisions{"~1.2", {"1.2.0", "1.2.4"}, {"1.3.4", "2.2.0"}},
        Decisions{"~1", {"1.0.0", "1.3.5", "1.4.0"}, {"2.1.1", "0.9.0"}},
        Decisions{"~1.x", {"1.4.0"}, {"2.1.1", "1.3.5-beta"}},
        Decisions{"~0.2.3", {"0.2.5"}, {"0.3.5"}}, Decisions{"~0.0.0", {"0.0.0", "1.2.3"}, {}},
        Decisions{"~0.0", {"0.0.5"}, {"0.1.0"}}, Decisions{"~0", {"0.9.5"}, {"1.0.0"}},
        Decisions{"~1.2.3-beta.2",
                  {"1.2.3-beta.4", "1.2.4-beta.2", "1.2.3"},
                  {"1.2.3-beta.1", "1.3.4-beta.2"}},
        Decisions{"~1.1-alpha", {"1.1.1-beta"}, {"1.2.0-beta"}},
        Decisions{"^1.2.3", {"1.2.3", "1.8.9"}, {"2.8.9", "1.2.1", "1.2.4-a"}},
        Decisions{"^1.2", {"1.2.0", "1.8.9"}, {"2.8.9", "1.1.9"}},
        Decisions{"^1", {"1.8.9"}, {"2.8.9"}}, Decisions{"^1.x", {"1.1.1"}, {"2.1.1"}},
        Decisions{"^1.2.0-alpha.0", {"1.2.1-alpha.1", "1.2.1-alpha.0"}, {"2.0.0-alpha.1"}},
        Decisions{"^1.2.0-alpha.2", {"1.2.0"}, {"1.2.0-alpha.1"}},
        Decisions{"^0.2.3", {"0.2.5"}, {"0.5.6", "1.2.3", "0.2.2"}},
        Decisions{"^0.2", {"0.2.0", "0.2.5"}, {"0.5.6"}},
        Decisions{"^0.0.3", {"0.0.3"}, {"0.0.4", "0.0.2", "0.1.3", "1.0.3"}},
        Decisions{"^0.0.0", {"0.0.0"}, {"0.0.1", "1.2.3"}},
        Decisions{"^0.0", {"0.0.0", "0.0.3"}, {"0.1.4", "1.0.4"}},
        Decisions{"^0", {"0.0.0", "0.2.3"}, {"1.1.4"}},
        Decisions{
            "^0.2.3-beta.2", {"0.2.3-beta.2", "0.2.3-beta.4", "0.2.4-beta.2"}, {"0.3.4-beta.2"}},
        Decisions{"^1.2.x-alpha", {"1.2.0-beta"}, {"1.1.1-beta1"}}));

INSTANTIATE_TEST_SUITE_P(
    Combinations, RangeTest,
    ::testing::Values(
        Decisions{">=1.0.0 <2.0.0", {"1.0.0", "1.99.0"}, {"0.9.0", "2.0.0", "1.5.0-rc.1"}},
        Decisions{">1.1, <3", {"1.2.1"}, {"4.3.2", "1.1.1"}},
        Decisions{">= 1.1 ,<2,!=1.2.3", {"1.1.0", "1.2.4"}, {"1.2.3", "2.0.0"}},
        Decisions{">=1.1\t<2\n!=1.2.3", {"1.2.4"}, {"1.2.3"}},
        Decisions{">=1.1, <2, !=1.2.3 || > 3", {"4.1.2", "1.5.0"}, {"3.1.2", "3.0.0", "1.2.3"}},
        Decisions{">=1.1 <2||>=3", {"1.5.0", "3.0.0"}, {"2.5.0"}},
        Decisions{"1.1 - 2", {"1.1.0", "1.1.1", "2.9.9"}, {"1.0.9", "3.0.0"}},
        Decisions{"1.5.0 - 4.5", {"3.7.0", "4.5.9"}, {"4.6.0", "1.4.9"}},
        Decisions{"v1.0.0   -\tv2.0.0", {"2.0.0"}, {"2.0.1"}},
        Decisions{"1.0.0 - 2.0.0-0", {"1.5.0-a"}, {"2.0.0"}},
        Decisions{"1.0.0 - 2.0.0 <=1.9", {"1.9.5"}, {"2.0.0"}},
        Decisions{"1.0.0 - 2.0.0, !=1.5.0", {"2.0.0"}, {"1.5.0"}},
        Decisions{"3 - 4 || => 5.0, < 6", {"3.0.0", "4.9.0", "5.5.0"}, {"6.0.0"}},
        // A hyphen without blanks begins a pre-release.
        Decisions{"1.1-3", {"1.1.0", "1.1.0-4"}, {"4.3.2", "1.1.0-2"}},
        // One comparator that names a pre-release opens its alternative to them, and only that.
        Decisions{">= 1.0.0 <= 2.0.0-beta", {"1.0.1-beta", "1.0.1", "2.0.0-alpha"}, {"3.0.0"}},
        Decisions{">=1.0.0-0 <2", {"1.5.0-rc.1", "2.0.0-rc.1"}, {"2.0.0"}},
        Decisions{">= 1.0.0 <= 2.0.0-beta || > 3", {"1.0.1-beta", "4.0.0"}, {"3.0.1-beta"}},
        Decisions{">= 1.0.0 <= 2.0.0-beta != 1.0.1-beta", {"1.0.2-beta"}, {"1.0.1-beta"}},
        Decisions{"  >=1.0.0  ", {"1.0.0"}, {}}));

// Where Range differs from Masterminds/semver; the header names each.
INSTANTIATE_TEST_SUITE_P(OurOwn, RangeTest,
                         ::testing::Values(Decisions{"1||2.0 - 3.0", {"1.5.0", "2.5.0"}, {"4.0.0"}},
                                           Decisions{"!=1.5 1 - 2", {"1.4.0"}, {"1.5.0", "3.0.0"}},
                                           Decisions{"<1.0.0-100000000000000000000",
                                                     {"1.0.0-99999999999999999999"},
                                                     {"1.0.0-a", "1.0.0"}}));

struct Mistake {
  std::string range;
  std::string message;
};

class RangeMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(RangeMistakeTest, NamesThePartThatIsWrong) {
  const auto range = Range::Parse(GetParam().range);
  ASSERT_FALSE(range.ok()) << GetParam().range;
  EXPECT_EQ(range.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(range.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, RangeMistakeTest,
    ::testing::Values(
        Mistake{"", "empty; every release is \"*\""}, Mistake{"  \t", "empty"},
        Mistake{"foo", "\"foo\" is not a version; a range is made of comparators such as"},
        Mistake{">= bar", "\"bar\" is not a version"},
        Mistake{"BAR >= 1.2.3", "\"BAR\" is not a version"},
        Mistake{">=1.0.0 <2.0.0.0", "\"2.0.0.0\" is not a version"},
        Mistake{"12.3.4.1234", "\"12.3.4.1234\" is not a version"},
        Mistake{"12.3.34~ 1.2.3", "\"12.3.34~\" is not a version"},
        Mistake{">=1<2", "\"1<2\" is not a version"},
        Mistake{"v1.2.3-beta.01", "\"v1.2.3-beta.01\" is not a version"},
        Mistake{"1.2.3-", "\"1.2.3-\" is not a version"},
        Mistake{"1.2.3+", "\"1.2.3+\" is not a version"},
        Mistake{"1.2.3-a_b", "\"1.2.3-a_b\" is not a version"},
        Mistake{"1.", "\"1.\" is not a version"}, Mistake{".1", "\".1\" is not a version"},
        Mistake{"1.1x", "\"1.1x\" is not a version"}, Mistake{"x.1x", "\"x.1x\" is not a version"},
        Mistake{"vv1", "\"vv1\" is not a version"}, Mistake{"V1", "\"V1\" is not a version"},
        Mistake{"1|2", "\"1|2\" is not a version"}, Mistake{">=", "\"\" is not a version"},
        Mistake{">= ,1", "\"\" is not a version"}, Mistake{"1,,2", "\"\" is not a version"},
        Mistake{",1", "\"\" is not a version"}, Mistake{"1,", "\"\" is not a version"},
        Mistake{"18446744073709551616", "\"18446744073709551616\" is not a version"},
        Mistake{"==1", "\"==\" is not an operator (they are = != > < >= <= ~ ^)"},
        Mistake{"~=1", "\"~=\" is not an operator"}, Mistake{"!1", "\"!\" is not an operator"},
        Mistake{"> =1", "\"=1\" is not a version"},
        Mistake{"||", "\"||\" has nothing on one side of ||"},
        Mistake{">=1 ||", "has nothing on one side of ||"},
        Mistake{"|| >=1", "has nothing on one side of ||"},
        Mistake{"1 || || 2", "has nothing on one side of ||"},
        Mistake{"1 -2", "\"-2\" is not a version"}, Mistake{"1 - ", "\"-\" is not a version"},
        Mistake{"- 2", "\"-\" is not a version"}, Mistake{"1 - 2 - 3", "\"-\" is not a version"},
        Mistake{"1 - >2", "\">2\" is not a version"},
        Mistake{">1 - 2", "\">1 - 2\" has an operator before a range with a hyphen"},
        Mistake{"^*", "\"^*\" compares with a wildcard alone, which is every version"},
        Mistake{"<=x.1", "\"<=x.1\" compares with a wildcard alone"},
        Mistake{"> *", "compares with a wildcard alone"},
        Mistake{"<X", "compares with a wildcard alone"},
        Mistake{"!=*-0", "compares with a wildcard alone"},
        Mistake{"1 - *", "compares with a wildcard alone"},
        Mistake{"\x1b[31m", "\"\\x1b[31m\" is not a version"},
        Mistake{std::string(Range::kMaxLength + 1, '1'), "longer than 1024 characters"}));

std::string WhyNot(std::string_view range, std::string_view version) {
  return Range::Parse(range)->WhyNot(*ParseVersion(version)).value_or("");
}

TEST(RangeReasonTest, TellsPreReleasesFromWhatIsOutside) {
  EXPECT_EQ(WhyNot(" >=1.0.0 <2.0.0 ", "v2.0.0"), "2.0.0 is outside the range >=1.0.0 <2.0.0");
  EXPECT_EQ(WhyNot("^1.0.0", "1.5.0-rc.1"),
            "1.5.0-rc.1 is a pre-release, and the range names none");
  EXPECT_EQ(WhyNot("^1.0.0", "3.0.0-rc.1"), "3.0.0-rc.1 is outside the range ^1.0.0");
  EXPECT_EQ(WhyNot("^1.0.0 || ^2.0.0-0", "1.5.0-rc.1"),
            "1.5.0-rc.1 is a pre-release, and the part of the range it is in names none");
}

TEST(RangeTextTest, IsWhatWasGiven) {
  EXPECT_EQ(Range::Parse("  ^1.2 ,  <1.9 ")->text(), "^1.2 ,  <1.9");
}

std::string RandomVersionText(std::mt19937& random) {
  static constexpr std::string_view kPreReleases[] = {"",     "",   "-0",  "-a",
                                                      "-a.1", "-b", "-10", "-9"};
  const auto number = [&] { return std::to_string(random() % 3); };
  std::string text = number();
  text += "." + number();
  text += "." + number();
  return text + std::string(kPreReleases[random() % std::size(kPreReleases)]);
}

TEST(RangePropertyTest, AVersionAsARangeIsThatVersion) {
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = RandomVersionText(random);
    const Version version = *ParseVersion(text);
    const Version other = *ParseVersion(RandomVersionText(random));
    const int order = Compare(other, version);
    const bool counts = version.IsPreRelease() || !other.IsPreRelease();
    const auto matches = [&](const std::string& range) {
      return Range::Parse(range)->Matches(other);
    };
    ASSERT_EQ(matches("=" + text), order == 0) << text << " " << other.ToString();
    ASSERT_EQ(matches(">=" + text + " <=" + text), order == 0) << text << " " << other.ToString();
    ASSERT_EQ(matches("!=" + text), order != 0 && counts) << text << " " << other.ToString();
    ASSERT_EQ(matches("<" + text), order < 0 && counts) << text << " " << other.ToString();
    ASSERT_EQ(matches(">" + text), order > 0 && counts) << text << " " << other.ToString();
    ASSERT_EQ(matches("<" + text + "||>=" + text), counts) << text << " " << other.ToString();
  }
}

TEST(RangePropertyTest, EqualVersionsAreDecidedEqually) {
  static constexpr std::string_view kOperators[] = {"", "!=", ">", "<", ">=", "<=", "~", "^"};
  std::mt19937 random(2);
  for (int i = 0; i < 5000; ++i) {
    std::string bound = RandomVersionText(random);
    if (bound.find('-') == std::string::npos) bound.resize(bound.size() - 2 * (random() % 3));
    const auto range = Range::Parse(std::string(kOperators[random() % 8]) + bound);
    ASSERT_TRUE(range.ok()) << range.status();
    const std::string text = RandomVersionText(random);
    const bool matches = range->Matches(*ParseVersion(text));
    ASSERT_EQ(range->Matches(*ParseVersion("v" + text + "+build")), matches);
    ASSERT_EQ(Range::Parse(range->text())->Matches(*ParseVersion(text)), matches);
  }
}

}  // namespace
}  // namespace delivery::image_policy
