#include "resources/workload_plan.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/kubernetes/managed_fields.h"
#include "resources/restart.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using value::Type;
using value::Value;

using Edit = std::function<void(Json&)>;

Json Edited(Json manifest, const Edit& edit) {
  edit(manifest);
  return manifest;
}

// ---- AsksForNothingNew

struct SameCase {
  std::string name;
  Edit had;
  Edit wanted;
  std::vector<std::string> ignored;
  bool same = true;
};
void PrintTo(const SameCase& test, std::ostream* out) { *out << test.name; }

class AsksForNothingNewTest : public ::testing::TestWithParam<SameCase> {};

// With something to compare in the places that Kubernetes normalises.
Json Rich() {
  Json manifest = WebManifest();
  FirstContainerOf(manifest)["resources"] = {{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}};
  FirstContainerOf(manifest)["args"] = {"a", "b"};
  PodSpecOf(manifest)["containers"].push_back({{"name", "side"}, {"image", "side:1"}});
  return manifest;
}

TEST_P(AsksForNothingNewTest, ComparesAsKubernetesDoes) {
  std::vector<kubernetes::FieldPath> ignored;
  for (const std::string& path : GetParam().ignored) ignored.push_back(Field(path));
  EXPECT_EQ(AsksForNothingNew(value::FromPlainJson(Edited(Rich(), GetParam().wanted)),
                              value::FromPlainJson(Edited(Rich(), GetParam().had)), ignored,
                              /*imported=*/false),
            GetParam().same);
}

const Edit kNoEdit = [](Json&) {};
const Edit kFiveReplicas = [](Json& m) { m["spec"]["replicas"] = 5; };
const Edit kOtherLimit = [](Json& m) { FirstContainerOf(m)["resources"]["limits"]["cpu"] = "2"; };

INSTANTIATE_TEST_SUITE_P(
    , AsksForNothingNewTest,
    ::testing::Values(
        SameCase{"TheSame", kNoEdit, kNoEdit},
        SameCase{
            "EqualQuantities", kNoEdit,
            [](Json& m) {
              FirstContainerOf(m)["resources"]["limits"] = {{"cpu", "1000m"}, {"memory", "1024Mi"}};
            }},
        SameCase{"AQuantityAsANumber", kNoEdit,
                 [](Json& m) { FirstContainerOf(m)["resources"]["limits"]["cpu"] = 1; }},
        SameCase{"AWholeFraction", kNoEdit, [](Json& m) { m["spec"]["replicas"] = 3.0; }},
        SameCase{"NullAndAbsent", kNoEdit, [](Json& m) { m["spec"]["paused"] = nullptr; }},
        SameCase{"AnotherOrderOfContainers", kNoEdit,
                 [](Json& m) {
                   Json& containers = PodSpecOf(m)["containers"];
                   std::swap(containers[0], containers[1]);
                 }},
        SameCase{"AnotherOrderOfArguments",
                 kNoEdit,
                 [](Json& m) {
                   FirstContainerOf(m)["args"] = {"b", "a"};
                 },
                 {},
                 false},
        SameCase{"AChange", kNoEdit, kFiveReplicas, {}, false},
        SameCase{
            "AnAddition", kNoEdit, [](Json& m) { m["spec"]["minReadySeconds"] = 5; }, {}, false},
        SameCase{
            "ARemoval", kFiveReplicas, [](Json& m) { m["spec"].erase("replicas"); }, {}, false},
        SameCase{"ANumberAsText", kNoEdit, [](Json& m) { m["spec"]["replicas"] = "3"; }, {}, false},
        SameCase{"AnIgnoredChange", kNoEdit, kFiveReplicas, {"spec.replicas"}},
        SameCase{"AChangeBelowAnIgnoredField",
                 kNoEdit,
                 kOtherLimit,
                 {"spec.template.spec.containers[name=web].resources"}},
        SameCase{"AChangeInAnyContainer",
                 kNoEdit,
                 kOtherLimit,
                 {"spec.template.spec.containers[*].resources"}},
        SameCase{"AChangeBesideAnIgnoredField",
                 kNoEdit,
                 kOtherLimit,
                 {"spec.replicas", "spec.template.spec.containers[name=side].resources"},
                 false},
        SameCase{"AnIgnoredChangeAmongOthers",
                 kNoEdit,
                 [](Json& m) {
                   kFiveReplicas(m);
                   kOtherLimit(m);
                 },
                 {"spec.replicas"},
                 false}),
    [](const auto& test) { return test.param.name; });

