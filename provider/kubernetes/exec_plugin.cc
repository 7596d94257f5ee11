#include "provider/kubernetes/exec_plugin.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/system/subprocess.h"

namespace delivery::kubernetes {
namespace {

constexpr char kV1[] = "client.authentication.k8s.io/v1";
constexpr char kV1Beta1[] = "client.authentication.k8s.io/v1beta1";
constexpr char kV1Alpha1[] = "client.authentication.k8s.io/v1alpha1";
constexpr size_t kLongestStderr = 500;
// How well-known tokens begin (JWT, AWS EKS, Google, GitHub): a plugin may print one that nobody
// has registered yet.
constexpr std::array<std::string_view, 5> kTokenBeginnings = {"eyJ", "k8s-aws-v1.", "ya29.", "ghp_",
                                                              "gho_"};

Json ClusterInfo(const ExecConfig& exec, const ClusterConfig& cluster) {
  Json info = {{"server", cluster.server}};
  if (!cluster.tls_server_name.empty()) info["tls-server-name"] = cluster.tls_server_name;
  if (cluster.insecure) info["insecure-skip-tls-verify"] = true;
  if (!cluster.ca_certificate_pem.empty()) {
    info["certificate-authority-data"] = absl::Base64Escape(cluster.ca_certificate_pem);
  }
  if (!cluster.proxy_url.empty()) info["proxy-url"] = cluster.proxy_url;
  const absl::StatusOr<Json> extension = ParseJson(exec.cluster_extension_json);
  if (extension.ok()) info["config"] = *extension;
  return info;
}

std::string Advice(const ExecConfig& exec) {
  std::string hint = exec.install_hint;
  absl::StripAsciiWhitespace(&hint);
  return hint.empty() ? "" : absl::StrCat(" (its kubeconfig says: ", hint.substr(0, 500), ")");
}

// The words of `text` that look like tokens are hidden.
std::string WithoutTokens(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t start = text.find_first_not_of(" \t\r\n\"'=:,");
    if (start == std::string_view::npos) break;
    result += text.substr(0, start);
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n\"'=:,"));
    const bool token =
        std::any_of(kTokenBeginnings.begin(), kTokenBeginnings.end(),
                    [&](std::string_view beginning) { return word.starts_with(beginning); });
    result += token ? std::string_view("(redacted)") : word;
    text.remove_prefix(word.size());
  }
  return result;
}

// Fit for a message: one line of printable text, its end, without secrets.
std::string CleanTail(const std::string& stderr_text) {
  std::string text = WithoutTokens(Redact(stderr_text));
  for (char& c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control) c = ' ';
  }
  absl::StripAsciiWhitespace(&text);
  if (text.size() <= kLongestStderr) return text;
  size_t start = text.size() - kLongestStderr;
  while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) ++start;
  return absl::StrCat("...", text.substr(start));
}

std::string Quoted(const std::string& stderr_text) {
  const std::string tail = CleanTail(stderr_text);
  return tail.empty() ? "" : absl::StrCat("; it said: ", tail);
}

absl::Status MissingCommand(const ExecConfig& exec, const std::string& path) {
  const bool by_path = exec.command.find('/') != std::string::npos;
  return absl::FailedPreconditionError(absl::StrCat(
      "the credential plugin ", exec.command, " is not there or not executable",
      by_path ? std::string() : absl::StrCat(" in PATH (", path, ")"),
      ": install it on the machine that runs Terraform, or give its whole path", Advice(exec)));
}

absl::Status Failed(const ExecConfig& exec, std::string_view what, const std::string& stderr_text) {
  return absl::UnauthenticatedError(absl::StrCat("the credential plugin ", exec.command, " ",
                                                 std::string(what), Quoted(stderr_text),
                                                 "; run it by hand to see why", Advice(exec)));
}

absl::Status NotRun(const ExecConfig& exec, const absl::Status& status) {
  if (absl::IsCancelled(status)) {
    return absl::CancelledError(
        absl::StrCat("stopped while the credential plugin ", exec.command, " was running"));
  }
  if (absl::IsFailedPrecondition(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the credential plugin ", exec.command, ": ", status.message(), Advice(exec)));
  }
  return Failed(exec, std::string(status.message()), system::StderrOf(status));
}

std::string HowItEnded(const system::ProcessResult& result) {
  if (result.signal != 0) return absl::StrCat("was killed by signal ", result.signal);
  return absl::StrCat("failed with exit code ", result.exit_code);
}

absl::Status CheckIdentity(const Json& credential, std::string_view api_version) {
  if (!credential.is_object() || GetString(credential, "kind") != "ExecCredential") {
    return absl::InvalidArgumentError("printed JSON that is not an ExecCredential");
  }
  const std::string printed = GetString(credential, "apiVersion");
  if (printed == api_version) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("printed an ExecCredential of version \"", printed.substr(0, 100),
                   "\" where the configuration says \"", std::string(api_version),
                   "\": change api_version of exec to match"));
}

