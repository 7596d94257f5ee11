// Whole canary releases against a cluster in memory: the good one, those that go back, and those
// whose provider is killed at any of its writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/release.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using engine::OnFailure;
using engine::Outcome;
using engine::Step;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FakeKubeApi;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CanaryReleaseTest : public RunnerFixture {
 protected:
  static kubernetes::ObjectRef Canary() { return {"apps/v1", "Deployment", "shop", "web-canary"}; }
  static kubernetes::ObjectRef CanaryServiceObject() {
    return {"v1", "Service", "shop", "web-canary"};
  }
  static kubernetes::ObjectRef Route() {
    return {"gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "web"};
  }

  CanaryReleaseTest() {
    kube_->AddType({"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"});
    kube_->Put(*ParseJson(R"({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})"));
    kube_->Put(*ParseJson(R"({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "gateway"}],
                 "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}})"));
    kube_->SetController([this](FakeKubeApi& kube) {
      nodes_.Reconcile(kube);
      Note();
      if (on_change_) on_change_();
    });
    const auto applied =
        WriteWorkload(api(), {.manifest = Manifest(kOld, 4)}, WriteMode::kWrite, NoStop());
    EXPECT_TRUE(applied.ok()) << applied.status();
    route_before_ = Live(Route())["spec"];
    shares_.clear();
    versions_.clear();
    kube_->ForgetRequests();
    time_ = std::jthread([this](const std::stop_token& end) {
      while (Clock::Real().Sleep(absl::Milliseconds(1), end)) {
        if (time_passes_ &&
            std::set<std::string>{"hold", "scale_down_delay", "await_stable"}.contains(
                StoredStep())) {
          clock_.Advance(absl::Seconds(1));
        }
      }
    });
  }
  // Before what the controller and the time refer to goes.
  ~CanaryReleaseTest() override {
    time_ = {};
    kube_->SetController(nullptr);
  }

  ReleaseRequest Request(const std::string& image = kNew) {
    ReleaseRequest request;
    request.resource_type = "delivery_canary_release";
    request.plan.strategy = engine::Strategy::kCanary;
    request.plan.identity = engine::RunIdentity(image);
    request.plan.canary.steps = {{.weight = 10, .hold = absl::Seconds(10)},
                                 {.weight = 50, .hold = absl::Seconds(10)}};
    request.plan.analysis.interval = absl::Seconds(5);
    request.plan.analysis.metrics = {{.metric = "restarts", .max = 0}};
    request.target.ref = Web();
    request.target.new_version = {.manifest = Manifest(image, 4)};
    request.target.previous_version = {{.manifest = Manifest(kOld, 4)}};
    request.target.measuring.metrics = {
        {.name = "restarts", .source = metrics::KubernetesSignal::kRestarts}};
    request.target.measuring.rules = request.plan.analysis.metrics;
    request.workload_uid = kubernetes::UidOf(Live(Web()));
    request.canary = TargetFor(request);
    return request;
  }

  CanaryTarget TargetFor(const ReleaseRequest& request) {
    CanaryTarget target;
    target.service = Live({"v1", "Service", "shop", "web"});
    const auto naming = NameCanary({.workload = request.target.new_version.manifest,
                                    .service = target.service,
                                    .service_name = "web"});
    EXPECT_TRUE(naming.ok()) << naming.status();
    target.naming = *naming;
    target.traffic = {.backend = routing::GatewayApiBackend{.route = "web", .service = "web"},
                      .namespace_name = "shop",
                      .canary_service = naming->service,
                      .label_key = naming->label_key,
                      .stable_label_value = naming->stable_value,
                      .canary_label_value = naming->canary_value};
    return target;
  }

  ReleaseResult Run(const ReleaseRequest& request) { return RunOn(process_, request); }
  ReleaseResult RunOn(Process& process, const ReleaseRequest& request) {
    auto result = RunRelease(*process.api, clock_, request, stop_.get_token());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : ReleaseResult();
  }
  // As the next apply does it: another process, nobody stops it.
  ReleaseResult RunNext(const ReleaseRequest& request) {
    stop_ = std::stop_source();
    time_passes_ = true;
    Process next(kube_);
    return RunOn(next, request);
  }

  // What the rule of the route sends to the canary, in percent; checks that it is a whole.
  int CanaryShare() const {
    const Json refs = Live(Route())["spec"]["rules"][0]["backendRefs"];
    int sum = 0;
    int canary = 0;
    for (const Json& ref : refs) {
      const int weight = static_cast<int>(GetInt(ref, "weight", refs.size() == 1 ? 100 : 1));
      sum += weight;
      if (GetString(ref, "name") == "web-canary") canary = weight;
      EXPECT_TRUE(weight == 0 || HasEndpoint(GetString(ref, "name"))) << DumpJson(refs);
    }
    EXPECT_TRUE(!whole_ || refs.size() == 1 || sum == 100) << DumpJson(refs);
    return canary;
  }
  bool HasEndpoint(const std::string& service) const {
    const Json slice =
        Live({"discovery.k8s.io/v1", "EndpointSlice", "shop", absl::StrCat(service, "-1")});
    return !GetArray(slice, "endpoints").empty();
  }
  // After each write: the share of the canary, and what the stable Deployment runs, when they
  // change.
  void Note() {
    if (Live(Route()).is_null()) return;
    const int share = CanaryShare();
    if (shares_.empty() || shares_.back() != share) shares_.push_back(share);
    const std::string image = LiveImage();
    if (versions_.empty() || versions_.back() != image) versions_.push_back(image);
  }
  std::string StoredStep() const {
    const Json journal = Live(JournalRef());
    if (journal.is_null()) return "none";
    return GetString(*ParseJson(GetString(journal["data"], "state")), "step");
  }
  std::vector<std::string> EventReasons() const {
    std::vector<std::string> reasons;
    for (const auto& [request, status] : kube_->writes()) {
      if (request.plural == "events") {
        reasons.push_back(GetString(ParseJson(request.body).value_or(Json()), "reason"));
      }
    }
    return reasons;
  }
  void ExpectNothingLeft() const {
    EXPECT_TRUE(Live(JournalRef()).is_null());
    EXPECT_TRUE(Live(LeaseRef()).is_null());
    EXPECT_TRUE(Live(Canary()).is_null());
    EXPECT_TRUE(Live(CanaryServiceObject()).is_null());
    EXPECT_EQ(kube_->All("v1", "Pod").size(), 4);
    EXPECT_EQ(Live(Route())["spec"], route_before_);
  }
  // The canary's pods restart as soon as it has `share` percent.
  void RestartAt(int share) {
    on_change_ = [this, share] {
      if (shares_.empty() || shares_.back() != share) return;
      for (const Json& pod : kube_->All("v1", "Pod")) {
        if (!absl::StartsWith(kubernetes::NameOf(pod), "web-canary-")) continue;
        Json status = kubernetes::Status(pod);
        if (status.contains("containerStatuses")) continue;
        status["containerStatuses"] =
            Json::array({{{"name", "web"}, {"ready", true}, {"restartCount", 2}}});
        kube_->SetStatus(kubernetes::RefOf(pod), status);
      }
    };
  }
  // Once the journal says `step`, beside the release.
  std::jthread WhenAt(const std::string& step, std::function<void()> action) {
    return std::jthread([this, step, action = std::move(action)] {
      EXPECT_TRUE(Eventually([&] { return StoredStep() == step; }));
      action();
    });
  }

  FakeNodes nodes_;
  std::function<void()> on_change_;  // after each write, on the thread that wrote
  std::stop_source stop_;
  Json route_before_;
  std::vector<int> shares_;
  std::vector<std::string> versions_;
  std::atomic<bool> whole_ = true;  // nobody but us writes weights
  std::atomic<bool> time_passes_ = true;
  std::jthread time_;  // passes while something is held
};

TEST_F(CanaryReleaseTest, TrafficIsShiftedStepByStepThenStableIsPromoted) {
  const ReleaseResult result = Run(Request());
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
  EXPECT_THAT(shares_, ElementsAre(0, 10, 50, 0));
  EXPECT_THAT(versions_, ElementsAre(kOld, kNew));
  EXPECT_EQ(result.version, engine::Version::kNew);
  EXPECT_GE(result.state.tallies.at("restarts").passed, 2);
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, EachTransitionIsAnEvent) {
  Run(Request());
  EXPECT_THAT(EventReasons(), ElementsAre("CanaryStarted", "CanaryCreated", "TrafficShifted",
                                          "CanaryScaled", "TrafficShifted", "PromotionStarted",
                                          "Promoted", "CanaryRemoved", "ReleaseSucceeded"));
}

TEST_F(CanaryReleaseTest, FailingMetricReturnsTheTrafficAndLeavesStableAlone) {
  RestartAt(50);
  const ReleaseResult result = Run(Request());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("restarts"));
  EXPECT_THAT(shares_, ElementsAre(0, 10, 50, 0));
  EXPECT_THAT(versions_, ElementsAre(kOld));
  EXPECT_FALSE(result.written.has_value());
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, CanaryThatDoesNotStartGetsNoTraffic) {
  nodes_.Break(kNew, PodStatusWith(CrashedContainer(1, 3)));
  const ReleaseResult result = Run(Request());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("pod web-canary-rs1-0, container web"),
                                   HasSubstr("CrashLoopBackOff: exit code 1")));
  EXPECT_THAT(shares_, ElementsAre(0));
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, FailureThatIsHeldStaysAtItsWeightAndIsMeasuredAgain) {
  RestartAt(50);
  ReleaseRequest request = Request();
  request.plan.on_failure = OnFailure::kHold;
  const ReleaseResult failed = Run(request);
  EXPECT_EQ(failed.outcome, Outcome::kFailed);
  EXPECT_EQ(failed.step, Step::kFailedHold);
  EXPECT_EQ(failed.state.canary.weight, 50);
  EXPECT_EQ(CanaryShare(), 50);
  EXPECT_EQ(StoredStep(), "failed_hold");
  request.plan.analysis.metrics[0].max = 100;
  request.target.measuring.rules = request.plan.analysis.metrics;
  const ReleaseResult next = RunNext(request);
  EXPECT_EQ(next.outcome, Outcome::kSucceeded) << next.reason;
  EXPECT_TRUE(next.resumed);
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, ApprovalIsAwaitedBetweenApplies) {
  ReleaseRequest request = Request();
  request.plan.canary.approve_up_to = 10;
  const ReleaseResult held = Run(request);
  EXPECT_EQ(held.outcome, Outcome::kHeld);
  EXPECT_EQ(StoredStep(), "held");
  EXPECT_EQ(CanaryShare(), 10);
  EXPECT_TRUE(Live(LeaseRef()).is_null());
  EXPECT_EQ(RunNext(request).outcome, Outcome::kHeld);
  request.plan.canary.approve_up_to.reset();
  EXPECT_EQ(RunNext(request).outcome, Outcome::kSucceeded);
  EXPECT_THAT(shares_, ElementsAre(0, 10, 50, 0));
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, AnotherVersionTakesTheCanaryBackFirst) {
  ReleaseRequest request = Request();
  request.plan.canary.approve_up_to = 10;
  ASSERT_EQ(Run(request).outcome, Outcome::kHeld);
  const ReleaseResult result = RunNext(Request("registry.test/web:3"));
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
  EXPECT_FALSE(result.resumed);
  EXPECT_THAT(shares_, ElementsAre(0, 10, 0, 10, 50, 0));
  EXPECT_THAT(versions_, ElementsAre(kOld, "registry.test/web:3"));
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, OpenCanaryNeedsItsTrafficBlock) {
  ReleaseRequest request = Request();
  request.plan.canary.approve_up_to = 10;
  ASSERT_EQ(Run(request).outcome, Outcome::kHeld);
  ReleaseRequest plain = Request();
  plain.plan.strategy = engine::Strategy::kRolling;
  plain.canary.reset();
  const absl::Status refused = RunRelease(api(), clock_, plain, NoStop()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("a canary release of Deployment shop/web"));
  EXPECT_EQ(CanaryShare(), 10);
}

