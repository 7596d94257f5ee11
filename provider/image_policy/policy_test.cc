#include "provider/image_policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace delivery::image_policy {

void PrintTo(const Skipped& skipped, std::ostream* out) {
  *out << skipped.tag << ": " << skipped.reason;
}

namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FieldsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

using Tags = std::vector<std::string>;

Policy SemverPolicy(std::string_view range) { return {Semver{*Range::Parse(range)}, std::nullopt}; }

Policy WithFilter(Rule rule, std::string_view pattern, std::string_view extract) {
  return {std::move(rule), *TagFilter::Compile(pattern, extract)};
}

Ranking RankAll(const Policy& policy, const Tags& tags, const CreationTimes& created = {}) {
  return Rank(policy, tags, created, 100);
}

TEST(SemverPolicyTest, TheHighestInTheRangeIsTheBest) {
  const Ranking ranking =
      RankAll(SemverPolicy(">=1.0.0 <2.0.0"),
              {"1.9.0", "2.0.0", "1.10.0", "1.5.0-rc.1", "latest", "1.10", "v1.2.3"});
  EXPECT_THAT(ranking.candidates, ElementsAre("1.10.0", "1.9.0", "v1.2.3"));
  EXPECT_THAT(
      ranking.skipped,
      ElementsAre(FieldsAre("2.0.0", "2.0.0 is outside the range >=1.0.0 <2.0.0"),
                  FieldsAre("1.5.0-rc.1", "1.5.0-rc.1 is a pre-release, and the range names none"),
                  FieldsAre("latest", "not a semantic version"),
                  FieldsAre("1.10", "not a semantic version")));
  EXPECT_EQ(ranking.skipped_count, 4u);
}

TEST(SemverPolicyTest, EqualVersionsAreOrderedByTheirText) {
  EXPECT_THAT(RankAll(SemverPolicy("*"), {"1.0.0", "v1.0.0", "0.9.0"}).candidates,
              ElementsAre("v1.0.0", "1.0.0", "0.9.0"));
}

TEST(SemverPolicyTest, ComparesWhatTheFilterExtracts) {
  const Policy policy =
      WithFilter(Semver{*Range::Parse("^1.0.0")}, "^(?P<version>.+)-alpine$", "$version");
  const Ranking ranking =
      RankAll(policy, {"1.9.0-alpine", "1.10.0-alpine", "1.11.0", "edge-alpine", "2.0.0-alpine"});
  EXPECT_THAT(ranking.candidates, ElementsAre("1.10.0-alpine", "1.9.0-alpine"));
  EXPECT_THAT(
      ranking.skipped,
      ElementsAre(FieldsAre("2.0.0-alpine", "2.0.0 is outside the range ^1.0.0"),
                  FieldsAre("1.11.0", "does not match the pattern of filter_tags"),
                  FieldsAre("edge-alpine", "the extracted \"edge\" is not a semantic version")));
}

TEST(AlphabeticalPolicyTest, OrdersByBytes) {
  const Tags tags = {"a", "B", "b", "ab", "10", "9", "\xc3\xa4"};
  const Tags ascending = {"\xc3\xa4", "b", "ab", "a", "B", "9", "10"};
  EXPECT_THAT(RankAll({Alphabetical{Order::kAscending}}, tags).candidates,
              ElementsAreArray(ascending));
  EXPECT_THAT(RankAll({Alphabetical{Order::kDescending}}, tags).candidates,
              ElementsAreArray(ascending.rbegin(), ascending.rend()));
}

TEST(AlphabeticalPolicyTest, EqualExtractsAreOrderedByTheTag) {
  for (const Order order : {Order::kAscending, Order::kDescending}) {
    const Policy policy = WithFilter(Alphabetical{order}, "^[a-z]+-(.+)$", "$1");
    EXPECT_THAT(RankAll(policy, {"a-1", "c-1", "b-1"}).candidates,
                ElementsAre("c-1", "b-1", "a-1"));
  }
}

TEST(NumericalPolicyTest, OrdersByValue) {
  const Tags tags = {"9", "10", "-3", "2.5", "9007199254740993", "9007199254740992"};
  const Tags ascending = {"9007199254740993", "9007199254740992", "10", "9", "2.5", "-3"};
  EXPECT_THAT(RankAll({Numerical{Order::kAscending}}, tags).candidates,
              ElementsAreArray(ascending));
  EXPECT_THAT(RankAll({Numerical{Order::kDescending}}, tags).candidates,
              ElementsAreArray(ascending.rbegin(), ascending.rend()));
}

TEST(NumericalPolicyTest, SkipsOnlyWhatIsNoNumber) {
  const Ranking plain = RankAll({Numerical{}}, {"1", "NaN", "1e5"});
  EXPECT_THAT(plain.candidates, ElementsAre("1"));
  EXPECT_THAT(plain.skipped,
              ElementsAre(FieldsAre("NaN", "not a number"), FieldsAre("1e5", "not a number")));
  const Policy policy = WithFilter(Numerical{}, "^main-(?P<ts>.*)$", "$ts");
  const Ranking ranking =
      RankAll(policy, {"main-5", "main-abc", "main-", "main-\x1b", "dev-7", "main-010"});
  EXPECT_THAT(ranking.candidates, ElementsAre("main-010", "main-5"));
  EXPECT_THAT(ranking.skipped,
              ElementsAre(FieldsAre("main-abc", "the extracted \"abc\" is not a number"),
                          FieldsAre("main-\x1b", "the extracted \"\\x1b\" is not a number"),
                          FieldsAre("main-", "the extracted \"\" is not a number"),
                          FieldsAre("dev-7", "does not match the pattern of filter_tags")));
}

