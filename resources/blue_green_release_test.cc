// delivery_blue_green_release as Terraform meets it: validate, plan, apply, refresh, destroy,
// import.
#include <string>
#include <vector>

#include "provider/kubernetes/object.h"
#include "provider/runner/slot_objects.h"
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
using value::Value;

class BlueGreenResourceTest : public CanaryFixture {
 protected:
  BlueGreenResourceTest() {
    rollout_ = MakeBlueGreenRelease(cluster_);
    stored_ = {NoState(), "", Value()};
  }

  static kubernetes::ObjectRef Slot(const std::string& slot) {
    return runner::SlotRef(Web(), slot);
  }
  static kubernetes::ObjectRef WebService() { return {"v1", "Service", "shop", "web"}; }

  Value BySelector() const {
    return Block({"switch"}, {{"selector", Block({"switch", "selector"}, {})}});
  }
  Value SlotConfig(const std::string& image, const Value::Map& arguments = {}) const {
    Value::Map all = {{"service", Value::String("web")}, {"switch", BySelector()}};
    for (const auto& [name, argument] : arguments) all[name] = argument;
    return Config(Manifest(image, 3), all);
  }
  void ReleaseTwo() {
    Release(SlotConfig(kOld));
    Release(SlotConfig(kNew));
    Refresh();
  }
  std::string Active() const { return stored_.state.Get("active_slot").AsString(); }
  std::string Serving() const { return GetString(Live(WebService())["spec"]["selector"], "slot"); }
  int64_t SizeOf(const std::string& slot) const {
    return GetInt(kubernetes::Spec(Live(Slot(slot))), "replicas");
  }
  void EditSelector(const Json& slot) {
    ASSERT_TRUE(kube_->Change(
        WebService(),
        [&](Json& live) {
          live["spec"]["selector"] = {{"app", "web"}};
          if (!slot.is_null()) live["spec"]["selector"]["slot"] = slot;
        },
        "kubectl-edit"));
  }
};

TEST_F(BlueGreenResourceTest, ReleasesAlternateBetweenTheSlots) {
  Release(SlotConfig(kOld));
  EXPECT_EQ(Active(), "blue");
  EXPECT_TRUE(Live(Web()).is_null());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(SlotConfig(kOld)));
  EXPECT_THAT(PlanLines(SlotConfig(kNew)),
              AllOf(Contains(HasSubstr("slot blue -> green")), Contains(HasSubstr("one write"))));
  Release(SlotConfig(kNew));
  EXPECT_EQ(Active(), "green");
  EXPECT_EQ(Serving(), "green");
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(SlotConfig(kNew)));
  EXPECT_THAT(PlanLines(SlotConfig(kOld)), Contains(HasSubstr("nothing is rolled out")));
}

TEST_F(BlueGreenResourceTest, LostPrivateStateIsNoReasonToReplaceAnything) {
  ReleaseTwo();
  stored_.private_state.clear();
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(SlotConfig(kNew)));
  EXPECT_THAT(PlanLines(SlotConfig(kThird)), Contains(HasSubstr("slot green -> blue")));
  Release(SlotConfig(kThird));
  EXPECT_EQ(Serving(), "blue");
}

TEST_F(BlueGreenResourceTest, LostSlotOfTheSelectorIsAFailureWithItsAuthorAndRepaired) {
  ReleaseTwo();
  EditSelector(Json());
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(HasSubstr("selects no slot"), HasSubstr("kubectl-edit"))));
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_THAT(ApplySays(SlotConfig(kNew)), IsEmpty());
  EXPECT_EQ(Serving(), "green");
  EXPECT_EQ(Phase(), phase::kSucceeded);
}

TEST_F(BlueGreenResourceTest, SlotThatServesAndWasDeletedIsMadeAnew) {
  ReleaseTwo();
  ASSERT_TRUE(kube_->Remove(Slot("green")));
  Refresh();
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_THAT(Message(), HasSubstr("web-green"));
  EXPECT_THAT(ApplySays(SlotConfig(kNew)), IsEmpty());
  EXPECT_EQ(SizeOf("green"), 3);
  ASSERT_TRUE(kube_->Remove(Slot("green")) && kube_->Remove(Slot("blue")));
  Refresh();
  EXPECT_TRUE(stored_.state.is_null()) << "with both slots the workload is gone";
}

TEST_F(BlueGreenResourceTest, ExpiredSlotIsScaledToZeroByTheNextApply) {
  const Value::Map kept = {{"keep_previous", Value::String("10m")}};
  Release(SlotConfig(kOld, kept));
  Release(SlotConfig(kNew, kept));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(SlotConfig(kNew, kept)));
  clock_.Advance(absl::Minutes(11));
  Refresh();
  EXPECT_TRUE(stored_.state.Get("previous_expired").AsBool());
  EXPECT_THAT(PlanLines(SlotConfig(kNew, kept)), Contains(HasSubstr("scale web-blue to zero")));
  Release(SlotConfig(kNew, kept));
  EXPECT_EQ(SizeOf("blue"), 0);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(SlotConfig(kNew, kept)));
}

