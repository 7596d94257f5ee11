// What a selection asks of a registry, and what it remembers of the answers.
#include "resources/registry_images.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/oci/digest.h"
#include "provider/oci/manifest.h"
#include "provider/oci/test_keys.h"
#include "resources/image_policy_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class RegistryImagesTest : public ImageFixture {
 protected:
  absl::StatusOr<Selection> LookUp(const ImageArguments& arguments,
                                   const std::optional<SelectedImage>& current = std::nullopt) {
    ForgetRequests();
    const absl::StatusOr<RegistryCall> call = CallFor(registries_, arguments, {});
    if (!call.ok()) return call.status();
    return LookUpSelection(*call, *ToRules(arguments), current, memory_);
  }
  std::string TagOf(const absl::StatusOr<Selection>& selection) {
    return selection.ok() ? selection->image.tag : std::string(selection.status().message());
  }
  // Requests whose URL contains `part` get this answer.
  void AnswerTo(const std::vector<std::string>& parts, int status) {
    registry_->Intercept([=](const http::Request& request) -> std::optional<http::Response> {
      for (const std::string& part : parts) {
        if (absl::StrContains(request.url, part)) return http::Response{status, {}, ""};
      }
      return std::nullopt;
    });
  }
  static ImageArguments For(ImageArguments arguments, const std::string& platform) {
    arguments.platform = platform;
    return arguments;
  }
  // One image for two platforms, created at these times.
  std::string PushIndex(const std::string& tag, const std::string& amd64,
                        const std::string& arm64) {
    const auto image = [&](const std::string& architecture, const std::string& created) {
      return Json{
          {"mediaType", oci::kOciManifest},
          {"digest", registry_->AddImage(
                         "team/web", "",
                         {{"architecture", architecture}, {"created", created}, {"comment", tag}})},
          {"platform", {{"os", "linux"}, {"architecture", architecture}}}};
    };
    return registry_->AddManifest("team/web", tag,
                                  {{"schemaVersion", 2},
                                   {"mediaType", oci::kOciIndex},
                                   {"manifests", {image("amd64", amd64), image("arm64", arm64)}}},
                                  oci::kOciIndex);
  }

  ImageMemory memory_;
};

// ---- What is asked

TEST_F(RegistryImagesTest, AFirstLookAsksForTagsAndTheBestImage) {
  Push("1.0.0");
  Push("1.1.0");
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.1.0");
  EXPECT_THAT(Requests(),
              ElementsAre("GET tags", "HEAD 1.1.0", StartsWith("GET sha256:"), "GET blob"));
  EXPECT_EQ(memory_.repository, kRepository);
  EXPECT_THAT(memory_.tags, UnorderedElementsAre("1.0.0", "1.1.0"));
  EXPECT_EQ(memory_.looked_at, clock_.Now());
  EXPECT_EQ(memory_.selections.front().tag, "1.1.0");
}

TEST_F(RegistryImagesTest, AnImageThatIsKnownByItsDigestIsNotReadAgain) {
  Push("1.0.0");
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.0.0");
  Push("1.1.0", {{"comment", "1.0.0"}});  // the same content
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.1.0");
  EXPECT_THAT(Requests(), ElementsAre("GET tags", "HEAD 1.1.0"));
}

TEST_F(RegistryImagesTest, AllPagesOfTagsCount) {
  registry_->Change([](auto& settings) { settings.page_size = 2; });
  for (int i = 0; i < 5; ++i) Push(absl::StrCat("1.0.", i));
  const absl::StatusOr<Selection> selection = LookUp(Semver("*"));
  EXPECT_EQ(TagOf(selection), "1.0.4");
  EXPECT_EQ(selection->candidates, 5);
}

TEST_F(RegistryImagesTest, WhatWasRefusedIsRememberedToo) {
  Push("1.0.0");
  Push("1.1.0", {{"created", "2023-11-14T00:00:00Z"}});
  ImageArguments arguments = Semver("*");
  arguments.min_age = std::string("24h");
  EXPECT_EQ(TagOf(LookUp(arguments)), "1.0.0");
  EXPECT_EQ(TagOf(LookUp(arguments)), "1.0.0");
  EXPECT_THAT(Requests(), ElementsAre("GET tags", "HEAD 1.1.0", "HEAD 1.0.0"));
}

