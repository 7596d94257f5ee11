#include "provider/checks/http_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/checks/check_fixture.h"
#include "provider/http/curl_transport.h"
#include "tests/support/fake_kube_answers.h"
#include "tests/support/http_test_server.h"

namespace delivery::checks {
namespace {

using Outcome = CheckResult::Outcome;
using delivery::testing::KubeFault;
using delivery::testing::KubeRefusal;
using delivery::testing::KubeRequest;
using delivery::testing::PlainText;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr size_t kMegabyte = 1024 * 1024;

HttpCheck Pod(const std::string& path = "/healthz") { return {.port = 8080, .path = path}; }

Check Http(HttpCheck http) { return {.name = "smoke", .what = std::move(http)}; }

http::Response ConnectionRefused() {
  return KubeRefusal(503, "ServiceUnavailable",
                     "error trying to reach service: dial tcp 10.1.2.3:8080: connect: connection "
                     "refused");
}

class HttpCheckTest : public CheckFixture {
 protected:
  HttpCheckTest() {
    kube_->SetProxy([this](const KubeRequest& request) { return Next(request); });
  }
  ~HttpCheckTest() override { kube_->SetProxy(nullptr); }

  // What is proxied to answers with these, and then with the last of them for ever.
  void Answer(std::vector<http::Response> answers) {
    const std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
    next_ = 0;
  }
  // "http:web-1:8080 /healthz", once for each request.
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  http::Response Next(const KubeRequest& request) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(absl::StrCat(request.plural, " ", request.name, " ", request.rest));
    const http::Response& answer = answers_.at(next_);
    if (next_ + 1 < answers_.size()) ++next_;
    return answer;
  }

  std::mutex mutex_;
  std::vector<http::Response> answers_ = {PlainText(200, "ok")};
  size_t next_ = 0;
  std::vector<std::string> asked_;
};

TEST_F(HttpCheckTest, AsksThePodThatWasPicked) {
  EXPECT_EQ(Run(Http(Pod("/healthz?deep=1"))).outcome, Outcome::kPassed);
  EXPECT_THAT(asked(), ElementsAre("pods http:web-1:8080 /healthz?deep=1"));
}

TEST_F(HttpCheckTest, AsksTheService) {
  const HttpCheck http = {.target = HttpCheck::Target::kService,
                          .service = "front",
                          .port = 443,
                          .scheme = "https",
                          .path = "/ready"};
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  EXPECT_THAT(asked(), ElementsAre("services https:front:443 /ready"));
}

TEST_F(HttpCheckTest, PicksAnotherPodEachTime) {
  int picked = 0;
  pick_pod_ = [&](Side, const std::stop_token&) { return absl::StrCat("web-", ++picked); };
  Answer({KubeRefusal(404, "NotFound", "pods \"web-1\" not found"), PlainText(200, "ok")});
  EXPECT_EQ(Run(Http(Pod())).outcome, Outcome::kPassed);
  EXPECT_THAT(asked(),
              ElementsAre("pods http:web-1:8080 /healthz", "pods http:web-2:8080 /healthz"));
}

TEST_F(HttpCheckTest, AsksAPodOfItsSide) {
  pick_pod_ = [](Side side, const std::stop_token&) {
    return side == Side::kCanary ? "web-canary-1" : "web-1";
  };
  HttpCheck http = Pod();
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.side = Side::kCanary;
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  EXPECT_THAT(asked(),
              ElementsAre("pods http:web-1:8080 /healthz", "pods http:web-canary-1:8080 /healthz"));
}

TEST_F(HttpCheckTest, APodWithoutAnAddressGivesNoAnswer) {
  Answer({KubeRefusal(400, "BadRequest", "address not allowed"), PlainText(200, "ok")});
  EXPECT_EQ(Run(Http(Pod())).outcome, Outcome::kPassed);
}

TEST_F(HttpCheckTest, WaitsForAReadyPod) {
  int picked = 0;
  pick_pod_ = [&](Side, const std::stop_token&) -> absl::StatusOr<std::string> {
    if (++picked < 5) return absl::NotFoundError("0 of 2 pods are ready");
    return "web-5";
  };
  EXPECT_EQ(Run(Http(Pod())).outcome, Outcome::kPassed);
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(4));
}