TEST(NothingNewTest, WhatIsUnknownMayBeNew) {
  const Value had = value::FromPlainJson(WebManifest());
  const Value spec = had.Get("spec").With("replicas", Value::Unknown(Type::Number()));
  EXPECT_FALSE(AsksForNothingNew(had.With("spec", spec), had, {}, false));
}

TEST(NothingNewTest, OfAnImportedObjectOnlyWhatIsNamedCounts) {
  const Value live = value::FromPlainJson(Edited(Rich(), [](Json& m) {
    m["spec"]["progressDeadlineSeconds"] = 600;
    FirstContainerOf(m)["imagePullPolicy"] = "Always";
  }));
  EXPECT_TRUE(AsksForNothingNew(value::FromPlainJson(Rich()), live, {}, /*imported=*/true));
  EXPECT_FALSE(AsksForNothingNew(value::FromPlainJson(Rich()), live, {}, /*imported=*/false));
  const Value more = value::FromPlainJson(Edited(Rich(), kFiveReplicas));
  EXPECT_FALSE(AsksForNothingNew(more, live, {}, /*imported=*/true));
}

// ---- NamespaceOf

TEST(NamespaceOfTest, AMissingOneIsTheContexts) {
  const Value manifest = value::FromPlainJson(WebManifest());
  const auto with = [&](Value name) {
    return manifest.With("metadata", manifest.Get("metadata").With("namespace", std::move(name)));
  };
  EXPECT_EQ(NamespaceOf(manifest, "team"), "shop");
  EXPECT_EQ(NamespaceOf(with(Value()), "team"), "team");
  EXPECT_EQ(NamespaceOf(with(Value::String("")), "team"), "team");
  EXPECT_EQ(NamespaceOf(manifest.Without("metadata"), "team"), "team");
}

TEST(NamespaceOfTest, AnUnknownOneIsNotGuessed) {
  const Value manifest = value::FromPlainJson(WebManifest());
  const Value unknown = Value::Unknown(Type::Dynamic());
  EXPECT_EQ(NamespaceOf(unknown, "team"), std::nullopt);
  EXPECT_EQ(NamespaceOf(manifest.With("metadata", unknown), "team"), std::nullopt);
  const Value metadata = manifest.Get("metadata").With("namespace", unknown);
  EXPECT_EQ(NamespaceOf(manifest.With("metadata", metadata), "team"), std::nullopt);
}

// ---- DescribeRollout

WorkloadVersion Version(const Json& manifest) {
  return {value::FromPlainJson(manifest), {}, manifest};
}

// A release from `prior` to `next`; the prior version was good.
class DescribeRolloutTest : public ::testing::Test {
 protected:
  void Release(const Json& next) { next_ = ArgumentsFor(next); }
  void ReleaseOver(const Json& prior, const Json& next) {
    Release(next);
    prior_ = ArgumentsFor(prior);
    record_.written = record_.good = Version(prior);
    record_.recorded = prior;
    input_.prior = &*prior_;
  }
  std::vector<std::string> Lines() {
    input_.arguments = &next_;
    input_.record = &record_;
    return DescribeRollout(input_);
  }

  WorkloadArguments next_;
  std::optional<WorkloadArguments> prior_;
  ReleaseRecord record_;
  ReleasePlanInput input_;
};

TEST_F(DescribeRolloutTest, AFirstReleaseIsToldFromStartToFailure) {
  Release(WebManifest());
  EXPECT_THAT(
      Lines(),
      ElementsAre("create Deployment web: web = web:1",
                  "roll out by RollingUpdate (maxSurge 25%, maxUnavailable 25%), 3 replicas",
                  AllOf(StartsWith("wait until every replica is updated"),
                        HasSubstr("no progress for 10m or 20m in all")),
                  "on failure: remove what was made"));
}

