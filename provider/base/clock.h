// Time as a dependency: everything outside the pure engine that needs the time or a wait takes a
// Clock, so that tests run without sleeping and StopProvider wakes every wait at once.
#ifndef DELIVERY_BASE_CLOCK_H_
#define DELIVERY_BASE_CLOCK_H_

#include <stop_token>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace delivery {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() = 0;

  // Blocks until `deadline`, or until `stop` is requested. Returns false when stopped.
  virtual bool SleepUntil(absl::Time deadline, const std::stop_token& stop) = 0;

  bool Sleep(absl::Duration duration, const std::stop_token& stop) {
    return SleepUntil(Now() + duration, stop);
  }

  // The system's clock; never destroyed.
  static Clock& Real();
};

// A clock that moves only when told to, or when somebody sleeps on it (a sleep returns at once and
// moves the time to its deadline). Thread-safe.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : now_(start) {}

  absl::Time Now() override;
  bool SleepUntil(absl::Time deadline, const std::stop_token& stop) override;
  void Advance(absl::Duration duration);

 private:
  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace delivery

#endif  // DELIVERY_BASE_CLOCK_H_
