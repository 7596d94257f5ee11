#include "provider/runner/measure_run.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

namespace delivery::runner {
namespace {

// Requests at the same time.
constexpr size_t kMostAtOnce = 8;

// Does all of `tasks` on a few threads; those not begun at `stop` are left out.
void DoAll(const std::vector<std::function<void()>>& tasks, const std::stop_token& stop) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < tasks.size() && !stop.stop_requested(); i = next++) tasks[i]();
  };
  std::vector<std::jthread> workers;
  for (size_t i = 1; i < std::min(kMostAtOnce, tasks.size()); ++i) workers.emplace_back(work);
  work();
}

}  // namespace

MeasureRun::MeasureRun(metrics::MetricContext context, const MeasuringTarget& target, Sides sides,
                       kubernetes::ChangeSignal signal)
    : context_(std::move(context)),
      metrics_(target.metrics),
      rules_(target.rules),
      sides_(std::move(sides)),
      signal_(std::move(signal)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

std::optional<std::vector<analysis::Measurement>> MeasureRun::Take() {
  const absl::MutexLock lock(&mutex_);
  return std::exchange(answers_, std::nullopt);
}

void MeasureRun::Run(const std::stop_token& stop) {
  std::vector<analysis::Measurement> answers(metrics_.size());
  std::vector<std::function<void()>> tasks;
  const auto ask = [&](const metrics::Metric& metric, const metrics::Side& side,
                       analysis::Sample& sample) {
    tasks.emplace_back([this, &metric, &side, &sample, &stop] {
      sample = metrics::ReadMetric(context_, metric, side, stop);
    });
  };
  for (size_t i = 0; i < metrics_.size(); ++i) {
    answers[i].metric = metrics_[i].name;
    ask(metrics_[i], sides_.judged, answers[i].canary);
    if (rules_[i].ComparesWithStable()) {
      ask(metrics_[i], sides_.stable, answers[i].stable.emplace());
    }
  }
  DoAll(tasks, stop);
  if (stop.stop_requested()) return;
  {
    const absl::MutexLock lock(&mutex_);
    answers_ = std::move(answers);
  }
  signal_.Notify();
}

}  // namespace delivery::runner
