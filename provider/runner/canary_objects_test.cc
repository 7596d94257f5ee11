#include "provider/runner/canary_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "provider/kubernetes/object.h"

namespace delivery::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json Parsed(const std::string& text) {
  absl::StatusOr<Json> json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status() << "\n" << text;
  return json.value_or(Json());
}

// Deployment shop/web whose pods have `labels` and are selected by `selector`.
Json Workload(const std::string& selector, const std::string& labels) {
  return Parsed(R"({"apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": "web", "namespace": "shop"},
                    "spec": {"replicas": 4, "selector": )" +
                selector + R"(, "template": {"metadata": {"labels": )" + labels +
                R"(}, "spec": {"containers": [{"name": "web", "image": "web:2"}]}}}})");
}

Json ServiceWith(const std::string& selector) {
  return Parsed(R"({"apiVersion": "v1", "kind": "Service",
                    "metadata": {"name": "front", "namespace": "shop"},
                    "spec": {"selector": )" +
                selector + R"(, "ports": [{"port": 80, "targetPort": 8080}]}})");
}

CanaryNamingInput Input(Json workload, Json service) {
  return {.workload = std::move(workload), .service = std::move(service), .service_name = "front"};
}

CanaryNaming Name(const CanaryNamingInput& input) {
  const absl::StatusOr<CanaryNaming> naming = NameCanary(input);
  EXPECT_TRUE(naming.ok()) << naming.status();
  return naming.value_or(CanaryNaming());
}

std::string WhyNot(const CanaryNamingInput& input) {
  const absl::StatusOr<CanaryNaming> naming = NameCanary(input);
  EXPECT_TRUE(absl::IsInvalidArgument(naming.status())) << naming.status();
  return std::string(naming.status().message());
}

struct Choice {
  const char* name;
  const char* match;   // the Deployment's selector
  const char* labels;  // of the pods
  const char* service;
  bool shares = false;
  const char* key;
  const char* stable;
  const char* canary;
};

class ChoiceTest : public ::testing::TestWithParam<Choice> {};

TEST_P(ChoiceTest, OneLabelTellsThemApart) {
  const Choice& choice = GetParam();
  CanaryNamingInput input =
      Input(Workload(choice.match, choice.labels), ServiceWith(choice.service));
  input.shares_service = choice.shares;
  const CanaryNaming naming = Name(input);
  EXPECT_EQ(naming.label_key, choice.key);
  EXPECT_EQ(naming.stable_value, choice.stable);
  EXPECT_EQ(naming.canary_value, choice.canary);
  EXPECT_EQ(naming.deployment, "web-canary");
  EXPECT_EQ(naming.service, choice.shares ? "" : "front-canary");

  const Json canary = CanaryDeployment(input.workload, naming, {}, 1, "uid-1");
  const auto labels = kubernetes::TemplateLabelsOf(canary);
  EXPECT_TRUE(kubernetes::SelectorMatches(canary["spec"]["selector"], labels));
  EXPECT_EQ(kubernetes::ServiceSelects(input.service, labels), choice.shares);
  const auto stable = kubernetes::TemplateLabelsOf(input.workload);
  EXPECT_FALSE(kubernetes::SelectorMatches(canary["spec"]["selector"], stable));
  if (!choice.shares) {
    EXPECT_FALSE(kubernetes::SelectorMatches(input.workload["spec"]["selector"], labels));
    const Json service = CanaryService(input.service, naming, {}, "uid-1");
    EXPECT_TRUE(kubernetes::ServiceSelects(service, labels));
    EXPECT_FALSE(kubernetes::ServiceSelects(service, stable));
  }
}

