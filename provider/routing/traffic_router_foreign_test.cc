// What a router sees of others, through its watches and when it writes.
#include "gmock/gmock.h"
#include "provider/kubernetes/credentials.h"
#include "provider/routing/router_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::SizeIs;

class LookTest : public RouterFixture {
 protected:
  LookTest() {
    EXPECT_TRUE(Apply(Manifest(case_.objects[0])).ok());
    record_ = router_->Record(NoStop()).value();
    watches_ = router_->Watch(signal_);
    EXPECT_TRUE(Eventually([&] { return watches_[0]->synced(); }));
    EXPECT_TRUE(router_->Set(record_, kSplit, NoStop()).ok());
  }

  void Change(const std::function<void(Json&)>& change) {
    kube_->Change(
        ref_, [&](Json& route) { change(route["spec"]["rules"]); }, "kubectl-edit");
  }
  // Until the watch has what the cluster has.
  RouteState Seen(const Split& expected) {
    EXPECT_TRUE(Eventually([&] {
      const auto objects = watches_[0]->Objects();
      return objects.empty() ? Live(ref_).is_null() : objects[0] == Live(ref_);
    }));
    return router_->Look(record_, expected);
  }

  static constexpr Split kSplit = {25, true};
  const RouteCase case_ = RouteCaseOf("CrowdedRoute");
  const kubernetes::ObjectRef ref_ = kubernetes::RefOf(case_.objects[0]);
  kubernetes::ChangeSignal signal_;
  std::unique_ptr<TrafficRouter> router_ = MakeTrafficRouter(*api_, case_.target);
  std::vector<kubernetes::ObjectWatch*> watches_;
  Json record_;
};

TEST_F(LookTest, WhatWasWrittenIsNotForeign) {
  // At once, when the watch may be behind, and later.
  EXPECT_EQ(router_->Look(record_, kSplit).split, kSplit);
  const RouteState state = Seen(kSplit);
  EXPECT_EQ(state.split, kSplit);
  EXPECT_FALSE(state.at_rest);
  EXPECT_EQ(state.foreign, std::nullopt);
}

TEST_F(LookTest, ARemovedReferenceNamesWhoDidIt) {
  Change([](Json& rules) { rules[3]["backendRefs"].erase(1); });
  EXPECT_THAT(Seen(kSplit).foreign, Optional(AllOf(HasSubstr("HTTPRoute shop/web"),
                                                   HasSubstr("no longer refers to the canary"),
                                                   HasSubstr("changed by kubectl-edit"))));
}

TEST_F(LookTest, TheOwnersForcedApplyIsForeign) {
  const Json manifest = Manifest(case_.objects[0]);
  EXPECT_TRUE(absl::IsAborted(Apply(manifest)));
  ASSERT_TRUE(api_->Apply(manifest, {.field_manager = "argocd", .force = true}, NoStop()).ok());
  const RouteState state = Seen(kSplit);
  EXPECT_THAT(state.foreign, Optional(HasSubstr("changed by argocd")));
  EXPECT_TRUE(state.at_rest);
  // More traffic is refused, none is done.
  const absl::Status more = router_->Set(record_, {50, true}, NoStop());
  EXPECT_TRUE(absl::IsFailedPrecondition(more)) << more;
  EXPECT_THAT(std::string(more.message()), HasSubstr("argocd"));
  EXPECT_TRUE(router_->Set(record_, {}, NoStop()).ok());
  EXPECT_TRUE(router_->Restore(record_, NoStop()).ok());
  EXPECT_EQ(Live(ref_)["spec"], manifest["spec"]);
}

TEST_F(LookTest, OtherWeightsAreForeign) {
  Change([](Json& rules) {
    rules[3]["backendRefs"][0]["weight"] = 40;
    rules[3]["backendRefs"][1]["weight"] = 60;
  });
  const RouteState state = Seen(kSplit);
  EXPECT_EQ(state.split.weight, 60);
  EXPECT_THAT(state.foreign, Optional(HasSubstr("weights 40 and 60, not 75 and 25")));
}

TEST_F(LookTest, ALostMatchIsForeign) {
  Change([](Json& rules) { rules.erase(2); });
  EXPECT_THAT(Seen(kSplit).foreign, Optional(HasSubstr("rule for match")));
}

TEST_F(LookTest, ADeletedRouteIsForeign) {
  kube_->Remove(ref_);
  EXPECT_THAT(Seen(kSplit).foreign, Optional(HasSubstr("HTTPRoute shop/web was deleted")));
}

TEST_F(LookTest, ARouteMadeAnewIsForeign) {
  kube_->Remove(ref_);
  ASSERT_TRUE(Apply(Manifest(case_.objects[0])).ok());
  EXPECT_THAT(Seen(kSplit).foreign, Optional(HasSubstr("another one is there")));
  EXPECT_TRUE(absl::IsNotFound(router_->Set(record_, {50, true}, NoStop())));
  EXPECT_TRUE(router_->Set(record_, {}, NoStop()).ok());
  EXPECT_TRUE(router_->Restore(record_, NoStop()).ok());
}

