#include "resources/image_memory.h"

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::resources {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kThen = absl::FromUnixSeconds(1'700'000'000);

RememberedImage Image(const std::string& tag, const std::string& digest) {
  return {tag, {digest, {"linux/amd64"}, kThen}, "", ""};
}

SelectionRules Rules(image_policy::Rule rule) {
  SelectionRules rules;
  rules.policy = image_policy::Policy{std::move(rule), std::nullopt};
  rules.order_id = "order";
  return rules;
}
SelectionRules Semver(const std::string& range) {
  return Rules(image_policy::Semver{*image_policy::Range::Parse(range)});
}

// ---- As text

TEST(ImageMemoryTest, SurvivesAsText) {
  ImageMemory memory;
  memory.repository = "registry.example.com/team/web";
  memory.tags = {"1.0.0", "latest"};
  memory.has_all_tags = true;
  memory.order_id = "sha256:1";
  memory.etag = "\"e\"";
  memory.looked_at = kThen;
  const absl::Time exact = kThen + absl::Nanoseconds(123'456'789);
  memory.selections = {{"1.0.0", {"sha256:a", {"linux/amd64"}, exact}, "linux/amd64", "sha256:k"},
                       {"", {"sha256:b", {}, std::nullopt}, "", ""}};
  memory.seen = {Image("latest", "sha256:c"), {"unread", {}, "", ""}};
  memory.refused = {{"2.0.0", "it is malformed"}};
  const absl::StatusOr<ImageMemory> read = ImageMemory::Parse(memory.Serialize());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->repository, memory.repository);
  EXPECT_EQ(read->tags, memory.tags);
  EXPECT_TRUE(read->has_all_tags);
  EXPECT_EQ(read->order_id, memory.order_id);
  EXPECT_EQ(read->etag, memory.etag);
  EXPECT_EQ(read->looked_at, memory.looked_at);
  EXPECT_EQ(read->selections, memory.selections);
  EXPECT_EQ(read->seen, memory.seen);
  ASSERT_THAT(read->refused, SizeIs(1));
  EXPECT_EQ(read->refused[0].tag, "2.0.0");
  EXPECT_EQ(read->refused[0].reason, "it is malformed");
  EXPECT_EQ(read->Serialize(), memory.Serialize());
}

TEST(ImageMemoryTest, NothingIsAnEmptyMemory) {
  const absl::StatusOr<ImageMemory> memory = ImageMemory::Parse("");
  ASSERT_TRUE(memory.ok());
  EXPECT_FALSE(memory->has_all_tags);
  EXPECT_EQ(memory->FindDigest("sha256:a"), nullptr);
  EXPECT_EQ(ImageMemory::Parse(memory->Serialize())->Serialize(), memory->Serialize());
}

struct DamagedCase {
  std::string name;
  std::string text;
};
void PrintTo(const DamagedCase& test, std::ostream* out) { *out << test.name; }
class DamagedMemoryTest : public ::testing::TestWithParam<DamagedCase> {};

TEST_P(DamagedMemoryTest, IsAnErrorWithARemedy) {
  const absl::Status status = ImageMemory::Parse(GetParam().text).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("import the image policy again"));
}

INSTANTIATE_TEST_SUITE_P(, DamagedMemoryTest,
                         ::testing::Values(DamagedCase{"NoJson", "{"},
                                           DamagedCase{"NoObject", "[]"},
                                           DamagedCase{"NoVersion", "{}"},
                                           DamagedCase{"ANewerVersion", R"({"version": 2})"},
                                           DamagedCase{"AVersionInWords", R"({"version": "1"})"}),
                         [](const auto& test) { return test.param.name; });

TEST(ImageMemoryTest, WhatIsMalformedInsideIsPassedOver) {
  const absl::StatusOr<ImageMemory> memory = ImageMemory::Parse(
      R"({"version": 1, "tags": ["a", 7], "selections": [{"tag": "a", "digest": "sha256:a",
          "platforms": [1, "linux/amd64"], "created": "yesterday"}], "seen": 7})");
  ASSERT_TRUE(memory.ok());
  EXPECT_THAT(memory->tags, ElementsAre("a"));
  ASSERT_THAT(memory->selections, SizeIs(1));
  EXPECT_THAT(memory->selections[0].facts.platforms, ElementsAre("linux/amd64"));
  EXPECT_FALSE(memory->selections[0].facts.created.has_value());
}

// ---- Tags

std::vector<std::string> Versions(size_t count) {
  std::vector<std::string> tags;
  for (size_t i = 0; i < count; ++i) tags.push_back(absl::StrCat("1.0.", i));
  return tags;
}

