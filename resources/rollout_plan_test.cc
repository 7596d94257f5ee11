// What validate and plan of delivery_rollout say, before anything is written.
#include <string>
#include <vector>

#include "provider/kubernetes/managed_fields.h"
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
using value::Path;
using value::Type;
using value::Value;

class RolloutPlanTest : public RolloutFixture {
 protected:
  std::vector<std::string> Validate(const Value& config) {
    return Said(rollout_->Validate(config));
  }
  // `manifest` with one unknown member of its spec.
  static Value WithUnknownReplicas(const Json& manifest) {
    const Value value = value::FromPlainJson(manifest);
    return value.With("spec", value.Get("spec").With("replicas", Value::Unknown(Type::Number())));
  }
};

// ---- Validate

TEST_F(RolloutPlanTest, AGoodConfigurationIsValid) {
  EXPECT_THAT(Validate(ConfigFor(kNew, {{"images", ImagesOf({{"web", kOld}})},
                                        {"on_failure", Value::String("pause")}})),
              IsEmpty());
}

TEST_F(RolloutPlanTest, MistakesOfAllArgumentsAreSaidAtOnce) {
  Json manifest = Manifest(kNew);
  manifest["kind"] = "Service";
  EXPECT_THAT(
      Validate(Config(manifest, {{"on_failure", Value::String("explode")},
                                 {"retry", Value::String("never")},
                                 {"ignore_fields", Texts({"a["})},
                                 {"images", ImagesOf({{"wbe", kNew}})}})),
      ::testing::UnorderedElementsAre(
          StartsWith("error at on_failure: "), StartsWith("error at retry: "),
          StartsWith("error at manifest: Invalid manifest.kind"),
          StartsWith("error at images[\"wbe\"]: "), StartsWith("error at ignore_fields[0]: ")));
}

TEST_F(RolloutPlanTest, AManifestIsRequired) {
  EXPECT_THAT(Validate(ConfigWith(Value(), {})), ElementsAre(StartsWith("error at manifest: ")));
}

TEST_F(RolloutPlanTest, WhatIsUnknownIsValid) {
  EXPECT_THAT(Validate(ConfigWith(Value::Unknown(Type::Dynamic()),
                                  {{"images", Value::Unknown(Type::Map(Type::String()))},
                                   {"on_failure", Value::Unknown(Type::String())},
                                   {"ignore_fields", Value::Unknown(Type::List(Type::String()))}})),
              IsEmpty());
}

TEST_F(RolloutPlanTest, OnlyADeploymentCanBeHeld) {
  Json manifest = Manifest(kNew);
  manifest["kind"] = "StatefulSet";
  EXPECT_THAT(Validate(Config(manifest, {{"paused", Value::Bool(true)},
                                         {"on_failure", Value::String("pause")}})),
              ElementsAre(AllOf(StartsWith("error at paused: "), HasSubstr("StatefulSet")),
                          AllOf(StartsWith("error at on_failure: "), HasSubstr("StatefulSet"))));
}

// ---- A first release

TEST_F(RolloutPlanTest, ACreateShowsWhatItWillDo) {
  const plugin::PlanResponse plan = Plan(ConfigFor(kNew));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_EQ(plan.planned.Get("id"), Value::String("shop/web"));
  EXPECT_EQ(plan.planned.Get("on_failure"), Value::String("rollback"));
  EXPECT_TRUE(plan.planned.Get("status").is_unknown());
  EXPECT_TRUE(plan.planned.Get("uid").is_unknown());
  EXPECT_EQ(Lines(plan.planned.Get("release_plan")).front(),
            std::string("create Deployment web: web = ") + kNew);
  EXPECT_EQ(plan.identity, Value::Object({{"kind", Value::String("Deployment")},
                                          {"namespace", Value::String("shop")},
                                          {"name", Value::String("web")}}));
}

