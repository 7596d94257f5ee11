// A workload that is released by switching between two slots: a Deployment for each, the object
// that switches, and the preview Service.
#ifndef DELIVERY_RUNNER_BLUE_GREEN_PORT_H_
#define DELIVERY_RUNNER_BLUE_GREEN_PORT_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "provider/routing/switch.h"
#include "provider/runner/rollout_port.h"

namespace delivery::runner {

struct BlueGreenTarget {
  routing::SwitchTarget traffic;  // with the slots of the run
  Json service;                   // the live active Service
  std::string preview_service;    // empty: none
  // What runs on the slot before it gets traffic; what runs afterwards is RolloutTarget::checks.
  std::vector<checks::Check> before_promotion;
};

// Composes a RolloutPort for each slot and a router that switches. `workload` is as for a rollout,
// under the user's name; what is written are its slots. Used by one thread. Requests end when
// `hard_stop` is requested. Steps of plain rollouts are those of the active slot.
class BlueGreenPort : public ReleasePort {
 public:
  BlueGreenPort(kubernetes::Api& api, Clock& clock, const RolloutTarget& workload,
                BlueGreenTarget target, RolloutPort::Written on_written, std::stop_token hard_stop);

  absl::Status Open(const std::stop_token& stop) override;
  engine::Observation Observe(const engine::State& state) override;
  absl::Status Execute(const engine::Action& action) override;
  void WaitForChange(absl::Time deadline, const std::stop_token& stop) override;

  // Of the active slot where it was written, else of the one that is released to.
  const std::optional<kubernetes::ApplyResult>& last_write() const override {
    return active_.last_write().has_value() ? active_.last_write() : target_.last_write();
  }
  // Of the active slot.
  const std::optional<engine::Version>& last_version() const override {
    return active_.last_version();
  }

 private:
  engine::CanarySeen ObserveTarget(const engine::State& state, engine::Observation seen) const;
  bool TargetHasNew(const Json& live) const;
  bool HasTarget() const;
  std::optional<std::string> FindForeignChange(const engine::State& state);
  absl::Status RecordRoute();
  absl::Status WriteTarget(int replicas);
  absl::Status SetTraffic(const engine::SetTraffic& action);
  absl::Status PointPreview(const engine::PointPreview& action);
  absl::Status MakePreview();
  absl::Status Empty(const std::string& slot);
  absl::Status DeleteTarget();
  absl::Status Delete(const kubernetes::ObjectRef& ref, kubernetes::Propagation propagation);
  // The Service of a slot, where the switch needs one.
  absl::Status ApplySlotService(const std::string& slot, const std::string& uid);
  absl::Status RunChecks(const engine::RunChecks& action);
  void Measure();

  kubernetes::ObjectRef ServiceRef(const std::string& name) const;
  kubernetes::ObjectRef DeploymentRef(const std::string& slot) const;

  kubernetes::Api& api_;
  Clock& clock_;
  const kubernetes::ObjectRef workload_;
  const BlueGreenTarget slots_;
  const std::string active_slot_;  // never empty: of a first release the slot that stays idle
  const WorkloadWrite new_version_;
  const std::vector<checks::Check> after_promotion_;
  const std::stop_token hard_stop_;
  kubernetes::ChangeSignal signal_;
  uint64_t seen_version_ = 0;
  std::unique_ptr<routing::TrafficRouter> router_;
  std::unique_ptr<routing::TrafficRouter> preview_;      // null: none
  std::vector<kubernetes::ObjectWatch*> route_watches_;  // the router's
  std::optional<Json> route_record_;                     // not observed yet
  bool in_place_ = false;                                // of the run
  bool switched_ = false;                                // likewise
  RolloutPort active_;
  RolloutPort target_;  // last: its checks ask the rest
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_BLUE_GREEN_PORT_H_
