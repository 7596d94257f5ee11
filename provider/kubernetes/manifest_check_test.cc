#include "provider/kubernetes/manifest_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json Manifest() {
  const auto json = ParseJson(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
      "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"initContainers": [{"name": "init", "image": "i:1"}],
                 "containers": [{"name": "web", "image": "w:1",
                                 "env": [{"name": "A", "value": "1"}]}]}}}})");
  EXPECT_TRUE(json.ok()) << json.status();
  return *json;
}

Json& PodSpec(Json& manifest) { return manifest["spec"]["template"]["spec"]; }

std::vector<std::string> Paths(const std::vector<ManifestProblem>& problems) {
  std::vector<std::string> paths;
  for (const ManifestProblem& problem : problems) {
    EXPECT_FALSE(problem.problem.empty());
    EXPECT_FALSE(problem.remedy.empty());
    paths.push_back(problem.path.ToString());
  }
  return paths;
}

struct Change {
  std::string name;
  std::function<void(Json&)> change;
  std::vector<std::string> paths;
};

class ManifestCheckTest : public ::testing::TestWithParam<Change> {};

TEST_P(ManifestCheckTest, FindsIt) {
  Json manifest = Manifest();
  GetParam().change(manifest);
  EXPECT_THAT(Paths(CheckWorkloadManifest(manifest, {})), ElementsAreArray(GetParam().paths));
}

INSTANTIATE_TEST_SUITE_P(
    All, ManifestCheckTest,
    ::testing::Values(
        Change{"Good", [](Json&) {}, {}}, Change{"Text", [](Json& m) { m = "x"; }, {""}},
        Change{"Null", [](Json& m) { m = nullptr; }, {""}},
        Change{"Array",
               [](Json& m) {
                 m = Json::array({m, m});
               },
               {""}},
        Change{"List",
               [](Json& m) {
                 m = {{"kind", "List"}, {"items", {1, 2}}};
               },
               {""}},
        Change{"Empty",
               [](Json& m) { m = Json::object(); },
               {"kind", "apiVersion", "metadata", "spec"}},
        Change{"WrongKind",
               [](Json& m) {
                 m["kind"] = "CronJob";
                 m["apiVersion"] = "batch/v1";
               },
               {"kind"}},
        Change{
            "OldVersion", [](Json& m) { m["apiVersion"] = "extensions/v1beta1"; }, {"apiVersion"}},
        Change{"KindNotText", [](Json& m) { m["kind"] = 3; }, {"kind"}},
        Change{"NoName", [](Json& m) { m["metadata"].erase("name"); }, {"metadata.name"}},
        Change{"NullName", [](Json& m) { m["metadata"]["name"] = nullptr; }, {"metadata.name"}},
        Change{"BadNames",
               [](Json& m) {
                 m["metadata"]["name"] = "Web_1";
                 m["metadata"]["namespace"] = "a.b";
               },
               {"metadata.name", "metadata.namespace"}},
        Change{"GenerateName",
               [](Json& m) {
                 m["metadata"].erase("name");
                 m["metadata"]["generateName"] = "web-";
               },
               {"metadata.generateName"}},
        Change{"ServerFields",
               [](Json& m) {
                 m["metadata"]["managedFields"] = Json::array();
                 m["metadata"]["uid"] = "u";
                 m["metadata"]["resourceVersion"] = "1";
                 m["metadata"]["creationTimestamp"] = "2026-02-03T04:05:06Z";
                 m["metadata"]["generation"] = 1;
                 m["status"] = Json::object();
               },
               {"metadata.managedFields", "metadata.uid", "metadata.resourceVersion",
                "metadata.creationTimestamp", "metadata.generation", "status"}},
        Change{"NullIsAbsent",
               [](Json& m) {
                 m["metadata"]["creationTimestamp"] = nullptr;
                 m["metadata"]["generateName"] = nullptr;
                 m["metadata"]["namespace"] = nullptr;
                 m["status"] = nullptr;
               },
               {}},
        Change{"NoSelectorNoTemplate",
               [](Json& m) { m["spec"] = Json::object(); },
               {"spec.selector", "spec.template"}},
        Change{"EmptySelector",
               [](Json& m) { m["spec"]["selector"] = Json::object(); },
               {"spec.selector"}},
        Change{"Mismatch",
               [](Json& m) { m["spec"]["template"]["metadata"]["labels"]["app"] = "other"; },
               {"spec.template.metadata.labels"}},
        Change{"NoLabels",
               [](Json& m) { m["spec"]["template"].erase("metadata"); },
               {"spec.template.metadata.labels"}},
        Change{"LabelNotText",
               [](Json& m) { m["metadata"]["labels"]["version"] = 1.0; },
               {"metadata.labels.version"}},
        Change{"LongLabel",
               [](Json& m) { m["metadata"]["labels"]["x"] = std::string(64, 'a'); },
               {"metadata.labels.x"}},
        Change{"AnnotationNotText",
               [](Json& m) { m["metadata"]["annotations"]["a.b/c"] = true; },
               {"metadata.annotations[\"a.b/c\"]"}},
        Change{"NoPodSpec",
               [](Json& m) { m["spec"]["template"].erase("spec"); },
               {"spec.template.spec"}},
        Change{"NoContainers",
               [](Json& m) { PodSpec(m).erase("containers"); },
               {"spec.template.spec.containers"}},
        Change{"EmptyContainers",
               [](Json& m) { PodSpec(m)["containers"] = Json::array(); },
               {"spec.template.spec.containers"}},
        Change{"ContainerNotObject",
               [](Json& m) { PodSpec(m)["containers"][0] = "web"; },
               {"spec.template.spec.containers[0]"}},
        Change{"NoNameNoImage",
               [](Json& m) { PodSpec(m)["containers"][0] = Json::object(); },
               {"spec.template.spec.containers[0].name", "spec.template.spec.containers[0].image"}},
        Change{"EmptyImage",
               [](Json& m) { PodSpec(m)["containers"][0]["image"] = ""; },
               {"spec.template.spec.containers[0].image"}},
        Change{"DuplicateNames",
               [](Json& m) { PodSpec(m)["containers"][0]["name"] = "init"; },
               {"spec.template.spec.containers[0].name"}},
        Change{"RestartPolicy",
               [](Json& m) { PodSpec(m)["restartPolicy"] = "Never"; },
               {"spec.template.spec.restartPolicy"}},
        Change{"Env",
               [](Json& m) {
                 PodSpec(m)["containers"][0]["env"] =
                     *ParseJson(R"([{"name": "A", "value": 1}, {"name": "A"}, {"value": "x"}])");
               },
               {"spec.template.spec.containers[0].env[0].value",
                "spec.template.spec.containers[0].env[1].name",
                "spec.template.spec.containers[0].env[2].name"}}),
    [](const auto& test) { return test.param.name; });