INSTANTIATE_TEST_SUITE_P(
    CanaryNaming, ChoiceTest,
    ::testing::Values(
        Choice{"OnlyKey", R"({"matchLabels": {"app": "web"}})", R"({"app": "web"})",
               R"({"app": "web"})", false, "app", "web", "web-canary"},
        Choice{"LexicallyFirst", R"({"matchLabels": {"tier": "a", "app": "web", "b": "c"}})",
               R"({"tier": "a", "app": "web", "b": "c"})", R"({"tier": "a", "b": "c"})", false, "b",
               "c", "c-canary"},
        Choice{"Track", R"({"matchLabels": {"app": "web", "track": "stable"}})",
               R"({"app": "web", "track": "stable"})", R"({"app": "web", "track": "stable"})",
               false, "track", "stable", "canary"},
        Choice{"TrackInOneSelectorOnly", R"({"matchLabels": {"app": "web", "track": "stable"}})",
               R"({"app": "web", "track": "stable"})", R"({"app": "web"})", false, "app", "web",
               "web-canary"},
        Choice{"TrackIsTheCanarysAlready", R"({"matchLabels": {"track": "canary"}})",
               R"({"track": "canary"})", R"({"track": "canary"})", false, "track", "canary",
               "canary-canary"},
        Choice{"MatchExpression",
               R"({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]})",
               R"({"app": "web"})", R"({"app": "web"})", false, "app", "web", "web-canary"},
        Choice{"ExpressionThatAlsoAllowsTheCanary",
               R"({"matchLabels": {"tier": "a"}, "matchExpressions":
                   [{"key": "app", "operator": "In", "values": ["web", "web-canary"]}]})",
               R"({"app": "web", "tier": "a"})", R"({"app": "web", "tier": "a"})", false, "tier",
               "a", "a-canary"},
        Choice{"SharedServiceLeavesAKey", R"({"matchLabels": {"app": "web", "part": "front"}})",
               R"({"app": "web", "part": "front"})", R"({"app": "web"})", true, "part", "front",
               "front-canary"},
        Choice{"SharedServiceLeavesNoKey", R"({"matchLabels": {"app": "web"}})",
               R"({"app": "web"})", R"({"app": "web"})", true, "track", "", "canary"}),
    [](const auto& test) { return std::string(test.param.name); });

Json PlainWorkload() { return Workload(R"({"matchLabels": {"app": "web"}})", R"({"app": "web"})"); }

TEST(NameCanaryTest, ServiceOfOtherPodsIsRefused) {
  EXPECT_THAT(
      WhyNot(Input(PlainWorkload(), ServiceWith(R"({"app": "shop"})"))),
      AllOf(HasSubstr("Service front selects app=shop"), HasSubstr("Deployment shop/web are not")));
}

TEST(NameCanaryTest, ServiceWithoutASelectorIsRefused) {
  EXPECT_THAT(WhyNot(Input(PlainWorkload(), ServiceWith("{}"))),
              HasSubstr("Service front has no selector"));
}

TEST(NameCanaryTest, NoKeyInCommonIsRefused) {
  const Json workload =
      Workload(R"({"matchLabels": {"app": "web"}})", R"({"app": "web", "tier": "a"})");
  EXPECT_THAT(
      WhyNot(Input(workload, ServiceWith(R"({"tier": "a"})"))),
      AllOf(HasSubstr("both the Deployment and Service front"), HasSubstr("canary_labels")));
}

TEST(NameCanaryTest, ValuesThatWouldBeTooLongAreRefused) {
  const std::string longest(56, 'x');
  const std::string labels = R"({"app": ")" + longest + R"("})";
  CanaryNamingInput input =
      Input(Workload(R"({"matchLabels": )" + labels + "}", labels), ServiceWith(labels));
  EXPECT_EQ(Name(input).canary_value.size(), 63);
  const std::string longer = R"({"app": "y)" + longest + R"("})";
  input.workload = Workload(R"({"matchLabels": )" + longer + "}", longer);
  input.service = ServiceWith(longer);
  EXPECT_THAT(WhyNot(input), AllOf(HasSubstr("The label app"), HasSubstr("64 characters"),
                                   HasSubstr("canary_labels")));
  input.canary_labels = {{"app", "short"}};
  EXPECT_EQ(Name(input).canary_value, "short");
  input.service_name = std::string(57, 's');
  EXPECT_THAT(WhyNot(input), HasSubstr("The Service's name"));
}

