#include "provider/kubernetes/drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Json Parse(std::string_view text) {
  const auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status() << " in " << text;
  return json.ok() ? *json : Json();
}

FieldPath Path(std::string_view text) { return *FieldPath::Parse(text); }

Json Manifest() {
  return Parse(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"replicas": 3, "paused": false, "selector": {"matchLabels": {"app": "web"}},
      "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [
          {"name": "proxy", "image": "proxy:1"},
          {"name": "web", "image": "web:1", "args": ["--port", "80"],
           "env": [{"name": "MODE", "value": "a"}, {"name": "DB_PASSWORD", "value": "hunter2"}],
           "ports": [{"containerPort": 80}],
           "resources": {"limits": {"cpu": "1"}}}]}}}})");
}

// The server's answer to the apply of Manifest(): defaults, no `paused`.
Json Answer() {
  Json live = Manifest();
  live["metadata"]["uid"] = "u";
  live["metadata"]["resourceVersion"] = "1";
  live["metadata"]["generation"] = 1;
  live["spec"].erase("paused");
  live["spec"]["progressDeadlineSeconds"] = 600;
  Json& web = live["spec"]["template"]["spec"]["containers"][1];
  web["ports"][0]["protocol"] = "TCP";
  web["terminationMessagePath"] = "/dev/termination-log";
  live["status"] = {{"replicas", 3}};
  return live;
}

Json& WebContainer(Json& live) { return live["spec"]["template"]["spec"]["containers"][1]; }

std::vector<FieldChange> Drift(const Json& live, std::vector<FieldPath> ignore = {}) {
  DriftOptions options;
  options.ignore_fields = std::move(ignore);
  return FindDrift(ProjectNamedFields(Manifest(), Answer()), live, options);
}

std::vector<std::string> Paths(const std::vector<FieldChange>& changes) {
  std::vector<std::string> paths;
  for (const FieldChange& change : changes) paths.push_back(change.path.ToString());
  return paths;
}

const char kWeb[] = "spec.template.spec.containers[name=web]";

TEST(DriftTest, NoneAfterOurOwnWrite) { EXPECT_THAT(Drift(Answer()), IsEmpty()); }

TEST(DriftTest, NotDrift) {
  Json live = Answer();
  live["metadata"]["labels"]["other"] = "x";
  live["metadata"]["resourceVersion"] = "99";
  live["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026";
  live["status"]["replicas"] = 0;
  live["spec"]["minReadySeconds"] = 5;
  WebContainer(live)["resources"]["limits"]["cpu"] = "1000m";
  WebContainer(live)["resources"]["limits"]["memory"] = "1Gi";
  WebContainer(live)["env"] = Parse(R"([{"name": "INJECTED", "value": "1"},
      {"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "a"}])");
  Json& containers = live["spec"]["template"]["spec"]["containers"];
  containers = Json::array({Parse(R"({"name": "istio-proxy"})"), containers[1], containers[0]});
  EXPECT_THAT(Paths(Drift(live)), IsEmpty());
}

TEST(DriftTest, RestartedAtIsNotDriftEvenWhenRecorded) {
  const Json recorded = Parse(R"({"spec": {"template": {"metadata": {"annotations": {
      "kubectl.kubernetes.io/restartedAt": "a"}}}}})");
  Json live = recorded;
  live["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "b";
  EXPECT_THAT(FindDrift(recorded, live, {}), IsEmpty());
}

TEST(DriftTest, NamesEachField) {
  Json live = Answer();
  live["spec"]["replicas"] = 5;
  live["metadata"]["labels"]["app"] = "other";
  WebContainer(live)["image"] = "web:2";
  WebContainer(live)["args"] = Parse(R"(["--port"])");
  WebContainer(live)["env"][0]["value"] = "b";
  WebContainer(live)["ports"][0]["protocol"] = "UDP";
  const auto changes = Drift(live);
  EXPECT_THAT(Paths(changes),
              ElementsAre("metadata.labels.app", "spec.replicas", std::string(kWeb) + ".args",
                          std::string(kWeb) + ".env[name=MODE].value", std::string(kWeb) + ".image",
                          std::string(kWeb) + ".ports[containerPort=80,protocol=TCP]"));
  EXPECT_EQ(changes[1].recorded, Json(3));
  EXPECT_EQ(changes[1].live, Json(5));
  EXPECT_EQ(changes[3].live, Json("b"));
  EXPECT_EQ(changes[5].live, std::nullopt);
}

