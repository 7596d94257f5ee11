// Puts a variant beside a workload, gives it its requests, and takes it back.
#ifndef DELIVERY_RESOURCES_VARIANT_APPLY_H_
#define DELIVERY_RESOURCES_VARIANT_APPLY_H_

#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "provider/runner/release.h"
#include "resources/cluster.h"
#include "resources/preflight_permissions.h"
#include "resources/variant_arguments.h"
#include "resources/variant_record.h"

namespace delivery::resources {

struct VariantJob {
  const Connection& connection;
  Clock& clock;
  VariantWish wish;
  const VariantArguments& arguments;
  bool creates = false;
};

// Its workload, variant A.
kubernetes::ObjectRef WorkloadOf(const VariantArguments& arguments);
kubernetes::ObjectRef VariantRef(const VariantJob& job);

// NotFound with the remedy when there is no such workload.
absl::StatusOr<Json> GetWorkload(const VariantJob& job, const std::stop_token& stop);

struct VariantSetup {
  Json manifest;                // what the variant is made from
  runner::CanaryTarget target;  // its names, labels and route
  std::string identity;         // of what is made: Plan::identity
};
// Everything that must hold before a variant is made from `live`. Changes nothing. `open`: what is
// there of one is no obstacle.
absl::StatusOr<VariantSetup> SetUpVariant(const VariantJob& job, const Json& live, bool open,
                                          const std::stop_token& stop);

PermissionNeeds NeedsOf(const VariantJob& job);

// Makes it serve; brings `record` up to date when it ends. An error means that nothing was changed.
absl::StatusOr<runner::ReleaseResult> ServeVariant(const VariantJob& job, VariantRecord& record,
                                                   const std::stop_token& stop);

// The route first, then the variant; nothing is left. OK also where there is nothing any more.
// Brings `record` up to date.
absl::StatusOr<runner::ReleaseResult> TakeBackVariant(const VariantJob& job, absl::Duration timeout,
                                                      VariantRecord& record,
                                                      const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_APPLY_H_
