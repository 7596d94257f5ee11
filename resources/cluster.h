// The cluster that the provider was configured with, shared by every resource.
#ifndef DELIVERY_RESOURCES_CLUSTER_H_
#define DELIVERY_RESOURCES_CLUSTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "provider/base/clock.h"
#include "provider/kubernetes/api.h"
#include "provider/metrics/metric_source.h"
#include "provider/runner/announcer.h"
#include "resources/preflight_memory.h"
#include "resources/registries.h"

namespace delivery::resources {

enum class Preflight { kWarn, kError, kOff };

struct Connection {
  std::shared_ptr<kubernetes::Api> api;
  std::string default_namespace = "default";
  Preflight preflight = Preflight::kWarn;
  std::shared_ptr<runner::ProgressFile> progress_file;  // null: none
  // Shared by all copies: as long as the provider process is configured so.
  std::shared_ptr<PreflightMemory> preflight_memory = std::make_shared<PreflightMemory>();
  // For the images of workloads; null: they are not looked up. Outlives the connection.
  const Registries* registries = nullptr;
  // For URLs outside the cluster's API, without its credentials. The same at each call, made at
  // the first.
  std::function<std::shared_ptr<http::Transport>()> url_transport;
  // Where metrics are asked unless they say otherwise; nullopt: no server is configured.
  std::optional<metrics::PrometheusServer> prometheus;
  // Whether there is one is not known yet: it is made in the same apply.
  bool prometheus_unknown = false;
  // The same for servers that are trusted alike, made at the first call.
  metrics::TransportOf metric_transport;
};

// Thread-safe.
class Cluster {
 public:
  explicit Cluster(Clock& clock) : clock_(clock) {}

  void Set(Connection connection);
  // Why there is no connection: FailedPrecondition with the remedy.
  void SetUnavailable(absl::Status why);
  // The provider's configuration is not known yet (a cluster made in the same apply).
  void SetUnknown();

  bool IsUnknown() const;
  absl::StatusOr<Connection> Connect() const;
  Clock& clock() const { return clock_; }

 private:
  Clock& clock_;
  mutable absl::Mutex mutex_;
  bool unknown_ ABSL_GUARDED_BY(mutex_) = false;
  absl::StatusOr<Connection> connection_ ABSL_GUARDED_BY(mutex_) =
      absl::FailedPreconditionError("the provider is not configured");
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CLUSTER_H_
