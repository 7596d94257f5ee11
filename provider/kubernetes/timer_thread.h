// Runs tasks at given times on one thread, started with the first task.
#ifndef DELIVERY_KUBERNETES_TIMER_THREAD_H_
#define DELIVERY_KUBERNETES_TIMER_THREAD_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "absl/time/time.h"

namespace delivery::kubernetes {

// Thread-safe. Tasks that are due run one after the other; those not yet due when the object is
// destroyed never run.
class TimerThread {
 public:
  TimerThread() = default;
  ~TimerThread();
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;

  void RunAfter(absl::Duration delay, std::function<void()> task);

 private:
  void Loop(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<absl::Time, std::function<void()>> tasks_;
  std::jthread thread_;
};

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_TIMER_THREAD_H_