TEST_F(DescribeRolloutTest, AnUpdateNamesImagesFirstAndThenFields) {
  ReleaseOver(WebManifest(), Edited(WebManifest("web:2"), [](Json& m) {
                kFiveReplicas(m);
                m["spec"]["minReadySeconds"] = 5;
                m["metadata"]["labels"] = {{"tier", "front"}};
              }));
  EXPECT_THAT(Lines(),
              ElementsAre("update Deployment web in place", "image of web: web:1 -> web:2",
                          R"(change metadata.labels: (unset) -> {"tier":"front"})",
                          "change spec.minReadySeconds: (unset) -> 5",
                          "change spec.replicas: 3 -> 5", StartsWith("roll out by"),
                          StartsWith("wait until"), "on failure: roll back to web = web:1"));
}

TEST_F(DescribeRolloutTest, ImagesStandInForThoseOfTheManifest) {
  ReleaseOver(WebManifest(), WebManifest());
  prior_->images = ToImages({{"web", "web:2"}});
  next_.images = ToImages({{"web", "web:3"}});
  EXPECT_THAT(Lines(), Contains("image of web: web:2 -> web:3"));
  EXPECT_THAT(Lines(), Not(Contains(StartsWith("change "))));
}

TEST_F(DescribeRolloutTest, AnImageThatMovesIntoTheManifestIsNoChange) {
  ReleaseOver(WebManifest("web:1"), WebManifest("web:2"));
  prior_->images = ToImages({{"web", "web:2"}});
  EXPECT_THAT(Lines(), Not(Contains(HasSubstr("image of"))));
}

TEST_F(DescribeRolloutTest, ANewContainerIsNamedWithItsImage) {
  ReleaseOver(WebManifest(), Rich());
  EXPECT_THAT(Lines(), Contains("add container side: side:1"));
}

TEST_F(DescribeRolloutTest, SecretsAreNotShown) {
  const auto with_password = [](const char* password) {
    return Edited(WebManifest(), [&](Json& m) {
      FirstContainerOf(m)["env"] = Json::array({{{"name", "DB_PASSWORD"}, {"value", password}}});
    });
  };
  ReleaseOver(with_password("geheim-1"), with_password("geheim-2"));
  EXPECT_THAT(Lines(), Contains(AllOf(HasSubstr("DB_PASSWORD"), HasSubstr("(sensitive)"))));
  EXPECT_THAT(Lines(), Not(Contains(HasSubstr("geheim"))));
}

TEST_F(DescribeRolloutTest, ManyFieldsAreCounted) {
  Json next = WebManifest();
  for (int i = 0; i < 25; ++i) {
    next["spec"]["template"]["metadata"]["labels"][absl::StrCat("l", i)] = "x";
  }
  ReleaseOver(WebManifest(), next);
  EXPECT_THAT(Lines(), Contains(StartsWith("change spec.template.metadata.labels.l")).Times(20));
  EXPECT_THAT(Lines(), Contains("change 5 more fields"));
}

// What the server defaulted is not the user's, and stays.
TEST_F(DescribeRolloutTest, AfterAnImportOnlyNamedFieldsChange) {
  ReleaseOver(Edited(Rich(),
                     [](Json& m) {
                       m["spec"]["progressDeadlineSeconds"] = 600;
                       FirstContainerOf(m)["imagePullPolicy"] = "Always";
                     }),
              Edited(WebManifest("web:2"), kFiveReplicas));
  record_ = ReleaseRecord();
  record_.imported = true;
  EXPECT_THAT(Lines(), ElementsAre("update Deployment web in place", "image of web: web:1 -> web:2",
                                   "change spec.replicas: 3 -> 5", StartsWith("roll out by"),
                                   StartsWith("wait until"),
                                   "on failure: roll back to the fields as they were"));
}

struct StrategyCase {
  std::string name;
  const char* spec;
  std::string line;
};
void PrintTo(const StrategyCase& test, std::ostream* out) { *out << test.name; }
class StrategyTest : public DescribeRolloutTest,
                     public ::testing::WithParamInterface<StrategyCase> {};

