// A workload that is released by a canary: the stable Deployment, the canary's Deployment and
// Service, and the route between them.
#ifndef DELIVERY_RUNNER_CANARY_PORT_H_
#define DELIVERY_RUNNER_CANARY_PORT_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "provider/routing/traffic_router.h"
#include "provider/runner/canary_objects.h"
#include "provider/runner/rollout_port.h"

namespace delivery::runner {

struct CanaryTarget {
  CanaryNaming naming;
  // Of a canary, or of a variant: that one never becomes the workload, whose own releases are none
  // of its business.
  std::string noun = "canary";
  bool promotes = true;
  routing::TrafficTarget traffic;
  Json service;  // the live Service; null where the backend has none
  std::map<std::string, std::string> canary_labels;
  // Checks by the moment they run at; those of steps by the step's index. What runs after the
  // promotion is RolloutTarget::checks.
  std::vector<checks::Check> before_traffic;
  std::vector<checks::Check> before_promotion;
  std::map<int, std::vector<checks::Check>> of_steps;
};

// Composes a RolloutPort for the stable Deployment, one for the canary's, and a TrafficRouter. Used
// by one thread. Requests end when `hard_stop` is requested. Steps of plain rollouts are those of
// the stable Deployment.
class CanaryPort : public ReleasePort {
 public:
  // `stable` as for a rollout: its new_version is what the promotion writes, and what the canary's
  // Deployment is made from.
  CanaryPort(kubernetes::Api& api, Clock& clock, RolloutTarget stable, CanaryTarget canary,
             RolloutPort::Written on_written, std::stop_token hard_stop);

  absl::Status Open(const std::stop_token& stop) override;
  engine::Observation Observe(const engine::State& state) override;
  absl::Status Execute(const engine::Action& action) override;
  void WaitForChange(absl::Time deadline, const std::stop_token& stop) override;

  const std::optional<kubernetes::ApplyResult>& last_write() const override {
    return stable_.last_write();
  }
  const std::optional<engine::Version>& last_version() const override {
    return stable_.last_version();
  }

 private:
  enum class Side { kStable, kCanary };
  engine::CanarySeen ObserveCanary(const engine::State& state);
  // Whether an object that has the name of one of the canary's is the release's.
  bool IsOurs(const Json& object) const;
  bool IsGone(bool deployment_exists) const;
  std::optional<std::string> FindForeignChange(const engine::State& state);
  std::optional<std::string> FindEdit(const RolloutPort& port, const Json& manifest,
                                      const Json& opened) const;
  absl::Status Refuse(const kubernetes::ObjectRef& ref);
  absl::Status RecordRoute();
  absl::Status ApplyCanary(int replicas);
  absl::Status SetTraffic(const engine::SetTraffic& action);
  // Unavailable while no pod of `side` can be sent requests by its Service.
  absl::Status CheckEndpoints(Side side);
  absl::Status DeleteCanary();
  absl::Status Delete(const kubernetes::ObjectRef& ref, kubernetes::Propagation propagation);
  absl::Status RunChecks(const engine::RunChecks& action);
  void Measure();

  kubernetes::ObjectRef CanaryDeploymentRef() const;
  kubernetes::ObjectRef CanaryServiceRef() const;
  std::string StableUid() const;

  kubernetes::Api& api_;
  Clock& clock_;
  const CanaryTarget target_;
  const WorkloadWrite new_version_;
  const std::optional<WorkloadWrite> previous_version_;
  const std::vector<checks::Check> after_promotion_;
  const std::stop_token hard_stop_;
  kubernetes::ChangeSignal signal_;
  uint64_t seen_version_ = 0;
  std::unique_ptr<routing::TrafficRouter> router_;
  std::vector<kubernetes::ObjectWatch*> route_watches_;  // the router's
  std::unique_ptr<kubernetes::ObjectWatch> service_;     // the canary's; null where it has none
  std::optional<Json> route_record_;                     // not observed yet
  bool measures_stable_ = false;  // a rollout of the stable Deployment goes on
  // The Deployments when the watches began: what ran then.
  Json opened_stable_;
  Json opened_canary_;
  RolloutPort canary_;
  RolloutPort stable_;  // last: its checks ask the rest
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_CANARY_PORT_H_
