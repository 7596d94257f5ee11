// What validate and plan of delivery_canary_release say, before anything is written.
#include <string>
#include <vector>

#include "provider/kubernetes/object.h"
#include "resources/canary_arguments.h"
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

TEST(CanaryArgumentsTest, DeclarationsHaveNoProblems) {
  EXPECT_THAT(CanaryRelease::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(CanaryStatus::Declaration().Problems(), IsEmpty());
}

class CanaryPlanTest : public CanaryFixture {
 protected:
  std::vector<std::string> Validate(const Value& config) {
    return Said(rollout_->Validate(config));
  }
  Value Check(const std::string& name, const Value::Map& members = {}) const {
    Value::Map all = {{"name", Value::String(name)},
                      {"http", Block({"check", "http"}, {{"port", Value::Number(8080)}})}};
    for (const auto& [key, member] : members) all[key] = member;
    return Block({"check"}, all);
  }
  static Value Checks(const std::vector<Value>& checks) {
    return Value::MakeList(checks.front().type(), checks);
  }
  std::vector<std::string> PlanSays(const Value& config) { return Said(Plan(config).diagnostics); }
};

// ---- Validate

TEST_F(CanaryPlanTest, AGoodConfigurationIsValid) {
  EXPECT_THAT(
      Validate(CanaryConfig(
          kNew, {{"images", ImagesOf({{"web", kNew}})},
                 {"approve_up_to", Up(10)},
                 {"approved", ImagesOf({{"web", kNew}})},
                 {"analysis", NoRestarts()},
                 {"check", Checks({Check("early", {{"at", Value::String("before_traffic")}}),
                                   Check("smoke")})},
                 {"step", Steps({Step(10, {{"checks", Texts({"smoke"})}}), Step(50)})}})),
      IsEmpty());
}

TEST_F(CanaryPlanTest, OtherKindsAreToldOfTheirAlternatives) {
  for (const auto& [kind, alternative] :
       {std::pair{"StatefulSet", "partition"}, std::pair{"DaemonSet", "maxUnavailable"}}) {
    Json manifest = Manifest(kNew);
    manifest["kind"] = kind;
    EXPECT_THAT(Validate(Config(manifest, {{"traffic", Routed()}, {"step", Steps({Step(10)})}})),
                Contains(AllOf(StartsWith("error at manifest: "), HasSubstr(kind),
                               HasSubstr("delivery_rollout"), HasSubstr(alternative))));
  }
}

TEST_F(CanaryPlanTest, MistakesOfAllArgumentsAreSaidAtOnce) {
  EXPECT_THAT(
      Validate(CanaryConfig(kNew, {{"on_failure", Value::String("pause")},
                                   {"approve_up_to", Up(101)},
                                   {"approved", ImagesOf({{"wbe", kNew}})},
                                   {"scale_down_delay", Value::String("soon")},
                                   {"on_no_traffic", Value::String("ignore")},
                                   {"step", Steps({Step(50), Step(10)})}})),
      ::testing::UnorderedElementsAre(
          StartsWith("error at on_failure: "), StartsWith("error at approve_up_to: "),
          StartsWith("error at approved[\"wbe\"]: "), StartsWith("error at scale_down_delay: "),
          StartsWith("error at on_no_traffic: "), StartsWith("error at step[1].weight: ")));
}

TEST_F(CanaryPlanTest, WithoutARouterSomeThingsAreNotPossible) {
  EXPECT_THAT(
      Validate(CanaryConfig(
          kNew, {{"traffic", Shared()},
                 {"approve_up_to", Up(0)},
                 {"check", Checks({Check("early", {{"at", Value::String("before_traffic")}})})},
                 {"step", Steps({Step(10), Step(60)})}})),
      ::testing::UnorderedElementsAre(StartsWith("error at approve_up_to: "),
                                      StartsWith("error at check[0].at: "),
                                      StartsWith("error at step[1].weight: ")));
}

TEST_F(CanaryPlanTest, AHoldMustLastForAMeasurement) {
  EXPECT_THAT(
      Validate(CanaryConfig(kNew, {{"analysis", NoRestarts()},
                                   {"step", Steps({Step(10, {{"hold", Value::String("3s")}})})}})),
      ElementsAre(StartsWith("error at step[0].hold: ")));
}

TEST_F(CanaryPlanTest, WhatIsUnknownIsValid) {
  Value::Map unknown;
  const Type type = rollout_->schema().block.ImpliedType();
  for (const char* name : {"traffic", "step", "approve_up_to", "approved", "analysis"}) {
    unknown[name] = Value::Unknown(type.attributes().at(name));
  }
  EXPECT_THAT(Validate(ConfigWith(Value::Unknown(Type::Dynamic()), unknown)), IsEmpty());
}

// ---- What the plan tells

TEST_F(CanaryPlanTest, AFirstReleaseIsSaidToBeAPlainRollout) {
  const plugin::PlanResponse plan = Plan(CanaryConfig(kOld));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  const std::vector<std::string> lines = Lines(plan.planned.Get("release_plan"));
  EXPECT_EQ(lines.front(), std::string("create Deployment web: web = ") + kOld);
  EXPECT_THAT(lines, Contains(HasSubstr("plain rollout")));
  EXPECT_EQ(plan.planned.Get("retry"), Value::String("on_change"));
  EXPECT_TRUE(plan.planned.Get("status").is_unknown());
}

TEST_F(CanaryPlanTest, AReleaseIsToldStepByStep) {
  ReleaseStable();
  const plugin::PlanResponse plan = Plan(
      CanaryConfig(kNew, {{"step", Steps({Step(10, {{"checks", Texts({"smoke"})}}), Step(50)})},
                          {"check", Checks({Check("smoke"), Check("after")})},
                          {"analysis", NoRestarts()}}));
  EXPECT_THAT(
      Said(plan.diagnostics),
      ElementsAre(StartsWith("warning at traffic: HTTPRoute shop/web is managed by kubectl")));
  const std::vector<std::string> lines = Lines(plan.planned.Get("release_plan"));
  EXPECT_EQ(lines.front(), "release Deployment web by canary: web 1 -> 2");
  EXPECT_THAT(lines, Contains(StartsWith("shift traffic through HTTPRoute web")));
  EXPECT_THAT(lines, Contains("step 1: 10 % for 10s, 1 canary pod (earliest +0)"));
  EXPECT_THAT(lines, Contains("step 2: 50 % for 10s, 2 canary pods (earliest +10s)"));
  EXPECT_THAT(lines, Contains(StartsWith("check smoke: ")));
  EXPECT_THAT(lines, Contains(StartsWith("check after: ")));
  EXPECT_THAT(lines, Contains(HasSubstr("measure restarts")));
  EXPECT_THAT(lines, Contains(StartsWith("promote: ")));
  EXPECT_THAT(lines, Contains(StartsWith("earliest end +50s, at the latest +22m50s")));
  EXPECT_THAT(lines, Contains(StartsWith("on failure: return the traffic")));
}

TEST_F(CanaryPlanTest, WhatTheReleaseDependsOnIsWaitedFor) {
  ReleaseStable();
  const Type type = rollout_->schema().block.ImpliedType();
  for (const char* name : {"images", "step", "traffic", "approve_up_to"}) {
    const plugin::PlanResponse plan =
        Plan(CanaryConfig(kNew, {{name, Value::Unknown(type.attributes().at(name))}}));
    EXPECT_TRUE(plan.planned.Get("release_plan").is_unknown()) << name;
  }
}

TEST_F(CanaryPlanTest, SettingsAloneReleaseNothing) {
  ReleaseStable();
  const Value config = CanaryConfig(
      kOld, {{"step", Steps({Step(20)})}, {"approve_up_to", Up(10)}, {"analysis", NoRestarts()}});
  const plugin::PlanResponse plan = Plan(config);
  EXPECT_EQ(plan.planned.Get("status"), stored_.state.Get("status"));
  EXPECT_EQ(plan.planned.Get("analysis_report"), stored_.state.Get("analysis_report"));
  EXPECT_THAT(ApplySays(config), IsEmpty());
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(config));
}

