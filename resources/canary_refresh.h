// What a refresh makes of a canary: whether one is open, whether it is still there, and one
// measurement while it waits.
#ifndef DELIVERY_RESOURCES_CANARY_REFRESH_H_
#define DELIVERY_RESOURCES_CANARY_REFRESH_H_

#include <stop_token>

#include "absl/time/time.h"
#include "resources/canary_arguments.h"
#include "resources/cluster.h"
#include "resources/release_record.h"

namespace delivery::resources {

struct CanaryRefresh {
  const Connection& connection;
  absl::Time now;
  std::stop_token stop;
  kubernetes::ObjectRef ref;
  const Json& live;  // the stable Deployment
};

// Brings status and record up to date. True when a run is open that may change the stable version
// behind our back: interrupted, or another apply's.
bool RefreshCanary(const CanaryRefresh& refresh, CanaryRelease& model, ReleaseRecord& record,
                   Diagnostics& diagnostics);

// FailedPrecondition while a release of `ref` is open.
absl::Status RequireNoOpenRun(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                              absl::Time now, const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CANARY_REFRESH_H_
