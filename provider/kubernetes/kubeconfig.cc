#include "provider/kubernetes/kubeconfig.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/exec_plugin.h"
#include "provider/kubernetes/kubeconfig_file.h"
#include "provider/system/read_file.h"

namespace delivery::kubernetes {
namespace {

constexpr char kNothingConfigured[] =
    "no Kubernetes cluster is configured: set config_path, host or in_cluster in the provider's "
    "kubernetes block, or one of the environment variables KUBE_CONFIG_PATH, KUBECONFIG and "
    "KUBE_HOST. There is no default, neither ~/.kube/config nor localhost";
constexpr char kExecExtension[] = "client.authentication.k8s.io/exec";

std::string Get(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

// ---- Pieces of a configuration

std::string ExpandHome(const std::string& path, const Environment& environment) {
  if (path != "~" && !absl::StartsWith(path, "~/")) return path;
  const std::string home = Get(environment, "HOME");
  return home.empty() ? path : home + path.substr(1);
}

std::string NamesOf(const KubeconfigEntries& entries) {
  if (entries.empty()) return "(none)";
  return absl::StrJoin(entries, ", ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first);
  });
}

absl::Status Invalid(const KubeconfigEntry& entry, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the kubeconfig ", entry.file, ": ", std::string(what)));
}

std::string Resolved(const KubeconfigEntry& entry, const std::string& path) {
  if (path.empty() || path.front() == '/' || entry.folder.empty()) return path;
  return (std::filesystem::path(entry.folder) / path).lexically_normal().string();
}

absl::Status CheckPem(const std::string& pem, std::string_view what, std::string_view marker) {
  if (pem.empty()) return absl::OkStatus();
  if (pem.find("-----BEGIN ") != std::string::npos && pem.find(marker) != std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(what), " is not PEM text (-----BEGIN ", std::string(marker),
                   "-----): pass the file's content with file(\"...\"), and decode it with "
                   "base64decode(...) if it is base64"));
}

// Data (base64) or else the file that the entry names; empty when it names neither.
absl::StatusOr<std::string> DataOrFile(const KubeconfigEntry& entry, const std::string& field,
                                       std::string_view marker) {
  const std::string data = GetString(entry.value, field + "-data");
  const std::string path = GetString(entry.value, field);
  std::string content;
  if (!data.empty()) {
    if (!absl::Base64Unescape(data, &content)) {
      return Invalid(entry, absl::StrCat(field, "-data is not valid base64"));
    }
  } else if (!path.empty()) {
    absl::StatusOr<std::string> read = system::ReadFile(Resolved(entry, path));
    if (!read.ok()) {
      return absl::Status(read.status().code(), absl::StrCat("the kubeconfig ", entry.file, ": ",
                                                             field, ": ", read.status().message()));
    }
    content = *std::move(read);
  }
  const absl::Status pem = CheckPem(content, field, marker);
  if (!pem.ok()) return Invalid(entry, absl::StrCat(field, " does not hold PEM text"));
  return content;
}

// Adds https:// to a bare host and takes a trailing slash off.
absl::StatusOr<std::string> NormalisedServer(std::string server) {
  absl::StripAsciiWhitespace(&server);
  if (server.find("://") == std::string::npos) server = "https://" + server;
  while (absl::EndsWith(server, "/")) server.pop_back();
  const std::string lower = absl::AsciiStrToLower(server);
  const size_t scheme = absl::StartsWith(lower, "https://")  ? 8
                        : absl::StartsWith(lower, "http://") ? 7
                                                             : 0;
  const std::string rest = server.substr(scheme);
  if (scheme == 0 || rest.empty() || rest.find_first_of("?#@ \t\r\n\"<>\\") != std::string::npos) {
    // Not shown: it may hold a password.
    return absl::InvalidArgumentError(
        "the cluster's address must look like https://host:port, without user, query or fragment");
  }
  return server;
}

// ---- Kubeconfig

absl::StatusOr<ExecConfig> ParseExec(const KubeconfigEntry& user, const KubeconfigEntry& cluster) {
  const Json& exec = GetObject(user.value, "exec");
  ExecConfig config;
  config.api_version = GetString(exec, "apiVersion");
  config.command = GetString(exec, "command");
  // kubectl: a command with a slash is relative to the file, one without is looked for in PATH.
  if (config.command.find('/') != std::string::npos)
    config.command = Resolved(user, config.command);
  for (const Json& arg : GetArray(exec, "args")) {
    if (!arg.is_string()) return Invalid(user, "an argument of exec is not a string; quote it");
    config.args.push_back(arg.get<std::string>());
  }
  for (const Json& variable : GetArray(exec, "env")) {
    const Json* value = Find(variable, "value");
    const std::string name = GetString(variable, "name");
    if (name.empty() || (value != nullptr && !value->is_null() && !value->is_string())) {
      return Invalid(user, "a variable of exec.env has no name, or a value that is not a string");
    }
    config.env[name] = GetString(variable, "value");
  }
  config.provide_cluster_info = GetBool(exec, "provideClusterInfo");
  config.install_hint = GetString(exec, "installHint");
  if (GetString(exec, "interactiveMode") == "Always") {
    return absl::FailedPreconditionError(absl::StrCat(
        "the kubeconfig ", user.file, ": the exec plugin ", config.command,
        " insists on a terminal (interactiveMode: Always), which a provider has not; log in "
        "beforehand, and use interactiveMode: IfAvailable or a plugin that needs no input"));
  }
  for (const Json& extension : GetArray(cluster.value, "extensions")) {
    const Json* value = Find(extension, "extension");
    if (GetString(extension, "name") != kExecExtension || value == nullptr) continue;
    config.cluster_extension_json = DumpJson(*value);
  }
  return config;
}

absl::Status CheckUserIsSupported(const KubeconfigEntry& user) {
  if (!GetObject(user.value, "auth-provider").empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the kubeconfig ", user.file, ": auth-provider \"",
        GetString(GetObject(user.value, "auth-provider"), "name"),
        "\" is no longer supported by Kubernetes (removed in 1.26): renew the kubeconfig with an "
        "exec plugin, e.g. gke-gcloud-auth-plugin or kubelogin"));
  }
  for (const char* field : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    const Json* value = Find(user.value, field);
    if (value == nullptr || value->is_null() || value->empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the kubeconfig ", user.file, ": impersonation (", field,
                     ") is not supported; use a user that is allowed to do it itself"));
  }
  return absl::OkStatus();
}