TEST_F(HttpCheckTest, NoReadyPodInTime) {
  pick_pod_ = [](Side, const std::stop_token&) -> absl::StatusOr<std::string> {
    return absl::NotFoundError("0 of 2 pods are ready");
  };
  const CheckResult result = Run(Http(Pod()));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.reason,
            "no answer within 1m: there is no ready pod to ask (0 of 2 pods are ready)");
}

TEST_F(HttpCheckTest, PodsThatMayNotBeSeenFailAtOnce) {
  pick_pod_ = [](Side, const std::stop_token&) -> absl::StatusOr<std::string> {
    return absl::PermissionDeniedError("cannot list pods");
  };
  EXPECT_EQ(Run(Http(Pod())).reason, "the ready pods are not known: cannot list pods");
  EXPECT_EQ(clock_.Now(), start_);
}

TEST_F(HttpCheckTest, LateAnswersPass) {
  Answer({ConnectionRefused(), KubeRefusal(504, "Timeout", "late"),
          KubeRefusal(502, "BadGateway", "bad"), PlainText(200, "ok")});
  EXPECT_EQ(Run(Http(Pod())).outcome, Outcome::kPassed);
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(3));
}

TEST_F(HttpCheckTest, NoAnswerIsAskedForUntilTheTimeIsOver) {
  Answer({ConnectionRefused()});
  const CheckResult result = Run(Http(Pod()));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.reason,
            "no answer within 1m: GET /healthz of pod shop/web-1, port 8080: error trying to reach "
            "service: dial tcp 10.1.2.3:8080: connect: connection refused");
  EXPECT_THAT(asked(), SizeIs(60));
}

TEST_F(HttpCheckTest, ASlowAnswerIsNone) {
  kube_->AddFault({.kind = KubeFault::Kind::kDelay,
                   .path_part = "/proxy",
                   .times = 100,
                   .delay = absl::Seconds(30)});
  Check check = Http(Pod());
  check.timeout = absl::Milliseconds(200);
  const CheckResult result = RunCheck(RealTimeContext(), check, {});
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reason, StartsWith("no answer within 200ms: GET /healthz of pod shop/web-1"));
}

TEST_F(HttpCheckTest, MissingPermissionFailsAtOnce) {
  Answer({KubeRefusal(403, "Forbidden", "cannot get resource \"pods/proxy\"")});
  const CheckResult result = Run(Http(Pod()));
  EXPECT_EQ(result.reason,
            "GET /healthz of pod shop/web-1, port 8080: cannot get resource \"pods/proxy\"");
  EXPECT_THAT(asked(), SizeIs(1));
}

TEST_F(HttpCheckTest, AWrongStatusIsAskedForTwiceMore) {
  Answer({PlainText(500, "no \x1b[31mdatabase\r\n  at all")});
  const CheckResult result = Run(Http(Pod()));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.reason,
            "GET /healthz of pod shop/web-1, port 8080: answered with status 500; expected 200\n"
            "Its body: no [31mdatabase at all\n"
            "It was asked 3 times.");
  EXPECT_THAT(asked(), SizeIs(3));
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(4));
}

TEST_F(HttpCheckTest, AWrongAnswerMayBecomeRight) {
  Answer({PlainText(500, ""), PlainText(500, ""), PlainText(200, "ok")});
  EXPECT_EQ(Run(Http(Pod())).outcome, Outcome::kPassed);
}

// The API server's proxy did not say so.
TEST_F(HttpCheckTest, TheTargetsOwn503IsItsAnswer) {
  Answer({PlainText(503, "starting")});
  EXPECT_THAT(Run(Http(Pod())).reason, HasSubstr("answered with status 503; expected 200"));
  HttpCheck http = Pod();
  http.expect_status = {200, 503};
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
}

