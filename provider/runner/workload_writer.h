// Writes the user's workload object by server-side apply, and explains refusals.
#ifndef DELIVERY_RUNNER_WORKLOAD_WRITER_H_
#define DELIVERY_RUNNER_WORKLOAD_WRITER_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/field_path.h"

namespace delivery::runner {

struct WorkloadWrite {
  Json manifest;  // only the fields the user named
  // Take every field from other managers (force_conflicts).
  bool force = false;
  // Fields that were ours, that somebody changed, and whose correction the user has seen in the
  // plan: these are taken back without `force`.
  std::vector<kubernetes::FieldPath> agreed;
  // Take fields over from the tools that wrote the object before (kubectl, Helm, other providers):
  // the first write after an import or an adoption.
  bool take_over_legacy = false;
  // Fields that others may change, named so that they keep their live value: they are written with
  // the value that they have by then.
  std::vector<kubernetes::FieldPath> kept = {};
};

// Managers of the tools that a workload may come from.
bool IsLegacyManager(const std::string& manager);
// Those that have written `live`, each once, sorted.
std::vector<std::string> LegacyManagersOf(const Json& live);

enum class WriteMode { kDryRun, kWrite };

// Aborted for a conflict with another manager: the message names each field, its manager and when
// that manager last wrote, and what to do. Other refusals as Api::Apply's. A conflict only over
// agreed fields, or with legacy managers where they are taken over, is forced with the
// resourceVersion that was read, so that nothing newer is lost.
absl::StatusOr<kubernetes::ApplyResult> WriteWorkload(kubernetes::Api& api,
                                                      const WorkloadWrite& write, WriteMode mode,
                                                      const std::stop_token& stop);

// After a release in take-over mode: the tools that the workload was taken over from no longer hold
// the fields that we apply, so that one that leaves the manifest leaves the cluster. Changes
// nothing but metadata.managedFields.
absl::Status EndCoOwnership(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                            const std::stop_token& stop);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_WORKLOAD_WRITER_H_
