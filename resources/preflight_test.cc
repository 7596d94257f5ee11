#include "resources/preflight.h"

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/delivery/engine.h"
#include "provider/runner/journal.h"
#include "provider/runner/runner_fixture.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KubeFault;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// ---- What is asked once

class RememberedTest : public ::testing::Test {
 protected:
  absl::StatusOr<int> Get(const std::string& key, const Remembered<int>::Ask& ask) {
    return remembered_.Get(key, now_, stop_.get_token(), ask,
                           [](const int& answer) { return absl::Seconds(answer); });
  }
  Remembered<int>::Ask Answer(int answer) {
    return [this, answer] {
      ++asked_;
      return answer;
    };
  }

  Remembered<int> remembered_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::stop_source stop_;
  std::atomic<int> asked_ = 0;
};

TEST_F(RememberedTest, AsksOnceForEachKeyUntilTheAnswerIsTooOld) {
  EXPECT_EQ(*Get("a", Answer(10)), 10);
  EXPECT_EQ(*Get("a", Answer(20)), 10);
  EXPECT_EQ(*Get("b", Answer(30)), 30);
  now_ += absl::Seconds(10);
  EXPECT_EQ(*Get("a", Answer(40)), 40);
  EXPECT_EQ(asked_, 3);
}

TEST_F(RememberedTest, AnErrorIsNotRemembered) {
  const auto fails = [] { return absl::StatusOr<int>(absl::UnavailableError("later")); };
  EXPECT_TRUE(absl::IsUnavailable(Get("a", fails).status()));
  EXPECT_EQ(*Get("a", Answer(1)), 1);
}

TEST_F(RememberedTest, WhoComesMeanwhileWaitsForTheSameAnswer) {
  std::atomic<int> waiting = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      ++waiting;
      const absl::StatusOr<int> answer = Get("a", [&] {
        ++asked_;
        EXPECT_TRUE(runner::Eventually([&] { return waiting == 8; }));
        absl::SleepFor(absl::Milliseconds(20));
        return absl::StatusOr<int>(absl::UnavailableError("later"));
      });
      EXPECT_TRUE(absl::IsUnavailable(answer.status()));
    });
  }
  threads.clear();
  EXPECT_LT(asked_, 8);
}

TEST_F(RememberedTest, AStopEndsTheWait) {
  std::atomic<bool> asking = false;
  std::atomic<bool> release = false;
  std::jthread asks([&] {
    const absl::StatusOr<int> answer = remembered_.Get(
        "a", now_, {},
        [&]() -> absl::StatusOr<int> {
          asking = true;
          EXPECT_TRUE(runner::Eventually([&] { return release.load(); }));
          return 7;
        },
        [](const int&) { return absl::InfiniteDuration(); });
    EXPECT_EQ(*answer, 7);
  });
  ASSERT_TRUE(runner::Eventually([&] { return asking.load(); }));
  stop_.request_stop();
  EXPECT_TRUE(absl::IsCancelled(Get("a", Answer(1)).status()));
  release = true;
}

// Who asked was stopped; others ask for themselves.
TEST_F(RememberedTest, AStoppedQuestionIsAskedAgain) {
  std::atomic<bool> asking = false;
  std::atomic<bool> release = false;
  std::jthread stopped([&] {
    const absl::StatusOr<int> answer = Get("a", [&]() -> absl::StatusOr<int> {
      asking = true;
      EXPECT_TRUE(runner::Eventually([&] { return release.load(); }));
      return absl::CancelledError("stopped");
    });
    EXPECT_TRUE(absl::IsCancelled(answer.status()));
  });
  ASSERT_TRUE(runner::Eventually([&] { return asking.load(); }));
  std::jthread other([&] { EXPECT_EQ(*Get("a", Answer(3)), 3); });
  absl::SleepFor(absl::Milliseconds(20));
  release = true;
}

// ---- Permissions that a release needs

std::vector<std::string> Texts(const std::vector<Permission>& permissions) {
  std::vector<std::string> texts;
  for (const Permission& one : permissions) texts.push_back(one.ToString());
  return texts;
}

std::vector<std::string> NeededFor(const std::string& kind, PermissionNeeds needs = {}) {
  needs.workload = {"apps/v1", kind, "shop", "web"};
  return Texts(PermissionsFor(needs));
}

