// Server-side apply: ownership, conflicts, what is given up, rehearsals.
#include "tests/contracts/contract_fixture.h"

namespace delivery::testing {
namespace {

using kubernetes::ApiError;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kImagePath[] = "/spec/template/spec/containers/0/image";

auto Cause(const std::string& field, const std::string& message) {
  return AllOf(Field(&ApiError::Cause::reason, "FieldManagerConflict"),
               Field(&ApiError::Cause::field, field), Field(&ApiError::Cause::message, message));
}

Json FieldsIn(const Json& entry, const std::string& part) {
  return GetObject(GetObject(entry, "fieldsV1"), part);
}

Json& ContainerOf(Json& deployment) {
  return deployment["spec"]["template"]["spec"]["containers"][0];
}

TEST_F(KubeApiContract, ApplyTellsCreationFromChange) {
  const auto first = api().Apply(ConfigMap("a", {{"n", "1"}}), {}, no_stop());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->created);
  EXPECT_THAT(first->warnings, IsEmpty());
  const auto second = api().Apply(ConfigMap("a", {{"n", "2"}}), {}, no_stop());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->object["data"]["n"], "2");
}

TEST_F(KubeApiContract, ApplyingTheSameChangesNothing) {
  const Json first = Applied(ConfigMap("a", {{"n", "1"}}));
  const Json second = Applied(ConfigMap("a", {{"n", "1"}}));
  EXPECT_EQ(first, second);
}

TEST_F(KubeApiContract, ApplyInUnknownNamespaceIsNotFound) {
  Json object = ConfigMap("a");
  object["metadata"]["namespace"] = "no-such-namespace";
  const absl::Status status = api().Apply(object, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-namespace"));
}

TEST_F(KubeApiContract, ApplierOwnsExactlyWhatItStated) {
  const Json applied = Applied(Deployment("web"));
  const Json entry = EntryOf(applied, "tester");
  EXPECT_EQ(entry["operation"], "Apply");
  EXPECT_EQ(entry["apiVersion"], "apps/v1");
  const Json container = {{".", Json::object()},
                          {"f:name", Json::object()},
                          {"f:image", Json::object()},
                          {"f:ports",
                           {{R"(k:{"containerPort":80,"protocol":"TCP"})",
                             {{".", Json::object()}, {"f:containerPort", Json::object()}}}}}};
  const Json expected = {
      {"f:spec",
       {{"f:replicas", Json::object()},
        {"f:selector", Json::object()},
        {"f:template",
         {{"f:metadata", {{"f:labels", {{"f:app", Json::object()}}}}},
          {"f:spec", {{"f:containers", {{R"(k:{"name":"web"})", container}}}}}}}}}};
  EXPECT_EQ(entry["fieldsV1"], expected) << entry["fieldsV1"].dump(1);
}

TEST_F(KubeApiContract, WhatIsNoLongerStatedIsRemoved) {
  Applied(ConfigMap("a", {{"keep", "1"}, {"drop", "1"}}));
  EXPECT_EQ(Applied(ConfigMap("a", {{"keep", "1"}}))["data"], Json({{"keep", "1"}}));
}

TEST_F(KubeApiContract, WhatOthersOwnTooStays) {
  Applied(ConfigMap("a", {{"shared", "1"}, {"mine", "1"}}));
  Applied(ConfigMap("a", {{"shared", "1"}}), "other");
  EXPECT_EQ(Applied(ConfigMap("a", Json::object()))["data"], Json({{"shared", "1"}}));
}

TEST_F(KubeApiContract, ListElementsAreMergedByTheirKeys) {
  Json mine = Deployment("web");
  ContainerOf(mine)["env"] = Json::array({Json{{"name", "A"}, {"value", "1"}}});
  Applied(mine);
  Json other = Deployment("web");
  other["spec"].erase("replicas");
  ContainerOf(other) = {{"name", "web"},
                        {"env", Json::array({Json{{"name", "B"}, {"value", "2"}}})}};
  Json merged = Applied(other, "other");
  EXPECT_EQ(ContainerOf(merged)["image"], "registry.test/web:1");
  EXPECT_EQ(ContainerOf(merged)["env"].size(), 2U);

  ContainerOf(other).erase("env");
  merged = Applied(other, "other");
  EXPECT_EQ(ContainerOf(merged)["env"], Json::array({Json{{"name", "A"}, {"value", "1"}}}));
}

TEST_F(KubeApiContract, ElementsThatAreNoLongerStatedAreRemoved) {
  Json two = Deployment("web");
  two["spec"]["template"]["spec"]["containers"].push_back(
      {{"name", "helper"}, {"image", "registry.test/helper:1"}});
  Applied(two);
  const Json one = Applied(Deployment("web"));
  EXPECT_EQ(one["spec"]["template"]["spec"]["containers"].size(), 1U);
}

TEST_F(KubeApiContract, OtherListsAreReplacedAsAWhole) {
  Json object = Deployment("web");
  ContainerOf(object)["args"] = {"a", "b"};
  Applied(object);
  ContainerOf(object)["args"] = {"c"};
  Json changed = Applied(object);
  EXPECT_EQ(ContainerOf(changed)["args"], Json::array({"c"}));
}

TEST_F(KubeApiContract, ConflictNamesFieldAndManager) {
  Applied(Deployment("web"));
  const auto scaled = api().MergePatch(Ref("Deployment", "web"), {{"spec", {{"paused", true}}}},
                                       {.field_manager = "kubectl"}, no_stop());
  ASSERT_TRUE(scaled.ok()) << scaled.status();
  Json wanted = Deployment("web");
  wanted["spec"]["paused"] = false;
  const absl::Status status = api().Apply(wanted, {.field_manager = "tester"}, no_stop()).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->http_status, 409);
  EXPECT_EQ(error->reason, "Conflict");
  EXPECT_EQ(error->message,
            "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.paused");
  EXPECT_THAT(error->causes,
              ElementsAre(Cause(".spec.paused", "conflict with \"kubectl\" using apps/v1")));
}

