// Applying delivery_canary_release: what is written, what is left, and what is said.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "provider/kubernetes/object.h"
#include "resources/canary_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using value::Type;
using value::Value;

class CanaryApplyTest : public CanaryFixture {
 protected:
  bool WroteCanary() const {
    const std::vector<std::string> writes = Writes();
    return std::any_of(writes.begin(), writes.end(), [](const std::string& write) {
      return absl::StrContains(write, "web-canary");
    });
  }
  void ExpectStableRuns(const std::string& image) {
    EXPECT_EQ(LiveImage(), image);
    EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", image}}));
  }
};

// ---- A first release

TEST_F(CanaryApplyTest, AFirstReleaseIsAPlainRollout) {
  EXPECT_THAT(ApplySays(CanaryConfig(kOld)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_EQ(StatusOf("weight"), Value::Number(0));
  EXPECT_EQ(StatusOf("step"), Value::Number(0));
  ExpectStableRuns(kOld);
  EXPECT_FALSE(WroteCanary());
  EXPECT_TRUE(NothingIsLeft());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kOld)));
}

TEST_F(CanaryApplyTest, AFirstReleaseThatFailsIsRemoved) {
  BreakImage(kOld);
  EXPECT_THAT(ApplySays(CanaryConfig(kOld)),
              ElementsAre(AllOf(StartsWith("error at manifest: First release of Deployment "),
                                HasSubstr("nothing is left of it"))));
  EXPECT_TRUE(stored_.state.is_null());
}

TEST_F(CanaryApplyTest, AFirstReleaseThatFailsAndIsHeldIsAWarningWithState) {
  BreakImage(kOld);
  EXPECT_THAT(ApplySays(CanaryConfig(kOld, {{"on_failure", Value::String("hold")}})),
              ElementsAre(AllOf(StartsWith("warning at manifest: "), HasSubstr("failed"))));
  EXPECT_EQ(Phase(), phase::kFailed);
}

// ---- A release

TEST_F(CanaryApplyTest, ANewImageGoesByTheStepsOfTheCanary) {
  ReleaseStable();
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_THAT(shares(), ElementsAre(0, 10, 50, 0));
  ExpectStableRuns(kNew);
  EXPECT_EQ(StatusOf("weight"), Value::Number(0));
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kNew}}));
  EXPECT_TRUE(NothingIsLeft());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kNew)));
}

TEST_F(CanaryApplyTest, ByTheRatioOfPodsNothingRoutes) {
  const Value::Map shared = {{"traffic", Shared()}};
  ReleaseStable(shared);
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, shared)), IsEmpty());
  EXPECT_THAT(Writes(), Not(Contains(HasSubstr("httproutes"))));
  ExpectStableRuns(kNew);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(CanaryApplyTest, AChangeOutsideThePodsGoesToStableAtOnce) {
  ReleaseStable();
  Json manifest = Manifest(kOld, 4);
  manifest["spec"]["replicas"] = 5;
  const Value::Map rest = {{"traffic", Routed()}, {"step", Steps({Step(10), Step(50)})}};
  EXPECT_THAT(ApplySays(Config(manifest, rest)), IsEmpty());
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 5);
  EXPECT_FALSE(WroteCanary());
}

TEST_F(CanaryApplyTest, AVersionThatCannotStartIsRolledBackBeforeItGetsTraffic) {
  ReleaseStable();
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: Release of Deployment shop/web "
                                           "failed and was rolled back"),
                                HasSubstr("ImagePullBackOff"))));
  EXPECT_EQ(Phase(), phase::kRolledBack);
  ExpectStableRuns(kOld);
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_EQ(stored_.state.Get("failed_images"), ImagesOf({{"web", kNew}}));
  EXPECT_THAT(shares(), Not(Contains(10)));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(CanaryApplyTest, AFailingMetricRollsBack) {
  const Value::Map measured = {{"analysis", NoRestarts()}};
  ReleaseStable(measured);
  restarts_with_traffic_ = true;
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, measured)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("restarts"))));
  EXPECT_EQ(Phase(), phase::kRolledBack);
  ExpectStableRuns(kOld);
  EXPECT_TRUE(NothingIsLeft());
  const Value report = stored_.state.Get("analysis_report");
  ASSERT_EQ(report.elements().size(), 1);
  EXPECT_EQ(report.elements()[0].Get("metric"), Value::String("restarts"));
  EXPECT_EQ(report.elements()[0].Get("verdict"), Value::String("fail"));
}