TEST(PermissionsForTest, ADeployment) {
  EXPECT_THAT(NeededFor("Deployment"),
              ElementsAre("get deployments.apps", "list deployments.apps", "watch deployments.apps",
                          "patch deployments.apps", "list pods", "watch pods",
                          "list replicasets.apps", "watch replicasets.apps", "get configmaps",
                          "create configmaps", "update configmaps", "delete configmaps",
                          "get leases.coordination.k8s.io", "create leases.coordination.k8s.io",
                          "update leases.coordination.k8s.io", "delete leases.coordination.k8s.io",
                          "get pods/log", "list events", "create events"));
}

TEST(PermissionsForTest, OtherKinds) {
  EXPECT_THAT(NeededFor("StatefulSet"),
              AllOf(Contains("patch statefulsets.apps"), Contains("delete pods"),
                    Not(Contains(HasSubstr("replicasets"))),
                    Not(Contains(HasSubstr("controllerrevisions")))));
  EXPECT_THAT(NeededFor("DaemonSet"),
              AllOf(Contains("patch daemonsets.apps"), Contains("watch controllerrevisions.apps"),
                    Not(Contains("delete pods"))));
}

TEST(PermissionsForTest, WhatTheConfigurationAsksFor) {
  EXPECT_THAT(NeededFor("Deployment", {.creates = true}),
              AllOf(Contains("create deployments.apps"), Not(Contains("delete deployments.apps"))));
  EXPECT_THAT(NeededFor("Deployment", {.may_remove = true}), Contains("delete deployments.apps"));
  EXPECT_THAT(NeededFor("Deployment", {.pod_proxy = true}), Contains("get pods/proxy"));
  EXPECT_THAT(NeededFor("Deployment", {.service_proxy = true}), Contains("get services/proxy"));
  EXPECT_THAT(NeededFor("Deployment", {.jobs = true}),
              AllOf(Contains("create jobs.batch"), Contains("get jobs.batch"),
                    Contains("delete jobs.batch")));
  EXPECT_THAT(NeededFor("Deployment", {.secrets = true}), Contains("get secrets"));
}

TEST(NeedsOfTest, ReadsChecksAndRestartOn) {
  WorkloadArguments arguments = ArgumentsFor(WebManifest());
  const PermissionNeeds none = NeedsOf(arguments);
  EXPECT_FALSE(none.pod_proxy || none.service_proxy || none.jobs || none.secrets);
  RestartOn restart_on;
  restart_on.secrets = std::vector<schema::Attr<std::string>>{std::string("tls")};
  arguments.restart_on = restart_on;
  EXPECT_TRUE(NeedsOf(arguments).secrets);
}

// ---- The preflight

class PreflightTest : public runner::RunnerFixture {
 protected:
  PreflightTest() {
    connection_.api = process_.api;
    kube_->AddType({"", "v1", "ResourceQuota", "resourcequotas"});
  }

  // A Deployment shop/web runs, which was released with `manifest`.
  void GivenRelease(const Json& manifest) {
    ASSERT_TRUE(api().Apply(manifest, {}, {}).ok());
    kube_->SetStatus(Web(), {{"replicas", GetInt(manifest["spec"], "replicas")}});
    record_.written = WorkloadVersion{value::FromPlainJson(manifest), {}, manifest};
    kube_->ForgetRequests();
  }
  std::vector<std::string> Update(const Json& manifest) { return Run(manifest, {}); }
  std::vector<std::string> Create(const Json& manifest, PreflightInput input = {}) {
    input.first_release = true;
    return Run(manifest, input);
  }
  std::vector<std::string> Run(const Json& manifest, PreflightInput input) {
    WriteIntent intent = intent_;
    intent.workload = manifest;
    input.intent = &intent;
    input.record = &record_;
    input.arguments = &arguments_;
    Diagnostics diagnostics;
    RunPreflight(connection_, input, now_, stop_.get_token(), diagnostics);
    EXPECT_THAT(kube_->writes(), IsEmpty());
    return Said(diagnostics);
  }