TEST_F(RolloutPlanTest, AMissingNamespaceIsTheContexts) {
  connection_.default_namespace = "team";
  cluster_.Set(connection_);
  kube_->AddNamespace("team");
  Json manifest = Manifest(kNew);
  manifest["metadata"].erase("namespace");
  const plugin::PlanResponse plan = Plan(Config(manifest));
  EXPECT_EQ(plan.planned.Get("id"), Value::String("team/web"));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
}

TEST_F(RolloutPlanTest, APlanWritesNothing) {
  Plan(ConfigFor(kNew));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RolloutPlanTest, AnUnknownManifestLeavesEverythingOpen) {
  const plugin::PlanResponse plan = Plan(ConfigWith(Value::Unknown(Type::Dynamic()), {}));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  for (const char* attribute : {"manifest", "id", "release_plan", "status", "running_images"}) {
    EXPECT_TRUE(plan.planned.Get(attribute).is_unknown()) << attribute;
  }
  EXPECT_TRUE(plan.identity.is_null());
}

// The hosts plan again when the value is known: what was known before may not change then.
TEST_F(RolloutPlanTest, ThePlanOfTheReleaseWaitsForEverythingThatItTells) {
  const Type text = Type::String();
  const std::vector<std::pair<std::string, Value>> unknowns = {
      {"images", Value::Unknown(Type::Map(text))},
      {"images", Value::MakeMap(text, {{"web", Value::Unknown(text)}})},
      {"on_failure", Value::Unknown(text)},
      {"on_interrupt", Value::Unknown(text)},
      {"progress_deadline", Value::Unknown(text)},
      {"adopt_existing", Value::Unknown(Type::Bool())},
      {"paused", Value::Unknown(Type::Bool())},
      {"restart_trigger", Value::Unknown(text)},
      {"timeouts", Value::Object({{"create", Value::Unknown(text)},
                                  {"update", Value::Null(text)},
                                  {"delete", Value::Null(text)}})}};
  for (const auto& [name, unknown] : unknowns) {
    const plugin::PlanResponse plan = Plan(ConfigFor(kNew, {{name, unknown}}));
    EXPECT_TRUE(plan.planned.Get("release_plan").is_unknown()) << name;
    EXPECT_EQ(plan.planned.Get("id"), Value::String("shop/web")) << name;
  }
  const plugin::PlanResponse plan = Plan(ConfigWith(WithUnknownReplicas(Manifest(kNew)), {}));
  EXPECT_TRUE(plan.planned.Get("release_plan").is_unknown());
}

TEST_F(RolloutPlanTest, AnUnknownNameIsNotGuessed) {
  Value manifest = value::FromPlainJson(Manifest(kNew));
  manifest = manifest.With("metadata",
                           manifest.Get("metadata").With("name", Value::Unknown(Type::String())));
  const plugin::PlanResponse plan = Plan(ConfigWith(manifest, {}));
  EXPECT_TRUE(plan.planned.Get("id").is_unknown());
  EXPECT_TRUE(plan.identity.is_null());
}