TEST(ImageMemoryTest, AllTagsAreKeptAsLongAsTheyAreNotTooMany) {
  ImageMemory memory;
  memory.SetTags(Semver("*"), Versions(ImageMemory::kMostTags));
  EXPECT_TRUE(memory.has_all_tags);
  EXPECT_EQ(memory.order_id, "order");
  EXPECT_THAT(memory.tags, SizeIs(ImageMemory::kMostTags));
}

TEST(ImageMemoryTest, OfTooManyTheBestAreKept) {
  ImageMemory memory;
  memory.SetTags(Semver("*"), Versions(ImageMemory::kMostTags + 3));
  EXPECT_FALSE(memory.has_all_tags);
  EXPECT_THAT(memory.tags, SizeIs(ImageMemory::kMostTags));
  EXPECT_EQ(memory.tags.front(), absl::StrCat("1.0.", ImageMemory::kMostTags + 2));
  EXPECT_EQ(memory.tags.back(), "1.0.3");
}

TEST(ImageMemoryTest, WhatThePolicyDoesNotTakeFillsThePlaceThatIsLeft) {
  std::vector<std::string> tags = Versions(ImageMemory::kMostTags);
  tags.push_back("2.0.0");
  ImageMemory memory;
  memory.SetTags(Semver("2.x"), tags);
  EXPECT_FALSE(memory.has_all_tags);
  EXPECT_THAT(memory.tags, SizeIs(ImageMemory::kMostTags));
  EXPECT_EQ(memory.tags[0], "2.0.0");
  EXPECT_EQ(memory.tags[1], "1.0.0");
}

TEST(ImageMemoryTest, WithoutAnOrderAnyTagsAreKept) {
  ImageMemory memory;
  memory.SetTags(Rules(image_policy::Newest()), Versions(ImageMemory::kMostTags + 1));
  EXPECT_FALSE(memory.has_all_tags);
  EXPECT_THAT(memory.tags, SizeIs(ImageMemory::kMostTags));
  memory.SetTags(SelectionRules(), Versions(3));
  EXPECT_TRUE(memory.has_all_tags);
  EXPECT_EQ(memory.order_id, "");
}

// ---- Images

TEST(ImageMemoryTest, SelectionsAreKeptOnceAndTheLatestFirst) {
  ImageMemory memory;
  memory.AddSelection(Image("1", "sha256:a"));
  memory.AddSelection(Image("2", "sha256:b"));
  memory.AddSelection(Image("1", "sha256:a"));
  memory.AddSelection(Image("1", "sha256:c"));
  EXPECT_THAT(memory.selections,
              ElementsAre(Image("1", "sha256:c"), Image("1", "sha256:a"), Image("2", "sha256:b")));
  EXPECT_EQ(memory.FindSelection("1")->facts.digest, "sha256:c");
  EXPECT_EQ(memory.FindSelection("3"), nullptr);
}

TEST(ImageMemoryTest, TheLastTwentySelectionsAreKept) {
  ImageMemory memory;
  for (int i = 0; i < 25; ++i) memory.AddSelection(Image(absl::StrCat(i), absl::StrCat("d", i)));
  EXPECT_THAT(memory.selections, SizeIs(ImageMemory::kMostSelections));
  EXPECT_NE(memory.FindSelection("5"), nullptr);
  EXPECT_EQ(memory.FindSelection("4"), nullptr);
}

TEST(ImageMemoryTest, OfWhatWasSeenAsManyAreKeptAsMayBe) {
  ImageMemory memory;
  for (int i = 0; i < 5; ++i) memory.AddSeen(Image(absl::StrCat(i), absl::StrCat("d", i)), 3);
  EXPECT_THAT(memory.seen, SizeIs(3));
  EXPECT_EQ(memory.FindDigest("d1"), nullptr);
  EXPECT_EQ(memory.FindDigest("d2")->tag, "2");
  memory.AddSelection(Image("selected", "d2"));
  EXPECT_EQ(memory.FindDigest("d2")->tag, "selected");
}

TEST(ImageMemoryTest, TheLastTwentyTagsThatWereRefusedAreKeptWithTheirLastReason) {
  ImageMemory memory;
  for (int i = 0; i < 21; ++i) memory.AddRefused(absl::StrCat(i), "bad");
  memory.AddRefused("1", "worse");
  ASSERT_THAT(memory.refused, SizeIs(ImageMemory::kMostRefused));
  EXPECT_EQ(memory.refused.front().tag, "2");
  EXPECT_EQ(memory.refused.back().tag, "1");
  EXPECT_EQ(memory.refused.back().reason, "worse");
}

// ---- Answers from memory

class RememberedImagesTest : public ::testing::Test {
 protected:
  ImageMemory memory_;
  SelectionRules rules_;
  RememberedImages images_{memory_, rules_};
};