// The default of a canary: a version that was rolled back is not tried again.
TEST_F(CanaryApplyTest, AVersionThatWasRolledBackIsNotTriedAgain) {
  ReleaseStable();
  BreakImage(kNew);
  Apply(CanaryConfig(kNew));
  Refresh();
  EXPECT_THAT(Said(Plan(CanaryConfig(kNew)).diagnostics),
              Contains(StartsWith("warning at retry: Apply will refuse this version")));
  kube_->ForgetRequests();
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)), Contains(HasSubstr("is not tried again")));
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  EXPECT_EQ(Phase(), phase::kRolledBack);
  EXPECT_EQ(ManifestImage(), kOld);
}

// ---- Before the first write

TEST_F(CanaryApplyTest, AServiceThatDoesNotExistIsAnErrorBeforeAnythingIsWritten) {
  ReleaseStable();
  ASSERT_TRUE(kube_->Remove({"v1", "Service", "shop", "web"}));
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)),
              Contains(AllOf(StartsWith("error at manifest: "),
                             HasSubstr("Service shop/web does not exist"))));
  EXPECT_FALSE(WroteCanary());
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_EQ(ManifestImage(), kOld);
}

TEST_F(CanaryApplyTest, ARouteThatDoesNotExistIsAnErrorBeforeAnythingIsWritten) {
  ReleaseStable();
  ASSERT_TRUE(kube_->Remove(Route()));
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)),
              Contains(AllOf(StartsWith("error at manifest: "), HasSubstr("HTTPRoute shop/web"))));
  EXPECT_FALSE(WroteCanary());
}

TEST_F(CanaryApplyTest, SomebodyElsesObjectOfTheCanarysNameIsNotTouched) {
  ReleaseStable();
  Json other = Manifest(kOld, 1);
  other["metadata"]["name"] = "web-canary";
  other["spec"]["selector"]["matchLabels"]["app"] = "other";
  other["spec"]["template"]["metadata"]["labels"]["app"] = "other";
  kube_->Put(other, "kubectl");
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)),
              Contains(AllOf(StartsWith("error at manifest: "),
                             HasSubstr("Deployment shop/web-canary exists already"))));
  EXPECT_FALSE(WroteCanary());
}

TEST_F(CanaryApplyTest, NoOtherServiceMaySelectTheCanarysPods) {
  Json manifest = Manifest(kOld, 4);
  manifest["spec"]["template"]["metadata"]["labels"]["team"] = "shop";
  const Value::Map rest = {{"traffic", Routed()}, {"step", Steps({Step(10), Step(50)})}};
  Release(Config(manifest, rest));
  Refresh();
  kube_->Put(*ParseJson(R"({"apiVersion": "v1", "kind": "Service",
      "metadata": {"name": "everything", "namespace": "shop"},
      "spec": {"selector": {"team": "shop"}, "ports": [{"port": 80}]}})"));
  FirstContainerOf(manifest)["image"] = kNew;
  EXPECT_THAT(ApplySays(Config(manifest, rest)),
              Contains(AllOf(StartsWith("error at manifest: "), HasSubstr("Service everything"))));
  EXPECT_FALSE(WroteCanary());
}

// ---- Approval

