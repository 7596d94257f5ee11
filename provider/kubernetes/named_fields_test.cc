#include "provider/kubernetes/named_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace delivery::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Json Parse(std::string_view text) {
  const auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status() << " in " << text;
  return json.ok() ? *json : Json();
}

FieldPath Path(std::string_view text) { return *FieldPath::Parse(text); }

std::vector<std::string> Texts(const std::vector<FieldPath>& paths) {
  std::vector<std::string> texts;
  for (const FieldPath& path : paths) texts.push_back(path.ToString());
  return texts;
}

struct Projection {
  const char* name;
  const char* manifest;
  const char* live;
  const char* projected;
};

class ProjectionTest : public ::testing::TestWithParam<Projection> {};

TEST_P(ProjectionTest, KeepsWhatTheManifestNames) {
  EXPECT_EQ(ProjectNamedFields(Parse(GetParam().manifest), Parse(GetParam().live)),
            Parse(GetParam().projected));
}

INSTANTIATE_TEST_SUITE_P(
    All, ProjectionTest,
    ::testing::Values(
        Projection{"Defaults", R"({"spec": {"replicas": 2}})",
                   R"({"spec": {"replicas": 2, "minReadySeconds": 0}, "status": {}})",
                   R"({"spec": {"replicas": 2}})"},
        Projection{"AbsentAndNull", R"({"a": 1, "b": null, "c": 2, "d": {"e": 1}})",
                   R"({"b": 3, "c": null})", "{}"},
        Projection{"EmptyObjectIsNamed", R"({"emptyDir": {}, "gone": {}})",
                   R"({"emptyDir": {"sizeLimit": "1Gi"}})", R"({"emptyDir": {}})"},
        Projection{"Labels", R"({"metadata": {"labels": {"app": "web"}}})",
                   R"({"metadata": {"labels": {"app": "web", "other": "x"}, "uid": "u"}})",
                   R"({"metadata": {"labels": {"app": "web"}}})"},
        Projection{"ContainersByNameInManifestOrder",
                   R"({"containers": [{"name": "b", "image": "1"}, {"name": "a", "image": "2"},
                                      {"name": "gone", "image": "3"}]})",
                   R"({"containers": [{"name": "sidecar", "image": "9"},
                                      {"name": "a", "image": "2", "tty": false},
                                      {"name": "b", "image": "5"}]})",
                   R"({"containers": [{"name": "b", "image": "5"}, {"name": "a", "image": "2"}]})"},
        Projection{
            "PortsWithDefaultProtocol",
            R"({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "x"}]}]})",
            R"({"containers": [{"name": "a", "ports": [
                        {"containerPort": 80, "protocol": "UDP", "name": "u"},
                        {"containerPort": 80, "protocol": "TCP", "name": "t"}]}]})",
            R"({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "t"}]}]})"},
        Projection{"ServicePorts", R"({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}})",
                   R"({"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8081,
                                           "nodePort": 30000}]}})",
                   R"({"spec": {"ports": [{"port": 80, "targetPort": 8081}]}})"},
        Projection{"AtomicListsWhole", R"({"args": ["a"], "tolerations": [{"key": "x"}]})",
                   R"({"args": ["b", "c"], "tolerations": [{"key": "x", "operator": "Exists"}]})",
                   R"({"args": ["b", "c"], "tolerations": [{"key": "x", "operator": "Exists"}]})"},
        Projection{"NodeSelectorWhole", R"({"nodeSelector": {"a": "1"}})",
                   R"({"nodeSelector": {"a": "1", "b": "2"}})",
                   R"({"nodeSelector": {"a": "1", "b": "2"}})"},
        Projection{"AnotherType", R"({"a": {"b": 1}, "containers": [{"name": "x"}]})",
                   R"({"a": "text", "containers": "none"})",
                   R"({"a": "text", "containers": "none"})"},
        Projection{"DuplicateKeysAreAtomic",
                   R"({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]})",
                   R"({"env": [{"name": "A", "value": "2"}, {"name": "B"}]})",
                   R"({"env": [{"name": "A", "value": "2"}, {"name": "B"}]})"},
        Projection{"MoreKeys",
                   R"({"volumeMounts": [{"mountPath": "/a", "name": "v"}],
                       "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1,
                                                      "whenUnsatisfiable": "DoNotSchedule"}],
                       "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["x"]}]})",
                   R"({"volumeMounts": [{"mountPath": "/b", "name": "v"},
                                        {"mountPath": "/a", "name": "v", "readOnly": true}],
                       "topologySpreadConstraints": [
                          {"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"},
                          {"topologyKey": "zone", "maxSkew": 3, "whenUnsatisfiable": "DoNotSchedule"}],
                       "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["x", "y"]}]})",
                   R"({"volumeMounts": [{"mountPath": "/a", "name": "v"}],
                       "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 3,
                                                      "whenUnsatisfiable": "DoNotSchedule"}],
                       "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["x", "y"]}]})"},
        Projection{"NotObjects", R"("text")", "[1]", "[1]"}),
    [](const auto& test) { return test.param.name; });

