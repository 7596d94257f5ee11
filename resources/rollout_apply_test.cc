// Applying delivery_rollout: what is written, what is left, and what is said.
#include <string>
#include <vector>

#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/announcer.h"
#include "provider/runner/journal.h"
#include "provider/runner/lease.h"
#include "provider/system/test_folder.h"
#include "resources/restart.h"
#include "resources/rollout_fixture.h"

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

class RolloutApplyTest : public RolloutFixture {
 protected:
  std::vector<std::string> ApplySays(const Value& config) {
    return Said(Apply(config).diagnostics);
  }
  bool Exists(const kubernetes::ObjectRef& ref) const { return !Live(ref).is_null(); }
  std::vector<std::string> ManagersOf(const std::string& field) const {
    std::vector<std::string> managers;
    for (const auto& owner : kubernetes::OwnersOf(Live(Web()), Field(field))) {
      managers.push_back(owner.manager);
    }
    return managers;
  }
  static Value KeepOnFailure() { return Value::String("keep"); }
};

// ---- A first release

TEST_F(RolloutApplyTest, ACreateLeavesWhatTheClusterRuns) {
  EXPECT_THAT(ApplySays(ConfigFor(kNew)), IsEmpty());
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_EQ(stored_.state.Get("id"), Value::String("shop/web"));
  EXPECT_EQ(stored_.state.Get("uid"), Value::String(kubernetes::UidOf(Live(Web()))));
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("1"));
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kNew}}));
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kNew}}));
  EXPECT_EQ(stored_.state.Get("failed_images"), ImagesOf({}));
  EXPECT_NE(TextAt("status", "started_at"), "");
  EXPECT_NE(TextAt("status", "finished_at"), "");
}

TEST_F(RolloutApplyTest, NothingOfTheReleaseItselfIsLeftBehind) {
  Release(ConfigFor(kNew));
  EXPECT_FALSE(Exists(JournalRef()));
  EXPECT_FALSE(Exists(LeaseRef()));
}

TEST_F(RolloutApplyTest, ImagesAreWrittenInPlaceOfTheManifests) {
  Release(ConfigFor(kOld, {{"images", ImagesOf({{"web", kNew}})}}));
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kNew}}));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld, {{"images", ImagesOf({{"web", kNew}})}})));
}

TEST_F(RolloutApplyTest, AFirstReleaseThatFailsIsRemovedAndLeavesNoState) {
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: First release of Deployment "
                                           "shop/web failed and was removed"),
                                HasSubstr("ImagePullBackOff"), HasSubstr("manifest unknown"),
                                HasSubstr("nothing is left of it"))));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_FALSE(Exists(Web()));
  EXPECT_FALSE(Exists(JournalRef()));
  EXPECT_FALSE(Exists(LeaseRef()));
}

// An error would taint it, and the next apply would destroy a serving workload.
TEST_F(RolloutApplyTest, AFirstReleaseThatFailsAndIsKeptIsAWarningWithState) {
  BreakImage(kNew);
  for (const char* on_failure : {"keep", "pause"}) {
    const Value config = ConfigFor(kNew, {{"on_failure", Value::String(on_failure)}});
    EXPECT_THAT(ApplySays(config),
                ElementsAre(AllOf(StartsWith("warning at manifest: "), HasSubstr("failed"),
                                  HasSubstr("ImagePullBackOff"))));
    EXPECT_EQ(Phase(), phase::kFailed) << on_failure;
    EXPECT_EQ(stored_.state.Get("failed_images"), ImagesOf({{"web", kNew}}));
    EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({}));
    EXPECT_EQ(Live(Web())["spec"].value("paused", false), std::string(on_failure) == "pause");
    // It is tried again, in place.
    Refresh();
    const plugin::PlanResponse plan = Plan(config);
    EXPECT_TRUE(plan.planned.Get("status").is_unknown());
    EXPECT_EQ(Lines(plan.planned.Get("release_plan")).front(),
              "try the failed release of Deployment web again");
    Destroy();
  }
}

TEST_F(RolloutApplyTest, AVersionThatFailedNeverCountsAsGood) {
  const Value::Map keep = {{"on_failure", Value::String("keep")}};
  BreakImage(kOld);
  BreakImage(kNew);
  ApplySays(ConfigFor(kOld, keep));
  Refresh();
  ApplySays(ConfigFor(kNew, keep));
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({}));
}

// What was made is still there: only so the next apply takes it away.
TEST_F(RolloutApplyTest, AFirstReleaseThatCannotBeRemovedIsAnErrorWithState) {
  BreakImage(kNew);
  after_write_ = [this] {
    if (Exists(Web())) kube_->Deny({.verb = "delete", .resource = "deployments"});
  };
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("ImagePullBackOff"),
                                HasSubstr("The rollback failed too"))));
  EXPECT_FALSE(stored_.state.is_null());
  EXPECT_EQ(Phase(), phase::kFailed);
}

size_t RehearsalsIn(const std::vector<testing::RecordedKubeRequest>& requests) {
  return static_cast<size_t>(std::count_if(requests.begin(), requests.end(),
                                           [](const testing::RecordedKubeRequest& recorded) {
                                             return recorded.request.query.contains("dryRun");
                                           }));
}

// The host plans again right before it applies.
TEST_F(RolloutApplyTest, WhatAPlanHasJustRehearsedIsNotRehearsedAgain) {
  Apply(ConfigFor(kOld));  // plans twice
  EXPECT_EQ(RehearsalsIn(kube_->requests()), 2u);
}