TEST_P(StrategyTest, IsSaidInWords) {
  Json manifest = WebManifest();
  manifest.merge_patch(Json::parse(GetParam().spec));
  Release(manifest);
  EXPECT_THAT(Lines(), Contains(GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    , StrategyTest,
    ::testing::Values(
        StrategyCase{"Bounds",
                     R"({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1,
                         "maxUnavailable": "0%"}}}})",
                     "roll out by RollingUpdate (maxSurge 1, maxUnavailable 0%), 3 replicas"},
        StrategyCase{"ReplicasOfSomebodyElse", R"({"spec": {"replicas": null}})",
                     "roll out by RollingUpdate (maxSurge 25%, maxUnavailable 25%)"},
        StrategyCase{"Recreate", R"({"spec": {"strategy": {"type": "Recreate"}}})",
                     "roll out by Recreate: every old pod ends before a new one starts"},
        StrategyCase{"StatefulSet", R"({"kind": "StatefulSet"})",
                     "roll out by RollingUpdate, the highest ordinal first, 3 replicas"},
        StrategyCase{"Partition",
                     R"({"kind": "StatefulSet",
                         "spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}})",
                     "roll out by RollingUpdate, the highest ordinal first, pods below ordinal 2 "
                     "keep their version, 3 replicas"},
        StrategyCase{"DaemonSet", R"({"kind": "DaemonSet"})",
                     "roll out by RollingUpdate (maxUnavailable 1), on every node that takes a "
                     "pod"},
        StrategyCase{"OnDelete",
                     R"({"kind": "DaemonSet", "spec": {"updateStrategy": {"type": "OnDelete"}}})",
                     "write only: pods are replaced when somebody deletes them (OnDelete)"}),
    [](const auto& test) { return test.param.name; });

