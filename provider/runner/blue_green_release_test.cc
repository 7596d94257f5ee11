// Whole blue-green releases against a cluster in memory: the good one, those that go back, and
// those whose provider is killed at any of its writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/release.h"
#include "provider/runner/runner_fixture.h"
#include "provider/runner/slot_objects.h"

namespace delivery::runner {
namespace {

using engine::OnFailure;
using engine::Outcome;
using ::testing::Contains;
using testing::FakeKubeApi;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class BlueGreenReleaseTest : public RunnerFixture {
 protected:
  static kubernetes::ObjectRef Slot(const std::string& slot) { return SlotRef(Web(), slot); }
  static kubernetes::ObjectRef ServiceNamed(const std::string& name) {
    return {"v1", "Service", "shop", name};
  }

  BlueGreenReleaseTest() {
    kube_->Put(*ParseJson(R"({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})"));
    kube_->SetController([this](FakeKubeApi& kube) {
      nodes_.Reconcile(kube);
      Note();
      if (on_change_) on_change_();
    });
    time_ = std::jthread([this](const std::stop_token& end) {
      while (Clock::Real().Sleep(absl::Milliseconds(1), end)) {
        if (std::set<std::string>{"after_switch", "retire_delay"}.contains(StoredStep())) {
          clock_.Advance(absl::Seconds(1));
        }
      }
    });
  }
  ~BlueGreenReleaseTest() override {
    time_ = {};
    kube_->SetController(nullptr);
  }

  ReleaseRequest Request(const std::string& image, const std::string& active) {
    ReleaseRequest request;
    request.resource_type = "delivery_blue_green_release";
    request.plan.strategy = engine::Strategy::kBlueGreen;
    request.plan.first_release = active.empty();
    request.plan.identity = engine::RunIdentity(image);
    request.plan.blue_green.active = active;
    request.plan.blue_green.target = routing::OtherSlot(active);
    request.plan.blue_green.replicas = 3;
    request.plan.blue_green.preview_replicas = 1;
    request.plan.blue_green.has_preview = true;
    request.plan.analysis.interval = absl::Seconds(5);
    request.plan.analysis.duration = absl::Seconds(10);
    request.plan.analysis.metrics = {{.metric = "restarts", .max = 0}};
    request.target.ref = Web();
    request.target.new_version = {.manifest = Manifest(image, 3)};
    request.target.previous_version = {{.manifest = Manifest(kOld, 3)}};
    request.target.measuring.metrics = {
        {.name = "restarts", .source = metrics::KubernetesSignal::kRestarts}};
    request.target.measuring.rules = request.plan.analysis.metrics;
    request.blue_green =
        BlueGreenTarget{{by_, "shop", "web", "slot", active, routing::OtherSlot(active)},
                        Live(ServiceNamed("web")),
                        "web-preview",
                        {}};
    if (!active.empty()) {
      request.owner = Slot(active);
      request.workload_uid = kubernetes::UidOf(Live(Slot(active)));
    }
    return request;
  }

  ReleaseResult RunOn(Process& process, const ReleaseRequest& request) {
    auto result = RunRelease(*process.api, clock_, request, stop_.get_token());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : ReleaseResult();
  }
  ReleaseResult Run(const ReleaseRequest& request) { return RunOn(process_, request); }
  // As the next apply does it: another process, nobody stops it.
  ReleaseResult RunNext(const ReleaseRequest& request) {
    stop_ = std::stop_source();
    Process next(kube_);
    return RunOn(next, request);
  }
  void ReleaseFirst() {
    ASSERT_EQ(Run(Request(kOld, "")).outcome, Outcome::kSucceeded);
    ASSERT_EQ(Serving(), "blue");
    kube_->ForgetRequests();
  }

  std::string Serving() const {
    return GetString(Live(ServiceNamed("web"))["spec"]["selector"], "slot");
  }
  int64_t SizeOf(const std::string& slot) const {
    const Json live = Live(Slot(slot));
    return live.is_null() ? 0 : GetInt(kubernetes::Spec(live), "replicas");
  }
  std::string StoredStep() const {
    const Json journal = Live(JournalRef());
    if (journal.is_null()) return "none";
    return GetString(ParseJson(GetString(GetObject(journal, "data"), "state")).value_or(Json()),
                     "step");
  }
  // At each change: whoever serves is ready.
  void Note() {
    const std::string serving = Serving();
    if (serving.empty()) return;
    const Json live = Live(Slot(serving));
    if (GetInt(kubernetes::Status(live), "readyReplicas") < 3) wrong_.insert("too few pods serve");
  }
  ::testing::AssertionResult NothingIsLeft() const {
    for (const kubernetes::ObjectRef& ref :
         {ServiceNamed("web-preview"), JournalRef(), LeaseRef()}) {
      if (!Live(ref).is_null()) return ::testing::AssertionFailure() << ref.ToString();
    }
    return ::testing::AssertionSuccess();
  }

  routing::Switch by_ = routing::SelectorSwitch{};
  FakeNodes nodes_;
  std::set<std::string> wrong_;
  std::function<void()> on_change_;
  std::stop_source stop_;
  std::jthread time_;
};

TEST_F(BlueGreenReleaseTest, FirstThenSecondThenBack) {
  ReleaseFirst();
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_TRUE(Live(Web()).is_null()) << "there is no Deployment of the workload's own name";
  const ReleaseResult second = Run(Request(kNew, "blue"));
  EXPECT_EQ(second.outcome, Outcome::kSucceeded) << second.reason;
  EXPECT_EQ(Serving(), "green");
  EXPECT_EQ(SizeOf("blue"), 3);
  EXPECT_EQ(kubernetes::ImagesOf(Live(Slot("green")))["web"], kNew);
  EXPECT_TRUE(NothingIsLeft());
  kube_->ForgetRequests();
  ReleaseRequest back = Request(kOld, "green");
  back.plan.blue_green.returns = true;
  EXPECT_EQ(Run(back).outcome, Outcome::kSucceeded);
  EXPECT_EQ(Serving(), "blue");
  EXPECT_THAT(Writes(), Contains("PATCH services/web"));
  EXPECT_THAT(Writes(), Not(Contains(HasSubstr("pods"))));
  EXPECT_THAT(wrong_, IsEmpty());
}

TEST_F(BlueGreenReleaseTest, ServicesOfTheSlotsBehindAnIngress) {
  by_ = routing::IngressSwitch{"web"};
  kube_->AddType({"networking.k8s.io", "v1", "Ingress", "ingresses"});
  kube_->Put(*ParseJson(R"({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
      "metadata": {"name": "web", "namespace": "shop"},
      "spec": {"rules": [{"http": {"paths": [
         {"path": "/", "backend": {"service": {"name": "web"}}}]}}]}})"));
  const auto backend = [this] {
    const Json live = Live({"networking.k8s.io/v1", "Ingress", "shop", "web"});
    return live["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"];
  };
  EXPECT_EQ(Run(Request(kOld, "")).outcome, Outcome::kSucceeded);
  EXPECT_EQ(backend(), "web-blue");
  EXPECT_EQ(Run(Request(kNew, "blue")).outcome, Outcome::kSucceeded);
  EXPECT_EQ(backend(), "web-green");
  EXPECT_EQ(Live(ServiceNamed("web-green"))["spec"]["selector"]["slot"], "green");
}

TEST_F(BlueGreenReleaseTest, SlotThatCannotStartGetsNothing) {
  ReleaseFirst();
  nodes_.Break(kNew, PodStatusWith(WaitingContainer("ImagePullBackOff", "not found")));
  const ReleaseResult result = Run(Request(kNew, "blue"));
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("ImagePullBackOff"));
  EXPECT_EQ(Serving(), "blue");
  EXPECT_EQ(SizeOf("green"), 0);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(BlueGreenReleaseTest, FailedFirstReleaseLeavesNothing) {
  nodes_.Break(kOld, PodStatusWith(WaitingContainer("ImagePullBackOff", "not found")));
  const Json before = Live(ServiceNamed("web"))["spec"];
  EXPECT_EQ(Run(Request(kOld, "")).outcome, Outcome::kRemoved);
  EXPECT_TRUE(Live(Slot("blue")).is_null());
  EXPECT_EQ(Live(ServiceNamed("web"))["spec"], before);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(BlueGreenReleaseTest, PreviewOfOthersIsPutBack) {
  kube_->Put(*ParseJson(R"({"apiVersion": "v1", "kind": "Service",
      "metadata": {"name": "web-preview", "namespace": "shop"},
      "spec": {"selector": {"app": "web", "slot": "none"}, "ports": [{"port": 80}]}})"));
  ReleaseFirst();
  std::set<std::string> seen;
  on_change_ = [&] {
    seen.insert(GetString(Live(ServiceNamed("web-preview"))["spec"]["selector"], "slot"));
  };
  EXPECT_EQ(Run(Request(kNew, "blue")).outcome, Outcome::kSucceeded);
  EXPECT_THAT(seen, Contains("green"));
  EXPECT_EQ(Live(ServiceNamed("web-preview"))["spec"]["selector"]["slot"], "none");
}

TEST_F(BlueGreenReleaseTest, SlotOfSomebodyElseIsNotTouched) {
  ReleaseFirst();
  Json other = Manifest("registry.test/other:1");
  other["metadata"]["name"] = "web-green";
  kube_->Put(other);
  const ReleaseResult result = Run(Request(kNew, "blue"));
  EXPECT_EQ(result.outcome, Outcome::kRolledBack);
  EXPECT_THAT(result.reason, HasSubstr("exists already"));
  EXPECT_EQ(kubernetes::ImagesOf(Live(Slot("green")))["web"], "registry.test/other:1");
}

TEST_F(BlueGreenReleaseTest, EventsAndJournalBelongToTheSlotThatServes) {
  ReleaseFirst();
  std::string owner;
  on_change_ = [&] {
    const Json journal = Live(JournalRef());
    const Json& owners = GetArray(kubernetes::Metadata(journal), "ownerReferences");
    if (!owners.empty()) owner = GetString(owners[0], "name");
  };
  EXPECT_EQ(Run(Request(kNew, "blue")).outcome, Outcome::kSucceeded);
  EXPECT_EQ(owner, "web-blue");
  std::set<std::string> objects;
  for (const Json& event : kube_->All("v1", "Event")) {
    objects.insert(GetString(GetObject(event, "involvedObject"), "name"));
  }
  EXPECT_THAT(objects, Contains("web-blue"));
}

TEST_F(BlueGreenReleaseTest, RemovalPutsTheRouteBackUnderTheLease) {
  ReleaseFirst();
  bool before = false;
  const absl::Status removed =
      RemoveWorkload(api(), clock_,
                     {Web(),
                      {{Slot("blue"), kubernetes::UidOf(Live(Slot("blue")))}},
                      [&](const auto&) {
                        before = !Live(LeaseRef()).is_null() && !Live(Slot("blue")).is_null();
                        return absl::OkStatus();
                      }},
                     absl::Minutes(1), NoStop());
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_TRUE(before);
  EXPECT_TRUE(Live(Slot("blue")).is_null());
}

// More than any of these releases needs.
constexpr int kMostWrites = 46;
// CI runs this test without sanitizers, too: there it is each write.
#ifdef DELIVERY_SANITIZED
constexpr int kEvery = 5;
#else
constexpr int kEvery = 1;
#endif

// Before and after every write of a release.
class BlueGreenKillTest : public BlueGreenReleaseTest, public ::testing::WithParamInterface<int> {
 protected:
  void KillAndGoOn(bool first, engine::OnInterrupt on_interrupt) {
    for (const bool done : {false, true}) {
      SCOPED_TRACE(done ? "after" : "before");
      if (!first) ReleaseFirst();
      ReleaseRequest request = first ? Request(kOld, "") : Request(kNew, "blue");
      request.plan.on_interrupt = on_interrupt;
      request.plan.blue_green.keep_previous = false;
      {
        Process dying(kube_);
        dying.line->DieAt(GetParam(), done, [this] { stop_.request_stop(); });
        (void)RunRelease(*dying.api, clock_, request, stop_.get_token());
        ASSERT_LT(dying.line->writes(), kMostWrites) << "kMostWrites is too small";
        if (dying.line->writes() < GetParam()) return;  // it has fewer writes, and was not killed
      }
      kube_->Remove(LeaseRef());
      const bool over = Live(JournalRef()).is_null() && Serving() == (first ? "blue" : "green");
      const Outcome outcome = over ? Outcome::kSucceeded : RunNext(request).outcome;
      if (on_interrupt == engine::OnInterrupt::kRollback && outcome == Outcome::kRolledBack) {
        EXPECT_EQ(Serving(), "blue");
        EXPECT_EQ(SizeOf("green"), 0);
      } else {
        EXPECT_EQ(outcome, Outcome::kSucceeded);
        EXPECT_EQ(Serving(), first ? "blue" : "green");
        if (!first) {
          EXPECT_EQ(SizeOf("blue"), 0);
        }
      }
      EXPECT_TRUE(NothingIsLeft());
      EXPECT_THAT(wrong_, IsEmpty());
      for (const char* slot : {"blue", "green"}) kube_->Remove(Slot(slot));
      kube_->Change(ServiceNamed("web"),
                    [](Json& live) { live["spec"]["selector"].erase("slot"); });
      wrong_.clear();
      stop_ = std::stop_source();
    }
  }
};

TEST_P(BlueGreenKillTest, TheNextApplyEndsIt) { KillAndGoOn(false, engine::OnInterrupt::kResume); }
TEST_P(BlueGreenKillTest, TheNextApplyTakesItBack) {
  KillAndGoOn(false, engine::OnInterrupt::kRollback);
}
TEST_P(BlueGreenKillTest, TheNextCreateEndsIt) { KillAndGoOn(true, engine::OnInterrupt::kResume); }
INSTANTIATE_TEST_SUITE_P(AtWrites, BlueGreenKillTest, ::testing::Range(1, kMostWrites, kEvery));

}  // namespace
}  // namespace delivery::runner