TEST_F(RolloutApplyTest, WhatNoPlanHasRehearsedIsRehearsedFirst) {
  connection_.preflight = Preflight::kOff;
  cluster_.Set(connection_);
  Apply(ConfigFor(kOld));
  EXPECT_EQ(RehearsalsIn(kube_->requests()), 1u);
}

TEST_F(RolloutApplyTest, ARehearsalCountsOnceAndForSeconds) {
  const runner::WorkloadWrite write{.manifest = Manifest(kOld)};
  PreflightMemory memory;
  EXPECT_FALSE(memory.TakeRehearsal(write, clock_.Now()));
  memory.RememberRehearsal(write, clock_.Now());
  EXPECT_FALSE(memory.TakeRehearsal({.manifest = Manifest(kNew)}, clock_.Now()));
  EXPECT_FALSE(memory.TakeRehearsal({.manifest = Manifest(kOld), .force = true}, clock_.Now()));
  EXPECT_TRUE(memory.TakeRehearsal(write, clock_.Now()));
  EXPECT_FALSE(memory.TakeRehearsal(write, clock_.Now()));
  memory.RememberRehearsal(write, clock_.Now());
  EXPECT_FALSE(memory.TakeRehearsal(write, clock_.Now() + absl::Seconds(10)));
}

TEST_F(RolloutApplyTest, ARefusalIsFoundBeforeAnythingIsWritten) {
  Json manifest = Manifest(kNew);
  manifest["metadata"]["namespace"] = "later";
  EXPECT_THAT(ApplySays(Config(manifest)),
              ElementsAre(AllOf(StartsWith("error at manifest: "),
                                HasSubstr("Namespace \"later\" does not exist. Create it first"),
                                HasSubstr("Nothing was changed"))));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RolloutApplyTest, WithoutAConnectionNothingIsDone) {
  Release(ConfigFor(kOld));
  const Value before = stored_.state;
  cluster_.SetUnavailable(absl::FailedPreconditionError("set config_path"));
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre("error: No connection to the cluster: set config_path"));
  EXPECT_EQ(stored_.state, before);
  cluster_.Set(connection_);
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld)));
}

// ---- Over an existing object

TEST_F(RolloutApplyTest, AnObjectOfSomebodyElseIsNotOverwritten) {
  kube_->Put(Manifest(kOld), "somebody");
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: Deployment shop/web exists already"),
                                HasSubstr("Import it (id \"shop/web\")"),
                                HasSubstr("adopt_existing = true"))));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutApplyTest, AnAdoptedObjectIsTakenOverFromOtherTools) {
  kube_->Put(Manifest(kOld), "helm");
  const Value config = ConfigFor(kNew, {{"adopt_existing", Value::Bool(true)}});
  EXPECT_THAT(ApplySays(config), IsEmpty());
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(Phase(), phase::kSucceeded);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutApplyTest, AnAdoptionKeepsTheLiveValueOfAnIgnoredField) {
  kube_->Put(Manifest(kOld, 7), "helm");
  const Value config = ConfigFor(
      kNew, {{"adopt_existing", Value::Bool(true)}, {"ignore_fields", Texts({"spec.replicas"})}});
  Release(config);
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 7);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutApplyTest, AnAdoptionThatFailsIsPutBackAndNotRecorded) {
  kube_->Put(Manifest(kOld), "helm");
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew, {{"adopt_existing", Value::Bool(true)}})),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("ImagePullBackOff"),
                                HasSubstr("put back as it was before and is not recorded"))));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_EQ(LiveImage(), kOld);
}

// The object was serving before: neither a tainted state nor one that a later destroy follows.
TEST_F(RolloutApplyTest, AnAdoptionThatFailsTwiceIsNotRecordedEither) {
  const auto with_deadline = [](Json manifest) {
    manifest["spec"]["progressDeadlineSeconds"] = 60;
    return manifest;
  };
  kube_->Put(with_deadline(Manifest(kOld)), "helm");
  BreakImage(kNew);
  kube_->SetController([this](testing::FakeKubeApi& kube) {
    if (LiveImage() == kNew) return nodes_.Reconcile(kube);
    kube.SetStatus(Web(),
                   {{"observedGeneration", kubernetes::GenerationOf(Live(Web()))},
                    {"conditions", Json::array({{{"type", "Progressing"},
                                                 {"status", "False"},
                                                 {"reason", "ProgressDeadlineExceeded"}}})}});
  });
  EXPECT_THAT(
      ApplySays(Config(with_deadline(Manifest(kNew)), {{"adopt_existing", Value::Bool(true)}})),
      ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("The rollback failed too"))));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutApplyTest, AnAdoptionThatCannotBePutBackIsNotRecordedEither) {
  kube_->Put(Manifest(kOld), "helm");
  BreakImage(kNew);
  after_write_ = [this] {
    if (LiveImage() == kNew) kube_->Deny({.verb = "patch", .resource = "deployments"});
  };
  EXPECT_THAT(
      ApplySays(ConfigFor(kNew, {{"adopt_existing", Value::Bool(true)}})),
      ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("The rollback failed too"))));
  EXPECT_TRUE(stored_.state.is_null());
}

