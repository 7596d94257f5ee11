#include "resources/image_selection.h"

#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/oci/test_keys.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Each letter is a digest of its own.
std::string Digest(char letter) { return absl::StrCat("sha256:", std::string(64, letter)); }

// Images as a test says, and what was asked of them.
class FakeSource : public ImageSource {
 public:
  absl::StatusOr<std::string> DigestOf(const std::string& tag) override {
    asked.push_back(tag);
    const auto failing = failures.find(tag);
    if (failing != failures.end()) return failing->second;
    const auto found = digests.find(tag);
    if (found == digests.end()) return absl::NotFoundError("no such tag");
    return found->second;
  }
  absl::StatusOr<ImageFacts> Describe(const std::string&, const std::string& digest) override {
    const auto found = images.find(digest);
    if (found == images.end()) return ImageFacts{digest, {"linux/amd64"}, std::nullopt};
    return found->second;
  }
  absl::Status Verify(const std::string& digest) override {
    verified.push_back(digest);
    const auto found = verdicts.find(digest);
    return found == verdicts.end() ? absl::OkStatus() : found->second;
  }
  absl::StatusOr<TagTimes> CreationTimesOf(const std::vector<std::string>& tags) override {
    times_asked = tags;
    return times;
  }

  std::map<std::string, std::string> digests;
  std::map<std::string, absl::Status> failures;  // of tags
  std::map<std::string, ImageFacts> images;
  std::map<std::string, absl::Status> verdicts;
  absl::StatusOr<TagTimes> times = TagTimes();
  std::vector<std::string> asked;
  std::vector<std::string> verified;
  std::vector<std::string> times_asked;
};

std::vector<std::string> Texts(const std::vector<image_policy::Skipped>& skipped) {
  std::vector<std::string> texts;
  for (const auto& one : skipped) texts.push_back(absl::StrCat(one.tag, ": ", one.reason));
  return texts;
}

class SelectionTest : public ::testing::Test {
 protected:
  SelectionTest() {
    UseRange("^1.0.0");
    source_.digests = {{"1.0.0", Digest('0')}, {"1.1.0", Digest('1')}, {"1.2.0", Digest('2')}};
  }

  void UseRange(const std::string& range) {
    rules_.policy =
        image_policy::Policy{image_policy::Semver{*image_policy::Range::Parse(range)}, {}};
  }
  void UseNewest() { rules_.policy = image_policy::Policy{image_policy::Newest(), {}}; }
  // The image of this digest, for this platform and of this age.
  void SetImage(char letter, const std::string& platform, absl::Duration age = absl::Hours(100)) {
    source_.images[Digest(letter)] = {Digest(letter), {platform}, now_ - age};
  }
  void SetCurrent(const std::string& tag, char letter) {
    current_ = SelectedImage{tag, {Digest(letter), {"linux/amd64"}, now_ - absl::Hours(50)}};
  }

  absl::StatusOr<Selection> Select() {
    source_.asked.clear();
    return SelectImage(rules_, tags_, current_, now_, source_);
  }
  // "1.2.0", with " (kept)" when only it itself is a reason; or the error.
  std::string Selected() {
    const absl::StatusOr<Selection> selection = Select();
    if (!selection.ok()) return std::string(selection.status().message());
    return absl::StrCat(selection->image.tag, "@", selection->image.facts.digest.substr(7, 1),
                        selection->kept_because.empty() ? "" : " (kept)");
  }

  SelectionRules rules_;
  std::vector<std::string> tags_ = {"1.0.0", "1.1.0", "1.2.0", "2.0.0", "latest"};
  std::optional<SelectedImage> current_;
  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);  // 2023-11-14T22:13:20Z
  FakeSource source_;
};

// ---- The best that the rules take