TEST_F(HttpCheckTest, WrongAnswersUntilTheTimeIsOver) {
  Answer({PlainText(404, "")});
  Check check = Http(Pod());
  check.timeout = absl::Seconds(1);
  EXPECT_THAT(Run(check).reason, EndsWith("answered with status 404; expected 200\n"
                                          "Its body is empty."));
}

TEST_F(HttpCheckTest, RedirectsAreAnswers) {
  Answer({{302, {{"Location", "https://u:hunter22@login.test/?back=s3cret"}}, ""}});
  HttpCheck http = Pod();
  http.expect_status = {200, 204};
  EXPECT_THAT(Run(Http(http)).reason,
              HasSubstr("answered with status 302, a redirect to "
                        "https://login.test/?back=(redacted) (not followed); expected 200 or 204"));
  http.expect_status = {302};
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
}

TEST_F(HttpCheckTest, TheBodyMustContainWhatIsExpected) {
  Answer({PlainText(200, "status: degraded")});
  HttpCheck http = Pod();
  http.expect_body = "degraded";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "status: ok";
  EXPECT_THAT(Run(Http(http)).reason,
              HasSubstr("answered with status 200 as expected, but the body does not contain "
                        "\"status: ok\"\nIts body: status: degraded"));
}

TEST_F(HttpCheckTest, TheBodyMustMatchTheExpression) {
  Answer({PlainText(200, "version 1.4.0\n")});
  HttpCheck http = Pod();
  http.expect_body_regex = "^version 1\\.[4-9]";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body_regex = "^version 2";
  EXPECT_THAT(Run(Http(http)).reason,
              HasSubstr("the body does not contain a match of \"^version 2\""));
  http.expect_body_regex = "version";
  http.expect_body = "2.0";
  EXPECT_THAT(Run(Http(http)).reason, HasSubstr("does not contain \"2.0\""));
}

TEST_F(HttpCheckTest, BodiesThatAreNotTextAreMatchedAndShown) {
  Answer({PlainText(200, std::string("\xff\xfe\0ok", 5))});
  HttpCheck http = Pod();
  http.expect_body_regex = "ok$";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "no";
  EXPECT_THAT(Run(Http(http)).reason, HasSubstr("Its body: ?? ok"));
}