TEST_F(RolloutApplyTest, AnInterruptedAdoptionIsStillPutBackWhenItFails) {
  kube_->Put(Manifest(kOld), "helm");
  HangImage(kNew);
  StopOnceWritten(kNew);
  const Value config = ConfigFor(kNew, {{"adopt_existing", Value::Bool(true)}});
  EXPECT_THAT(ApplySays(config),
              ElementsAre(AllOf(StartsWith("warning at manifest: "), HasSubstr("interrupted"))));
  NextRun();
  Refresh();
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(config), ElementsAre(HasSubstr("failed and was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
}

// ---- An update

TEST_F(RolloutApplyTest, AnUpdateIsOneRolloutOfTheSameObject) {
  Release(ConfigFor(kOld));
  const Value uid = stored_.state.Get("uid");
  kube_->ForgetRequests();
  Release(ConfigFor(kNew));
  EXPECT_THAT(WorkloadWrites(), ElementsAre("PATCH deployments/web"));
  EXPECT_EQ(stored_.state.Get("uid"), uid);
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("2"));
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kNew}}));
}

TEST_F(RolloutApplyTest, AFailedUpdateIsRolledBackAndTheStateSaysWhatRuns) {
  Release(ConfigFor(kOld));
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: Release of Deployment shop/web "
                                           "failed and was rolled back"),
                                HasSubstr("ImagePullBackOff"),
                                HasSubstr("The previous version runs again"), HasSubstr(kOld))));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_EQ(Phase(), phase::kRolledBack);
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kOld}}));
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kOld}}));
  EXPECT_EQ(stored_.state.Get("failed_images"), ImagesOf({{"web", kNew}}));
  EXPECT_FALSE(Exists(JournalRef()));
}

TEST_F(RolloutApplyTest, AfterARollbackTheNextPlanShowsTheChangeAgain) {
  Release(ConfigFor(kOld));
  BreakImage(kNew);
  Apply(ConfigFor(kNew));
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_EQ(Phase(), phase::kRolledBack);
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld)));
  EXPECT_THAT(Lines(Plan(ConfigFor(kNew)).planned.Get("release_plan")),
              Contains(std::string("image of web: ") + kOld + " -> " + kNew));
}

TEST_F(RolloutApplyTest, AFailedUpdateByImagesGivesTheOldImagesBack) {
  const auto config = [&](const char* image) {
    return ConfigFor("registry.test/web:0", {{"images", ImagesOf({{"web", image}})}});
  };
  Release(config(kOld));
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(config(kNew)), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(stored_.state.Get("images"), ImagesOf({{"web", kOld}}));
  EXPECT_TRUE(PlanIsEmpty(config(kOld)));
}

TEST_F(RolloutApplyTest, AFailedUpdateThatIsKeptIsAnErrorWithTheNewVersion) {
  Release(ConfigFor(kOld));
  BreakImage(kNew);
  const Value config = ConfigFor(kNew, {{"on_failure", KeepOnFailure()}});
  EXPECT_THAT(ApplySays(config), ElementsAre(AllOf(StartsWith("error at manifest: "),
                                                   HasSubstr("on_failure = \"keep\""))));
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(ManifestImage(), kNew);
  EXPECT_EQ(Phase(), phase::kFailed);
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kOld}}));
  EXPECT_EQ(stored_.state.Get("failed_images"), ImagesOf({{"web", kNew}}));
}

TEST_F(RolloutApplyTest, AVersionThatWasKeptBrokenIsRolledBackToTheLastGoodOne) {
  Release(ConfigFor(kOld));
  BreakImage(kNew);
  Apply(ConfigFor(kNew, {{"on_failure", KeepOnFailure()}}));
  Refresh();
  EXPECT_THAT(ApplySays(ConfigFor(kNew)), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(ManifestImage(), kOld);
}

TEST_F(RolloutApplyTest, AWorkloadThatIsGoneIsNotCreatedByAnUpdate) {
  Release(ConfigFor(kOld));
  const Value config = ConfigFor(kNew);
  const plugin::PlanResponse plan = Plan(config);
  ASSERT_TRUE(kube_->Remove(Web()));
  kube_->ForgetRequests();
  const plugin::ApplyResponse applied =
      rollout_->Apply({}, {config, stored_.state, plan.planned, plan.private_state, {}});
  EXPECT_THAT(Said(applied.diagnostics),
              ElementsAre(AllOf(StartsWith("error at manifest: "),
                                HasSubstr("was deleted after the plan was made"),
                                HasSubstr("plan again"))));
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_EQ(applied.state, stored_.state);
}

TEST_F(RolloutApplyTest, WhatTheUserDoesNotNameStays) {
  Release(ConfigFor(kOld));
  ChangeLive("injector", [](Json& web) {
    PodSpecOf(web)["containers"].push_back({{"name", "proxy"}, {"image", "proxy:1"}});
    web["spec"]["minReadySeconds"] = 7;
  });
  Refresh();
  Release(ConfigFor(kNew));
  EXPECT_EQ(Live(Web())["spec"]["minReadySeconds"], 7);
  EXPECT_NE(kubernetes::FindContainer(Live(Web()), "proxy"), nullptr);
  // What was injected is not ours to report.
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kNew}}));
}

TEST_F(RolloutApplyTest, AFieldThatLeavesTheManifestIsRemoved) {
  Json manifest = Manifest(kOld);
  manifest["spec"]["minReadySeconds"] = 7;
  Release(Config(manifest));
  Release(ConfigFor(kOld));
  EXPECT_FALSE(Live(Web())["spec"].contains("minReadySeconds"));
}