absl::Status ApplyUser(const KubeconfigEntry& user, const KubeconfigEntry& cluster,
                       ClusterConfig& config) {
  DELIVERY_RETURN_IF_ERROR(CheckUserIsSupported(user));
  config.token = GetString(user.value, "token");
  config.token_file = Resolved(user, GetString(user.value, "tokenFile"));
  config.username = GetString(user.value, "username");
  config.password = GetString(user.value, "password");
  DELIVERY_ASSIGN_OR_RETURN(config.client_certificate_pem,
                            DataOrFile(user, "client-certificate", "CERTIFICATE"));
  DELIVERY_ASSIGN_OR_RETURN(config.client_key_pem, DataOrFile(user, "client-key", "PRIVATE KEY"));
  if (!GetObject(user.value, "exec").empty()) {
    DELIVERY_ASSIGN_OR_RETURN(config.exec, ParseExec(user, cluster));
  }
  return absl::OkStatus();
}

absl::Status ApplyCluster(const KubeconfigEntry& cluster, const KubernetesSettings& settings,
                          ClusterConfig& config) {
  config.server = GetString(cluster.value, "server");
  if (config.server.empty() && settings.host.empty()) {
    return Invalid(cluster, "the cluster has no server");
  }
  config.tls_server_name = GetString(cluster.value, "tls-server-name");
  config.proxy_url = GetString(cluster.value, "proxy-url");
  config.insecure = GetBool(cluster.value, "insecure-skip-tls-verify");
  DELIVERY_ASSIGN_OR_RETURN(config.ca_certificate_pem,
                            DataOrFile(cluster, "certificate-authority", "CERTIFICATE"));
  if (config.insecure && !config.ca_certificate_pem.empty() && !settings.insecure &&
      settings.cluster_ca_certificate.empty()) {
    return Invalid(cluster,
                   "the cluster has both insecure-skip-tls-verify and a certificate authority; "
                   "remove one, or set insecure in the provider");
  }
  return absl::OkStatus();
}

// The entry of that name, or an error that lists those there are.
absl::StatusOr<const KubeconfigEntry*> FindEntry(const KubeconfigEntries& entries,
                                                 const std::string& kind, const std::string& name,
                                                 const std::string& asked_by) {
  const auto it = entries.find(name);
  if (it != entries.end()) return &it->second;
  return absl::NotFoundError(absl::StrCat("the kubeconfig has no ", kind, " \"", name, "\" (",
                                          asked_by, "); its ", kind, "s are: ", NamesOf(entries)));
}

