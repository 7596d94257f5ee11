// Retries, credentials and waiting, seen through the Api.
#include "provider/kubernetes/rest_client.h"

#include <thread>

#include "provider/kubernetes/rest_api_fixture.h"

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

absl::Status Reset() { return absl::UnavailableError("connection was lost"); }
absl::Status Refused() {
  absl::Status status = absl::UnavailableError("connection refused");
  http::MarkNeverSent(status);
  return status;
}

class RestClientTest : public RestApiFixture {
 protected:
  absl::Duration Elapsed() { return clock_.Now() - started_; }
  // Makes the server one that has answered before.
  void Answered() {
    transport_->ThenAnswer(200, Json::object());
    ASSERT_TRUE(api_->Get(web_, no_stop_).ok());
    started_ = clock_.Now();
  }
  const Json map_ = Named("v1", "ConfigMap", "settings");
  absl::Time started_ = clock_.Now();
};

TEST_F(RestClientTest, RepeatsWhatMayPass) {
  for (const int status : {429, 500, 502, 503, 504}) transport_->ThenText(status, "later");
  transport_->ThenFail(Reset());
  transport_->ThenAnswer(200, Json::object());
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  EXPECT_THAT(transport_->requests(), SizeIs(7));
  EXPECT_GT(Elapsed(), absl::Seconds(1));
}

TEST_F(RestClientTest, DoesNotRepeatRefusalsAndTimeOuts) {
  transport_->ThenAnswer(422, StatusObject(422, "Invalid", "no"));
  EXPECT_FALSE(api_->Get(web_, no_stop_).ok());
  transport_->ThenFail(absl::DeadlineExceededError("no answer within 30s"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(api_->Get(web_, no_stop_).status()));
  transport_->ThenFail(absl::UnauthenticatedError("certificate is not trusted"));
  EXPECT_TRUE(absl::IsUnauthenticated(api_->Get(web_, no_stop_).status()));
  EXPECT_THAT(transport_->requests(), SizeIs(3));
}

TEST_F(RestClientTest, WaitsAsLongAsTheServerAsks) {
  transport_->ThenText(429, "later", {{"Retry-After", "7"}});
  transport_->ThenAnswer(200, Json::object());
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  EXPECT_GE(Elapsed(), absl::Seconds(7));
}

TEST_F(RestClientTest, DoesNotWaitBeyondTheBudget) {
  transport_->ThenText(429, "later", {{"Retry-After", "120"}});
  EXPECT_TRUE(absl::IsResourceExhausted(api_->Get(web_, no_stop_).status()));
  EXPECT_THAT(transport_->requests(), SizeIs(1));
}

TEST_F(RestClientTest, GivesUpWithTheLastAnswerWhenTheBudgetIsSpent) {
  for (int i = 0; i < 40; ++i) transport_->ThenAnswer(503, StatusObject(503, "X", "overloaded"));
  const absl::Status status = api_->Get(web_, no_stop_).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("overloaded"));
  EXPECT_GT(Elapsed(), absl::Seconds(20));
  EXPECT_LT(Elapsed(), absl::Seconds(31));
}

TEST_F(RestClientTest, ReportsABrokenWebhookSoon) {
  for (int i = 0; i < 40; ++i) {
    transport_->ThenAnswer(500, StatusObject(500, "InternalError", "failed calling webhook"));
  }
  EXPECT_FALSE(api_->Apply(map_, {}, no_stop_).ok());
  EXPECT_LT(Elapsed(), absl::Seconds(4));
}

