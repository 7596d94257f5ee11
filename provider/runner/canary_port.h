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
// by one thread.
class CanaryPort : public WorkloadPort {
 public:
  // `stable` as for a rollout: its new_version is what the promotion writes, and what the canary's
  // Deployment is made from.
  CanaryPort(kubernetes::Api& api, Clock& clock, RolloutTarget stable, CanaryTarget canary,
             RolloutPort::Written on_written, std::stop_token hard_stop);

  absl::Status Open(const std::stop_token& stop);

  engine::Observation Observe(const engine::State& state) override;
  absl::Status Execute(const engine::Action& action) override;
  void WaitForChange(absl::Time deadline, const std::stop_token& stop) override;

  const std::optional<kubernetes::ApplyResult>& last_write() const;
  const std::optional<engine::Version>& last_version() const;
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_CANARY_PORT_H_