TEST_F(SelectionTest, OnlyTheBestTagIsAskedFor) {
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.2.0");
  EXPECT_EQ(selection->image.facts.digest, Digest('2'));
  EXPECT_EQ(selection->candidates, 3);
  EXPECT_EQ(selection->kept_because, "");
  EXPECT_THAT(Texts(selection->skipped),
              ElementsAre(StartsWith("2.0.0: "), "latest: not a semantic version"));
  EXPECT_THAT(source_.asked, ElementsAre("1.2.0"));
}

TEST_F(SelectionTest, TheOrderOfTheTagsDoesNotMatter) {
  const absl::StatusOr<Selection> first = Select();
  tags_ = {"latest", "1.2.0", "2.0.0", "1.1.0", "1.0.0"};
  const absl::StatusOr<Selection> second = Select();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->image, second->image);
  EXPECT_EQ(Texts(first->skipped), Texts(second->skipped));
}

struct StatusCase {
  absl::StatusCode code;
  bool about_one_image;
};
void PrintTo(const StatusCase& test, std::ostream* out) {
  *out << absl::StatusCodeToString(test.code);
}
class SelectionStatusTest : public SelectionTest,
                            public ::testing::WithParamInterface<StatusCase> {};

TEST_P(SelectionStatusTest, SkipsTheImageOrEndsTheSelection) {
  source_.failures["1.2.0"] = absl::Status(GetParam().code, "bad luck");
  const absl::StatusOr<Selection> selection = Select();
  if (GetParam().about_one_image) {
    ASSERT_TRUE(selection.ok()) << selection.status();
    EXPECT_EQ(selection->image.tag, "1.1.0");
    EXPECT_EQ(Texts(selection->skipped).front(), "1.2.0: bad luck");
  } else {
    EXPECT_EQ(selection.status(), absl::Status(GetParam().code, "bad luck"));
  }
}

INSTANTIATE_TEST_SUITE_P(, SelectionStatusTest,
                         ::testing::Values(StatusCase{absl::StatusCode::kNotFound, true},
                                           StatusCase{absl::StatusCode::kFailedPrecondition, true},
                                           StatusCase{absl::StatusCode::kDataLoss, true},
                                           StatusCase{absl::StatusCode::kInvalidArgument, true},
                                           StatusCase{absl::StatusCode::kOutOfRange, true},
                                           StatusCase{absl::StatusCode::kPermissionDenied, true},
                                           StatusCase{absl::StatusCode::kAborted, true},
                                           StatusCase{absl::StatusCode::kUnavailable, false},
                                           StatusCase{absl::StatusCode::kDeadlineExceeded, false},
                                           StatusCase{absl::StatusCode::kResourceExhausted, false},
                                           StatusCase{absl::StatusCode::kUnauthenticated, false},
                                           StatusCase{absl::StatusCode::kCancelled, false},
                                           StatusCase{absl::StatusCode::kUnknown, false},
                                           StatusCase{absl::StatusCode::kInternal, false}),
                         [](const auto& test) {
                           return absl::StatusCodeToString(test.param.code);
                         });

// ---- What rules an image out

TEST_F(SelectionTest, ExcludedTagsAreNoCandidates) {
  rules_.exclude = {"1.2.0", "7.7.7"};
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.1.0");
  EXPECT_EQ(selection->candidates, 2);
  EXPECT_EQ(Texts(selection->skipped).front(), "1.2.0: excluded");
  EXPECT_THAT(source_.asked, ElementsAre("1.1.0"));
}

TEST_F(SelectionTest, AnExcludedDigestIsPassedOverUnderAnyTag) {
  source_.digests["1.1.0"] = Digest('2');
  rules_.exclude = {Digest('2')};
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.0.0");
  EXPECT_EQ(selection->candidates, 3);
  EXPECT_THAT(Texts(selection->skipped)[0],
              AllOf(StartsWith("1.2.0: excluded by its digest"), HasSubstr(Digest('2'))));
}

TEST_F(SelectionTest, ImagesForOtherPlatformsArePassedOver) {
  rules_.platform = *oci::ParsePlatform("linux/arm64");
  SetImage('1', "linux/arm64");
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.1.0");
  EXPECT_EQ(Texts(selection->skipped).front(), "1.2.0: not made for linux/arm64");
}

