// What tests ask of the fake beyond the API: a controller, faults, the recorder.
#include "tests/support/fake_kube_api.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/rest_api.h"

namespace delivery::testing {
namespace {

using kubernetes::ObjectRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ObjectRef kWeb = {"apps/v1", "Deployment", "default", "web"};
const ObjectRef kConfig = {"v1", "ConfigMap", "default", "config"};

Json Web(int replicas) {
  const Json labels = {{"app", "web"}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", "web"}, {"namespace", "default"}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", labels}}},
            {"template",
             {{"metadata", {{"labels", labels}}},
              {"spec", {{"containers", Json::array({Json{{"name", "web"}, {"image", "a"}}})}}}}}}}};
}

Json Config(const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", "config"}, {"namespace", "default"}}},
          {"data", {{"value", value}}}};
}

class FakeKubeApiTest : public ::testing::Test {
 protected:
  FakeKubeApiTest() {
    kubernetes::ClusterConfig config;
    config.server = "https://fake.test";
    api_ = kubernetes::MakeRestApi(
        config, kubernetes::MakeCredentialSource(config, Clock::Real()),
        [this](const auto&) { return kube_; }, Clock::Real());
  }

  absl::Status Get(const ObjectRef& ref) { return api_->Get(ref, {}).status(); }

  bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) {
      Clock::Real().Sleep(absl::Milliseconds(10), {});
    }
    return condition();
  }

  const std::shared_ptr<FakeKubeApi> kube_ = std::make_shared<FakeKubeApi>();
  std::shared_ptr<kubernetes::Api> api_;
};

TEST_F(FakeKubeApiTest, ControllerSeesEachWriteAndMovesTheStatus) {
  kube_->SetController([](FakeKubeApi& kube) {
    const auto web = kube.Find(kWeb);
    if (!web.has_value()) return;
    kube.SetStatus(kWeb, {{"readyReplicas", (*web)["spec"]["replicas"]}});
  });
  ASSERT_TRUE(api_->Apply(Web(3), {}, {}).ok());
  EXPECT_EQ((*api_->Get(kWeb, {}))["status"]["readyReplicas"], 3);
  ASSERT_TRUE(api_->MergePatch(kWeb, {{"spec", {{"replicas", 5}}}}, {}, {}).ok());
  const auto web = api_->Get(kWeb, {});
  ASSERT_TRUE(web.ok()) << web.status();
  EXPECT_EQ((*web)["status"]["readyReplicas"], 5);
  EXPECT_EQ((*web)["metadata"]["generation"], 2);
}

TEST_F(FakeKubeApiTest, StatusOfTheControllerIsOwnedByItsSubresource) {
  kube_->Put(Web(1));
  kube_->SetStatus(kWeb, {{"readyReplicas", 1}});
  const std::string managed = (*kube_->Find(kWeb))["metadata"]["managedFields"].dump();
  EXPECT_THAT(managed, HasSubstr("f:readyReplicas"));
  EXPECT_THAT(managed, HasSubstr("\"subresource\":\"status\""));
}

TEST_F(FakeKubeApiTest, ChangesOfTheTestConflictLikeThoseOfOthers) {
  ASSERT_TRUE(api_->Apply(Web(3), {}, {}).ok());
  ASSERT_TRUE(kube_->Change(
      kWeb, [](Json& web) { web["spec"]["replicas"] = 4; }, "kubectl"));
  const absl::Status status = api_->Apply(Web(3), {}, {}).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("conflict with \"kubectl\" using apps/v1: .spec.replicas"));
}

TEST_F(FakeKubeApiTest, RefusesTheNthMatchingRequest) {
  kube_->Put(Config("1"));
  kube_->AddFault({.method = "GET", .path_part = "configmaps", .skip = 1, .status = 403});
  EXPECT_TRUE(Get(kConfig).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Get(kConfig)));
  EXPECT_TRUE(Get(kConfig).ok());
}

TEST_F(FakeKubeApiTest, PassingFaultsAreRetried) {
  kube_->Put(Config("1"));
  kube_->AddFault({.status = 503, .retry_after = "0"});
  kube_->AddFault({.kind = KubeFault::Kind::kCutBefore});
  EXPECT_TRUE(Get(kConfig).ok());
  EXPECT_THAT(kube_->requests(), SizeIs(3));
}

TEST_F(FakeKubeApiTest, WorkMayBeDoneAlthoughTheAnswerIsLost) {
  kube_->AddFault({.kind = KubeFault::Kind::kCutAfter, .method = "POST"});
  const absl::Status status = api_->Create(Config("1"), {}, {}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(kube_->Find(kConfig).has_value());
}

TEST_F(FakeKubeApiTest, UnconnectedRequestsMayAllBeRepeated) {
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .method = "POST"});
  EXPECT_TRUE(api_->Create(Config("1"), {}, {}).ok());
}

