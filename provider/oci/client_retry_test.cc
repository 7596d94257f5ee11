// Repetitions, redirects, and what TLS failures are made of.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/http/scripted_transport.h"
#include "provider/oci/client_fixture.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const http::Response kTags = {200, {}, R"({"tags": ["1"]})"};

TEST_F(ClientTest, WaitsAsLongAsTheServerAsks) {
  AnswerInOrder({{429, {{"Retry-After", "20"}}, ""}, {503, {{"Retry-After", "5"}}, ""}, kTags});
  const absl::Time start = clock_.Now();
  ASSERT_TRUE(Tags().ok());
  EXPECT_GE(clock_.Now() - start, absl::Seconds(25));
  EXPECT_LT(clock_.Now() - start, absl::Seconds(30));
  EXPECT_THAT(registry_->requests(), SizeIs(3));
}

TEST_F(ClientTest, ALimitBeyondTheDeadlineEndsAtOnce) {
  AnswerAlways({429,
                {{"Retry-After", "3600"}},
                R"({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]})"});
  const absl::Time start = clock_.Now();
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Message(tags), AllOf(HasSubstr("TOOMANYREQUESTS"), HasSubstr("wait")));
  EXPECT_EQ(clock_.Now(), start);
  EXPECT_THAT(registry_->requests(), SizeIs(1));
}

