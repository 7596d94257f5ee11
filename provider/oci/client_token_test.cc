// Tokens: who gives them, to whom they go, and how often they are fetched.
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/oci/client_fixture.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(ClientAuthTest, AnonymousTokensWork) {
  UseTokens();
  EXPECT_TRUE(Tags().ok());
  const http::Request request = registry_->requests()[1];
  EXPECT_EQ(request.url,
            "https://auth.example.com/token?service=registry.example.com&"
            "scope=repository%3Ateam%2Fweb%3Apull&client_id=terraform-provider-delivery");
  EXPECT_EQ(AuthorizationOf(request), "");
}

TEST_F(ClientAuthTest, TheTokenServerGetsThePasswordAndTheRegistryTheToken) {
  UseBasic();
  UseTokens();
  ASSERT_TRUE(Tags().ok());
  const auto requests = registry_->requests();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_THAT(AuthorizationOf(requests[1]), HasSubstr("Basic "));
  EXPECT_THAT(requests[1].url, HasSubstr("&account=me&"));
  EXPECT_EQ(AuthorizationOf(requests[2]), "Bearer token-1");
}

TEST_F(ClientAuthTest, TheTokenIsForTheScopeThatTheRegistryNames) {
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (absl::StrContains(request.url, "/token")) {
      return http::Response{200, {}, R"({"token": "for-a-mirror"})"};
    }
    if (AuthorizationOf(request) == "Bearer for-a-mirror") return std::nullopt;
    return http::Response{
        401,
        {{"WWW-Authenticate",
          "Bearer realm=\"https://auth.example.com/token\",scope=\"repository:m/web:pull "
          "repository:base:pull\""}},
        ""};
  });
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(registry_->requests()[1].url,
            "https://auth.example.com/token?scope=repository%3Am%2Fweb%3Apull&"
            "scope=repository%3Abase%3Apull&client_id=terraform-provider-delivery");
}

TEST_F(ClientAuthTest, TokensAreKeptPerRepositoryUntilTheyExpire) {
  UseTokens(300);
  EXPECT_TRUE(Tags().ok());
  EXPECT_TRUE(Tags().ok());
  EXPECT_TRUE(Head(absl::StrCat(kWeb, ":1")).ok());
  EXPECT_EQ(TokenRequests(), 1U);
  EXPECT_TRUE(Tags("registry.example.com/team/api").ok());
  EXPECT_EQ(TokenRequests(), 2U);
  EXPECT_THAT(registry_->requests(), SizeIs(7));  // one 401 for the host, two tokens, four answers
  clock_.Advance(absl::Seconds(260));
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(TokenRequests(), 2U);
  clock_.Advance(absl::Seconds(20));
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(TokenRequests(), 3U);
}

TEST_F(ClientAuthTest, TokensOfUnknownLifeLastAMinute) {
  UseTokens();
  EXPECT_TRUE(Tags().ok());
  clock_.Advance(absl::Seconds(50));
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(TokenRequests(), 1U);
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(TokenRequests(), 2U);
}

TEST_F(ClientAuthTest, ARefusedTokenIsFetchedOnceMore) {
  UseTokens(300);
  EXPECT_TRUE(Tags().ok());
  registry_->ForgetTokens();
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(TokenRequests(), 2U);
  // And no more than once.
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (absl::StrContains(request.url, "auth.example.com")) return std::nullopt;
    return http::Response{
        401, {{"WWW-Authenticate", "Bearer realm=\"https://auth.example.com/token\""}}, ""};
  });
  EXPECT_EQ(Tags().status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(TokenRequests(), 3U);
}

TEST_F(ClientAuthTest, IdentityTokensAreExchangedByPost) {
  UseTokens();
  registry_->Change([](Settings& settings) {
    settings.user = "nobody";
    settings.identity_token = "identity/token+";
  });
  credentials_->answer = Credential{.username = "u", .identity_token = "identity/token+"};
  const auto tags = Tags();
  ASSERT_TRUE(tags.ok()) << tags.status();
  const http::Request post = registry_->requests()[1];
  EXPECT_EQ(post.method, "POST");
  EXPECT_EQ(post.url, "https://auth.example.com/token");
  EXPECT_EQ(post.body,
            "grant_type=refresh_token&service=registry.example.com&"
            "client_id=terraform-provider-delivery&scope=repository%3Ateam%2Fweb%3Apull&"
            "refresh_token=identity%2Ftoken%2B");
  EXPECT_EQ(http::FindHeader(post.headers, "Content-Type"), "application/x-www-form-urlencoded");
}

