#include "provider/kubernetes/timer_thread.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

namespace delivery::kubernetes {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

}  // namespace

struct TimerThread::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  std::multimap<SteadyTime, std::function<void()>> tasks;
  std::thread thread;
};

TimerThread::TimerThread() : state_(std::make_shared<State>()) {}

TimerThread::~TimerThread() {
  std::thread thread;
  std::multimap<SteadyTime, std::function<void()>> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    dropped.swap(state_->tasks);
    thread.swap(state_->thread);
  }
  state_->changed.notify_all();
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

void TimerThread::RunAfter(absl::Duration delay, std::function<void()> task) {
  const auto due =
      std::chrono::steady_clock::now() +
      absl::ToChronoMicroseconds(std::clamp(delay, absl::ZeroDuration(), absl::Hours(24)));
  {
    const std::lock_guard lock(state_->mutex);
    state_->tasks.emplace(due, std::move(task));
    if (!state_->thread.joinable()) {
      state_->thread = std::thread([state = state_] { Loop(*state); });
    }
  }
  state_->changed.notify_all();
}

void TimerThread::Loop(State& state) {
  std::unique_lock lock(state.mutex);
  while (!state.stopped) {
    if (state.tasks.empty()) {
      state.changed.wait(lock);
      continue;
    }
    const auto first = state.tasks.begin();
    if (first->first > std::chrono::steady_clock::now()) {
      const SteadyTime due = first->first;  // the task may be gone while we wait
      state.changed.wait_until(lock, due);
      continue;
    }
    std::function<void()> task = std::move(first->second);
    state.tasks.erase(first);
    lock.unlock();
    task();
    task = nullptr;  // what it holds may end this timer
    lock.lock();
  }
}

}  // namespace delivery::kubernetes