absl::Status CheckComplete(const ExecCredential& credential) {
  if (credential.client_certificate_pem.empty() != credential.client_key_pem.empty()) {
    return absl::InvalidArgumentError("printed a client certificate without key, or the reverse");
  }
  if (credential.token.empty() && credential.client_certificate_pem.empty()) {
    return absl::InvalidArgumentError(
        "printed an ExecCredential whose status has neither a token nor a client certificate");
  }
  // A line break would end the header it is sent in.
  const bool control = std::any_of(credential.token.begin(), credential.token.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return absl::InvalidArgumentError("printed a token with control characters");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckExecConfig(const ExecConfig& exec) {
  if (exec.command.empty()) {
    return absl::InvalidArgumentError("exec has no command: set it to the credential plugin");
  }
  if (exec.api_version == kV1 || exec.api_version == kV1Beta1) return absl::OkStatus();
  if (exec.api_version == kV1Alpha1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "exec uses ", kV1Alpha1, ", which Kubernetes removed in 1.24: update the plugin ",
        exec.command, " and set api_version to \"", kV1Beta1, "\" or \"", kV1, "\"", Advice(exec)));
  }
  return absl::InvalidArgumentError(absl::StrCat("api_version of exec is \"", exec.api_version,
                                                 "\"; it must be \"", kV1, "\" or \"", kV1Beta1,
                                                 "\""));
}

bool IsSecretVariable(std::string_view name) {
  const std::string lower = absl::AsciiStrToLower(std::string(name));
  constexpr std::array<const char*, 5> kWords = {"secret", "token", "password", "credential",
                                                 "api_key"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return absl::StrContains(lower, word); });
}

std::string MakeExecInfo(const ExecConfig& exec, const ClusterConfig& cluster) {
  Json spec = {{"interactive", false}};
  if (exec.provide_cluster_info) spec["cluster"] = ClusterInfo(exec, cluster);
  return DumpJson(
      {{"kind", "ExecCredential"}, {"apiVersion", exec.api_version}, {"spec", std::move(spec)}});
}

absl::StatusOr<ExecCredential> ParseExecCredential(std::string_view text,
                                                   std::string_view api_version) {
  const absl::StatusOr<Json> parsed = ParseJson(text);
  if (!parsed.ok()) return absl::InvalidArgumentError("printed something that is not JSON");
  DELIVERY_RETURN_IF_ERROR(CheckIdentity(*parsed, api_version));
  const Json& status = GetObject(*parsed, "status");
  ExecCredential credential;
  credential.token = GetString(status, "token");
  credential.client_certificate_pem = GetString(status, "clientCertificateData");
  credential.client_key_pem = GetString(status, "clientKeyData");
  RegisterSecret(credential.token);
  RegisterSecret(credential.client_key_pem);
  const std::string expires = GetString(status, "expirationTimestamp");
  absl::Time time;
  std::string error;
  if (!expires.empty() && !absl::ParseTime(absl::RFC3339_full, expires, &time, &error)) {
    return absl::InvalidArgumentError("printed an expirationTimestamp that is not RFC 3339");
  }
  if (!expires.empty()) credential.expires = time;
  DELIVERY_RETURN_IF_ERROR(CheckComplete(credential));
  return credential;
}

absl::StatusOr<ExecCredential> RunExecPlugin(const ClusterConfig& cluster, absl::Duration timeout,
                                             const std::stop_token& stop) {
  const ExecConfig& exec = *cluster.exec;
  DELIVERY_RETURN_IF_ERROR(CheckExecConfig(exec));
  const char* path = std::getenv("PATH");
  const auto program = system::FindExecutable(exec.command, path == nullptr ? "" : path);
  if (!program) return MissingCommand(exec, path == nullptr ? "" : path);
  system::ProcessRequest request;
  request.program = *program;
  request.args = exec.args;
  request.env = exec.env;
  request.env["KUBERNETES_EXEC_INFO"] = MakeExecInfo(exec, cluster);
  request.timeout = timeout;
  const absl::StatusOr<system::ProcessResult> result = system::RunProcess(request, stop);
  if (!result.ok()) return NotRun(exec, result.status());
  if (result->signal != 0 || result->exit_code != 0) {
    return Failed(exec, HowItEnded(*result), result->stderr_tail);
  }
  absl::StatusOr<ExecCredential> credential =
      ParseExecCredential(result->stdout_text, exec.api_version);
  if (credential.ok()) return credential;
  return Failed(exec, std::string(credential.status().message()), result->stderr_tail);
}

}  // namespace delivery::kubernetes
