// Writing without server-side apply: create, replace, patches.
#include "tests/contracts/contract_fixture.h"

namespace delivery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(KubeApiContract, CreatingTwiceIsAlreadyExists) {
  Created(ConfigMap("a"));
  const absl::Status status = api().Create(ConfigMap("a"), {}, no_stop()).status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->http_status, 409);
  EXPECT_EQ(error->reason, "AlreadyExists");
  EXPECT_EQ(error->message, "configmaps \"a\" already exists");
}

TEST_F(KubeApiContract, CreatingInUnknownNamespaceIsNotFoundAndNamesIt) {
  Json object = ConfigMap("a");
  object["metadata"]["namespace"] = "no-such-namespace";
  const absl::Status status = api().Create(object, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message, "namespaces \"no-such-namespace\" not found");
}

TEST_F(KubeApiContract, CreationIsTrackedAsUpdate) {
  const auto created =
      api().Create(ConfigMap("a", {{"color", "blue"}}), {.field_manager = "maker"}, no_stop());
  ASSERT_TRUE(created.ok()) << created.status();
  const Json entry = EntryOf(*created, "maker");
  EXPECT_EQ(entry["operation"], "Update");
  EXPECT_TRUE(entry["fieldsV1"]["f:data"].contains("f:color"));
}

TEST_F(KubeApiContract, DryRunOfCreationLeavesNothing) {
  const auto created = api().Create(ConfigMap("a"), {.dry_run = true}, no_stop());
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_TRUE(IsGone(Ref("ConfigMap", "a")));
}

TEST_F(KubeApiContract, ReplaceComparesAndSwaps) {
  Json first = Created(ConfigMap("a", {{"n", "1"}}));
  Json second = first;
  second["data"]["n"] = "2";
  const auto replaced = api().Replace(second, {}, no_stop());
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  EXPECT_NE(VersionOf(*replaced), VersionOf(first));

  first["data"]["n"] = "3";
  const absl::Status status = api().Replace(first, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason, "Conflict");
  EXPECT_THAT(error->message, HasSubstr("the object has been modified"));
  EXPECT_EQ(Read(Ref("ConfigMap", "a"))["data"]["n"], "2");
}

TEST_F(KubeApiContract, ReplaceWithoutVersionOverwrites) {
  Created(ConfigMap("a", {{"n", "1"}, {"m", "1"}}));
  const auto replaced = api().Replace(ConfigMap("a", {{"n", "2"}}), {}, no_stop());
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  EXPECT_EQ((*replaced)["data"], Json({{"n", "2"}}));
}

TEST_F(KubeApiContract, ReplacingWhatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(api().Replace(ConfigMap("a"), {}, no_stop()).status()));
}

TEST_F(KubeApiContract, ReplaceWithTheSameContentKeepsTheVersion) {
  const Json created = Created(ConfigMap("a", {{"n", "1"}}));
  const auto replaced = api().Replace(created, {}, no_stop());
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  EXPECT_EQ(VersionOf(*replaced), VersionOf(created));
}

TEST_F(KubeApiContract, MergePatchMergesAndNullRemoves) {
  Created(ConfigMap("a", {{"keep", "1"}, {"drop", "1"}}));
  const auto patched = api().MergePatch(
      Ref("ConfigMap", "a"), {{"data", {{"drop", nullptr}, {"add", "2"}}}}, {}, no_stop());
  ASSERT_TRUE(patched.ok()) << patched.status();
  EXPECT_EQ((*patched)["data"], Json({{"keep", "1"}, {"add", "2"}}));
}

TEST_F(KubeApiContract, MergePatchWithVersionComparesAndSwaps) {
  const Json created = Created(ConfigMap("a", {{"n", "1"}}));
  const Json patch = {{"metadata", {{"resourceVersion", VersionOf(created)}}},
                      {"data", {{"n", "2"}}}};
  EXPECT_TRUE(api().MergePatch(Ref("ConfigMap", "a"), patch, {}, no_stop()).ok());
  const Json stale = {{"metadata", {{"resourceVersion", VersionOf(created)}}},
                      {"data", {{"n", "3"}}}};
  const absl::Status status =
      api().MergePatch(Ref("ConfigMap", "a"), stale, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
}

TEST_F(KubeApiContract, PatchingWhatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(
      api().MergePatch(Ref("ConfigMap", "a"), Json::object(), {}, no_stop()).status()));
}