TEST_F(ClientAuthTest, RefusalsOfTheTokenServerSayWhose) {
  UseBasic();
  UseTokens();
  credentials_->answer = Credential{.username = "me", .password = "wrong-word"};
  const auto wrong = Tags();
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(wrong),
              AllOf(HasSubstr("auth.example.com of registry.example.com refused the credentials"),
                    HasSubstr("HTTP 401: wrong password"), Not(HasSubstr("wrong-word"))));
  credentials_->answer = Credential();
  EXPECT_THAT(Message(Tags()), HasSubstr("gives no token without credentials"));
}

TEST_F(ClientAuthTest, FailuresOfTheTokenServerAreTold) {
  UseTokens();
  const std::vector<std::pair<http::Response, absl::StatusCode>> cases = {
      {{200, {}, "<html>"}, absl::StatusCode::kDataLoss},
      {{302, {{"Location", "/x"}}, ""}, absl::StatusCode::kDataLoss},
      {{404, {}, ""}, absl::StatusCode::kFailedPrecondition},
      {{429, {{"Retry-After", "999"}}, ""}, absl::StatusCode::kResourceExhausted},
      {{500, {}, ""}, absl::StatusCode::kUnavailable},
  };
  for (const auto& [response, code] : cases) {
    registry_->Intercept(
        [answer = response](const http::Request& request) -> std::optional<http::Response> {
          if (!absl::StrContains(request.url, "auth.example.com")) return std::nullopt;
          return answer;
        });
    const auto tags = Tags();
    EXPECT_EQ(tags.status().code(), code) << tags.status();
    EXPECT_THAT(Message(tags), HasSubstr("token server auth.example.com"));
  }
}

TEST_F(ClientAuthTest, ATokenServerWithoutTlsIsRefused) {
  UseTokens();
  registry_->Change(
      [](Settings& settings) { settings.token_realm = "http://auth.example.com/token"; });
  credentials_->answer = Credential{.username = "me", .password = "pass-word"};
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(tags), HasSubstr("without TLS"));
  EXPECT_EQ(registry_->Count("GET", "http://"), 0U);
  EXPECT_EQ(credentials_->asked, 0);
}

TEST_F(ClientAuthTest, ATokenServerWithoutTlsIsUsedForARegistryWithoutTls) {
  UseTokens();
  registry_->Change(
      [](Settings& settings) { settings.token_realm = "http://auth.example.com/token"; });
  options_.hosts["registry.example.com"].plain_http = true;
  EXPECT_TRUE(Tags().ok());
}

TEST_F(ClientAuthTest, ManyCallersShareOneToken) {
  UseTokens(300);
  EXPECT_TRUE(Tags("registry.example.com/team/api").ok());
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto list = client_->ListTags(Ref(kWeb), clock_.Now() + absl::Minutes(1), {});
      if (list.ok()) ++good;
    });
  }
  threads.clear();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(TokenRequests(), 2U);
}

TEST_F(ClientAuthTest, ManyCallersShareOneFailure) {
  UseTokens();
  EXPECT_TRUE(Tags("registry.example.com/team/api").ok());
  std::atomic<int> waiting = 0;
  std::atomic<bool> open = false;
  registry_->Intercept([&](const http::Request& request) -> std::optional<http::Response> {
    if (!absl::StrContains(request.url, "auth.example.com")) return std::nullopt;
    while (!open) std::this_thread::yield();
    return http::Response{403, {}, ""};
  });
  const size_t before = TokenRequests();
  std::vector<std::jthread> threads;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ++waiting;
      const auto list = client_->ListTags(Ref(kWeb), clock_.Now() + absl::Minutes(1), {});
      if (absl::IsUnauthenticated(list.status())) ++refused;
    });
  }
  while (waiting < 4) std::this_thread::yield();
  // Enough for all of them to reach the wait; one that is late fetches for itself.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  open = true;
  threads.clear();
  EXPECT_EQ(refused, 4);
  EXPECT_LE(TokenRequests() - before, 2U);
}

TEST_F(ClientAuthTest, AWaitingCallerCanBeStopped) {
  UseTokens();
  EXPECT_TRUE(Tags("registry.example.com/team/api").ok());
  std::atomic<bool> fetching = false;
  std::atomic<bool> open = false;
  registry_->Intercept([&](const http::Request& request) -> std::optional<http::Response> {
    if (!absl::StrContains(request.url, "auth.example.com")) return std::nullopt;
    fetching = true;
    while (!open) std::this_thread::yield();
    return std::nullopt;
  });
  std::jthread first([&] { (void)client_->ListTags(Ref(kWeb), Deadline(), {}); });
  while (!fetching) std::this_thread::yield();
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  EXPECT_EQ(client_->ListTags(Ref(kWeb), Deadline(), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
  open = true;
}

}  // namespace
}  // namespace delivery::oci
