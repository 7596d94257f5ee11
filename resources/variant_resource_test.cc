// delivery_ab_test and delivery_traffic_mirror over a cluster in memory: validate, plan, apply,
// refresh, destroy, import and every kill point.
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/kubernetes/object.h"
#include "provider/value/json_codec.h"
#include "resources/rollout_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// With a null for every member that is left out.
Json Completed(const schema::Block& block, Json given) {
  for (const schema::Attribute& attribute : block.attributes) {
    if (!given.contains(attribute.name)) given[attribute.name] = nullptr;
  }
  for (const schema::BlockType& nested : block.blocks) {
    if (nested.nesting == schema::Nesting::kList) {
      Json list = Json::array();
      for (const Json& one : GetArray(given, nested.name)) {
        list.push_back(Completed(nested.block, one));
      }
      given[nested.name] = std::move(list);
    } else if (given.contains(nested.name) && given[nested.name].is_object()) {
      given[nested.name] = Completed(nested.block, given[nested.name]);
    } else {
      given[nested.name] = nullptr;
    }
  }
  return given;
}

class VariantFixture : public RolloutFixture {
 protected:
  explicit VariantFixture(std::unique_ptr<plugin::Resource> resource, std::string suffix)
      : suffix_(std::move(suffix)) {
    rollout_ = std::move(resource);
    stored_ = {NoState(), "", Value()};
    kube_->AddType({"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"});
    kube_->AddType({"traefik.io", "v1alpha1", "TraefikService", "traefikservices"});
    kube_->Put(*ParseJson(R"({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}})"));
    kube_->Put(*ParseJson(R"({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "gateway"}],
                 "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}})"));
    PutWorkload(kOld);
    route_before_ = Live(Route());
  }
  ~VariantFixture() override { kube_->SetController(nullptr); }

