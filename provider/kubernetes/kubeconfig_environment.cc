// WithEnvironment of kubeconfig.h.
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "provider/kubernetes/kubeconfig.h"

namespace delivery::kubernetes {
namespace {

std::string Get(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

void Fill(std::string& setting, const Environment& environment, const char* name) {
  if (setting.empty()) setting = Get(environment, name);
}

std::vector<std::string> SplitPaths(const std::string& paths) {
  return absl::StrSplit(paths, ':', absl::SkipEmpty());
}

std::optional<bool> ParseBool(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "1" || lower == "t" || lower == "true") return true;
  if (lower == "0" || lower == "f" || lower == "false") return false;
  return std::nullopt;
}

void FillLocation(KubernetesSettings& settings, const Environment& environment) {
  if (settings.config_paths.empty()) {
    const std::string path = Get(environment, "KUBE_CONFIG_PATH");
    if (!path.empty()) {
      settings.config_paths = {path};
    } else {
      settings.config_paths = SplitPaths(Get(environment, "KUBE_CONFIG_PATHS"));
    }
  }
  Fill(settings.config_context, environment, "KUBE_CTX");
  Fill(settings.config_context_cluster, environment, "KUBE_CTX_CLUSTER");
  Fill(settings.config_context_auth_info, environment, "KUBE_CTX_AUTH_INFO");
  Fill(settings.host, environment, "KUBE_HOST");
  if (settings.config_paths.empty() && settings.host.empty()) {
    settings.config_paths = SplitPaths(Get(environment, "KUBECONFIG"));
    settings.skip_missing_paths = true;
  }
}

// One kind of credential from the environment, unless another kind is explicit.
void FillCredentials(KubernetesSettings& settings, const Environment& environment) {
  const bool basic = !settings.username.empty() || !settings.password.empty();
  const bool certificate = !settings.client_certificate.empty() || !settings.client_key.empty();
  const bool bearer = !settings.token.empty() || settings.exec.has_value();
  if (!bearer && !basic && !certificate) Fill(settings.token, environment, "KUBE_TOKEN");
  if (settings.token.empty() && !bearer && !certificate) {
    Fill(settings.username, environment, "KUBE_USER");
    Fill(settings.password, environment, "KUBE_PASSWORD");
  }
  if (!bearer && !basic) {
    Fill(settings.client_certificate, environment, "KUBE_CLIENT_CERT_DATA");
    Fill(settings.client_key, environment, "KUBE_CLIENT_KEY_DATA");
  }
}

}  // namespace

KubernetesSettings WithEnvironment(KubernetesSettings settings, const Environment& environment) {
  if (!settings.in_cluster) {
    FillLocation(settings, environment);
    FillCredentials(settings, environment);
    if (!settings.insecure.value_or(false)) {
      Fill(settings.cluster_ca_certificate, environment, "KUBE_CLUSTER_CA_CERT_DATA");
    }
    // An explicit authority is not undone by a variable.
    if (!settings.insecure && settings.cluster_ca_certificate.empty()) {
      settings.insecure = ParseBool(Get(environment, "KUBE_INSECURE"));
    }
    Fill(settings.tls_server_name, environment, "KUBE_TLS_SERVER_NAME");
  }
  Fill(settings.proxy_url, environment, "KUBE_PROXY_URL");
  return settings;
}

}  // namespace delivery::kubernetes