  void DenyWrites() {
    for (const char* verb : {"create", "update", "patch", "delete"}) kube_->Deny({.verb = verb});
  }
  // Requests that reached the server, of which the path or the query has `part`.
  size_t Requests(const std::string& method, const std::string& part) const {
    size_t count = 0;
    for (const auto& [request, status] : kube_->requests()) {
      if (request.method == method && absl::StrContains(request.path, part)) ++count;
    }
    return count;
  }
  size_t Reviews() const { return Requests("POST", "selfsubjectaccessreviews"); }

  Connection connection_;
  ReleaseRecord record_;
  WriteIntent intent_;
  WorkloadArguments arguments_ = ArgumentsFor(WebManifest());
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::stop_source stop_;
};

Json Labelled(Json manifest, const Json& labels) {
  manifest["spec"]["template"]["metadata"]["labels"] = labels;
  return manifest;
}

TEST_F(PreflightTest, NothingToFindIsNothingSaid) {
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
  GivenRelease(Manifest(kOld));
  EXPECT_THAT(Update(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightTest, WhatRestartOnNamesMustExist) {
  RestartOn restart_on;
  restart_on.config_maps = std::vector<schema::Attr<std::string>>{std::string("settings")};
  arguments_.restart_on = restart_on;
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("warning at manifest: ConfigMap shop/settings does not "
                                           "exist"),
                                HasSubstr("restart_on"))));
  GivenRelease(Manifest(kOld));
  EXPECT_THAT(Update(Manifest(kNew)), IsEmpty()) << "the refresh says it";
  record_.released_contents = {{"ConfigMap settings", "hash"}};
  EXPECT_THAT(Update(Manifest(kNew)),
              ElementsAre(StartsWith("error at restart_on: ConfigMap shop/settings does not exist "
                                     "any more")));
}

TEST_F(PreflightTest, AReleaseThatWasKilledBeforeItMadeTheObjectIsSaid) {
  runner::Journal journal(api(), Web(), "delivery_rollout", "", {});
  engine::Plan plan;
  plan.identity = engine::RunIdentity("{}");
  ASSERT_TRUE(journal.Save(engine::Start(plan, "run-1", now_)).ok());
  kube_->ForgetRequests();
  EXPECT_THAT(Create(Manifest(kNew)), ElementsAre(HasSubstr("is open: Interrupted")));
}

TEST_F(PreflightTest, OffAsksNothingAndSaysNothing) {
  connection_.preflight = Preflight::kOff;
  kube_->Deny({});
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

TEST_F(PreflightTest, AStoppedOneSaysNothing) {
  stop_.request_stop();
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightTest, AStopWhilePermissionsAreAskedForEndsIt) {
  kube_->AddFault({.kind = KubeFault::Kind::kDelay,
                   .path_part = "selfsubjectaccessreviews",
                   .times = 1000,
                   .delay = absl::Seconds(30)});
  process_.line->OnRequest([this](const http::Request& request) {
    if (absl::StrContains(request.url, "selfsubject")) stop_.request_stop();
  });
  const absl::Time start = absl::Now();
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  process_.line->OnRequest(nullptr);
}

TEST_F(PreflightTest, AClusterThatCannotBeReachedIsOneWarning) {
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 1000});
  connection_.preflight = Preflight::kError;
  const auto unchecked = ElementsAre(
      AllOf(StartsWith("warning at manifest: "), HasSubstr("was not checked with the cluster")));
  EXPECT_THAT(Create(Manifest(kNew)), unchecked);
  EXPECT_THAT(Update(Manifest(kNew)), unchecked);
}

TEST_F(PreflightTest, AClusterThatGoesAwayIsOneWarning) {
  GivenRelease(Manifest(kOld));
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected,
                   .path_part = "selfsubjectaccessreviews",
                   .times = 10000});
  EXPECT_THAT(Update(Manifest(kNew)), ElementsAre(HasSubstr("was not checked with the cluster")));
  kube_->ClearFaults();
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .method = "PATCH", .times = 10000});
  EXPECT_THAT(Update(Manifest(kNew)), ElementsAre(HasSubstr("was not checked with the cluster")));
}

TEST_F(PreflightTest, AServerThatReviewsNoAccessIsRehearsedWith) {
  kube_->AddFault({.path_part = "selfsubjectaccessreviews", .times = 1000, .status = 403});
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
  EXPECT_EQ(Requests("PATCH", "deployments/web"), 1u);
  kube_->Deny({.verb = "patch"});
  EXPECT_THAT(Create(Manifest(kNew)), ElementsAre(HasSubstr("was not checked with the cluster")));
}

