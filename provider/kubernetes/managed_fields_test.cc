#include "provider/kubernetes/managed_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Json Entry(const char* manager, const char* fields) {
  return {{"manager", manager}, {"operation", "Apply"}, {"fieldsV1", *ParseJson(fields)}};
}

struct CoOwnersCase {
  const char* name;
  const char* theirs;
  const char* left;
};
void PrintTo(const CoOwnersCase& test, std::ostream* out) { *out << test.name; }
class CoOwnersTest : public ::testing::TestWithParam<CoOwnersCase> {};

TEST_P(CoOwnersTest, GiveUpWhatWeApply) {
  const Json ours = Entry("us", R"({"f:metadata": {"f:labels": {"f:app": {}}},
      "f:spec": {"f:selector": {}, "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}})");
  const Json object = {
      {"metadata", {{"managedFields", Json::array({ours, Entry("them", GetParam().theirs)})}}}};
  const auto left =
      WithoutCoOwners(object, "us", [](const std::string& name) { return name == "them"; });
  Json expected = Json::array({ours});
  if (*GetParam().left != '\0') expected.push_back(Entry("them", GetParam().left));
  EXPECT_EQ(left.value_or(object["metadata"]["managedFields"]), expected);
  EXPECT_EQ(left.has_value(), std::string_view(GetParam().left) != GetParam().theirs);
}

INSTANTIATE_TEST_SUITE_P(
    , CoOwnersTest,
    ::testing::Values(
        CoOwnersCase{"Same", R"({"f:metadata": {"f:labels": {"f:app": {}}}})", ""},
        CoOwnersCase{"Beside", R"({"f:metadata": {"f:labels": {"f:app": {}, "f:team": {}}}})",
                     R"({"f:metadata": {"f:labels": {"f:team": {}}}})"},
        CoOwnersCase{"Others", R"({"f:spec": {"f:paused": {}}})",
                     R"({"f:spec": {"f:paused": {}}})"},
        CoOwnersCase{"WholeElement",
                     R"({"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {},
                         "f:image": {}, "f:imagePullPolicy": {}}, "k:{\"name\":\"log\"}": {".": {}}}}})",
                     R"({"f:spec": {"f:containers": {"k:{\"name\":\"log\"}": {".": {}}}}})"},
        CoOwnersCase{"BelowAnAtomicOne", R"({"f:spec": {"f:selector": {"f:app": {}}}})", ""}),
    [](const auto& test) { return test.param.name; });

FieldPath Path(std::string_view text) { return *FieldPath::Parse(text); }

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

std::vector<std::string> Names(const std::vector<FieldOwner>& owners) {
  std::vector<std::string> names;
  for (const FieldOwner& owner : owners) names.push_back(owner.manager);
  return names;
}

// As API server 1.36 returns it after our apply, `kubectl set image`, `kubectl scale` and the
// Deployment controller's writes.
Json Deployment() {
  const auto json = ParseJson(R"({"metadata": {"name": "web", "managedFields": [
    {"manager": "terraform-provider-delivery", "operation": "Apply", "apiVersion": "apps/v1",
     "time": "2026-02-03T04:05:06Z", "fieldsType": "FieldsV1", "fieldsV1": {
       "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {"v:\"a.b/c\"": {}}},
       "f:spec": {"f:selector": {}, "f:template": {"f:metadata": {"f:labels": {"f:app": {}}},
         "f:spec": {"f:nodeSelector": {}, "f:containers": {"k:{\"name\":\"web\"}": {
           ".": {}, "f:name": {}, "f:args": {}, "f:resources": {},
           "f:ports": {"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {
             ".": {}, "f:containerPort": {}}}}}}}}}},
    {"manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
     "time": "2026-02-03T06:00:00Z", "fieldsType": "FieldsV1",
     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "kubectl-set", "operation": "Update", "apiVersion": "apps/v1",
     "time": "2026-02-03T05:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:template": {
       "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
         "f:image": {}, "f:resources": {"f:limits": {".": {}, "f:cpu": {}}}}}}}}}},
    {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "apps/v1",
     "time": "2026-02-03T07:00:00Z", "fieldsType": "FieldsV1",
     "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}}},
    {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1",
     "subresource": "status", "time": "2026-02-03T08:00:00Z", "fieldsType": "FieldsV1",
     "fieldsV1": {"f:metadata": {"f:annotations": {".": {},
       "f:deployment.kubernetes.io/revision": {}}}, "f:status": {"f:conditions": {".": {},
       "k:{\"type\":\"Available\"}": {".": {}, "f:status": {}}}, "f:replicas": {}}}}]}})");
  EXPECT_TRUE(json.ok()) << json.status();
  return *json;
}