TEST(NewestPolicyTest, TheLastMadeIsTheBest) {
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  const CreationTimes created = {{"a", now}, {"b", now + absl::Seconds(1)}, {"c", now}};
  const Ranking ranking = RankAll({Newest{}}, {"a", "unknown", "b", "c"}, created);
  EXPECT_THAT(ranking.candidates, ElementsAre("b", "c", "a"));
  EXPECT_THAT(ranking.skipped, ElementsAre(FieldsAre("unknown", "creation time unknown")));
}

TEST(NewestPolicyTest, AFilterNarrowsWhateverItExtracts) {
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  const Policy policy = WithFilter(Newest{}, "^main-(.)", "$1");
  const CreationTimes created = {{"main-1", now}, {"main-2", now - absl::Hours(1)}, {"dev", now}};
  EXPECT_THAT(RankAll(policy, {"main-2", "main-1", "dev"}, created).candidates,
              ElementsAre("main-1", "main-2"));
}

const std::string& Digest() {
  static const auto* const digest = new std::string("sha256-" + std::string(64, 'a'));
  return *digest;
}

TEST(RankTest, SignaturesAreNeitherCandidatesNorSkipped) {
  const Ranking ranking = RankAll(
      {Alphabetical{}}, {Digest(), Digest() + ".sig", Digest() + ".att", Digest() + ".sbom", "a"});
  EXPECT_THAT(ranking.candidates, ElementsAre("a"));
  EXPECT_THAT(ranking.skipped, IsEmpty());
  EXPECT_EQ(ranking.skipped_count, 0u);
  EXPECT_EQ(RankAll(SemverPolicy("*"), {Digest() + ".sig"}).skipped_count, 0u);
}

TEST(RankTest, RepetitionsCountOnce) {
  const Ranking ranking = RankAll(SemverPolicy("*"), {"1.0.0", "x", "1.0.0", "x", "1.0.0"});
  EXPECT_THAT(ranking.candidates, ElementsAre("1.0.0"));
  EXPECT_EQ(ranking.skipped.size(), 1u);
  EXPECT_EQ(ranking.skipped_count, 1u);
}

TEST(RankTest, ReportsTheNewestOfTheSkipped) {
  const Ranking ranking =
      Rank(SemverPolicy("<1"), {"a-9", "1.0.0", "a-10", "v2.0.0", "3.0.0-a", "0.1.0"}, {}, 3);
  EXPECT_THAT(ranking.skipped, ElementsAre(FieldsAre("3.0.0-a", "3.0.0-a is outside the range <1"),
                                           FieldsAre("v2.0.0", "2.0.0 is outside the range <1"),
                                           FieldsAre("1.0.0", "1.0.0 is outside the range <1")));
  EXPECT_EQ(ranking.skipped_count, 5u);
  EXPECT_THAT(Rank(SemverPolicy("<1"), {"1.0.0"}, {}, 0).skipped, IsEmpty());
}

TEST(RankTest, OfNothingIsNothing) {
  const Ranking ranking = RankAll(SemverPolicy("*"), {});
  EXPECT_THAT(ranking.candidates, IsEmpty());
  EXPECT_EQ(ranking.skipped_count, 0u);
}

TEST(FilteredTest, KeepsTheOrderAndDropsRepetitions) {
  const Policy policy = WithFilter(Newest{}, "^(main|sha256)-", "");
  EXPECT_THAT(Filtered(policy, {"main-2", "dev", "main-1", Digest() + ".sig", "main-2"}),
              ElementsAre("main-2", "main-1"));
  EXPECT_THAT(Filtered({Newest{}}, {"b", "a", "b", Digest()}), ElementsAre("b", "a"));
}

TEST(BetterTest, OrdersAsThePolicyDoes) {
  const Policy semver = SemverPolicy("<2");
  EXPECT_THAT(Better(semver, "1.10.0", "1.9.0", {}), Optional(1));
  EXPECT_THAT(Better(semver, "1.9.0", "1.10.0", {}), Optional(-1));
  EXPECT_THAT(Better(semver, "v1.0.0", "1.0.0", {}), Optional(0));
  EXPECT_EQ(Better(semver, "2.0.0", "1.0.0", {}), std::nullopt);
  EXPECT_EQ(Better(semver, "1.0.0", "latest", {}), std::nullopt);
  EXPECT_THAT(Better({Alphabetical{Order::kDescending}}, "a", "b", {}), Optional(1));
  EXPECT_EQ(Better({Alphabetical{}}, Digest(), "b", {}), std::nullopt);
  EXPECT_EQ(Better({Alphabetical{}}, "b", Digest(), {}), std::nullopt);
  EXPECT_THAT(Better({Numerical{Order::kDescending}}, "10", "9", {}), Optional(-1));
  const Policy builds = WithFilter(Numerical{}, "^main-(.*)$", "$1");
  EXPECT_THAT(Better(builds, "main-10", "main-9", {}), Optional(1));
  EXPECT_EQ(Better(builds, "main-10", "10", {}), std::nullopt);
  const CreationTimes created = {{"a", absl::UnixEpoch()}, {"b", absl::FromUnixSeconds(1)}};
  EXPECT_THAT(Better({Newest{}}, "b", "a", created), Optional(1));
  EXPECT_EQ(Better({Newest{}}, "b", "c", created), std::nullopt);
}

}  // namespace
}  // namespace delivery::image_policy
