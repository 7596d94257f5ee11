#include "gmock/gmock.h"
#include "provider/routing/backends.h"
#include "provider/routing/router_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

Match HeaderAndCookie() {
  Match match;
  match.headers.push_back({"X-Canary", {.exact = "always", .prefix = "", .regex = ""}});
  match.cookies.push_back({"canary", "always"});
  return match;
}

class IngressRouterTest : public RouterFixture {
 protected:
  IngressRouterTest() {
    EXPECT_TRUE(Apply(Manifest(IngressObject())).ok());
    record_ = router_->Record(NoStop()).value();
  }
  bool SeesTheCluster() {
    return Eventually([&] {
      const auto objects = watches_[1]->Objects();
      return watches_[1]->synced() &&
             (objects.empty() ? Live(canary_).is_null() : objects[0] == Live(canary_));
    });
  }

  const TrafficTarget target_ = TargetOf(NginxIngressBackend{"web", "web"}, HeaderAndCookie());
  const kubernetes::ObjectRef canary_ = CanaryIngressRef(target_);
  const std::unique_ptr<TrafficRouter> router_ = MakeTrafficRouter(*api_, target_);
  std::vector<kubernetes::ObjectWatch*> watches_ = router_->Watch({});
  Json record_;
};

TEST_F(IngressRouterTest, ARunMakesAndRemovesOneIngressAndLeavesTheOther) {
  const Json stable = Live(IngressRef(target_));
  EXPECT_TRUE(router_->Look(record_, {}).at_rest);
  ASSERT_TRUE(router_->Set(record_, {}, NoStop()).ok());
  EXPECT_TRUE(Live(canary_).is_null());
  for (const Split& split : {Split{5, false}, Split{25, true}, Split{0, true}, Split{}}) {
    const absl::Status set = router_->Set(record_, split, NoStop());
    ASSERT_TRUE(set.ok()) << set;
    EXPECT_EQ(ReadCanaryIngress(Live(canary_)), split);
    const RouteState state = router_->Look(record_, split);
    EXPECT_EQ(state.split, split);
    EXPECT_FALSE(state.at_rest);
    EXPECT_EQ(state.foreign, std::nullopt);
    kube_->ForgetRequests();
    ASSERT_TRUE(router_->Set(record_, split, NoStop()).ok());
    EXPECT_THAT(kube_->writes(), IsEmpty());
  }
  ASSERT_TRUE(router_->Restore(record_, NoStop()).ok());
  EXPECT_TRUE(Live(canary_).is_null());
  ASSERT_TRUE(router_->Restore(record_, NoStop()).ok());
  EXPECT_EQ(Live(IngressRef(target_)), stable);
  ASSERT_TRUE(SeesTheCluster());
  EXPECT_TRUE(router_->Look(record_, {}).at_rest);
}

TEST_F(IngressRouterTest, TheCanaryFollowsTheStablePaths) {
  ASSERT_TRUE(router_->Set(record_, {5, false}, NoStop()).ok());
  kube_->Change(IngressRef(target_), [](Json& ingress) {
    ingress["spec"]["rules"][0]["http"]["paths"][1]["path"] = "/shop";
  });
  ASSERT_TRUE(router_->Set(record_, {10, false}, NoStop()).ok());
  EXPECT_EQ(Live(canary_)["spec"]["rules"][0]["http"]["paths"][0]["path"], "/shop");
}

TEST_F(IngressRouterTest, ALostAnswerToTheCreationIsNoObstacle) {
  testing::KubeFault fault;
  fault.kind = testing::KubeFault::Kind::kCutAfter;
  fault.method = "POST";
  kube_->AddFault(fault);
  // The creation may be reported as lost; the next try finds it.
  const absl::Status first = router_->Set(record_, {5, false}, NoStop());
  if (!first.ok()) {
    ASSERT_TRUE(router_->Set(record_, {5, false}, NoStop()).ok());
  }
  EXPECT_EQ(ReadCanaryIngress(Live(canary_)), (Split{5, false}));
}

TEST_F(IngressRouterTest, AForeignIngressOfThatNameIsRefusedAndKept) {
  Json foreign = Manifest(IngressObject());
  foreign["metadata"]["name"] = canary_.name;
  ASSERT_TRUE(Apply(foreign).ok());
  const absl::Status status = router_->Record(NoStop()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("Ingress shop/web-canary"), HasSubstr("remove or rename")));
  EXPECT_TRUE(absl::IsFailedPrecondition(router_->Set(record_, {5, false}, NoStop())));
  const Json before = Live(canary_);
  EXPECT_TRUE(router_->Set(record_, {}, NoStop()).ok());
  EXPECT_TRUE(router_->Restore(record_, NoStop()).ok());
  EXPECT_EQ(Live(canary_), before);
}

TEST_F(IngressRouterTest, OthersAreNoticed) {
  ASSERT_TRUE(router_->Set(record_, {5, true}, NoStop()).ok());
  kube_->Change(
      canary_,
      [](Json& ingress) {
        ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"] = "80";
      },
      "kubectl-edit");
  ASSERT_TRUE(SeesTheCluster());
  const RouteState state = router_->Look(record_, {5, true});
  EXPECT_EQ(state.split.weight, 80);
  EXPECT_THAT(state.foreign,
              Optional(AllOf(HasSubstr("Ingress shop/web-canary"), HasSubstr("kubectl-edit"))));
  ASSERT_TRUE(router_->Set(record_, {}, NoStop()).ok());
  EXPECT_EQ(ReadCanaryIngress(Live(canary_)), Split{});
}

TEST_F(IngressRouterTest, ALostHeaderIsNoticed) {
  ASSERT_TRUE(router_->Set(record_, {5, true}, NoStop()).ok());
  kube_->Change(
      canary_,
      [](Json& ingress) {
        Json& annotations = ingress["metadata"]["annotations"];
        annotations.erase("nginx.ingress.kubernetes.io/canary-by-header");
        annotations.erase("nginx.ingress.kubernetes.io/canary-by-cookie");
      },
      "kubectl-edit");
  ASSERT_TRUE(SeesTheCluster());
  EXPECT_TRUE(router_->Look(record_, {5, true}).foreign.has_value());
}

TEST_F(IngressRouterTest, DeletionsAreNoticed) {
  ASSERT_TRUE(router_->Set(record_, {5, false}, NoStop()).ok());
  ASSERT_TRUE(SeesTheCluster());
  EXPECT_EQ(router_->Look(record_, {5, false}).foreign, std::nullopt);
  kube_->Remove(canary_);
  ASSERT_TRUE(SeesTheCluster());
  EXPECT_THAT(router_->Look(record_, {5, false}).foreign,
              Optional(HasSubstr("Ingress shop/web-canary was deleted")));
  kube_->Remove(IngressRef(target_));
  ASSERT_TRUE(Eventually([&] { return watches_[0]->Objects().empty(); }));
  EXPECT_THAT(router_->Look(record_, {5, false}).foreign,
              Optional(HasSubstr("Ingress shop/web was deleted")));
  EXPECT_TRUE(absl::IsNotFound(router_->Set(record_, {10, false}, NoStop())));
  EXPECT_TRUE(router_->Set(record_, {}, NoStop()).ok());
  EXPECT_TRUE(absl::IsNotFound(router_->Record(NoStop()).status()));
}

}  // namespace
}  // namespace delivery::routing
