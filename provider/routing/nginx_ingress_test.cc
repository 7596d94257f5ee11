#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/backends_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(NginxIngressTest, TheCanaryHasItsPathsAndTheBehaviourOfTheStableOne) {
  const TrafficTarget target = TargetOf(NginxIngressBackend{"web", "web"});
  const auto made = MakeCanaryIngress(target, IngressObject(), {5, false});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(*made, Json::parse(R"({
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
    "metadata": {
      "name": "web-canary", "namespace": "shop",
      "labels": {"app.kubernetes.io/managed-by": "terraform-provider-delivery"},
      "annotations": {
        "nginx.ingress.kubernetes.io/rewrite-target": "/$1",
        "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-weight": "5"},
      "ownerReferences": [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "web",
                           "uid": "u1"}]},
    "spec": {
      "ingressClassName": "nginx", "tls": [{"hosts": ["shop.test"], "secretName": "shop-tls"}],
      "rules": [{"host": "shop.test", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web-canary",
         "port": {"name": "http"}}}}]}}]}})"));
  EXPECT_EQ(ReadCanaryIngress(*made), (Split{5, false}));
  EXPECT_TRUE(IsOurIngress(*made));
  EXPECT_TRUE(RoutesToCanary(target, *made));
}

TEST(NginxIngressTest, MatchIsAnnotations) {
  Match match;
  match.headers.push_back({"X-Canary", {.exact = "", .prefix = "a.b", .regex = ""}});
  match.cookies.push_back({"canary", "always"});
  const TrafficTarget target = TargetOf(NginxIngressBackend{"web", "web"}, match);
  Json made = *MakeCanaryIngress(target, IngressObject(), {0, true});
  const Json& annotations = made["metadata"]["annotations"];
  EXPECT_EQ(annotations["nginx.ingress.kubernetes.io/canary-weight"], "0");
  EXPECT_EQ(annotations["nginx.ingress.kubernetes.io/canary-by-header"], "X-Canary");
  EXPECT_EQ(annotations["nginx.ingress.kubernetes.io/canary-by-header-pattern"], "^a\\.b.*$");
  EXPECT_FALSE(annotations.contains("nginx.ingress.kubernetes.io/canary-by-header-value"));
  EXPECT_EQ(annotations["nginx.ingress.kubernetes.io/canary-by-cookie"], "canary");
  EXPECT_EQ(ReadCanaryIngress(made), (Split{0, true}));

  made["metadata"]["resourceVersion"] = "7";
  ObjectEdit edit(made);
  EditCanaryIngress(*MakeCanaryIngress(target, IngressObject(), {25, false}), edit);
  EXPECT_EQ(ReadCanaryIngress(Patched(made, edit)), (Split{25, false}));
  ObjectEdit silence(made);
  SilenceCanaryIngress(silence);
  EXPECT_EQ(ReadCanaryIngress(Patched(made, silence)), Split{});
}

TEST(NginxIngressTest, AnIngressThatIsNoCanaryAnyMoreGetsEverything) {
  const TrafficTarget target = TargetOf(NginxIngressBackend{"web", "web"});
  Json made = *MakeCanaryIngress(target, IngressObject(), {5, false});
  made["metadata"].erase("annotations");
  made["metadata"]["resourceVersion"] = "7";
  EXPECT_EQ(ReadCanaryIngress(made).weight, 100);
  ObjectEdit silence(made);
  SilenceCanaryIngress(silence);
  EXPECT_EQ(ReadCanaryIngress(Patched(made, silence)), Split{});
}

TEST(NginxIngressTest, WhatCannotBeSplitIsRefused) {
  const TrafficTarget elsewhere = TargetOf(NginxIngressBackend{"web", "nope"});
  EXPECT_THAT(std::string(CheckIngress(elsewhere, IngressObject()).message()),
              AllOf(HasSubstr("Ingress shop/web"), HasSubstr("none of its paths"),
                    HasSubstr("Service nope")));
  Json canary = IngressObject();
  canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary"] = "true";
  const TrafficTarget target = TargetOf(NginxIngressBackend{"web", "web"});
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckIngress(target, canary)));
}

TEST(NginxIngressTest, TheDefaultBackendCounts) {
  const TrafficTarget target = TargetOf(NginxIngressBackend{"web", "web"});
  Json ingress = IngressObject();
  ingress["spec"].erase("rules");
  ingress["spec"]["defaultBackend"] = {{"service", {{"name", "web"}, {"port", {{"number", 80}}}}}};
  const Json made = *MakeCanaryIngress(target, ingress, {5, false});
  EXPECT_EQ(made["spec"]["defaultBackend"]["service"]["name"], "web-canary");
  EXPECT_FALSE(made["spec"].contains("rules"));
  EXPECT_TRUE(RoutesToCanary(target, made));
}

}  // namespace
}  // namespace delivery::routing
