// For tests of delivery_image_policy: the resource over a registry in memory, and what a host does
// with it between two runs.
#ifndef DELIVERY_RESOURCES_IMAGE_POLICY_FIXTURE_H_
#define DELIVERY_RESOURCES_IMAGE_POLICY_FIXTURE_H_

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/clock.h"
#include "provider/plugin/resource.h"
#include "resources/catalog.h"
#include "resources/image_policy_arguments.h"
#include "resources/registries.h"
#include "resources/workload_fixture.h"
#include "tests/support/fake_registry.h"

namespace delivery::resources {

// What an image policy and an image data source are asked with.
class ImageFixture : public ::testing::Test {
 protected:
  using Value = value::Value;

  static constexpr char kRepository[] = "registry.example.com/team/web";

  static ImageArguments With(PolicyBlock policy);
  static ImageArguments Semver(const std::string& range);
  static ImageArguments Newest();
  static schema::Attr<std::vector<schema::Attr<std::string>>> Texts(
      const std::vector<std::string>& texts);
  // What a host makes of a configuration with these arguments.
  static Value ConfigOf(const schema::Schema& schema, const ImageArguments& arguments);

  // An image of its own for each tag, created at `created`; returns the digest.
  std::string Push(const std::string& tag, const Json& config = Json::object());
  // What was asked of the repository since the last ForgetRequests: "GET tags", "HEAD 1.0.0".
  std::vector<std::string> Requests() const;
  void ForgetRequests() { forgotten_ = registry_->requests().size(); }
  // Every request gets this answer, until AnswerAgain.
  void AnswerAlways(int status);
  void AnswerAgain() { registry_->Intercept(nullptr); }

  static std::string TextOf(const Value& text) {
    return text.is_string() ? text.AsString() : text.DebugString();
  }
  // "1.0.0: excluded"
  static std::vector<std::string> SkippedIn(const Value& state);

  SimulatedClock clock_{absl::FromUnixSeconds(1'700'000'000)};  // 2023-11-14T22:13:20Z
  const std::shared_ptr<testing::FakeRegistry> registry_ =
      std::make_shared<testing::FakeRegistry>();
  // Nobody is logged in.
  Registries registries_{clock_, [](const std::string&) { return std::nullopt; },
                         [this](const http::TransportOptions&) { return registry_; }};

 private:
  size_t forgotten_ = 0;
};

// A host follows a plan by an apply of the same configuration. Answers are held to the hosts' own
// rules (plugin/plan_check.h); a violation fails the test.
class ImagePolicyFixture : public ImageFixture {
 protected:
  // What a host stores. State and private state stay together; a null state is none.
  struct Stored {
    Value state;
    std::string private_state;
    Value identity;
  };

  ImagePolicyFixture() { stored_.state = NoState(); }

  Value Config(const ImageArguments& arguments) const {
    return ConfigOf(policy_->schema(), arguments);
  }
  // Reads the stored state as a host does before each plan, and stores the result.
  plugin::ReadResponse Refresh();
  plugin::PlanResponse Plan(const ImageArguments& arguments);
  // What an apply without refresh does: plans, plans again, applies, and stores what is left.
  plugin::ApplyResponse Apply(const ImageArguments& arguments);
  // The second half of it.
  plugin::ApplyResponse ApplyPlan(const ImageArguments& arguments,
                                  const plugin::PlanResponse& plan);
  plugin::ReadResponse Import(const std::string& id, const Value& identity = Value());
  // Apply, which is expected to succeed without a word.
  void Select(const ImageArguments& arguments);
  // A refresh and an apply, as after each `terraform apply`; both are expected to succeed.
  void RefreshAndSelect(const ImageArguments& arguments);
  // True when a plan would change nothing, and says nothing.
  ::testing::AssertionResult PlanIsEmpty(const ImageArguments& arguments);

  // Of the stored state.
  std::string Text(const std::string& attribute) const {
    return TextOf(stored_.state.Get(attribute));
  }
  Value NoState() const { return Value::Null(policy_->schema().block.ImpliedType()); }

  const std::unique_ptr<plugin::Resource> policy_ = MakeImagePolicy(registries_);
  std::stop_source stop_;
  Stored stored_;

 private:
  plugin::CallContext Call() const { return {stop_.get_token()}; }
  void Store(const Value& state, const std::string& private_state, const Value& identity);
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_IMAGE_POLICY_FIXTURE_H_
