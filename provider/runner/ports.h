// What the runner needs from the world, so that a release can run against a fake.
#ifndef DELIVERY_RUNNER_PORTS_H_
#define DELIVERY_RUNNER_PORTS_H_

#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/delivery/engine.h"
#include "provider/kubernetes/api.h"

namespace delivery::runner {

// The workload in the cluster. Used by one thread.
class WorkloadPort {
 public:
  virtual ~WorkloadPort() = default;
  // What is known now; does not wait for news. Fills everything but `action_result` and
  // `stop_requested`.
  virtual engine::Observation Observe(const engine::State& state) = 0;
  // Idempotent: executed again after a crash.
  virtual absl::Status Execute(const engine::Action& action) = 0;
  // Until something changed, `deadline`, or `stop`.
  virtual void WaitForChange(absl::Time deadline, const std::stop_token& stop) = 0;
};

// The same in a real cluster.
class ReleasePort : public WorkloadPort {
 public:
  // Starts the watches and waits for their first lists, so that what may not be watched is an error
  // before the first write.
  virtual absl::Status Open(const std::stop_token& stop) = 0;
  // What the last write of the user's own workload returned; nullopt before the first.
  virtual const std::optional<kubernetes::ApplyResult>& last_write() const = 0;
  // Which version that was.
  virtual const std::optional<engine::Version>& last_version() const = 0;
};

// Where the run is kept between a crash and the next apply.
class RunStore {
 public:
  virtual ~RunStore() = default;
  // Compare-and-swap: Aborted when somebody else wrote meanwhile.
  virtual absl::Status Save(const engine::State& state) = 0;
  virtual absl::Status Clear() = 0;
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_PORTS_H_