TEST_F(RolloutApplyTest, ARolloutThatGetsNoFurtherFailsByItsDeadline) {
  const Value::Map arguments = {{"progress_deadline", Value::String("30s")}};
  Release(ConfigFor(kOld, arguments));
  HangImage(kNew);
  const std::jthread time = PassTimeWhileLive(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew, arguments)),
              ElementsAre(AllOf(HasSubstr("was rolled back"),
                                HasSubstr("no progress for 30s (progress_deadline)"))));
  EXPECT_EQ(LiveImage(), kOld);
}

// ---- Checks and announcements

class RolloutCheckTest : public RolloutApplyTest {
 protected:
  Value::Map HealthCheck(const std::string& service = "") const {
    for (const schema::BlockType& block : rollout_->schema().block.blocks) {
      if (block.name != "check") continue;
      Value::Map check = EmptyBlock(block.block);
      check["name"] = Value::String("smoke");
      for (const schema::BlockType& kind : block.block.blocks) {
        if (kind.name != "http") continue;
        Value::Map http = EmptyBlock(kind.block);
        http["port"] = Value::Number(8080);
        http["path"] = Value::String("/healthz");
        if (!service.empty()) {
          http["target"] = Value::String("service");
          http["service"] = Value::String(service);
        }
        check["http"] = Value::Object(http);
      }
      return {{"check", Value::MakeList(block.block.ImpliedType(), {Value::Object(check)})}};
    }
    ADD_FAILURE() << "no check block";
    return {};
  }
  // Pods of these images are well.
  void AnswerHealthy(const std::string& image) {
    kube_->SetProxy([this, image](const testing::KubeRequest&) -> http::Response {
      return {LiveImage() == image ? 200 : 500, {}, "answer"};
    });
  }
};

TEST_F(RolloutCheckTest, AVersionThatPassesIsReleased) {
  AnswerHealthy(kNew);
  EXPECT_THAT(Lines(Plan(ConfigFor(kNew, HealthCheck())).planned.Get("release_plan")),
              Contains(HasSubstr("check smoke: GET /healthz of a ready pod, port 8080")));
  Release(ConfigFor(kNew, HealthCheck()));
}

TEST_F(RolloutCheckTest, AServiceThatDoesNotExistIsFoundBeforeAnythingIsWritten) {
  const Value config = ConfigFor(kNew, HealthCheck("no-such"));
  EXPECT_THAT(Said(Plan(config).diagnostics),
              ElementsAre(AllOf(StartsWith("warning at manifest: Service shop/no-such does not "
                                           "exist"))));
  EXPECT_THAT(
      ApplySays(config),
      ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("Service shop/no-such"),
                        HasSubstr("check.http.service"), HasSubstr("Nothing was changed"))));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RolloutCheckTest, AVersionThatFailsIsRolledBack) {
  AnswerHealthy(kOld);
  Release(ConfigFor(kOld, HealthCheck()));
  const std::jthread time = PassTimeWhileLive(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew, HealthCheck())),
              ElementsAre(AllOf(HasSubstr("failed and was rolled back"), HasSubstr("smoke"),
                                HasSubstr("500"))));
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutApplyTest, TheProgressFileToldOfEachStep) {
  const system::TestFolder folder;
  connection_.progress_file = std::make_shared<runner::ProgressFile>(folder.Path("release.log"));
  cluster_.Set(connection_);
  Release(ConfigFor(kNew));
  EXPECT_THAT(folder.Read("release.log"), HasSubstr("Deployment shop/web"));
}

TEST_F(RolloutApplyTest, AProgressFileThatCannotBeWrittenStopsNothing) {
  const system::TestFolder folder;
  connection_.progress_file = std::make_shared<runner::ProgressFile>(folder.Path("no/release.log"));
  cluster_.Set(connection_);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("warning: The progress file could not be written"),
                                HasSubstr("no/release.log"))));
  EXPECT_EQ(Phase(), phase::kSucceeded);
}

// ---- Replicas and autoscalers

Json WithoutReplicas(Json manifest) {
  manifest["spec"].erase("replicas");
  return manifest;
}

TEST_F(RolloutApplyTest, ReplicasThatLeaveTheManifestKeepTheirNumber) {
  Release(Config(Manifest(kOld, 4)));
  Release(Config(WithoutReplicas(Manifest(kOld))));
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 4);
}

TEST_F(RolloutApplyTest, AnAutoscalerMayTakeOverReplicasThatAreNoLongerNamed) {
  const Value config = Config(WithoutReplicas(Manifest(kOld)));
  Release(Config(Manifest(kOld, 4)));
  Release(config);
  ChangeLive("hpa", [](Json& web) { web["spec"]["replicas"] = 9; });
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutApplyTest, ARollbackLeavesTheAutoscalersReplicasAlone) {
  Release(Config(Manifest(kOld, 4)));
  Release(Config(WithoutReplicas(Manifest(kOld))));
  ChangeLive("hpa", [](Json& web) { web["spec"]["replicas"] = 9; });
  Refresh();
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(Config(WithoutReplicas(Manifest(kNew)))),
              ElementsAre(HasSubstr("failed and was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 9);
}

// ---- ignore_fields

TEST_F(RolloutApplyTest, AnIgnoredFieldKeepsItsLiveValue) {
  const Value::Map ignore = {{"ignore_fields", Texts({"spec.replicas"})}};
  Release(ConfigFor(kOld, ignore));
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld, ignore)));
  Release(ConfigFor(kNew, ignore));
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 7);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kNew, ignore)));
}

