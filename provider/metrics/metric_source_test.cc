#include "provider/metrics/metric_source.h"

#include <string>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/http/scripted_transport.h"
#include "provider/kubernetes/rest_api.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;

constexpr char kOne[] = R"({"status":"success","data":{"resultType":"scalar","result":[1,"1.5"]}})";
constexpr char kBadQuery[] =
    R"({"status":"error","errorType":"bad_data","error":"1:12: parse error: unexpected <eof>"})";

class MetricSourceTest : public ::testing::Test {
 protected:
  MetricSourceTest() {
    kubernetes::ClusterConfig config;
    config.server = "https://kube.test";
    api_ = kubernetes::MakeRestApi(
        config, kubernetes::MakeCredentialSource(config, Clock::Real()),
        [this](const auto&) { return kube_; }, Clock::Real());
    kube_->AddNamespace("shop");
    side_.namespace_name = "shop";
    side_.name = side_.stable = "web";
    side_.workload = side_.canary = "web-canary";
  }

  MetricContext Context() {
    return {*api_, [this](const PrometheusServer&) { return prometheus_; },
            [this] { return urls_; }};
  }
  Sample Read(std::variant<PrometheusMetric, HttpMetric, KubernetesSignal> source) {
    return ReadMetric(Context(), {"m", std::move(source)}, side_, {});
  }
  absl::Status Rehearse(std::variant<PrometheusMetric, HttpMetric, KubernetesSignal> source) {
    return RehearseMetric(Context(), {"m", std::move(source)}, side_, {});
  }
  PrometheusMetric Query(const std::string& query = "up") const { return {server_, query}; }
  // What Prometheus was asked; the test ends when it was nothing.
  http::Request Asked() const {
    return prometheus_->requests().empty() ? http::Request() : prometheus_->requests().back();
  }

  const std::shared_ptr<testing::FakeKubeApi> kube_ = std::make_shared<testing::FakeKubeApi>();
  const std::shared_ptr<http::ScriptedTransport> prometheus_ =
      std::make_shared<http::ScriptedTransport>();
  const std::shared_ptr<http::ScriptedTransport> urls_ =
      std::make_shared<http::ScriptedTransport>();
  std::shared_ptr<kubernetes::Api> api_;
  PrometheusServer server_{.url = "https://prometheus.test/prefix/"};
  Side side_;
};

// ---- Prometheus by its URL

TEST_F(MetricSourceTest, AsksAnInstantQueryBelowThePrefix) {
  prometheus_->ThenText(200, kOne);
  EXPECT_EQ(Read(Query("sum(up{app=\"{{workload}}\"})")), (Sample{Sample::Kind::kValue, 1.5, ""}));
  EXPECT_EQ(Asked().method, "POST");
  EXPECT_EQ(Asked().url, "https://prometheus.test/prefix/api/v1/query");
  EXPECT_EQ(Asked().body, "query=sum%28up%7Bapp%3D%22web-canary%22%7D%29&timeout=20s");
  EXPECT_THAT(http::FindHeader(Asked().headers, "Content-Type"),
              Optional(std::string("application/x-www-form-urlencoded")));
  EXPECT_LE(Asked().timeout, absl::Seconds(30));
}

TEST_F(MetricSourceTest, AProxyThatLetsOnlyGetThroughIsAskedSo) {
  for (const int status : {405, 501}) {
    prometheus_->ThenText(status, "no POST");
    prometheus_->ThenText(200, kOne);
    EXPECT_EQ(Read(Query()).value, 1.5);
    EXPECT_EQ(Asked().method, "GET");
    EXPECT_EQ(Asked().url, "https://prometheus.test/prefix/api/v1/query?query=up&timeout=20s");
    EXPECT_THAT(Asked().body, IsEmpty());
  }
}

TEST_F(MetricSourceTest, SendsCredentialsAndHeaders) {
  server_.username = "ann";
  server_.password = "geheim";
  server_.headers = {{"X-Scope-OrgID", "team"}};
  prometheus_->ThenText(200, kOne);
  Read(Query());
  EXPECT_THAT(http::FindHeader(Asked().headers, "Authorization"),
              Optional("Basic " + absl::Base64Escape("ann:geheim")));
  EXPECT_THAT(http::FindHeader(Asked().headers, "X-Scope-OrgID"), Optional(std::string("team")));

  server_.username = server_.password = "";
  server_.bearer_token = "token-4711";
  prometheus_->ThenText(200, kOne);
  Read(Query());
  EXPECT_THAT(http::FindHeader(Asked().headers, "Authorization"),
              Optional(std::string("Bearer token-4711")));

  server_.bearer_token = "";
  server_.url = "http://bob:geheim@prometheus.test";
  prometheus_->ThenText(200, kOne);
  Read(Query());
  EXPECT_EQ(Asked().url, "http://prometheus.test/api/v1/query");
  EXPECT_THAT(http::FindHeader(Asked().headers, "Authorization"),
              Optional("Basic " + absl::Base64Escape("bob:geheim")));
}

