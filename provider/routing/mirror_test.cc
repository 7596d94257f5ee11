// Mirrors of every router, on the cluster in memory: what is written, and that nothing is left.
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/router_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RouteCase Mirrored(RouteCase test) {
  test.target.match = {};
  test.target.mirror = 20;
  test.target.noun = "mirror";
  test.target.canary_service = "web-mirror";
  test.target.canary_label_value = "mirror";
  test.target.service_ports = {{"http", 8080}};
  return test;
}

RouteCase TraefikCase(const std::string& name, const std::string& spec) {
  return Mirrored({name,
                   TargetOf(TraefikBackend{"web", "web"}),
                   {MakeObject("traefik.io/v1alpha1", "TraefikService", "web", spec)}});
}

constexpr char kWeighted[] = R"({"weighted": {"sticky": {"cookie": {"name": "s"}}, "services": [
  {"name": "web", "kind": "Service", "port": 80, "serversTransport": "t", "weight": 3}]}})";
constexpr char kMirroring[] = R"({"mirroring": {"name": "web", "port": 80, "maxBodySize": 7}})";
constexpr char kIngress[] = R"({"ingressClassName": "nginx", "rules": [{"http": {"paths": [
  {"path": "/", "pathType": "Prefix",
   "backend": {"service": {"name": "web", "port": {"name": "http"}}}}]}}]})";

RouteCase IngressCase() {
  RouteCase test = Mirrored({"Ingress",
                             TargetOf(NginxIngressBackend{"web", "web"}),
                             {MakeObject("networking.k8s.io/v1", "Ingress", "web", kIngress)}});
  test.target.mirror = 100;
  return test;
}

std::vector<RouteCase> MirrorCases() {
  std::vector<RouteCase> cases;
  for (const char* name : {"PlainRoute", "CrowdedRoute", "NamedRule", "GrpcRoute", "VirtualService",
                           "NamedHttpRoutes"}) {
    cases.push_back(Mirrored(RouteCaseOf(name)));
  }
  cases.push_back(TraefikCase("TraefikWeighted", kWeighted));
  cases.push_back(TraefikCase("TraefikMirroring", kMirroring));
  cases.push_back(TraefikCase("TraefikMirroringNothing",
                              R"({"mirroring": {"name": "web", "port": 80, "mirrors": []}})"));
  cases.push_back(IngressCase());
  return cases;
}

class MirrorTest : public RouterFixture, public ::testing::WithParamInterface<RouteCase> {
 protected:
  MirrorTest() : router_(MakeTrafficRouter(*api_, GetParam().target)) {
    for (const Json& object : GetParam().objects) {
      EXPECT_TRUE(Apply(Manifest(object)).ok());
      refs_.push_back(kubernetes::RefOf(object));
    }
  }
  std::vector<Json> All() const {
    std::vector<Json> all;
    for (const auto& ref : refs_) all.push_back(Content(Live(ref)));
    return all;
  }
  Split Wanted() const { return {.mirror = GetParam().target.mirror}; }