TEST_F(RolloutApplyTest, ARollbackKeepsTheLiveValueOfAnIgnoredField) {
  const Value::Map ignore = {{"ignore_fields", Texts({"spec.replicas"})}};
  Release(ConfigFor(kOld, ignore));
  ChangeLive("hpa", [](Json& web) { web["spec"]["replicas"] = 7; });
  Refresh();
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew, ignore)),
              ElementsAre(HasSubstr("failed and was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 7);
}

TEST_F(RolloutApplyTest, AFieldThatIsNewlyIgnoredIsNoLongerTakenBack) {
  Release(ConfigFor(kOld));
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  Refresh();
  const Value config = ConfigFor(kOld, {{"ignore_fields", Texts({"spec.replicas"})}});
  const plugin::PlanResponse plan = Plan(config);
  EXPECT_EQ(plan.planned.Get("manifest"), stored_.state.Get("manifest"));
  kube_->ForgetRequests();
  EXPECT_THAT(ApplySays(config), IsEmpty());
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  const plugin::PlanResponse again = Plan(config);
  EXPECT_EQ(again.planned.Get("status"), stored_.state.Get("status"));
}

TEST_F(RolloutApplyTest, AnImageThatIsNewlyIgnoredIsNoLongerTakenBack) {
  const Value::Map images = {{"images", ImagesOf({{"web", kOld}})}};
  Release(ConfigFor(kOld, images));
  ChangeLive("kubectl", [](Json& web) { FirstContainerOf(web)["image"] = kNew; });
  Refresh();
  Value::Map ignoring = images;
  ignoring["ignore_fields"] = Texts({"spec.template.spec.containers[name=web].image"});
  const plugin::PlanResponse plan = Plan(ConfigFor(kOld, ignoring));
  EXPECT_EQ(plan.planned.Get("status"), stored_.state.Get("status"));
  EXPECT_EQ(plan.planned.Get("images"), stored_.state.Get("images"));
}

// ---- Conflicts

TEST_F(RolloutApplyTest, AFieldOfSomebodyElseIsNotTakenSilently) {
  Release(ConfigFor(kOld));
  ChangeLive("other-tool", [](Json& web) { web["spec"]["minReadySeconds"] = 7; });
  Refresh();
  Json manifest = Manifest(kNew);
  manifest["spec"]["minReadySeconds"] = 1;
  kube_->ForgetRequests();
  EXPECT_THAT(
      ApplySays(Config(manifest)),
      ElementsAre(AllOf(StartsWith("error at manifest: "),
                        HasSubstr("spec.minReadySeconds: manager \"other-tool\", last "
                                  "written 2"),
                        HasSubstr("force_conflicts = true"), HasSubstr("Nothing was changed"))));
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_EQ(ManifestImage(), kOld);
  Release(Config(manifest, {{"force_conflicts", Value::Bool(true)}}));
  EXPECT_EQ(Live(Web())["spec"]["minReadySeconds"], 1);
}

TEST_F(RolloutApplyTest, DriftThatThePlanShowedIsTakenBackWithoutForce) {
  Release(ConfigFor(kOld));
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  Refresh();
  EXPECT_THAT(Lines(Plan(ConfigFor(kOld)).planned.Get("release_plan")),
              Contains("change spec.replicas: 7 -> 2"));
  EXPECT_THAT(ApplySays(ConfigFor(kOld)), IsEmpty());
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 2);
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld)));
}

TEST_F(RolloutApplyTest, DriftThatThePlanDidNotShowIsAConflict) {
  Release(ConfigFor(kOld));
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              Contains(AllOf(StartsWith("error at manifest: "),
                             HasSubstr("spec.replicas: manager \"kubectl\""))));
  EXPECT_EQ(Live(Web())["spec"]["replicas"], 7);
  EXPECT_EQ(LiveImage(), kOld);
}

// ---- Interruption

TEST_F(RolloutApplyTest, AnInterruptedCreateIsAWarningWithState) {
  HangImage(kNew);
  StopOnceWritten(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("warning at manifest: Release of Deployment shop/web "
                                           "was interrupted"),
                                HasSubstr("It stopped at step \"await\""),
                                HasSubstr("Run apply again: it goes on from there"))));
  EXPECT_EQ(Phase(), phase::kInterrupted);
  EXPECT_TRUE(stored_.state.Get("status").Get("finished_at").is_null());
  // Kubernetes starts no further pods meanwhile.
  EXPECT_EQ(Live(Web())["spec"]["paused"], true);
  EXPECT_TRUE(Exists(JournalRef()));
  EXPECT_FALSE(Exists(LeaseRef()));
}

// There is nothing that a state could tell of, and a null state without an error is none.
TEST_F(RolloutApplyTest, ACreateThatIsInterruptedBeforeItsFirstWriteIsAnError) {
  after_write_ = [this] {
    if (Exists(JournalRef())) stop_.request_stop();
  };
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("interrupted"))));
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_FALSE(Exists(Web()));
  NextRun();
  Release(ConfigFor(kNew));
}

