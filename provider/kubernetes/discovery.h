// Which path serves a kind: a table of the usual kinds, and the server's discovery for the rest.
#ifndef DELIVERY_KUBERNETES_DISCOVERY_H_
#define DELIVERY_KUBERNETES_DISCOVERY_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"

namespace delivery::kubernetes {

// Kinds that every supported server serves alike; no request is needed for them.
std::optional<ResourceInfo> FindBuiltInKind(std::string_view api_version, std::string_view kind);

// (apiVersion, kind) -> resource.
using DiscoveredKinds = absl::flat_hash_map<std::string, ResourceInfo>;
std::string DiscoveryKey(std::string_view api_version, std::string_view kind);

// Adds what an aggregated answer (APIGroupDiscoveryList of /api or /apis) says.
void ReadAggregatedDiscovery(const Json& answer, DiscoveredKinds& kinds);
// Adds what /apis/<group>/<version> (APIResourceList) says.
void ReadResourceList(const Json& answer, DiscoveredKinds& kinds);

// "/api/v1" or "/apis/apps/v1".
std::string ApiRoot(std::string_view api_version);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_DISCOVERY_H_