TEST(ProjectionTest, ProjectingTwiceChangesNothing) {
  const Json manifest = Parse(R"({"spec": {"containers": [{"name": "a", "ports": [
      {"containerPort": 1}], "env": [{"name": "X", "value": "1"}]}]}})");
  const Json live = Parse(R"({"spec": {"containers": [{"name": "a", "image": "i", "ports": [
      {"containerPort": 1, "protocol": "TCP"}], "env": [{"name": "X", "value": "2"}]}]}})");
  const Json once = ProjectNamedFields(manifest, live);
  EXPECT_EQ(ProjectNamedFields(once, live), once);
  EXPECT_EQ(ProjectNamedFields(live, live), live);
}

TEST(ConcretePathTest, TurnsKeysIntoPositions) {
  const Json manifest = Parse(R"({"spec": {"containers": [{"name": "a"},
      {"name": "web", "ports": [{"containerPort": 80}], "args": ["x", "y"]}]},
      "metadata": {"finalizers": ["f1", "f2"]}})");
  using Steps = ConcreteSteps;
  const std::string spec = "spec";
  const std::string containers = "containers";
  EXPECT_EQ(ConcretePath(manifest, Path("spec.containers[name=web]")),
            (Steps{spec, containers, size_t{1}}));
  EXPECT_EQ(ConcretePath(manifest,
                         Path("spec.containers[name=web].ports[containerPort=80,protocol=TCP]")),
            (Steps{spec, containers, size_t{1}, std::string("ports"), size_t{0}}));
  EXPECT_EQ(ConcretePath(manifest, Path("spec.containers[name=web].args[1]")),
            (Steps{spec, containers, size_t{1}, std::string("args"), size_t{1}}));
  EXPECT_EQ(ConcretePath(manifest, Path("metadata.finalizers[=f2]")),
            (Steps{std::string("metadata"), std::string("finalizers"), size_t{1}}));
  EXPECT_EQ(ConcretePath(manifest, FieldPath()), Steps{});
  for (const char* missing :
       {"spec.containers[name=db]", "spec.containers[2]", "spec.containers[name=web].image",
        "spec.containers.name", "spec[name=x]", "spec.containers[*]",
        "spec.containers[name=web].ports[containerPort=80,protocol=UDP]"}) {
    EXPECT_EQ(ConcretePath(manifest, Path(missing)), std::nullopt) << missing;
  }
  EXPECT_EQ(*FindField(manifest, Path("spec.containers[name=web].args[0]")), "x");
  EXPECT_EQ(FindField(manifest, Path("spec.containers[name=web].image")), nullptr);
}

TEST(CanonicalPathTest, ReplacesPositionsInAssociativeLists) {
  const Json manifest = Parse(R"({"containers": [{"name": "a", "args": ["x"]}]})");
  EXPECT_EQ(CanonicalPath(manifest, Path("containers[0].args[0]")).ToString(),
            "containers[name=a].args[0]");
  EXPECT_EQ(CanonicalPath(manifest, Path("containers[7].image")).ToString(), "containers[7].image");
  EXPECT_EQ(CanonicalPath(manifest, Path("x[0]")).ToString(), "x[0]");
}