TEST_F(CanaryApplyTest, WhatIsNotApprovedWaits) {
  HoldNew();
  EXPECT_EQ(StatusOf("weight"), Value::Number(10));
  EXPECT_EQ(StatusOf("step"), Value::Number(1));
  EXPECT_TRUE(StatusOf("finished_at").is_null());
  ExpectStableRuns(kOld);
  EXPECT_EQ(ManifestImage(), kNew);
  EXPECT_EQ(CanaryShare(), 10);
  EXPECT_EQ(StoredStep(), "held");
  EXPECT_FALSE(Exists(LeaseRef()));
}

TEST_F(CanaryApplyTest, ApprovalGoesOnFromWhereItIs) {
  HoldNew();
  Refresh();
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_THAT(shares(), ElementsAre(0, 10, 50, 0));
  ExpectStableRuns(kNew);
  EXPECT_TRUE(NothingIsLeft());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kNew)));
}

TEST_F(CanaryApplyTest, MoreApprovalGoesOnToTheNextHold) {
  HoldNew();
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, {{"approve_up_to", Up(60)}})), IsEmpty());
  EXPECT_EQ(Phase(), phase::kHeld);
  EXPECT_EQ(StatusOf("weight"), Value::Number(50));
  EXPECT_EQ(StatusOf("step"), Value::Number(2));
}

TEST_F(CanaryApplyTest, WithoutApprovalTheCanaryIsReadyAndGetsNothing) {
  ReleaseStable();
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, {{"approve_up_to", Up(0)}})), IsEmpty());
  EXPECT_EQ(Phase(), phase::kHeld);
  EXPECT_EQ(StatusOf("weight"), Value::Number(0));
  EXPECT_EQ(StatusOf("step"), Value::Number(0));
  EXPECT_TRUE(Exists(Canary()));
  EXPECT_THAT(shares(), Not(Contains(10)));
}

TEST_F(CanaryApplyTest, GoingBackToTheStableVersionTakesTheCanaryBack) {
  HoldNew();
  Refresh();
  EXPECT_THAT(ApplySays(CanaryConfig(kOld)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
  ExpectStableRuns(kOld);
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_TRUE(NothingIsLeft());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kOld)));
}

TEST_F(CanaryApplyTest, AnotherVersionTakesTheCanaryBackAndStartsAnew) {
  HoldNew();
  Refresh();
  EXPECT_THAT(ApplySays(CanaryConfig(kThird)), IsEmpty());
  EXPECT_THAT(shares(), ElementsAre(0, 10, 0, 10, 50, 0));
  ExpectStableRuns(kThird);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(CanaryApplyTest, WhileItIsHeldStableTakesWhatIsNotOfThePods) {
  HoldNew();
  Refresh();
  const Value::Map rest = {
      {"traffic", Routed()}, {"step", Steps({Step(10), Step(50)})}, {"approve_up_to", Up(10)}};
  EXPECT_THAT(ApplySays(Config(Manifest(kNew, 6), rest)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kHeld);
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 6);
  ExpectStableRuns(kOld);
  EXPECT_EQ(CanaryShare(), 10);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(Config(Manifest(kNew, 6), rest)));
}

// ---- Failure that is held

TEST_F(CanaryApplyTest, AFailureIsHeldAndMeasuredAgain) {
  const Value::Map held = {{"analysis", NoRestarts()}, {"on_failure", Value::String("hold")}};
  ReleaseStable(held);
  restarts_with_traffic_ = true;
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, held)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("restarts"),
                                HasSubstr("stays at 10 %"))));
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_EQ(StatusOf("weight"), Value::Number(10));
  ExpectStableRuns(kOld);
  EXPECT_EQ(CanaryShare(), 10);
  Refresh();
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_THAT(PlanLines(CanaryConfig(kNew, held)).front(),
              HasSubstr("measure step 1 of the failed release"));
  // The pods were healed meanwhile.
  restarts_with_traffic_ = false;
  for (const Json& pod : kube_->All("v1", "Pod")) {
    if (!absl::StartsWith(kubernetes::NameOf(pod), "web-canary-")) continue;
    Json status = kubernetes::Status(pod);
    status["containerStatuses"] =
        Json::array({{{"name", "web"}, {"ready", true}, {"restartCount", 0}}});
    kube_->SetStatus(kubernetes::RefOf(pod), status);
  }
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, held)), IsEmpty());
  ExpectStableRuns(kNew);
  EXPECT_TRUE(NothingIsLeft());
}

