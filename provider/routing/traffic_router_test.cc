#include "provider/routing/traffic_router.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "provider/routing/edit_router.h"
#include "provider/routing/router_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RouteRunTest : public RouterFixture, public ::testing::WithParamInterface<RouteCase> {
 protected:
  RouteRunTest() : router_(MakeTrafficRouter(*api_, GetParam().target)) {
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
  bool CanMatch() const { return !GetParam().target.match.empty(); }

  const std::unique_ptr<TrafficRouter> router_;
  std::vector<kubernetes::ObjectRef> refs_;
};
INSTANTIATE_TEST_SUITE_P(All, RouteRunTest, ::testing::ValuesIn(RouteCases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(RouteRunTest, LeavesEverythingAsItWasWithItsOwners) {
  const std::vector<Json> before = All();
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  clock_.Advance(absl::Minutes(1));
  for (const Split& split :
       {Split{5, false}, Split{25, CanMatch()}, Split{100, CanMatch()}, Split{}}) {
    const absl::Status set = router_->Set(*record, split, NoStop());
    ASSERT_TRUE(set.ok()) << set;
    EXPECT_NE(All(), before);
    const RouteState state = router_->Look(*record, split);
    EXPECT_EQ(state.split, split);
    EXPECT_FALSE(state.at_rest);
    EXPECT_EQ(state.foreign, std::nullopt);
    clock_.Advance(absl::Minutes(1));
  }
  ASSERT_TRUE(router_->Restore(*record, NoStop()).ok());
  EXPECT_EQ(All(), before);
  EXPECT_TRUE(router_->Look(*record, {}).at_rest);
  // The owner's next apply meets no conflict.
  for (const Json& object : GetParam().objects) {
    const absl::Status applied = Apply(Manifest(object));
    EXPECT_TRUE(applied.ok()) << applied;
  }
}

TEST_P(RouteRunTest, IsIdempotent) {
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_TRUE(router_->Set(*record, {25, CanMatch()}, NoStop()).ok());
  kube_->ForgetRequests();
  ASSERT_TRUE(router_->Set(*record, {25, CanMatch()}, NoStop()).ok());
  EXPECT_THAT(kube_->writes(), IsEmpty());
  ASSERT_TRUE(router_->Restore(*record, NoStop()).ok());
  kube_->ForgetRequests();
  ASSERT_TRUE(router_->Restore(*record, NoStop()).ok());
  ASSERT_TRUE(router_->Set(*record, {}, NoStop()).ok());
  EXPECT_THAT(kube_->writes(), IsEmpty());
}

// The provider is killed after any of its writes, done or not, and another process restores.
TEST_P(RouteRunTest, AnotherProcessRestoresWhereverTheFirstWasCut) {
  const std::vector<Json> before = All();
  for (int cut = 0; cut < 8; ++cut) {
    for (const auto kind :
         {testing::KubeFault::Kind::kCutBefore, testing::KubeFault::Kind::kCutAfter}) {
      const auto record = router_->Record(NoStop());
      ASSERT_TRUE(record.ok()) << record.status();
      testing::KubeFault fault;
      fault.kind = kind;
      fault.method = "PATCH";
      fault.skip = cut;
      fault.times = 1000;
      kube_->AddFault(fault);
      const auto first = MakeTrafficRouter(*api_, GetParam().target);
      const bool went_well = first->Set(*record, {5, CanMatch()}, NoStop()).ok() &&
                             first->Set(*record, {}, NoStop()).ok() &&
                             first->Restore(*record, NoStop()).ok();
      kube_->ClearFaults();
      const auto second = MakeTrafficRouter(*api_, GetParam().target);
      ASSERT_TRUE(second->Set(*record, {}, NoStop()).ok());
      const absl::Status restored = second->Restore(*record, NoStop());
      ASSERT_TRUE(restored.ok()) << restored;
      ASSERT_EQ(All(), before) << "cut " << cut << (went_well ? ", not reached" : "");
    }
  }
}

TEST_P(RouteRunTest, ADeletedObjectIsAnErrorOnlyForTraffic) {
  const auto record = router_->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_TRUE(router_->Set(*record, {5, false}, NoStop()).ok());
  for (const auto& ref : refs_) kube_->Remove(ref);
  const absl::Status set = router_->Set(*record, {10, false}, NoStop());
  EXPECT_TRUE(absl::IsNotFound(set)) << set;
  EXPECT_TRUE(router_->Set(*record, {}, NoStop()).ok());
  EXPECT_TRUE(router_->Restore(*record, NoStop()).ok());
  EXPECT_TRUE(absl::IsNotFound(router_->Record(NoStop()).status()));
}

class TrafficRouterTest : public RouterFixture {
 protected:
  TrafficRouterTest() {
    EXPECT_TRUE(Apply(Manifest(case_.objects[0])).ok());
    record_ = router_->Record(NoStop()).value();
    kube_->ForgetRequests();
  }

  const RouteCase case_ = RouteCaseOf("CrowdedRoute");
  const kubernetes::ObjectRef ref_ = kubernetes::RefOf(case_.objects[0]);
  const std::unique_ptr<TrafficRouter> router_ = MakeTrafficRouter(*api_, case_.target);
  Json record_;
};

TEST_F(TrafficRouterTest, TheRecordIsSmallAndHoldsNoValuesOfOthers) {
  const std::string text = DumpJson(record_);
  EXPECT_LT(text.size(), 2000u);
  EXPECT_THAT(text, ::testing::Not(HasSubstr("edge")));
}

TEST_F(TrafficRouterTest, EveryWriteTestsTheVersion) {
  ASSERT_TRUE(router_->Set(record_, {5, true}, NoStop()).ok());
  ASSERT_TRUE(router_->Set(record_, {50, false}, NoStop()).ok());
  ASSERT_TRUE(router_->Restore(record_, NoStop()).ok());
  const auto writes = kube_->writes();
  EXPECT_THAT(writes, SizeIs(4));
  for (const auto& write : writes) {
    EXPECT_EQ(write.request.method, "PATCH");
    EXPECT_EQ(write.request.Query("fieldManager"), kTrafficManager);
    const Json operations = *ParseJson(write.request.body);
    EXPECT_EQ(operations[0]["op"], "test");
    EXPECT_EQ(operations[0]["path"], "/metadata/resourceVersion");
  }
}

TEST_F(TrafficRouterTest, AStatusWrittenMeanwhileIsNoObstacle) {
  ASSERT_TRUE(router_->Set(record_, {5, true}, NoStop()).ok());
  kube_->SetStatus(ref_, {{"parents", Json::array({Json{{"controllerName", "edge"}}})}});
  ASSERT_TRUE(router_->Set(record_, {50, true}, NoStop()).ok());
  ASSERT_TRUE(router_->Restore(record_, NoStop()).ok());
  const Json live = Live(ref_);
  EXPECT_EQ(live["spec"], Manifest(case_.objects[0])["spec"]);
  EXPECT_THAT(RouteManagers(live), ElementsAre("gitops"));
  EXPECT_TRUE(Apply(Manifest(case_.objects[0])).ok());
}

TEST_F(TrafficRouterTest, OwnershipThatSomebodyTookIsNotGivenBack) {
  ASSERT_TRUE(router_->Set(record_, {5, false}, NoStop()).ok());
  kube_->Change(
      ref_, [](Json& route) { route["spec"]["rules"][0]["name"] = "old"; }, "kubectl");
  kube_->Change(
      ref_, [](Json& route) { route["metadata"]["labels"]["a"] = "b"; }, "labeller");
  ASSERT_TRUE(router_->Restore(record_, NoStop()).ok());
  const Json live = Live(ref_);
  Json expected = case_.objects[0]["spec"];
  expected["rules"][0]["name"] = "old";
  EXPECT_EQ(live["spec"], expected);
  EXPECT_EQ(live["metadata"]["labels"]["a"], "b");
  EXPECT_THAT(RouteManagers(live),
              ::testing::UnorderedElementsAre("gitops", "labeller", "kubectl"));
}

TEST_F(TrafficRouterTest, WhatSomebodyChangedUnderAnotherProcessConflictsAfterwards) {
  ASSERT_TRUE(router_->Set(record_, {5, false}, NoStop()).ok());
  kube_->Change(
      ref_, [](Json& route) { route["spec"]["rules"][0]["name"] = "old"; }, "kubectl");
  ASSERT_TRUE(router_->Set(record_, {10, false}, NoStop()).ok());
  const auto next = MakeTrafficRouter(*api_, case_.target);
  ASSERT_TRUE(next->Restore(record_, NoStop()).ok());
  EXPECT_EQ(Live(ref_)["spec"]["rules"][0]["name"], "old");
  const absl::Status applied = Apply(Manifest(case_.objects[0]));
  EXPECT_TRUE(absl::IsAborted(applied)) << applied;
}

TEST_F(TrafficRouterTest, ARouteThatDoesNotExistIsNamed) {
  const auto router =
      MakeTrafficRouter(*api_, TargetOf(GatewayApiBackend{"HTTPRoute", "nope", "web", ""}));
  const absl::Status status = router->Record(NoStop()).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("HTTPRoute shop/nope"), HasSubstr("does not exist")));
}