TEST_F(ClientTest, GivesUpAtTheDeadline) {
  AnswerAlways({503, {}, ""});
  const absl::Time start = clock_.Now();
  EXPECT_EQ(Tags().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_GT(clock_.Now() - start, absl::Seconds(40));
  EXPECT_LE(clock_.Now() - start, absl::Minutes(1));
  for (const http::Request& request : registry_->requests()) {
    EXPECT_LE(request.timeout, absl::Minutes(1));
  }
}

TEST_F(ClientTest, A500IsRepeatedAFewTimes) {
  AnswerAlways({500, {}, ""});
  EXPECT_EQ(Tags().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(registry_->requests(), SizeIs(4));
}

// A client of a transport that follows a script.
class ScriptedClientTest : public ClientTest {
 protected:
  ScriptedClientTest() { Use(options_); }
  void Use(const ClientOptions& options) {
    client_ = std::make_unique<Client>(
        options, credentials_,
        [this](const http::TransportOptions& transport) {
          transports_.push_back(transport);
          return script_;
        },
        clock_);
  }
  const std::shared_ptr<http::ScriptedTransport> script_ =
      std::make_shared<http::ScriptedTransport>();
};

TEST_F(ScriptedClientTest, LostConnectionsAreRepeated) {
  script_->ThenFail(absl::UnavailableError("connection was lost"));
  script_->ThenText(200, kTags.body);
  EXPECT_TRUE(Tags().ok());
}

TEST_F(ScriptedClientTest, AHostThatNeverAnswersIsGivenUpSoon) {
  for (int i = 0; i < 100; ++i) script_->ThenFail(absl::UnavailableError("cannot connect"));
  const absl::Time start = clock_.Now();
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(tags),
              AllOf(HasSubstr("registry.example.com/team/web"), HasSubstr("cannot connect")));
  EXPECT_LT(clock_.Now() - start, absl::Seconds(20));
}

TEST_F(ScriptedClientTest, TimeoutsAreNotRepeated) {
  script_->ThenFail(absl::DeadlineExceededError("no answer"));
  EXPECT_EQ(Tags().status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(script_->requests(), SizeIs(1));
}

TEST_F(ScriptedClientTest, AServerWithoutTlsLeadsToPlainHttp) {
  script_->ThenFail(absl::UnavailableError("localhost:5000 does not speak TLS (x)"));
  const auto tags = Tags("localhost:5000/web");
  EXPECT_THAT(Message(tags), HasSubstr("plain_http = true in a registry block for localhost:5000"));
  EXPECT_THAT(script_->requests(), SizeIs(1));
}

TEST_F(ScriptedClientTest, AnUnknownCertificateLeadsToItsAuthority) {
  script_->ThenFail(absl::UnauthenticatedError("certificate is not trusted"));
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(tags), HasSubstr("ca_certificate in a registry block for registry.example"));
  EXPECT_THAT(script_->requests(), SizeIs(1));
}

TEST_F(ScriptedClientTest, OtherHostsAreTrustedAsTheRegistryOrAsTheSystemDoes) {
  ClientOptions options;
  options.hosts["registry.example.com"].ca_certificate_pem = "own CA";
  Use(options);
  script_->ThenText(307, "", {{"Location", "https://storage.example.com/x"}});
  script_->ThenFail(absl::UnauthenticatedError("certificate is not trusted"));
  script_->ThenText(200, kTags.body);
  EXPECT_TRUE(Tags().ok());
  ASSERT_THAT(transports_, SizeIs(2));
  EXPECT_EQ(transports_[0].ca_certificate_pem, "own CA");
  EXPECT_EQ(transports_[1].ca_certificate_pem, "");
  // The registry itself has one trust only.
  script_->ThenFail(absl::UnauthenticatedError("certificate is not trusted"));
  EXPECT_FALSE(Tags().ok());
  EXPECT_THAT(script_->requests(), SizeIs(4));
}

TEST_F(ClientTest, RedirectsAreFollowedWithoutCredentials) {
  registry_->Change([](Settings& settings) {
    settings.user = "u";
    settings.password = "pass-word";
    settings.storage = "https://storage.example.com";
  });
  credentials_->answer = Credential{.username = "u", .password = "pass-word"};
  const std::string digest = registry_->AddBlob("team/web", "content");
  const auto blob = Blob(digest);
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(*blob, "content");
  const auto last = registry_->requests().back();
  EXPECT_TRUE(absl::StartsWith(last.url, "https://storage.example.com/"));
  EXPECT_EQ(AuthorizationOf(last), "");
}

// Redirects all manifests to `location`, remembering who came there with what.
class RedirectTest : public ClientTest {
 protected:
  void RedirectTo(const std::string& location) {
    registry_->Change([](Settings& settings) {
      settings.user = "u";
      settings.password = "pass-word";
    });
    credentials_->answer = Credential{.username = "u", .password = "pass-word"};
    registry_->Intercept([location](const http::Request& request) -> std::optional<http::Response> {
      const bool asked =
          absl::StrContains(request.url, "/manifests/") && !AuthorizationOf(request).empty();
      if (!asked) return std::nullopt;
      return http::Response{302, {{"Location", location}}, ""};
    });
  }
};

TEST_F(RedirectTest, AnotherPortIsAnotherHost) {
  RedirectTo("https://registry.example.com:8443/x");
  EXPECT_FALSE(Get("registry.example.com/team/web:1").ok());
  EXPECT_EQ(registry_->requests().back().url, "https://registry.example.com:8443/x");
  EXPECT_EQ(AuthorizationOf(registry_->requests().back()), "");
}

TEST_F(RedirectTest, TheSameHostGetsCredentials) {
  RedirectTo("/v2/other/blobs/x");
  EXPECT_FALSE(Get("registry.example.com/team/web:1").ok());
  EXPECT_EQ(registry_->requests().back().url, "https://registry.example.com/v2/other/blobs/x");
  EXPECT_NE(AuthorizationOf(registry_->requests().back()), "");
}

TEST_F(RedirectTest, NeverFromHttpsToHttp) {
  RedirectTo("http://registry.example.com/x?key=hunter2");
  const auto manifest = Get("registry.example.com/team/web:1");
  EXPECT_EQ(manifest.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(manifest), AllOf(HasSubstr("from https to http"), Not(HasSubstr("hunter2"))));
  EXPECT_EQ(registry_->Count("GET", "http://"), 0U);
}

TEST_F(RedirectTest, NotWithoutEnd) {
  RedirectTo("/v2/team/web/manifests/again");
  const auto manifest = Get("registry.example.com/team/web:1");
  EXPECT_THAT(Message(manifest), HasSubstr("more than 5 times"));
  EXPECT_EQ(registry_->requests().size(), 1U + 6U);
}

TEST_F(RedirectTest, MustSayWhereTo) {
  RedirectTo("ftp://x/");
  EXPECT_EQ(Get("registry.example.com/team/web:1").status().code(), absl::StatusCode::kDataLoss);
  AnswerAlways({302, {}, ""});
  EXPECT_EQ(Get("registry.example.com/team/web:1").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RedirectTest, ARefusalElsewhereIsNoQuestionForCredentials) {
  registry_->Intercept([](const http::Request& request) {
    if (absl::StrContains(request.url, "registry.example.com")) {
      return http::Response{307, {{"Location", "https://evil.example.com/x"}}, ""};
    }
    return http::Response{
        401, {{"WWW-Authenticate", "Bearer realm=\"https://evil.example.com/token\""}}, ""};
  });
  credentials_->answer = Credential{.username = "u", .password = "pass-word"};
  const auto manifest = Get("registry.example.com/team/web:1");
  EXPECT_EQ(manifest.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(manifest), HasSubstr("evil.example.com"));
  EXPECT_EQ(registry_->requests().size(), 2U);
  EXPECT_EQ(credentials_->asked, 0);
}

}  // namespace
}  // namespace delivery::oci