TEST_F(RolloutApplyTest, AnInterruptedUpdateIsAnErrorAndGoesOnAtTheNextApply) {
  Release(ConfigFor(kOld));
  HangImage(kNew);
  StopOnceWritten(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("interrupted"))));
  EXPECT_EQ(Phase(), phase::kInterrupted);
  EXPECT_EQ(ManifestImage(), kNew);

  NextRun();
  nodes_.Mend(kNew);
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_EQ(Phase(), phase::kInterrupted);
  EXPECT_EQ(Lines(Plan(ConfigFor(kNew)).planned.Get("release_plan")).front(),
            "resume the interrupted release of Deployment web");
  const std::string started = TextAt("status", "started_at");
  clock_.Advance(absl::Hours(1));
  Release(ConfigFor(kNew));
  // The same run: it began before the interruption.
  EXPECT_EQ(TextAt("status", "started_at"), started);
  EXPECT_FALSE(Live(Web())["spec"].value("paused", false));
  EXPECT_FALSE(Exists(JournalRef()));
}

TEST_F(RolloutApplyTest, AnInterruptedUpdateIsRolledBackWhereThatIsWanted) {
  const Value::Map arguments = {{"on_interrupt", Value::String("rollback")}};
  Release(ConfigFor(kOld, arguments));
  HangImage(kNew);
  StopOnceWritten(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew, arguments)), ElementsAre(HasSubstr("it rolls back")));
  NextRun();
  Refresh();
  EXPECT_THAT(
      ApplySays(ConfigFor(kNew, arguments)),
      ElementsAre(AllOf(HasSubstr("was rolled back"), HasSubstr("on_interrupt = \"rollback\""))));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_EQ(Phase(), phase::kRolledBack);
}

TEST_F(RolloutApplyTest, AnotherVersionReplacesAnInterruptedOne) {
  Release(ConfigFor(kOld));
  HangImage(kNew);
  StopOnceWritten(kNew);
  Apply(ConfigFor(kNew));
  NextRun();
  Refresh();
  EXPECT_THAT(
      Lines(Plan(ConfigFor(kOld)).planned.Get("release_plan")),
      Contains("release another version of Deployment web in place of the interrupted one"));
  Release(ConfigFor(kOld));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_FALSE(Live(Web())["spec"].value("paused", false));
}

// A killed process leaves the cluster as it is, and the host what it had before.
TEST_F(RolloutApplyTest, ACreateThatWasKilledIsResumedByTheSameConfiguration) {
  HangImage(kNew);
  StopOnceWritten(kNew);
  const Stored before = stored_;
  Apply(ConfigFor(kNew));
  stored_ = before;
  NextRun();
  nodes_.Mend(kNew);
  EXPECT_THAT(Said(Plan(ConfigFor(kNew)).diagnostics),
              ElementsAre(AllOf(StartsWith("warning at manifest: "),
                                HasSubstr("A release of Deployment shop/web is open: "
                                          "Interrupted"))));
  Release(ConfigFor(kNew));
  EXPECT_EQ(LiveImage(), kNew);
}

TEST_F(RolloutApplyTest, ACreateThatWasKilledIsNotTakenForAnotherOne) {
  HangImage(kNew);
  StopOnceWritten(kNew);
  const Stored before = stored_;
  Apply(ConfigFor(kNew));
  stored_ = before;
  NextRun();
  EXPECT_THAT(ApplySays(ConfigFor(kOld)), ElementsAre(HasSubstr("exists already")));
  EXPECT_EQ(LiveImage(), kNew);
}