TEST_F(PreflightTest, AnUpdateOfWhatIsGoneIsAnError) {
  EXPECT_THAT(Update(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: Deployment shop/web does not exist"),
                                HasSubstr("deleted outside Terraform"))));
}

// ---- Permissions

TEST_F(PreflightTest, CredentialsThatMayOnlyReadAreOneWarningAndNoDryRun) {
  connection_.preflight = Preflight::kError;
  GivenRelease(Manifest(kOld));
  DenyWrites();
  EXPECT_THAT(
      Update(Manifest(kNew)),
      ElementsAre(AllOf(
          StartsWith("warning at manifest: "),
          HasSubstr("namespace \"shop\" was not checked with the cluster"),
          HasSubstr("server-side dry run"),
          HasSubstr("\n  patch deployments.apps\n  create configmaps\n  update configmaps\n  "
                    "delete configmaps\n  create leases.coordination.k8s.io\n"),
          HasSubstr("\n  create events  (else releases are not announced"),
          HasSubstr("A Role with these is needed in namespace \"shop\""), Not(HasSubstr("get ")),
          Not(HasSubstr("create deployments")), Not(HasSubstr("delete deployments")))));
  EXPECT_EQ(Requests("PATCH", ""), 0u);
}

TEST_F(PreflightTest, CredentialsThatMayDoNothingAreOneWarning) {
  connection_.preflight = Preflight::kError;
  kube_->Deny({});
  PreflightInput input;
  input.removes_failed = true;
  EXPECT_THAT(
      Create(Manifest(kNew), input),
      ElementsAre(AllOf(
          StartsWith("warning at manifest: "), HasSubstr("\n  get deployments.apps\n"),
          HasSubstr("\n  create deployments.apps\n"), HasSubstr("\n  delete deployments.apps\n"))));
  EXPECT_EQ(Requests("PATCH", ""), 0u);
}

TEST_F(PreflightTest, AMissingPermissionToWriteStaysAWarning) {
  connection_.preflight = Preflight::kError;
  kube_->Deny({.verb = "create", .resource = "leases"});
  kube_->Deny({.verb = "watch", .resource = "pods"});
  EXPECT_THAT(
      Create(Manifest(kNew)),
      ElementsAre(AllOf(
          StartsWith("warning at manifest: Permissions are missing in namespace \"shop\": "),
          HasSubstr("may not do:\n  watch pods\n  create leases.coordination.k8s.io\nA Role"))));
  EXPECT_EQ(Requests("PATCH", "deployments/web"), 1u);
}

TEST_F(PreflightTest, AMissingPermissionToReadIsFoundAsLoudlyAsThePreflightSays) {
  kube_->Deny({.verb = "watch", .resource = "replicasets"});
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("warning at "), HasSubstr("watch replicasets.apps"))));
  connection_.preflight = Preflight::kError;
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("error at "), HasSubstr("watch replicasets.apps"))));
}

TEST_F(PreflightTest, WhatOnlyExplainsFailuresIsAWarning) {
  connection_.preflight = Preflight::kError;
  kube_->Deny({.resource = "pods/log"});
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("warning at manifest: Less could be told"),
                                HasSubstr("get pods/log  (else logs of failing pods cannot be "
                                          "shown)"))));
  kube_->AllowAll();
  connection_.preflight_memory = std::make_shared<PreflightMemory>();
  kube_->Deny({.verb = "create", .resource = "events"});
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightTest, RemovalIsNeededOnlyOfWhatTheReleaseMade) {
  kube_->Deny({.verb = "delete", .resource = "deployments"});
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
  PreflightInput input;
  input.removes_failed = true;
  EXPECT_THAT(Create(Manifest(kNew), input), ElementsAre(HasSubstr("delete deployments.apps")));
  kube_->Put(Manifest(kOld), "terraform-provider-delivery");
  input.adopt_existing = true;
  intent_.force = true;
  EXPECT_THAT(Create(Manifest(kNew), input), IsEmpty());
}

