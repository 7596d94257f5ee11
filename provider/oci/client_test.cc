// What the client reads, and what it makes of refusals and nonsense.
#include "provider/oci/client.h"

#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/oci/client_fixture.h"
#include "provider/oci/digest.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kNoDigest = "sha256:" + std::string(64, '0');

TEST_F(ClientTest, HeadTellsDigestAndType) {
  const std::string digest = registry_->AddImage("team/web", "1.0");
  const auto head = Head("registry.example.com/team/web:1.0");
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->digest, digest);
  EXPECT_EQ(head->media_type, kOciManifest);
  EXPECT_EQ(registry_->Count("HEAD", "https://registry.example.com/v2/team/web/manifests/1.0"), 1U);
  EXPECT_EQ(registry_->requests().size(), 1U);
  EXPECT_THAT(http::FindHeader(registry_->requests()[0].headers, "Accept").value_or(""),
              AllOf(HasSubstr(kOciIndex), HasSubstr(kOciManifest), HasSubstr(kDockerManifestList),
                    HasSubstr(kDockerManifest)));
  EXPECT_EQ(Head(absl::StrCat(kWeb, "@", digest))->digest, digest);
}

TEST_F(ClientTest, TheDigestIsAskedForWhereBothAreGiven) {
  const std::string digest = registry_->AddImage("team/web", "1.0");
  EXPECT_TRUE(Get(absl::StrCat(kWeb, ":other@", digest)).ok());
}

TEST_F(ClientTest, HeadComputesADigestThatIsNotTold) {
  const std::string digest = registry_->AddImage("team/web", "1.0");
  registry_->Change([](Settings& settings) { settings.tells_digests = false; });
  EXPECT_EQ(Head("registry.example.com/team/web:1.0")->digest, digest);
  EXPECT_EQ(registry_->Count("GET", "/manifests/1.0"), 1U);
}

TEST_F(ClientTest, HeadUsesGetWhereHeadIsNotAllowed) {
  const std::string digest = registry_->AddImage("team/web", "1.0");
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (request.method == "HEAD") return http::Response{405, {}, ""};
    return std::nullopt;
  });
  EXPECT_EQ(Head("registry.example.com/team/web:1.0")->digest, digest);
}

TEST_F(ClientTest, DockerHubIsElsewhere) {
  registry_->Change([](Settings& settings) { settings.host = "registry-1.docker.io"; });
  registry_->AddImage("library/nginx", "1.25");
  EXPECT_TRUE(Head("nginx:1.25").ok());
  EXPECT_EQ(registry_->Count("HEAD", "https://registry-1.docker.io/v2/library/nginx/"), 1U);
}

TEST_F(ClientTest, PlainHttpOnlyWhereAskedFor) {
  registry_->Change([](Settings& settings) { settings.host = "localhost:5000"; });
  registry_->AddImage("web", "1");
  options_.hosts["Localhost:5000"].plain_http = true;
  EXPECT_TRUE(Head("localhost:5000/web:1").ok());
  EXPECT_EQ(registry_->Count("HEAD", "http://localhost:5000/v2/web/manifests/1"), 1U);
  EXPECT_FALSE(Head("127.0.0.1:5000/web:1").ok());
  EXPECT_EQ(registry_->Count("HEAD", "https://127.0.0.1:5000/"), 1U);
}

TEST_F(ClientTest, HostsAreTrustedAsTold) {
  options_.hosts["registry.example.com"].ca_certificate_pem = "the CA";
  options_.hosts["insecure.example.com"].insecure = true;
  (void)Head("registry.example.com/a:1");
  (void)Head("insecure.example.com/a:1");
  (void)Head("other.example.com/a:1");
  (void)Head("registry.example.com/b:1");
  ASSERT_THAT(transports_, SizeIs(3));
  EXPECT_EQ(transports_[0].ca_certificate_pem, "the CA");
  EXPECT_FALSE(transports_[0].insecure);
  EXPECT_TRUE(transports_[1].insecure);
  EXPECT_EQ(transports_[2].ca_certificate_pem, "");
  EXPECT_FALSE(transports_[2].insecure);
}