TEST_F(SelectionTest, YoungImagesArePassedOverAndTheReasonHasNoAge) {
  rules_.min_age = absl::Hours(24);
  SetImage('2', "linux/amd64", absl::Hours(24) - absl::Nanoseconds(1));
  SetImage('1', "linux/amd64", absl::Hours(24));
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.1.0");
  EXPECT_EQ(Texts(selection->skipped).front(),
            "1.2.0: younger than min_age: created 2023-11-13T22:13:20Z");
}

TEST_F(SelectionTest, AnImageOfUnknownAgeIsNotOldEnough) {
  rules_.min_age = absl::Hours(1);
  SetImage('1', "linux/amd64");
  EXPECT_EQ(Selected(), "1.1.0@1");
  EXPECT_THAT(Texts(Select()->skipped).front(), HasSubstr("creation time is unknown"));
}

TEST_F(SelectionTest, UnsignedImagesArePassedOver) {
  rules_.key = *oci::PublicKey::Parse(oci::TestKey::Ec("P-256").PublicPem());
  source_.verdicts[Digest('2')] = absl::NotFoundError("it is not signed");
  EXPECT_EQ(Selected(), "1.1.0@1");
  EXPECT_THAT(source_.verified, ElementsAre(Digest('2'), Digest('1')));
  EXPECT_EQ(Texts(Select()->skipped).front(), "1.2.0: it is not signed");
}

TEST_F(SelectionTest, WithoutAKeyNothingIsVerified) {
  Select().IgnoreError();
  EXPECT_THAT(source_.verified, IsEmpty());
}

TEST_F(SelectionTest, WhatWasRefusedIsExplainedFirstAndAtMostTwentyAre) {
  tags_.clear();
  for (int i = 0; i < 30; ++i) tags_.push_back(absl::StrCat("other-", i));
  for (int i = 0; i < 5; ++i) tags_.push_back(absl::StrCat("1.5.", i));
  source_.digests["1.5.0"] = Digest('5');
  rules_.exclude = {"1.5.4"};
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  const std::vector<std::string> skipped = Texts(selection->skipped);
  ASSERT_THAT(skipped, SizeIs(kExplainedTags));
  EXPECT_EQ(skipped[0], "1.5.3: no such tag");
  EXPECT_EQ(skipped[2], "1.5.1: no such tag");
  EXPECT_EQ(skipped[3], "1.5.4: excluded");
  EXPECT_EQ(skipped[4], "other-29: not a semantic version");
}

TEST_F(SelectionTest, OfManyExcludedTagsTheNewestTenAreNamed) {
  for (int i = 0; i < 12; ++i) {
    tags_.push_back(absl::StrCat("1.5.", i));
    rules_.exclude.push_back(tags_.back());
  }
  const std::vector<std::string> skipped = Texts(Select()->skipped);
  EXPECT_EQ(skipped[0], "1.5.11: excluded");
  EXPECT_EQ(skipped[9], "1.5.2: excluded");
  EXPECT_THAT(skipped[10], StartsWith("2.0.0: "));
}

// ---- Nothing

TEST_F(SelectionTest, NothingIsSaidWithTheReasonsOfTheBest) {
  source_.digests.clear();
  const absl::Status status = Select().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(StartsWith("none of the 5 tags can be selected:\n  1.2.0: no such tag\n"),
                    HasSubstr("\n  latest: not a semantic version"), Not(HasSubstr("more"))));
}

TEST_F(SelectionTest, MoreThanFiveReasonsAreCounted) {
  tags_.push_back("nightly");
  tags_.push_back("edge");
  source_.digests.clear();
  EXPECT_THAT(Selected(), ::testing::EndsWith("\n  and 2 more"));
}

TEST_F(SelectionTest, ARepositoryWithoutTagsIsSaid) {
  tags_.clear();
  EXPECT_EQ(Selected(), "the repository has no tags");
}