TEST_F(CanaryReleaseTest, SomebodyElsesObjectOfThatNameIsNotTouched) {
  Json other = Manifest(kOld, 1);
  other["metadata"]["name"] = "web-canary";
  kube_->Put(other);
  const Json before = Live(Canary());
  const ReleaseResult result = Run(Request());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason,
              AllOf(HasSubstr("Deployment shop/web-canary exists already"), HasSubstr("kubectl")));
  EXPECT_EQ(Live(Canary())["spec"], before["spec"]);
  EXPECT_THAT(shares_, ElementsAre(0));
}

TEST_F(CanaryReleaseTest, EditOfTheStableTemplateEndsTheRelease) {
  const std::jthread somebody = WhenAt("hold", [this] {
    kube_->Change(
        Web(),
        [](Json& web) {
          web["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/web:hotfix";
        },
        "kubectl");
  });
  const ReleaseResult result = Run(Request());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("Deployment shop/web was changed by someone else"),
                                   HasSubstr("registry.test/web:hotfix"), HasSubstr("kubectl")));
  EXPECT_EQ(LiveImage(), "registry.test/web:hotfix");
  EXPECT_EQ(CanaryShare(), 0);
}

TEST_F(CanaryReleaseTest, AutoscalersAndRestartsAreNoForeignChange) {
  const std::jthread somebody = WhenAt("hold", [this] {
    kube_->Change(Web(), [](Json& web) {
      web["spec"]["replicas"] = 6;
      web["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] =
          "2026-01-01T00:00:00Z";
    });
  });
  ReleaseRequest request = Request();
  request.target.new_version.force = true;  // the replicas, which this manifest names
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
}

TEST_F(CanaryReleaseTest, StopKeepsTheWeightAndTheJournal) {
  on_change_ = [this] {
    if (StoredStep() != "hold") return;
    // What is left to do at a stop has its time by the same clock.
    time_passes_ = false;
    stop_.request_stop();
  };
  const ReleaseResult stopped = Run(Request());
  EXPECT_EQ(stopped.outcome, Outcome::kInterrupted);
  EXPECT_EQ(StoredStep(), "hold");
  EXPECT_EQ(CanaryShare(), 10);
  EXPECT_TRUE(Live(LeaseRef()).is_null());
  on_change_ = nullptr;
  EXPECT_EQ(RunNext(Request()).outcome, Outcome::kSucceeded);
  EXPECT_THAT(shares_, ElementsAre(0, 10, 50, 0));
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, NoTrafficGoesToACanaryThatNoServiceReaches) {
  ReleaseRequest request = Request();
  request.canary->service["spec"]["selector"]["other"] = "label";
  request.plan.progress_deadline = absl::Seconds(20);
  const std::jthread time = PassTime(
      absl::Seconds(1), [this] { return StoredStep() == "set_weight"; },
      [this] { return StoredStep() == "set_weight"; });
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("Service shop/web-canary has no ready endpoint"));
  EXPECT_THAT(shares_, ElementsAre(0));
}

