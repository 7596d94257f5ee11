// Who is told which credentials, and when.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"
#include "provider/oci/client_fixture.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(ClientAuthTest, NobodyIsToldAnythingWithoutBeingAsked) {
  credentials_->answer = Credential{.username = "me", .password = "pass-word"};
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(credentials_->asked, 0);
  EXPECT_EQ(AuthorizationOf(registry_->requests()[0]), "");
}

TEST_F(ClientAuthTest, BasicIsRememberedForTheHost) {
  UseBasic();
  EXPECT_TRUE(Tags().ok());
  EXPECT_TRUE(Tags().ok());
  EXPECT_TRUE(Tags("registry.example.com/team/api").ok());
  EXPECT_THAT(registry_->requests(), SizeIs(4));  // one 401
  EXPECT_EQ(credentials_->asked, 2);              // once a repository
  EXPECT_EQ(credentials_->last, "registry.example.com/team/api");
  EXPECT_EQ(Redact(AuthorizationOf(registry_->requests().back())), "Basic (redacted)");
}

TEST_F(ClientAuthTest, CredentialsAreReadAnewAfterAWhile) {
  UseBasic();
  EXPECT_TRUE(Tags().ok());
  clock_.Advance(absl::Minutes(9));
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(credentials_->asked, 1);
  clock_.Advance(absl::Minutes(2));
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(credentials_->asked, 2);
}

TEST_F(ClientAuthTest, ChangedCredentialsAreFoundAtOnce) {
  UseBasic();
  EXPECT_TRUE(Tags().ok());
  registry_->Change([](Settings& settings) { settings.password = "new-word"; });
  credentials_->answer = Credential{.username = "me", .password = "new-word"};
  EXPECT_TRUE(Tags().ok());
}

TEST_F(ClientAuthTest, WrongCredentialsAreRefusedOnce) {
  UseBasic();
  credentials_->answer = Credential{.username = "me", .password = "wrong-word"};
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(tags),
              AllOf(HasSubstr("refused the credentials"), Not(HasSubstr("wrong-word"))));
  EXPECT_THAT(registry_->requests(), SizeIs(2));
}

TEST_F(ClientAuthTest, MissingCredentialsAreAskedFor) {
  UseBasic();
  credentials_->answer = Credential();
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(tags), HasSubstr("asks for credentials and none are known"));
  EXPECT_THAT(registry_->requests(), SizeIs(1));
}

TEST_F(ClientAuthTest, AnIdentityTokenIsNoPassword) {
  UseBasic();
  credentials_->answer = Credential{.identity_token = "identity"};
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(tags), HasSubstr("only an identity token is known"));
}

TEST_F(ClientAuthTest, ARegistryTokenIsSentAsItIs) {
  UseTokens();
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (AuthorizationOf(request) != "Bearer registry-token") return std::nullopt;
    return http::Response{200, {}, R"({"tags": null})"};
  });
  credentials_->answer = Credential{.registry_token = "registry-token"};
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(TokenRequests(), 0U);
}

TEST_F(ClientAuthTest, UnreadableCredentialsMatterOnlyWhereNeeded) {
  UseTokens();
  credentials_->answer = absl::FailedPreconditionError("config.json is broken");
  EXPECT_TRUE(Tags().ok());
  registry_->Change([](Settings& settings) { settings.user = "somebody"; });
  registry_->ForgetTokens();
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(tags), HasSubstr("config.json is broken"));
}

TEST_F(ClientAuthTest, UnreadableCredentialsAreToldWhereAnonymousAccessIsDenied) {
  UseTokens();
  credentials_->answer = absl::FailedPreconditionError("config.json is broken");
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (!absl::StartsWith(AuthorizationOf(request), "Bearer ")) return std::nullopt;
    return http::Response{403, {}, ""};
  });
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(tags), HasSubstr("config.json is broken"));
}

TEST_F(ClientAuthTest, UnreadableCredentialsAreToldWhereAPasswordIsNeeded) {
  UseBasic();
  credentials_->answer = absl::UnauthenticatedError("the helper is broken");
  const auto basic = Tags();
  EXPECT_EQ(basic.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(basic), HasSubstr("the helper is broken"));
}

TEST_F(ClientAuthTest, BearerIsPreferred) {
  UseTokens();
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (!AuthorizationOf(request).empty()) return std::nullopt;
    if (absl::StrContains(request.url, "auth.example.com")) return std::nullopt;
    return http::Response{
        401,
        {{"WWW-Authenticate", "Basic realm=x"},
         {"WWW-Authenticate",
          "Bearer realm=\"https://auth.example.com/token?kind=1\",service=\"a b\""}},
        ""};
  });
  registry_->Change(
      [](Settings& settings) { settings.token_realm = "https://auth.example.com/token"; });
  EXPECT_TRUE(Tags().ok());
  EXPECT_EQ(registry_->Count("GET", "/token?kind=1&service=a%20b&scope="), 1U);
}

}  // namespace
}  // namespace delivery::oci