TEST_F(MetricSourceTest, ABadQueryIsAnErrorWithItsPosition) {
  prometheus_->ThenText(400, kBadQuery);
  const Sample sample = Read(Query("sum(up{a=b"));
  EXPECT_EQ(sample.kind, Sample::Kind::kError);
  EXPECT_THAT(sample.detail, AllOf(HasSubstr("Prometheus at https://prometheus.test/prefix/"),
                                   HasSubstr("1:12: parse error")));
  prometheus_->ThenText(400, kBadQuery);
  EXPECT_TRUE(absl::IsInvalidArgument(Rehearse(Query())));
}

TEST_F(MetricSourceTest, WhatWasSecretIsNotShown) {
  server_.url = "https://ann:swordfish@prometheus.test/?key=geheim99";
  prometheus_->ThenFail(absl::UnavailableError(
      "cannot connect to https://ann:swordfish@prometheus.test/?key=geheim99"));
  const Sample sample = Read(Query());
  EXPECT_EQ(sample.kind, Sample::Kind::kError);
  EXPECT_THAT(sample.detail, AllOf(HasSubstr("prometheus.test"), HasSubstr("cannot connect"),
                                   Not(HasSubstr("swordfish")), Not(HasSubstr("geheim99"))));
}

struct FailureCase {
  const char* name;
  absl::Status failure;
  int status;
  absl::StatusCode code;
};
class FailureTest : public MetricSourceTest, public ::testing::WithParamInterface<FailureCase> {};

TEST_P(FailureTest, IsAnErrorOfTheRightKind) {
  const auto script = [this] {
    if (GetParam().failure.ok()) {
      prometheus_->ThenText(GetParam().status, "no", {{"Location", "https://x.test/?t=abcdef"}});
    } else {
      prometheus_->ThenFail(GetParam().failure);
    }
  };
  script();
  const Sample sample = Read(Query());
  EXPECT_EQ(sample.kind, Sample::Kind::kError);
  EXPECT_THAT(sample.detail, AllOf(HasSubstr("Prometheus at"), Not(HasSubstr("abcdef"))));
  script();
  EXPECT_EQ(Rehearse(Query()).code(), GetParam().code);
  EXPECT_EQ(prometheus_->requests().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(
    , FailureTest,
    ::testing::Values(FailureCase{"Unreachable", absl::UnavailableError("refused"), 0,
                                  absl::StatusCode::kUnavailable},
                      FailureCase{"Slow", absl::DeadlineExceededError("no answer in 25s"), 0,
                                  absl::StatusCode::kUnavailable},
                      FailureCase{"Certificate", absl::UnauthenticatedError("certificate"), 0,
                                  absl::StatusCode::kUnauthenticated},
                      FailureCase{"Unauthenticated", {}, 401, absl::StatusCode::kUnauthenticated},
                      FailureCase{"Forbidden", {}, 403, absl::StatusCode::kPermissionDenied},
                      FailureCase{"Redirect", {}, 302, absl::StatusCode::kUnavailable},
                      FailureCase{"BadGateway", {}, 502, absl::StatusCode::kUnavailable}),
    [](const auto& test) { return test.param.name; });

TEST_F(MetricSourceTest, AnAnswerIsBounded) {
  prometheus_->ThenText(200, std::string(3 * 1024 * 1024, ' '));
  const Sample sample = Read(Query());
  EXPECT_EQ(sample.kind, Sample::Kind::kAmbiguous);
  EXPECT_THAT(sample.detail, HasSubstr("1 MiB"));
}

TEST_F(MetricSourceTest, EndsWhenItIsToStop) {
  prometheus_->ThenOpen();
  std::stop_source stop;
  std::jthread stopper([&] {
    prometheus_->WaitForOpen(0);
    stop.request_stop();
  });
  const Sample sample = ReadMetric(Context(), {"m", Query()}, side_, stop.get_token());
  EXPECT_EQ(sample.kind, Sample::Kind::kError);
}

// ---- Prometheus behind a Service

class ServiceTest : public MetricSourceTest {
 protected:
  ServiceTest() {
    server_ = PrometheusServer();
    server_.service = {.namespace_name = "monitoring", .name = "prometheus", .port = 9090};
    kube_->AddNamespace("monitoring");
    for (const char* space : {"monitoring", "shop"}) {
      kube_->Put({{"apiVersion", "v1"},
                  {"kind", "Service"},
                  {"metadata", {{"namespace", space}, {"name", "prometheus"}}}});
    }
    kube_->SetProxy([this](const testing::KubeRequest& request) {
      asked_.push_back(request);
      return http::Response{status_, {{"Content-Type", "application/json"}}, body_};
    });
  }

  std::vector<testing::KubeRequest> asked_;
  int status_ = 200;
  std::string body_ = kOne;
};

TEST_F(ServiceTest, IsAskedThroughTheApiServer) {
  EXPECT_EQ(Read(Query("up{a=\"{{name}}\"}")), (Sample{Sample::Kind::kValue, 1.5, ""}));
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].namespace_name, "monitoring");
  EXPECT_EQ(asked_[0].name, "http:prometheus:9090");
  EXPECT_EQ(asked_[0].rest, "/api/v1/query?query=up%7Ba%3D%22web%22%7D&timeout=20s");
  EXPECT_THAT(prometheus_->requests(), IsEmpty());
}