TEST_F(CanaryReleaseTest, ForeignChangeOfTheRouteEndsTheReleaseAtWeightZero) {
  const std::jthread somebody = WhenAt("hold", [this] {
    kube_->Change(
        Route(), [](Json& route) { route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 0; },
        "somebody");
  });
  whole_ = false;
  const ReleaseResult result = Run(Request());
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("HTTPRoute shop/web"), HasSubstr("somebody")));
  EXPECT_EQ(shares_.back(), 0);
  EXPECT_THAT(versions_, ElementsAre(kOld));
  EXPECT_TRUE(Live(Canary()).is_null());
}

// Watches, the Lease, the journal and measurements are all there is to a hold.
TEST_F(CanaryReleaseTest, HoldAsksForNothing) {
  ReleaseRequest request = Request();
  request.plan.canary.steps = {{.weight = 10, .hold = absl::Minutes(2)}};
  std::set<std::string> asked;
  const std::jthread observer = WhenAt("hold", [&] {
    // The Event that tells of the hold is sent after the journal says it.
    const absl::Time begin = clock_.Now() + absl::Seconds(10);
    EXPECT_TRUE(Eventually([&] { return clock_.Now() > begin; }));
    kube_->ForgetRequests();
    EXPECT_TRUE(Eventually([&] { return clock_.Now() > begin + absl::Seconds(20); }));
    for (const auto& [seen, status] : kube_->requests()) {
      if (!seen.IsWatch()) asked.insert(absl::StrCat(seen.method, " ", seen.plural));
    }
    EXPECT_EQ(StoredStep(), "hold");
  });
  EXPECT_EQ(Run(request).outcome, Outcome::kSucceeded);
  asked.erase("PUT configmaps");
  asked.erase("GET leases");
  asked.erase("PUT leases");
  asked.erase("PATCH leases");
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(CanaryReleaseTest, ChecksAskTheirSideAtTheirMoment) {
  std::vector<std::string> asked;
  kube_->SetProxy([&](const testing::KubeRequest& request) {
    asked.push_back(absl::StrCat(StoredStep(), " ", request.name));
    return http::Response{.status = 200, .headers = {}, .body = "ok"};
  });
  const auto check = [](const char* name, checks::Side side) {
    return checks::Check{.name = name, .what = checks::HttpCheck{.side = side, .port = 8080}};
  };
  ReleaseRequest request = Request();
  request.plan.canary.checks_before_traffic = true;
  request.plan.canary.checks_before_promotion = true;
  request.plan.canary.steps[1].has_checks = true;
  request.plan.has_checks = true;
  request.canary->before_traffic = {check("a", checks::Side::kCanary)};
  request.canary->of_steps[1] = {check("b", checks::Side::kCanary)};
  request.canary->before_promotion = {check("c", checks::Side::kStable)};
  request.target.checks.checks = {check("d", checks::Side::kStable)};
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
  EXPECT_THAT(asked, ElementsAre("check_before_traffic http:web-canary-rs1-0:8080",
                                 "hold http:web-canary-rs1-0:8080",
                                 "check_before_promotion http:web-rs1-0:8080",
                                 "check http:web-rs2-0:8080"));
  kube_->SetProxy(nullptr);
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, FailedCheckBeforeTrafficLeavesTheRouteAlone) {
  kube_->SetProxy([](const testing::KubeRequest&) {
    return http::Response{.status = 500, .headers = {}, .body = "no"};
  });
  ReleaseRequest request = Request();
  request.plan.canary.checks_before_traffic = true;
  request.canary->before_traffic = {
      {.name = "smoke", .what = checks::HttpCheck{.side = checks::Side::kCanary, .port = 8080}}};
  const std::jthread time = PassTime(
      absl::Seconds(1), [this] { return StoredStep() == "check_before_traffic"; },
      [this] { return StoredStep() == "check_before_traffic"; });
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("check smoke"));
  EXPECT_THAT(shares_, ElementsAre(0));
  kube_->SetProxy(nullptr);
  ExpectNothingLeft();
}

