// What the client relies on of registries, and what it makes of them.
#include "tests/contracts/registry_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/oci/client.h"
#include "provider/oci/cosign.h"
#include "provider/oci/digest.h"
#include "provider/oci/image.h"
#include "provider/oci/test_keys.h"
#include "provider/oci/token.h"
#include "provider/oci/url.h"

namespace delivery::testing {
namespace {

using oci::Credential;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kConfigType[] = "application/vnd.oci.image.config.v1+json";

class RegistryContractTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    auto registry = StartContractRegistry(GetParam());
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    client_ = ClientWith(Known());
  }

  static Credential Known() { return {.username = kContractUser, .password = kContractPassword}; }
  std::unique_ptr<oci::Client> ClientWith(const Credential& credential) {
    oci::ClientOptions options;
    options.hosts[registry_->host()].plain_http = true;
    return std::make_unique<oci::Client>(
        options, oci::MakeFixedCredentials({{registry_->host(), credential}}),
        [this](const http::TransportOptions&) { return registry_->transport(); }, Clock::Real());
  }

  // Pushing, as the distribution specification has it.
  http::Response Send(const std::string& method, const std::string& url, const std::string& body,
                      const std::string& type) {
    http::Request request;
    request.method = method;
    request.url = url;
    request.body = body;
    request.headers = {{"Content-Type", type}};
    if (GetParam()) {
      request.headers.emplace_back("Authorization", oci::BasicAuthorization(Known()));
    }
    const auto response = registry_->transport()->Do(request, {});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : http::Response();
  }
  std::string Base() const { return absl::StrCat("http://", registry_->host(), "/v2/team/web"); }

  std::string PushBlob(const std::string& content) {
    const std::string start = absl::StrCat(Base(), "/blobs/uploads/");
    const http::Response begun = Send("POST", start, "", "application/octet-stream");
    EXPECT_EQ(begun.status, 202) << begun.body;
    const auto place = oci::ResolveUrl(*oci::ParseUrl(start),
                                       http::FindHeader(begun.headers, "Location").value_or(""));
    EXPECT_TRUE(place.ok());
    const std::string digest = oci::Sha256Of(content);
    const http::Response put =
        Send("PUT", absl::StrCat(place->Text(), "&digest=", oci::PercentEncoded(digest)), content,
             "application/octet-stream");
    EXPECT_EQ(put.status, 201) << put.body;
    return digest;
  }
  // An empty reference: by its digest.
  std::string PushManifest(const std::string& reference, const Json& manifest,
                           const std::string& type) {
    const std::string text = DumpJson(manifest);
    const std::string digest = oci::Sha256Of(text);
    const http::Response put =
        Send("PUT", absl::StrCat(Base(), "/manifests/", reference.empty() ? digest : reference),
             text, type);
    EXPECT_EQ(put.status, 201) << put.body;
    return digest;
  }
  Json Part(const std::string& type, const std::string& content) {
    return {{"mediaType", type}, {"digest", PushBlob(content)}, {"size", content.size()}};
  }
  std::string PushImage(const std::string& reference, const std::string& architecture,
                        const std::string& type = oci::kOciManifest) {
    const Json config = {{"os", "linux"},
                         {"architecture", architecture},
                         {"created", "2024-01-02T03:04:05Z"},
                         {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}}};
    const bool docker = type == oci::kDockerManifest;
    return PushManifest(
        reference,
        {{"schemaVersion", 2},
         {"mediaType", type},
         {"config", Part(docker ? "application/vnd.docker.container.image.v1+json" : kConfigType,
                         DumpJson(config))},
         {"layers", Json::array()}},
        type);
  }
  std::string PushIndex(const std::string& reference, const std::string& type) {
    Json manifests = Json::array();
    const char* const part_type = type == oci::kOciIndex ? oci::kOciManifest : oci::kDockerManifest;
    for (const char* architecture : {"amd64", "arm64"}) {
      const std::string digest = PushImage("", architecture, part_type);
      manifests.push_back({{"mediaType", part_type},
                           {"digest", digest},
                           {"size", 400},
                           {"platform", {{"os", "linux"}, {"architecture", architecture}}}});
    }
    return PushManifest(
        reference, {{"schemaVersion", 2}, {"mediaType", type}, {"manifests", manifests}}, type);
  }

  oci::Reference Ref(const std::string& suffix = "") const {
    return *oci::ParseReference(absl::StrCat(registry_->host(), "/team/web", suffix));
  }
  static absl::Time Deadline() { return absl::Now() + absl::Seconds(30); }

  std::unique_ptr<ContractRegistry> registry_;
  std::unique_ptr<oci::Client> client_;
};

TEST_P(RegistryContractTest, ListsTags) {
  for (const char* tag : {"1.10", "latest", "1.9"}) PushImage(tag, "amd64");
  const auto tags = client_->ListTags(Ref(), Deadline(), {});
  ASSERT_TRUE(tags.ok()) << tags.status();
  EXPECT_THAT(tags->tags, ElementsAre("1.10", "1.9", "latest"));
}

TEST_P(RegistryContractTest, AnUnknownRepositoryIsNotFound) {
  const auto tags = client_->ListTags(Ref(), Deadline(), {});
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(tags.status().message()), HasSubstr("has no such repository"));
}