TEST(DriftTest, RemovedFieldsHaveNoAuthor) {
  Json live = Answer();
  WebContainer(live).erase("resources");
  WebContainer(live)["env"].erase(1);
  live["metadata"]["managedFields"] = Parse(R"([{"manager": "kubectl-edit",
      "time": "2026-02-03T04:05:06Z", "fieldsV1": {"f:spec": {"f:minReadySeconds": {}}}}])");
  const auto changes = Drift(live);
  EXPECT_THAT(Paths(changes), ElementsAre(std::string(kWeb) + ".env[name=DB_PASSWORD]",
                                          std::string(kWeb) + ".resources"));
  EXPECT_EQ(changes[0].manager, "");
  EXPECT_THAT(DescribeChange(changes[0]), EndsWith("-> removed, author unknown"));
  EXPECT_THAT(DescribeChange(changes[0]), Not(HasSubstr("hunter2")));
}

TEST(DriftTest, NamesTheAuthor) {
  Json live = Answer();
  live["spec"]["replicas"] = 5;
  WebContainer(live)["image"] = "web:2";
  WebContainer(live)["args"] = Parse(R"(["--port"])");
  live["metadata"]["managedFields"] = Parse(R"([
    {"manager": "terraform-provider-delivery", "operation": "Apply", "time": "2026-02-03T09:00:00Z",
     "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
       "k:{\"name\":\"web\"}": {"f:image": {}, "f:args": {}}}}}}}},
    {"manager": "kubectl", "operation": "Update", "subresource": "scale",
     "time": "2026-02-03T06:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "old", "operation": "Update", "time": "2026-02-03T05:00:00Z",
     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "kubectl-set", "operation": "Update", "time": "2026-02-03T07:00:00Z",
     "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {
       "k:{\"name\":\"web\"}": {"f:image": {}}}}}}}}])");
  const auto changes = Drift(live);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(DescribeChange(changes[0]), "spec.replicas: 3 -> 5, by kubectl (2026-02-03T06:00:00Z)");
  EXPECT_EQ(changes[1].manager, kFieldManager);  // somebody writes under our name
  EXPECT_EQ(
      DescribeChange(changes[2]),
      std::string(kWeb) + ".image: \"web:1\" -> \"web:2\", by kubectl-set (2026-02-03T07:00:00Z)");
}

TEST(DriftTest, NodeSelectorIsOneField) {
  const Json recorded = Parse(R"({"nodeSelector": {"a": "1"}})");
  EXPECT_THAT(Paths(FindDrift(recorded, Parse(R"({"nodeSelector": {"a": "1", "b": "2"}})"), {})),
              ElementsAre("nodeSelector"));
}

TEST(DriftTest, IgnoredFields) {
  Json live = Answer();
  live["spec"]["replicas"] = 5;
  WebContainer(live)["image"] = "web:2";
  WebContainer(live)["args"] = Parse(R"(["--port", "81"])");
  const auto paths = [&](const char* ignored) { return Paths(Drift(live, {Path(ignored)})); };
  const std::string args = std::string(kWeb) + ".args";
  const std::string image = std::string(kWeb) + ".image";
  EXPECT_THAT(paths("spec.replicas"), ElementsAre(args, image));
  EXPECT_THAT(paths(kWeb), ElementsAre("spec.replicas"));
  EXPECT_THAT(paths("spec.template.spec.containers[*].image"), ElementsAre("spec.replicas", args));
  EXPECT_THAT(paths("spec.template.spec.containers[name=proxy]"),
              ElementsAre("spec.replicas", args, image));
  // A position means the position in what the user wrote, and may lie inside an atomic list.
  EXPECT_THAT(paths("spec.template.spec.containers[1].args[1]"),
              ElementsAre("spec.replicas", image));
  EXPECT_THAT(paths("spec"), IsEmpty());
  EXPECT_THAT(paths(""), IsEmpty());
}

TEST(DriftTest, IgnoredPositionHoldsWhenTheLiveOrderDiffers) {
  Json live = Answer();
  Json& containers = live["spec"]["template"]["spec"]["containers"];
  containers = Json::array({containers[1], containers[0]});
  containers[0]["image"] = "web:2";
  EXPECT_THAT(Drift(live, {Path("spec.template.spec.containers[1].image")}), IsEmpty());
}

TEST(DriftTest, WithTheManifestFieldsTheServerDroppedCount) {
  const Json manifest = Manifest();
  const Json recorded = ProjectNamedFields(manifest, Answer());
  DriftOptions options;
  options.manifest = &manifest;
  EXPECT_THAT(FindDrift(recorded, Answer(), options), IsEmpty());
  Json live = Answer();
  live["spec"]["paused"] = true;
  live["metadata"]["managedFields"] = Parse(R"([{"manager": "kubectl-rollout",
      "time": "2026-02-03T04:05:06Z", "fieldsV1": {"f:spec": {"f:paused": {}}}}])");
  const auto changes = FindDrift(recorded, live, options);
  ASSERT_THAT(Paths(changes), ElementsAre("spec.paused"));
  EXPECT_EQ(DescribeChange(changes[0]),
            "spec.paused: (absent) -> true, by kubectl-rollout (2026-02-03T04:05:06Z)");
  options.ignore_fields = {Path("spec.paused")};
  EXPECT_THAT(FindDrift(recorded, live, options), IsEmpty());
  live["spec"]["paused"] = false;
  options.ignore_fields.clear();
  EXPECT_THAT(FindDrift(recorded, live, options), IsEmpty());
}