// The first release of a workload, and a change outside the pod template.
TEST_F(CanaryReleaseTest, PlainUpdateIsARolloutOfStable) {
  ReleaseRequest request = Request();
  request.plan.strategy = engine::Strategy::kRolling;
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
  EXPECT_EQ(result.state.tallies.at("restarts").failed, 0);
  EXPECT_THAT(shares_, ElementsAre(0));
  EXPECT_THAT(versions_, ElementsAre(kOld, kNew));
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, HeldCanaryIsTakenBackBeforeAPlainUpdate) {
  ReleaseRequest held = Request();
  held.plan.canary.approve_up_to = 10;
  ASSERT_EQ(Run(held).outcome, Outcome::kHeld);
  ReleaseRequest back = Request(kOld);
  back.plan.strategy = engine::Strategy::kRolling;
  const ReleaseResult result = RunNext(back);
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
  EXPECT_THAT(shares_, ElementsAre(0, 10, 0));
  EXPECT_THAT(versions_, ElementsAre(kOld));
  ExpectNothingLeft();
}

TEST_F(CanaryReleaseTest, ShareByReplicasNeedsNeitherRouteNorService) {
  ReleaseRequest request = Request();
  request.plan.canary.share_by_replicas = true;
  request.plan.canary.steps = {{.weight = 20, .hold = absl::Seconds(10)}};
  CanaryTarget& canary = *request.canary;
  const auto naming = NameCanary({.workload = request.target.new_version.manifest,
                                  .service = canary.service,
                                  .service_name = "web",
                                  .shares_service = true});
  ASSERT_TRUE(naming.ok()) << naming.status();
  canary.naming = *naming;
  canary.traffic.backend = routing::ReplicasBackend{.service = "web"};
  size_t most_pods = 0;
  on_change_ = [&] { most_pods = std::max(most_pods, kube_->All("v1", "Pod").size()); };
  const ReleaseResult result = Run(request);
  EXPECT_EQ(result.outcome, Outcome::kSucceeded) << result.reason;
  EXPECT_EQ(most_pods, 5);
  EXPECT_THAT(shares_, ElementsAre(0));
  ExpectNothingLeft();
}