TEST_F(ClientTest, ManifestsAreReadWithTheirTypes) {
  const Json index = {{"schemaVersion", 2}, {"manifests", Json::array()}};
  const std::string digest =
      registry_->AddManifest("team/web", "list", index, "application/json; charset=utf-8");
  const auto manifest = Get("registry.example.com/team/web:list");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->digest, digest);
  EXPECT_EQ(manifest->media_type, kOciIndex);
  EXPECT_EQ(manifest->content, DumpJson(index));
}

TEST_F(ClientTest, Schema1IsRefused) {
  AnswerAlways(
      {200, {{"Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws"}}, "{}"});
  for (const absl::Status& status :
       {Get("registry.example.com/a:1").status(), Head("registry.example.com/a:1").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("schema 1"));
  }
}

TEST_F(ClientTest, WrongDigestsAreNoticed) {
  const std::string image = absl::StrCat(kWeb, "@", kNoDigest);
  AnswerAlways({200, {{"Content-Type", kOciManifest}}, "{\"other\": 1}"});
  const auto by_digest = Get(image);
  EXPECT_EQ(by_digest.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(by_digest), HasSubstr(kNoDigest));
  EXPECT_EQ(Blob(kNoDigest).status().code(), absl::StatusCode::kDataLoss);
  AnswerAlways({200,
                {{"Content-Type", kOciManifest}, {"Docker-Content-Digest", kNoDigest}},
                "{\"other\": 1}"});
  EXPECT_EQ(Get("registry.example.com/a:1").status().code(), absl::StatusCode::kDataLoss);
  AnswerAlways({200, {{"Docker-Content-Digest", Sha256Of("other")}}, ""});
  EXPECT_EQ(Head(image).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ClientTest, GarbageIsDataLoss) {
  AnswerAlways({200, {{"Content-Type", "text/html"}}, "<html>Please log in</html>"});
  EXPECT_EQ(Get("registry.example.com/a:1").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Tags().status().code(), absl::StatusCode::kDataLoss);
  AnswerAlways({204, {}, ""});
  EXPECT_EQ(Head("registry.example.com/a:1").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ClientTest, BlobsAreVerifiedAndBounded) {
  const std::string digest = registry_->AddBlob("team/web", "0123456789");
  EXPECT_EQ(*Blob(digest, 10), "0123456789");
  const auto large = Blob(digest, 9);
  EXPECT_EQ(large.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(Message(large), HasSubstr("larger than 9 bytes"));
  const std::string huge = registry_->AddBlob("team/web", std::string(100'000, 'x'));
  EXPECT_EQ(Blob(huge, 9).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*Blob(huge, 100'000), std::string(100'000, 'x'));
  EXPECT_EQ(Blob(kNoDigest, 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Blob(kNoDigest).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Blob("sha256:../../x").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, ReferencesMustSayWhatIsMeant) {
  EXPECT_EQ(Head("registry.example.com/a").status().code(), absl::StatusCode::kInvalidArgument);
  Reference odd = Ref("registry.example.com/a:1");
  odd.tag = "../x";
  EXPECT_EQ(client().Head(odd, Deadline(), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(registry_->requests(), IsEmpty());
}

TEST_F(ClientTest, RefusalsSayWhatToDo) {
  struct Case {
    http::Response response;
    absl::StatusCode code;
    std::vector<std::string> parts;
  };
  const auto error = [](int status, const std::string& code, const std::string& message) {
    return http::Response{
        status, {}, DumpJson({{"errors", {{{"code", code}, {"message", message}}}}})};
  };
  const std::vector<Case> cases = {
      {error(401, "UNAUTHORIZED", "authentication required"),
       absl::StatusCode::kUnauthenticated,
       {"HTTP 401 UNAUTHORIZED: authentication required", "none are known",
        "docker login registry.example.com"}},
      {error(403, "DENIED", "no"), absl::StatusCode::kPermissionDenied, {"HTTP 403 DENIED: no"}},
      {error(404, "NAME_UNKNOWN", "unknown"),
       absl::StatusCode::kNotFound,
       {"has no such repository"}},
      {error(404, "MANIFEST_UNKNOWN", "unknown"),
       absl::StatusCode::kNotFound,
       {"has no such image"}},
      {{404, {}, "404 page not found"}, absl::StatusCode::kNotFound, {"does not have it", "404"}},
      {error(400, "UNSUPPORTED", "x"),
       absl::StatusCode::kFailedPrecondition,
       {"is it a container registry?"}},
      {{400, {}, "Client sent an HTTP request to an HTTPS server.\n"},
       absl::StatusCode::kFailedPrecondition,
       {"remove plain_http"}},
      {{304, {}, ""}, absl::StatusCode::kDataLoss, {"HTTP 304"}},
  };
  for (const Case& each : cases) {
    AnswerAlways(each.response);
    for (const absl::Status& status : {Tags().status(), Get(absl::StrCat(kWeb, ":1")).status()}) {
      EXPECT_EQ(status.code(), each.code) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("registry.example.com/team/web"));
      for (const std::string& part : each.parts) {
        EXPECT_THAT(std::string(status.message()), HasSubstr(part));
      }
    }
  }
}

TEST_F(ClientTest, MessagesOfRegistriesAreShortCleanAndWithoutSecrets) {
  RegisterSecret("hunter2hunter2");
  AnswerAlways(
      {403,
       {},
       DumpJson({{"errors",
                  {{{"code", "DENIED"},
                    {"message", "a\n\x1b[31mhunter2hunter2" + std::string(5000, 'x')}}}}})});
  const std::string message = Message(Tags());
  EXPECT_LT(message.size(), 700U);
  EXPECT_THAT(message, AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr("\n")),
                             Not(HasSubstr("\x1b")), HasSubstr("xxx...")));
}

TEST_F(ClientTest, ReferrersComeFromTheApi) {
  registry_->Change([](Settings& settings) { settings.has_referrers_api = true; });
  const std::string digest = registry_->AddImage("team/web", "1");
  const auto refer = [&](const std::string& type) {
    return registry_->AddManifest("team/web", "",
                                  {{"config", {{"mediaType", "x"}, {"digest", kNoDigest}}},
                                   {"artifactType", type},
                                   {"subject", {{"digest", digest}}}},
                                  kOciManifest);
  };
  const std::string wanted = refer("a/wanted+json");
  refer("b/other");
  const auto found = client().Referrers(Ref(kWeb), digest, "a/wanted+json", Deadline(), {});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ((*found)[0].digest, wanted);
  EXPECT_THAT(*client().Referrers(Ref(kWeb), digest, "", Deadline(), {}), SizeIs(2));
  EXPECT_EQ(registry_->Count("GET", "?artifactType=a%2Fwanted%2Bjson"), 1U);
}

TEST_F(ClientTest, ReferrersComeFromTheTagWithoutTheApi) {
  const std::string digest = registry_->AddImage("team/web", "1");
  EXPECT_THAT(*client().Referrers(Ref(kWeb), digest, "", Deadline(), {}), IsEmpty());
  registry_->AddManifest(
      "team/web", TagOfDigest(digest),
      {{"schemaVersion", 2},
       {"manifests",
        {{{"mediaType", kOciManifest}, {"digest", kNoDigest}, {"artifactType", "a"}},
         {{"mediaType", kOciManifest}, {"digest", digest}, {"artifactType", "b"}}}}},
      kOciIndex);
  EXPECT_THAT(*client().Referrers(Ref(kWeb), digest, "a", Deadline(), {}), SizeIs(1));
  EXPECT_THAT(*client().Referrers(Ref(kWeb), digest, "", Deadline(), {}), SizeIs(2));
}

TEST_F(ClientTest, ReferrersHavePagesAndFiltersOfOurOwn) {
  const auto page = [](const std::string& type) {
    return DumpJson({{"manifests", {{{"digest", kNoDigest}, {"artifactType", type}}}}});
  };
  const std::pair<std::string, std::string> type = {"Content-Type", kOciIndex};
  AnswerInOrder(
      {{200, {type, {"Link", "</v2/next>; rel=next"}}, page("a")}, {200, {type}, page("b")}});
  EXPECT_THAT(*client().Referrers(Ref(kWeb), kNoDigest, "b", Deadline(), {}), SizeIs(1));
  EXPECT_EQ(registry_->requests().size(), 2U);
  AnswerAlways({200, {type, {"Link", "</v2/next>; rel=next"}}, page("a")});
  EXPECT_EQ(client().Referrers(Ref(kWeb), kNoDigest, "b", Deadline(), {}).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ClientTest, StoppedBeforeItStarts) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(client().ListTags(Ref(kWeb), Deadline(), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(client().ListTags(Ref(kWeb), clock_.Now(), {}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(registry_->requests(), IsEmpty());
}

}  // namespace
}  // namespace delivery::oci