struct Choice {
  std::string cluster;
  std::string user;
  std::string namespace_name;
};

absl::StatusOr<Choice> ChooseContext(const Kubeconfig& kubeconfig,
                                     const KubernetesSettings& settings) {
  const std::string& name =
      settings.config_context.empty() ? kubeconfig.current_context : settings.config_context;
  Choice choice;
  if (!name.empty()) {
    DELIVERY_ASSIGN_OR_RETURN(
        const KubeconfigEntry* context,
        FindEntry(kubeconfig.contexts, "context", name,
                  settings.config_context.empty() ? "its current-context" : "config_context"));
    choice = {GetString(context->value, "cluster"), GetString(context->value, "user"),
              GetString(context->value, "namespace")};
  } else if (settings.config_context_cluster.empty() && settings.host.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the kubeconfig has no current-context: set config_context (or KUBE_CTX) to "
                     "one of its contexts: ",
                     NamesOf(kubeconfig.contexts)));
  }
  if (!settings.config_context_cluster.empty()) choice.cluster = settings.config_context_cluster;
  if (!settings.config_context_auth_info.empty()) choice.user = settings.config_context_auth_info;
  return choice;
}

bool HasExplicitCredentials(const KubernetesSettings& settings) {
  return !settings.token.empty() || !settings.username.empty() || settings.exec.has_value() ||
         !settings.client_certificate.empty();
}

absl::Status ApplyKubeconfig(const KubernetesSettings& settings, const Environment& environment,
                             ClusterConfig& config) {
  std::vector<std::string> files;
  for (const std::string& path : settings.config_paths) {
    files.push_back(ExpandHome(path, environment));
  }
  DELIVERY_ASSIGN_OR_RETURN(const Kubeconfig kubeconfig,
                            LoadKubeconfigs(files, settings.skip_missing_paths));
  DELIVERY_ASSIGN_OR_RETURN(const Choice choice, ChooseContext(kubeconfig, settings));
  if (!choice.namespace_name.empty()) config.default_namespace = choice.namespace_name;
  static const auto* const no_entry = new KubeconfigEntry{Json::object(), "", ""};
  const KubeconfigEntry* cluster = no_entry;
  // The host alone may be all there is to say about the cluster.
  if (!choice.cluster.empty() || settings.host.empty()) {
    DELIVERY_ASSIGN_OR_RETURN(
        cluster, FindEntry(kubeconfig.clusters, "cluster", choice.cluster, "of the context"));
    DELIVERY_RETURN_IF_ERROR(ApplyCluster(*cluster, settings, config));
  }
  if (choice.user.empty() || HasExplicitCredentials(settings)) return absl::OkStatus();
  DELIVERY_ASSIGN_OR_RETURN(const KubeconfigEntry* user,
                            FindEntry(kubeconfig.users, "user", choice.user, "of the context"));
  return ApplyUser(*user, *cluster, config);
}

// ---- In the cluster

absl::Status ApplyServiceAccount(const KubernetesSettings& settings, const Environment& environment,
                                 ClusterConfig& config) {
  const std::string host = Get(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = Get(environment, "KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return absl::FailedPreconditionError(
        "in_cluster is set, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not: this "
        "does not run in a pod; use config_path or host");
  }
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = absl::StrCat("https://", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":", port);
  const std::filesystem::path folder(settings.service_account_folder);
  DELIVERY_ASSIGN_OR_RETURN(config.ca_certificate_pem,
                            system::ReadFile((folder / "ca.crt").string()),
                            _ << "in_cluster needs the pod's service account");
  if (!HasExplicitCredentials(settings)) {
    config.token_file = (folder / "token").string();
    DELIVERY_RETURN_IF_ERROR(system::ReadFile(config.token_file).status())
        << "in_cluster needs the pod's service account: set automountServiceAccountToken";
  }
  absl::StatusOr<std::string> space = system::ReadFile((folder / "namespace").string());
  if (space.ok()) absl::StripAsciiWhitespace(&*space);
  if (space.ok() && !space->empty()) config.default_namespace = *std::move(space);
  return absl::OkStatus();
}

// ---- Settings