TEST_F(HttpCheckTest, OnlyTheBeginningOfTheBodyIsShown) {
  Answer({PlainText(500, std::string(10'000, 'x'))});
  EXPECT_THAT(Run(Http(Pod())).reason,
              HasSubstr(absl::StrCat("Its body: ", std::string(200, 'x'), "...\n")));
}

TEST_F(HttpCheckTest, OfMegabytesTheFirstIsLookedAt) {
  const std::string begin = std::string(kMegabyte - 2, 'x') + "ok";
  Answer({PlainText(200, begin + "late" + std::string(kMegabyte, 'x'))});
  HttpCheck http = Pod();
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "ok";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "late";
  EXPECT_THAT(Run(Http(http)).reason, HasSubstr("the first MiB of the body, which is longer than "
                                                "1 MiB, does not contain \"late\""));
  http.expect_body = "";
  http.expect_body_regex = "la.e";
  EXPECT_THAT(Run(Http(http)).reason, HasSubstr("which is longer than 1 MiB"));
}

TEST_F(HttpCheckTest, MoreThanCanBeReadThroughTheProxy) {
  Answer({PlainText(200, std::string(17 * kMegabyte, 'x'))});
  EXPECT_THAT(Run(Http(Pod())).reason, HasSubstr("the answer is longer than 16 MiB"));
}

TEST_F(HttpCheckTest, QueriesAreNotShown) {
  Answer({PlainText(401, "s3cret is not valid for /healthz?token=s3cret")});
  const CheckResult wrong = Run(Http(Pod("/healthz?token=s3cret")));
  EXPECT_THAT(wrong.reason, AllOf(HasSubstr("GET /healthz?token=(redacted) of pod"),
                                  HasSubstr("(redacted) is not valid"), Not(HasSubstr("s3cret"))));
  kube_->AddFault({.kind = KubeFault::Kind::kCutBefore, .path_part = "/proxy", .times = 1000});
  const CheckResult none = Run(Http(Pod("/healthz?token=s3cret&pin=12")));
  EXPECT_THAT(none.reason, AllOf(HasSubstr("no answer within 1m"), HasSubstr("was lost"),
                                 Not(HasSubstr("s3cret")), Not(HasSubstr("12"))));
}

TEST_F(HttpCheckTest, IsCancelledWhileThereIsNoAnswer) {
  kube_->AddFault({.kind = KubeFault::Kind::kDelay,
                   .path_part = "/proxy",
                   .times = 100,
                   .delay = absl::Seconds(30)});
  CheckResult result;
  const auto took = StopDuring(
      RealTimeContext(), Http(Pod()), [&] { return !kube_->requests().empty(); }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_LT(took.count(), 1000);
}

TEST_F(HttpCheckTest, IsCancelledBetweenTries) {
  Answer({PlainText(500, "")});
  CheckResult result;
  const auto took = StopDuring(
      RealTimeContext(), Http(Pod()), [&] { return !asked().empty(); }, result);
  EXPECT_EQ(result.outcome, Outcome::kCancelled);
  EXPECT_LT(took.count(), 1000);
}

TEST_F(HttpCheckTest, IsCancelledBeforeItBegins) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(RunCheck(Context(), Http(Pod()), stop.get_token()).outcome, Outcome::kCancelled);
  EXPECT_THAT(asked(), SizeIs(0));
}

TEST_F(HttpCheckTest, RefusesWhatCannotWork) {
  const auto reason = [&](const std::function<void(HttpCheck&)>& change) {
    HttpCheck http = Pod();
    change(http);
    return Run(Http(http)).reason;
  };
  EXPECT_THAT(reason([](HttpCheck& http) { http.port = 0; }), HasSubstr("port must be between"));
  EXPECT_THAT(reason([](HttpCheck& http) { http.port = 65536; }), HasSubstr("not 65536"));
  EXPECT_THAT(reason([](HttpCheck& http) { http.scheme = "tcp"; }), HasSubstr("scheme must be"));
  EXPECT_THAT(reason([](HttpCheck& http) { http.path = "x"; }), HasSubstr("path must begin"));
  for (const char* path : {"/a b", "/a\r\nb", "/a#b", "/a\\b"}) {
    EXPECT_THAT(reason([&](HttpCheck& http) { http.path = path; }), HasSubstr("escape it")) << path;
  }
  for (const char* path : {"/../../../secrets", "/a/.", "/%2E%2e/b", "/.%2e?x=1"}) {
    EXPECT_THAT(reason([&](HttpCheck& http) { http.path = path; }), HasSubstr("as a segment"))
        << path;
  }
  EXPECT_THAT(reason([](HttpCheck& http) { http.expect_status = {}; }),
              HasSubstr("expect_status is empty"));
  EXPECT_THAT(reason([](HttpCheck& http) {
                http.expect_status = {200, 20};
              }),
              HasSubstr("20 is not an HTTP status"));
  EXPECT_THAT(reason([](HttpCheck& http) { http.expect_body_regex = "(ok"; }),
              HasSubstr("expect_body_regex is not a regular expression (RE2): missing )"));
  EXPECT_THAT(reason([](HttpCheck& http) { http.target = HttpCheck::Target::kService; }),
              HasSubstr("service is empty"));
  EXPECT_THAT(reason([](HttpCheck& http) { http.target = HttpCheck::Target::kUrl; }),
              HasSubstr("url must be"));
  EXPECT_THAT(asked(), SizeIs(0));
}

// Over real sockets.
class HttpServerTest : public CheckFixture {
 protected:
  HttpServerTest() { transport_ = http::MakeCurlTransport({}); }

  static void SetUpTestSuite() { server_ = new testing::HttpTestServer(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  static HttpCheck Url(const std::string& path) {
    return {.target = HttpCheck::Target::kUrl, .url = server_->Url(path)};
  }

  static testing::HttpTestServer* server_;
};
testing::HttpTestServer* HttpServerTest::server_ = nullptr;

TEST_F(HttpServerTest, Passes) {
  HttpCheck http = Url("/status/200");
  http.expect_body = "\"status\": 200";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http = Url("/status/404");
  http.expect_status = {404};
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
}

TEST_F(HttpServerTest, SendsNoCredentialsButThoseOfTheUrl) {
  HttpCheck http = Url("/echo");
  http.expect_body = "Authorization";
  const CheckResult without = Run(Http(http));
  EXPECT_THAT(without.reason, HasSubstr("does not contain \"Authorization\""));
  http.url = absl::StrCat("http://jane:hunter22@127.0.0.1:", server_->port(), "/echo?key=s3cret");
  http.expect_body = "Basic amFuZTpodW50ZXIyMg==";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "nothing of the kind";
  EXPECT_THAT(Run(Http(http)).reason,
              AllOf(HasSubstr("/echo?key=(redacted): answered"), Not(HasSubstr("hunter22")),
                    Not(HasSubstr("s3cret")), Not(HasSubstr("amFuZTpodW50ZXIyMg"))));
}

TEST_F(HttpServerTest, RedirectsAreNotFollowed) {
  EXPECT_THAT(Run(Http(Url("/redirect"))).reason,
              AllOf(HasSubstr("status 302, a redirect to /status/200 (not followed); expected 200"),
                    HasSubstr("It was asked 3 times.")));
}

TEST_F(HttpServerTest, OfMegabytesTheFirstIsLookedAt) {
  HttpCheck http = Url("/bytes/30000000");
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "xxx";
  EXPECT_EQ(Run(Http(http)).outcome, Outcome::kPassed);
  http.expect_body = "y";
  EXPECT_THAT(Run(Http(http)).reason, HasSubstr("which is longer than 1 MiB"));
  http = Url("/bytes/1048576");
  http.expect_body = "y";
  EXPECT_THAT(Run(Http(http)).reason, Not(HasSubstr("longer")));
}

TEST_F(HttpServerTest, NobodyThere) {
  HttpCheck http = Url("/");
  http.url = "http://127.0.0.1:1/healthz";
  const CheckResult result = Run(Http(http));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reason,
              AllOf(StartsWith("no answer within 1m: GET http://127.0.0.1:1/healthz: "),
                    HasSubstr("connection refused")));
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(59));
}

TEST_F(HttpServerTest, ACutAnswerIsNone) {
  EXPECT_THAT(Run(Http(Url("/truncated"))).reason, StartsWith("no answer within 1m"));
}

TEST_F(HttpServerTest, ASilentOneTimesOut) {
  Check check = Http(Url("/silent"));
  check.timeout = absl::Milliseconds(300);
  const CheckResult result = RunCheck(RealTimeContext(), check, {});
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reason, AllOf(StartsWith("no answer within 300ms: GET http://127.0.0.1:"),
                                   HasSubstr("/silent: no complete answer")));
}

TEST_F(HttpServerTest, ACertificateThatIsNotTrustedFails) {
  const testing::HttpTestServer secure({.tls = true});
  HttpCheck http = Url("/");
  http.url = secure.UrlAt("localhost", "/status/200");
  EXPECT_THAT(Run(Http(http)).reason, HasSubstr("is not trusted"));
  EXPECT_EQ(clock_.Now() - start_, absl::Seconds(4));
}

}  // namespace
}  // namespace delivery::checks
