// What delivery_rollout makes of a cluster that moved on: refresh, drift, open runs, import.
#include <string>
#include <vector>

#include "provider/delivery/state.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/journal.h"
#include "provider/value/json_codec.h"
#include "resources/rollout_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using value::Type;
using value::Value;

class RolloutRefreshTest : public RolloutFixture {
 protected:
  std::vector<std::string> RefreshSays() { return Said(Refresh().diagnostics); }
  Json StoredManifest() const {
    return value::ToPlainJson(stored_.state.Get("manifest")).value_or(Json());
  }
  std::string Now() {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now(), absl::UTCTimeZone());
  }
};

// ---- Refresh

TEST_F(RolloutRefreshTest, AnUnchangedWorkloadIsOneRequest) {
  Release(ConfigFor(kNew));
  const Stored before = stored_;
  kube_->ForgetRequests();
  EXPECT_THAT(RefreshSays(), IsEmpty());
  ASSERT_THAT(kube_->requests(), SizeIs(1));
  EXPECT_EQ(kube_->requests()[0].request.method, "GET");
  EXPECT_EQ(stored_.state, before.state);
  EXPECT_EQ(stored_.private_state, before.private_state);
  EXPECT_EQ(stored_.identity, before.identity);
}

TEST_F(RolloutRefreshTest, AWorkloadThatIsGoneHasNoState) {
  Release(ConfigFor(kNew));
  ASSERT_TRUE(kube_->Remove(Web()));
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(stored_.state.is_null());
}

TEST_F(RolloutRefreshTest, AnotherObjectOfTheNameHasItsOwnUid) {
  Release(ConfigFor(kNew));
  const Value uid = stored_.state.Get("uid");
  ASSERT_TRUE(kube_->Remove(Web()));
  kube_->Put(Manifest(kNew), "kubectl");
  Refresh();
  EXPECT_NE(stored_.state.Get("uid"), uid);
}

TEST_F(RolloutRefreshTest, AClusterThatDoesNotAnswerIsAnErrorThatLosesNothing) {
  Release(ConfigFor(kNew));
  const Value before = stored_.state;
  kube_->AddFault({.kind = testing::KubeFault::Kind::kCutBefore, .times = 1000});
  const plugin::ReadResponse read = Refresh();
  EXPECT_THAT(Said(read.diagnostics),
              ElementsAre(StartsWith("error: Refresh of Deployment shop/web failed")));
  EXPECT_EQ(read.state, before);
}

TEST_F(RolloutRefreshTest, WithoutAConnectionTheReasonIsGiven) {
  Release(ConfigFor(kNew));
  cluster_.SetUnavailable(absl::FailedPreconditionError("set config_path"));
  EXPECT_THAT(RefreshSays(), ElementsAre("error: Refresh failed: set config_path"));
}

TEST_F(RolloutRefreshTest, AnUnknownProviderConfigurationSkipsIt) {
  Release(ConfigFor(kNew));
  const Value before = stored_.state;
  cluster_.SetUnknown();
  EXPECT_THAT(RefreshSays(), ElementsAre(StartsWith("warning: Refresh was skipped")));
  EXPECT_EQ(stored_.state, before);
}

// It is the verdict on the release, no monitor.
TEST_F(RolloutRefreshTest, UnhealthyPodsDoNotChangeAFinishedPhase) {
  Release(ConfigFor(kNew));
  ASSERT_TRUE(kube_->SetStatus(Web(), {{"observedGeneration", 1}, {"unavailableReplicas", 2}}));
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
}

TEST_F(RolloutRefreshTest, ADamagedRecordIsAnErrorThatLosesNothing) {
  Release(ConfigFor(kNew));
  const Stored before = stored_;
  for (const char* text : {"{", R"({"version": 99})"}) {
    stored_.private_state = text;
    const plugin::ReadResponse read = Refresh();
    EXPECT_THAT(Said(read.diagnostics), ElementsAre(AllOf(StartsWith("error: Refresh failed"),
                                                          HasSubstr("import the workload anew"))));
    EXPECT_EQ(read.state, before.state);
    EXPECT_EQ(read.private_state, text);
  }
}