TEST_F(KubeApiContract, ConflictsWithAppliersNameElements) {
  Applied(Deployment("web"), "one");
  Json wanted = Deployment("web");
  wanted["spec"]["replicas"] = 1;
  ContainerOf(wanted)["image"] = "registry.test/web:2";
  const absl::Status status = api().Apply(wanted, {.field_manager = "two"}, no_stop()).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message,
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.replicas\n"
            "- .spec.template.spec.containers[name=\"web\"].image");
  EXPECT_THAT(error->causes,
              UnorderedElementsAre(Cause(".spec.replicas", "conflict with \"one\""),
                                   Cause(".spec.template.spec.containers[name=\"web\"].image",
                                         "conflict with \"one\"")));
}

TEST_F(KubeApiContract, OrdinaryWritesTakeOwnership) {
  Applied(Deployment("web"));
  const Json operations =
      Json::array({Json{{"op", "replace"}, {"path", kImagePath}, {"value", "other:1"}}});
  const auto patched = api().JsonPatch(Ref("Deployment", "web"), operations,
                                       {.field_manager = "kubectl"}, no_stop());
  ASSERT_TRUE(patched.ok()) << patched.status();
  const Json expected = {
      {"f:template",
       {{"f:spec", {{"f:containers", {{R"(k:{"name":"web"})", {{"f:image", Json::object()}}}}}}}}}};
  EXPECT_EQ(FieldsIn(EntryOf(*patched, "kubectl"), "f:spec"), expected);
  EXPECT_EQ(EntryOf(*patched, "tester").dump().find("f:image"), std::string::npos);
  EXPECT_TRUE(absl::IsAborted(
      api().Apply(Deployment("web"), {.field_manager = "tester"}, no_stop()).status()));
}

TEST_F(KubeApiContract, SameValueIsNoConflictAndIsOwnedByBoth) {
  Applied(Deployment("web"), "one");
  const Json shared = Applied(Deployment("web"), "two");
  EXPECT_TRUE(FieldsIn(EntryOf(shared, "one"), "f:spec").contains("f:replicas"));
  EXPECT_TRUE(FieldsIn(EntryOf(shared, "two"), "f:spec").contains("f:replicas"));
}

TEST_F(KubeApiContract, ForceTakesTheFieldFromItsOwner) {
  Applied(Deployment("web"), "one");
  Json wanted = Deployment("web");
  wanted["spec"]["paused"] = true;
  wanted["spec"]["replicas"] = 1;
  wanted["spec"]["template"]["spec"]["nodeSelector"] = {{"nowhere", "at-all"}};
  const auto forced = api().Apply(wanted, {.field_manager = "two", .force = true}, no_stop());
  ASSERT_TRUE(forced.ok()) << forced.status();
  EXPECT_EQ(forced->object["spec"]["replicas"], 1);
  const Json others = FieldsIn(EntryOf(forced->object, "one"), "f:spec");
  EXPECT_FALSE(others.contains("f:replicas"));
  EXPECT_TRUE(others.contains("f:template"));  // what is the same is shared
}

TEST_F(KubeApiContract, DryRunOfApplyLeavesNothing) {
  const auto rehearsed = api().Apply(ConfigMap("a", {{"n", "1"}}), {.dry_run = true}, no_stop());
  ASSERT_TRUE(rehearsed.ok()) << rehearsed.status();
  EXPECT_TRUE(rehearsed->created);
  EXPECT_EQ(rehearsed->object["data"]["n"], "1");
  EXPECT_TRUE(IsGone(Ref("ConfigMap", "a")));

  const Json before = Applied(ConfigMap("a", {{"n", "1"}}));
  const auto change = api().Apply(ConfigMap("a", {{"n", "2"}}),
                                  {.field_manager = "tester", .dry_run = true}, no_stop());
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(change->object["data"]["n"], "2");
  EXPECT_EQ(Read(Ref("ConfigMap", "a")), before);
}

TEST_F(KubeApiContract, DryRunShowsConflicts) {
  Applied(ConfigMap("a", {{"n", "1"}}), "one");
  const absl::Status status =
      api()
          .Apply(ConfigMap("a", {{"n", "2"}}), {.field_manager = "two", .dry_run = true}, no_stop())
          .status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
}

TEST_F(KubeApiContract, ApplyWithStaleVersionIsAConflict) {
  const Json first = Applied(ConfigMap("a", {{"n", "1"}}));
  Applied(ConfigMap("a", {{"n", "2"}}));
  Json stale = ConfigMap("a", {{"n", "3"}});
  stale["metadata"]["resourceVersion"] = VersionOf(first);
  const absl::Status status = api().Apply(stale, {.field_manager = "tester"}, no_stop()).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->causes, IsEmpty());
  EXPECT_EQ(Read(Ref("ConfigMap", "a"))["data"]["n"], "2");
}

TEST_F(KubeApiContract, UnknownFieldsAreRefusedBySchema) {
  if (!cluster().validates_schemas()) {
    SUCCEED() << "the fake has no schemas";
    return;
  }
  Json object = Deployment("web");
  object["spec"]["replicaz"] = 3;
  const absl::Status status = api().Apply(object, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(".spec.replicaz"));
  EXPECT_TRUE(IsGone(Ref("Deployment", "web")));
}

}  // namespace
}  // namespace delivery::testing
