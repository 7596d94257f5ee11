#include "resources/canary_fixture.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "provider/kubernetes/object.h"

namespace delivery::resources {
namespace {

using value::Type;
using value::Value;

const schema::Block& Nested(const schema::Block& block, const std::string& name) {
  for (const schema::BlockType& nested : block.blocks) {
    if (nested.name == name) return nested.block;
  }
  ADD_FAILURE() << "there is no block " << name;
  return block;
}

}  // namespace

CanaryFixture::CanaryFixture() {
  rollout_ = MakeCanaryRelease(cluster_);
  stored_ = {NoState(), "", Value()};
  kube_->AddType({"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"});
  kube_->Put(*ParseJson(R"({"apiVersion": "v1", "kind": "Service",
      "metadata": {"name": "web", "namespace": "shop"},
      "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})"));
  kube_->Put(*ParseJson(R"({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
      "metadata": {"name": "web", "namespace": "shop"},
      "spec": {"parentRefs": [{"name": "gateway"}],
               "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}})"));
  route_before_ = Live(Route())["spec"];
  after_write_ = [this] { Note(); };
  time_ = std::jthread([this](const std::stop_token& end) {
    const std::set<std::string> waits = {"hold",    "scale_down_delay", "await_stable",
                                         "observe", "after_switch",     "retire_delay"};
    while (Clock::Real().Sleep(absl::Milliseconds(1), end)) {
      if (time_passes_ && waits.count(StoredStep()) != 0) clock_.Advance(absl::Seconds(1));
    }
  });
}

CanaryFixture::~CanaryFixture() {
  time_ = {};
  kube_->SetController(nullptr);
}

Value CanaryFixture::Block(const std::vector<std::string>& path, const Value::Map& members) const {
  const schema::Block* block = &rollout_->schema().block;
  for (const std::string& name : path) block = &Nested(*block, name);
  Value::Map made = EmptyBlock(*block);
  for (const auto& [name, member] : members) made[name] = member;
  return Value::Object(std::move(made));
}

Value CanaryFixture::Step(int weight, const Value::Map& members) const {
  Value::Map all = {{"weight", Value::Number(weight)}, {"hold", Value::String("10s")}};
  for (const auto& [name, member] : members) all[name] = member;
  return Block({"step"}, all);
}

Value CanaryFixture::Steps(const std::vector<Value>& steps) const {
  return Value::MakeList(Nested(rollout_->schema().block, "step").ImpliedType(), steps);
}

Value CanaryFixture::Routed() const {
  return Block(
      {"traffic"},
      {{"gateway_api", Block({"traffic", "gateway_api"}, {{"route", Value::String("web")},
                                                          {"service", Value::String("web")}})}});
}

Value CanaryFixture::Shared() const {
  return Block({"traffic"}, {{"replicas", Block({"traffic", "replicas"}, {})}});
}

Value CanaryFixture::NoRestarts() const {
  const Value metric = Block({"analysis", "metric"}, {{"name", Value::String("restarts")},
                                                      {"max", Value::Number(0)},
                                                      {"kubernetes", Value::String("restarts")}});
  return Block({"analysis"}, {{"interval", Value::String("5s")},
                              {"metric", Value::MakeList(metric.type(), {metric})}});
}

Value CanaryFixture::CanaryConfig(const std::string& image, const Value::Map& arguments) const {
  Value::Map all = {{"traffic", Routed()}, {"step", Steps({Step(10), Step(50)})}};
  for (const auto& [name, argument] : arguments) all[name] = argument;
  return Config(Manifest(image, 4), all);
}

void CanaryFixture::ReleaseStable(const Value::Map& arguments) {
  Release(CanaryConfig(kOld, arguments));
  Refresh();
  shares_.clear();
  kube_->ForgetRequests();
}

void CanaryFixture::HoldNew(const Value::Map& arguments) {
  ReleaseStable(arguments);
  Value::Map held = arguments;
  held["approve_up_to"] = Up(10);
  ASSERT_THAT(ApplySays(CanaryConfig(kNew, held)), ::testing::IsEmpty());
  ASSERT_EQ(Phase(), phase::kHeld);
}

int CanaryFixture::CanaryShare() const {
  const Json refs = Live(Route())["spec"]["rules"][0]["backendRefs"];
  for (const Json& ref : refs) {
    if (GetString(ref, "name") == "web-canary") return static_cast<int>(GetInt(ref, "weight", 1));
  }
  return 0;
}

void CanaryFixture::Note() {
  const int share = CanaryShare();
  if (shares_.empty() || shares_.back() != share) shares_.push_back(share);
  if (restarts_with_traffic_ && share > 0) RestartCanary();
}

std::string CanaryFixture::StoredStep() const {
  const Json journal = Live(JournalRef());
  if (journal.is_null()) return "none";
  return GetString(ParseJson(GetString(GetObject(journal, "data"), "state")).value_or(Json()),
                   "step");
}

void CanaryFixture::RestartPods(const std::string& prefix) {
  for (const Json& pod : kube_->All("v1", "Pod")) {
    if (!absl::StartsWith(kubernetes::NameOf(pod), prefix)) continue;
    Json status = kubernetes::Status(pod);
    if (status.contains("containerStatuses")) continue;
    status["containerStatuses"] =
        Json::array({{{"name", "web"}, {"ready", true}, {"restartCount", 2}}});
    kube_->SetStatus(kubernetes::RefOf(pod), status);
  }
}

::testing::AssertionResult CanaryFixture::NothingIsLeft() const {
  for (const kubernetes::ObjectRef& ref : {Canary(), CanaryService(), JournalRef(), LeaseRef()}) {
    if (Exists(ref)) return ::testing::AssertionFailure() << ref.ToString() << " is left";
  }
  if (Live(Route())["spec"] == route_before_) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the route is " << DumpJson(Live(Route())["spec"]);
}

}  // namespace delivery::resources