TEST_F(SelectionTest, TheSearchIsGivenUpAfterAThousand) {
  tags_.clear();
  for (int i = 0; i < 1100; ++i) tags_.push_back(absl::StrCat("1.0.", i));
  source_.digests = {{"1.0.50", Digest('5')}};
  EXPECT_THAT(Selected(), HasSubstr("none of the 1100 tags can be selected"));
  EXPECT_THAT(source_.asked, SizeIs(kMostLooks));
}

// ---- pin

TEST_F(SelectionTest, APinHoldsItsTagWhateverThePolicySays) {
  rules_.pin = "2.0.0";
  rules_.min_age = absl::Hours(24);
  rules_.exclude = {"2.0.0", Digest('9')};
  source_.digests["2.0.0"] = Digest('9');
  SetImage('9', "linux/amd64", absl::Hours(1));
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "2.0.0");
  EXPECT_EQ(selection->candidates, 1);
  EXPECT_THAT(selection->skipped, IsEmpty());
}

TEST_F(SelectionTest, WhatAPinHoldsMustRunAndBeSigned) {
  rules_.pin = "1.0.0";
  rules_.platform = *oci::ParsePlatform("linux/arm64");
  EXPECT_EQ(Selected(), "pin names the tag 1.0.0: not made for linux/arm64");
  rules_.platform.reset();
  rules_.key = *oci::PublicKey::Parse(oci::TestKey::Ec("P-256").PublicPem());
  source_.verdicts[Digest('0')] = absl::NotFoundError("it is not signed");
  EXPECT_EQ(Selected(), "pin names the tag 1.0.0: it is not signed");
}

TEST_F(SelectionTest, APinWhoseTagIsMissingIsNotReplacedByThePolicy) {
  rules_.pin = "1.9.9";
  SetCurrent("1.2.0", '2');
  EXPECT_EQ(Selected(), "pin names the tag 1.9.9: no such tag");
  source_.failures["1.9.9"] = absl::UnavailableError("down");
  EXPECT_TRUE(absl::IsUnavailable(Select().status()));
}

TEST_F(SelectionTest, APinnedImageStaysWhenItsTagVanishes) {
  rules_.pin = "1.9.9";
  SetCurrent("1.9.9", '9');
  EXPECT_EQ(Selected(), "1.9.9@9 (kept)");
}

// ---- The current image

TEST_F(SelectionTest, AVanishedTagStays) {
  SetCurrent("1.3.0", '3');
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image, *current_);
  EXPECT_EQ(selection->kept_because, "the tag 1.3.0 is no longer in the repository");
}

TEST_F(SelectionTest, AVanishedTagGivesWayToABetterOne) {
  SetCurrent("1.1.5", '3');
  EXPECT_EQ(Selected(), "1.2.0@2");
}

TEST_F(SelectionTest, AVanishedTagIsLeftWhereADowngradeIsAllowed) {
  SetCurrent("1.3.0", '3');
  rules_.allow_downgrade = true;
  EXPECT_EQ(Selected(), "1.2.0@2");
}

TEST_F(SelectionTest, AVanishedTagThatTheRulesDoNotTakeIsLeft) {
  SetCurrent("1.3.0", '3');
  rules_.exclude = {"1.3.0"};
  EXPECT_EQ(Selected(), "1.2.0@2");
  rules_.exclude = {Digest('3')};
  EXPECT_EQ(Selected(), "1.2.0@2");
  rules_.exclude = {};
  UseRange("<1.3.0");
  EXPECT_EQ(Selected(), "1.2.0@2");
  UseRange("^1.0.0");
  rules_.min_age = absl::Hours(51);
  SetImage('2', "linux/amd64");
  EXPECT_EQ(Selected(), "1.2.0@2");
  rules_.min_age = absl::ZeroDuration();
  rules_.platform = *oci::ParsePlatform("linux/arm64");
  SetImage('2', "linux/arm64");
  EXPECT_EQ(Selected(), "1.2.0@2");
}

