#include "provider/oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "provider/base/json.h"

namespace delivery::oci {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kDigest = "sha256:" + std::string(64, 'b');

Json Entry(const Json& more = Json::object()) {
  Json entry = {{"mediaType", kOciManifest}, {"digest", kDigest}, {"size", 7}};
  entry.update(more);
  return entry;
}

std::string IndexText(const std::vector<Json>& manifests) {
  return DumpJson({{"schemaVersion", 2}, {"manifests", manifests}});
}

TEST(ManifestTest, ReadsAnIndexWithoutAttestations) {
  const auto index = ParseIndex(IndexText(
      {Entry({{"platform", {{"os", "linux"}, {"architecture", "arm"}, {"variant", "v6"}}}}),
       Entry({{"platform", {{"os", "unknown"}, {"architecture", "unknown"}}}}),
       Entry({{"annotations", {{"vnd.docker.reference.type", "attestation-manifest"}}}}),
       {{"mediaType", kOciManifest}, {"digest", "sha256:short"}},
       "garbage",
       nullptr}));
  ASSERT_TRUE(index.ok()) << index.status();
  ASSERT_THAT(index->manifests, SizeIs(1));
  EXPECT_EQ(index->manifests[0].platform->Text(), "linux/arm/v6");
  EXPECT_EQ(index->manifests[0].digest, kDigest);
  EXPECT_EQ(index->manifests[0].size, 7);
}

TEST(ManifestTest, AnIndexMayBeEmptyButMustHaveAList) {
  EXPECT_THAT(ParseIndex("{\"manifests\": null}")->manifests, IsEmpty());
  EXPECT_THAT(ParseIndex(IndexText({}))->manifests, IsEmpty());
  for (const char* text : {"", "[]", "{}", "null", "{\"manifests\": {}}", "{\"manifests\": [}"}) {
    EXPECT_EQ(ParseIndex(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ManifestTest, RefusesEndlessLists) {
  const std::vector<Json> many(1001, Entry());
  EXPECT_THAT(std::string(ParseIndex(IndexText(many)).status().message()),
              HasSubstr("more than 1000 entries"));
}

TEST(ManifestTest, DescriptorsKeepAttestations) {
  const auto all = ParseDescriptors(
      IndexText({Entry({{"artifactType", "a/b"},
                        {"annotations", {{"vnd.docker.reference.type", "x"}, {"n", 1}}}})}));
  ASSERT_TRUE(all.ok());
  ASSERT_THAT(*all, SizeIs(1));
  EXPECT_EQ((*all)[0].artifact_type, "a/b");
  EXPECT_THAT((*all)[0].annotations, SizeIs(1));
}

TEST(ManifestTest, ReadsAnImageManifest) {
  const auto manifest = ParseImageManifest(
      DumpJson({{"config", Entry({{"mediaType", "application/vnd.oci.image.config.v1+json"}})},
                {"layers", {Entry({{"mediaType", "layer"}, {"annotations", {{"k", "v"}}}})}},
                {"annotations", {{"org.opencontainers.image.created", "2024-01-01T00:00:00Z"}}}}));
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->config.digest, kDigest);
  EXPECT_EQ(manifest->layers[0].media_type, "layer");
  EXPECT_EQ(manifest->layers[0].annotations.at("k"), "v");
  EXPECT_EQ(manifest->annotations.size(), 1U);
  EXPECT_THAT(std::string(ParseImageManifest("{}").status().message()),
              HasSubstr("names no configuration"));
}

TEST(ManifestTest, ReadsAnImageConfiguration) {
  const auto config = ParseImageConfig(
      R"({"os": "linux", "architecture": "arm64", "variant": "v8", "created": "2024-05-06T07:08:09.123456789Z"})");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->platform.Text(), "linux/arm64");
  EXPECT_EQ(absl::ToUnixSeconds(*config->created), 1714979289);
  EXPECT_EQ(ParseImageConfig("{}")->created, std::nullopt);
  EXPECT_FALSE(ParseImageConfig("[]").ok());
}

TEST(ManifestTest, TimesOfReproducibleBuildsAreNone) {
  for (const char* text : {"", "yesterday", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
                           "1979-12-31T23:59:59Z", "infinite-future", "2024-01-01"}) {
    EXPECT_EQ(MeaningfulTime(text), std::nullopt) << text;
  }
  EXPECT_NE(MeaningfulTime("1980-01-01T00:00:00Z"), std::nullopt);
  EXPECT_NE(MeaningfulTime("2024-01-01T00:00:00+02:00"), std::nullopt);
}

TEST(ManifestTest, TellsWhatAManifestIs) {
  EXPECT_EQ(ManifestTypeOf(kDockerManifest, "{}"), kDockerManifest);
  EXPECT_EQ(ManifestTypeOf(absl::StrCat(kOciIndex, "; charset=utf-8"), "{}"), kOciIndex);
  EXPECT_EQ(ManifestTypeOf("application/json",
                           absl::StrCat("{\"mediaType\": \"", kDockerManifestList, "\"}")),
            kDockerManifestList);
  EXPECT_EQ(ManifestTypeOf("", R"({"schemaVersion": 2, "manifests": []})"), kOciIndex);
  EXPECT_EQ(ManifestTypeOf("", R"({"schemaVersion": 2, "config": {}})"), kOciManifest);
  EXPECT_EQ(ManifestTypeOf("", R"({"schemaVersion": 1, "config": {}})"), "");
  EXPECT_EQ(ManifestTypeOf("", R"({"schemaVersion": 2, "mediaType": "x", "config": {}})"), "");
  EXPECT_EQ(ManifestTypeOf("text/html", "<html>"), "");
}

}  // namespace
}  // namespace delivery::oci
