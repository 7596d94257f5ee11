// Runs tasks at given times on one thread, started with the first task.
#ifndef DELIVERY_KUBERNETES_TIMER_THREAD_H_
#define DELIVERY_KUBERNETES_TIMER_THREAD_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/time/time.h"

namespace delivery::kubernetes {

// Thread-safe. Tasks that are due run one after the other, in real time whatever the clock of the
// program; those not yet due when the object is destroyed never run. The destructor waits for the
// task that runs now, unless that task is what destroys the object.
class TimerThread {
 public:
  TimerThread();
  ~TimerThread();
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;

  void RunAfter(absl::Duration delay, std::function<void()> task);

 private:
  struct State;
  static void Loop(State& state);

  const std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object
};

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_TIMER_THREAD_H_
