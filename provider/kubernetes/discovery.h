// Which path serves a kind: a table of the usual kinds, and the server's discovery for the rest.
#ifndef DELIVERY_KUBERNETES_DISCOVERY_H_
#define DELIVERY_KUBERNETES_DISCOVERY_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/rest_client.h"

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

// Path of the objects of one kind: of one namespace, or of all when `namespace_name` is empty.
std::string CollectionPath(std::string_view api_version, const ResourceInfo& info,
                           std::string_view namespace_name);

// Remembers what the server serves. Thread-safe.
class Discovery {
 public:
  explicit Discovery(std::shared_ptr<RestClient> client) : client_(std::move(client)) {}

  // From the table, from memory, or else from the server, which is asked anew each time a kind is
  // not known yet: its definition may have been installed meanwhile. NotFound when the server does
  // not serve the kind; other errors when it cannot be asked.
  absl::StatusOr<ResourceInfo> Resolve(std::string_view api_version, std::string_view kind,
                                       const std::stop_token& stop);

 private:
  std::optional<ResourceInfo> Known(const std::string& key);
  absl::Status AskForAll(std::string_view api_version, const std::stop_token& stop);
  absl::Status AskForGroupVersion(std::string_view api_version, const std::stop_token& stop);

  const std::shared_ptr<RestClient> client_;
  absl::Mutex mutex_;
  DiscoveredKinds kinds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_DISCOVERY_H_