TEST_F(RolloutRefreshTest, ALostRecordIsMadeFromTheState) {
  Release(ConfigFor(kOld, {{"images", ImagesOf({{"web", kNew}})}}));
  const Value before = stored_.state;
  stored_.private_state = "";
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(stored_.state, before);
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(), ElementsAre(HasSubstr("spec.replicas: 2 -> 7, by kubectl")));
  // It is known what was good.
  BreakImage("registry.test/web:3");
  Apply(ConfigFor("registry.test/web:3"));
  EXPECT_EQ(LiveImage(), kNew);
}

// ---- Drift

TEST_F(RolloutRefreshTest, DriftIsShownAtItsPlaceWithItsAuthor) {
  Release(ConfigFor(kNew));
  clock_.Advance(absl::Hours(2));
  ChangeLive("kubectl-edit", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(),
              ElementsAre(AllOf(StartsWith("warning at manifest: Drift: Deployment shop/web was "
                                           "changed outside Terraform"),
                                HasSubstr("spec.replicas: 2 -> 7, by kubectl-edit (" + Now() + ")"),
                                HasSubstr("The plan takes this back"))));
  Json expected = Manifest(kNew);
  expected["spec"]["replicas"] = 7;
  EXPECT_EQ(StoredManifest(), expected);
  EXPECT_EQ(Plan(ConfigFor(kNew)).planned.Get("manifest"), value::FromPlainJson(Manifest(kNew)));
}

TEST_F(RolloutRefreshTest, DriftIsShownAgainAtEachRefreshWithTheSameText) {
  Release(ConfigFor(kNew));
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  const std::vector<std::string> said = RefreshSays();
  const Value state = stored_.state;
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(RefreshSays(), said);
  EXPECT_EQ(stored_.state, state);
}

TEST_F(RolloutRefreshTest, DriftThatIsTakenBackByItsAuthorIsForgotten) {
  Release(ConfigFor(kNew));
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  Refresh();
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 2; });
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kNew)));
}

TEST_F(RolloutRefreshTest, WhatWasRemovedHasNoAuthor) {
  Json manifest = Manifest(kNew);
  FirstContainerOf(manifest)["command"] = {"serve"};
  Release(Config(manifest));
  ChangeLive("kubectl", [](Json& web) { FirstContainerOf(web).erase("command"); });
  EXPECT_THAT(RefreshSays(),
              ElementsAre(AllOf(HasSubstr("spec.template.spec.containers[name=web].command: "
                                          "[\"serve\"] -> removed, author unknown"))));
  EXPECT_EQ(StoredManifest(), Manifest(kNew));
}

TEST_F(RolloutRefreshTest, DriftOfAnImageIsShownWhereTheUserWroteIt) {
  Release(ConfigFor(kOld));
  ChangeLive("kubectl", [](Json& web) { FirstContainerOf(web)["image"] = kNew; });
  Refresh();
  EXPECT_EQ(ManifestImage(), kNew);

  const Value::Map images = {{"images", ImagesOf({{"web", kOld}})}};
  stored_ = {Value::Null(rollout_->schema().block.ImpliedType()), "", Value()};
  ASSERT_TRUE(kube_->Remove(Web()));
  Release(ConfigFor("registry.test/web:0", images));
  ChangeLive("kubectl", [](Json& web) { FirstContainerOf(web)["image"] = kNew; });
  EXPECT_THAT(RefreshSays(), ElementsAre(HasSubstr("containers[name=web].image")));
  EXPECT_EQ(stored_.state.Get("images"), ImagesOf({{"web", kNew}}));
  EXPECT_EQ(ManifestImage(), "registry.test/web:0");
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kNew}}));
  EXPECT_THAT(Lines(Plan(ConfigFor("registry.test/web:0", images)).planned.Get("release_plan")),
              Contains(std::string("image of web: ") + kNew + " -> " + kOld));
}

TEST_F(RolloutRefreshTest, ReportedDriftIsAWarningAndNoChange) {
  const Value config = ConfigFor(kNew, {{"drift_mode", Value::String("report")}});
  Release(config);
  const Value before = stored_.state;
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(), ElementsAre(AllOf(HasSubstr("spec.replicas: 2 -> 7, by kubectl"),
                                               HasSubstr("drift_mode = \"report\""))));
  EXPECT_EQ(stored_.state, before);
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutRefreshTest, IgnoredDriftIsSilent) {
  const Value config = ConfigFor(kNew, {{"drift_mode", Value::String("ignore")}});
  Release(config);
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutRefreshTest, SecretsAreNotShown) {
  const auto with_password = [](Json workload, const char* password) {
    FirstContainerOf(workload)["env"] =
        Json::array({{{"name", "DB_PASSWORD"}, {"value", password}}});
    return workload;
  };
  Release(Config(with_password(Manifest(kNew), "geheim-1")));
  ChangeLive("kubectl", [&](Json& web) { web = with_password(web, "geheim-2"); });
  EXPECT_THAT(RefreshSays(), ElementsAre(AllOf(HasSubstr("DB_PASSWORD"), HasSubstr("(sensitive)"),
                                               Not(HasSubstr("geheim")))));
}