TEST(ManifestCheckTest, NamesTheAlternativesOfAKind) {
  Json manifest = Manifest();
  manifest["kind"] = "Job";
  const auto problems = CheckWorkloadManifest(manifest, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].problem,
            "kind \"Job\" is not supported here; it must be Deployment, StatefulSet or DaemonSet.");
  ManifestCheckOptions options;
  options.allowed_kinds = {"Deployment"};
  options.other_kind_remedy = "Use delivery_rollout.";
  manifest["kind"] = "StatefulSet";
  const auto other = CheckWorkloadManifest(manifest, options);
  ASSERT_EQ(other.size(), 1U);
  EXPECT_THAT(other[0].problem, HasSubstr("must be Deployment."));
  EXPECT_EQ(other[0].remedy, "Use delivery_rollout.");
}

TEST(ManifestCheckTest, ImagesMayComeFromElsewhere) {
  Json manifest = Manifest();
  PodSpec(manifest)["containers"][0].erase("image");
  ManifestCheckOptions options;
  options.images_set_elsewhere = {"web"};
  EXPECT_THAT(CheckWorkloadManifest(manifest, options), IsEmpty());
}

TEST(ManifestCheckTest, UnknownValuesAreNotMissing) {
  const auto check = [](const std::function<void(Json&)>& change,
                        std::vector<std::string> unknown) {
    Json manifest = Manifest();
    change(manifest);
    ManifestCheckOptions options;
    for (const std::string& path : unknown) options.unknown.push_back(*FieldPath::Parse(path));
    return Paths(CheckWorkloadManifest(manifest, options));
  };
  EXPECT_THAT(check([](Json& m) { m = nullptr; }, {""}), IsEmpty());
  EXPECT_THAT(check([](Json& m) { m["metadata"].erase("name"); }, {"metadata.name"}), IsEmpty());
  EXPECT_THAT(check([](Json& m) { m.erase("metadata"); }, {"metadata"}), IsEmpty());
  EXPECT_THAT(check([](Json& m) { m.erase("spec"); }, {"spec"}), IsEmpty());
  EXPECT_THAT(check([](Json& m) { PodSpec(m)["containers"][0].erase("image"); },
                    {"spec.template.spec.containers[0].image"}),
              IsEmpty());
  EXPECT_THAT(check([](Json& m) { PodSpec(m)["containers"][0].erase("image"); },
                    {"spec.template.spec.containers[name=web].image"}),
              IsEmpty());
  EXPECT_THAT(check([](Json& m) { PodSpec(m)["containers"][0] = nullptr; },
                    {"spec.template.spec.containers[0]"}),
              IsEmpty());
  EXPECT_THAT(check([](Json& m) { m["spec"]["template"]["metadata"]["labels"].erase("app"); },
                    {"spec.template.metadata.labels.app"}),
              IsEmpty());
  EXPECT_THAT(check([](Json& m) { m["spec"]["selector"]["matchLabels"].erase("app"); },
                    {"spec.selector.matchLabels.app"}),
              IsEmpty());
  // Something else that is wrong is still found.
  EXPECT_THAT(check([](Json& m) { m["kind"] = "Job"; }, {"spec"}), ElementsAre("kind"));
}

TEST(DnsTest, LabelsAndSubdomains) {
  for (const char* good : {"a", "web", "web-1", "0a"}) EXPECT_TRUE(IsDnsLabel(good)) << good;
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a_b", "a b"}) {
    EXPECT_FALSE(IsDnsLabel(bad)) << bad;
  }
  EXPECT_TRUE(IsDnsLabel(std::string(63, 'a')));
  EXPECT_FALSE(IsDnsLabel(std::string(64, 'a')));
  for (const char* good : {"a.b", "web", "a-b.c"}) EXPECT_TRUE(IsDnsSubdomain(good)) << good;
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.-b", "A.b"}) {
    EXPECT_FALSE(IsDnsSubdomain(bad)) << bad;
  }
  EXPECT_FALSE(IsDnsSubdomain(std::string(254, 'a')));
}

}  // namespace
}  // namespace delivery::kubernetes
