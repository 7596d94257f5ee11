// What holds for every policy and every list of tags, tried with random ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "provider/image_policy/policy.h"
#include "provider/image_policy/semver_functions.h"
#include "provider/image_policy/tag.h"

namespace delivery::image_policy {
namespace {

using Tags = std::vector<std::string>;

std::vector<Policy> Policies() {
  const auto filter = [](std::string_view pattern, std::string_view extract) {
    return *TagFilter::Compile(pattern, extract);
  };
  return {{Semver{*Range::Parse("*")}},
          {Semver{*Range::Parse(">=0.0.0-0 <2")}},
          {Semver{*Range::Parse("^1 || 0.2 - 0.3")}, filter("^v?(.*)$", "$1")},
          {Alphabetical{Order::kAscending}},
          {Alphabetical{Order::kDescending}, filter("(.)", "$1")},
          {Numerical{Order::kAscending}},
          {Numerical{Order::kDescending}, filter("-(?P<n>.*)$", "$n")},
          {Newest{}},
          {Newest{}, filter("[0-9]", "")}};
}

std::string RandomTag(std::mt19937& random) {
  static constexpr std::string_view kOdd[] = {
      "latest",
      "",
      "1.0",
      "v",
      "v1",
      "-",
      "NaN",
      "-0",
      "00.0",
      "main",
      "1e5",
      "\xff\xfe",
      "sha256-0123456789012345678901234567890123456789012345678901234567890123.sig"};
  const auto number = [&] { return std::to_string(random() % 4); };
  switch (random() % 4) {
    case 0:
      return std::string(kOdd[random() % std::size(kOdd)]);
    case 1:
      return "main-" + std::string(random() % 3, '0') + number();
    case 2:
      return number() + "." + number();
    default: {
      std::string tag = random() % 2 == 0 ? "v" : "";
      for (const std::string_view dot : {".", ".", ""}) tag += number() + std::string(dot);
      return random() % 3 == 0 ? tag + "-rc." + number() : tag;
    }
  }
}

struct Case {
  Tags tags;
  CreationTimes created;
};

Case RandomCase(std::mt19937& random) {
  Case made;
  for (size_t i = random() % 30; i > 0; --i) {
    made.tags.push_back(RandomTag(random));
    if (random() % 4 != 0) {
      made.created[made.tags.back()] = absl::FromUnixSeconds(random() % 5);
    }
  }
  return made;
}

void ExpectEqual(const Ranking& a, const Ranking& b) {
  ASSERT_EQ(a.candidates, b.candidates);
  ASSERT_EQ(a.skipped_count, b.skipped_count);
  ASSERT_EQ(a.skipped.size(), b.skipped.size());
  for (size_t i = 0; i < a.skipped.size(); ++i) {
    ASSERT_EQ(a.skipped[i].tag, b.skipped[i].tag);
    ASSERT_EQ(a.skipped[i].reason, b.skipped[i].reason);
  }
}

class PolicyPropertyTest : public ::testing::TestWithParam<size_t> {
 protected:
  static constexpr int kCases = 500;
  static constexpr size_t kMaxSkipped = 5;

