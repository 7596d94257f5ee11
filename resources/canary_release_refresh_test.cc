// What delivery_canary_release makes of a cluster that moved on: held canaries, drift, import and
// moves.
#include <string>
#include <vector>

#include "provider/kubernetes/object.h"
#include "provider/value/json_codec.h"
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

class CanaryRefreshTest : public CanaryFixture {
 protected:
  std::vector<std::string> RefreshSays() { return Said(Refresh().diagnostics); }
  Value::Map Measured() const { return {{"analysis", NoRestarts()}}; }
  Value HeldConfig(const std::string& image = kNew) const {
    Value::Map held = Measured();
    held["approve_up_to"] = Up(10);
    return CanaryConfig(image, held);
  }
  // The state of one resource as another one of ours takes it over.
  plugin::ReadResponse MoveTo(const plugin::Resource& target) {
    const auto json = value::EncodeJson(stored_.state, rollout_->schema().block.ImpliedType());
    EXPECT_TRUE(json.ok()) << json.status();
    return target.Move({stop_.get_token()},
                       {"registry.example.com/x/delivery", rollout_->type_name(), 0,
                        json.value_or(""), stored_.private_state});
  }
};

// ---- Held

TEST_F(CanaryRefreshTest, AHeldCanaryThatIsWellStaysHeld) {
  HoldNew(Measured());
  const Stored before = stored_;
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(stored_.state, before.state);
  EXPECT_TRUE(PlanIsEmpty(HeldConfig()));
}

TEST_F(CanaryRefreshTest, AFailingMeasurementWhileHeldIsRolledBackByTheNextApply) {
  HoldNew(Measured());
  RestartCanary();
  EXPECT_THAT(RefreshSays(),
              ElementsAre(AllOf(StartsWith("warning at analysis: "), HasSubstr("restarts"))));
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_THAT(Message(), HasSubstr("restarts"));
  EXPECT_THAT(PlanLines(HeldConfig()).front(), HasSubstr("roll back the canary"));
  EXPECT_THAT(ApplySays(HeldConfig()),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("restarts"))));
  EXPECT_EQ(Phase(), phase::kRolledBack);
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(CanaryRefreshTest, ACanaryThatVanishedWhileHeldHasFailed) {
  HoldNew(Measured());
  ASSERT_TRUE(kube_->Remove(Canary()));
  Refresh();
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_THAT(Message(), HasSubstr("Deployment shop/web-canary was deleted"));
  EXPECT_THAT(ApplySays(HeldConfig()), ElementsAre(StartsWith("error at manifest: ")));
  EXPECT_EQ(Phase(), phase::kRolledBack);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(CanaryRefreshTest, ALostJournalOfAHeldCanaryIsAFailure) {
  HoldNew();
  ASSERT_TRUE(kube_->Remove(JournalRef()));
  Refresh();
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_EQ(ManifestImage(), kOld);
}

TEST_F(CanaryRefreshTest, ALostRecordOfAHeldCanaryIsMadeFromTheState) {
  HoldNew();
  stored_.private_state = "";
  Refresh();
  EXPECT_EQ(ManifestImage(), kNew);
  EXPECT_THAT(ApplySays(CanaryConfig(kNew)), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_EQ(LiveImage(), kNew);
}

// ---- Drift

TEST_F(CanaryRefreshTest, DriftOfStableIsCorrectedWithoutACanary) {
  ReleaseStable();
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(), ElementsAre(HasSubstr("spec.replicas: 4 -> 7, by kubectl")));
  EXPECT_THAT(ApplySays(CanaryConfig(kOld)), IsEmpty());
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 4);
  EXPECT_THAT(Writes(), Not(Contains(HasSubstr("web-canary"))));
}

TEST_F(CanaryRefreshTest, WhileHeldStableIsComparedWithItsOwnVersion) {
  HoldNew();
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(), ElementsAre(HasSubstr("spec.replicas: 4 -> 7, by kubectl")));
  EXPECT_EQ(ManifestImage(), kNew);
  EXPECT_THAT(ApplySays(CanaryConfig(kNew, {{"approve_up_to", Up(10)}})), IsEmpty());
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 4);
  EXPECT_EQ(Phase(), phase::kHeld);
}

// ---- Import and moves

TEST_F(CanaryRefreshTest, AnImportedWorkloadIsReleasedByACanary) {
  kube_->Put(Manifest(kOld, 4), "kubectl");
  EXPECT_THAT(Said(Import("shop/web").diagnostics), IsEmpty());
  Refresh();
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_EQ(StatusOf("weight"), Value::Number(0));
  kube_->ForgetRequests();
  const plugin::PlanResponse plan = Plan(CanaryConfig(kOld));
  EXPECT_EQ(plan.planned.Get("status"), stored_.state.Get("status"));
  EXPECT_THAT(ApplySays(CanaryConfig(kOld)), IsEmpty());
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  Apply(CanaryConfig(kNew));
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_THAT(shares(), Contains(50));
  EXPECT_EQ(LiveImage(), kNew);
}

TEST_F(CanaryRefreshTest, AnotherKindCannotBeImported) {
  EXPECT_THAT(Said(Import("StatefulSet/shop/web").diagnostics),
              ElementsAre(AllOf(HasSubstr("Invalid import id"), HasSubstr("namespace/name"))));
}

TEST_F(CanaryRefreshTest, AWorkloadWhoseReleaseIsOpenIsNotImported) {
  HoldNew();
  EXPECT_THAT(Said(Import("shop/web").diagnostics),
              ElementsAre(AllOf(HasSubstr("Import of Deployment shop/web failed"),
                                HasSubstr("delivery_canary_release"))));
}

TEST_F(CanaryRefreshTest, AMoveFromARolloutAndBackReleasesNothing) {
  ReleaseStable();
  const std::unique_ptr<plugin::Resource> canary = MakeCanaryRelease(cluster_);
  const std::unique_ptr<plugin::Resource> rollout = MakeRollout(cluster_);
  plugin::ReadResponse moved = MoveTo(*rollout);
  EXPECT_THAT(Said(moved.diagnostics), IsEmpty());
  EXPECT_EQ(moved.state.Get("manifest"), stored_.state.Get("manifest"));
  EXPECT_EQ(moved.state.Get("status").Get("phase"), Value::String(phase::kSucceeded));
  EXPECT_EQ(moved.private_state, stored_.private_state);
  rollout_ = MakeRollout(cluster_);
  stored_ = {moved.state, moved.private_state, moved.identity};
  Refresh();
  kube_->ForgetRequests();
  EXPECT_THAT(ApplySays(Config(Manifest(kOld, 4))), IsEmpty());
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  moved = MoveTo(*canary);
  EXPECT_THAT(Said(moved.diagnostics), IsEmpty());
  rollout_ = MakeCanaryRelease(cluster_);
  stored_ = {moved.state, moved.private_state, moved.identity};
  Refresh();
  EXPECT_THAT(ApplySays(CanaryConfig(kOld)), IsEmpty());
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(CanaryConfig(kOld)));
}

TEST_F(CanaryRefreshTest, AHeldReleaseIsNotMoved) {
  HoldNew();
  const std::unique_ptr<plugin::Resource> rollout = MakeRollout(cluster_);
  EXPECT_THAT(Said(MoveTo(*rollout).diagnostics),
              ElementsAre(AllOf(HasSubstr("Unsupported move"), HasSubstr("Held"))));
}

}  // namespace
}  // namespace delivery::resources