TEST_F(RegistryImagesTest, AnotherRepositoryStartsANewMemory) {
  Push("1.0.0");
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.0.0");
  registry_->AddImage("team/api", "2.0.0");
  ImageArguments other = Semver("*");
  other.repository = std::string("registry.example.com/team/api");
  EXPECT_EQ(TagOf(LookUp(other)), "2.0.0");
  EXPECT_EQ(memory_.repository, "registry.example.com/team/api");
  EXPECT_THAT(memory_.selections, SizeIs(1));
}

TEST_F(RegistryImagesTest, OneTagIsLookedUpAndRememberedAsASelection) {
  Push("1.0.0", {{"architecture", "arm64"}});
  const ImageArguments arguments = For(Semver("*"), "linux/arm64");
  const absl::StatusOr<RegistryCall> call = CallFor(registries_, arguments, {});
  ASSERT_TRUE(call.ok());
  ASSERT_TRUE(LookUpTag(*call, *ToRules(arguments), "1.0.0", memory_).ok());
  EXPECT_EQ(memory_.FindSelection("1.0.0")->platform, "linux/arm64");
  const ImageArguments other = For(Semver("*"), "linux/amd64");
  EXPECT_TRUE(
      absl::IsFailedPrecondition(LookUpTag(*call, *ToRules(other), "1.0.0", memory_).status()));
  EXPECT_TRUE(absl::IsNotFound(LookUpTag(*call, *ToRules(other), "7", memory_).status()));
}

// ---- Tags that did not change

class EtagTest : public RegistryImagesTest {
 protected:
  void Serve(const std::vector<std::string>& tags) {
    registry_->Intercept([=, this](const http::Request& request) -> std::optional<http::Response> {
      if (!absl::StrContains(request.url, "tags/list")) return std::nullopt;
      given_ = http::FindHeader(request.headers, "If-None-Match").value_or("");
      if (given_ == "\"1\"") return http::Response{304, {}, ""};
      return http::Response{200, {{"ETag", "\"1\""}}, DumpJson({{"tags", tags}})};
    });
  }
  std::string given_;
};

TEST_F(EtagTest, TheRememberedListIsUsedForAnyPolicy) {
  Push("1.0.0");
  Push("1.1.0");
  Serve({"1.0.0", "1.1.0"});
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.1.0");
  EXPECT_EQ(given_, "");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(TagOf(LookUp(Semver("<1.1.0"))), "1.0.0");
  EXPECT_EQ(given_, "\"1\"");
  EXPECT_EQ(memory_.looked_at, clock_.Now());
}

TEST_F(EtagTest, AListThatWasCutForAnotherOrderIsAskedForAnew) {
  Push("1.0.0");
  Serve({"1.0.0"});
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.0.0");
  memory_.has_all_tags = false;
  EXPECT_EQ(TagOf(LookUp(Semver("1.x"))), "1.0.0");
  EXPECT_EQ(given_, "");
}

// ---- Bad images and bad registries

TEST_F(RegistryImagesTest, OneOrTwoUnreadableImagesAreSkipped) {
  for (const char* tag : {"1.0.0", "1.1.0", "1.2.0"}) Push(tag);
  AnswerTo({"manifests/1.2.0", "manifests/1.1.0"}, 500);
  const absl::StatusOr<Selection> selection = LookUp(Semver("*"));
  EXPECT_EQ(TagOf(selection), "1.0.0");
  EXPECT_THAT(selection->skipped, SizeIs(2));
  EXPECT_THAT(selection->unread, SizeIs(2));
}

TEST_F(RegistryImagesTest, ThreeUnreadableImagesInARowAreAnOutage) {
  for (const char* tag : {"1.0.0", "1.1.0", "1.2.0", "1.3.0"}) Push(tag);
  AnswerTo({"manifests/1.3.0", "manifests/1.2.0", "manifests/1.1.0"}, 500);
  const absl::Status status = LookUp(Semver("*")).status();
  EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(memory_.selections, IsEmpty());
}

