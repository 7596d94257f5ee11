#include "provider/oci/cosign.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/oci/client_fixture.h"
#include "provider/oci/digest.h"
#include "provider/oci/test_keys.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPayload[] = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr char kArtifact[] = "application/vnd.dev.cosign.artifact.sig.v1+json";

class CosignTest : public ClientTest {
 protected:
  CosignTest() { digest_ = registry_->AddImage("team/web", "1"); }

  absl::Status Verify(const TestKey& key) {
    return VerifySignature(client(), Ref(absl::StrCat(kWeb, ":1@", digest_)),
                           *PublicKey::Parse(key.PublicPem()), Deadline(), {});
  }
  absl::Status Verify() { return Verify(key_); }

  static std::string Claim(const std::string& digest, const std::string& reference = "x") {
    return DumpJson({{"critical",
                      {{"identity", {{"docker-reference", reference}}},
                       {"image", {{"docker-manifest-digest", digest}}},
                       {"type", "cosign container image signature"}}},
                     {"optional", nullptr}});
  }
  Json Layer(const std::string& payload, const std::string& signature) {
    return {
        {"mediaType", kPayload},
        {"digest", registry_->AddBlob("team/web", payload)},
        {"annotations", {{"dev.cosignproject.cosign/signature", absl::Base64Escape(signature)}}}};
  }
  Json Signed(const std::string& payload) { return Layer(payload, key_.Sign(payload)); }
  std::string Tag() const { return TagOfDigest(digest_) + ".sig"; }
  Json Manifest(const std::vector<Json>& layers) {
    const std::string config = registry_->AddBlob("team/web", "{}");
    return {{"schemaVersion", 2},
            {"config", {{"mediaType", kArtifact}, {"digest", config}}},
            {"layers", layers}};
  }
  void Attach(const std::vector<Json>& layers) {
    registry_->AddManifest("team/web", Tag(), Manifest(layers), kOciManifest);
  }

  const TestKey key_ = TestKey::Ec("P-256");
  std::string digest_;
};

TEST_F(CosignTest, AcceptsASignatureOfTheKey) {
  Attach({Signed(Claim(digest_))});
  EXPECT_TRUE(Verify().ok()) << Verify();
  EXPECT_EQ(registry_->Count("GET", "/referrers/"), 0U);
}

TEST_F(CosignTest, OneGoodSignatureSuffices) {
  const TestKey other = TestKey::Rsa(2048);
  const std::string claim = Claim(digest_);
  Attach({{{"mediaType", kPayload}, {"digest", digest_}},
          Layer(claim, other.Sign(claim)),
          Signed(claim)});
  EXPECT_TRUE(Verify().ok()) << Verify();
  EXPECT_TRUE(Verify(other).ok());
}

TEST_F(CosignTest, FindsSignaturesThatRefer) {
  for (const bool api : {true, false}) {
    registry_->Change([api](Settings& settings) { settings.has_referrers_api = api; });
    Json manifest = Manifest({Signed(Claim(digest_))});
    manifest["subject"] = {{"digest", digest_}};
    const std::string signature = registry_->AddManifest("team/web", "", manifest, kOciManifest);
    registry_->AddManifest(
        "team/web", TagOfDigest(digest_),
        {{"schemaVersion", 2},
         {"manifests",
          {{{"mediaType", kOciManifest}, {"digest", signature}, {"artifactType", kArtifact}}}}},
        kOciIndex);
    EXPECT_TRUE(Verify().ok()) << Verify();
  }
}

TEST_F(CosignTest, NothingThereIsNotSigned) {
  const absl::Status status = Verify();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(absl::StrCat(kWeb, ":1@", digest_)), HasSubstr("is not signed")));
}

TEST_F(CosignTest, OtherLayersAreNoSignatures) {
  Attach({{{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
           {"digest", digest_},
           {"annotations", {{"dev.cosignproject.cosign/signature", "AAAA"}}}}});
  EXPECT_EQ(Verify().code(), absl::StatusCode::kNotFound);
}

TEST_F(CosignTest, SignaturesInBundlesAreMentioned) {
  registry_->Change([](Settings& settings) { settings.has_referrers_api = true; });
  Json manifest = Manifest({});
  manifest["subject"] = {{"digest", digest_}};
  manifest["artifactType"] = "application/vnd.dev.sigstore.bundle.v0.3+json";
  registry_->AddManifest("team/web", "", manifest, kOciManifest);
  EXPECT_EQ(Verify().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Verify().message()), HasSubstr("bundle format"));
}