// ---- Interruption

TEST_F(CanaryApplyTest, AnInterruptedReleaseGoesOn) {
  ReleaseStable();
  time_passes_ = false;
  after_write_ = [this] {
    if (CanaryShare() == 10) stop_.request_stop();
  };
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: Release of Deployment shop/web was "
                                           "interrupted"))));
  EXPECT_EQ(Phase(), phase::kInterrupted);
  ExpectStableRuns(kOld);
  NextRun();
  time_passes_ = true;
  Refresh();
  EXPECT_EQ(Phase(), phase::kInterrupted);
  EXPECT_EQ(StatusOf("weight"), Value::Number(10));
  EXPECT_THAT(PlanLines(CanaryConfig(kNew)).front(), HasSubstr("resume the interrupted release"));
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)), IsEmpty());
  ExpectStableRuns(kNew);
  EXPECT_TRUE(NothingIsLeft());
}

// Stable runs kNew already; only the canary was still there. A third version then fails: what it is
// rolled back to is kNew.
TEST_F(CanaryApplyTest, AfterAPromotionThatWasNotCleanedUpThePromotedVersionIsTheOneToGoBackTo) {
  for (const bool recorded : {true, false}) {
    SCOPED_TRACE(recorded ? "the apply was stopped" : "the provider was killed");
    if (!Live(Web()).is_null()) Destroy();
    NextRun();
    ReleaseStable();
    const Stored before = stored_;
    after_write_ = [this] {
      if (StoredStep() == "scale_down_delay") stop_.request_stop();
    };
    ApplySays(CanaryConfig(kNew));
    ASSERT_EQ(StoredStep(), "scale_down_delay");
    if (!recorded) stored_ = before;
    NextRun();
    BreakImage("web:3.0.0");
    Refresh();
    EXPECT_THAT(ApplySays(CanaryConfig("web:3.0.0")), Contains(HasSubstr("was rolled back")));
    EXPECT_EQ(Phase(), phase::kRolledBack);
    ExpectStableRuns(kNew);
    EXPECT_TRUE(NothingIsLeft());
    Refresh();
    EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kNew)));
  }
}

// The Deployment takes the journal, the canary and its Service with it.
TEST_F(CanaryApplyTest, ARouteLeftByADeletedWorkloadIsPutBackByTheNextCreate) {
  HoldNew();
  ASSERT_EQ(CanaryShare(), 10);
  ASSERT_TRUE(kube_->Remove(Web()));
  for (const kubernetes::ObjectRef& ref :
       {CanaryService(),
        kubernetes::ObjectRef{"v1", "ConfigMap", "shop", "delivery-deployment-web"}}) {
    kube_->Remove(ref);
  }
  ASSERT_FALSE(Exists(Canary()));
  Refresh();
  ASSERT_TRUE(stored_.state.is_null());
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)),
              ElementsAre(StartsWith(
                  "warning at traffic: HTTPRoute shop/web still sent requests to a canary")));
  EXPECT_EQ(CanaryShare(), 0);
  EXPECT_FALSE(absl::StrContains(Live(Route()).dump(), "web-canary"));
  ExpectStableRuns(kNew);
}

// ---- Destroy

TEST_F(CanaryApplyTest, ADestroyTakesTheCanaryBackThoughItsServiceIsGone) {
  HoldNew();
  ASSERT_TRUE(kube_->Remove({"v1", "Service", "shop", "web"}));
  Refresh();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_FALSE(Exists(Web()));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(CanaryApplyTest, ADestroyTakesAnOpenCanaryBackFirst) {
  HoldNew();
  Refresh();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_FALSE(Exists(Web()));
  EXPECT_TRUE(NothingIsLeft());
}

}  // namespace
}  // namespace delivery::resources