struct NoDriftCase {
  std::string name;
  std::function<void(Json&)> change;
};
void PrintTo(const NoDriftCase& test, std::ostream* out) { *out << test.name; }
class NoDriftTest : public RolloutRefreshTest, public ::testing::WithParamInterface<NoDriftCase> {};

TEST_P(NoDriftTest, IsNoDrift) {
  Json manifest = Manifest(kNew);
  FirstContainerOf(manifest)["resources"] = {{"limits", {{"cpu", "1"}}}};
  Release(Config(manifest));
  ChangeLive("other", GetParam().change);
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(Config(manifest)));
}

INSTANTIATE_TEST_SUITE_P(
    , NoDriftTest,
    ::testing::Values(
        NoDriftCase{
            "AnEqualQuantity",
            [](Json& web) { FirstContainerOf(web)["resources"]["limits"]["cpu"] = "1000m"; }},
        NoDriftCase{
            "AnInjectedContainer",
            [](Json& web) {
              PodSpecOf(web)["containers"].push_back({{"name", "proxy"}, {"image", "proxy:1"}});
            }},
        NoDriftCase{"AFieldThatIsNotNamed", [](Json& web) { web["spec"]["minReadySeconds"] = 7; }},
        NoDriftCase{"AKubectlRestart",
                    [](Json& web) {
                      web["spec"]["template"]["metadata"]["annotations"] = {
                          {"kubectl.kubernetes.io/restartedAt", "2026-02-03T04:05:06Z"}};
                    }},
        NoDriftCase{"TheStatus", [](Json& web) { web["status"]["readyReplicas"] = 0; }}),
    [](const auto& test) { return test.param.name; });

// ---- Open runs

class RolloutOpenRunTest : public RolloutRefreshTest {
 protected:
  // What a process leaves that was killed at this step of an update to `image`.
  void PutJournal(engine::Step step, const std::string& image = kNew) {
    engine::State state;
    state.run_id = "run-1";
    state.identity = engine::RunIdentity(DumpJson(Manifest(image)));
    state.step = step;
    state.started_at = clock_.Now();
    runner::Journal journal(api(), Web(), "delivery_rollout", "", {});
    ASSERT_TRUE(journal.Save(state).ok());
  }
  void WriteAsUs(const std::string& image) {
    ASSERT_TRUE(api().Apply(Manifest(image), {}, {}).ok());
  }
  void PutLease(absl::Duration age) {
    const std::string time =
        absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", clock_.Now() - age, absl::UTCTimeZone());
    kube_->Put(
        {{"apiVersion", "coordination.k8s.io/v1"},
         {"kind", "Lease"},
         {"metadata", {{"name", LeaseRef().name}, {"namespace", "shop"}}},
         {"spec",
          {{"holderIdentity", "other-host_1"}, {"acquireTime", time}, {"renewTime", time}}}});
  }
};

TEST_F(RolloutOpenRunTest, AnAbandonedRunIsInterruptedAndPlansAnUpdate) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(Phase(), phase::kInterrupted);
  EXPECT_THAT(Message(), HasSubstr("interrupted at step \"await\""));
  EXPECT_NE(TextAt("status", "started_at"), "");
  // What the run wrote is not released, and no drift either.
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_TRUE(Plan(ConfigFor(kNew)).planned.Get("status").is_unknown());
  EXPECT_TRUE(Plan(ConfigFor(kOld)).planned.Get("status").is_unknown());
}

TEST_F(RolloutOpenRunTest, AnAbandonedRunIsTheSameAtTheNextRefresh) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  Refresh();
  const Value state = stored_.state;
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(stored_.state, state);
}

struct LeaseCase {
  int age_seconds;
  const char* phase;
};
class LeaseAgeTest : public RolloutOpenRunTest, public ::testing::WithParamInterface<LeaseCase> {};