TEST(WithoutFieldsTest, ErasesByEveryKindOfStep) {
  const Json object = Parse(R"({"spec": {"replicas": 1, "containers": [
      {"name": "a", "image": "1", "args": ["x", "y"]}, {"name": "b", "image": "2"}]},
      "metadata": {"finalizers": ["f", "g"], "annotations": {"a.b/c": "1", "d": "2"}}})");
  const auto without = [&](const char* pattern) {
    return DumpJson(WithoutFields(object, {Path(pattern)}));
  };
  EXPECT_EQ(GetArray(GetObject(Parse(without("spec.containers[name=a]")), "spec"), "containers"),
            Parse(R"([{"name": "b", "image": "2"}])"));
  EXPECT_EQ(GetObject(Parse(without("spec.containers[*].image")), "spec"),
            Parse(R"({"replicas": 1, "containers": [{"name": "a", "args": ["x", "y"]},
                                                    {"name": "b"}]})"));
  EXPECT_EQ(*FindField(Parse(without("spec.containers[name=a].args[0]")),
                       Path("spec.containers[name=a].args")),
            Parse(R"([null, "y"])"));
  EXPECT_EQ(*FindField(Parse(without("metadata.finalizers[=f]")), Path("metadata.finalizers")),
            Parse(R"(["g"])"));
  EXPECT_EQ(*FindField(Parse(without("metadata.annotations.a.b/c")), Path("metadata.annotations")),
            Parse(R"({"d": "2"})"));
  EXPECT_EQ(without("spec.none.x"), DumpJson(object));
  EXPECT_EQ(without("spec.replicas.x"), DumpJson(object));
  EXPECT_EQ(without(""), "{}");
  EXPECT_EQ(WithoutFields(object, {}), object);
}

struct Equality {
  const char* path;
  const char* a;
  const char* b;
  bool equal;
};

class SemanticEqualityTest : public ::testing::TestWithParam<Equality> {};

TEST_P(SemanticEqualityTest, ComparesLikeKubernetes) {
  const FieldPath at = Path(GetParam().path);
  EXPECT_EQ(SemanticallyEqual(at, Parse(GetParam().a), Parse(GetParam().b)), GetParam().equal);
  EXPECT_EQ(SemanticallyEqual(at, Parse(GetParam().b), Parse(GetParam().a)), GetParam().equal);
}

INSTANTIATE_TEST_SUITE_P(
    All, SemanticEqualityTest,
    ::testing::Values(
        Equality{"resources.limits.cpu", R"("1")", R"("1000m")", true},
        Equality{"resources.limits.cpu", "1", R"("1000m")", true},
        Equality{"resources.limits.cpu", "0.5", R"("500m")", true},
        Equality{"resources", R"({"requests": {"memory": "1Gi"}})",
                 R"({"requests": {"memory": "1024Mi"}})", true},
        Equality{"resources", R"({"requests": {"memory": "1Gi"}})",
                 R"({"requests": {"memory": "1G"}})", false},
        Equality{"emptyDir.sizeLimit", R"("1Gi")", R"("1024Mi")", true},
        Equality{"env.value", R"("1")", R"("1000m")", false},
        Equality{"env.value", R"("1")", "1", false}, Equality{"spec.replicas", "1", "1.0", true},
        Equality{"spec.replicas", "1", "2", false}, Equality{"spec", R"({"a": null})", "{}", true},
        Equality{"spec", R"({"a": 1})", "{}", false},
        Equality{"env", R"([{"name": "A"}, {"name": "B"}])", R"([{"name": "B"}, {"name": "A"}])",
                 true},
        Equality{"env", R"([{"name": "A"}])", R"([{"name": "B"}])", false},
        Equality{"args", R"(["a", "b"])", R"(["b", "a"])", false},
        Equality{"volumeClaimTemplates",
                 R"([{"spec": {"resources": {"requests": {"storage": "1Gi"}}}}])",
                 R"([{"spec": {"resources": {"requests": {"storage": "1024Mi"}}}}])", true},
        Equality{"a", "{}", "[]", false}, Equality{"a", "true", R"("true")", false}));

TEST(ChangedFieldsTest, NamesEachDifference) {
  const Json before = Parse(R"({"spec": {"replicas": 1, "paused": true, "containers": [
      {"name": "a", "image": "1", "resources": {"limits": {"cpu": "1"}}}, {"name": "b"}],
      "args": ["x"]}})");
  const Json after = Parse(R"({"spec": {"replicas": 2, "minReadySeconds": 3, "containers": [
      {"name": "c"}, {"name": "a", "image": "2", "resources": {"limits": {"cpu": "1000m"}}}],
      "args": ["x", "y"]}})");
  EXPECT_THAT(Texts(ChangedFields(before, after)),
              ElementsAre("spec.args", "spec.containers[name=a].image", "spec.containers[name=b]",
                          "spec.containers[name=c]", "spec.minReadySeconds", "spec.paused",
                          "spec.replicas"));
  EXPECT_THAT(ChangedFields(before, before), IsEmpty());
}

}  // namespace
}  // namespace delivery::kubernetes
