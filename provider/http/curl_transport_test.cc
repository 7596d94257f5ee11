#include "provider/http/curl_transport.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/json.h"
#include "tests/support/http_test_server.h"

namespace delivery::http {
namespace {

using delivery::testing::HttpTestServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kSoon = std::chrono::seconds(5);

Request Get(std::string url) {
  Request request;
  request.url = std::move(url);
  request.timeout = absl::Seconds(20);
  return request;
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// Records what arrives and lets the test wait for it.
class Recorder : public ResponseHandler {
 public:
  void OnHeaders(int status, const Headers&) override {
    std::lock_guard lock(mutex_);
    status_ = status;
  }
  bool OnData(std::string_view data) override {
    std::lock_guard lock(mutex_);
    body_.append(data);
    changed_.notify_all();
    return accept_data_;
  }
  void OnDone(const absl::Status& status) override {
    std::lock_guard lock(mutex_);
    ++done_count_;
    outcome_ = status;
    changed_.notify_all();
  }

  bool WaitForBody(const std::string& body) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kSoon, [&] { return body_ == body; });
  }
  absl::Status WaitForDone() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kSoon, [&] { return done_count_ > 0; })) {
      return absl::InternalError("the exchange has not ended");
    }
    return outcome_;
  }
  int done_count() {
    std::lock_guard lock(mutex_);
    return done_count_;
  }
  void RefuseData() { accept_data_ = false; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0;
  std::string body_;
  int done_count_ = 0;
  absl::Status outcome_;
  bool accept_data_ = true;
};

class CurlTransportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new HttpTestServer(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  absl::StatusOr<Response> Do(Request request, std::stop_token stop = {}) {
    return transport_->Do(std::move(request), stop);
  }
  void UseProxy(const std::string& url) {
    TransportOptions options;
    options.proxy_url = url;
    transport_ = MakeCurlTransport(options);
  }
  Json Stats() { return *ParseJson(Do(Get(server_->Url("/stats")))->body); }

  static HttpTestServer* server_;
  std::shared_ptr<Transport> transport_ = MakeCurlTransport({});
};
HttpTestServer* CurlTransportTest::server_ = nullptr;

TEST_F(CurlTransportTest, AnyStatusIsData) {
  for (const int status : {200, 201, 404, 409, 500, 503}) {
    const auto response = Do(Get(server_->Url(absl::StrCat("/status/", status))));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->body, absl::StrCat("{\"status\": ", status, "}"));
  }
}

TEST_F(CurlTransportTest, KeepsRepeatedHeadersAndFindsThemWithoutCase) {
  const auto response = Do(Get(server_->Url("/status/200")));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(FindHeader(response->headers, "content-TYPE"), "application/json");
  EXPECT_EQ(FindHeader(response->headers, "x-twice"), "first");
  EXPECT_EQ(std::count_if(response->headers.begin(), response->headers.end(),
                          [](const auto& header) { return header.first == "X-Twice"; }),
            2);
  EXPECT_EQ(FindHeader(response->headers, "absent"), std::nullopt);
}

TEST_F(CurlTransportTest, SendsMethodHeadersAndBodyAsGiven) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    Request request = Get(server_->Url("/echo?a=b%20c"));
    request.method = method;
    request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    request.body = R"({"a":"ä"})";
    const auto response = Do(request);
    ASSERT_TRUE(response.ok()) << response.status();
    const Json echo = *ParseJson(response->body);
    EXPECT_EQ(GetString(echo, "method"), method);
    EXPECT_EQ(GetString(echo, "path"), "/echo?a=b%20c");
    EXPECT_EQ(GetString(echo, "body"), request.body);
    const std::string headers = GetArray(echo, "headers").dump();
    EXPECT_THAT(headers, HasSubstr(R"(["Content-Type","application/json"])"));
    EXPECT_THAT(headers, HasSubstr(R"(["X-Empty",""])"));
    EXPECT_THAT(headers, HasSubstr(R"(["User-Agent","terraform-provider-delivery"])"));
    EXPECT_THAT(headers, Not(HasSubstr("Expect")));
  }
}

