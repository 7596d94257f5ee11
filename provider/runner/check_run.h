// Runs the checks of a release beside the loop that watches it.
#ifndef DELIVERY_RUNNER_CHECK_RUN_H_
#define DELIVERY_RUNNER_CHECK_RUN_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "provider/checks/check.h"
#include "provider/delivery/engine.h"
#include "provider/kubernetes/api.h"

namespace delivery::runner {

// One after another, until one fails. Destroying it cancels what still runs. Thread-safe.
class CheckRun {
 public:
  // Starts at once. `signal` is notified at the end. What `context` refers to must outlive this.
  CheckRun(checks::CheckContext context, std::vector<checks::Check> checks,
           kubernetes::ChangeSignal signal);

  // kRunning, kPassed or kFailed. A cancelled run stays kRunning.
  engine::Checks verdict() const;
  // With kFailed: "check smoke: ...".
  std::string failure() const;

 private:
  void Run(const std::stop_token& stop);

  const checks::CheckContext context_;
  const std::vector<checks::Check> checks_;
  kubernetes::ChangeSignal signal_;
  mutable absl::Mutex mutex_;
  engine::Checks verdict_ ABSL_GUARDED_BY(mutex_) = engine::Checks::kRunning;
  std::string failure_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: ends before the rest goes
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_CHECK_RUN_H_
