#include "provider/base/clock.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace delivery {
namespace {

class RealClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  bool SleepUntil(absl::Time deadline, const std::stop_token& stop) override {
    std::mutex mutex;
    std::condition_variable_any condition;
    std::unique_lock lock(mutex);
    // Waits on the steady clock so that a clock step does not stretch or cut a wait. An infinite
    // wait is bounded, since adding it to the steady clock would overflow.
    constexpr absl::Duration kLongest = absl::Hours(24 * 365);
    const absl::Duration left = std::clamp(deadline - Now(), absl::ZeroDuration(), kLongest);
    const auto span = absl::ToChronoNanoseconds(left);
    condition.wait_for(lock, stop, span, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

Clock& Clock::Real() {
  static Clock* const clock = new RealClock;
  return *clock;
}

absl::Time SimulatedClock::Now() {
  absl::MutexLock lock(&mutex_);
  return now_;
}

bool SimulatedClock::SleepUntil(absl::Time deadline, const std::stop_token& stop) {
  if (stop.stop_requested()) return false;
  absl::MutexLock lock(&mutex_);
  now_ = std::max(now_, deadline);
  return true;
}

void SimulatedClock::Advance(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  now_ += duration;
}

}  // namespace delivery
