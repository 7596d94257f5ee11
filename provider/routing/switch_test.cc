#include "provider/routing/switch.h"

#include <utility>

#include "gmock/gmock.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/object_edit.h"
#include "provider/routing/router_fixture.h"

namespace delivery::routing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

struct SwitchCase {
  std::string name;
  Switch by;
  Json object;
  std::string pointer;  // where the slot shows
  Json before, blue, green;
};
void PrintTo(const SwitchCase& test, std::ostream* out) { *out << test.name; }

std::vector<SwitchCase> SwitchCases() {
  return {
      {"Selector", SelectorSwitch{},
       MakeObject("v1", "Service", "web",
                  R"({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]})"),
       "/spec/selector/slot", Json(), "blue", "green"},
      {"Ingress", IngressSwitch{"web"},
       MakeObject("networking.k8s.io/v1", "Ingress", "web", R"({"rules": [
          {"host": "a.test", "http": {"paths": [
            {"path": "/static", "pathType": "Prefix",
             "backend": {"service": {"name": "static", "port": {"number": 80}}}},
            {"path": "/", "pathType": "Prefix",
             "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]})"),
       "/spec/rules/0/http/paths/1/backend/service/name", "web", "web-blue", "web-green"},
      {"Gateway", GatewaySwitch{"web"}, HttpRoute(R"([
          {"backendRefs": [{"name": "static", "port": 80}]},
          {"backendRefs": [{"name": "web", "port": 80, "weight": 3}]}])"),
       "/spec/rules/1/backendRefs/0/name", "web", "web-blue", "web-green"},
  };
}

SwitchTarget TargetFor(const SwitchCase& test, std::string active, std::string target) {
  return {test.by, "shop", "web", "slot", std::move(active), std::move(target)};
}

class SwitchTest : public RouterFixture, public ::testing::WithParamInterface<SwitchCase> {
 protected:
  SwitchTest() { EXPECT_TRUE(Apply(Manifest(GetParam().object)).ok()); }

  Json Object() const { return Live(kubernetes::RefOf(GetParam().object)); }
  Json Slot() const {
    const Json live = Object();
    const Json::json_pointer place(GetParam().pointer);
    return live.contains(place) ? live.at(place) : Json();
  }
  // Somebody writes another slot, or none.
  void Edit(const Json& value) {
    ObjectEdit edit(Object());
    edit.Set(GetParam().pointer, value);
    ASSERT_TRUE(api_->JsonPatch(kubernetes::RefOf(GetParam().object), edit.Operations(),
                                {.field_manager = "kubectl-edit"}, NoStop())
                    .ok());
  }
  std::unique_ptr<TrafficRouter> Router(const std::string& active, const std::string& target) {
    return MakeSwitchRouter(*api_, TargetFor(GetParam(), active, target));
  }
  SwitchState State() { return ReadSwitch(TargetFor(GetParam(), "blue", "green"), Object()); }
};
INSTANTIATE_TEST_SUITE_P(All, SwitchTest, ::testing::ValuesIn(SwitchCases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(SwitchTest, FirstReleaseAndRestoreLeaveEverythingAsItWasWithItsOwners) {
  const Json before = Content(Object());
  const auto router = Router("", "blue");
  const auto record = router->Record(NoStop());
  ASSERT_TRUE(record.ok()) << record.status();
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(router->Set(*record, {.weight = 100}, NoStop()).ok());
  EXPECT_EQ(Slot(), GetParam().blue);
  EXPECT_TRUE(State().ours);
  EXPECT_EQ(State().slot, "blue");
  clock_.Advance(absl::Minutes(1));
  // Later releases, by other processes.
  for (const auto& [active, target] :
       {std::pair{"blue", "green"}, std::pair{"green", "blue"}, std::pair{"blue", "green"}}) {
    const auto next = Router(active, target);
    const auto seen = next->Record(NoStop());
    ASSERT_TRUE(seen.ok()) << seen.status();
    ASSERT_TRUE(next->Set(*seen, {.weight = 100}, NoStop()).ok());
    EXPECT_EQ(Slot(), std::string(target) == "blue" ? GetParam().blue : GetParam().green);
    EXPECT_EQ(next->Look(*seen, {.weight = 100}).foreign, std::nullopt);
  }
  ASSERT_TRUE(Router("", "green")->Restore(*record, NoStop()).ok());
  EXPECT_EQ(Content(Object()), before);
  EXPECT_TRUE(Apply(Manifest(GetParam().object)).ok()) << "its owner meets no conflict";
}

TEST_P(SwitchTest, SwitchIsOneWriteThatTestsTheOldValue) {
  const auto router = Router("", "blue");
  const auto record = router->Record(NoStop());
  ASSERT_TRUE(record.ok());
  kube_->ForgetRequests();
  ASSERT_TRUE(router->Set(*record, {.weight = 100}, NoStop()).ok());
  ASSERT_TRUE(router->Set(*record, {.weight = 100}, NoStop()).ok()) << "it is so already";
  EXPECT_THAT(kube_->writes(), SizeIs(1));
}

TEST_P(SwitchTest, BackIsTheSlotThatServed) {
  const auto router = Router("blue", "green");
  const auto record = router->Record(NoStop());
  ASSERT_TRUE(router->Set(*record, {}, NoStop()).ok()) << "repairs what is lost";
  EXPECT_EQ(Slot(), GetParam().blue);
  ASSERT_TRUE(router->Set(*record, {.weight = 100}, NoStop()).ok());
  ASSERT_TRUE(router->Set(*record, {}, NoStop()).ok());
  EXPECT_EQ(Slot(), GetParam().blue);
}

TEST_P(SwitchTest, ChangeByOthersIsSeenWithItsAuthorAndNotSwitchedOver) {
  const auto router = Router("blue", "green");
  const auto record = router->Record(NoStop());
  ASSERT_TRUE(router->Set(*record, {}, NoStop()).ok());
  clock_.Advance(absl::Minutes(1));
  Edit(GetParam().before);
  const SwitchState state = State();
  EXPECT_FALSE(state.ours);
  EXPECT_TRUE(state.is_original);
  EXPECT_EQ(state.manager, "kubectl-edit");
  const absl::Status set = Router("blue", "green")->Set(*record, {.weight = 100}, NoStop());
  EXPECT_EQ(set.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(set.message()), HasSubstr("no"));
  EXPECT_EQ(Slot(), GetParam().before);
}

TEST_P(SwitchTest, RestoreWithoutARecordTakesTheSlotOut) {
  const auto router = Router("", "blue");
  ASSERT_TRUE(router->Set(*router->Record(NoStop()), {.weight = 100}, NoStop()).ok());
  ASSERT_TRUE(Router("", "blue")->Restore(Json(), NoStop()).ok());
  EXPECT_EQ(Slot(), GetParam().before);
  kube_->Remove(kubernetes::RefOf(GetParam().object));
  EXPECT_TRUE(Router("", "blue")->Restore(Json(), NoStop()).ok()) << "gone is as good";
}

TEST_P(SwitchTest, RecordAfterAFirstReleaseThatWasLostIsStillTheOriginal) {
  const auto router = Router("", "blue");
  ASSERT_TRUE(router->Set(*router->Record(NoStop()), {.weight = 100}, NoStop()).ok());
  const auto again = Router("", "blue")->Record(NoStop());
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(Router("", "blue")->Restore(*again, NoStop()).ok());
  EXPECT_EQ(Slot(), GetParam().before);
}

class SwitchRefusalTest : public RouterFixture {};

TEST_F(SwitchRefusalTest, WhatDoesNotExistOrRoutesElsewhereIsRefused) {
  const SwitchTarget target{GatewaySwitch{"web"}, "shop", "shop", "slot", "", "blue"};
  const auto missing = MakeSwitchRouter(*api_, target)->Record(NoStop());
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("HTTPRoute shop/web"));
  ASSERT_TRUE(
      Apply(Manifest(HttpRoute(R"([{"backendRefs": [{"name": "web", "port": 80}]}])"))).ok());
  const auto elsewhere = MakeSwitchRouter(*api_, target)->Record(NoStop());
  EXPECT_EQ(elsewhere.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(elsewhere.status().message()), HasSubstr("Service shop as a backend"));
}

TEST(SlotNameTest, SlotsAlternate) {
  EXPECT_EQ(OtherSlot("blue"), "green");
  EXPECT_EQ(OtherSlot("green"), "blue");
  EXPECT_EQ(OtherSlot(""), "blue");
}

}  // namespace
}  // namespace delivery::routing