TEST_F(TrafficRouterTest, WhatMayNotBeWrittenIsTheServersWord) {
  testing::DeniedAccess denied;
  denied.verb = "patch";
  denied.resource = "httproutes";
  kube_->Deny(denied);
  EXPECT_TRUE(absl::IsPermissionDenied(router_->Set(record_, {5, false}, NoStop())));
}

TEST_F(TrafficRouterTest, ContentThatTheServerRefusesIsNotTriedAgain) {
  testing::KubeFault fault;
  fault.method = "PATCH";
  fault.status = 422;
  fault.reason = "Invalid";
  kube_->AddFault(fault);
  EXPECT_TRUE(absl::IsInvalidArgument(router_->Set(record_, {5, false}, NoStop())));
  EXPECT_THAT(kube_->writes(), SizeIs(1));
}

TEST_F(TrafficRouterTest, ReplicasHaveNothingToWrite) {
  const auto router = MakeTrafficRouter(*api_, TargetOf(ReplicasBackend{"web"}));
  const auto record = router->Record(NoStop());
  ASSERT_TRUE(record.ok());
  EXPECT_TRUE(router->Set(*record, {5, false}, NoStop()).ok());
  EXPECT_TRUE(router->Look(*record, {5, false}).at_rest);
  EXPECT_THAT(router->Watch({}), IsEmpty());
  EXPECT_TRUE(router->Restore(*record, NoStop()).ok());
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

// ---- Others write at the same time

TEST_F(TrafficRouterTest, AWriteInBetweenIsTakenIntoAccount) {
  int times = 2;
  BusyApi busy(*api_, [&] {
    if (times-- <= 0) return;
    kube_->Change(
        ref_, [&](Json& route) { route["spec"]["hostnames"].push_back(absl::StrCat("h", times)); },
        "other");
  });
  const auto router = MakeTrafficRouter(busy, case_.target);
  const absl::Status set = router->Set(record_, {5, false}, NoStop());
  EXPECT_TRUE(set.ok()) << set;
  EXPECT_EQ(busy.patches, 3);
  EXPECT_THAT(Live(ref_)["spec"]["hostnames"], SizeIs(3));
  EXPECT_EQ(router->Look(record_, {5, false}).split, (Split{5, false}));
}

TEST_F(TrafficRouterTest, AWriteInBetweenForEverIsAborted) {
  int count = 0;
  BusyApi busy(*api_, [&] { kube_->SetStatus(ref_, {{"count", ++count}}); });
  const auto router = MakeTrafficRouter(busy, case_.target);
  const absl::Status set = router->Set(record_, {5, false}, NoStop());
  EXPECT_TRUE(absl::IsAborted(set)) << set;
  EXPECT_THAT(std::string(set.message()), HasSubstr("HTTPRoute shop/web"));
  EXPECT_EQ(busy.patches, kWriteAttempts);
  EXPECT_EQ(Live(ref_)["spec"], case_.objects[0]["spec"]);
  EXPECT_TRUE(absl::IsAborted([&] {
    EXPECT_TRUE(router_->Set(record_, {5, false}, NoStop()).ok());
    return router->Restore(record_, NoStop());
  }()));
}

}  // namespace
}  // namespace delivery::routing