  const std::unique_ptr<TrafficRouter> router_;
  std::vector<kubernetes::ObjectRef> refs_;
};
INSTANTIATE_TEST_SUITE_P(All, MirrorTest, ::testing::ValuesIn(MirrorCases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(MirrorTest, LeavesEverythingAsItWasWithItsOwners) {
  const std::vector<Json> before = All();
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(All(), before) << "a rehearsal writes nothing";
  clock_.Advance(absl::Minutes(1));
  const absl::Status set = router_->Set(*record, Wanted(), NoStop());
  ASSERT_TRUE(set.ok()) << set;
  EXPECT_NE(All(), before);
  EXPECT_EQ(router_->Look(*record, Wanted()).split, Wanted());
  const auto inspected = router_->Inspect(*record, Wanted(), NoStop());
  ASSERT_TRUE(inspected.ok()) << inspected.status();
  EXPECT_EQ(inspected->foreign, std::nullopt);
  const absl::Status silenced = router_->Set(*record, Split{}, NoStop());
  ASSERT_TRUE(silenced.ok()) << silenced;
  EXPECT_EQ(router_->Look(*record, Split{}).split, Split{});
  ASSERT_TRUE(router_->Restore(*record, NoStop()).ok());
  EXPECT_EQ(All(), before);
  for (const Json& object : GetParam().objects) {
    const absl::Status applied = Apply(Manifest(object));
    EXPECT_TRUE(applied.ok()) << applied;
  }
}

TEST_P(MirrorTest, IsIdempotentAndTakenBackFromAnywhere) {
  const std::vector<Json> before = All();
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_TRUE(router_->Restore(*record, NoStop()).ok()) << "before the first write";
  EXPECT_EQ(All(), before);
  ASSERT_TRUE(router_->Set(*record, Wanted(), NoStop()).ok());
  kube_->ForgetRequests();
  ASSERT_TRUE(router_->Set(*record, Wanted(), NoStop()).ok());
  EXPECT_THAT(kube_->writes(), IsEmpty());
  // Another process, without a silence in between.
  const auto other = MakeTrafficRouter(*api_, GetParam().target);
  ASSERT_TRUE(other->Restore(*record, NoStop()).ok());
  EXPECT_EQ(All(), before);
  kube_->ForgetRequests();
  ASSERT_TRUE(other->Restore(*record, NoStop()).ok());
  EXPECT_THAT(kube_->writes(), IsEmpty());
}

TEST_P(MirrorTest, WhatMirrorsAlreadyIsRefused) {
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_TRUE(router_->Set(*record, Wanted(), NoStop()).ok());
  EXPECT_EQ(MakeTrafficRouter(*api_, GetParam().target)->Record(NoStop()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(MirrorTest, AnotherWriterIsNamed) {
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_TRUE(router_->Set(*record, Wanted(), NoStop()).ok());
  clock_.Advance(absl::Minutes(1));
  // The owner applies what it has, by force.
  const Json& owned = GetParam().objects.back();
  kube_->Change(
      kubernetes::RefOf(owned),
      [&](Json& live) {
        live["spec"] = owned["spec"];
        live["metadata"]["annotations"] = owned["metadata"]["annotations"];
      },
      "gitops");
  const auto inspected = router_->Inspect(*record, Wanted(), NoStop());
  ASSERT_TRUE(inspected.ok()) << inspected.status();
  ASSERT_TRUE(inspected->foreign.has_value());
  EXPECT_THAT(*inspected->foreign, HasSubstr("web"));
  ASSERT_TRUE(router_->Restore(*record, NoStop()).ok());
}

class MirrorRefusedTest : public RouterFixture {
 protected:
  absl::Status Refusal(const RouteCase& test) {
    for (const Json& object : test.objects) EXPECT_TRUE(Apply(Manifest(object)).ok());
    return MakeTrafficRouter(*api_, test.target)->Record(NoStop()).status();
  }
};

TEST_F(MirrorRefusedTest, WhatCannotBeMirrored) {
  EXPECT_THAT(std::string(Refusal(TraefikCase("", R"({"weighted": {"services": [
                  {"name": "web", "port": 80}, {"name": "other", "port": 80}]}})"))
                              .message()),
              HasSubstr("leave that one alone"));
  EXPECT_THAT(std::string(Refusal(TraefikCase("", R"({"mirroring": {"name": "web", "port": 80,
                  "mirrors": [{"name": "other", "port": 80}]}})"))
                              .message()),
              HasSubstr("mirrors its requests already"));
  RouteCase split = Mirrored(RouteCaseOf("PlainRoute"));
  split.objects[0]["spec"]["rules"][0]["backendRefs"].push_back(
      {{"name", "web-canary"}, {"port", 80}, {"weight", 10}});
  EXPECT_THAT(std::string(Refusal(split).message()), HasSubstr("splits the traffic"));
}

TEST_F(MirrorRefusedTest, AClassThatCannotMirrorIsNeverAsked) {
  kube_->AddType({"gateway.networking.k8s.io", "v1", "Gateway", "gateways"});
  kube_->AddType({"gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", false});
  kube_->Put({{"apiVersion", "gateway.networking.k8s.io/v1"},
              {"kind", "Gateway"},
              {"metadata", {{"name", "edge"}, {"namespace", "shop"}}},
              {"spec", {{"gatewayClassName", "traefik"}}}});
  kube_->Put({{"apiVersion", "gateway.networking.k8s.io/v1"},
              {"kind", "GatewayClass"},
              {"metadata", {{"name", "traefik"}}},
              {"status", {{"supportedFeatures", Json::array({{{"name", "HTTPRoute"}}})}}}});
  EXPECT_THAT(std::string(Refusal(Mirrored(RouteCaseOf("PlainRoute"))).message()),
              AllOf(HasSubstr("GatewayClass traefik"),
                    HasSubstr("does not support HTTPRouteRequestPercentageMirror")));
}

TEST(ValidateMirrorTest, SaysWhatARouterCannotDo) {
  EXPECT_FALSE(ValidateMirror(ReplicasBackend{"web"}, 100).ok());
  EXPECT_FALSE(ValidateMirror(NginxIngressBackend{"web", "web"}, 20).ok());
  EXPECT_TRUE(ValidateMirror(NginxIngressBackend{"web", "web"}, 100).ok());
  EXPECT_TRUE(ValidateMirror(TraefikBackend{"web", "web"}, 20).ok());
}

}  // namespace
}  // namespace delivery::routing