TEST_F(PreflightTest, ARoleForNamedObjectsIsEnough) {
  GivenRelease(Manifest(kOld));
  for (const char* verb : {"get", "list", "watch", "patch"}) {
    kube_->Deny({.verb = verb, .group = "apps", .resource = "deployments", .except_name = "web"});
  }
  kube_->Deny({.verb = "update", .resource = "leases", .except_name = "delivery-deployment-web"});
  EXPECT_THAT(Update(Manifest(kNew)), IsEmpty());
  EXPECT_EQ(Requests("PATCH", "deployments/web"), 1u);
  Json other = Manifest(kNew);
  other["metadata"]["name"] = "other";
  EXPECT_THAT(Create(other), ElementsAre(AllOf(HasSubstr("patch deployments.apps"),
                                               HasSubstr("update leases.coordination.k8s.io"))));
}

TEST_F(PreflightTest, AThousandRolloutsInANamespaceAskOnce) {
  GivenRelease(Manifest(kOld));
  EXPECT_THAT(Update(Manifest(kNew)), IsEmpty());
  const size_t once = Reviews();
  EXPECT_EQ(once, 19u);
  for (int i = 0; i < 5; ++i) {
    Json manifest = Manifest(kNew);
    manifest["metadata"]["name"] = absl::StrCat("web-", i);
    EXPECT_THAT(Create(manifest), IsEmpty());
  }
  EXPECT_EQ(Reviews(), once + 1) << "creates need one permission more";
  EXPECT_EQ(Requests("GET", "resourcequotas"), 1u);
}

TEST_F(PreflightTest, ReadersAskOnceToo) {
  DenyWrites();
  std::set<size_t> reviews;
  for (int i = 0; i < 5; ++i) {
    Json manifest = Manifest(kNew);
    manifest["metadata"]["name"] = absl::StrCat("web-", i);
    EXPECT_THAT(Create(manifest), SizeIs(1));
    reviews.insert(Reviews());
  }
  EXPECT_THAT(reviews, ElementsAre(20u));
}

TEST_F(PreflightTest, RolloutsThatArePlannedTogetherAskOnce) {
  GivenRelease(Manifest(kOld));
  {
    std::vector<std::jthread> plans;
    for (int i = 0; i < 10; ++i) {
      plans.emplace_back([this] { EXPECT_THAT(Update(Manifest(kNew)), IsEmpty()); });
    }
  }
  EXPECT_EQ(Reviews(), 19u);
  EXPECT_EQ(Requests("GET", "resourcequotas"), 1u);
}

TEST_F(PreflightTest, ARoleThatIsGrantedMeanwhileIsSeen) {
  kube_->Deny({.verb = "watch", .resource = "pods"});
  EXPECT_THAT(Create(Manifest(kNew)), SizeIs(1));
  kube_->AllowAll();
  EXPECT_THAT(Create(Manifest(kNew)), SizeIs(1));
  now_ += absl::Minutes(1);
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
}

// ---- Permissions, before an apply

TEST_F(PreflightTest, AnApplyIsToldWhatItRequires) {
  PermissionNeeds needs;
  needs.workload = Web();
  const auto require = [&] {
    return RequirePermissions(api(), *connection_.preflight_memory, needs, now_, NoStop());
  };
  EXPECT_TRUE(require().ok());
  kube_->Deny({.resource = "pods/log"});
  connection_.preflight_memory = std::make_shared<PreflightMemory>();
  EXPECT_TRUE(require().ok());
  kube_->Deny({.verb = "update", .resource = "configmaps"});
  connection_.preflight_memory = std::make_shared<PreflightMemory>();
  const absl::Status denied = require();
  EXPECT_TRUE(absl::IsPermissionDenied(denied));
  EXPECT_THAT(std::string(denied.message()),
              AllOf(HasSubstr("Deployment shop/web needs:\n  update configmaps\nA Role"),
                    Not(HasSubstr("pods/log"))));
  kube_->AllowAll();
  EXPECT_TRUE(require().ok()) << "the role was granted meanwhile";
  kube_->AddFault({.path_part = "selfsubjectaccessreviews", .times = 1000, .status = 403});
  connection_.preflight_memory = std::make_shared<PreflightMemory>();
  EXPECT_TRUE(require().ok());
}

// ---- The dry run

