// Everything a release works with, gathered before its first write.
#ifndef DELIVERY_RESOURCES_WORKLOAD_PREPARE_H_
#define DELIVERY_RESOURCES_WORKLOAD_PREPARE_H_

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/checks/check.h"
#include "provider/metrics/metric_source.h"
#include "provider/runner/journal.h"
#include "provider/runner/release.h"
#include "resources/cluster.h"
#include "resources/workload_apply.h"
#include "resources/workload_plan.h"

namespace delivery::resources {

struct Prepared {
  kubernetes::ObjectRef ref;       // the workload as the user calls it; names journal and Lease
  kubernetes::ObjectRef live_ref;  // what `live` is: the same, or the slot that serves
  Json declared;                   // what the user asks for
  WriteIntent intent;              // what is written: the same, but for live values that are kept
  std::optional<Json> live;        // the object as it is, nullopt when there is none
  std::optional<WorkloadVersion> before;  // what is released over, as it is recorded
  std::optional<Json> previous;           // what a rollback writes
  bool adopting = false;
  bool of_somebody_else = false;  // `before` was made by others: imported or adopted
  bool by_canary = false;         // otherwise in place
  bool by_switch = false;         // likewise, of a blue-green release
  std::optional<runner::JournalEntry>
      open;                           // an unfinished run, looked for where it may be a canary
  std::vector<checks::Check> checks;  // that follow the rollout or the promotion
  engine::AnalysisPlan analysis;
  std::vector<metrics::Metric> metrics;  // in the order of the plan's
  std::optional<runner::CanaryTarget> canary;
  std::optional<runner::BlueGreenTarget> blue_green;
  ContentHashes contents;  // of what restart_on names
  std::string identity;    // of the run: the same for the apply that resumes it
};

// Looks at everything that decides what is written; changes nothing. An error says so.
absl::StatusOr<Prepared> Prepare(const Connection& connection, const ReleaseJob& job,
                                 const std::stop_token& stop);

// A first release over an existing object: its own unfinished one, an adoption, or an error.
absl::Status PrepareCreateOverExisting(const Connection& connection, const ReleaseJob& job,
                                       Prepared& prepared, const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_PREPARE_H_
