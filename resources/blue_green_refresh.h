// What a refresh makes of a blue-green release: which slot serves, whether somebody changed that,
// whether a run is open, and whether the slot that is kept has had its time.
#ifndef DELIVERY_RESOURCES_BLUE_GREEN_REFRESH_H_
#define DELIVERY_RESOURCES_BLUE_GREEN_REFRESH_H_

#include <stop_token>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "resources/blue_green_arguments.h"
#include "resources/cluster.h"
#include "resources/release_record.h"

namespace delivery::resources {

struct BlueGreenRefresh {
  const Connection& connection;
  absl::Time now;
  std::stop_token stop;
  kubernetes::ObjectRef ref;  // the workload as the user calls it
};

// The Deployment of the slot that serves, which becomes the one of model and record: what our last
// write of the switch says, otherwise what is recorded. NotFound when neither slot is there; null
// when only the other one is, which makes the verdict Failed.
absl::StatusOr<Json> FindServingSlot(const BlueGreenRefresh& refresh, BlueGreenRelease& model,
                                     ReleaseRecord& record, Diagnostics& diagnostics);

// Brings status, record and previous_expired up to date; `live` is what FindServingSlot found. True
// when a run is open that may change the slot that serves behind our back.
bool RefreshBlueGreen(const BlueGreenRefresh& refresh, const Json& live, BlueGreenRelease& model,
                      ReleaseRecord& record, Diagnostics& diagnostics);

// Of an import: the Deployment of the slot that serves, as a user would have declared the workload.
// FailedPrecondition where there is a plain Deployment, only one slot, or nothing that tells which
// of them serves.
absl::StatusOr<Json> FindSlotsForImport(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                                        const std::stop_token& stop, ReleaseRecord& record);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_BLUE_GREEN_REFRESH_H_