  const Policy policy_ = Policies()[GetParam()];
  std::mt19937 random_{static_cast<uint32_t>(4711 + GetParam())};
};

TEST_P(PolicyPropertyTest, TheOrderOfTheTagsDoesNotMatter) {
  for (int i = 0; i < kCases; ++i) {
    Case given = RandomCase(random_);
    const Ranking ranking = Rank(policy_, given.tags, given.created, kMaxSkipped);
    std::shuffle(given.tags.begin(), given.tags.end(), random_);
    if (!given.tags.empty()) given.tags.push_back(given.tags.front());
    ExpectEqual(ranking, Rank(policy_, given.tags, given.created, kMaxSkipped));
  }
}

TEST_P(PolicyPropertyTest, EachImageIsEitherACandidateOrSkipped) {
  for (int i = 0; i < kCases; ++i) {
    const Case given = RandomCase(random_);
    const Ranking ranking = Rank(policy_, given.tags, given.created, 1000);
    std::set<std::string> images;
    for (const std::string& tag : given.tags) {
      if (!IsSignatureTag(tag)) images.insert(tag);
    }
    std::set<std::string> told(ranking.candidates.begin(), ranking.candidates.end());
    for (const Skipped& skipped : ranking.skipped) {
      ASSERT_FALSE(skipped.reason.empty());
      told.insert(skipped.tag);
    }
    ASSERT_EQ(told, images);
    ASSERT_EQ(ranking.candidates.size() + ranking.skipped.size(), images.size());
    ASSERT_EQ(ranking.skipped_count, ranking.skipped.size());
    // Fewer told are the first of all.
    const Ranking few = Rank(policy_, given.tags, given.created, kMaxSkipped);
    ASSERT_EQ(few.skipped.size(), std::min(kMaxSkipped, ranking.skipped.size()));
    for (size_t k = 0; k < few.skipped.size(); ++k) {
      ASSERT_EQ(few.skipped[k].tag, ranking.skipped[k].tag);
    }
  }
}

TEST_P(PolicyPropertyTest, OneTagMoreDoesNotMoveTheOthers) {
  for (int i = 0; i < kCases; ++i) {
    Case given = RandomCase(random_);
    const std::string added = RandomTag(random_);
    Ranking before = Rank(policy_, given.tags, given.created, 0);
    given.tags.push_back(added);
    Ranking after = Rank(policy_, given.tags, given.created, 0);
    std::erase(before.candidates, added);
    std::erase(after.candidates, added);
    ASSERT_EQ(before.candidates, after.candidates);
  }
}

TEST_P(PolicyPropertyTest, BetterAgreesWithTheRanking) {
  for (int i = 0; i < kCases; ++i) {
    const Case given = RandomCase(random_);
    const Ranking ranking = Rank(policy_, given.tags, given.created, 1000);
    for (size_t k = 0; k < ranking.candidates.size(); ++k) {
      const std::string& a = ranking.candidates[k];
      const std::string& b = ranking.candidates[random_() % ranking.candidates.size()];
      const auto better = Better(policy_, a, b, given.created);
      ASSERT_TRUE(better.has_value());
      ASSERT_EQ(Better(policy_, b, a, given.created), -*better);
      const size_t other =
          static_cast<size_t>(std::find(ranking.candidates.begin(), ranking.candidates.end(), b) -
                              ranking.candidates.begin());
      const bool comes_first = *better != 0 ? *better > 0 : a > b;
      ASSERT_EQ(comes_first, k < other) << a << " and " << b;
    }
    for (const Skipped& skipped : ranking.skipped) {
      ASSERT_EQ(Better(policy_, skipped.tag, skipped.tag, given.created), std::nullopt);
    }
  }
}

TEST_P(PolicyPropertyTest, CandidatesPassTheFilter) {
  for (int i = 0; i < kCases; ++i) {
    const Case given = RandomCase(random_);
    const Tags filtered = Filtered(policy_, given.tags);
    for (const std::string& tag : Rank(policy_, given.tags, given.created, 0).candidates) {
      ASSERT_TRUE(std::find(filtered.begin(), filtered.end(), tag) != filtered.end()) << tag;
    }
    // What did not pass could as well not have been there.
    ASSERT_EQ(Rank(policy_, filtered, given.created, 0).candidates,
              Rank(policy_, given.tags, given.created, 0).candidates);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PolicyPropertyTest, ::testing::Range(size_t{0}, Policies().size()));

TEST(SemverSelectPropertyTest, SelectsWhatThePolicySelects) {
  std::mt19937 random(99);
  const Range range = *Range::Parse(">=0.0.0-0 <3");
  for (int i = 0; i < 1000; ++i) {
    const Tags tags = RandomCase(random).tags;
    const Ranking ranking = Rank({Semver{range}, std::nullopt}, tags, {}, 0);
    const auto selected = SemverSelect(tags, range);
    const auto expected =
        ranking.candidates.empty() ? std::nullopt : std::optional(ranking.candidates.front());
    ASSERT_EQ(selected, expected);
  }
}

}  // namespace
}  // namespace delivery::image_policy