TEST(ApplyChangesTest, PutsTheLiveValuesIntoTheManifest) {
  Json live = Answer();
  live["spec"]["replicas"] = 5;
  WebContainer(live)["args"] = Parse(R"(["--port"])");
  WebContainer(live)["env"].erase(0);
  WebContainer(live).erase("resources");
  const Json changed = ApplyChangesToManifest(Manifest(), Drift(live));
  Json expected = Manifest();
  expected["spec"]["replicas"] = 5;
  WebContainer(expected)["args"] = Parse(R"(["--port"])");
  WebContainer(expected)["env"].erase(0);
  WebContainer(expected).erase("resources");
  EXPECT_EQ(changed, expected);
}

TEST(ApplyChangesTest, AddsOnlyWhereTheParentExists) {
  const Json manifest = Parse(R"({"spec": {}})");
  EXPECT_EQ(ApplyChangesToManifest(manifest, {{Path("spec.paused"), {}, Json(true), "", {}},
                                              {Path("other.x"), {}, Json(1), "", {}},
                                              {Path("gone"), Json(1), {}, "", {}}}),
            Parse(R"({"spec": {"paused": true}})"));
}

struct Display {
  const char* path;
  const char* value;
  const char* text;
};

class DisplayTest : public ::testing::TestWithParam<Display> {};

TEST_P(DisplayTest, HidesSecrets) {
  EXPECT_EQ(DisplayValue(Path(GetParam().path), Parse(GetParam().value)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    All, DisplayTest,
    ::testing::Values(
        Display{"spec.replicas", "3", "3"}, Display{"image", R"j("web:1")j", R"j("web:1")j"},
        Display{"spec.paused", "true", "true"},
        Display{"env[name=DB_PASSWORD].value", R"j("x")j", "(sensitive)"},
        Display{"env[name=API_KEY].value", R"j("x")j", "(sensitive)"},
        Display{"env[name=authToken].value", R"j("x")j", "(sensitive)"},
        Display{"env[name=MODE].value", R"j("x")j", R"j("x")j"},
        Display{"env[name=DB_PASSWORD].valueFrom.secretKeyRef.name", R"j("db")j", R"j("db")j"},
        Display{"env[name=DB_PASSWORD]", R"j({"name": "DB_PASSWORD", "value": "x"})j",
                R"j({"name":"DB_PASSWORD","value":"(sensitive)"})j"},
        Display{"env", R"j([{"name": "A", "value": "1"}, {"name": "TOKEN", "value": "x"}])j",
                R"j([{"name":"A","value":"1"},{"name":"TOKEN","value":"(sensitive)"}])j"},
        Display{"metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"]",
                R"j("{}")j", "(sensitive)"},
        Display{"metadata.annotations", R"j({"x/last-applied-y": "z"})j",
                R"j({"x/last-applied-y":"(sensitive)"})j"},
        Display{"data.x", R"j("x")j", "(sensitive)"},
        Display{"stringData", R"j({"a": "b"})j", "(sensitive)"},
        Display{"args", R"j(["--db-password=x", "--port=80", "--token", "abc", "run"])j",
                R"j(["--db-password=(sensitive)","--port=80","--token","(sensitive)","run"])j"},
        Display{"command", R"j(["sh", "-c", "A=1 TOKEN=abc run"])j",
                R"j(["sh","-c","A=1 TOKEN=(sensitive)"])j"},
        Display{"env[name=DB].value", R"j("postgres://u:p@db:5432/x")j",
                R"j("postgres://(sensitive)@db:5432/x")j"},
        Display{"env[name=DB].value", R"j("https://example.com/a@b:c")j",
                R"j("https://example.com/a@b:c")j"},
        Display{"httpHeaders", R"j([{"name": "Authorization", "value": "Bearer x"}])j",
                R"j([{"name":"Authorization","value":"(sensitive)"}])j"},
        Display{"csi.volumeAttributes", R"j({"password": "x", "share": "y"})j",
                R"j({"password":"(sensitive)","share":"y"})j"},
        Display{"csi.volumeAttributes.password", R"j("x")j", "(sensitive)"}));

TEST(DisplayTest, CutsLongValuesBetweenCharacters) {
  std::string euros;
  for (int i = 0; i < 100; ++i) euros += "\xe2\x82\xac";
  const std::string text = DisplayValue(Path("x"), Json(euros));
  EXPECT_LE(text.size(), 124U);
  EXPECT_THAT(text, EndsWith("\xe2\x82\xac..."));
}

}  // namespace
}  // namespace delivery::kubernetes