TEST_F(DescribeRolloutTest, OnDeleteWaitsForNothing) {
  Json manifest = WebManifest();
  manifest["kind"] = "StatefulSet";
  manifest["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  Release(manifest);
  EXPECT_THAT(Lines(), Not(Contains(StartsWith("wait until"))));
  EXPECT_THAT(Lines(), Not(Contains(StartsWith("on failure"))));
}

TEST_F(DescribeRolloutTest, TheTimesAreThoseOfTheOperation) {
  ReleaseOver(WebManifest(), WebManifest("web:2"));
  next_.progress_deadline = std::string("90s");
  next_.timeouts = Timeouts{std::string("1h"), std::string("2h"), {}};
  EXPECT_THAT(Lines(), Contains(HasSubstr("no progress for 1m30s or 2h in all")));
  input_.prior = nullptr;
  EXPECT_THAT(Lines(), Contains(HasSubstr("no progress for 1m30s or 1h in all")));
}

TEST_F(DescribeRolloutTest, WhatAFailureLeadsToFollowsTheArguments) {
  ReleaseOver(WebManifest(), WebManifest("web:2"));
  EXPECT_EQ(Lines().back(), "on failure: roll back to web = web:1");
  input_.on_failure = engine::OnFailure::kKeep;
  EXPECT_EQ(Lines().back(), "on failure: leave it as it is");
  input_.on_failure = engine::OnFailure::kPause;
  EXPECT_EQ(Lines().back(), "on failure: pause the rollout where it is");
}

TEST_F(DescribeRolloutTest, AnAdoptionIsSaid) {
  Release(WebManifest());
  next_.adopt_existing = true;
  EXPECT_EQ(Lines().front(), "create or adopt Deployment web: web = web:1");
  EXPECT_EQ(Lines().back(), "on failure: put an adopted object back as it was, remove a new one");
}

TEST_F(DescribeRolloutTest, AnInterruptedReleaseIsResumedOrRolledBack) {
  ReleaseOver(WebManifest("web:2"), WebManifest("web:2"));
  input_.prior_phase = phase::kInterrupted;
  EXPECT_EQ(Lines().front(), "resume the interrupted release of Deployment web");
  next_.on_interrupt = std::string("rollback");
  EXPECT_EQ(Lines().front(), "roll back the interrupted release of Deployment web");
  Release(WebManifest("web:3"));
  EXPECT_EQ(Lines().front(),
            "release another version of Deployment web in place of the interrupted one");
}

TEST_F(DescribeRolloutTest, AFailedReleaseIsTriedAgain) {
  ReleaseOver(WebManifest("web:2"), WebManifest("web:2"));
  input_.prior_phase = phase::kFailed;
  EXPECT_EQ(Lines().front(), "try the failed release of Deployment web again");
}

TEST_F(DescribeRolloutTest, APausedReleaseWaitsForNothing) {
  ReleaseOver(WebManifest(), WebManifest("web:2"));
  input_.paused = true;
  EXPECT_THAT(Lines(), ElementsAre(_, "image of web: web:1 -> web:2",
                                   StartsWith("hold the rollout where it is (paused)")));
  input_.paused = false;
  input_.prior_paused = true;
  EXPECT_THAT(Lines(), Contains("let the paused rollout go on"));
}

TEST_F(DescribeRolloutTest, ARestartNamesItsCause) {
  ReleaseOver(WebManifest(), WebManifest());
  next_.restart_trigger = std::string("2");
  record_.released_contents = {{"Secret keys", "old"}, {"ConfigMap same", "same"}};
  record_.contents = {{"Secret keys", "new"}, {"ConfigMap same", "same"}};
  EXPECT_THAT(Lines(), Contains("restart the pods: restart_trigger changed"));
  EXPECT_THAT(Lines(), Contains("restart the pods: the content of Secret keys changed"));
  EXPECT_THAT(Lines(), Not(Contains(HasSubstr("ConfigMap same"))));
}

// ---- Restarts

TEST(TriggerRestartsTest, AChangedValueDoes) {
  WorkloadArguments prior;
  WorkloadArguments next;
  ReleaseRecord record;
  EXPECT_FALSE(TriggerRestarts(next, &prior, record));
  next.restart_trigger = std::string("1");
  EXPECT_TRUE(TriggerRestarts(next, &prior, record));
  prior.restart_trigger = std::string("1");
  EXPECT_FALSE(TriggerRestarts(next, &prior, record));
  next.restart_trigger = std::string("2");
  EXPECT_TRUE(TriggerRestarts(next, &prior, record));
}

TEST(TriggerRestartsTest, AFirstReleaseAndTheFirstValueAfterAnImportDoNot) {
  WorkloadArguments next;
  next.restart_trigger = std::string("1");
  EXPECT_FALSE(TriggerRestarts(next, nullptr, ReleaseRecord()));
  ReleaseRecord imported;
  imported.imported = true;
  WorkloadArguments prior;
  EXPECT_FALSE(TriggerRestarts(next, &prior, imported));
  prior.restart_trigger = std::string("0");
  EXPECT_TRUE(TriggerRestarts(next, &prior, imported));
}

TEST(TriggerRestartsTest, AValueThatIsTakenAwayDoesNot) {
  WorkloadArguments prior;
  prior.restart_trigger = std::string("1");
  EXPECT_FALSE(TriggerRestarts(WorkloadArguments(), &prior, ReleaseRecord()));
}

// ---- RetryRefusal

class RetryRefusalTest : public ::testing::Test {
 protected:
  RetryRefusalTest() {
    record_.failed = FailedRelease{TemplateIdentity(WebManifest("web:2")), "2026-02-03T04:05:06Z",
                                   "it broke", "a"};
  }
  std::optional<std::string> Refusal(const Json& workload, const char* retry = "on_change",
                                     const char* token = "a") {
    return RetryRefusal(workload, retry, token, record_);
  }
  ReleaseRecord record_;
};

TEST_F(RetryRefusalTest, AVersionThatFailedIsNamedWithWhenAndWhy) {
  ASSERT_TRUE(Refusal(WebManifest("web:2")).has_value());
  EXPECT_THAT(
      *Refusal(WebManifest("web:2")),
      AllOf(HasSubstr("2026-02-03T04:05:06Z"), HasSubstr("it broke"), HasSubstr("retry_token")));
}

TEST_F(RetryRefusalTest, WhatLiesOutsideTheTemplateIsNoOtherVersion) {
  EXPECT_TRUE(Refusal(Edited(WebManifest("web:2"), kFiveReplicas)).has_value());
}

TEST_F(RetryRefusalTest, AnotherVersionAndANewTokenAreTried) {
  EXPECT_FALSE(Refusal(WebManifest("web:3")).has_value());
  EXPECT_FALSE(Refusal(WebManifest("web:2"), "on_change", "b").has_value());
  EXPECT_FALSE(Refusal(WebManifest("web:2"), "always").has_value());
  record_.failed.reset();
  EXPECT_FALSE(Refusal(WebManifest("web:2")).has_value());
}

// ---- IntentOf

class IntentOfTest : public ::testing::Test {
 protected:
  WriteIntent Intent() {
    const absl::StatusOr<WriteIntent> intent =
        IntentOf({&arguments_, prior_, &record_, "shop", paused_});
    EXPECT_TRUE(intent.ok()) << intent.status();
    return intent.value_or(WriteIntent());
  }
  WorkloadArguments arguments_ = ArgumentsFor(WebManifest());
  const WorkloadArguments* prior_ = nullptr;
  ReleaseRecord record_;
  bool paused_ = false;
};

TEST_F(IntentOfTest, WritesTheManifestWithItsImages) {
  arguments_.images = ToImages({{"web", "web:2"}});
  EXPECT_EQ(Intent().workload, WebManifest("web:2"));
  EXPECT_FALSE(Intent().force);
}

TEST_F(IntentOfTest, DriftThatThePlanShowsIsAgreed) {
  record_.drifted = {"spec.replicas", "spec.template.spec.containers[name=web].image"};
  EXPECT_THAT(Intent().agreed, ElementsAre(Field("spec.replicas"),
                                           Field("spec.template.spec.containers[name=web].image")));
}

TEST_F(IntentOfTest, ArgumentsSayWhoMayBeOverruled) {
  arguments_.force_conflicts = true;
  arguments_.ignore_fields = std::vector<Attr<std::string>>{std::string("spec.replicas")};
  EXPECT_TRUE(Intent().force);
  EXPECT_THAT(Intent().ignored, ElementsAre(Field("spec.replicas")));
}

TEST_F(IntentOfTest, OtherToolsAreSucceededOnceOnly) {
  EXPECT_FALSE(Intent().take_over_legacy);
  record_.imported = true;
  EXPECT_TRUE(Intent().take_over_legacy);
  record_.imported = false;
  arguments_.adopt_existing = true;
  EXPECT_TRUE(Intent().take_over_legacy);
  record_.written = Version(WebManifest());
  EXPECT_FALSE(Intent().take_over_legacy);
}

TEST_F(IntentOfTest, APausedRolloutIsWrittenPaused) {
  paused_ = true;
  EXPECT_EQ(Intent().workload["spec"]["paused"], true);
}

TEST_F(IntentOfTest, ARestartMarkLastsUntilTheNextRestart) {
  WorkloadArguments prior = arguments_;
  prior_ = &prior;
  record_.written = Version(WebManifest());
  EXPECT_EQ(RestartMarkOf(Intent().workload), "");

  arguments_.restart_trigger = std::string("1");
  const std::string first = RestartMarkOf(Intent().workload);
  EXPECT_NE(first, "");

  record_.written->workload = Intent().workload;
  prior = arguments_;
  EXPECT_EQ(RestartMarkOf(Intent().workload), first);

  record_.released_contents = {{"Secret keys", "old"}};
  record_.contents = {{"Secret keys", "new"}};
  const std::string second = RestartMarkOf(Intent().workload);
  EXPECT_NE(second, first);
  EXPECT_EQ(RestartMarkOf(Intent().workload), second);
}

// ---- KeepLiveValues

// An entry of metadata.managedFields that owns one field of the spec.
Json Owner(const std::string& manager, const std::string& field) {
  return {{"manager", manager},
          {"operation", manager == kubernetes::kFieldManager ? "Apply" : "Update"},
          {"apiVersion", "apps/v1"},
          {"time", "2026-02-03T04:05:06Z"},
          {"fieldsType", "FieldsV1"},
          {"fieldsV1", {{"f:spec", {{absl::StrCat("f:", field), Json::object()}}}}}};
}

Json KeptOver(const Json& live, const Json& wanted, const std::vector<std::string>& ignored) {
  WriteIntent intent;
  intent.workload = wanted;
  for (const std::string& path : ignored) intent.ignored.push_back(Field(path));
  KeepLiveValues(live, intent);
  return intent.workload;
}

TEST(KeepLiveValuesTest, IgnoredFieldsAreWrittenAsTheyAre) {
  const Json live = Edited(Rich(), [](Json& m) {
    kFiveReplicas(m);
    kOtherLimit(m);
    FirstContainerOf(m)["args"] = {"other"};
  });
  const Json expected = Edited(Rich(), [](Json& m) {
    kFiveReplicas(m);
    kOtherLimit(m);
  });
  EXPECT_EQ(KeptOver(live, Rich(),
                     {"spec.replicas", "spec.template.spec.containers[name=web].resources"}),
            expected);
}

TEST(KeepLiveValuesTest, AnIgnoredFieldThatIsGoneStaysGone) {
  const Json live = Edited(Rich(), [](Json& m) { FirstContainerOf(m).erase("args"); });
  EXPECT_EQ(KeptOver(live, Rich(), {"spec.template.spec.containers[name=web].args"}), live);
}

TEST(KeepLiveValuesTest, NothingElseIsKept) {
  const Json live = Edited(Rich(), kOtherLimit);
  EXPECT_EQ(KeptOver(live, Rich(), {"spec.replicas"}), Rich());
  EXPECT_EQ(KeptOver(live, Rich(), {}), Rich());
}

const Edit kNoReplicas = [](Json& m) { m["spec"].erase("replicas"); };

TEST(KeepLiveValuesTest, ReplicasThatLeftTheManifestStayIfWeAloneOwnThem) {
  const Json live = Edited(WebManifest(), [](Json& m) {
    kFiveReplicas(m);
    m["metadata"]["managedFields"] =
        Json::array({Owner(kubernetes::kFieldManager, "replicas"), Owner("kubectl", "paused")});
  });
  EXPECT_EQ(KeptOver(live, Edited(WebManifest(), kNoReplicas), {}),
            Edited(WebManifest(), kFiveReplicas));
}

TEST(KeepLiveValuesTest, ReplicasOfSomebodyElseAreNotNamed) {
  const std::vector<Json> owners = {
      Json::array({Owner("horizontal-pod-autoscaler", "replicas")}),
      Json::array({Owner(kubernetes::kFieldManager, "replicas"), Owner("kubectl", "replicas")}),
      Json::array({Owner("kubectl", "replicas"), Owner(kubernetes::kFieldManager, "replicas")}),
      Json::array({Owner(kubernetes::kFieldManager, "paused")})};
  for (const Json& managed : owners) {
    const Json live = Edited(WebManifest(), [&](Json& m) {
      kFiveReplicas(m);
      m["metadata"]["managedFields"] = managed;
    });
    const Json wanted = Edited(WebManifest(), kNoReplicas);
    EXPECT_EQ(KeptOver(live, wanted, {}), wanted) << managed;
  }
}

TEST(KeepLiveValuesTest, WhatIsIgnoredFromNowOnStaysThoughItLeftTheManifest) {
  const Edit five_seconds = [](Json& m) { m["spec"]["minReadySeconds"] = 5; };
  const auto live_of = [&](const std::string& manager) {
    return Edited(WebManifest(), [&](Json& m) {
      five_seconds(m);
      m["metadata"]["managedFields"] = Json::array({Owner(manager, "minReadySeconds")});
    });
  };
  EXPECT_EQ(KeptOver(live_of(kubernetes::kFieldManager), WebManifest(), {"spec.minReadySeconds"}),
            Edited(WebManifest(), five_seconds));
  EXPECT_EQ(KeptOver(live_of("kubectl"), WebManifest(), {"spec.minReadySeconds"}), WebManifest());
  EXPECT_EQ(KeptOver(live_of(kubernetes::kFieldManager), WebManifest(), {}), WebManifest());
}

TEST(KeepLiveValuesTest, ReplicasInTheManifestAreWritten) {
  const Json live = Edited(WebManifest(), [](Json& m) {
    kFiveReplicas(m);
    m["metadata"]["managedFields"] = Json::array({Owner(kubernetes::kFieldManager, "replicas")});
  });
  EXPECT_EQ(KeptOver(live, WebManifest(), {}), WebManifest());
}

// ---- WarnOfTakeOver

TEST(WarnOfTakeOverTest, NamesTheOtherTools) {
  Diagnostics diagnostics;
  WarnOfTakeOver({}, diagnostics);
  EXPECT_THAT(Said(diagnostics), IsEmpty());
  WarnOfTakeOver({"helm", "kubectl"}, diagnostics);
  EXPECT_THAT(Said(diagnostics), ElementsAre(AllOf(StartsWith("warning at manifest: "),
                                                   HasSubstr("from helm, kubectl"))));
}

}  // namespace
}  // namespace delivery::resources
