#include "resources/workload_move.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::resources {
namespace {

using kubernetes::ObjectRef;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct MoveCase {
  std::string name;
  std::string type;
  const char* state;
  ObjectRef workload;
};
void PrintTo(const MoveCase& test, std::ostream* out) { *out << test.name; }
class WorkloadOfStateTest : public ::testing::TestWithParam<MoveCase> {};

TEST_P(WorkloadOfStateTest, NamesTheObject) {
  const auto ref = WorkloadOfState(GetParam().type, Json::parse(GetParam().state));
  ASSERT_TRUE(ref.ok()) << ref.status();
  EXPECT_EQ(*ref, GetParam().workload);
}

constexpr char kBlocks[] =
    R"({"id": "shop/web", "metadata": [{"name": "web", "namespace": "shop"}]})";
const ObjectRef kWeb = {"apps/v1", "Deployment", "shop", "web"};
const ObjectRef kDatabase = {"apps/v1", "StatefulSet", "shop", "web"};
const ObjectRef kAgent = {"apps/v1", "DaemonSet", "shop", "web"};

INSTANTIATE_TEST_SUITE_P(
    , WorkloadOfStateTest,
    ::testing::Values(
        MoveCase{"Deployment", "kubernetes_deployment", kBlocks, kWeb},
        MoveCase{"DeploymentV1", "kubernetes_deployment_v1", kBlocks, kWeb},
        MoveCase{"StatefulSet", "kubernetes_stateful_set", kBlocks, kDatabase},
        MoveCase{"StatefulSetV1", "kubernetes_stateful_set_v1", kBlocks, kDatabase},
        MoveCase{"DaemonSet", "kubernetes_daemonset", kBlocks, kAgent},
        MoveCase{"DaemonSetV1", "kubernetes_daemon_set_v1", kBlocks, kAgent},
        MoveCase{"NoNamespace",
                 "kubernetes_deployment_v1",
                 R"({"metadata": [{"name": "web"}]})",
                 {"apps/v1", "Deployment", "default", "web"}},
        MoveCase{"Manifest", "kubernetes_manifest",
                 R"({"manifest": {"type": ["object", {}], "value": {"apiVersion": "apps/v1",
                     "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}}})",
                 kWeb},
        MoveCase{"KubectlManifest", "kubectl_manifest",
                 R"({"api_version": "apps/v1", "kind": "StatefulSet", "name": "web",
                     "namespace": "shop", "yaml_body": "geheim"})",
                 kDatabase}),
    [](const auto& test) { return test.param.name; });

struct NoMoveCase {
  std::string name;
  std::string type;
  const char* state;
  std::string said;
};
void PrintTo(const NoMoveCase& test, std::ostream* out) { *out << test.name; }
class NoWorkloadOfStateTest : public ::testing::TestWithParam<NoMoveCase> {};

TEST_P(NoWorkloadOfStateTest, IsExplained) {
  const auto ref = WorkloadOfState(GetParam().type, Json::parse(GetParam().state));
  ASSERT_TRUE(absl::IsInvalidArgument(ref.status())) << ref.status();
  EXPECT_THAT(std::string(ref.status().message()),
              AllOf(HasSubstr(GetParam().type), HasSubstr(GetParam().said)));
}

INSTANTIATE_TEST_SUITE_P(
    , NoWorkloadOfStateTest,
    ::testing::Values(
        NoMoveCase{"AnotherType", "helm_release", "{}", "kubectl_manifest"},
        NoMoveCase{"AnotherKind", "kubectl_manifest",
                   R"({"api_version": "v1", "kind": "Service", "name": "web"})", "Service"},
        NoMoveCase{"AnotherGroup", "kubectl_manifest",
                   R"({"api_version": "example.com/v1", "kind": "Deployment", "name": "web"})",
                   "example.com/v1"},
        NoMoveCase{"NoName", "kubernetes_deployment_v1", R"({"metadata": [{}]})",
                   "names no object"},
        NoMoveCase{"NoMetadata", "kubernetes_deployment_v1", R"({"metadata": []})",
                   "names no object"},
        NoMoveCase{"MetadataOfAnotherForm", "kubernetes_deployment_v1", R"({"metadata": ["web"]})",
                   "names no object"},
        NoMoveCase{"NoObject", "kubernetes_manifest", "[]", "no workload"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::resources
