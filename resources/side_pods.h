// The pods of a workload and of what runs beside it, between applies.
#ifndef DELIVERY_RESOURCES_SIDE_PODS_H_
#define DELIVERY_RESOURCES_SIDE_PODS_H_

#include <stop_token>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"

namespace delivery::resources {

struct SidePods {
  std::vector<Json> beside;
  std::vector<Json> stable;
};

// Those that do not end. The selector of `stable` may match both.
absl::StatusOr<SidePods> PodsOfSides(kubernetes::Api& api, const Json& stable, const Json& beside,
                                     const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_SIDE_PODS_H_