TEST_P(LeaseAgeTest, DecidesWhetherARunIsAlive) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  PutLease(absl::Seconds(GetParam().age_seconds));
  Refresh();
  EXPECT_EQ(Phase(), GetParam().phase);
}

INSTANTIATE_TEST_SUITE_P(, LeaseAgeTest,
                         ::testing::Values(LeaseCase{0, phase::kProgressing},
                                           LeaseCase{14, phase::kProgressing},
                                           LeaseCase{15, phase::kInterrupted},
                                           LeaseCase{3600, phase::kInterrupted}));

TEST_F(RolloutOpenRunTest, ARunThatLivesIsAWarningAndPlansNothing) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  PutLease(absl::Seconds(1));
  EXPECT_THAT(RefreshSays(),
              ElementsAre(AllOf(StartsWith("warning: Deployment shop/web is being released"),
                                HasSubstr("other-host_1"))));
  EXPECT_EQ(Plan(ConfigFor(kOld)).planned, stored_.state);
}

TEST_F(RolloutOpenRunTest, ARunThatLivedIsInterruptedLater) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  PutLease(absl::Seconds(1));
  Refresh();
  clock_.Advance(absl::Seconds(20));
  Refresh();
  EXPECT_EQ(Phase(), phase::kInterrupted);
}

// By whom the verdict was stored is not known here; nothing is left that says how it went.
TEST_F(RolloutOpenRunTest, ARunThatLivedAndEndedIsNotProgressingForEver) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  PutLease(absl::Seconds(1));
  Refresh();
  ASSERT_EQ(Phase(), phase::kProgressing);
  kube_->Remove(JournalRef());
  kube_->Remove(LeaseRef());
  Refresh();
  EXPECT_NE(Phase(), phase::kProgressing);
}

TEST_F(RolloutOpenRunTest, AFinishedRunOnRecordIsNotOpen) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kDone);
  WriteAsUs(kOld);
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(Phase(), phase::kSucceeded);
}

TEST_F(RolloutOpenRunTest, DriftOfOthersIsToldApartFromAnOpenRun) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  WriteAsUs(kNew);
  ChangeLive("kubectl", [](Json& web) { web["spec"]["replicas"] = 7; });
  EXPECT_THAT(RefreshSays(), ElementsAre(AllOf(HasSubstr("spec.replicas: 2 -> 7, by kubectl"),
                                               Not(HasSubstr("image")))));
}

TEST_F(RolloutOpenRunTest, AJournalThatCannotBeReadIsAWarning) {
  Release(ConfigFor(kOld));
  PutJournal(engine::Step::kAwait);
  ASSERT_TRUE(kube_->Change(JournalRef(), [](Json& map) { map["data"]["state"] = "{"; }));
  WriteAsUs(kNew);
  EXPECT_THAT(RefreshSays(),
              Contains(AllOf(StartsWith("warning: It could not be told whether a release is open"),
                             HasSubstr("delivery-deployment-web"))));
  EXPECT_EQ(Phase(), phase::kSucceeded);
}

// ---- Import

class RolloutImportTest : public RolloutRefreshTest {
 protected:
  // As another tool left it, with what the server and the tool added.
  void PutForeign(const std::string& manager = "kubectl-client-side-apply") {
    Json web = Manifest(kOld);
    web["spec"]["progressDeadlineSeconds"] = 600;
    FirstContainerOf(web)["imagePullPolicy"] = "Always";
    web["metadata"]["annotations"] = {
        {"kubectl.kubernetes.io/last-applied-configuration", "{\"geheim\": 1}"}};
    kube_->Put(web, manager);
  }
};

TEST_F(RolloutImportTest, ShowsTheObjectAsAUserWouldWriteIt) {
  PutForeign();
  EXPECT_THAT(Said(Import("shop/web").diagnostics), IsEmpty());
  Json expected = Manifest(kOld);
  expected["spec"]["progressDeadlineSeconds"] = 600;
  FirstContainerOf(expected)["imagePullPolicy"] = "Always";
  EXPECT_EQ(StoredManifest(), expected);
  EXPECT_EQ(stored_.state.Get("id"), Value::String("shop/web"));
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kOld}}));
  EXPECT_EQ(Phase(), phase::kSucceeded);
  EXPECT_EQ(stored_.identity.Get("name"), Value::String("web"));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RolloutImportTest, ThePlanAfterItIsEmptyWithAMatchingManifest) {
  PutForeign();
  Import("shop/web");
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld)));
}