TEST(NameCanaryTest, OverrideDecides) {
  CanaryNamingInput input = Input(PlainWorkload(), ServiceWith(R"({"app": "web"})"));
  input.canary_labels = {{"app", "new-web"}, {"extra", "1"}};
  const CanaryNaming naming = Name(input);
  EXPECT_EQ(naming.label_key, "app");
  EXPECT_EQ(naming.canary_value, "new-web");
  const Json canary = CanaryDeployment(input.workload, naming, input.canary_labels, 1, "uid-1");
  EXPECT_EQ(canary["spec"]["template"]["metadata"]["labels"],
            Json({{"app", "new-web"}, {"extra", "1"}}));
  EXPECT_EQ(canary["spec"]["selector"]["matchLabels"], Json({{"app", "new-web"}, {"extra", "1"}}));
}

TEST(NameCanaryTest, OverrideThatLeavesTheCanaryToStableIsRefused) {
  CanaryNamingInput input = Input(PlainWorkload(), ServiceWith(R"({"app": "web"})"));
  input.canary_labels = {{"track", "canary"}};
  EXPECT_THAT(WhyNot(input), HasSubstr("still selected by Service front"));
  input.canary_labels = {{"app", "web"}};
  EXPECT_THAT(WhyNot(input), HasSubstr("does not distinguish"));
  // Without the Service it is the Deployment that would count them.
  input.service = ServiceWith(R"({"tier": "a"})");
  input.workload = Workload(R"({"matchLabels": {"app": "web"}})", R"({"app": "web", "tier": "a"})");
  input.canary_labels = {{"tier", "b"}};
  EXPECT_THAT(WhyNot(input), HasSubstr("still selected by Deployment shop/web"));
}

TEST(NameCanaryTest, OverrideMustNotTakeTheCanaryOutOfASharedService) {
  CanaryNamingInput input = Input(PlainWorkload(), ServiceWith(R"({"app": "web"})"));
  input.shares_service = true;
  input.canary_labels = {{"app", "new-web"}};
  EXPECT_THAT(WhyNot(input), HasSubstr("Service front does not select the canary's pods"));
}

class CanaryObjectsTest : public ::testing::Test {
 protected:
  const CanaryNaming naming_ = {.stable = "web",
                                .deployment = "web-canary",
                                .service = "front-canary",
                                .label_key = "app",
                                .stable_value = "web",
                                .canary_value = "web-canary"};
};

TEST_F(CanaryObjectsTest, DeploymentHasAnotherNameSizeAndOwner) {
  Json workload = PlainWorkload();
  workload["spec"]["paused"] = true;
  workload["spec"]["progressDeadlineSeconds"] = 60;
  workload["status"] = {{"replicas", 4}};
  workload["metadata"].update(
      {{"uid", "uid-1"}, {"resourceVersion", "5"}, {"generation", 3}, {"finalizers", {"a/b"}}});
  const Json canary = CanaryDeployment(workload, naming_, {}, 2, "uid-1");
  EXPECT_EQ(canary["metadata"], Parsed(R"({"name": "web-canary", "namespace": "shop",
                       "labels": {"app.kubernetes.io/managed-by": "terraform-provider-delivery"},
                       "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment",
                                            "name": "web", "uid": "uid-1"}]})"));
  EXPECT_EQ(canary["spec"]["replicas"], 2);
  EXPECT_FALSE(canary["spec"].contains("paused"));
  EXPECT_EQ(canary["spec"]["progressDeadlineSeconds"], 60);
  EXPECT_FALSE(canary.contains("status"));
  EXPECT_EQ(canary["spec"]["template"]["spec"], workload["spec"]["template"]["spec"]);
}

TEST_F(CanaryObjectsTest, OtherToolsDoNotFindTheCanary) {
  Json workload = PlainWorkload();
  workload["metadata"]["labels"] = {{"app.kubernetes.io/instance", "shop"},
                                    {"app.kubernetes.io/managed-by", "Helm"},
                                    {"helm.sh/chart", "web-1"},
                                    {"kustomize.toolkit.fluxcd.io/name", "shop"},
                                    {"app", "web"},
                                    {"team", "a"}};
  workload["metadata"]["annotations"] = {{"argocd.argoproj.io/tracking-id", "x"},
                                         {"meta.helm.sh/release-name", "x"},
                                         {"kubectl.kubernetes.io/last-applied-configuration", "{}"},
                                         {"note", "kept"}};
  const Json canary = CanaryDeployment(workload, naming_, {}, 1, "uid-1");
  EXPECT_EQ(canary["metadata"]["labels"],
            Json({{"app.kubernetes.io/managed-by", "terraform-provider-delivery"},
                  {"app", "web-canary"},
                  {"team", "a"}}));
  EXPECT_EQ(canary["metadata"]["annotations"], Json({{"note", "kept"}}));
}

