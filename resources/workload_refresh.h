// Refresh of a workload resource: truth in state, drift with its author, and whether a release is
// open.
#ifndef DELIVERY_RESOURCES_WORKLOAD_REFRESH_H_
#define DELIVERY_RESOURCES_WORKLOAD_REFRESH_H_

#include <stop_token>
#include <string>
#include <utility>

#include "provider/base/json.h"
#include "provider/delivery/state.h"
#include "provider/kubernetes/api.h"
#include "provider/value/diagnostics.h"
#include "resources/release_record.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// Where the workload of a resource is.
kubernetes::ObjectRef WorkloadRef(const WorkloadArguments& arguments,
                                  const std::string& namespace_name);
// What `import` takes: namespace/name, for another kind than a Deployment Kind/namespace/name.
std::string ImportId(const kubernetes::ObjectRef& ref);
// The namespace in an id of the form namespace/name.
std::string NamespaceOfId(const std::string& id);

// Sets what follows from `live`: uid, revision, running_images. `workload` is what was written last
// (null: nothing). A rollout that is paused before its first pod runs the version of `good`.
void SetLiveResults(const Json& live, const Json& workload, const Json& good,
                    WorkloadResults& results);

// status.message of a workload that was imported and not released since.
inline constexpr char kImported[] = "imported";

// The record in `private_state`. Where there is none it is made from the state alone: hosts drop
// the private state when an update does not return (a killed process), and keep the state.
absl::StatusOr<ReleaseRecord> RecordOf(const WorkloadArguments& arguments,
                                       const WorkloadResults& results,
                                       const schema::Attr<ReleaseStatus>& status,
                                       const std::string& private_state);
// The status of a workload that was imported and not released since.
ReleaseStatus ImportedStatus();

// The verdict of a resource whose status says no more than that.
inline schema::Attr<ReleaseStatus> VerdictOf(const schema::Attr<ReleaseStatus>& status) {
  return status;
}
inline void SetVerdict(schema::Attr<ReleaseStatus>& status, ReleaseStatus verdict) {
  status = std::move(verdict);
}

// Brings arguments, results and record up to date with `live`, the object as the server has it now,
// under the settings of the last apply. `run_is_open`: differences of our own making are the open
// run's and no drift. `paused` (null where there is no such argument) takes the drift of
// spec.paused.
void RefreshFromLive(const Json& live, bool run_is_open, WorkloadArguments& arguments,
                     schema::Attr<bool>* paused, WorkloadResults& results, ReleaseRecord& record,
                     Diagnostics& diagnostics);

// Brings the record up to date with the contents that restart_on names. What cannot be read keeps
// its last hash, with a warning.
void RefreshContents(kubernetes::Api& api, const std::string& namespace_name,
                     const WorkloadArguments& arguments, const std::stop_token& stop,
                     ReleaseRecord& record, Diagnostics& diagnostics);

// A run that another process left open, or is running.
struct OpenRun {
  ReleaseStatus status;
  engine::State state;  // as the journal has it
  std::string resource_type;
};
// The phase of a run that another process left open or is running: Interrupted, Progressing, or
// nothing (nullopt). Looks at the journal, and at the Lease if there is one. `suffix` as of
// runner::RunObjectName.
absl::StatusOr<std::optional<OpenRun>> FindOpenRun(kubernetes::Api& api,
                                                   const kubernetes::ObjectRef& ref, absl::Time now,
                                                   const std::stop_token& stop,
                                                   const std::string& suffix = "");

// The verdict on a run of another apply that was going on at the last look and is not any more.
ReleaseStatus EndedElsewhere(const Json& live);

struct RunLook {
  kubernetes::Api& api;
  absl::Time now;
  std::stop_token stop;
  kubernetes::ObjectRef ref;
  const Json& live;
};
// Whether a run is open; brings status and record up to date with it. Only a workload whose
// generation moved, or that was not finished, can have one: so an unchanged one costs nothing.
bool RefreshOpenRun(const RunLook& look, ReleaseRecord& record, schema::Attr<ReleaseStatus>& status,
                    Diagnostics& diagnostics);

// `live` without what a user would not write: managedFields, status, server-set metadata.
Json WithoutServerFields(const Json& live);

// An error of the API server as a diagnostic, with what was being done.
void AddApiError(const value::Path& path, const std::string& summary, const absl::Status& status,
                 Diagnostics& diagnostics);

// What the API server objects to in the write of a workload, in words for the user: a missing
// namespace comes with its remedy.
std::string RefusalText(const absl::Status& status, const std::string& namespace_name);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_REFRESH_H_