  static kubernetes::ObjectRef Route() {
    return {"gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "web"};
  }
  kubernetes::ObjectRef Variant() const {
    return {"apps/v1", "Deployment", "shop", "web" + suffix_};
  }
  kubernetes::ObjectRef VariantJournal() const {
    return {"v1", "ConfigMap", "shop", "delivery-deployment-web" + suffix_};
  }
  void PutWorkload(const std::string& image) {
    ASSERT_TRUE(
        api().Apply(Manifest(image), {.field_manager = "platform", .force = true}, {}).ok());
    kube_->ForgetRequests();
  }

  // `arguments` over workload shop/web through its HTTPRoute.
  Value VariantConfig(Json arguments) const {
    Json all = {{"workload", {{"namespace", "shop"}, {"name", "web"}}},
                {"images", {{"web", kNew}}},
                {"traffic", {{"gateway_api", {{"route", "web"}, {"service", "web"}}}}}};
    all.update(arguments);
    const schema::Block& block = rollout_->schema().block;
    const absl::StatusOr<Value> value =
        value::DecodeJson(DumpJson(Completed(block, std::move(all))), block.ImpliedType(),
                          value::UnknownAttributes::kIgnore);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(Value());
  }

  std::vector<std::string> ValidateSays(const Json& arguments) const {
    return Said(rollout_->Validate(VariantConfig(arguments)));
  }
  std::vector<std::string> ApplySays(const Json& arguments) {
    return Said(Apply(VariantConfig(arguments)).diagnostics);
  }
  bool Flag(const std::string& name) const { return stored_.state.Get(name).AsBool(); }
  bool Exists(const kubernetes::ObjectRef& ref) const { return !Live(ref).is_null(); }
  ::testing::AssertionResult NothingIsLeft() const {
    for (const kubernetes::ObjectRef& ref :
         {Variant(), kubernetes::ObjectRef{"v1", "Service", "shop", "web" + suffix_},
          VariantJournal(),
          kubernetes::ObjectRef{"coordination.k8s.io/v1", "Lease", "shop",
                                "delivery-deployment-web" + suffix_}}) {
      if (Exists(ref)) return ::testing::AssertionFailure() << ref.ToString() << " is left";
    }
    const Json now = Live(Route());
    if (now["spec"] == route_before_["spec"] &&
        now["metadata"]["managedFields"] == route_before_["metadata"]["managedFields"]) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << "the route is " << DumpJson(now);
  }
  std::string StoredStep() const {
    const Json journal = Live(VariantJournal());
    if (journal.is_null()) return "none";
    return GetString(ParseJson(GetString(GetObject(journal, "data"), "state")).value_or(Json()),
                     "step");
  }
  // Only what waits for time takes none: a Lease would be lost if all went so fast.
  std::jthread TimePasses() {
    return std::jthread([this](const std::stop_token& end) {
      while (Clock::Real().Sleep(absl::Milliseconds(1), end)) {
        if (StoredStep() == "scale_down_delay") clock_.Advance(absl::Seconds(1));
      }
    });
  }

  const std::string suffix_;
  Json route_before_;
};

class AbTestTest : public VariantFixture {
 protected:
  AbTestTest() : VariantFixture(MakeAbTest(cluster_), "-b") {}
};

TEST_F(AbTestTest, MistakesAreSaidWithTheirPlace) {
  EXPECT_THAT(ValidateSays({{"weight", 10}}), IsEmpty());
  EXPECT_THAT(ValidateSays(Json::object()),
              ElementsAre(HasSubstr("error at match: Neither match nor weight")));
  const Json match = {{"header", Json::array({{{"name", "X-B"}, {"exact", "1"}}})}};
  EXPECT_THAT(ValidateSays({{"match", match}, {"weight", 10}}),
              ElementsAre(HasSubstr("error at weight: Both match and weight")));
  EXPECT_THAT(ValidateSays({{"weight", 10}, {"traffic", {{"replicas", Json::object()}}}}),
              ElementsAre(HasSubstr("error at traffic.replicas: Nothing routes requests")));
  EXPECT_THAT(
      ValidateSays({{"match", match},
                    {"traffic", {{"traefik", {{"traefik_service", "web"}, {"service", "web"}}}}}}),
      ElementsAre(HasSubstr("weights only")));
  EXPECT_THAT(ValidateSays({{"weight", 0}}), ElementsAre(HasSubstr("between 1 and 100")));
  EXPECT_THAT(ValidateSays({{"weight", 5}, {"duration", "0s"}}),
              ElementsAre(HasSubstr("A test without time")));
  const Json metric = {{"name", "orders"}, {"total", "sum(x)"}, {"kubernetes", "restarts"}};
  EXPECT_THAT(ValidateSays({{"weight", 5}, {"metric", Json::array({metric, metric})}}),
              AllOf(Contains(HasSubstr("A name used twice")),
                    Contains(HasSubstr("error at metric[0].total: Trials without successes"))));
}

TEST_F(AbTestTest, ServesBesideAWorkloadThatIsNeverWritten) {
  const Json before = Live(Web());
  const Json arguments = {
      {"weight", 30}, {"replicas", 2}, {"env", {{"web", {{"BUTTON", "green"}}}}}};
  const auto plan = Plan(VariantConfig(arguments));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_THAT(Lines(plan.planned.Get("release_plan")),
              Contains(AllOf(HasSubstr("web-b with 2 pods"), HasSubstr("BUTTON"),
                             Not(HasSubstr("green")))));
  EXPECT_THAT(ApplySays(arguments), IsEmpty());
  const Json variant = Live(Variant());
  EXPECT_EQ(kubernetes::ImagesOf(variant).at("web"), kNew);
  EXPECT_EQ(kubernetes::FindContainer(variant, "web")->at("env"),
            Json::array({{{"name", "BUTTON"}, {"value", "green"}}}));
  EXPECT_FALSE(kubernetes::ServiceSelects(Live({"v1", "Service", "shop", "web"}),
                                          kubernetes::TemplateLabelsOf(variant)));
  EXPECT_EQ(Live(Route())["spec"]["rules"][0]["backendRefs"][1]["weight"], 30);
  EXPECT_EQ(Live(Web())["spec"], before["spec"]);
  EXPECT_EQ(Live(Web())["metadata"]["managedFields"], before["metadata"]["managedFields"]);
  EXPECT_TRUE(Exists(VariantJournal()));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(VariantConfig(arguments)));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(VariantConfig(arguments)));
  const auto time = TimePasses();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(AbTestTest, OneThatCannotStartLeavesNothing) {
  BreakImage(kNew);
  const auto time = TimePasses();
  const plugin::ApplyResponse applied = Apply(VariantConfig({{"weight", 30}}));
  EXPECT_THAT(Said(applied.diagnostics), ElementsAre(AllOf(HasSubstr("error: The variant B failed"),
                                                           HasSubstr("ImagePullBackOff"))));
  EXPECT_TRUE(applied.state.is_null());
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(AbTestTest, ChangesOfSizeAndShareAreMadeInPlace) {
  ASSERT_THAT(ApplySays({{"weight", 30}}), IsEmpty());
  const std::string uid = kubernetes::UidOf(Live(Variant()));
  EXPECT_THAT(ApplySays({{"weight", 60}, {"replicas", 3}}), IsEmpty());
  EXPECT_EQ(kubernetes::UidOf(Live(Variant())), uid);
  EXPECT_EQ(Live(Variant())["spec"]["replicas"], 3);
  EXPECT_EQ(Live(Route())["spec"]["rules"][0]["backendRefs"][1]["weight"], 60);
}

TEST_F(AbTestTest, ANewTemplateOfTheWorkloadMakesItStaleAndThenAnew) {
  const Value config =
      VariantConfig({{"weight", 30}, {"images", nullptr}, {"env", {{"web", {{"A", "b"}}}}}});
  ASSERT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  const std::string uid = kubernetes::UidOf(Live(Variant()));
  PutWorkload(kNew);
  EXPECT_THAT(Said(Refresh().diagnostics), Contains(HasSubstr("is stale")));
  EXPECT_TRUE(Flag("stale"));
  EXPECT_THAT(Lines(Plan(config).planned.Get("release_plan")),
              Contains(HasSubstr("out of the route")));
  const auto time = TimePasses();
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  EXPECT_NE(kubernetes::UidOf(Live(Variant())), uid);
  EXPECT_EQ(kubernetes::ImagesOf(Live(Variant())).at("web"), kNew);
  EXPECT_FALSE(Flag("stale"));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(AbTestTest, ItsTimeIsStoredByRefreshAndEndedByTheNextApply) {
  const Value config = VariantConfig({{"weight", 30}, {"duration", "1h"}});
  ASSERT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  Refresh();
  EXPECT_FALSE(Flag("ended"));
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(PlanIsEmpty(config)) << "plan does not look at the clock";
  Refresh();
  EXPECT_TRUE(Flag("ended"));
  EXPECT_THAT(Lines(Plan(config).planned.Get("release_plan")),
              ElementsAre(HasSubstr("take web-b out of the route")));
  {
    const auto time = TimePasses();
    EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  }
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_FALSE(Flag("serving"));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
  EXPECT_THAT(Said(Apply(VariantConfig({{"weight", 30}, {"duration", "100h"}})).diagnostics),
              IsEmpty());
  EXPECT_TRUE(Flag("serving"));
  EXPECT_FALSE(Flag("ended"));
}

TEST_F(AbTestTest, WhatOthersTakeAwayIsMadeAnew) {
  const Value config = VariantConfig({{"weight", 30}});
  ASSERT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  kube_->Remove(Variant());
  EXPECT_THAT(Said(Refresh().diagnostics), Contains(HasSubstr("web-b was deleted")));
  EXPECT_EQ(Phase(), "Failed");
  const auto time = TimePasses();
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  EXPECT_TRUE(Exists(Variant()));
  EXPECT_EQ(Phase(), "Succeeded");
  kube_->Change(
      Route(), [](Json& route) { route["spec"]["rules"][0]["backendRefs"].erase(1); }, "gitops");
  EXPECT_THAT(Said(Refresh().diagnostics), Contains(HasSubstr("gitops")));
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
}

TEST_F(AbTestTest, AWorkloadThatIsGoneIsSaidAndNoObstacleToDestroy) {
  const Value config = VariantConfig({{"weight", 30}});
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  kube_->Remove(Web());
  kube_->Remove(Variant());
  kube_->Remove({"v1", "Service", "shop", "web-b"});
  kube_->Remove(VariantJournal());
  EXPECT_THAT(Said(Refresh().diagnostics), Contains(HasSubstr("was deleted")));
  EXPECT_THAT(Said(Plan(config).diagnostics),
              Contains(AllOf(HasSubstr("warning at workload"), HasSubstr("does not exist"))));
  const auto time = TimePasses();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(AbTestTest, WhatIsNotThereYetIsAWarningOfThePlanAndAnErrorOfApply) {
  kube_->Remove(Web());
  EXPECT_THAT(Said(Plan(VariantConfig({{"weight", 30}})).diagnostics),
              ElementsAre(AllOf(HasSubstr("warning at workload"), HasSubstr("does not exist"))));
  const plugin::ApplyResponse applied = Apply(VariantConfig({{"weight", 30}}));
  EXPECT_THAT(Said(applied.diagnostics), ElementsAre(HasSubstr("Nothing was changed")));
  EXPECT_TRUE(applied.state.is_null());
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(AbTestTest, ImportChangesNothing) {
  const Value config = VariantConfig({{"weight", 30}});
  ASSERT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  const Json before = Live(Variant());
  EXPECT_THAT(Said(Import("shop/web").diagnostics), IsEmpty());
  Refresh();
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  EXPECT_EQ(Live(Variant())["spec"], before["spec"]);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
  EXPECT_THAT(Said(Import("shop/none").diagnostics), ElementsAre(HasSubstr("no variant B")));
}

TEST_F(AbTestTest, ASecondTestOfTheWorkloadIsRefused) {
  ASSERT_THAT(ApplySays({{"weight", 30}}), IsEmpty());
  const Stored first = std::exchange(stored_, {NoState(), "", Value()});
  EXPECT_THAT(ApplySays({{"weight", 30}, {"images", {{"web", "registry.test/web:9"}}}}),
              ElementsAre(AllOf(HasSubstr("serves already"), HasSubstr("import"))));
  stored_ = first;
}

// At each write of a create or a destroy the process is killed, before the server does it or after;
// the next one goes on to the same end.
TEST_F(AbTestTest, KilledAtAnyWriteTheNextOneGoesOn) {
  const Value config = VariantConfig({{"weight", 30}});
  const auto time = TimePasses();
  int points = 0;
  for (const bool creates : {true, false}) {
    for (const bool done : {true, false}) {
      for (int write = 1;; ++write) {
        if (!creates) {
          ASSERT_THAT(Said(Apply(config).diagnostics), IsEmpty());
        }
        const Stored before = stored_;
        runner::Process dying(kube_);
        // It would go on waiting for the API server.
        dying.line->DieAt(write, done, [this] { stop_.request_stop(); });
        Connection connection = connection_;
        connection.api = dying.api;
        cluster_.Set(connection);
        const bool died = [&] {
          if (creates) {
            Apply(config);
          } else {
            Destroy();
          }
          return dying.line->writes() >= write;
        }();
        cluster_.Set(connection_);
        NextRun();
        // A killed process tells its host nothing.
        if (died) stored_ = before;
        kube_->Remove({"coordination.k8s.io/v1", "Lease", "shop", "delivery-deployment-web-b"});
        ++points;
        if (creates) {
          EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty()) << write << done;
          EXPECT_TRUE(Flag("serving"));
        }
        if (!stored_.state.is_null()) {
          EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty()) << write << done;
        }
        EXPECT_TRUE(NothingIsLeft()) << write << done;
        if (!died) break;
      }
    }
  }
  EXPECT_GT(points, 20);
}

class TrafficMirrorTest : public VariantFixture {
 protected:
  TrafficMirrorTest() : VariantFixture(MakeTrafficMirror(cluster_), "-mirror") {}
};

TEST_F(TrafficMirrorTest, CopiesRequestsThroughTheRoute) {
  const Value config = VariantConfig({{"percent", 20}});
  EXPECT_THAT(Said(Apply(config).diagnostics), IsEmpty());
  const Json filter = Live(Route())["spec"]["rules"][0]["filters"][0];
  EXPECT_EQ(filter["type"], "RequestMirror");
  EXPECT_EQ(filter["requestMirror"]["backendRef"]["name"], "web-mirror");
  EXPECT_EQ(filter["requestMirror"]["percent"], 20);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(config));
  EXPECT_THAT(ApplySays({{"percent", 50}}), IsEmpty());
  EXPECT_EQ(Live(Route())["spec"]["rules"][0]["filters"][0]["requestMirror"]["percent"], 50);
  const auto time = TimePasses();
  EXPECT_THAT(Said(Destroy().diagnostics), IsEmpty());
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(TrafficMirrorTest, MistakesAreSaidWithTheirPlace) {
  EXPECT_THAT(
      ValidateSays({{"percent", 20},
                    {"traffic", {{"nginx_ingress", {{"ingress", "web"}, {"service", "web"}}}}}}),
      ElementsAre(HasSubstr("error at percent: This mirror is not possible")));
  EXPECT_THAT(ValidateSays({{"traffic", {{"replicas", Json::object()}}}}),
              ElementsAre(HasSubstr("error at traffic.replicas")));
  EXPECT_THAT(ValidateSays({{"percent", 101}}), ElementsAre(HasSubstr("between 1 and 100")));
}

}  // namespace
}  // namespace delivery::resources
