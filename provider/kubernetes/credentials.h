// Where the cluster is and who we are there.
#ifndef DELIVERY_KUBERNETES_CREDENTIALS_H_
#define DELIVERY_KUBERNETES_CREDENTIALS_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"

namespace delivery::kubernetes {

// An exec credential plugin (client.authentication.k8s.io v1 and v1beta1).
struct ExecConfig {
  std::string api_version;
  std::string command;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  bool provide_cluster_info = false;
  // What the kubeconfig advises when the command is missing.
  std::string install_hint = {};
  // The cluster's extension client.authentication.k8s.io/exec as JSON text, empty for none; goes to
  // the plugin with the cluster information.
  std::string cluster_extension_json = {};
};

// One cluster and one user, resolved: files are read, base64 is decoded. Holds secrets.
struct ClusterConfig {
  std::string server;  // https://host:port[/prefix], no trailing slash
  std::string ca_certificate_pem;
  std::string tls_server_name;
  std::string proxy_url;
  bool insecure = false;
  std::string default_namespace = "default";  // the context's

  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string token;
  std::string token_file;  // read again when it changes (projected service account tokens)
  std::string username;
  std::string password;
  std::optional<ExecConfig> exec;
};

// What a request must carry right now.
struct Credential {
  std::string authorization;  // value of the Authorization header, empty for none
  std::string client_certificate_pem;
  std::string client_key_pem;
};

// Thread-safe. Secrets are registered for redaction before they are returned.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // From the cache while valid. Errors say what to do and never contain secrets.
  virtual absl::StatusOr<Credential> Get(const std::stop_token& stop) = 0;
  // The server answered 401 to what Get returned: the next Get must fetch anew. Returns false when
  // there is nothing newer to be had (static credentials).
  virtual bool Invalidate() = 0;
};

// A token file wins over a token, that over basic authentication, that over an exec plugin. Errors
// of Get are FailedPrecondition (a missing plugin or file), Unauthenticated (a plugin that fails or
// hangs) and Cancelled, never NotFound, which would read as a missing object. Exec plugins are run
// with a time limit of 60 s, killed on `stop`, cached until status.expirationTimestamp; concurrent
// callers wait for one run.
std::unique_ptr<CredentialSource> MakeCredentialSource(const ClusterConfig& config, Clock& clock);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_CREDENTIALS_H_