TEST_F(RolloutImportTest, OtherArgumentsAreAnUpdateThatWritesNothing) {
  PutForeign();
  Import("shop/web");
  Refresh();
  const Value config = ConfigFor(kOld, {{"images", ImagesOf({{"web", kOld}})},
                                        {"on_failure", Value::String("keep")},
                                        {"restart_trigger", Value::String("1")}});
  EXPECT_THAT(Lines(Plan(config).planned.Get("release_plan")),
              ElementsAre(StartsWith("nothing is written to the cluster")));
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  EXPECT_THAT(Writes(), IsEmpty());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutImportTest, TheFirstReleaseTakesOverFromOtherToolsAndSaysSo) {
  PutForeign();
  Import("shop/web");
  Refresh();
  EXPECT_THAT(Said(Plan(ConfigFor(kNew)).diagnostics),
              ElementsAre(AllOf(HasSubstr("taken over"), HasSubstr("kubectl-client-side-apply"))));
  EXPECT_THAT(Said(Apply(ConfigFor(kNew)).diagnostics), IsEmpty());
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(Live(Web())["spec"]["progressDeadlineSeconds"], 600);
  EXPECT_EQ(StoredManifest(), Manifest(kNew));
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kNew)));
}

TEST_F(RolloutImportTest, FieldsOfUnknownManagersAreNotTakenOver) {
  PutForeign("other-tool");
  Import("shop/web");
  Refresh();
  EXPECT_THAT(Said(Apply(ConfigFor(kNew)).diagnostics),
              ElementsAre(AllOf(StartsWith("error at manifest: "), HasSubstr("\"other-tool\""))));
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutImportTest, AFirstReleaseThatFailsGoesBackToWhatWasImported) {
  PutForeign();
  Import("shop/web");
  Refresh();
  BreakImage(kNew);
  EXPECT_THAT(Said(Apply(ConfigFor(kNew)).diagnostics), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(stored_.state.Get("running_images"), ImagesOf({{"web", kOld}}));
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(Plan(ConfigFor(kNew)).planned.Get("status").is_unknown());
}

TEST_F(RolloutImportTest, AFirstReleaseThatWasInterruptedStillGoesBackToIt) {
  PutForeign();
  Import("shop/web");
  Refresh();
  HangImage(kNew);
  StopOnceWritten(kNew);
  Apply(ConfigFor(kNew));
  NextRun();
  Refresh();
  BreakImage(kNew);
  EXPECT_THAT(Said(Apply(ConfigFor(kNew)).diagnostics), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutImportTest, AFirstReleaseThatWasKeptBrokenStillGoesBackToIt) {
  PutForeign();
  Import("shop/web");
  Refresh();
  BreakImage(kNew);
  Apply(ConfigFor(kNew, {{"on_failure", Value::String("keep")}}));
  ASSERT_EQ(LiveImage(), kNew);
  Refresh();
  EXPECT_THAT(Said(Apply(ConfigFor(kNew)).diagnostics), ElementsAre(HasSubstr("was rolled back")));
  EXPECT_EQ(LiveImage(), kOld);
}

struct IdCase {
  std::string name;
  const char* id;
  bool good;
};
void PrintTo(const IdCase& test, std::ostream* out) { *out << test.name; }
class ImportIdTest : public RolloutImportTest, public ::testing::WithParamInterface<IdCase> {};

TEST_P(ImportIdTest, HasOneOfTwoForms) {
  PutForeign();
  const plugin::ReadResponse imported = Import(GetParam().id);
  EXPECT_EQ(imported.state.is_null(), !GetParam().good);
  if (GetParam().good) {
    EXPECT_THAT(Said(imported.diagnostics), IsEmpty());
  } else {
    EXPECT_THAT(
        Said(imported.diagnostics),
        ElementsAre(AllOf(StartsWith("error: Invalid import id"), HasSubstr("namespace/name"))));
  }
}

INSTANTIATE_TEST_SUITE_P(, ImportIdTest,
                         ::testing::Values(IdCase{"NamespaceAndName", "shop/web", true},
                                           IdCase{"WithKind", "Deployment/shop/web", true},
                                           IdCase{"NameAlone", "web", false},
                                           IdCase{"Nothing", "", false},
                                           IdCase{"NoName", "shop/", false},
                                           IdCase{"NoNamespace", "/web", false},
                                           IdCase{"TooMuch", "a/Deployment/shop/web", false},
                                           IdCase{"AnotherKind", "Service/shop/web", false}),
                         [](const auto& test) { return test.param.name; });

TEST_F(RolloutImportTest, AnIdentityDoesTheSame) {
  PutForeign();
  const auto identity = [](Value kind) {
    return Value::Object({{"kind", std::move(kind)},
                          {"namespace", Value::String("shop")},
                          {"name", Value::String("web")}});
  };
  for (const Value& kind : {Value::String("Deployment"), Value::Null(Type::String())}) {
    const plugin::ReadResponse imported = rollout_->Import({}, {"", identity(kind)});
    EXPECT_THAT(Said(imported.diagnostics), IsEmpty());
    EXPECT_EQ(imported.state.Get("id"), Value::String("shop/web"));
    EXPECT_EQ(imported.identity, identity(Value::String("Deployment")));
  }
}

TEST_F(RolloutImportTest, WhatDoesNotExistCannotBeImported) {
  const plugin::ReadResponse imported = Import("shop/api");
  EXPECT_TRUE(imported.state.is_null());
  EXPECT_THAT(Said(imported.diagnostics),
              ElementsAre(StartsWith("error: Import of Deployment shop/api failed")));
}

// ---- Moves

class RolloutMoveTest : public RolloutImportTest {
 protected:
  plugin::ReadResponse Move(const std::string& type, const Json& state) {
    plugin::MoveRequest request;
    request.source_provider_address = "registry.terraform.io/hashicorp/kubernetes";
    request.source_type = type;
    request.source_state_json = state.dump();
    plugin::ReadResponse moved = rollout_->Move({}, request);
    stored_ = {moved.state, moved.private_state, moved.identity};
    return moved;
  }
  const Json typed_ = {{"metadata", Json::array({{{"name", "web"}, {"namespace", "shop"}}})}};
};

TEST_F(RolloutMoveTest, AWorkloadOfAnotherProviderIsTakenOnAsItIs) {
  PutForeign("Terraform");
  EXPECT_THAT(Said(Move("kubernetes_deployment_v1", typed_).diagnostics), IsEmpty());
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld)));
  EXPECT_THAT(Writes(), IsEmpty());
}