TEST_F(SelectionTest, AVanishedTagWhoseSignatureCannotBeCheckedEndsTheSelection) {
  SetCurrent("1.3.0", '3');
  rules_.key = *oci::PublicKey::Parse(oci::TestKey::Ec("P-256").PublicPem());
  source_.verdicts[Digest('3')] = absl::UnavailableError("down");
  EXPECT_TRUE(absl::IsUnavailable(Select().status()));
}

TEST_F(SelectionTest, ATagThatNamesAnotherImageIsFollowed) {
  SetCurrent("1.2.0", '9');
  EXPECT_EQ(Selected(), "1.2.0@2");
}

TEST_F(SelectionTest, ATagThatNamesAnImageWhichIsRefusedStaysAtItsOld) {
  SetCurrent("1.2.0", '9');
  rules_.platform = *oci::ParsePlatform("linux/amd64");
  SetImage('2', "linux/arm64");
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image, *current_);
  EXPECT_EQ(selection->kept_because,
            "the tag 1.2.0 names another image now, which is refused: not made for linux/amd64");
}

// It need not be another image that is refused.
TEST_F(SelectionTest, ATagThatServesGarbageStaysAtItsOld) {
  SetCurrent("1.2.0", '2');
  source_.failures["1.2.0"] = absl::DataLossError("it is malformed");
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image, *current_);
  EXPECT_EQ(selection->kept_because,
            "what the tag 1.2.0 names now cannot be used: it is malformed");
}

// ---- What could not be read this time: no verdict on the image

TEST_F(SelectionTest, ABetterTagThatCouldNotBeReadIsNamed) {
  source_.failures["1.2.0"] = absl::AbortedError("HTTP 500");
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.1.0");
  EXPECT_THAT(Texts(selection->unread), ElementsAre("1.2.0: HTTP 500"));
}

TEST_F(SelectionTest, TheCurrentTagStaysWhenItCouldNotBeReadWhateverIsAllowed) {
  SetCurrent("1.2.0", '2');
  source_.failures["1.2.0"] = absl::AbortedError("HTTP 500");
  for (const bool allow_downgrade : {false, true}) {
    rules_.allow_downgrade = allow_downgrade;
    const absl::StatusOr<Selection> selection = Select();
    ASSERT_TRUE(selection.ok()) << selection.status();
    EXPECT_EQ(selection->image, *current_);
    EXPECT_EQ(selection->kept_because, "");
    EXPECT_THAT(Texts(selection->unread), ElementsAre("1.2.0: HTTP 500"));
  }
}

TEST_F(SelectionTest, AnImageImportedByItsDigestAloneIsNoCandidate) {
  SetCurrent("", '9');
  EXPECT_EQ(Selected(), "1.2.0@2");
  EXPECT_EQ(Select()->candidates, 3);
}

TEST_F(SelectionTest, WithoutAPolicyTheCurrentImageIsAllThereIs) {
  rules_.policy.reset();
  SetCurrent("0.9.0", '9');
  EXPECT_EQ(Selected(), "0.9.0@9");
  EXPECT_EQ(Select()->candidates, 1);
  EXPECT_THAT(source_.asked, IsEmpty());
  current_.reset();
  EXPECT_TRUE(absl::IsFailedPrecondition(Select().status()));
}

// ---- newest

TEST_F(SelectionTest, TheImageCreatedLastIsSelected) {
  UseNewest();
  source_.times->known = {{"1.0.0", now_ + absl::Nanoseconds(1)}, {"1.2.0", now_}};
  rules_.exclude = {"2.0.0"};
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->image.tag, "1.0.0");
  EXPECT_EQ(selection->candidates, 2);
  EXPECT_THAT(source_.times_asked, ElementsAre("1.0.0", "1.1.0", "1.2.0", "latest"));
  EXPECT_THAT(Texts(selection->skipped),
              ElementsAre("2.0.0: excluded", "1.1.0: creation time unknown",
                          "latest: creation time unknown"));
}