TEST_F(FakeKubeApiTest, DelayedAnswersCanBeCancelled) {
  kube_->AddFault({.kind = KubeFault::Kind::kDelay, .delay = absl::Seconds(20)});
  std::stop_source stop;
  std::thread canceller([&] {
    Clock::Real().Sleep(absl::Milliseconds(50), {});
    stop.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(api_->Get(kConfig, stop.get_token()).status()));
  canceller.join();
}

TEST_F(FakeKubeApiTest, DelaysDoNotHoldUpOthers) {
  kube_->Put(Config("1"));
  kube_->AddFault({.kind = KubeFault::Kind::kDelay,
                   .path_part = "deployments",
                   .delay = absl::Milliseconds(300)});
  std::thread slow([&] { EXPECT_TRUE(absl::IsNotFound(Get(kWeb))); });
  EXPECT_TRUE(Eventually([&] { return !kube_->requests().empty(); }));
  const absl::Time before = Clock::Real().Now();
  EXPECT_TRUE(Get(kConfig).ok());
  EXPECT_LT(Clock::Real().Now() - before, absl::Milliseconds(250));
  slow.join();
}

TEST_F(FakeKubeApiTest, RecorderTellsWritesFromReadsAndRehearsals) {
  ASSERT_TRUE(api_->Apply(Web(1), {.dry_run = true}, {}).ok());
  ASSERT_TRUE(api_->Apply(Web(1), {}, {}).ok());
  ASSERT_TRUE(Get(kWeb).ok());
  EXPECT_THAT(kube_->requests(), SizeIs(3));
  ASSERT_THAT(kube_->writes(), SizeIs(1));
  const RecordedKubeRequest write = kube_->writes()[0];
  EXPECT_EQ(write.status, 201);
  EXPECT_EQ(write.request.method, "PATCH");
  EXPECT_EQ(write.request.plural, "deployments");
  EXPECT_EQ(write.request.name, "web");
  EXPECT_EQ(write.request.Query("fieldManager"), "terraform-provider-delivery");
  kube_->ForgetRequests();
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

TEST_F(FakeKubeApiTest, DeniedAccessIsForbiddenAndReviewed) {
  kube_->Deny({.verb = "patch", .group = "apps", .resource = "deployments"});
  const absl::Status status = api_->Apply(Web(1), {}, {}).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  const auto answer = api_->ReviewAccess(
      {.verb = "patch", .group = "apps", .resource = "deployments", .namespace_name = "default"},
      {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->allowed);
}

TEST_F(FakeKubeApiTest, ServesCustomResources) {
  kube_->AddType({"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"});
  const Json route = {{"apiVersion", "gateway.networking.k8s.io/v1"},
                      {"kind", "HTTPRoute"},
                      {"metadata", {{"name", "web"}, {"namespace", "default"}}},
                      {"spec", {{"hostnames", {"a.test"}}}}};
  const auto applied = api_->Apply(route, {}, {});
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_TRUE(applied->created);
}

TEST_F(FakeKubeApiTest, ServesPodLogs) {
  kube_->Put({{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata", {{"name", "web-1"}, {"namespace", "default"}}},
              {"spec", {{"containers", Json::array({Json{{"name", "web"}}})}}}});
  kube_->SetPodLog("default", "web-1", "web", "one\ntwo\nthree\n");
  const auto log = api_->PodLog("default", "web-1", {.container = "web", .tail_lines = 2}, {});
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(*log, "two\nthree\n");
}

TEST_F(FakeKubeApiTest, ProxiesToTheTest) {
  kube_->SetProxy([](const KubeRequest& request) -> http::Response {
    return {418, {}, absl::StrCat(request.name, " ", request.rest)};
  });
  kubernetes::ProxyRequest request;
  request.namespace_name = "default";
  request.name = "web-1";
  request.port = 8080;
  request.path = "/healthz?full=yes";
  const auto response = api_->Proxy(request, {});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 418);
  EXPECT_EQ(response->body, "http:web-1:8080 /healthz?full=yes");
}

TEST_F(FakeKubeApiTest, WatchesResumeWhereTheyWere) {
  kubernetes::ChangeSignal signal;
  const auto watch = api_->Watch("v1", "ConfigMap", {.namespace_name = "default"}, signal);
  ASSERT_TRUE(Eventually([&] { return watch->synced() && kube_->open_watches() == 1; }));
  kube_->SendBookmarks();
  kube_->EndWatches();
  kube_->Put(Config("1"));
  EXPECT_TRUE(Eventually([&] { return watch->Objects().size() == 1; }));
  kube_->CutWatches();
  kube_->Put(Config("2"));
  EXPECT_TRUE(Eventually([&] { return watch->Objects()[0]["data"]["value"] == "2"; }));
  // One list only: what was missed came through the watch.
  int lists = 0;
  for (const RecordedKubeRequest& record : kube_->requests()) {
    lists += record.request.plural == "configmaps" && !record.request.IsWatch() ? 1 : 0;
  }
  EXPECT_EQ(lists, 1);
}

TEST_F(FakeKubeApiTest, DestructionCancelsWhatIsInFlight) {
  http::Request request;
  class Outcome : public http::ResponseHandler {
   public:
    void OnHeaders(int, const http::Headers&) override {}
    bool OnData(std::string_view) override { return true; }
    void OnDone(const absl::Status& done) override { status = done; }
    std::optional<absl::Status> status;
  };
  const auto outcome = std::make_shared<Outcome>();
  {
    FakeKubeApi other;
    request.url = "https://fake.test/api/v1/configmaps?watch=1";
    other.Start(request, {}, outcome);
  }
  ASSERT_TRUE(outcome->status.has_value());
  EXPECT_TRUE(absl::IsCancelled(*outcome->status));
}

}  // namespace
}  // namespace delivery::testing