TEST(OwnersTest, FindsOwnersByField) {
  const Json object = Deployment();
  const std::string pod = "spec.template.spec.";
  EXPECT_THAT(Names(OwnersOf(object, Path(pod + "containers[name=web].image"))),
              ElementsAre("kubectl-set"));
  EXPECT_THAT(Names(OwnersOf(object, Path("spec.replicas"))), ElementsAre("kubectl"));
  EXPECT_EQ(OwnersOf(object, Path("spec.replicas"))[0].subresource, "scale");
  EXPECT_THAT(Names(OwnersOf(object, Path("metadata.labels.app"))),
              ElementsAre("kubectl-edit", "terraform-provider-delivery"));
  EXPECT_THAT(
      Names(OwnersOf(object, Path("metadata.annotations.deployment.kubernetes.io/revision"))),
      ElementsAre("kube-controller-manager"));
  EXPECT_THAT(Names(OwnersOf(object, Path("status.conditions[type=Available].status"))),
              ElementsAre("kube-controller-manager"));
  EXPECT_THAT(Names(OwnersOf(object, Path("metadata.finalizers[=a.b/c]"))),
              ElementsAre("terraform-provider-delivery"));
  EXPECT_THAT(
      Names(OwnersOf(object,
                     Path(pod + "containers[name=web].ports[containerPort=8080].containerPort"))),
      ElementsAre("terraform-provider-delivery"));
}

TEST(OwnersTest, OwnersOfAnAtomicAncestorOwnWhatIsInside) {
  const Json object = Deployment();
  EXPECT_THAT(Names(OwnersOf(object, Path("spec.template.spec.nodeSelector.disk"))),
              ElementsAre("terraform-provider-delivery"));
  EXPECT_THAT(Names(OwnersOf(object, Path("spec.template.spec.containers[name=web].args[0]"))),
              ElementsAre("terraform-provider-delivery"));
  // The empty resources are ours, the limit in them is not.
  EXPECT_THAT(
      Names(OwnersOf(object, Path("spec.template.spec.containers[name=web].resources.limits.cpu"))),
      ElementsAre("kubectl-set"));
}

TEST(OwnersTest, NobodyOwnsTheRest) {
  const Json object = Deployment();
  EXPECT_THAT(OwnersOf(object, Path("spec.paused")), IsEmpty());
  EXPECT_THAT(OwnersOf(object, Path("spec.template.spec.containers[name=db].image")), IsEmpty());
  EXPECT_THAT(OwnersOf(object, Path("metadata.annotations.other")), IsEmpty());
  EXPECT_THAT(OwnersOf(Json::object(), Path("spec")), IsEmpty());
  EXPECT_FALSE(OwnsField(Json::object(), Path("spec")));
  EXPECT_FALSE(OwnsField(Json("text"), Path("spec")));
}

TEST(OwnersTest, EntriesWithoutTimeComeLast) {
  const Json object = *ParseJson(R"({"metadata": {"managedFields": [
      {"manager": "a", "fieldsV1": {"f:spec": {}}},
      {"manager": "b", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
      {"manager": "c", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {}}}, 7]}})");
  EXPECT_THAT(Names(OwnersOf(object, Path("spec"))), ElementsAre("c", "b", "a"));
}