// The hosts then keep the state of before, and drop its private part.
TEST_F(RolloutApplyTest, AnUpdateThatWasKilledIsResumedWithoutPrivateState) {
  Release(ConfigFor(kOld));
  const Stored before = stored_;
  HangImage(kNew);
  StopOnceWritten(kNew);
  Apply(ConfigFor(kNew));
  stored_ = {before.state, "", before.identity};
  NextRun();
  Refresh();
  EXPECT_EQ(Phase(), phase::kInterrupted);
  // The last good version is still known.
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutApplyTest, TheFirstReleaseAfterAnImportThatWasKilledGoesBackToWhatWasImported) {
  kube_->Put(Manifest(kOld), "helm");
  Import("shop/web");
  Refresh();
  const Stored before = stored_;
  HangImage(kNew);
  StopOnceWritten(kNew);
  Apply(ConfigFor(kNew));
  stored_ = {before.state, "", before.identity};
  NextRun();
  Refresh();
  EXPECT_EQ(Phase(), phase::kInterrupted);
  EXPECT_EQ(ManifestImage(), kOld);
  BreakImage(kNew);
  EXPECT_THAT(ApplySays(ConfigFor(kNew)), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
}

// ---- Two applies at once

class RolloutLeaseTest : public RolloutApplyTest {
 protected:
  void PutLease(absl::Time renewed) {
    const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", renewed, absl::UTCTimeZone());
    kube_->Put({{"apiVersion", "coordination.k8s.io/v1"},
                {"kind", "Lease"},
                {"metadata", {{"name", LeaseRef().name}, {"namespace", "shop"}}},
                {"spec",
                 {{"holderIdentity", "other-host_1"},
                  {"leaseDurationSeconds", 15},
                  {"acquireTime", time},
                  {"renewTime", time}}}});
  }
};

TEST_F(RolloutLeaseTest, AnotherApplyThatLivesIsLeftAlone) {
  Release(ConfigFor(kOld));
  PutLease(clock_.Now());
  // Each look at the Lease finds it renewed once more.
  process_.line->OnRequest([this](const http::Request& request) {
    if (request.method == "GET" && request.url.find("/leases/") != std::string::npos) {
      PutLease(clock_.Now());
    }
  });
  kube_->ForgetRequests();
  EXPECT_THAT(ApplySays(ConfigFor(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("other-host_1"),
                                HasSubstr("another apply"))));
  EXPECT_THAT(WorkloadWrites(), IsEmpty());
  EXPECT_EQ(ManifestImage(), kOld);
  process_.line->OnRequest(nullptr);
}

TEST_F(RolloutLeaseTest, AnApplyThatDiedIsSucceeded) {
  Release(ConfigFor(kOld));
  PutLease(clock_.Now());
  Release(ConfigFor(kNew));
  EXPECT_FALSE(Exists(LeaseRef()));
}

// ---- Pausing, restarts, retries

TEST_F(RolloutApplyTest, APausedReleaseIsWrittenAndHeld) {
  Release(ConfigFor(kOld));
  const Value config = ConfigFor(kNew, {{"paused", Value::Bool(true)}});
  // Kubernetes counts the pods of the new template, of which there are none.
  after_write_ = [this] {
    if (LiveImage() != kNew || !Live(Web())["spec"].value("paused", false)) return;
    kube_->Change(Web(), [](Json& web) { web["status"]["updatedReplicas"] = 0; });
  };
  EXPECT_THAT(ApplySays(config), IsEmpty());
  EXPECT_EQ(Phase(), phase::kPaused);
  EXPECT_EQ(Live(Web())["spec"]["paused"], true);
  // The pods are still those of the old version.
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kOld}}));
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kOld}}));
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(config));

  Release(ConfigFor(kNew));
  EXPECT_FALSE(Live(Web())["spec"].value("paused", false));
  EXPECT_EQ(stored_.state.Get("last_good_images"), ImagesOf({{"web", kNew}}));
}

TEST_F(RolloutApplyTest, AChangedTriggerRestartsThePodsOnce) {
  const auto config = [&](const char* trigger) {
    return ConfigFor(kOld, {{"restart_trigger", Value::String(trigger)}});
  };
  Release(config("1"));
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("1"));
  Release(config("2"));
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("2"));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config("2")));
  // It is not undone by what comes next.
  Json manifest = Manifest(kOld, 5);
  Release(Config(manifest, {{"restart_trigger", Value::String("2")}}));
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("2"));
}

TEST_F(RolloutApplyTest, TheMarkOfARestartIsNoDrift) {
  const Value first = ConfigFor(kOld, {{"restart_trigger", Value::String("1")}});
  const Value second = ConfigFor(kOld, {{"restart_trigger", Value::String("2")}});
  Release(first);
  Release(second);
  for (const bool removed : {false, true}) {
    ChangeLive("kubectl", [&](Json& web) {
      Json& metadata = web["spec"]["template"]["metadata"];
      metadata["annotations"][kRestartAnnotation] = "other";
      if (removed) metadata.erase("annotations");
    });
    EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
    EXPECT_TRUE(PlanIsEmpty(second));
  }
}

TEST_F(RolloutApplyTest, ALostRecordDoesNotRestartThePodsAgain) {
  const Value::Map first = {{"restart_trigger", Value::String("1")}};
  const Value::Map second = {{"restart_trigger", Value::String("2")}};
  Release(ConfigFor(kOld, first));
  Release(ConfigFor(kOld, second));
  stored_.private_state = "";
  Refresh();
  Release(Config(Manifest(kOld, 5), second));
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("2"));
}

TEST_F(RolloutApplyTest, ARestartThatFailedIsPlannedAgain) {
  const auto config = [&](const char* trigger) {
    return ConfigFor(kOld, {{"restart_trigger", Value::String(trigger)}});
  };
  Release(config("1"));
  // The pods of the restart find no image; those that run have theirs.
  kube_->SetController([this](testing::FakeKubeApi& kube) {
    if (kubernetes::GenerationOf(Live(Web())) == 2) {
      BreakImage(kOld);
    } else {
      nodes_.Mend(kOld);
    }
    nodes_.Reconcile(kube);
  });
  EXPECT_THAT(ApplySays(config("2")), ElementsAre(HasSubstr("failed and was rolled back")));
  EXPECT_EQ(stored_.state.Get("restart_trigger"), Value::String("1"));
  Refresh();
  EXPECT_THAT(Lines(Plan(config("2")).planned.Get("release_plan")),
              Contains("restart the pods: restart_trigger changed"));
}

TEST_F(RolloutApplyTest, ChangedContentsRestartThePods) {
  const auto settings = [](const char* value) {
    return Json{{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", "settings"}, {"namespace", "shop"}}},
                {"data", {{"color", value}}}};
  };
  kube_->Put(settings("red"));
  const Type texts = Type::List(Type::String());
  const Value config =
      ConfigFor(kOld, {{"restart_on", Value::Object({{"config_maps", Texts({"settings"})},
                                                     {"secrets", Value::Null(texts)}})}});
  Release(config);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
  kube_->Put(settings("geheim"));
  Refresh();
  const std::vector<std::string> lines = Lines(Plan(config).planned.Get("release_plan"));
  EXPECT_THAT(lines, Contains("restart the pods: the content of ConfigMap settings changed"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("geheim"))));
  EXPECT_THAT(stored_.private_state, Not(HasSubstr("geheim")));
  Release(config);
  EXPECT_EQ(stored_.state.Get("revision"), Value::String("2"));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutApplyTest, MissingContentsAreAnErrorBeforeTheFirstWrite) {
  const Value config = ConfigFor(
      kOld, {{"restart_on", Value::Object({{"config_maps", Value::Null(Type::List(Type::String()))},
                                           {"secrets", Texts({"keys"})}})}});
  EXPECT_THAT(ApplySays(config),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("Secret shop/keys"))));
  EXPECT_THAT(Writes(), IsEmpty());
}