TEST_P(RegistryContractTest, ManifestsOfAllTypesAreRead) {
  const std::vector<std::pair<std::string, std::string>> images = {
      {oci::kOciManifest, PushImage("a", "amd64")},
      {oci::kDockerManifest, PushImage("b", "amd64", oci::kDockerManifest)},
      {oci::kOciIndex, PushIndex("c", oci::kOciIndex)},
      {oci::kDockerManifestList, PushIndex("d", oci::kDockerManifestList)}};
  std::string tag = "a";
  for (const auto& [type, digest] : images) {
    for (const std::string& suffix : {":" + tag, "@" + digest}) {
      const auto head = client_->Head(Ref(suffix), Deadline(), {});
      ASSERT_TRUE(head.ok()) << type << head.status();
      EXPECT_EQ(head->digest, digest);
      EXPECT_EQ(head->media_type, type);
      const auto manifest = client_->GetManifest(Ref(suffix), Deadline(), {});
      ASSERT_TRUE(manifest.ok()) << type << manifest.status();
      EXPECT_EQ(manifest->digest, digest);
      EXPECT_EQ(manifest->media_type, type);
    }
    ++tag[0];
  }
}

TEST_P(RegistryContractTest, WhatIsNotThereIsNotFound) {
  PushImage("1", "amd64");
  const std::string digest = "sha256:" + std::string(64, '0');
  const auto manifest = client_->GetManifest(Ref(":2"), Deadline(), {});
  EXPECT_EQ(manifest.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(manifest.status().message()), HasSubstr("has no such image"));
  EXPECT_EQ(client_->Head(Ref(":2"), Deadline(), {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(client_->Head(Ref("@" + digest), Deadline(), {}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(client_->GetBlob(Ref(), digest, 10, Deadline(), {}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_P(RegistryContractTest, BlobsAreReadUpToALimit) {
  const std::string digest = PushBlob("0123456789");
  EXPECT_EQ(*client_->GetBlob(Ref(), digest, 10, Deadline(), {}), "0123456789");
  EXPECT_EQ(client_->GetBlob(Ref(), digest, 9, Deadline(), {}).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_P(RegistryContractTest, ReferrersAreFoundByTheirTag) {
  const std::string digest = PushImage("1", "amd64");
  EXPECT_THAT(*client_->Referrers(Ref(), digest, "", Deadline(), {}), IsEmpty());
  const std::string other = PushImage("", "arm64");
  PushManifest(oci::TagOfDigest(digest),
               {{"schemaVersion", 2},
                {"mediaType", oci::kOciIndex},
                {"manifests", std::vector<Json>{{{"mediaType", oci::kOciManifest},
                                                 {"digest", other},
                                                 {"size", 400},
                                                 {"artifactType", "a/b"}}}}},
               oci::kOciIndex);
  EXPECT_THAT(*client_->Referrers(Ref(), digest, "a/b", Deadline(), {}), SizeIs(1));
  EXPECT_THAT(*client_->Referrers(Ref(), digest, "c/d", Deadline(), {}), IsEmpty());
}

TEST_P(RegistryContractTest, ImagesAreDescribed) {
  const std::string digest = PushIndex("1", oci::kOciIndex);
  const auto image =
      oci::DescribeImage(*client_, Ref(":1"), *oci::ParsePlatform("linux/arm64"), Deadline(), {});
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->digest, digest);
  EXPECT_THAT(image->platforms, ElementsAre("linux/amd64", "linux/arm64"));
  EXPECT_EQ(image->created, absl::FromUnixSeconds(1704164645));
}

TEST_P(RegistryContractTest, SignaturesAreVerified) {
  const oci::TestKey key = oci::TestKey::Ec("P-256");
  const auto parsed = oci::PublicKey::Parse(key.PublicPem());
  const std::string digest = PushImage("1", "amd64");
  const auto verify = [&] {
    return oci::VerifySignature(*client_, Ref("@" + digest), *parsed, Deadline(), {});
  };
  EXPECT_EQ(verify().code(), absl::StatusCode::kNotFound);
  const std::string claim = DumpJson({{"critical",
                                       {{"identity", {{"docker-reference", ""}}},
                                        {"image", {{"docker-manifest-digest", digest}}},
                                        {"type", "cosign container image signature"}}}});
  Json layer = Part("application/vnd.dev.cosign.simplesigning.v1+json", claim);
  layer["annotations"] = {
      {"dev.cosignproject.cosign/signature", absl::Base64Escape(key.Sign(claim))}};
  PushManifest(oci::TagOfDigest(digest) + ".sig",
               {{"schemaVersion", 2},
                {"mediaType", oci::kOciManifest},
                {"config", Part(kConfigType, "{}")},
                {"layers", std::vector<Json>{layer}}},
               oci::kOciManifest);
  EXPECT_TRUE(verify().ok()) << verify();
  const auto other = oci::PublicKey::Parse(oci::TestKey::Ec("P-256").PublicPem());
  EXPECT_EQ(oci::VerifySignature(*client_, Ref("@" + digest), *other, Deadline(), {}).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(RegistryContractTest, PasswordsAreAskedForOrNot) {
  PushImage("1", "amd64");
  const auto wrong =
      ClientWith({.username = kContractUser, .password = "wrong"})->Head(Ref(":1"), Deadline(), {});
  const auto none = ClientWith({})->ListTags(Ref(), Deadline(), {});
  if (!GetParam()) {
    EXPECT_TRUE(wrong.ok()) << wrong.status();
    EXPECT_TRUE(none.ok()) << none.status();
    return;
  }
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("refused the credentials"));
  EXPECT_EQ(none.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("none are known (HTTP 401 UNAUTHORIZED: authentication required)"));
}

INSTANTIATE_TEST_SUITE_P(, RegistryContractTest, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& with_password) {
                           return with_password.param ? "WithPassword" : "Open";
                         });

}  // namespace
}  // namespace delivery::testing
