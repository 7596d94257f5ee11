#include "resources/image_policy_fixture.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

ImageArguments ImageFixture::With(PolicyBlock policy) {
  ImageArguments arguments;
  arguments.repository = std::string(kRepository);
  arguments.policy = std::move(policy);
  return arguments;
}

ImageArguments ImageFixture::Semver(const std::string& range) {
  PolicyBlock policy;
  policy.semver = SemverBlock{range};
  return With(std::move(policy));
}

ImageArguments ImageFixture::Newest() {
  PolicyBlock policy;
  policy.newest = NewestBlock();
  return With(std::move(policy));
}

schema::Attr<std::vector<schema::Attr<std::string>>> ImageFixture::Texts(
    const std::vector<std::string>& texts) {
  return std::vector<schema::Attr<std::string>>(texts.begin(), texts.end());
}

Value ImageFixture::ConfigOf(const schema::Schema& schema, const ImageArguments& arguments) {
  Value::Map config = EmptyBlock(schema.block);
  const Value given = ImageArguments::Declaration().Encode(arguments);
  for (const auto& [name, argument] : given.entries()) config[name] = argument;
  return Value::Object(std::move(config));
}

std::string ImageFixture::Push(const std::string& tag, const Json& config) {
  Json whole = {{"comment", tag}, {"created", "2023-11-01T00:00:00Z"}};
  whole.update(config);
  return registry_->AddImage("team/web", tag, whole);
}

std::vector<std::string> ImageFixture::Requests() const {
  std::vector<std::string> texts;
  const std::vector<http::Request> all = registry_->requests();
  for (size_t i = forgotten_; i < all.size(); ++i) {
    std::string what = all[i].url.substr(all[i].url.rfind('/') + 1);
    if (absl::StrContains(what, "list")) what = "tags";
    if (absl::StrContains(all[i].url, "/blobs/")) what = "blob";
    texts.push_back(absl::StrCat(all[i].method, " ", what));
  }
  return texts;
}

void ImageFixture::AnswerAlways(int status) {
  registry_->Intercept([status](const http::Request&) { return http::Response{status, {}, ""}; });
}

std::vector<std::string> ImageFixture::SkippedIn(const Value& state) {
  std::vector<std::string> texts;
  const Value skipped = state.Get("skipped");
  if (!skipped.is_known()) return {skipped.DebugString()};
  for (const Value& one : skipped.elements()) {
    texts.push_back(absl::StrCat(TextOf(one.Get("tag")), ": ", TextOf(one.Get("reason"))));
  }
  return texts;
}

void ImagePolicyFixture::Store(const Value& state, const std::string& private_state,
                               const Value& identity) {
  stored_ = {state, state.is_null() ? "" : private_state, identity};
}

plugin::ReadResponse ImagePolicyFixture::Refresh() {
  const absl::StatusOr<std::string> json =
      value::EncodeJson(stored_.state, policy_->schema().block.ImpliedType());
  EXPECT_TRUE(json.ok()) << json.status();
  const plugin::ReadResponse upgraded =
      policy_->Upgrade(policy_->schema().version, json.value_or("null"));
  EXPECT_TRUE(upgraded.diagnostics.empty());
  plugin::ReadResponse read =
      policy_->Read(Call(), {upgraded.state, stored_.private_state, stored_.identity});
  ExpectNone(plugin::CheckRead(policy_->schema(), read.state), "the refresh");
  EXPECT_EQ(read.identity, stored_.identity) << "a refresh may not change the identity";
  if (!read.diagnostics.HasErrors()) Store(read.state, read.private_state, read.identity);
  return read;
}

plugin::PlanResponse ImagePolicyFixture::Plan(const ImageArguments& arguments) {
  const Value config = Config(arguments);
  EXPECT_THAT(Said(policy_->Validate(config)), ::testing::IsEmpty());
  plugin::PlanResponse plan = policy_->Plan(
      Call(), {config, stored_.state, config, stored_.private_state, stored_.identity});
  if (plan.diagnostics.HasErrors()) return plan;
  ExpectNone(plugin::CheckPlanned(policy_->schema(), config, stored_.state, plan.planned,
                                  plan.requires_replace),
             "the plan");
  if (!stored_.identity.is_null() && plan.requires_replace.empty()) {
    EXPECT_TRUE(plan.identity.is_null() || plan.identity == stored_.identity)
        << "an update may not change the identity";
  }
  return plan;
}

plugin::ApplyResponse ImagePolicyFixture::Apply(const ImageArguments& arguments) {
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_FALSE(plan.diagnostics.HasErrors()) << ::testing::PrintToString(Said(plan.diagnostics));
  EXPECT_EQ(Plan(arguments).planned, plan.planned) << "two plans of the same differ";
  return ApplyPlan(arguments, plan);
}

plugin::ApplyResponse ImagePolicyFixture::ApplyPlan(const ImageArguments& arguments,
                                                    const plugin::PlanResponse& plan) {
  plugin::ApplyResponse applied = policy_->Apply(
      Call(), {Config(arguments), stored_.state, plan.planned, plan.private_state, plan.identity});
  if (!applied.diagnostics.HasErrors()) {
    ExpectNone(plugin::CheckApplied(policy_->schema(), plan.planned, applied.state), "the apply");
    EXPECT_EQ(applied.identity, plan.identity) << "the apply has another identity than the plan";
  }
  EXPECT_TRUE(applied.state.IsWhollyKnown());
  Store(applied.state, applied.private_state, applied.identity);
  return applied;
}

plugin::ReadResponse ImagePolicyFixture::Import(const std::string& id, const Value& identity) {
  plugin::ReadResponse imported = policy_->Import(Call(), {id, identity});
  ExpectNone(plugin::CheckRead(policy_->schema(), imported.state), "the import");
  Store(imported.state, imported.private_state, imported.identity);
  return imported;
}

void ImagePolicyFixture::Select(const ImageArguments& arguments) {
  ASSERT_THAT(Said(Apply(arguments).diagnostics), ::testing::IsEmpty());
}

void ImagePolicyFixture::RefreshAndSelect(const ImageArguments& arguments) {
  ASSERT_THAT(Said(Refresh().diagnostics), ::testing::IsEmpty());
  Select(arguments);
}

::testing::AssertionResult ImagePolicyFixture::PlanIsEmpty(const ImageArguments& arguments) {
  const plugin::PlanResponse plan = Plan(arguments);
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

}  // namespace delivery::resources