TEST_F(RegistryImagesTest, AnImageWithoutItsConfigurationIsSkipped) {
  Push("1.0.0");
  registry_->AddManifest("team/web", "1.1.0",
                         {{"schemaVersion", 2},
                          {"mediaType", oci::kOciManifest},
                          {"config",
                           {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                            {"digest", oci::Sha256Of("nowhere")},
                            {"size", 7}}},
                          {"layers", Json::array()}},
                         oci::kOciManifest);
  registry_->AddManifest("team/web", "1.2.0", {{"garbage", true}}, oci::kOciManifest);
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.0.0");
}

TEST_F(RegistryImagesTest, ErrorsNameTheRepository) {
  Push("latest");
  EXPECT_THAT(TagOf(LookUp(Semver("*"))), AllOf(StartsWith(absl::StrCat(kRepository, ": none")),
                                                HasSubstr("latest: not a semantic version")));
  AnswerAlways(401);
  const absl::Status status = LookUp(Semver("*")).status();
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("registry.example.com"));
}

// ---- newest

TEST_F(RegistryImagesTest, TheNewestLooksAtEachTagOnceAndThenAtDigestsOnly) {
  Push("a", {{"created", "2023-11-01T00:00:01Z"}});
  Push("b", {{"created", "2023-11-01T00:00:02Z"}});
  Push("c", {{"created", "2023-11-01T00:00:00Z"}});
  EXPECT_EQ(TagOf(LookUp(Newest())), "b");
  EXPECT_THAT(memory_.seen, SizeIs(3));
  EXPECT_EQ(TagOf(LookUp(Newest())), "b");
  EXPECT_THAT(Requests(), UnorderedElementsAre("GET tags", "HEAD a", "HEAD b", "HEAD c", "HEAD b"));
  Push("c", {{"created", "2023-11-01T00:00:03Z"}});
  EXPECT_EQ(TagOf(LookUp(Newest())), "c");
}

TEST_F(RegistryImagesTest, TheNewestAsksForFilteredTagsOnly) {
  Push("main-1");
  Push("pr-2", {{"created", "2023-11-02T00:00:00Z"}});
  ImageArguments arguments = Newest();
  arguments.filter_tags = FilterTagsBlock{{"^main-"}, {}};
  EXPECT_EQ(TagOf(LookUp(arguments)), "main-1");
  EXPECT_THAT(Requests(), Not(Contains(HasSubstr("pr-2"))));
}

TEST_F(RegistryImagesTest, TheNewestPassesOverWhatHasNoTime) {
  Push("a");
  registry_->AddImage("team/web", "timeless");
  registry_->AddManifest("team/web", "bad", {{"garbage", true}}, oci::kOciManifest);
  const absl::StatusOr<Selection> selection = LookUp(Newest());
  EXPECT_EQ(TagOf(selection), "a");
  EXPECT_THAT(selection->skipped, SizeIs(2));
}

TEST_F(RegistryImagesTest, TheNewestPassesOverTwoTagsThatCannotBeReadAndNoMore) {
  for (const char* tag : {"a", "b", "c", "d"}) Push(tag);
  AnswerTo({"manifests/b", "manifests/c"}, 500);
  const absl::StatusOr<Selection> selection = LookUp(Newest());
  EXPECT_EQ(TagOf(selection), "d");
  EXPECT_THAT(selection->skipped, SizeIs(2));
  AnswerTo({"manifests/a", "manifests/b", "manifests/c"}, 500);
  const absl::Status status = LookUp(Newest()).status();
  EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) << status;
}

