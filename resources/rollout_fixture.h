// For tests of delivery_rollout: the resource over a cluster in memory, and what a host does with
// it between two runs.
#ifndef DELIVERY_RESOURCES_ROLLOUT_FIXTURE_H_
#define DELIVERY_RESOURCES_ROLLOUT_FIXTURE_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/plugin/resource.h"
#include "provider/runner/runner_fixture.h"
#include "resources/catalog.h"
#include "resources/cluster.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {

// A host follows a plan by an apply of the same configuration. Answers are held to the hosts' own
// rules (plugin/plan_check.h); a violation fails the test.
class RolloutFixture : public runner::RunnerFixture {
 protected:
  using Value = value::Value;

  // What a host stores. State and private state stay together; a null state is none.
  struct Stored {
    Value state;
    std::string private_state;
    Value identity;
  };

  RolloutFixture();

  // The configuration with this manifest; other arguments are null unless they are given.
  Value Config(const Json& manifest, const Value::Map& arguments = {}) const;
  Value ConfigWith(const Value& manifest, const Value::Map& arguments) const;
  // That of Manifest(image).
  Value ConfigFor(const std::string& image, const Value::Map& arguments = {}) const {
    return Config(Manifest(image), arguments);
  }
  static Value Texts(const std::vector<std::string>& texts);
  static Value ImagesOf(const std::map<std::string, std::string>& images);

  // Reads the stored state as a host does before each plan, and stores the result.
  plugin::ReadResponse Refresh();
  plugin::PlanResponse Plan(const Value& config);
  // What an apply without refresh does: plans, plans again, applies, and stores what is left.
  plugin::ApplyResponse Apply(const Value& config);
  plugin::ApplyResponse Destroy();
  plugin::ReadResponse Import(const std::string& id);
  // Apply, which is expected to say nothing.
  void Release(const Value& config);
  // True when a plan would change nothing, and says nothing.
  ::testing::AssertionResult PlanIsEmpty(const Value& config);

  // Of the stored state.
  std::string Phase() const { return TextAt("status", "phase"); }
  std::string Message() const { return TextAt("status", "message"); }
  // The image of container "web" inside `manifest`.
  std::string ManifestImage() const;
  std::string TextAt(const std::string& attribute, const std::string& member) const;
  static std::vector<std::string> Lines(const Value& release_plan);

  // Writes to the workload that reached the cluster since the last ForgetRequests.
  std::vector<std::string> WorkloadWrites() const;
  // Others change the workload.
  void ChangeLive(const std::string& manager, const std::function<void(Json&)>& change);
  // Pods with this image cannot start: the release fails at once. Or they hang for ever.
  void BreakImage(const std::string& image);
  void HangImage(const std::string& image);
  // The user presses Ctrl-C once the workload was written with this image.
  void StopOnceWritten(const std::string& image);
  // Time passes quickly while the workload has this image: not for what comes before and after.
  std::jthread PassTimeWhileLive(const std::string& image);
  Value NoState() const { return Value::Null(rollout_->schema().block.ImpliedType()); }
  // Forgets that a stop was requested, and what is to happen after writes.
  void NextRun();

  Cluster cluster_{clock_};
  Connection connection_;
  std::unique_ptr<plugin::Resource> rollout_ = MakeRollout(cluster_);
  runner::FakeNodes nodes_;
  std::stop_source stop_;
  Stored stored_;
  // Called after each write, when the cluster's controllers are done with it.
  std::function<void()> after_write_;

 private:
  plugin::CallContext Call() const { return {stop_.get_token()}; }
  void Store(const Value& state, const std::string& private_state, const Value& identity);
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_ROLLOUT_FIXTURE_H_