TEST(FieldsOwnedByTest, ListsLeaves) {
  std::vector<std::string> texts;
  for (const FieldPath& path :
       FieldsOwnedBy(Deployment(), "terraform-provider-delivery", "Apply")) {
    texts.push_back(path.ToString());
  }
  const std::string web = "spec.template.spec.containers[name=web].";
  EXPECT_THAT(texts, UnorderedElementsAre(
                         "metadata.labels.app", "metadata.finalizers[=a.b/c]", "spec.selector",
                         "spec.template.metadata.labels.app", "spec.template.spec.nodeSelector",
                         web + "name", web + "args", web + "resources",
                         web + "ports[containerPort=8080,protocol=TCP].containerPort"));
  EXPECT_THAT(FieldsOwnedBy(Deployment(), "terraform-provider-delivery", "Update"), IsEmpty());
}

TEST(ManagersTest, ListsEntriesAndLastWrites) {
  EXPECT_EQ(ManagersOf(Deployment()).size(), 5U);
  EXPECT_EQ(LastWriteBy(Deployment(), "kubectl-set"), At("2026-02-03T05:00:00Z"));
  EXPECT_EQ(LastWriteBy(Deployment(), "helm"), std::nullopt);
}

TEST(ConflictTest, ReadsFieldManagerAndTime) {
  const auto conflict =
      ParseConflict(".spec.template.spec.containers[name=\"web\"].image",
                    "conflict with \"kubectl-client-side-apply\" using apps/v1 at "
                    "2026-02-03T04:05:06Z",
                    Json());
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->path.ToString(), "spec.template.spec.containers[name=web].image");
  EXPECT_EQ(conflict->manager, "kubectl-client-side-apply");
  EXPECT_EQ(conflict->written, At("2026-02-03T04:05:06Z"));
}

TEST(ConflictTest, LooksTheTimeUp) {
  const Json live = Deployment();
  const auto of_field = ParseConflict(".spec.replicas",
                                      "conflict with \"kubectl\" with subresource \"scale\" using "
                                      "apps/v1",
                                      live);
  ASSERT_TRUE(of_field);
  EXPECT_EQ(of_field->subresource, "scale");
  EXPECT_EQ(of_field->written, At("2026-02-03T06:00:00Z"));
  // An Apply manager is printed without its version and time.
  const auto of_manager = ParseConflict(".spec.paused", "conflict with \"kubectl-edit\"", live);
  ASSERT_TRUE(of_manager);
  EXPECT_EQ(of_manager->written, At("2026-02-03T07:00:00Z"));
  const auto unknown = ParseConflict(".spec.paused", "conflict with \"helm\"", live);
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->written, std::nullopt);
}

TEST(ConflictTest, ReadsUnquotedKeysOfTheServer) {
  const auto conflict = ParseConflict(".spec.template.metadata.annotations.example.com/a.b",
                                      "conflict with \"x\"", Json());
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->path.LastMember(), "example.com/a.b");
  const auto port = ParseConflict(
      ".spec.template.spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"].name",
      "conflict with \"x y \\\"z\\\"\" using apps/v1", Json());
  ASSERT_TRUE(port);
  EXPECT_EQ(port->manager, "x y \"z\"");
}

TEST(ConflictTest, RefusesOtherTexts) {
  EXPECT_FALSE(ParseConflict("", "conflict with \"x\"", Json()));
  EXPECT_FALSE(ParseConflict(".spec[", "conflict with \"x\"", Json()));
  EXPECT_FALSE(ParseConflict(".spec", "field is immutable", Json()));
  EXPECT_FALSE(ParseConflict(".spec", "conflict with \"x", Json()));
  EXPECT_FALSE(ParseConflict(".spec", "conflict with x", Json()));
}

}  // namespace
}  // namespace delivery::kubernetes
