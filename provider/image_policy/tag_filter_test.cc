#include "provider/image_policy/tag_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace delivery::image_policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr std::string_view kBuilds = "^main-(?P<sha>[a-f0-9]+)-(?P<ts>[0-9]+)$";

struct Extraction {
  std::string_view pattern;
  std::string_view extract;
  std::string_view tag;
  std::optional<std::string> result;
};

class ExtractionTest : public ::testing::TestWithParam<Extraction> {};

TEST_P(ExtractionTest, GivesWhatThePolicyCompares) {
  const Extraction& each = GetParam();
  const auto filter = TagFilter::Compile(each.pattern, each.extract);
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->Apply(each.tag), each.result) << each.tag;
  EXPECT_EQ(filter->Matches(each.tag), each.result.has_value()) << each.tag;
  EXPECT_EQ(filter->extracts(), !each.extract.empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, ExtractionTest,
    ::testing::Values(Extraction{kBuilds, "$ts", "main-ab12-1700000000", "1700000000"},
                      Extraction{kBuilds, "${ts}", "main-ab12-1700000000", "1700000000"},
                      Extraction{kBuilds, "$2", "main-ab12-17", "17"},
                      Extraction{kBuilds, "$2$1", "main-ab12-17", "17ab12"},
                      Extraction{kBuilds, "$0", "main-ab12-17", "main-ab12-17"},
                      Extraction{kBuilds, "${ts}_x", "main-ab12-17", "17_x"},
                      Extraction{kBuilds, "v$ts.$sha-", "main-ab12-17", "v17.ab12-"},
                      Extraction{kBuilds, "$$$ts$$", "main-ab12-17", "$17$"},
                      Extraction{kBuilds, "", "main-ab12-17", "main-ab12-17"},
                      Extraction{kBuilds, "$ts", "dev-ab12-17", std::nullopt},
                      Extraction{kBuilds, "", "dev-ab12-17", std::nullopt},
                      // Found anywhere, unless anchored.
                      Extraction{"[0-9]+", "$0", "build-42-and-43", "42"},
                      Extraction{"b.*d", "", "abcde", "abcde"}, Extraction{"^$", "", "", ""},
                      Extraction{"", "", "anything", "anything"},
                      // A "$" without (?m) is the end of the text only.
                      Extraction{"a$", "", "a\n", std::nullopt},
                      // A group outside the match is empty.
                      Extraction{"^(?:v(?P<v>[0-9]+)|w(?P<w>[0-9]+))$", "$v.$w", "w7", ".7"},
                      // Of several alternatives the first, not the longest.
                      Extraction{"(a|ab)(c|bcd)?", "$1", "abcd", "a"},
                      // Longest name: $1x is the group "1x", ${1}x is group 1 and an x.
                      Extraction{"(a)(?P<ts_2>b)", "$ts_2", "ab", "b"},
                      Extraction{"(a)", "${1}x", "a", "ax"}, Extraction{"(a)", "$1-x", "a", "a-x"},
                      // Bytes that are no UTF-8.
                      Extraction{"^a", "", "a\xff", "a\xff"},
                      Extraction{"^.$", "", "\xff", std::nullopt}));

struct Mistake {
  std::string_view pattern;
  std::string_view extract;
  std::string_view message;
};

class MistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(MistakeTest, IsRefusedWithWhatToDo) {
  const auto filter = TagFilter::Compile(GetParam().pattern, GetParam().extract);
  ASSERT_FALSE(filter.ok());
  EXPECT_EQ(filter.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(filter.status().message(), HasSubstr(std::string(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    All, MistakeTest,
    ::testing::Values(
        Mistake{"(", "", "pattern is not a regular expression (RE2): \"missing ): (\""},
        Mistake{"a**", "", "pattern is not a regular expression"},
        Mistake{"(?<ts>a)", "", "a named group is written (?P<name>...)"},
        Mistake{"(?=a)", "", "pattern is not a regular expression"},
        Mistake{"((((a{100}){100}){100}){100})", "", "pattern is not a regular expression"},
        Mistake{"\xff", "", "pattern is not a regular expression"},
        Mistake{kBuilds, "$time",
                "the group \"time\", which the pattern does not have; it has $0, the whole match, "
                "$1 to $2, $sha, $ts"},
        Mistake{kBuilds, "$3", "the group \"3\", which the pattern does not have"},
        Mistake{kBuilds, "$99999999999999999999", "which the pattern does not have"},
        Mistake{kBuilds, "$01", "the group \"01\""}, Mistake{"(a)", "$1x", "the group \"1x\""},
        Mistake{"(a)", "$ts", "it has $0, the whole match, $1"},
        Mistake{"a", "$1", "it has $0, the whole match"},
        Mistake{kBuilds, "$ts$", "a dollar without a group at \"$\"; write $name"},
        Mistake{kBuilds, "$-x", "a dollar without a group at \"$-x\""},
        Mistake{kBuilds, "${ts", "a dollar without a group at \"${ts\""},
        Mistake{kBuilds, "${}", "a dollar without a group"},
        Mistake{kBuilds, "${t-s}", "a dollar without a group"},
        Mistake{kBuilds, "$(ts)", "a dollar without a group"},
        Mistake{kBuilds, "ts", "extract \"ts\" names no group of the pattern"},
        Mistake{kBuilds, "$$ts", "names no group"}));

TEST(TagFilterTest, BoundsTheLengthOfBoth) {
  const std::string longest(TagFilter::kMaxLength, 'a');
  EXPECT_TRUE(TagFilter::Compile(longest, "").ok());
  EXPECT_THAT(TagFilter::Compile(longest + "a", "").status().message(),
              HasSubstr("pattern is longer than 1024"));
  EXPECT_THAT(TagFilter::Compile("a", longest + "a").status().message(),
              HasSubstr("extract is longer than 1024"));
}

TEST(TagFilterTest, LogsNothing) {
  ::testing::internal::CaptureStderr();
  TagFilter::Compile("(", "").IgnoreError();
  TagFilter::Compile("((((a{100}){100}){100}){100})", "").IgnoreError();
  // Many states: the cache of the matcher fills.
  const auto filter = TagFilter::Compile("(x|y|z).{500}w$", "");
  ASSERT_TRUE(filter.ok());
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "xyzw"[(i * i / 7 + i / 3) % 4];
  filter->Matches(text);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(TagFilterTest, CopiesShareThePattern) {
  auto filter = TagFilter::Compile(kBuilds, "$ts");
  const TagFilter copy = *filter;
  filter = absl::UnknownError("gone");
  EXPECT_THAT(copy.Apply("main-0-5"), Optional(std::string("5")));
}

}  // namespace
}  // namespace delivery::image_policy