// ---- While a canary is held

TEST_F(CanaryPlanTest, WhatIsHeldIsNoChange) {
  HoldNew();
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kNew, {{"approve_up_to", Up(10)}})));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kNew, {{"approve_up_to", Up(10)}})));
}

TEST_F(CanaryPlanTest, ApprovalSaysFromWhereItGoesOn) {
  HoldNew();
  for (const Value& approval : {Up(50), Value::Null(Type::Number())}) {
    const plugin::PlanResponse plan = Plan(CanaryConfig(kNew, {{"approve_up_to", approval}}));
    EXPECT_TRUE(plan.planned.Get("status").is_unknown());
    EXPECT_THAT(Lines(plan.planned.Get("release_plan")).front(),
                "go on with the held release of Deployment web from step 2: web 1 -> 2");
  }
}

// Less, or not enough for the next step: it stays where it is.
TEST_F(CanaryPlanTest, ApprovalThatDoesNotReachTheNextStepReleasesNothing) {
  HoldNew();
  for (const int up_to : {0, 5, 49}) {
    const plugin::PlanResponse plan = Plan(CanaryConfig(kNew, {{"approve_up_to", Up(up_to)}}));
    EXPECT_EQ(plan.planned.Get("status"), stored_.state.Get("status")) << up_to;
  }
}