TEST_F(BlueGreenResourceTest, WaitsForApproval) {
  Release(SlotConfig(kOld));
  const Value::Map waits = {{"approve", Value::Bool(false)},
                            {"preview_replicas", Value::Number(1)}};
  EXPECT_THAT(ApplySays(SlotConfig(kNew, waits)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kHeld);
  EXPECT_EQ(SizeOf("green"), 1);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(SlotConfig(kNew, waits)));
  Release(SlotConfig(kNew, {{"preview_replicas", Value::Number(1)}}));
  EXPECT_EQ(Serving(), "green");
  EXPECT_EQ(SizeOf("green"), 3);
}

TEST_F(BlueGreenResourceTest, ChangeOutsideTheTemplateGoesToWhatServesWhileHeld) {
  Release(SlotConfig(kOld));
  Value::Map held = {{"service", Value::String("web")},
                     {"switch", BySelector()},
                     {"approve", Value::Bool(false)},
                     {"preview_replicas", Value::Number(1)}};
  EXPECT_THAT(ApplySays(Config(Manifest(kNew, 3), held)), IsEmpty());
  EXPECT_THAT(PlanLines(Config(Manifest(kNew, 5), held)),
              Contains(HasSubstr("web-blue, which serves, gets at once")));
  EXPECT_THAT(ApplySays(Config(Manifest(kNew, 5), held)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kHeld);
  EXPECT_EQ(SizeOf("blue"), 5);
  EXPECT_EQ(SizeOf("green"), 1);
  EXPECT_EQ(Serving(), "blue");
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(Config(Manifest(kNew, 5), held)));
  held.erase("approve");
  Release(Config(Manifest(kNew, 5), held));
  EXPECT_EQ(Serving(), "green");
  EXPECT_EQ(SizeOf("green"), 5);
}

TEST_F(BlueGreenResourceTest, FailedReleaseGoesBackAndIsNotTriedAgain) {
  Release(SlotConfig(kOld));
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(SlotConfig(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("rolled back"))));
  EXPECT_EQ(Serving(), "blue");
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_THAT(ApplySays(SlotConfig(kNew)), Contains(HasSubstr("was rolled back at")));
}

TEST_F(BlueGreenResourceTest, FailedFirstReleaseLeavesNothing) {
  const Json before = Live(WebService())["spec"];
  BreakImage(kOld);
  EXPECT_THAT(ApplySays(SlotConfig(kOld)), ElementsAre(HasSubstr("removed")));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_TRUE(Live(Slot("blue")).is_null());
  EXPECT_EQ(Live(WebService())["spec"], before);
}

TEST_F(BlueGreenResourceTest, ChangeOutsideTheTemplateStaysInItsSlot) {
  Release(SlotConfig(kOld));
  Value::Map arguments = {{"service", Value::String("web")}, {"switch", BySelector()}};
  Release(Config(Manifest(kOld, 5), arguments));
  EXPECT_EQ(SizeOf("blue"), 5);
  EXPECT_FALSE(Exists(Slot("green")));
}

TEST_F(BlueGreenResourceTest, DestroyLeavesTheServiceAsItWas) {
  const Json before = Live(WebService())["spec"];
  ReleaseTwo();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_FALSE(Exists(Slot("blue")));
  EXPECT_FALSE(Exists(Slot("green")));
  EXPECT_EQ(Live(WebService())["spec"], before);
}

TEST_F(BlueGreenResourceTest, ImportTakesTheSlotThatServes) {
  Release(SlotConfig(kOld));
  const Stored first = stored_;
  EXPECT_THAT(Said(Import("shop/web").diagnostics),
              ElementsAre(HasSubstr("web-green does not exist")));
  stored_ = first;
  Release(SlotConfig(kNew));
  stored_ = {NoState(), "", Value()};
  EXPECT_THAT(Said(Import("shop/web").diagnostics), IsEmpty());
  EXPECT_EQ(Active(), "green");
  EXPECT_EQ(ManifestImage(), kNew);
}

TEST_F(BlueGreenResourceTest, ServiceThatWasThereBeforeIsAnErrorOfThePlan) {
  const Json service = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
                        {"spec", Live(WebService())["spec"]}};
  kube_->Remove(WebService());
  EXPECT_THAT(Said(Plan(SlotConfig(kOld)).diagnostics),
              Contains(AllOf(StartsWith("warning at service: "), HasSubstr("does not exist"))))
      << "it may be made by the same apply";
  kube_->Put(service);
  Release(SlotConfig(kOld));
  kube_->Remove(WebService());
  Refresh();
  EXPECT_THAT(Said(Plan(SlotConfig(kNew)).diagnostics),
              Contains(AllOf(StartsWith("error at service: "), HasSubstr("does not exist"))));
}

TEST_F(BlueGreenResourceTest, PlainDeploymentIsRefusedWithTheWay) {
  kube_->Put(Manifest(kOld));
  EXPECT_THAT(Said(Plan(SlotConfig(kOld)).diagnostics),
              Contains(AllOf(StartsWith("warning at service: "), HasSubstr("plain Deployment"))));
  EXPECT_THAT(ApplySays(SlotConfig(kOld)), Contains(HasSubstr("plain Deployment")));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_THAT(Said(Import("shop/web").diagnostics), ElementsAre(HasSubstr("plain Deployment")));
}

}  // namespace
}  // namespace delivery::resources