TEST_F(RememberedImagesTest, WhatIsNotRememberedIsUnknown) {
  EXPECT_TRUE(absl::IsUnknown(images_.DigestOf("1").status()));
  EXPECT_TRUE(absl::IsUnknown(images_.Describe("1", "sha256:a").status()));
  EXPECT_TRUE(absl::IsUnknown(images_.Verify("sha256:a")));
  EXPECT_TRUE(absl::IsUnknown(images_.CreationTimesOf({"1"}).status()));
}

// A tag that was only looked at may name another image by now; one that was selected is what the
// user means when it is pinned.
TEST_F(RememberedImagesTest, OnlySelectionsTellWhatATagNames) {
  memory_.AddSeen(Image("1", "sha256:a"), 10);
  EXPECT_TRUE(absl::IsUnknown(images_.DigestOf("1").status()));
  memory_.AddSelection(Image("1", "sha256:b"));
  EXPECT_EQ(*images_.DigestOf("1"), "sha256:b");
  EXPECT_EQ(images_.Describe("1", "sha256:a")->digest, "sha256:a");
}

TEST_F(RememberedImagesTest, WhatAnApplyRefusedIsRefused) {
  memory_.AddSelection(Image("1", "sha256:a"));
  memory_.AddRefused("1", "it is malformed");
  EXPECT_EQ(images_.DigestOf("1").status(), absl::FailedPreconditionError("it is malformed"));
}

TEST_F(RememberedImagesTest, ASignatureCountsForItsKey) {
  RememberedImage image = Image("1", "sha256:a");
  image.verified_by = "sha256:key";
  memory_.AddSelection(image);
  rules_.key_id = "sha256:key";
  EXPECT_TRUE(images_.Verify("sha256:a").ok());
  rules_.key_id = "sha256:other";
  EXPECT_TRUE(absl::IsUnknown(images_.Verify("sha256:a")));
}

// `created` of an image for several platforms is that of the one that was asked for.
TEST_F(RememberedImagesTest, AnImageForSeveralPlatformsCountsForTheOneItWasReadFor) {
  RememberedImage image = Image("1", "sha256:a");
  image.platform = "linux/amd64";
  image.facts.platforms = {"linux/amd64", "linux/arm64"};
  memory_.AddSelection(image);
  EXPECT_TRUE(absl::IsUnknown(images_.Describe("1", "sha256:a").status()));
  rules_.platform = *oci::ParsePlatform("linux/amd64");
  EXPECT_TRUE(images_.Describe("1", "sha256:a").ok());
}

TEST_F(RememberedImagesTest, AnImageForOnePlatformIsTheSameHoweverItWasReadFor) {
  memory_.AddSelection(Image("1", "sha256:a"));
  rules_.platform = *oci::ParsePlatform("linux/arm64");
  EXPECT_TRUE(images_.Describe("1", "sha256:a").ok());
}

// ---- Of the policy `newest`, which looks at every tag

class RememberedNewestTest : public RememberedImagesTest {
 protected:
  RememberedNewestTest() {
    rules_ = Rules(image_policy::Newest());
    memory_.AddSelection(Image("1", "sha256:old"));
    memory_.AddSeen(Image("1", "sha256:a"), 10);
  }
};

TEST_F(RememberedNewestTest, CreationTimesAreThoseOfTheLastLook) {
  RememberedImage timeless = Image("2", "sha256:b");
  timeless.facts.created.reset();
  memory_.AddSeen(timeless, 10);
  memory_.AddSeen({"3", {}, "", ""}, 10);
  const absl::StatusOr<TagTimes> times = images_.CreationTimesOf({"1", "2", "3"});
  ASSERT_TRUE(times.ok());
  EXPECT_EQ(times->known.size(), 1u);
  EXPECT_EQ(times->known.at("1"), kThen);
  ASSERT_THAT(times->unknown, SizeIs(1));
  EXPECT_EQ(times->unknown[0].tag, "3");
  EXPECT_TRUE(absl::IsUnknown(images_.CreationTimesOf({"1", "4"}).status()));
}

TEST_F(RememberedNewestTest, TagsNameWhatTheyNamedAtTheLastLookUnlessOneIsPinned) {
  EXPECT_EQ(*images_.DigestOf("1"), "sha256:a");
  rules_.pin = "1";
  EXPECT_EQ(*images_.DigestOf("1"), "sha256:old");
}

TEST_F(RememberedNewestTest, ALookForAnotherPlatformDoesNotCount) {
  rules_.platform = *oci::ParsePlatform("linux/amd64");
  EXPECT_TRUE(absl::IsUnknown(images_.CreationTimesOf({"1"}).status()));
}

}  // namespace
}  // namespace delivery::resources
