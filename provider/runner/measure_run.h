// Asks the metrics of a release beside the loop that watches it.
#ifndef DELIVERY_RUNNER_MEASURE_RUN_H_
#define DELIVERY_RUNNER_MEASURE_RUN_H_

#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "provider/analysis/analysis.h"
#include "provider/kubernetes/api.h"
#include "provider/metrics/metric_source.h"

namespace delivery::runner {

// What a release measures. `rules` and `metrics` go together, in the same order.
struct MeasuringTarget {
  std::vector<metrics::Metric> metrics;
  std::vector<analysis::Rule> rules;
  absl::Duration interval = absl::Seconds(30);
  std::string service;  // for placeholders
  metrics::TransportOf transport;
  std::function<std::shared_ptr<http::Transport>()> url_transport;
};

// One measurement of every metric: all at once, each bounded in time. Destroying it cancels what
// still runs. Thread-safe.
class MeasureRun {
 public:
  struct Sides {
    metrics::Side judged;  // the canary; the workload itself in a rollout
    metrics::Side stable;  // asked for where a rule compares
  };
  // Starts at once. `signal` is notified at the end. What `context` refers to must outlive this.
  MeasureRun(metrics::MetricContext context, const MeasuringTarget& target, Sides sides,
             kubernetes::ChangeSignal signal);

  // The answers, once they are all there; nullopt before and after that.
  std::optional<std::vector<analysis::Measurement>> Take();

 private:
  void Run(const std::stop_token& stop);

  const metrics::MetricContext context_;
  const std::vector<metrics::Metric> metrics_;
  const std::vector<analysis::Rule> rules_;
  const Sides sides_;
  kubernetes::ChangeSignal signal_;
  mutable absl::Mutex mutex_;
  std::optional<std::vector<analysis::Measurement>> answers_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: ends before the rest goes
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_MEASURE_RUN_H_
