#include "provider/oci/image.h"

#include "absl/strings/str_cat.h"
#include "provider/oci/client_fixture.h"

namespace delivery::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImageTest : public ClientTest {
 protected:
  absl::StatusOr<Image> Describe(const std::string& tag, const std::string& platform = "") {
    std::optional<Platform> wanted;
    if (!platform.empty()) wanted = *ParsePlatform(platform);
    return DescribeImage(client(), Ref(absl::StrCat(kWeb, ":", tag)), wanted, Deadline(), {});
  }
  // One image of an index; `created` tells them apart.
  Json Part(const std::string& platform, const std::string& created) {
    const Platform parsed = *ParsePlatform(platform);
    // Without variant, as many configurations are.
    const std::string digest = registry_->AddImage(
        "team/web", "",
        {{"os", parsed.os}, {"architecture", parsed.architecture}, {"created", created}});
    Json entry = {{"os", parsed.os}, {"architecture", parsed.architecture}};
    if (!parsed.variant.empty()) entry["variant"] = parsed.variant;
    return {{"mediaType", kOciManifest}, {"digest", digest}, {"platform", entry}};
  }
  std::string AddIndex(const std::string& tag, const std::vector<Json>& parts) {
    return registry_->AddManifest("team/web", tag, {{"schemaVersion", 2}, {"manifests", parts}},
                                  kOciIndex);
  }
  static int YearOf(const absl::StatusOr<Image>& image) {
    if (!image.ok() || !image->created.has_value()) return 0;
    return static_cast<int>(absl::ToCivilYear(*image->created, absl::UTCTimeZone()).year());
  }
};

TEST_F(ImageTest, DescribesASingleImage) {
  const std::string digest =
      registry_->AddImage("team/web", "1", {{"created", "2024-01-02T03:04:05Z"}});
  const auto image = Describe("1");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->digest, digest);
  EXPECT_THAT(image->platforms, ElementsAre("linux/amd64"));
  EXPECT_EQ(YearOf(image), 2024);
  EXPECT_TRUE(Describe("1", "linux/amd64").ok());
}

TEST_F(ImageTest, DescribesAnIndex) {
  const std::string digest =
      AddIndex("1", {Part("linux/arm64/v8", "2021-01-01T00:00:00Z"),
                     Part("linux/arm/v6", "2022-01-01T00:00:00Z"),
                     Part("linux/amd64", "2023-01-01T00:00:00Z"),
                     Part("linux/arm/v5", "2024-01-01T00:00:00Z"),
                     {{"digest", "sha256:" + std::string(64, '0')},
                      {"platform", {{"os", "unknown"}, {"architecture", "unknown"}}}}});
  const auto image = Describe("1");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->digest, digest);
  EXPECT_THAT(image->platforms,
              ElementsAre("linux/amd64", "linux/arm/v5", "linux/arm/v6", "linux/arm64"));
  EXPECT_EQ(YearOf(image), 2023);
  EXPECT_EQ(YearOf(Describe("1", "linux/arm64")), 2021);
  // The highest variant that runs there.
  EXPECT_EQ(YearOf(Describe("1", "linux/arm/v7")), 2022);
  EXPECT_EQ(YearOf(Describe("1", "linux/arm/v5")), 2024);
}

TEST_F(ImageTest, TheHighestVariantThatRunsIsChosen) {
  AddIndex("1", {Part("linux/arm/v5", "2021-01-01T00:00:00Z"),
                 Part("linux/arm/v6", "2022-01-01T00:00:00Z"),
                 Part("linux/arm/v7", "2023-01-01T00:00:00Z")});
  EXPECT_EQ(YearOf(Describe("1", "linux/arm/v6")), 2022);
}

TEST_F(ImageTest, WithoutAmd64TheFirstTellsTheTime) {
  AddIndex("1", {Part("windows/amd64", "2021-01-01T00:00:00Z"),
                 Part("linux/arm64", "2022-01-01T00:00:00Z")});
  EXPECT_EQ(YearOf(Describe("1")), 2021);
}

TEST_F(ImageTest, AMissingPlatformIsToldWithWhatIsThere) {
  AddIndex("1", {Part("linux/amd64", ""), Part("linux/arm64", "")});
  registry_->AddImage("team/web", "2");
  const auto missing = Describe("1", "linux/s390x");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(missing),
              HasSubstr("has no image for linux/s390x; it has linux/amd64, linux/arm64"));
  EXPECT_THAT(Message(Describe("2", "linux/arm64")), HasSubstr("it has linux/amd64"));
}

TEST_F(ImageTest, EntriesWithoutPlatformAreLookedInto) {
  Json part = Part("linux/arm64", "2021-01-01T00:00:00Z");
  part.erase("platform");
  AddIndex("1", {part});
  const auto image = Describe("1", "linux/arm64");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_THAT(image->platforms, ElementsAre("linux/arm64"));
  EXPECT_EQ(Describe("1", "linux/amd64").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ImageTest, TimesOfReproducibleBuildsAreNotTold) {
  registry_->AddImage("team/web", "1", {{"created", "1970-01-01T00:00:00Z"}});
  ASSERT_TRUE(Describe("1").ok());
  EXPECT_EQ(Describe("1")->created, std::nullopt);
}

TEST_F(ImageTest, ArtifactsHaveNoPlatform) {
  const std::string config = registry_->AddBlob("team/web", "{}");
  registry_->AddManifest(
      "team/web", "chart",
      {{"schemaVersion", 2},
       {"config", {{"mediaType", "application/vnd.cncf.helm.config.v1+json"}, {"digest", config}}},
       {"annotations", {{"org.opencontainers.image.created", "2024-01-01T00:00:00Z"}}}},
      kOciManifest);
  const auto chart = Describe("chart");
  ASSERT_TRUE(chart.ok()) << chart.status();
  EXPECT_THAT(chart->platforms, IsEmpty());
  EXPECT_EQ(YearOf(chart), 2024);
  EXPECT_THAT(Message(Describe("chart", "linux/amd64")), HasSubstr("it is no container image"));
}

TEST_F(ImageTest, MalformedImagesAreToldAsSuch) {
  AddIndex("empty", {});
  registry_->AddManifest("team/web", "hollow", {{"schemaVersion", 2}, {"config", {{"a", 1}}}},
                         kOciManifest);
  std::string inner = AddIndex("0", {Part("linux/amd64", "")});
  for (int i = 0; i < 4; ++i) {
    inner = AddIndex("deep", {Json{{"mediaType", kOciIndex}, {"digest", inner}}});
  }
  for (const char* tag : {"empty", "hollow", "deep"}) {
    EXPECT_EQ(Describe(tag).status().code(), absl::StatusCode::kDataLoss) << tag;
  }
  EXPECT_EQ(Describe("none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace delivery::oci
