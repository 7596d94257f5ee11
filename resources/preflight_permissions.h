// The permissions that a release needs, and which of them our credentials lack.
#ifndef DELIVERY_RESOURCES_PREFLIGHT_PERMISSIONS_H_
#define DELIVERY_RESOURCES_PREFLIGHT_PERMISSIONS_H_

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/kubernetes/api.h"
#include "resources/preflight_memory.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// What a canary needs beside the workload.
struct CanaryNeeds {
  std::string deployment;                     // its name
  bool makes_service = false;                 // a Service of its own
  std::vector<kubernetes::ObjectRef> routes;  // that are changed, or made and removed
  bool makes_routes = true;                   // an Ingress of its own, with nginx
};

// What of a release depends on the configuration.
struct PermissionNeeds {
  kubernetes::ObjectRef workload = {};
  bool writes = true;          // the workload itself is written
  std::string suffix = {};     // of the run's journal and Lease (runner::RunObjectName)
  bool creates = false;        // there is no such workload yet
  bool may_remove = false;     // a failed release ends with its removal
  bool pod_proxy = false;      // checks ask pods
  bool service_proxy = false;  // checks ask Services
  bool jobs = false;           // checks run Jobs
  bool secrets = false;        // restart_on names some
  std::optional<CanaryNeeds> canary = {};
  std::string run_object = {};  // of journal and Lease, where they do not have the workload's name
};
// What checks and restart_on need. Checks that are not wholly known are passed over.
PermissionNeeds NeedsOf(const WorkloadArguments& arguments);

struct Permission {
  enum class Weight {
    kRequired,
    kUseful,    // a failure is explained less well without it
    kOptional,  // not worth a word of its own
  };
  kubernetes::AccessQuery query;
  Weight weight = Weight::kRequired;
  std::string without;  // what is the case without it; empty for required ones

  bool IsWrite() const;
  // "patch deployments.apps", "get pods/log".
  std::string ToString() const;
};

// Every permission that a release with these needs uses, in the namespace of the workload.
std::vector<Permission> PermissionsFor(const PermissionNeeds& needs);

// Those of PermissionsFor that our credentials lack, in order. Roles that are limited to named
// objects count where the name is known. An error when the cluster cannot say.
absl::StatusOr<std::vector<Permission>> MissingPermissions(kubernetes::Api& api,
                                                           PreflightMemory& memory,
                                                           const PermissionNeeds& needs,
                                                           absl::Time now,
                                                           const std::stop_token& stop);

// "\n  patch deployments.apps\n  get pods/log  (else logs of failing pods cannot be shown)".
std::string PermissionLines(const std::vector<Permission>& permissions);
// What helps: "A Role with these is needed in namespace ...".
std::string PermissionRemedy(const std::string& namespace_name);

// For an apply, before its first write: PermissionDenied that lists what the release requires and
// our credentials lack. Earlier refusals are not relied on. OK when the cluster cannot say: then
// the release itself finds out.
absl::Status RequirePermissions(kubernetes::Api& api, PreflightMemory& memory,
                                const PermissionNeeds& needs, absl::Time now,
                                const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PREFLIGHT_PERMISSIONS_H_