class RolloutRetryTest : public RolloutApplyTest {
 protected:
  void FailOnce(const Value::Map& arguments) {
    Release(ConfigFor(kOld, arguments));
    BreakImage(kNew);
    Apply(ConfigFor(kNew, arguments));
    ASSERT_EQ(Phase(), phase::kRolledBack);
    Refresh();
    kube_->ForgetRequests();
  }
  // The same with a new token.
  static Value::Map WithToken(Value::Map arguments) {
    arguments["retry_token"] = Value::String("again");
    return arguments;
  }
};

TEST_F(RolloutRetryTest, OnChangeAVersionThatWasRolledBackIsNotTriedAgain) {
  const Value::Map on_change = {{"retry", Value::String("on_change")}};
  FailOnce(on_change);
  EXPECT_THAT(Said(Plan(ConfigFor(kNew, on_change)).diagnostics),
              ElementsAre(AllOf(StartsWith("warning at retry: Apply will refuse this version"),
                                HasSubstr("ImagePullBackOff"))));
  EXPECT_THAT(ApplySays(ConfigFor(kNew, on_change)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("was rolled back at"),
                                HasSubstr("Nothing was changed"))));
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_EQ(Phase(), phase::kRolledBack);
}

TEST_F(RolloutRetryTest, ANewTokenTriesAgain) {
  const Value::Map on_change = {{"retry", Value::String("on_change")}};
  FailOnce(on_change);
  nodes_.Mend(kNew);
  Release(ConfigFor(kNew, WithToken(on_change)));
}

TEST_F(RolloutRetryTest, IgnoredFieldsOfTheTemplateDoNotMakeAnotherVersion) {
  const Value::Map arguments = {
      {"retry", Value::String("on_change")},
      {"ignore_fields", Texts({"spec.template.spec.terminationGracePeriodSeconds"})}};
  const auto config = [&](const char* image) {
    Json manifest = Manifest(image);
    PodSpecOf(manifest)["terminationGracePeriodSeconds"] = 5;
    return Config(manifest, arguments);
  };
  Release(config(kOld));
  ChangeLive("kubectl", [](Json& web) { PodSpecOf(web)["terminationGracePeriodSeconds"] = 9; });
  Refresh();
  BreakImage(kNew);
  Apply(config(kNew));
  Refresh();
  EXPECT_THAT(ApplySays(config(kNew)), ElementsAre(HasSubstr("it is not tried again")));
}

TEST_F(RolloutRetryTest, ByDefaultItIsTriedAgain) {
  FailOnce({});
  EXPECT_THAT(Said(Plan(ConfigFor(kNew)).diagnostics), IsEmpty());
  nodes_.Mend(kNew);
  Release(ConfigFor(kNew));
}

// ---- Destroy

TEST_F(RolloutApplyTest, ADestroyLeavesNothing) {
  Release(ConfigFor(kNew));
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_TRUE(stored_.state.is_null());
  EXPECT_FALSE(Exists(Web()));
  EXPECT_FALSE(Exists(LeaseRef()));
  EXPECT_THAT(kube_->All("v1", "Pod"), IsEmpty());
}

TEST_F(RolloutApplyTest, ADestroyOfWhatIsGoneIsDone) {
  Release(ConfigFor(kNew));
  ASSERT_TRUE(kube_->Remove(Web()));
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_TRUE(stored_.state.is_null());
}

TEST_F(RolloutApplyTest, ADestroyEndsAnInterruptedRelease) {
  HangImage(kNew);
  StopOnceWritten(kNew);
  Apply(ConfigFor(kNew));
  NextRun();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_FALSE(Exists(Web()));
  EXPECT_FALSE(Exists(JournalRef()));
}

TEST_F(RolloutApplyTest, ADestroyThatIsRefusedKeepsTheState) {
  Release(ConfigFor(kNew));
  const Stored before = stored_;
  kube_->Deny({.verb = "delete", .group = "apps", .resource = "deployments"});
  EXPECT_THAT(Said(Destroy().diagnostics),
              ElementsAre(StartsWith("error: Destroying Deployment shop/web failed")));
  EXPECT_EQ(stored_.state, before.state);
  EXPECT_EQ(stored_.private_state, before.private_state);
}

TEST_F(RolloutApplyTest, ADestroyWithoutAConnectionKeepsTheState) {
  Release(ConfigFor(kNew));
  const Value before = stored_.state;
  cluster_.SetUnavailable(absl::FailedPreconditionError("set config_path"));
  EXPECT_THAT(Said(Destroy().diagnostics), ElementsAre(HasSubstr("set config_path")));
  EXPECT_EQ(stored_.state, before);
}

}  // namespace
}  // namespace delivery::resources
