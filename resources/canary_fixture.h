// For tests of delivery_canary_release: the resource over a cluster with a Service and a route, and
// time that passes while a canary holds.
#ifndef DELIVERY_RESOURCES_CANARY_FIXTURE_H_
#define DELIVERY_RESOURCES_CANARY_FIXTURE_H_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "resources/rollout_fixture.h"

namespace delivery::resources {

class CanaryFixture : public RolloutFixture {
 protected:
  static constexpr char kThird[] = "registry.test/web:3";

  CanaryFixture();
  ~CanaryFixture() override;

  static kubernetes::ObjectRef Canary() { return {"apps/v1", "Deployment", "shop", "web-canary"}; }
  static kubernetes::ObjectRef CanaryService() { return {"v1", "Service", "shop", "web-canary"}; }
  static kubernetes::ObjectRef Route() {
    return {"gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "web"};
  }

  // A block of the resource with these members; `path` leads to it: {"traffic", "gateway_api"}.
  Value Block(const std::vector<std::string>& path, const Value::Map& members) const;
  Value Step(int weight, const Value::Map& members = {}) const;
  Value Steps(const std::vector<Value>& steps) const;
  // Through the HTTPRoute, or by the ratio of ready pods.
  Value Routed() const;
  Value Shared() const;
  // A metric that fails as soon as a pod has restarted.
  Value NoRestarts() const;
  // Two steps, 10 and 50 percent for 10 s each, through the HTTPRoute, of four pods.
  Value CanaryConfig(const std::string& image, const Value::Map& arguments = {}) const;
  static Value Up(int weight) { return Value::Number(weight); }

  // The first release of kOld.
  void ReleaseStable(const Value::Map& arguments = {});
  // A release of kNew that is held at 10 percent.
  void HoldNew(const Value::Map& arguments = {});

  // Percent that the route sends to the canary, and its values one after another.
  int CanaryShare() const;
  const std::vector<int>& shares() const { return shares_; }
  std::string StoredStep() const;
  bool Exists(const kubernetes::ObjectRef& ref) const { return !Live(ref).is_null(); }
  // Pods whose name begins so have restarted.
  void RestartPods(const std::string& prefix);
  void RestartCanary() { RestartPods("web-canary-"); }
  ::testing::AssertionResult NothingIsLeft() const;
  std::vector<std::string> ApplySays(const Value& config) {
    return Said(Apply(config).diagnostics);
  }
  std::vector<std::string> PlanLines(const Value& config) {
    return Lines(Plan(config).planned.Get("release_plan"));
  }
  Value StatusOf(const std::string& member) const {
    return stored_.state.Get("status").Get(member);
  }

  std::atomic<bool> time_passes_ = true;
  std::atomic<bool> restarts_with_traffic_ = false;
  Json route_before_;

 private:
  void Note();

  std::vector<int> shares_;
  std::jthread time_;  // last: uses the rest
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CANARY_FIXTURE_H_