// Hosts ask for a move before they configure the provider.
TEST_F(RolloutMoveTest, TheRefreshAfterItReadsTheWorkload) {
  PutForeign("Terraform");
  cluster_.SetUnavailable(absl::FailedPreconditionError("not configured"));
  EXPECT_THAT(Said(Move("kubernetes_deployment_v1", typed_).diagnostics), IsEmpty());
  cluster_.Set(connection_);
  EXPECT_THAT(RefreshSays(), IsEmpty());
  EXPECT_EQ(ManifestImage(), kOld);
  EXPECT_TRUE(PlanIsEmpty(ConfigFor(kOld)));
}

TEST_F(RolloutMoveTest, WhatIsNoWorkloadCannotBeMoved) {
  const plugin::ReadResponse moved = Move("helm_release", Json::object());
  EXPECT_TRUE(moved.state.is_null());
  EXPECT_THAT(Said(moved.diagnostics), ElementsAre(StartsWith("error: Unsupported move")));
}

// ---- Stored state

TEST_F(RolloutRefreshTest, AnOlderStateWithOtherAttributesIsRead) {
  Release(ConfigFor(kNew));
  const Type type = rollout_->schema().block.ImpliedType();
  Json json = Json::parse(value::EncodeJson(stored_.state, type).value());
  json["gone_since"] = "x";
  json.erase("retry_token");
  const plugin::ReadResponse upgraded = rollout_->Upgrade(0, json.dump());
  EXPECT_THAT(Said(upgraded.diagnostics), IsEmpty());
  EXPECT_EQ(upgraded.state, stored_.state);
}

TEST_F(RolloutRefreshTest, AStateOfAnotherFormIsAnError) {
  const plugin::ReadResponse upgraded = rollout_->Upgrade(0, R"({"manifest": [1)");
  EXPECT_THAT(Said(upgraded.diagnostics),
              ElementsAre(StartsWith("error: Stored state cannot be read")));
}

}  // namespace
}  // namespace delivery::resources