TEST_F(PreflightTest, ARefusalByAdmissionIsAFinding) {
  kube_->AddFault({.method = "PATCH", .times = 1000, .status = 403, .reason = "Forbidden"});
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("warning at manifest: Apply would fail for Deployment "
                                           "shop/web: "),
                                HasSubstr("dry run) was refused"))));
  connection_.preflight = Preflight::kError;
  EXPECT_THAT(Create(Manifest(kNew)), ElementsAre(StartsWith("error at manifest: Apply would")));
}

TEST_F(PreflightTest, AMissingNamespaceComesWithItsRemedy) {
  Json manifest = Manifest(kNew);
  manifest["metadata"]["namespace"] = "later";
  EXPECT_THAT(Create(manifest),
              ElementsAre(HasSubstr("Namespace \"later\" does not exist. Create it first")));
}

TEST_F(PreflightTest, AnExistingObjectIsFoundAsLoudlyAsThePreflightSays) {
  kube_->Put(Manifest(kOld));
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(StartsWith("warning at manifest: Deployment shop/web exists already")));
  connection_.preflight = Preflight::kError;
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(StartsWith("error at manifest: Deployment shop/web exists already")));
}

TEST_F(PreflightTest, FieldsThatAreLeftToOthersAreNoConflict) {
  GivenRelease(Manifest(kOld));
  kube_->Change(
      Web(), [](Json& web) { web["spec"]["replicas"] = 7; }, "autoscaler");
  EXPECT_THAT(Update(Manifest(kNew)), ElementsAre(HasSubstr("spec.replicas")));
  intent_.ignored = {Field("spec.replicas")};
  EXPECT_THAT(Update(Manifest(kNew)), IsEmpty());
}

// ---- Services and PodDisruptionBudgets

class SelectorTest : public PreflightTest {
 protected:
  void PutService(const std::string& name, const Json& selector) {
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "Service"},
                {"metadata", {{"name", name}, {"namespace", "shop"}}},
                {"spec", {{"selector", selector}}}});
  }
  void PutBudget(const std::string& name, const Json& selector) {
    kube_->Put({{"apiVersion", "policy/v1"},
                {"kind", "PodDisruptionBudget"},
                {"metadata", {{"name", name}, {"namespace", "shop"}}},
                {"spec", {{"selector", selector}}}});
  }

  const Json before_ = Labelled(Manifest(kOld), {{"app", "web"}, {"tier", "front"}});
  const Json after_ = Labelled(Manifest(kNew), {{"app", "web"}, {"tier", "edge"}});
};

TEST_F(SelectorTest, AServiceThatWouldLoseItsPodsIsFound) {
  GivenRelease(before_);
  PutService("front", {{"app", "web"}, {"tier", "front"}});
  PutService("all", {{"app", "web"}});
  PutService("others", {{"app", "other"}});
  PutService("none", Json::object());
  EXPECT_THAT(
      Update(after_),
      ElementsAre(AllOf(
          StartsWith("warning at manifest: Service shop/front would not select the new pods of "
                     "Deployment shop/web: "),
          HasSubstr("now by app=web, tier=front."), HasSubstr("has app=web, tier=edge,"))));
  connection_.preflight = Preflight::kError;
  EXPECT_THAT(Update(after_), ElementsAre(StartsWith("error at manifest: Service shop/front")));
}

TEST_F(SelectorTest, ABudgetThatWouldLoseItsPodsIsFound) {
  GivenRelease(before_);
  PutBudget("front", {{"matchLabels", {{"tier", "front"}}}});
  PutBudget("everything", Json::object());
  PutBudget("not-edge",
            {{"matchExpressions",
              Json::array({{{"key", "tier"}, {"operator", "NotIn"}, {"values", {"edge"}}}})}});
  EXPECT_THAT(Update(after_),
              ElementsAre(AllOf(HasSubstr("PodDisruptionBudget shop/front would not select"),
                                HasSubstr("by tier=front.")),
                          HasSubstr("PodDisruptionBudget shop/not-edge would not select")));
}

TEST_F(SelectorTest, LabelsThatStayAreNotAskedAbout) {
  GivenRelease(before_);
  PutService("front", {{"app", "web"}, {"tier", "front"}});
  EXPECT_THAT(Update(Labelled(Manifest(kNew), {{"app", "web"}, {"tier", "front"}})), IsEmpty());
  EXPECT_EQ(Requests("GET", "services"), 0u);
  EXPECT_EQ(Requests("GET", "poddisruptionbudgets"), 0u);
}

