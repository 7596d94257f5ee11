#include "provider/checks/webhook_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "provider/checks/check_fixture.h"
#include "provider/http/curl_transport.h"
#include "tests/support/http_test_server.h"

namespace delivery::checks {
namespace {

using Outcome = CheckResult::Outcome;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Check Webhook(const std::string& url) { return {.name = "gate", .what = WebhookCheck{.url = url}}; }

class WebhookCheckTest : public CheckFixture {};

TEST_F(WebhookCheckTest, TellsWhatIsReleased) {
  script_->ThenText(204, "");
  EXPECT_EQ(Run(Webhook("https://jane:hunter22@hooks.test/gate?key=s3cret")).outcome,
            Outcome::kPassed);
  ASSERT_THAT(script_->requests(), SizeIs(1));
  const http::Request request = script_->requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://hooks.test/gate?key=s3cret");
  EXPECT_EQ(http::FindHeader(request.headers, "Content-Type"), "application/json");
  EXPECT_EQ(http::FindHeader(request.headers, "Idempotency-Key"), "run-deadbeef/gate");
  EXPECT_EQ(http::FindHeader(request.headers, "Authorization"), "Basic amFuZTpodW50ZXIyMg==");
  EXPECT_EQ(ParseJson(request.body).value(), Json({{"check", "gate"},
                                                   {"run_id", "run-deadbeef"},
                                                   {"phase", "after_promotion"},
                                                   {"namespace", "shop"},
                                                   {"name", "web"},
                                                   {"kind", "Deployment"},
                                                   {"images", {{"web", "registry.test/web:2"}}}}));
}

TEST_F(WebhookCheckTest, IsAskedAgainUntilItConsents) {
  script_->ThenText(403, "not yet");
  script_->ThenFail(absl::UnavailableError("cannot connect"));
  script_->ThenText(200, "go");
  EXPECT_EQ(Run(Webhook("https://hooks.test/gate")).outcome, Outcome::kPassed);
  EXPECT_THAT(script_->requests(), SizeIs(3));
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(20));
  for (const http::Request& request : script_->requests()) {
    EXPECT_EQ(http::FindHeader(request.headers, "Idempotency-Key"), "run-deadbeef/gate");
  }
}

TEST_F(WebhookCheckTest, TheLastAnswerIsNamed) {
  for (int i = 0; i < 6; ++i) script_->ThenText(500, "broken");
  script_->ThenText(409, "not\napproved by s3cret");
  const CheckResult result = Run(Webhook("https://u:hunter22@hooks.test/gate?key=s3cret"));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.reason,
            "POST https://hooks.test/gate?key=(redacted) was not answered with a 2xx within 1m "
            "(asked 7 times). The last time: it answered with status 409\n"
            "Its body: not approved by (redacted)");
  // The last time is shortly before the end.
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(59));
}

TEST_F(WebhookCheckTest, AFailureToReachItIsNamed) {
  for (int i = 0; i < 7; ++i) script_->ThenFail(absl::UnavailableError("cannot connect to hooks"));
  EXPECT_THAT(Run(Webhook("https://hooks.test/gate")).reason,
              HasSubstr("The last time: cannot connect to hooks"));
}

TEST_F(WebhookCheckTest, PollsAsOftenAsAsked) {
  for (int i = 0; i < 3; ++i) script_->ThenText(425, "");
  Check check = Webhook("https://hooks.test/gate");
  check.what = WebhookCheck{.url = "https://hooks.test/gate", .poll = absl::Seconds(25)};
  EXPECT_THAT(Run(check).reason, HasSubstr("beyond the script"));  // a fourth time, at 59 s
  EXPECT_THAT(script_->requests(), SizeIs(4));
}

TEST_F(WebhookCheckTest, RefusesWhatCannotWork) {
  EXPECT_THAT(Run(Webhook("hooks.test")).reason, HasSubstr("url must be"));
  Check check = Webhook("https://hooks.test/gate");
  check.what = WebhookCheck{.url = "https://hooks.test/gate", .poll = absl::ZeroDuration()};
  EXPECT_THAT(Run(check).reason, HasSubstr("poll must be positive"));
  check = Webhook("https://hooks.test/gate");
  check.name = "gate\r\nX-Other: 1";
  EXPECT_THAT(Run(check).reason, HasSubstr("name contains characters"));
  check.name = "";
  EXPECT_THAT(Run(check).reason, HasSubstr("name is empty"));
  check.name = "gate";
  check.timeout = absl::ZeroDuration();
  EXPECT_THAT(Run(check).reason, HasSubstr("timeout must be positive"));
  EXPECT_THAT(script_->requests(), SizeIs(0));
}

// Over real sockets.
class WebhookServerTest : public CheckFixture {
 protected:
  WebhookServerTest() { transport_ = http::MakeCurlTransport({}); }

  static void SetUpTestSuite() { server_ = new testing::HttpTestServer(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  int64_t RequestsSoFar() const {
    http::Request request;
    request.url = server_->Url("/stats");
    return GetInt(ParseJson(transport_->Do(request, {})->body).value(), "requests");
  }

  static testing::HttpTestServer* server_;
};
testing::HttpTestServer* WebhookServerTest::server_ = nullptr;

TEST_F(WebhookServerTest, Passes) {
  EXPECT_EQ(Run(Webhook(server_->Url("/echo"))).outcome, Outcome::kPassed);
  EXPECT_EQ(Run(Webhook(server_->Url("/bytes/3000000"))).outcome, Outcome::kPassed);
}

TEST_F(WebhookServerTest, RedirectsAreNotFollowed) {
  const CheckResult result = Run(Webhook(server_->Url("/redirect")));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reason, HasSubstr("it answered with status 302, a redirect to /status/200 "
                                       "(not followed)\nIts body is empty."));
}

TEST_F(WebhookServerTest, ASilentOneTimesOut) {
  Check check = Webhook(server_->Url("/silent"));
  check.timeout = absl::Milliseconds(300);
  const CheckResult result = RunCheck(RealTimeContext(), check, {});
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("within 300ms (asked 1 time). The last time: no "),
                                   HasSubstr(absl::StrCat("127.0.0.1:", server_->port()))));
}

TEST_F(WebhookServerTest, IsCancelledWhileItWaitsForTheAnswer) {
  // The question itself is one of the requests, too.
  const int64_t before = RequestsSoFar();
  int64_t questions = 0;
  CheckResult result;
  const auto took = StopDuring(
      RealTimeContext(), Webhook(server_->Url("/silent")),
      [&] { return RequestsSoFar() > before + ++questions; }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_EQ(result.reason, "");
  EXPECT_LT(took.count(), 1000);
}

TEST_F(WebhookCheckTest, IsCancelledBetweenTries) {
  script_->ThenText(500, "");
  CheckResult result;
  const auto took = StopDuring(
      RealTimeContext(), Webhook("https://hooks.test/gate"),
      [&] { return script_->requests().size() == 1; }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_LT(took.count(), 1000);
}

}  // namespace
}  // namespace delivery::checks