TEST_F(RegistryImagesTest, ALimitOfTheRateEndsTheLook) {
  Push("1.0.0");
  Push("1.1.0");
  AnswerTo({"manifests/1.1.0"}, 429);
  EXPECT_TRUE(absl::IsResourceExhausted(LookUp(Semver("*")).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(LookUp(Newest()).status()));
}

// However many were foreseen since, and never applied.
TEST_F(RegistryImagesTest, WhatStandsIsNeverForgotten) {
  Push("1.0.0");
  const absl::StatusOr<Selection> first = LookUp(Semver("*"));
  ASSERT_TRUE(first.ok()) << first.status();
  for (size_t i = 1; i < ImageMemory::kMostSelections + 5; ++i) {
    Push(absl::StrCat("1.0.", i));
    EXPECT_TRUE(LookUp(Semver("*"), first->image).ok());
  }
  EXPECT_NE(memory_.FindSelection("1.0.0"), nullptr);
}

// ---- Platforms

TEST_F(RegistryImagesTest, TimesAreThoseOfTheImageForThePlatform) {
  PushIndex("a", "2023-11-01T00:00:01Z", "2023-11-01T00:00:04Z");
  PushIndex("b", "2023-11-01T00:00:02Z", "2023-11-01T00:00:03Z");
  EXPECT_EQ(TagOf(LookUp(Newest())), "b");
  const absl::StatusOr<Selection> arm = LookUp(For(Newest(), "linux/arm64"));
  EXPECT_EQ(TagOf(arm), "a") << "the times that are remembered are for another platform";
  EXPECT_EQ(TimeText(*arm->image.facts.created), "2023-11-01T00:00:04Z");
  EXPECT_THAT(arm->image.facts.platforms, ElementsAre("linux/amd64", "linux/arm64"));
}

// ---- Signatures

class SignedTest : public RegistryImagesTest {
 protected:
  ImageArguments Signed() const {
    ImageArguments arguments = Semver("*");
    VerifyBlock verify;
    verify.cosign = CosignBlock{key_.PublicPem()};
    arguments.verify = verify;
    return arguments;
  }
  void Sign(const std::string& digest) {
    const std::string claim = DumpJson({{"critical",
                                         {{"identity", {{"docker-reference", ""}}},
                                          {"image", {{"docker-manifest-digest", digest}}},
                                          {"type", "cosign container image signature"}}}});
    const Json layer = {
        {"mediaType", "application/vnd.dev.cosign.simplesigning.v1+json"},
        {"digest", registry_->AddBlob("team/web", claim)},
        {"annotations",
         {{"dev.cosignproject.cosign/signature", absl::Base64Escape(key_.Sign(claim))}}}};
    const std::string config = registry_->AddBlob("team/web", "{}");
    registry_->AddManifest(
        "team/web", oci::TagOfDigest(digest) + ".sig",
        {{"schemaVersion", 2},
         {"config",
          {{"mediaType", "application/vnd.oci.image.config.v1+json"}, {"digest", config}}},
         {"layers", Json::array({layer})}},
        oci::kOciManifest);
  }

  const oci::TestKey key_ = oci::TestKey::Ec("P-256");
};

TEST_F(SignedTest, UnsignedImagesArePassedOver) {
  Sign(Push("1.0.0"));
  Push("1.1.0");
  const absl::StatusOr<Selection> selection = LookUp(Signed());
  EXPECT_EQ(TagOf(selection), "1.0.0");
  ASSERT_THAT(selection->skipped, SizeIs(1));
  EXPECT_EQ(selection->skipped[0].tag, "1.1.0");
  EXPECT_THAT(selection->skipped[0].reason, HasSubstr("not signed"));
}

TEST_F(SignedTest, ASignatureIsCheckedOnceForEachKey) {
  Sign(Push("1.0.0"));
  EXPECT_EQ(TagOf(LookUp(Signed())), "1.0.0");
  EXPECT_EQ(TagOf(LookUp(Signed())), "1.0.0");
  EXPECT_THAT(Requests(), ElementsAre("GET tags", "HEAD 1.0.0"));
  ImageArguments other = Signed();
  VerifyBlock verify;
  verify.cosign = CosignBlock{oci::TestKey::Ec("P-256").PublicPem()};
  other.verify = verify;
  EXPECT_THAT(TagOf(LookUp(other)), HasSubstr("none of the 2 tags can be selected"));
}

TEST_F(SignedTest, WhatWasNotVerifiedIsNotRememberedAsVerified) {
  Push("1.0.0");
  EXPECT_EQ(TagOf(LookUp(Semver("*"))), "1.0.0");
  EXPECT_EQ(memory_.selections.front().verified_by, "");
  EXPECT_THAT(TagOf(LookUp(Signed())), HasSubstr("not signed"));
}

}  // namespace
}  // namespace delivery::resources
