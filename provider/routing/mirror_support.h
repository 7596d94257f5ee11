// Whether who implements a route can mirror requests: one that cannot may refuse every request of a
// rule that asks for it.
#ifndef DELIVERY_ROUTING_MIRROR_SUPPORT_H_
#define DELIVERY_ROUTING_MIRROR_SUPPORT_H_

#include <stop_token>

#include "absl/status/status.h"
#include "provider/kubernetes/api.h"

namespace delivery::routing {

// By what the GatewayClass of each parent of `route` says that it supports. FailedPrecondition with
// the remedy; OK where a class says nothing, or cannot be read.
absl::Status CheckMirrorSupport(kubernetes::Api& api, const Json& route, int percent,
                                const std::stop_token& stop);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_MIRROR_SUPPORT_H_
