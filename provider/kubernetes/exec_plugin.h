// Exec credential plugins: programs that print an ExecCredential (client.authentication.k8s.io).
// Source: "client-go credential plugins" of the Kubernetes documentation.
#ifndef DELIVERY_KUBERNETES_EXEC_PLUGIN_H_
#define DELIVERY_KUBERNETES_EXEC_PLUGIN_H_

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/kubernetes/credentials.h"

namespace delivery::kubernetes {

struct ExecCredential {
  std::string token;
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::optional<absl::Time> expires;
};

// InvalidArgument or FailedPrecondition when the plugin cannot be used at all: no command, no or an
// unknown api_version, the removed v1alpha1.
absl::Status CheckExecConfig(const ExecConfig& exec);

// True for environment variables whose value is worth hiding, by name.
bool IsSecretVariable(std::string_view name);

// The value of KUBERNETES_EXEC_INFO.
std::string MakeExecInfo(const ExecConfig& exec, const ClusterConfig& cluster);

// What the plugin printed. The errors say what is wrong, without what was printed. Registers the
// secrets in it for redaction.
absl::StatusOr<ExecCredential> ParseExecCredential(std::string_view text,
                                                   std::string_view api_version);

// Runs the plugin of `cluster` (which must have one). FailedPrecondition when the command is
// missing, Cancelled on `stop`, else Unauthenticated with the end of its stderr, redacted.
absl::StatusOr<ExecCredential> RunExecPlugin(const ClusterConfig& cluster, absl::Duration timeout,
                                             const std::stop_token& stop);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_EXEC_PLUGIN_H_