TEST_F(CanaryPlanTest, OnlyTheApprovedImagesGoOn) {
  HoldNew();
  const auto goes_on = [&](const std::string& approved) {
    return Plan(CanaryConfig(
                    kNew, {{"approve_up_to", Up(10)}, {"approved", ImagesOf({{"web", approved}})}}))
        .planned.Get("status")
        .is_unknown();
  };
  EXPECT_FALSE(goes_on(kThird));
  EXPECT_TRUE(goes_on(kNew));
}

TEST_F(CanaryPlanTest, ADigestApprovesWhateverTheTagIs) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  CanaryRelease model;
  model.arguments = ArgumentsFor(WebManifest());
  model.arguments.images = ToImages({{"web", "registry.test/web:2" + digest}});
  model.approve_up_to = 10;
  EXPECT_EQ(ApprovedUpTo(model), 10);
  model.approved = ToImages({{"web", "registry.test/web:release" + digest}});
  EXPECT_EQ(ApprovedUpTo(model), std::nullopt);
  model.approved = ToImages({{"web", "registry.test/web:2@sha256:" + std::string(64, 'b')}});
  EXPECT_EQ(ApprovedUpTo(model), 10);
  model.approved = ToImages({});
  EXPECT_EQ(ApprovedUpTo(model), 10);
}

TEST_F(CanaryPlanTest, TheWayOfTheTrafficCannotChangeWhileACanaryIsOpen) {
  HoldNew();
  EXPECT_THAT(PlanSays(CanaryConfig(kNew, {{"approve_up_to", Up(10)}, {"traffic", Shared()}})),
              Contains(AllOf(StartsWith("error at traffic: "), HasSubstr("Held"))));
  EXPECT_THAT(PlanSays(CanaryConfig(kNew, {{"approve_up_to", Up(10)},
                                           {"canary_labels", ImagesOf({{"track", "next"}})}})),
              Contains(StartsWith("error at canary_labels: ")));
}

// ---- Preflight

TEST_F(CanaryPlanTest, WhatApplyWouldTripOnIsAWarning) {
  ReleaseStable();
  ASSERT_TRUE(kube_->Remove(Route()));
  EXPECT_THAT(PlanSays(CanaryConfig(kNew)),
              ElementsAre(AllOf(StartsWith("warning at traffic: A canary of Deployment shop/web "
                                           "could not begin"),
                                HasSubstr("HTTPRoute shop/web"))));
}

TEST_F(CanaryPlanTest, APolicyThatLeavesTheCanaryOutIsAWarning) {
  ReleaseStable();
  kube_->Put(*ParseJson(R"({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
      "metadata": {"name": "web", "namespace": "shop"},
      "spec": {"selector": {"matchLabels": {"app": "web"}}}})"));
  EXPECT_THAT(PlanSays(CanaryConfig(kNew)),
              Contains(AllOf(StartsWith("warning at traffic: PodDisruptionBudget shop/web does "
                                        "not select the canary's pods"))));
}

// Four pods run; the canary has two at 50 percent, and the promotion surges by one.
TEST_F(CanaryPlanTest, AQuotaMustHaveRoomForTheCanaryToo) {
  kube_->AddType({"", "v1", "ResourceQuota", "resourcequotas"});
  ReleaseStable();
  const auto quota = [](const char* hard) {
    return *ParseJson(absl::StrCat(
        R"({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods",
            "namespace": "shop"}, "status": {"hard": {"pods": ")",
        hard, R"("}, "used": {"pods": "4"}}})"));
  };
  kube_->Put(quota("7"));
  EXPECT_THAT(PlanSays(CanaryConfig(kNew)), Not(Contains(HasSubstr("ResourceQuota"))));
  clock_.Advance(absl::Minutes(1));  // quotas are not asked for again at once
  kube_->Put(quota("6"));
  EXPECT_THAT(PlanSays(CanaryConfig(kNew)),
              Contains(AllOf(HasSubstr("ResourceQuota shop/pods leaves no room"),
                             HasSubstr("needed 7"), HasSubstr("3 pods more than now"))));
}

TEST_F(CanaryPlanTest, APlanWritesNothing) {
  ReleaseStable();
  Plan(CanaryConfig(kNew));
  EXPECT_THAT(Writes(), IsEmpty());
}

}  // namespace
}  // namespace delivery::resources