TEST_F(CosignTest, RefusesEachKindOfBadSignature) {
  const std::string claim = Claim(digest_);
  const std::string other = Claim("sha256:" + std::string(64, '0'));
  const std::string wrong_type = DumpJson({{"critical",
                                            {{"image", {{"docker-manifest-digest", digest_}}},
                                             {"type", "atomic container signature"}}}});
  Json no_base64 = Signed(claim);
  no_base64["annotations"]["dev.cosignproject.cosign/signature"] = "%%%";
  Json no_annotation = Signed(claim);
  no_annotation.erase("annotations");
  Json no_payload = Signed(claim);
  no_payload["digest"] = "sha256:" + std::string(64, '1');
  const std::vector<std::pair<Json, std::string>> cases = {
      {Layer(claim, TestKey::Ec("P-256").Sign(claim)), "made with another key"},
      {Layer(claim + " ", key_.Sign(claim)), "or changed afterwards"},
      {Signed(other), "a signature of another image, sha256:0000"},
      {Signed(wrong_type), "no claim about an image"},
      {Signed("garbage"), "not JSON"},
      {no_base64, "no signature in base64"},
      {no_annotation, "no signature in base64"},
      {no_payload, "payload is missing"},
      {Signed(claim + std::string(64 * 1024, ' ')), "too large"},
  };
  for (const auto& [layer, message] : cases) {
    Attach({layer});
    const absl::Status status = Verify();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << message;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("is signed, but no signature holds"), HasSubstr(message)));
  }
}

TEST_F(CosignTest, AChangedPayloadIsNoticed) {
  const Json layer = Signed(Claim(digest_));
  Attach({layer});
  const std::string blob = GetString(layer, "digest");
  registry_->Intercept([blob](const http::Request& request) -> std::optional<http::Response> {
    if (!absl::StrContains(request.url, blob)) return std::nullopt;
    return http::Response{200, {}, "changed"};
  });
  EXPECT_EQ(Verify().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Verify().message()), HasSubstr("changed in the registry"));
}

TEST_F(CosignTest, MalformedManifestsAreBadSignatures) {
  registry_->AddManifest("team/web", Tag(), {{"schemaVersion", 2}, {"config", 1}}, kOciManifest);
  EXPECT_EQ(Verify().code(), absl::StatusCode::kFailedPrecondition);
  registry_->AddManifest("team/web", Tag(), {{"odd", 1}}, "text/plain");
  EXPECT_EQ(Verify().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CosignTest, TheNameInTheClaimDoesNotCount) {
  Attach({Signed(Claim(digest_, "registry.example.com/somebody/else"))});
  EXPECT_TRUE(Verify().ok());
}

TEST_F(CosignTest, OnlyTheFirstFiftyAreChecked) {
  const std::string claim = Claim(digest_);
  std::vector<Json> layers;
  for (int i = 0; i < 50; ++i) layers.push_back(Layer(claim, "bad"));
  layers.push_back(Signed(claim));
  Attach(layers);
  EXPECT_THAT(std::string(Verify().message()), HasSubstr("only the first 50"));
  layers.erase(layers.begin());
  Attach(layers);
  EXPECT_TRUE(Verify().ok());
}

TEST_F(CosignTest, WhatCannotBeReadIsNoVerdict) {
  Attach({Signed(Claim(digest_))});
  for (const auto& [part, response, code] :
       std::vector<std::tuple<std::string, http::Response, absl::StatusCode>>{
           {".sig", {403, {}, ""}, absl::StatusCode::kPermissionDenied},
           {"/blobs/", {503, {}, ""}, absl::StatusCode::kUnavailable},
           {"/blobs/", {302, {{"Location", "http://x/"}}, ""}, absl::StatusCode::kUnavailable}}) {
    registry_->Intercept([part = part, response = response](
                             const http::Request& request) -> std::optional<http::Response> {
      if (!absl::StrContains(request.url, part)) return std::nullopt;
      return response;
    });
    const absl::Status status = Verify();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be checked"));
  }
}

TEST_F(CosignTest, ADigestIsNeeded) {
  EXPECT_EQ(VerifySignature(client(), Ref(absl::StrCat(kWeb, ":1")),
                            *PublicKey::Parse(key_.PublicPem()), Deadline(), {})
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace delivery::oci