TEST_F(ServiceTest, IsInTheWorkloadsNamespaceUnlessGiven) {
  server_.service->namespace_name = "";
  Read(Query());
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].namespace_name, "shop");
}

TEST_F(ServiceTest, ItsWordsAreItsOwn) {
  status_ = 400;
  body_ = kBadQuery;
  EXPECT_THAT(Read(Query()).detail, AllOf(HasSubstr("Service monitoring/prometheus, port 9090"),
                                          HasSubstr("1:12: parse error")));
  EXPECT_TRUE(absl::IsInvalidArgument(Rehearse(Query())));
}

TEST_F(ServiceTest, WithoutTheRightItIsRefused) {
  kube_->Deny({.verb = "get", .resource = "services/proxy"});
  const absl::Status status = Rehearse(Query());
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("services/proxy"));
}

TEST_F(ServiceTest, AMissingServiceIsNoAnswer) {
  server_.service->name = "other";
  status_ = 404;
  body_ = R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound",
              "message":"services \"other\" not found","code":404})";
  EXPECT_TRUE(absl::IsUnavailable(Rehearse(Query())));
  EXPECT_THAT(Read(Query()).detail, HasSubstr("monitoring/other"));
}

// ---- JSON by its URL

TEST_F(MetricSourceTest, ReadsANumberOfAJsonDocument) {
  urls_->ThenText(200, R"({"data":[{"value":"7.5"}]})");
  EXPECT_EQ(Read(HttpMetric{"https://x.test/{{name}}?w={{ workload }}", "$.data[0].value"}).value,
            7.5);
  ASSERT_EQ(urls_->requests().size(), 1U);
  EXPECT_EQ(urls_->requests()[0].url, "https://x.test/web?w=web-canary");
  EXPECT_EQ(urls_->requests()[0].method, "GET");
  EXPECT_THAT(prometheus_->requests(), IsEmpty());
}

TEST_F(MetricSourceTest, AJsonDocumentThatIsNotThereIsAnError) {
  const HttpMetric metric = {"https://ann:geheim77@x.test/a?token=verborgen", "$"};
  for (const int status : {301, 404, 500}) {
    urls_->ThenText(status, "3");
    const Sample sample = Read(metric);
    EXPECT_EQ(sample.kind, Sample::Kind::kError);
    EXPECT_THAT(sample.detail, AllOf(HasSubstr("GET https://x.test/a?token=(redacted)"),
                                     HasSubstr(std::to_string(status)), Not(HasSubstr("geheim77")),
                                     Not(HasSubstr("verborgen"))));
  }
  urls_->ThenText(200, "<html>");
  EXPECT_THAT(Read(metric).detail, HasSubstr("not valid JSON"));
  urls_->ThenText(403, "");
  EXPECT_TRUE(absl::IsPermissionDenied(Rehearse(metric)));
}

// ---- Pods

TEST_F(MetricSourceTest, ReadsPodsWithoutAskingAnybody) {
  side_.pods = {{{"metadata", {{"name", "web-1"}}},
                 {"status", {{"containerStatuses", {{{"restartCount", 4}}}}}}}};
  EXPECT_EQ(Read(KubernetesSignal::kRestarts).value, 4);
  EXPECT_EQ(Read(KubernetesSignal::kUnreadyPods).value, 1);
  side_.pods.clear();
  EXPECT_TRUE(Rehearse(KubernetesSignal::kRestarts).ok());
}

}  // namespace
}  // namespace delivery::metrics