Json Replacing(const std::string& path, const std::string& expected, const std::string& value) {
  return Json::array({Json{{"op", "test"}, {"path", path}, {"value", expected}},
                      Json{{"op", "replace"}, {"path", path}, {"value", value}}});
}

TEST_F(KubeApiContract, JsonPatchAppliesWhenItsTestHolds) {
  Created(ConfigMap("a", {{"n", "1"}}));
  const auto patched =
      api().JsonPatch(Ref("ConfigMap", "a"), Replacing("/data/n", "1", "2"), {}, no_stop());
  ASSERT_TRUE(patched.ok()) << patched.status();
  EXPECT_EQ((*patched)["data"]["n"], "2");
}

TEST_F(KubeApiContract, JsonPatchWithFailingTestIsInvalidArgumentAndChangesNothing) {
  Created(ConfigMap("a", {{"n", "1"}}));
  const absl::Status status =
      api()
          .JsonPatch(Ref("ConfigMap", "a"), Replacing("/data/n", "9", "2"), {}, no_stop())
          .status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->http_status, 422);
  EXPECT_EQ(error->reason, "Invalid");
  EXPECT_EQ(Read(Ref("ConfigMap", "a"))["data"]["n"], "1");
}

TEST_F(KubeApiContract, JsonPatchOfAnAbsentMemberIsInvalidArgument) {
  Created(ConfigMap("a"));
  const Json operations = Json::array({Json{{"op", "remove"}, {"path", "/data/none"}}});
  const absl::Status status =
      api().JsonPatch(Ref("ConfigMap", "a"), operations, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

TEST_F(KubeApiContract, JsonPatchOfManagedFieldsEndsCoOwnership) {
  const Json both = ConfigMap("a", {{"n", "1"}});
  Applied(both, "one");
  Json live = Applied(both, "two");
  const auto without_one = [](const Json& object) {
    return Json::array({Json{{"op", "replace"},
                             {"path", "/metadata/managedFields"},
                             {"value", Json::array({EntryOf(object, "two")})}},
                        Json{{"op", "replace"},
                             {"path", "/metadata/resourceVersion"},
                             {"value", VersionOf(object)}}});
  };
  Json stale = live;
  stale["metadata"]["resourceVersion"] = "1";
  EXPECT_TRUE(absl::IsAborted(
      api().JsonPatch(Ref("ConfigMap", "a"), without_one(stale), {}, no_stop()).status()));
  const auto patched = api().JsonPatch(Ref("ConfigMap", "a"), without_one(live), {}, no_stop());
  ASSERT_TRUE(patched.ok()) << patched.status();
  EXPECT_TRUE(EntryOf(*patched, "one").is_null());
  live = Applied(ConfigMap("a"), "two");
  EXPECT_FALSE(GetObject(live, "data").contains("n"));
}

TEST_F(KubeApiContract, JsonPatchWithStaleVersionTestIsInvalidArgument) {
  const Json created = Created(ConfigMap("a", {{"n", "1"}}));
  const auto patch = [](const std::string& version, const std::string& value) {
    return Json::array(
        {Json{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", version}},
         Json{{"op", "replace"}, {"path", "/data/n"}, {"value", value}}});
  };
  const auto patched =
      api().JsonPatch(Ref("ConfigMap", "a"), patch(VersionOf(created), "2"), {}, no_stop());
  ASSERT_TRUE(patched.ok()) << patched.status();
  const absl::Status stale =
      api()
          .JsonPatch(Ref("ConfigMap", "a"), patch(VersionOf(created), "3"), {}, no_stop())
          .status();
  EXPECT_TRUE(absl::IsInvalidArgument(stale)) << stale;
  EXPECT_EQ(Read(Ref("ConfigMap", "a"))["data"]["n"], "2");
}

// The rules of an Ingress are one atomic list, as those of an HTTPRoute.
Json IngressWithPath(const std::string& space, const std::string& path) {
  const Json backend = {{"service", {{"name", "web"}, {"port", {{"number", 80}}}}}};
  const Json http = {
      {"paths", Json::array({Json{{"path", path}, {"pathType", "Prefix"}, {"backend", backend}}})}};
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "Ingress"},
          {"metadata", {{"name", "web"}, {"namespace", space}}},
          {"spec", {{"rules", Json::array({Json{{"http", http}}})}}}};
}

TEST_F(KubeApiContract, OwnershipOfAnAtomicListComesBackWithTheManagedFields) {
  const kubernetes::ObjectRef ref = {"networking.k8s.io/v1", "Ingress", space(), "web"};
  const Json manifest = IngressWithPath(space(), "/a");
  const Json before = Applied(manifest, "owner")["metadata"]["managedFields"];
  const std::string path = "/spec/rules/0/http/paths/0/path";
  for (const char* value : {"/b", "/a"}) {
    const Json change = Json::array({Json{{"op", "replace"}, {"path", path}, {"value", value}}});
    const auto patched = api().JsonPatch(ref, change, {.field_manager = "visitor"}, no_stop());
    ASSERT_TRUE(patched.ok()) << patched.status();
    EXPECT_TRUE(EntryOf(*patched, "visitor")["fieldsV1"]["f:spec"].contains("f:rules"));
  }
  // The old value is back, its owner is not.
  const auto refused =
      api().Apply(IngressWithPath(space(), "/c"), {.field_manager = "owner"}, no_stop());
  EXPECT_TRUE(absl::IsAborted(refused.status())) << refused.status();

  const Json live = Read(ref);
  const Json give_back = Json::array(
      {Json{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", VersionOf(live)}},
       Json{{"op", "test"},
            {"path", "/metadata/managedFields"},
            {"value", live["metadata"]["managedFields"]}},
       Json{{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", before}}});
  const auto given = api().JsonPatch(ref, give_back, {.field_manager = "visitor"}, no_stop());
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ((*given)["metadata"]["managedFields"], before);
  EXPECT_EQ(Applied(IngressWithPath(space(), "/c"),
                    "owner")["spec"]["rules"][0]["http"]["paths"][0]["path"],
            "/c");
}

TEST_F(KubeApiContract, AnEmptyEntryClearsTheManagedFields) {
  Json live = Created(ConfigMap("a", {{"n", "1"}}));
  const auto cleared =
      api().JsonPatch(Ref("ConfigMap", "a"),
                      Json::array({Json{{"op", "replace"},
                                        {"path", "/metadata/managedFields"},
                                        {"value", Json::array({Json::object()})}}}),
                      {.field_manager = "visitor"}, no_stop());
  ASSERT_TRUE(cleared.ok()) << cleared.status();
  EXPECT_TRUE(GetArray(GetObject(*cleared, "metadata"), "managedFields").empty());
}

TEST_F(KubeApiContract, RefusedFieldIsNamedInTheCauses) {
  Created(Deployment("web"));
  Json changed = Deployment("web");
  changed["spec"]["selector"]["matchLabels"]["app"] = "other";
  changed["spec"]["template"]["metadata"]["labels"]["app"] = "other";
  const absl::Status status = api().Replace(changed, {}, no_stop()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->http_status, 422);
  ASSERT_THAT(error->causes, SizeIs(1));
  EXPECT_EQ(error->causes[0].field, "spec.selector");
  EXPECT_EQ(error->causes[0].reason, "FieldValueInvalid");
  EXPECT_THAT(error->causes[0].message, HasSubstr("field is immutable"));
}

TEST_F(KubeApiContract, GenerationCountsChangesOfTheSpecOnly) {
  const Json created = Created(Deployment("web"));
  EXPECT_EQ(created["metadata"]["generation"], 1);
  const auto labelled = api().MergePatch(Ref("Deployment", "web"),
                                         {{"metadata", {{"labels", {{"a", "b"}}}}}}, {}, no_stop());
  ASSERT_TRUE(labelled.ok()) << labelled.status();
  EXPECT_EQ((*labelled)["metadata"]["generation"], 1);
  const auto paused =
      api().MergePatch(Ref("Deployment", "web"), {{"spec", {{"paused", true}}}}, {}, no_stop());
  ASSERT_TRUE(paused.ok()) << paused.status();
  EXPECT_EQ((*paused)["metadata"]["generation"], 2);
}

TEST_F(KubeApiContract, OrdinaryWritesLeaveTheStatusAlone) {
  Created(Deployment("web"));
  const auto patched =
      api().MergePatch(Ref("Deployment", "web"), {{"status", {{"replicas", 77}}}}, {}, no_stop());
  ASSERT_TRUE(patched.ok()) << patched.status();
  EXPECT_NE(GetInt(GetObject(*patched, "status"), "replicas"), 77);
}

TEST_F(KubeApiContract, WrongNamesInTheObjectAreInvalidArgument) {
  Created(ConfigMap("a"));
  const absl::Status status =
      api()
          .MergePatch(Ref("ConfigMap", "a"), {{"metadata", {{"name", "b"}}}}, {}, no_stop())
          .status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

}  // namespace
}  // namespace delivery::testing
