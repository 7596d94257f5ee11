#include "provider/kubernetes/timer_thread.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace delivery::kubernetes {

TimerThread::~TimerThread() {
  // Joined here, while the members that the thread uses are alive.
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
}

void TimerThread::RunAfter(absl::Duration delay, std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.emplace(absl::Now() + delay, std::move(task));
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
  }
  changed_.notify_all();
}

void TimerThread::Loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (tasks_.empty()) {
      changed_.wait(lock, stop, [this] { return !tasks_.empty(); });
      continue;
    }
    const absl::Duration left = tasks_.begin()->first - absl::Now();
    if (left > absl::ZeroDuration()) {
      const absl::Time first = tasks_.begin()->first;
      changed_.wait_for(lock, stop, absl::ToChronoNanoseconds(std::min(left, absl::Hours(1))),
                        [&] { return tasks_.begin()->first < first; });
      continue;
    }
    std::function<void()> task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace delivery::kubernetes
