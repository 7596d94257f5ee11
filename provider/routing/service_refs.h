// How the objects of routers name a Service.
#ifndef DELIVERY_ROUTING_SERVICE_REFS_H_
#define DELIVERY_ROUTING_SERVICE_REFS_H_

#include <string>

#include "provider/base/json.h"

namespace delivery::routing {

// A backendRef of the Gateway API: Service `name`, in the route's namespace.
bool IsGatewayServiceRef(const Json& ref, const std::string& name,
                         const std::string& namespace_name);

// A service of a TraefikService.
bool IsTraefikServiceRef(const Json& ref, const std::string& name,
                         const std::string& namespace_name);

// A host of Istio: web, web.shop, web.shop.svc, web.shop.svc.cluster.local.
bool IsHostOf(const std::string& host, const std::string& service,
              const std::string& namespace_name);

// The subsets of the Service's host that a run adds.
inline constexpr char kStableSubset[] = "stable";
inline constexpr char kCanarySubset[] = "canary";

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_SERVICE_REFS_H_