TEST_F(LookTest, ChangesElsewhereAreFine) {
  Change([](Json& rules) { rules[0]["filters"][0]["requestRedirect"]["statusCode"] = 302; });
  EXPECT_EQ(Seen(kSplit).foreign, std::nullopt);
  EXPECT_TRUE(router_->Set(record_, {50, true}, NoStop()).ok());
  EXPECT_TRUE(router_->Restore(record_, NoStop()).ok());
  Json expected = case_.objects[0]["spec"];
  expected["rules"][0]["filters"][0]["requestRedirect"]["statusCode"] = 302;
  EXPECT_EQ(Live(ref_)["spec"], expected);
}

// The journal is stored before a write: a process that died in between asks for what was not done.
TEST_F(LookTest, ASplitThatWasNotWrittenYetIsNotForeign) {
  const auto next = MakeTrafficRouter(*api_, case_.target);
  const auto watches = next->Watch(signal_);
  ASSERT_THAT(watches, SizeIs(1));
  EXPECT_EQ(next->Look(record_, kSplit).foreign, std::nullopt);
  ASSERT_TRUE(Eventually([&] { return watches[0]->synced(); }));
  const RouteState state = next->Look(record_, {50, true});
  EXPECT_EQ(state.split, kSplit);
  EXPECT_EQ(state.foreign, std::nullopt);
  EXPECT_TRUE(next->Set(record_, {50, true}, NoStop()).ok());
  EXPECT_EQ(next->Look(record_, {50, true}).split, (Split{50, true}));
}

// What the journal says was read back before it was stored.
TEST_F(LookTest, ARouteThatWasResetBetweenTwoProcessesIsForeign) {
  ASSERT_TRUE(router_->Restore(record_, NoStop()).ok());
  const auto next = MakeTrafficRouter(*api_, case_.target);
  const auto watches = next->Watch(signal_);
  ASSERT_TRUE(Eventually([&] { return watches[0]->synced(); }));
  const RouteState state = next->Look(record_, {5, false});
  EXPECT_THAT(state.foreign, Optional(HasSubstr("no longer refers to the canary")));
  EXPECT_TRUE(state.at_rest);
}

TEST_F(RouterFixture, IstioIsWatchedInBothObjectsAndInTheVersionThatIsServed) {
  const RouteCase test = RouteCaseOf("VirtualService");
  for (const Json& object : test.objects) ASSERT_TRUE(Apply(Manifest(object)).ok());
  const auto router = MakeTrafficRouter(*api_, test.target);
  const Json record = router->Record(NoStop()).value();
  const auto watches = router->Watch({});
  ASSERT_THAT(watches, SizeIs(2));
  ASSERT_TRUE(Eventually([&] { return watches[0]->synced() && watches[1]->synced(); }));
  ASSERT_TRUE(router->Set(record, {5, false}, NoStop()).ok());
  kube_->Change(
      kubernetes::RefOf(test.objects[0]), [](Json& rule) { rule["spec"]["subsets"].erase(1); },
      "istioctl");
  ASSERT_TRUE(Eventually([&] { return watches[0]->Objects()[0]["spec"]["subsets"].size() == 1; }));
  EXPECT_THAT(
      router->Look(record, {5, false}).foreign,
      Optional(AllOf(HasSubstr("subset canary of DestinationRule"), HasSubstr("istioctl"))));
}

TEST(ObjectVersionTest, IstioV1Beta1IsUsedWhereV1IsNotServed) {
  SimulatedClock clock(absl::FromUnixSeconds(1'700'000'000));
  const auto kube = std::make_shared<testing::FakeKubeApi>(clock);
  kube->AddNamespace("shop");
  kube->AddType({"networking.istio.io", "v1beta1", "VirtualService", "virtualservices"});
  kube->AddType({"networking.istio.io", "v1beta1", "DestinationRule", "destinationrules"});
  kubernetes::ClusterConfig config;
  config.server = "https://fake.test";
  const auto api = kubernetes::MakeRestApi(
      config, kubernetes::MakeCredentialSource(config, clock), [&](const auto&) { return kube; },
      clock);
  const RouteCase test = RouteCaseOf("VirtualService");
  for (Json object : test.objects) {
    object["apiVersion"] = "networking.istio.io/v1beta1";
    kube->Put(std::move(object));
  }
  const auto router = MakeTrafficRouter(*api, test.target);
  const auto record = router->Record({});
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_TRUE(router->Set(*record, {5, false}, {}).ok());
}

}  // namespace
}  // namespace delivery::routing