// Labels that somebody else put there stay.
TEST_F(SelectorTest, LabelsOfOthersStay) {
  GivenRelease(Manifest(kOld));
  kube_->Change(
      Web(), [](Json& web) { web["spec"]["template"]["metadata"]["labels"]["mesh"] = "on"; },
      "mesh");
  PutService("front", {{"mesh", "on"}});
  EXPECT_THAT(Update(Labelled(Manifest(kNew), {{"app", "web"}, {"tier", "edge"}})), IsEmpty());
}

TEST_F(SelectorTest, ReadersAreToldToo) {
  GivenRelease(before_);
  PutService("front", {{"tier", "front"}});
  DenyWrites();
  EXPECT_THAT(Update(after_), ElementsAre(HasSubstr("was not checked"),
                                          HasSubstr("Service shop/front would not select")));
  EXPECT_THAT(
      Update(Labelled(Manifest(kNew), {{"app", "web"}})),
      ElementsAre(HasSubstr("was not checked"), HasSubstr("Service shop/front would not select")));
}

TEST_F(SelectorTest, WhatMayNotBeListedIsSaid) {
  connection_.preflight = Preflight::kError;
  GivenRelease(before_);
  PutService("front", {{"tier", "front"}});
  kube_->Deny({.resource = "services"});
  kube_->Deny({.resource = "poddisruptionbudgets"});
  EXPECT_THAT(Update(after_),
              ElementsAre(AllOf(StartsWith("warning at manifest: The labels of the pods of "
                                           "Deployment shop/web change: "),
                                HasSubstr("list the Services and PodDisruptionBudgets"))));
}

// ---- Quota

class QuotaTest : public PreflightTest {
 protected:
  void PutQuota(const Json& hard, const Json& used) {
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "ResourceQuota"},
                {"metadata", {{"name", "compute"}, {"namespace", "shop"}}},
                {"status", {{"hard", hard}, {"used", used}}}});
  }
};

TEST_F(QuotaTest, ASurgeWithoutRoomIsFound) {
  GivenRelease(Manifest(kOld, 4));
  PutQuota({{"pods", "4"}}, {{"pods", "4"}});
  const std::vector<std::string> found = Update(Manifest(kNew, 4));
  EXPECT_THAT(found,
              ElementsAre(AllOf(StartsWith("warning at manifest: ResourceQuota shop/compute leaves "
                                           "no room for the release of Deployment shop/web: "),
                                HasSubstr("\n  pods: used 4, hard 4, needed 5 (1 pod more"))));
  DenyWrites();
  connection_.preflight_memory = std::make_shared<PreflightMemory>();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(Update(Manifest(kNew, 4)), ElementsAre(HasSubstr("was not checked"), found[0]));
}

TEST_F(QuotaTest, WithoutANewTemplateNothingSurges) {
  GivenRelease(Manifest(kOld, 4));
  PutQuota({{"pods", "4"}}, {{"pods", "4"}});
  Json manifest = Manifest(kOld, 4);
  manifest["spec"]["minReadySeconds"] = 3;
  EXPECT_THAT(Update(manifest), IsEmpty());
}

TEST_F(QuotaTest, AFirstReleaseWithoutRoomIsFound) {
  PutQuota({{"pods", "5"}}, {{"pods", "4"}});
  EXPECT_THAT(Create(Manifest(kNew, 2)), ElementsAre(HasSubstr("needed 6 (2 pods more")));
  EXPECT_THAT(Create(Manifest(kNew, 1)), IsEmpty());
}

TEST_F(QuotaTest, ARefusalByTheDryRunIsSaidWithIt) {
  PutQuota({{"pods", "1"}}, {{"pods", "1"}});
  kube_->AddFault({.method = "PATCH", .times = 1000, .status = 422, .reason = "Invalid"});
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(HasSubstr("Apply would fail"), HasSubstr("ResourceQuota shop/compute")));
}

TEST_F(QuotaTest, WhoMayNotLookIsNotBothered) {
  PutQuota({{"pods", "1"}}, {{"pods", "1"}});
  kube_->Deny({.resource = "resourcequotas"});
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
}

}  // namespace
}  // namespace delivery::resources