TEST_F(RolloutPlanTest, AMistakeStopsThePlan) {
  const plugin::PlanResponse plan =
      Plan(ConfigFor(kNew, {{"progress_deadline", Value::String("soon")}}));
  EXPECT_THAT(Said(plan.diagnostics), ElementsAre(StartsWith("error at progress_deadline: ")));
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

// ---- Without the cluster

TEST_F(RolloutPlanTest, AnUnknownProviderConfigurationIsSaidOnce) {
  cluster_.SetUnknown();
  Json manifest = Manifest(kNew);
  const plugin::PlanResponse plan = Plan(Config(manifest));
  EXPECT_THAT(Said(plan.diagnostics), ElementsAre(StartsWith("warning: Planned without")));
  EXPECT_EQ(plan.planned.Get("id"), Value::String("shop/web"));
  manifest["metadata"].erase("namespace");
  EXPECT_TRUE(Plan(Config(manifest)).planned.Get("id").is_unknown());
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

TEST_F(RolloutPlanTest, AnUnreachableClusterIsAWarning) {
  kube_->AddFault({.kind = testing::KubeFault::Kind::kCutBefore, .times = 1000});
  connection_.preflight = Preflight::kError;
  cluster_.Set(connection_);
  EXPECT_THAT(Said(Plan(ConfigFor(kNew)).diagnostics),
              ElementsAre(AllOf(StartsWith("warning at manifest: "),
                                HasSubstr("was not checked with the cluster"))));
}

TEST_F(RolloutPlanTest, CredentialsThatMayOnlyReadAreEnough) {
  kube_->Deny({.verb = "patch"});
  EXPECT_THAT(Said(Plan(ConfigFor(kNew)).diagnostics),
              ElementsAre(AllOf(StartsWith("warning at manifest: "),
                                HasSubstr("was not checked with the cluster"))));
}

// ---- Preflight

TEST_F(RolloutPlanTest, AMissingNamespaceIsFoundAsLoudlyAsThePreflightSays) {
  Json manifest = Manifest(kNew);
  manifest["metadata"]["namespace"] = "later";
  const auto said = [&](Preflight preflight) {
    connection_.preflight = preflight;
    cluster_.Set(connection_);
    return Said(Plan(Config(manifest)).diagnostics);
  };
  const auto finding = AllOf(HasSubstr("Apply would fail for Deployment later/web"),
                             HasSubstr("Namespace \"later\" does not exist. Create it first"));
  EXPECT_THAT(said(Preflight::kWarn), ElementsAre(AllOf(StartsWith("warning at "), finding)));
  EXPECT_THAT(said(Preflight::kError), ElementsAre(AllOf(StartsWith("error at "), finding)));
  kube_->ForgetRequests();
  EXPECT_THAT(said(Preflight::kOff), IsEmpty());
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

TEST_F(RolloutPlanTest, AnExistingObjectIsFoundAsLoudlyAsThePreflightSays) {
  kube_->Put(Manifest(kOld), "somebody");
  const auto said = [&](Preflight preflight) {
    connection_.preflight = preflight;
    cluster_.Set(connection_);
    return Said(Plan(ConfigFor(kNew)).diagnostics);
  };
  const auto finding = AllOf(HasSubstr("Deployment shop/web exists already"),
                             HasSubstr("Import it (id \"shop/web\")"), HasSubstr("adopt_existing"));
  EXPECT_THAT(said(Preflight::kWarn), ElementsAre(AllOf(StartsWith("warning at "), finding)));
  EXPECT_THAT(said(Preflight::kError), ElementsAre(AllOf(StartsWith("error at "), finding)));
}

TEST_F(RolloutPlanTest, AnAdoptionSaysFromWhomItTakesOver) {
  kube_->Put(Manifest(kOld), "helm");
  EXPECT_THAT(Said(Plan(ConfigFor(kNew, {{"adopt_existing", Value::Bool(true)}})).diagnostics),
              ElementsAre(AllOf(HasSubstr("taken over"), HasSubstr("from helm"))));
}

TEST_F(RolloutPlanTest, AFieldOfSomebodyElseIsFoundBeforeTheApply) {
  Release(ConfigFor(kOld));
  ChangeLive("other-tool", [](Json& web) { web["spec"]["minReadySeconds"] = 7; });
  Json manifest = Manifest(kOld);
  manifest["spec"]["minReadySeconds"] = 1;
  EXPECT_THAT(Said(Plan(Config(manifest)).diagnostics),
              ElementsAre(AllOf(StartsWith("warning at manifest: "),
                                HasSubstr("spec.minReadySeconds: manager \"other-tool\""),
                                HasSubstr("force_conflicts = true"))));
  EXPECT_THAT(Said(Plan(Config(manifest, {{"force_conflicts", Value::Bool(true)}})).diagnostics),
              IsEmpty());
}

// ---- An existing release

TEST_F(RolloutPlanTest, NothingChangedMeansAnEmptyPlanTwiceInARow) {
  Release(ConfigFor(kNew));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
    EXPECT_TRUE(PlanIsEmpty(ConfigFor(kNew)));
  }
}

// The state keeps what was written, in the words of the first apply.
TEST_F(RolloutPlanTest, OtherWordsForTheSameAreNoChange) {
  Json manifest = Manifest(kNew);
  FirstContainerOf(manifest)["resources"] = {{"limits", {{"cpu", "1"}}}};
  Release(Config(manifest));
  const Value first = stored_.state;
  FirstContainerOf(manifest)["resources"]["limits"]["cpu"] = "1000m";
  manifest["spec"]["paused"] = nullptr;
  manifest["spec"]["replicas"] = 2.0;
  const plugin::PlanResponse plan = Plan(Config(manifest));
  EXPECT_EQ(plan.planned, first);
}

TEST_F(RolloutPlanTest, ManifestsWithNullsConverge) {
  Value manifest = value::FromPlainJson(Manifest(kNew));
  manifest = manifest.With("metadata", manifest.Get("metadata")
                                           .With("annotations", Value())
                                           .With("labels", Value::Null(Type::Map(Type::String()))));
  Release(ConfigWith(manifest, {}));
  EXPECT_EQ(stored_.state.Get("manifest"), manifest);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(ConfigWith(manifest, {})));
}

TEST_F(RolloutPlanTest, AnUpdateNamesTheChangeAndKeepsTheIdentity) {
  Release(ConfigFor(kOld));
  const Value before = stored_.state;
  const plugin::PlanResponse plan = Plan(ConfigFor(kNew));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_THAT(plan.requires_replace, IsEmpty());
  EXPECT_EQ(plan.planned.Get("id"), before.Get("id"));
  EXPECT_EQ(plan.planned.Get("uid"), before.Get("uid"));
  EXPECT_TRUE(plan.planned.Get("status").is_unknown());
  EXPECT_THAT(Lines(plan.planned.Get("release_plan")),
              Contains(std::string("image of web: ") + kOld + " -> " + kNew));
  EXPECT_EQ(plan.identity, stored_.identity);
}

TEST_F(RolloutPlanTest, AnUnknownNameKeepsTheIdentityOfTheUpdate) {
  Release(ConfigFor(kOld));
  Value manifest = value::FromPlainJson(Manifest(kNew));
  manifest = manifest.With("metadata",
                           manifest.Get("metadata").With("name", Value::Unknown(Type::String())));
  const plugin::PlanResponse plan = Plan(ConfigWith(manifest, {}));
  EXPECT_TRUE(plan.identity.is_null() || plan.identity == stored_.identity)
      << plan.identity.DebugString();
}

TEST_F(RolloutPlanTest, SettingsAloneReleaseNothing) {
  Release(ConfigFor(kOld));
  const Value config = ConfigFor(
      kOld, {{"on_failure", Value::String("keep")}, {"progress_deadline", Value::String("5m")}});
  const plugin::PlanResponse plan = Plan(config);
  EXPECT_EQ(plan.planned.Get("status"), stored_.state.Get("status"));
  EXPECT_EQ(plan.planned.Get("release_plan"), stored_.state.Get("release_plan"));
  kube_->ForgetRequests();
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  EXPECT_EQ(stored_.state.Get("on_failure"), Value::String("keep"));
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(RolloutPlanTest, AnArgumentThatIsTakenAwayHasItsDefaultAgain) {
  Release(ConfigFor(kOld, {{"on_failure", Value::String("keep")}}));
  EXPECT_EQ(Plan(ConfigFor(kOld)).planned.Get("on_failure"), Value::String("rollback"));
}

TEST_F(RolloutPlanTest, AnotherNameIsAReplacementWhateverElseIsUnknown) {
  Release(ConfigFor(kOld));
  Json manifest = Manifest(kOld);
  manifest["metadata"]["name"] = "api";
  const plugin::PlanResponse plan = Plan(ConfigWith(WithUnknownReplicas(manifest), {}));
  EXPECT_THAT(plan.requires_replace, ElementsAre(Path::Of("manifest")));
}

// The host plans a replacement's second half as a create, with the private state of the first: the
// object that is still there is no finding.
TEST_F(RolloutPlanTest, TheCreateOfAReplacementDoesNotMindWhatItReplaces) {
  connection_.preflight = Preflight::kError;
  cluster_.Set(connection_);
  Release(ConfigFor(kOld));
  Json manifest = Manifest(kOld);
  manifest["spec"]["selector"]["matchLabels"]["app"] = "api";
  manifest["spec"]["template"]["metadata"]["labels"]["app"] = "api";
  stored_.state = Value::Null(rollout_->schema().block.ImpliedType());
  EXPECT_THAT(Said(Plan(Config(manifest)).diagnostics), IsEmpty());
}

TEST_F(RolloutPlanTest, ThePlanOfTheReleaseDoesNotWaitForWhatItDoesNotTell) {
  const plugin::PlanResponse plan =
      Plan(ConfigFor(kNew, {{"retry_token", Value::Unknown(Type::String())}}));
  EXPECT_TRUE(plan.planned.Get("release_plan").IsWhollyKnown());
}

struct ReplaceCase {
  std::string name;
  const char* patch;
};
void PrintTo(const ReplaceCase& test, std::ostream* out) { *out << test.name; }
class RolloutReplaceTest : public RolloutPlanTest,
                           public ::testing::WithParamInterface<ReplaceCase> {};

TEST_P(RolloutReplaceTest, IsPlannedWithAWarning) {
  Release(ConfigFor(kOld));
  Json manifest = Manifest(kOld);
  manifest.merge_patch(Json::parse(GetParam().patch));
  const plugin::PlanResponse plan = Plan(Config(manifest));
  EXPECT_THAT(plan.requires_replace, ElementsAre(Path::Of("manifest")));
  EXPECT_THAT(Said(plan.diagnostics),
              ElementsAre(AllOf(StartsWith("warning at manifest: The workload is replaced"),
                                HasSubstr("down in between"))));
  EXPECT_TRUE(plan.planned.Get("id").is_unknown());
}

INSTANTIATE_TEST_SUITE_P(
    , RolloutReplaceTest,
    ::testing::Values(ReplaceCase{"Name", R"({"metadata": {"name": "api"}})"},
                      ReplaceCase{"Namespace", R"({"metadata": {"namespace": "team"}})"},
                      ReplaceCase{"Kind", R"({"kind": "StatefulSet"})"},
                      ReplaceCase{"Selector",
                                  R"({"spec": {"selector": {"matchLabels": {"app": "api"}},
                                       "template": {"metadata": {"labels": {"app": "api"}}}}})"}),
    [](const auto& test) { return test.param.name; });

TEST_F(RolloutPlanTest, ANamespaceThatIsWrittenOutIsTheSame) {
  Json manifest = Manifest(kOld);
  manifest["metadata"].erase("namespace");
  Release(Config(manifest));
  EXPECT_THAT(Plan(ConfigFor(kOld)).requires_replace, IsEmpty());
}

TEST_F(RolloutPlanTest, ADestroyIsPlannedWithoutAWord) {
  Release(ConfigFor(kOld));
  const Value none = Value::Null(rollout_->schema().block.ImpliedType());
  const plugin::PlanResponse plan =
      rollout_->Plan({}, {none, stored_.state, none, stored_.private_state, stored_.identity});
  EXPECT_TRUE(plan.planned.is_null());
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
}

// ---- Kinds whose pods others replace

TEST_F(RolloutPlanTest, OnDeleteWarnsThatPodsAreTheUsers) {
  Json manifest = Manifest(kNew);
  manifest["kind"] = "StatefulSet";
  manifest["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  EXPECT_THAT(Said(Plan(Config(manifest)).diagnostics),
              ElementsAre(StartsWith("warning at manifest: Pods are replaced by you")));
}

// ---- A damaged record

TEST_F(RolloutPlanTest, ARecordOfANewerVersionIsAnError) {
  Release(ConfigFor(kOld));
  stored_.private_state = R"({"version": 99})";
  EXPECT_THAT(Said(Plan(ConfigFor(kNew)).diagnostics),
              ElementsAre(AllOf(StartsWith("error: Plan failed"),
                                HasSubstr("use the version that wrote it"))));
}

}  // namespace
}  // namespace delivery::resources
