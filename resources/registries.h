// The container registries as the provider was configured to reach them, shared by every resource.
#ifndef DELIVERY_RESOURCES_REGISTRIES_H_
#define DELIVERY_RESOURCES_REGISTRIES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "provider/base/clock.h"
#include "provider/oci/client.h"
#include "provider/oci/credentials.h"
#include "provider/oci/docker_config.h"

namespace delivery::resources {

// One `registry` block.
struct RegistrySettings {
  std::string host;
  oci::Credential credential;  // anonymous: docker's configuration is asked
  oci::HostOptions options;
};

// Thread-safe.
class Registries {
 public:
  Registries(Clock& clock, oci::EnvironmentLookup environment,
             oci::TransportFactory make_transport);

  void Set(std::vector<RegistrySettings> settings);
  // The `registry` blocks are not known yet.
  void SetUnknown();
  bool IsUnknown() const;

  // Asks with the credentials of the blocks, then those of docker's configuration.
  // FailedPrecondition while the blocks are not known.
  absl::StatusOr<std::shared_ptr<oci::Client>> Connect() const;
  // With those of a pod's imagePullSecrets after these.
  absl::StatusOr<std::shared_ptr<oci::Client>> ConnectWith(
      std::vector<oci::PullSecret> secrets) const;
  Clock& clock() const { return clock_; }

 private:
  struct Configured {
    oci::ClientOptions options;
    std::shared_ptr<oci::CredentialSource> credentials;
    std::shared_ptr<oci::Client> client;
  };

  Clock& clock_;
  const oci::EnvironmentLookup environment_;
  const oci::TransportFactory make_transport_;
  mutable absl::Mutex mutex_;
  absl::StatusOr<Configured> configured_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_REGISTRIES_H_