TEST_F(SelectionTest, AVanishedTagIsHeldAgainstTheOthersByItsOwnTime) {
  UseNewest();
  SetCurrent("gone", '9');
  source_.times->known = {{"1.0.0", now_ - absl::Hours(51)}};
  EXPECT_EQ(Selected(), "gone@9 (kept)");
  source_.times->known = {{"1.0.0", now_ - absl::Hours(49)}};
  EXPECT_EQ(Selected(), "1.0.0@0");
}

TEST_F(SelectionTest, TagsWhoseTimeCannotBeReadAreExplainedFirst) {
  UseNewest();
  tags_ = {"1.0.0", "1.1.0", "1.2.0"};
  source_.times->known = {{"1.0.0", now_}};
  source_.times->unknown = {{"1.1.0", "it is malformed"}};
  const absl::StatusOr<Selection> selection = Select();
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->candidates, 1);
  EXPECT_THAT(Texts(selection->skipped),
              ElementsAre("1.1.0: it is malformed", "1.2.0: creation time unknown"));
}

TEST_F(SelectionTest, CreationTimesThatCannotBeHadEndTheSelection) {
  UseNewest();
  source_.times = absl::UnavailableError("down");
  EXPECT_TRUE(absl::IsUnavailable(Select().status()));
}

// ---- By name alone

TEST_F(SelectionTest, ByNameThePinOrTheBestIsSelected) {
  rules_.exclude = {"1.2.0"};
  const std::optional<Selection> best = SelectByName(rules_, tags_);
  ASSERT_TRUE(best.has_value());
  EXPECT_EQ(best->image, (SelectedImage{"1.1.0", {}}));
  EXPECT_EQ(best->candidates, 2);
  EXPECT_EQ(Texts(best->skipped).front(), "1.2.0: excluded");
  rules_.pin = "0.1.0";
  EXPECT_EQ(SelectByName(rules_, tags_)->image.tag, "0.1.0");
  EXPECT_EQ(SelectByName(rules_, tags_)->candidates, 1);
}

TEST_F(SelectionTest, ByNameNothingIsSelectedWhereNamesDoNotDecide) {
  UseRange("^9.0.0");
  EXPECT_FALSE(SelectByName(rules_, tags_).has_value());
  UseNewest();
  EXPECT_FALSE(SelectByName(rules_, tags_).has_value());
  rules_.policy.reset();
  EXPECT_FALSE(SelectByName(rules_, tags_).has_value());
}

TEST_F(SelectionTest, OneTagIsExaminedByTheSameRules) {
  rules_.exclude = {Digest('1')};
  EXPECT_EQ(ExamineTag(rules_, "1.0.0", now_, source_)->facts.digest, Digest('0'));
  EXPECT_TRUE(absl::IsFailedPrecondition(ExamineTag(rules_, "1.1.0", now_, source_).status()));
  EXPECT_TRUE(absl::IsNotFound(ExamineTag(rules_, "7.0.0", now_, source_).status()));
}

TEST(SelectionRulesTest, WhatTheImageIsMattersToSomeRulesOnly) {
  SelectionRules rules;
  rules.exclude = {"1.0.0"};
  rules.pin = "1.0.0";
  EXPECT_FALSE(rules.LooksAtContent());
  SelectionRules platform;
  platform.platform = *oci::ParsePlatform("linux/amd64");
  EXPECT_TRUE(platform.LooksAtContent());
  SelectionRules min_age;
  min_age.min_age = absl::Seconds(1);
  EXPECT_TRUE(min_age.LooksAtContent());
  SelectionRules digest;
  digest.exclude = {Digest('a')};
  EXPECT_TRUE(digest.LooksAtContent());
  SelectionRules key;
  key.key = *oci::PublicKey::Parse(oci::TestKey::Ec("P-256").PublicPem());
  EXPECT_TRUE(key.LooksAtContent());
}

}  // namespace
}  // namespace delivery::resources
