#include "resources/rollout_fixture.h"

#include <utility>

#include "absl/strings/match.h"
#include "provider/kubernetes/object.h"
#include "provider/plugin/plan_check.h"
#include "provider/value/json_codec.h"

namespace delivery::resources {
namespace {

using value::Type;
using value::Value;

void ExpectNone(const std::vector<plugin::Violation>& violations, const char* what) {
  for (const plugin::Violation& one : violations) {
    ADD_FAILURE() << what << " breaks a rule of the hosts at " << one.path.ToString() << ": "
                  << one.rule;
  }
}

}  // namespace

RolloutFixture::RolloutFixture() {
  // Waits for a change in the cluster end by the real time. Behind it they end at once, and the
  // release looks again; ahead of it, where sleeps and tests move the clock, they would last.
  clock_.Advance(-absl::Hours(24));
  connection_.api = process_.api;
  connection_.default_namespace = "shop";
  cluster_.Set(connection_);
  stored_ = {NoState(), "", Value()};
  kube_->SetController([this](testing::FakeKubeApi& kube) {
    nodes_.Reconcile(kube);
    if (after_write_) after_write_();
  });
}

Value RolloutFixture::Config(const Json& manifest, const Value::Map& arguments) const {
  return ConfigWith(value::FromPlainJson(manifest), arguments);
}

Value RolloutFixture::ConfigWith(const Value& manifest, const Value::Map& arguments) const {
  Value::Map config = EmptyBlock(rollout_->schema().block);
  config["manifest"] = manifest;
  for (const auto& [name, argument] : arguments) config[name] = argument;
  return Value::Object(std::move(config));
}

Value RolloutFixture::Texts(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& text : texts) list.push_back(Value::String(text));
  return Value::MakeList(Type::String(), std::move(list));
}

Value RolloutFixture::ImagesOf(const std::map<std::string, std::string>& images) {
  return schema::EncodeAttr(ToImages(images));
}

void RolloutFixture::Store(const Value& state, const std::string& private_state,
                           const Value& identity) {
  stored_ = {state, state.is_null() ? "" : private_state, identity};
}

plugin::ReadResponse RolloutFixture::Refresh() {
  const Type type = rollout_->schema().block.ImpliedType();
  const absl::StatusOr<std::string> json = value::EncodeJson(stored_.state, type);
  EXPECT_TRUE(json.ok()) << json.status();
  const plugin::ReadResponse upgraded =
      rollout_->Upgrade(rollout_->schema().version, json.value_or("null"));
  EXPECT_TRUE(upgraded.diagnostics.empty());
  plugin::ReadResponse read =
      rollout_->Read(Call(), {upgraded.state, stored_.private_state, stored_.identity});
  ExpectNone(plugin::CheckRead(rollout_->schema(), read.state), "the refresh");
  if (!read.diagnostics.HasErrors()) Store(read.state, read.private_state, read.identity);
  return read;
}

plugin::PlanResponse RolloutFixture::Plan(const Value& config) {
  plugin::PlanResponse plan = rollout_->Plan(
      Call(), {config, stored_.state, config, stored_.private_state, stored_.identity});
  if (!plan.diagnostics.HasErrors()) {
    ExpectNone(plugin::CheckPlanned(rollout_->schema(), config, stored_.state, plan.planned,
                                    plan.requires_replace),
               "the plan");
  }
  return plan;
}

plugin::ApplyResponse RolloutFixture::Apply(const Value& config) {
  const plugin::PlanResponse plan = Plan(config);
  EXPECT_FALSE(plan.diagnostics.HasErrors()) << ::testing::PrintToString(Said(plan.diagnostics));
  EXPECT_EQ(Plan(config).planned, plan.planned) << "two plans of the same differ";
  plugin::ApplyResponse applied =
      rollout_->Apply(Call(), {config, stored_.state, plan.planned, plan.private_state, {}});
  if (!applied.diagnostics.HasErrors()) {
    ExpectNone(plugin::CheckApplied(rollout_->schema(), plan.planned, applied.state), "the apply");
  }
  EXPECT_TRUE(applied.state.IsWhollyKnown());
  Store(applied.state, applied.private_state, applied.identity);
  return applied;
}

plugin::ApplyResponse RolloutFixture::Destroy() {
  plugin::ApplyResponse applied = rollout_->Apply(
      Call(), {NoState(), stored_.state, NoState(), stored_.private_state, stored_.identity});
  Store(applied.state, applied.private_state, applied.identity);
  return applied;
}

plugin::ReadResponse RolloutFixture::Import(const std::string& id) {
  plugin::ReadResponse imported = rollout_->Import(Call(), {id, Value()});
  ExpectNone(plugin::CheckRead(rollout_->schema(), imported.state), "the import");
  Store(imported.state, imported.private_state, imported.identity);
  return imported;
}

void RolloutFixture::Release(const Value& config) {
  const plugin::ApplyResponse applied = Apply(config);
  ASSERT_THAT(Said(applied.diagnostics), ::testing::IsEmpty());
  ASSERT_EQ(Phase(), phase::kSucceeded);
}

::testing::AssertionResult RolloutFixture::PlanIsEmpty(const Value& config) {
  const plugin::PlanResponse plan = Plan(config);
  if (!plan.diagnostics.empty()) {
    return ::testing::AssertionFailure()
           << "it says " << ::testing::PrintToString(Said(plan.diagnostics));
  }
  if (!(plan.planned == stored_.state)) {
    return ::testing::AssertionFailure() << plan.planned.DebugString() << "\nis planned over\n"
                                         << stored_.state.DebugString();
  }
  return ::testing::AssertionSuccess();
}

std::string RolloutFixture::TextAt(const std::string& attribute, const std::string& member) const {
  const Value text = stored_.state.Get(attribute).Get(member);
  return text.is_string() ? text.AsString() : text.DebugString();
}

std::string RolloutFixture::ManifestImage() const {
  const Json manifest = value::ToPlainJson(stored_.state.Get("manifest")).value_or(Json());
  return kubernetes::ImagesOf(manifest)["web"];
}

std::vector<std::string> RolloutFixture::Lines(const Value& release_plan) {
  std::vector<std::string> lines;
  if (!release_plan.is_known()) return {release_plan.DebugString()};
  for (const Value& line : release_plan.elements()) lines.push_back(line.AsString());
  return lines;
}

std::vector<std::string> RolloutFixture::WorkloadWrites() const {
  std::vector<std::string> writes = Writes();
  std::erase_if(writes, [](const std::string& write) {
    return !absl::StrContains(write, "deployments") && !absl::StrContains(write, "statefulsets");
  });
  return writes;
}

void RolloutFixture::ChangeLive(const std::string& manager,
                                const std::function<void(Json&)>& change) {
  ASSERT_TRUE(kube_->Change(Web(), change, manager));
}

void RolloutFixture::BreakImage(const std::string& image) {
  nodes_.Break(image, runner::PodStatusWith(
                          runner::WaitingContainer("ImagePullBackOff", "manifest unknown")));
}

void RolloutFixture::HangImage(const std::string& image) {
  nodes_.Break(image, {{"phase", "Pending"}});
}

void RolloutFixture::StopOnceWritten(const std::string& image) {
  after_write_ = [this, image] {
    if (LiveImage() == image) stop_.request_stop();
  };
}

std::jthread RolloutFixture::PassTimeWhileLive(const std::string& image) {
  const auto live = [this, image] { return LiveImage() == image; };
  return PassTime(absl::Seconds(1), live, live);
}

void RolloutFixture::NextRun() {
  after_write_ = nullptr;
  stop_ = std::stop_source();
}

}  // namespace delivery::resources