// Argo CD and Helm charts name the release in the pods' labels too: those belong to no tool.
TEST_F(CanaryObjectsTest, LabelsOfPodsAreKeptButForOne) {
  const std::string labels = R"({"app": "web", "app.kubernetes.io/instance": "shop"})";
  const Json canary = CanaryDeployment(Workload(R"({"matchLabels": )" + labels + "}", labels),
                                       naming_, {}, 1, "uid-1");
  EXPECT_EQ(canary["spec"]["template"]["metadata"]["labels"],
            Json({{"app", "web-canary"}, {"app.kubernetes.io/instance", "shop"}}));
}

TEST_F(CanaryObjectsTest, RulesOfPlacementAboutItselfFollowTheCanary) {
  Json workload = PlainWorkload();
  workload["spec"]["template"]["spec"].update(Parsed(R"({
      "topologySpreadConstraints": [
        {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}],
      "affinity": {
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
          {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "redis"}}}]},
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
          {"weight": 1, "podAffinityTerm": {"topologyKey": "host", "labelSelector":
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}}}]}
      }})"));
  const Json spec = CanaryDeployment(workload, naming_, {}, 1, "uid-1")["spec"]["template"]["spec"];
  EXPECT_EQ(spec["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["app"],
            "web-canary");
  const Json& affinity = spec["affinity"];
  EXPECT_EQ(affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
                    ["labelSelector"]["matchLabels"]["app"],
            "redis");
  EXPECT_EQ(affinity["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]
                    ["podAffinityTerm"]["labelSelector"]["matchExpressions"][0]["values"],
            Json({"web-canary", "db"}));
}

TEST_F(CanaryObjectsTest, ServiceIsACopyThatStaysInsideTheCluster) {
  const Json live = Parsed(R"({"apiVersion": "v1", "kind": "Service",
      "metadata": {"name": "front", "namespace": "shop", "uid": "s-1",
        "labels": {"app": "web", "helm.sh/chart": "web-1"},
        "annotations": {"external-dns.alpha.kubernetes.io/hostname": "shop.example",
                        "traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}},
      "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
        "selector": {"app": "web", "tier": "a"}, "sessionAffinity": "None",
        "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack",
        "externalIPs": ["1.2.3.4"], "loadBalancerClass": "x", "healthCheckNodePort": 30001,
        "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Cluster",
        "ports": [{"name": "http", "port": 80, "targetPort": "web", "nodePort": 30000,
                   "protocol": "TCP", "appProtocol": "h2c"}]},
      "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}})");
  EXPECT_EQ(CanaryService(live, naming_, {}, "uid-1"), Parsed(R"({"apiVersion": "v1",
      "kind": "Service",
      "metadata": {"name": "front-canary", "namespace": "shop",
        "labels": {"app": "web", "app.kubernetes.io/managed-by": "terraform-provider-delivery"},
        "annotations": {"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
                             "uid": "uid-1"}]},
      "spec": {"type": "ClusterIP", "selector": {"app": "web-canary", "tier": "a"},
        "sessionAffinity": "None", "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "PreferDualStack", "internalTrafficPolicy": "Cluster",
        "ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP",
                   "appProtocol": "h2c"}]}})"));
}

TEST_F(CanaryObjectsTest, HeadlessServiceStaysHeadless) {
  Json live = ServiceWith(R"({"app": "web"})");
  live["spec"]["clusterIP"] = "None";
  EXPECT_EQ(CanaryService(live, naming_, {}, "uid-1")["spec"]["clusterIP"], "None");
  live["spec"]["clusterIP"] = "10.0.0.1";
  EXPECT_FALSE(CanaryService(live, naming_, {}, "uid-1")["spec"].contains("clusterIP"));
}

TEST(SelectsTest, EveryLabelAndNotWithoutAny) {
  EXPECT_TRUE(Selects({{"a", "1"}}, {{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(Selects({{"a", "1"}, {"b", "3"}}, {{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(Selects({}, {{"a", "1"}}));
}

}  // namespace
}  // namespace delivery::runner