// A process that is killed at any of its writes.

struct Scenario {
  const char* name;
  bool works = true;
};

// More than any of these releases needs.
constexpr int kMostWrites = 64;
// CI runs this test without sanitizers, too: there it is each write.
#ifdef DELIVERY_SANITIZED
constexpr int kEvery = 7;
#else
constexpr int kEvery = 1;
#endif

class KilledCanaryTest : public CanaryReleaseTest,
                         public ::testing::WithParamInterface<std::tuple<Scenario, int, bool>> {};

TEST_P(KilledCanaryTest, IsFinishedByTheNextApply) {
  const auto [scenario, write, done] = GetParam();
  if (!scenario.works) RestartAt(50);
  {
    Process killed(kube_);
    killed.line->DieAt(write, done, [this] { stop_.request_stop(); });
    static_cast<void>(RunRelease(*killed.api, clock_, Request(), stop_.get_token()));
    ASSERT_LT(killed.line->writes(), kMostWrites) << "kMostWrites is too small";
  }
  // An apply whose release is done and recorded as such plans nothing any more.
  const bool over = Live(JournalRef()).is_null() && LiveImage() == kNew;
  if (!over) {
    const ReleaseResult result = RunNext(Request());
    EXPECT_TRUE(result.store_status.ok()) << result.store_status;
    EXPECT_EQ(result.outcome, scenario.works ? Outcome::kSucceeded : Outcome::kRolledBack)
        << result.reason;
  } else {
    kube_->Remove(LeaseRef());
  }
  EXPECT_EQ(LiveImage(), scenario.works ? kNew : kOld);
  EXPECT_LE(versions_.size(), 2);
  EXPECT_EQ(shares_.back(), 0);
  ExpectNothingLeft();
}

INSTANTIATE_TEST_SUITE_P(
    AtEachWrite, KilledCanaryTest,
    ::testing::Combine(::testing::Values(Scenario{.name = "Good"},
                                         Scenario{.name = "RolledBack", .works = false}),
                       ::testing::Range(1, kMostWrites, kEvery), ::testing::Bool()),
    [](const auto& test) {
      return absl::StrCat(std::get<0>(test.param).name, "_", std::get<1>(test.param),
                          std::get<2>(test.param) ? "_Done" : "_NotDone");
    });

}  // namespace
}  // namespace delivery::runner