// Contract test UnknownFieldsAreRefusedBySchema shows that a real server answers so.
TEST_F(RestClientTest, DoesNotRepeatWhatTheSchemaRefuses) {
  transport_->ThenAnswer(
      500, StatusObject(500, "",
                        "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): "
                        ".spec.replicaz: field not declared in schema"));
  const absl::Status status = api_->Apply(map_, {}, no_stop_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(transport_->requests(), SizeIs(1));
}

TEST_F(RestClientTest, ReportsAServerThatNeverAnsweredSoonerThanOneThatDid) {
  for (int i = 0; i < 40; ++i) transport_->ThenFail(Refused());
  EXPECT_TRUE(absl::IsUnavailable(api_->Get(web_, no_stop_).status()));
  EXPECT_LT(Elapsed(), absl::Seconds(14));
}

TEST_F(RestClientTest, WaitsForAServerThatRestarts) {
  Answered();
  for (int i = 0; i < 40; ++i) transport_->ThenFail(Refused());
  EXPECT_TRUE(absl::IsUnavailable(api_->Get(web_, no_stop_).status()));
  EXPECT_GT(Elapsed(), absl::Seconds(20));
}

TEST_F(RestClientTest, CreationIsRepeatedOnlyWhenNothingWasDone) {
  transport_->ThenFail(Refused());
  transport_->ThenText(429, "later");
  transport_->ThenText(503, "later", {{"Retry-After", "1"}});
  transport_->ThenAnswer(201, map_);
  EXPECT_TRUE(api_->Create(map_, {}, no_stop_).ok());
  EXPECT_THAT(transport_->requests(), SizeIs(4));

  transport_->ThenFail(Reset());
  EXPECT_TRUE(absl::IsUnavailable(api_->Create(map_, {}, no_stop_).status()));
  transport_->ThenText(500, "perhaps done");
  EXPECT_TRUE(absl::IsUnavailable(api_->Create(map_, {}, no_stop_).status()));
  EXPECT_THAT(transport_->requests(), SizeIs(6));
}

TEST_F(RestClientTest, JsonPatchIsRepeatedOnlyWithATest) {
  const Json add = {{"op", "add"}, {"path", "/data/a/-"}, {"value", "x"}};
  const Json test = {{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", "1"}};
  transport_->ThenFail(Reset());
  EXPECT_FALSE(api_->JsonPatch(web_, Json::array({add}), {}, no_stop_).ok());
  EXPECT_THAT(transport_->requests(), SizeIs(1));
  transport_->ThenFail(Reset());
  transport_->ThenAnswer(200, Json::object());
  EXPECT_TRUE(api_->JsonPatch(web_, Json::array({test, add}), {}, no_stop_).ok());
}

TEST_F(RestClientTest, UnauthorizedRefreshesTheCredentialsOnce) {
  credentials_->generations = 9;
  transport_->ThenAnswer(401, StatusObject(401, "Unauthorized", "Unauthorized"));
  transport_->ThenAnswer(200, Json::object());
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  EXPECT_EQ(Header(0, "Authorization"), "Bearer token-1");
  EXPECT_EQ(Header(1, "Authorization"), "Bearer token-2");

  for (int i = 0; i < 2; ++i) {
    transport_->ThenAnswer(401, StatusObject(401, "Unauthorized", "Unauthorized"));
  }
  EXPECT_TRUE(absl::IsUnauthenticated(api_->Get(web_, no_stop_).status()));
  EXPECT_THAT(transport_->requests(), SizeIs(4));
}

TEST_F(RestClientTest, OfSeveralRefusedRequestsOneRenewsForAll) {
  credentials_->generations = 9;
  transport_->ThenOpen();
  transport_->ThenText(200, "{}");
  std::jthread renewed_meanwhile([&] {
    const auto open = transport_->WaitForOpen(0);
    ASSERT_NE(open, nullptr);
    credentials_->Invalidate();  // another request was refused, too
    open->Headers(401);
    open->Done(absl::OkStatus());
  });
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  EXPECT_EQ(Header(1, "Authorization"), "Bearer token-2");
  EXPECT_EQ(credentials_->invalidated, 1);
}

TEST_F(RestClientTest, StaticCredentialsAreNotTriedTwice) {
  transport_->ThenAnswer(401, StatusObject(401, "Unauthorized", "Unauthorized"));
  EXPECT_TRUE(absl::IsUnauthenticated(api_->Get(web_, no_stop_).status()));
  EXPECT_THAT(transport_->requests(), SizeIs(1));
}

TEST_F(RestClientTest, CredentialFailureIsReportedAsItIs) {
  credentials_->failure = absl::FailedPreconditionError("run the login command");
  EXPECT_EQ(api_->Get(web_, no_stop_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RestClientTest, AnotherClientCertificateGetsAnotherTransport) {
  for (int i = 0; i < 3; ++i) transport_->ThenAnswer(200, Json::object());
  credentials_->certificate = "first";
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  credentials_->certificate = "second";
  EXPECT_TRUE(api_->Get(web_, no_stop_).ok());
  ASSERT_THAT(transport_options_, SizeIs(2));
  EXPECT_EQ(transport_options_[0].client_certificate_pem, "first");
  EXPECT_EQ(transport_options_[1].client_certificate_pem, "second");
}

TEST_F(RestClientTest, StopEndsARequestInFlight) {
  transport_->ThenOpen();
  std::stop_source stop;
  std::jthread stopper([&] {
    ASSERT_NE(transport_->WaitForOpen(0), nullptr);
    stop.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(api_->Get(web_, stop.get_token()).status()));
}

TEST_F(RestClientTest, StopEndsTheWaitForARepetition) {
  std::stop_source stop;
  transport_->ThenText(429, "later", {{"Retry-After", "20"}});
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(api_->Get(web_, stop.get_token()).status()));
}

TEST_F(RestClientTest, RelayedRequestsAreRepeatedOnlyWhenNotSent) {
  const ProxyRequest probe{.namespace_name = "shop", .name = "web-1", .port = 80};
  transport_->ThenFail(Refused());
  transport_->ThenText(200, "fine");
  EXPECT_EQ(api_->Proxy(probe, no_stop_)->body, "fine");
  transport_->ThenFail(Reset());
  EXPECT_TRUE(absl::IsUnavailable(api_->Proxy(probe, no_stop_).status()));
}

}  // namespace
}  // namespace delivery::kubernetes