absl::Status CheckSettings(const KubernetesSettings& settings) {
  if (settings.in_cluster && (!settings.config_paths.empty() || !settings.host.empty())) {
    return absl::InvalidArgumentError(
        "in_cluster cannot be combined with config_path, config_paths or host: give one of them");
  }
  const int bearers = (settings.token.empty() ? 0 : 1) + (settings.username.empty() ? 0 : 1) +
                      (settings.exec.has_value() ? 1 : 0);
  if (bearers > 1) {
    return absl::InvalidArgumentError(
        "token, username and exec exclude each other (KUBE_TOKEN and KUBE_USER count too): give "
        "one of them");
  }
  if (settings.username.empty() && !settings.password.empty()) {
    return absl::InvalidArgumentError("password is set without username: set username (KUBE_USER)");
  }
  if (settings.client_certificate.empty() != settings.client_key.empty()) {
    return absl::InvalidArgumentError(
        "client_certificate and client_key belong together (KUBE_CLIENT_CERT_DATA and "
        "KUBE_CLIENT_KEY_DATA): one of them is missing");
  }
  if (settings.insecure.value_or(false) && !settings.cluster_ca_certificate.empty()) {
    return absl::InvalidArgumentError(
        "insecure and cluster_ca_certificate exclude each other: remove one");
  }
  DELIVERY_RETURN_IF_ERROR(
      CheckPem(settings.cluster_ca_certificate, "cluster_ca_certificate", "CERTIFICATE"));
  DELIVERY_RETURN_IF_ERROR(
      CheckPem(settings.client_certificate, "client_certificate", "CERTIFICATE"));
  return CheckPem(settings.client_key, "client_key", "PRIVATE KEY");
}

void Override(std::string& value, const std::string& setting) {
  if (!setting.empty()) value = setting;
}

// What is explicit wins. Explicit credentials come alone: ApplyKubeconfig read none then.
void ApplySettings(const KubernetesSettings& settings, ClusterConfig& config) {
  Override(config.server, settings.host);
  Override(config.tls_server_name, settings.tls_server_name);
  Override(config.proxy_url, settings.proxy_url);
  if (!settings.cluster_ca_certificate.empty()) {
    config.ca_certificate_pem = settings.cluster_ca_certificate;
    config.insecure = false;
  }
  if (settings.insecure) config.insecure = *settings.insecure;
  if (config.insecure) config.ca_certificate_pem.clear();
  Override(config.client_certificate_pem, settings.client_certificate);
  Override(config.client_key_pem, settings.client_key);
  Override(config.token, settings.token);
  Override(config.username, settings.username);
  Override(config.password, settings.password);
  if (settings.exec) config.exec = settings.exec;
}

void RegisterSecrets(const ClusterConfig& config) {
  for (const std::string& secret : {config.token, config.password, config.client_key_pem}) {
    RegisterSecret(secret);
  }
  if (!config.exec) return;
  for (const auto& [name, value] : config.exec->env) {
    if (IsSecretVariable(name)) RegisterSecret(value);
  }
}

absl::Status Finish(ClusterConfig& config) {
  DELIVERY_ASSIGN_OR_RETURN(config.server, NormalisedServer(config.server));
  if (config.client_certificate_pem.empty() != config.client_key_pem.empty()) {
    return absl::InvalidArgumentError(
        "the kubeconfig's user has a client certificate without its key, or a key without its "
        "certificate: give both");
  }
  if (config.exec) {
    DELIVERY_RETURN_IF_ERROR(CheckExecConfig(*config.exec));
  }
  // file("token") ends with a line break more often than not.
  absl::StripAsciiWhitespace(&config.token);
  RegisterSecrets(config);
  if (std::any_of(config.token.begin(), config.token.end(), absl::ascii_iscntrl)) {
    return absl::InvalidArgumentError("the token contains control characters: give it as one line");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClusterConfig> ResolveClusterConfig(const KubernetesSettings& settings,
                                                   const Environment& environment) {
  DELIVERY_RETURN_IF_ERROR(CheckSettings(settings));
  ClusterConfig config;
  if (settings.in_cluster) {
    DELIVERY_RETURN_IF_ERROR(ApplyServiceAccount(settings, environment, config));
  } else if (!settings.config_paths.empty()) {
    DELIVERY_RETURN_IF_ERROR(ApplyKubeconfig(settings, environment, config));
  } else if (settings.host.empty()) {
    return absl::FailedPreconditionError(kNothingConfigured);
  }
  ApplySettings(settings, config);
  DELIVERY_RETURN_IF_ERROR(Finish(config));
  return config;
}

}  // namespace delivery::kubernetes
