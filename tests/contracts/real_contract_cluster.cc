#include <cstdlib>

#include "provider/base/clock.h"
#include "provider/base/status_macros.h"
#include "provider/http/curl_transport.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/kubeconfig.h"
#include "provider/kubernetes/rest_api.h"
#include "tests/contracts/contract_cluster.h"

namespace delivery::testing {
namespace {

std::optional<std::string> FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

class RealCluster : public ContractCluster {
 public:
  explicit RealCluster(const kubernetes::ClusterConfig& config)
      : api_(kubernetes::MakeRestApi(config,
                                     kubernetes::MakeCredentialSource(config, Clock::Real()),
                                     http::MakeCurlTransport, Clock::Real())) {}

  kubernetes::Api& api() override { return *api_; }
  bool validates_schemas() const override { return true; }
  void DisturbWatches() override {}

 private:
  const std::shared_ptr<kubernetes::Api> api_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ContractCluster>> ConnectContractCluster() {
  const auto path = FromEnvironment("DELIVERY_KUBECONFIG");
  if (!path.has_value() || path->empty()) {
    return absl::FailedPreconditionError(
        "DELIVERY_KUBECONFIG is not set: these tests run against a real Kubernetes API server. "
        "Start one with `./dev cluster` and set the variable to its kubeconfig");
  }
  kubernetes::KubernetesSettings settings;
  settings.config_paths = {*path};
  DELIVERY_ASSIGN_OR_RETURN(const kubernetes::ClusterConfig config,
                            kubernetes::ResolveClusterConfig(settings, FromEnvironment));
  return std::make_unique<RealCluster>(config);
}

}  // namespace delivery::testing
