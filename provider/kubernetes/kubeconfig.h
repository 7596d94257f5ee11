// Finds and merges kubeconfig files and explicit settings into one ClusterConfig.
// Source: kubectl's rules ("Organizing Cluster Access Using kubeconfig Files"), and the argument
// and environment names of the hashicorp/kubernetes provider.
#ifndef DELIVERY_KUBERNETES_KUBECONFIG_H_
#define DELIVERY_KUBERNETES_KUBECONFIG_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/kubernetes/credentials.h"

namespace delivery::kubernetes {

// The provider's `kubernetes` block after environment variables were merged in (empty = not given).
// Certificate and key fields are PEM text.
struct KubernetesSettings {
  std::vector<std::string> config_paths;  // "~" allowed
  std::string config_context;
  std::string config_context_cluster;
  std::string config_context_auth_info;
  std::string host;
  std::string token;
  std::string username;
  std::string password;
  std::string client_certificate;
  std::string client_key;
  std::string cluster_ca_certificate;
  std::optional<bool> insecure;
  std::string tls_server_name;
  std::string proxy_url;
  bool in_cluster = false;
  std::optional<ExecConfig> exec;
  // The paths are KUBECONFIG's, of which some may be missing as long as one is there.
  bool skip_missing_paths = false;
  // Where a pod finds its service account; another folder in tests.
  std::string service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The variables never mix with what is explicit into something neither says: with `in_cluster`
// none that say where the cluster is or who we are is read, and those of another kind of credential
// than the explicit one are not read.
// Fills what is empty in `settings` from KUBE_CONFIG_PATH, KUBE_CONFIG_PATHS, KUBE_CTX,
// KUBE_CTX_CLUSTER, KUBE_CTX_AUTH_INFO, KUBE_HOST, KUBE_TOKEN, KUBE_USER, KUBE_PASSWORD,
// KUBE_CLUSTER_CA_CERT_DATA, KUBE_CLIENT_CERT_DATA, KUBE_CLIENT_KEY_DATA, KUBE_INSECURE,
// KUBE_TLS_SERVER_NAME, KUBE_PROXY_URL, and then KUBECONFIG (only when neither paths nor host nor
// in_cluster are set).
KubernetesSettings WithEnvironment(KubernetesSettings settings, const Environment& environment);

// Explicit settings override what the kubeconfig says; explicit credentials replace all of the
// kubeconfig's user. InvalidArgument, NotFound or
// FailedPrecondition that name the file, context or field and the remedy, without file contents.
// Never falls back to localhost or to the in-cluster configuration.
absl::StatusOr<ClusterConfig> ResolveClusterConfig(const KubernetesSettings& settings,
                                                   const Environment& environment);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_KUBECONFIG_H_