TEST_F(CurlTransportTest, RequestsWithoutBodyHaveNoContentType) {
  for (const char* method : {"GET", "DELETE", "POST"}) {
    Request request = Get(server_->Url("/echo"));
    request.method = method;
    const auto response = Do(request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_THAT(response->body, Not(HasSubstr("Content-Type"))) << method;
  }
}

TEST_F(CurlTransportTest, HeadHasNoBody) {
  Request request = Get(server_->Url("/bytes/10"));
  request.method = "HEAD";
  const auto response = Do(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(FindHeader(response->headers, "content-length"), "10");
}

TEST_F(CurlTransportTest, RefusesHeadersThatSmuggleOthers) {
  Request request = Get(server_->Url("/echo"));
  request.headers = {{"X-A", "1\r\nX-B: 2"}};
  EXPECT_EQ(Do(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CurlTransportTest, RefusesOtherSchemesAndMalformedUrls) {
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "not a url", ""}) {
    EXPECT_EQ(Do(Get(url)).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

TEST_F(CurlTransportTest, DoesNotFollowRedirects) {
  const auto response = Do(Get(server_->Url("/redirect")));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(FindHeader(response->headers, "Location"), "/status/200");
}

TEST_F(CurlTransportTest, InterimAnswersAreNotTheAnswer) {
  const auto response = Do(Get(server_->Url("/hints")));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(FindHeader(response->headers, "X-Interim"), std::nullopt);
  EXPECT_EQ(FindHeader(response->headers, "X-Final"), "yes");
  EXPECT_EQ(response->body, "final");
}

TEST_F(CurlTransportTest, DataArrivesWhileTheResponseIsOpenAndCancelEndsItAtOnce) {
  auto recorder = std::make_shared<Recorder>();
  std::stop_source stop;
  Request request = Get(server_->Url("/stream"));
  request.timeout = absl::InfiniteDuration();
  const int64_t hang_ups = GetInt(Stats(), "hang_ups");
  transport_->Start(request, stop.get_token(), recorder);
  ASSERT_TRUE(recorder->WaitForBody("one\n"));
  EXPECT_EQ(recorder->done_count(), 0);

  const auto before = std::chrono::steady_clock::now();
  stop.request_stop();
  EXPECT_EQ(recorder->WaitForDone().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(500));
  EXPECT_EQ(recorder->done_count(), 1);
  // The server sees it: the connection is closed, not kept.
  for (int i = 0; i < 100 && GetInt(Stats(), "hang_ups") == hang_ups; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_GT(GetInt(Stats(), "hang_ups"), hang_ups);
}

TEST_F(CurlTransportTest, StopRequestedBeforeTheStartSendsNothing) {
  const int64_t before = GetInt(Stats(), "requests");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Do(Get(server_->Url("/status/200")), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(GetInt(Stats(), "requests"), before + 1);  // that of Stats itself
}

TEST_F(CurlTransportTest, ReceiverMayEndTheExchange) {
  auto recorder = std::make_shared<Recorder>();
  recorder->RefuseData();
  transport_->Start(Get(server_->Url("/stream")), {}, recorder);
  EXPECT_EQ(recorder->WaitForDone().code(), absl::StatusCode::kCancelled);
}

TEST_F(CurlTransportTest, TotalTimeoutEndsASilentExchange) {
  Request request = Get(server_->Url("/silent"));
  request.timeout = absl::Milliseconds(200);
  const absl::Status status = Do(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Message(status),
            absl::StrCat("no complete answer from 127.0.0.1:", server_->port(), " within 200ms"));
}

TEST_F(CurlTransportTest, IdleTimeoutCountsFromTheLastByte) {
  Request request = Get(server_->Url("/drip/6/100"));
  request.idle_timeout = absl::Milliseconds(400);
  const auto response = Do(request);  // longer than the idle time-out, but never idle
  EXPECT_TRUE(response.ok()) << response.status();

  request.url = server_->Url("/stream");
  const absl::Status status = Do(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(status), HasSubstr("nothing received"));
}

TEST_F(CurlTransportTest, ResponseSizeIsLimited) {
  Request request = Get(server_->Url("/bytes/200000"));
  request.max_response_bytes = 200'000;
  EXPECT_TRUE(Do(request).ok());
  request.max_response_bytes = 199'999;
  const absl::Status status = Do(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Message(status), HasSubstr("is larger than 199999 bytes"));
}

TEST_F(CurlTransportTest, ConnectionRefusedIsUnavailableAndSaysWhere) {
  const absl::Status status = Do(Get("http://127.0.0.1:1/")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Message(status), "cannot connect to 127.0.0.1:1: connection refused");
}

TEST_F(CurlTransportTest, UnknownHostIsUnavailable) {
  const absl::Status status = Do(Get("http://nowhere.invalid/")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("cannot connect to nowhere.invalid:80"));
}

TEST_F(CurlTransportTest, LostConnectionsAreUnavailable) {
  for (const char* path : {"/reset", "/truncated"}) {
    const absl::Status status = Do(Get(server_->Url(path))).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << path;
    EXPECT_THAT(Message(status), HasSubstr("was lost")) << path;
  }
}

TEST_F(CurlTransportTest, ManyRequestsFromManyThreads) {
  constexpr int kThreads = 100;
  std::vector<std::thread> threads;
  std::vector<std::string> bodies(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Request request = Get(server_->Url("/echo"));
      request.method = "POST";
      request.body = absl::StrCat("request ", i);
      const auto response = Do(request);
      bodies[static_cast<size_t>(i)] = response.ok() ? response->body : Message(response.status());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i) {
    EXPECT_THAT(bodies[static_cast<size_t>(i)], HasSubstr(absl::StrCat("\"request ", i, "\"")));
  }
}

TEST_F(CurlTransportTest, UnansweredRequestsDoNotHoldUpOthers) {
  const HttpTestServer tls({.tls = true});
  TransportOptions options;
  options.ca_certificate_pem = tls.ca();
  transport_ = MakeCurlTransport(options);
  for (const std::string& base : {server_->Url(""), tls.UrlAt("localhost", "")}) {
    for (int i = 0; i < 5; ++i) {
      transport_->Start(Get(base + "/silent"), {}, std::make_shared<Recorder>());
    }
    const auto response = Do(Get(base + "/status/200"));
    EXPECT_TRUE(response.ok()) << response.status();
  }
}

TEST_F(CurlTransportTest, CancellingAtAnyMomentEndsEachExchangeOnce) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<std::stop_source> stops(60);
  for (std::stop_source& stop : stops) {
    recorders.push_back(std::make_shared<Recorder>());
    transport_->Start(Get(server_->Url("/drip/3/1")), stop.get_token(), recorders.back());
  }
  std::vector<std::thread> threads;
  for (std::stop_source& stop : stops) {
    threads.emplace_back([&stop] {
      std::this_thread::yield();
      stop.request_stop();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& recorder : recorders) {
    const absl::Status status = recorder->WaitForDone();
    EXPECT_TRUE(status.ok() || absl::IsCancelled(status)) << status;
    EXPECT_EQ(recorder->done_count(), 1);
  }
}

TEST_F(CurlTransportTest, DestructionEndsWhatIsInFlight) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < 10; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    transport_->Start(Get(server_->Url("/silent")), {}, recorders.back());
  }
  transport_.reset();
  for (auto& recorder : recorders) {
    ASSERT_EQ(recorder->done_count(), 1);
    EXPECT_EQ(recorder->WaitForDone().code(), absl::StatusCode::kCancelled);
  }
}

// Drops the last reference to its transport on the transport's own thread.
class LastOwner : public Recorder {
 public:
  explicit LastOwner(std::shared_ptr<Transport> transport) : transport_(std::move(transport)) {}
  void OnDone(const absl::Status& status) override {
    transport_.reset();
    Recorder::OnDone(status);
  }

 private:
  std::shared_ptr<Transport> transport_;
};

TEST_F(CurlTransportTest, MayBeDestroyedByAHandler) {
  Transport& transport = *transport_;
  auto owner = std::make_shared<LastOwner>(std::move(transport_));
  auto other = std::make_shared<Recorder>();
  transport.Start(Get(server_->Url("/silent")), {}, other);
  transport.Start(Get(server_->Url("/status/200")), {}, owner);
  EXPECT_TRUE(owner->WaitForDone().ok());
  EXPECT_EQ(other->WaitForDone().code(), absl::StatusCode::kCancelled);
}

TEST_F(CurlTransportTest, UnusedTransportsCostNothingToDestroy) { transport_.reset(); }

TEST_F(CurlTransportTest, ExplicitProxyIsUsed) {
  UseProxy(server_->Url(""));
  const auto response = Do(Get("http://only-the-proxy-knows.test/echo"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->body, HasSubstr("http://only-the-proxy-knows.test/echo"));
}

TEST_F(CurlTransportTest, RefusesMalformedProxyWithoutRepeatingIt) {
  UseProxy("gopher://user:hunter22@proxy:1");
  const absl::Status status = Do(Get(server_->Url("/status/200"))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("proxy URL"), Not(HasSubstr("hunter22"))));
}

TEST_F(CurlTransportTest, UnreachableProxyIsNamed) {
  UseProxy("http://user:hunter22@127.0.0.1:1");
  const absl::Status status = Do(Get("http://a.test/")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("through the proxy 127.0.0.1:1"), Not(HasSubstr("hunter22"))));
}

}  // namespace
}  // namespace delivery::http
