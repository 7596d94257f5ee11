#include "provider/oci/credential_helper.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/system/subprocess.h"

namespace delivery::oci {
namespace {

constexpr size_t kMostOutput = 256 * 1024;

// The words (github.com/docker/docker-credential-helpers, credentials/error.go) by which a helper
// says on stdout that it has nothing for the server.
bool SaysNotFound(const std::string& output) {
  return absl::StrContains(output, "credentials not found") ||
         absl::StrContains(output, "no credentials server URL") ||
         absl::StrContains(output, "no credentials username");
}

// A name that would lead to a program elsewhere is no helper's.
bool IsHelperName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

std::string ProgramOf(const HelperRequest& request) {
  return absl::StrCat("docker-credential-", request.helper);
}

absl::Status Failed(const HelperRequest& request, std::string_view what) {
  return absl::UnauthenticatedError(
      absl::StrCat("the credential helper ", ProgramOf(request), " ", std::string(what),
                   " when asked for ", request.server_url, "; run `echo ", request.server_url,
                   " | ", ProgramOf(request), " get` to see why"));
}

absl::Status NotRun(const HelperRequest& request, const absl::Status& status) {
  const std::string text = absl::StrCat("the credential helper ", ProgramOf(request), " ",
                                        status.message(), " when asked for ", request.server_url);
  // A helper that prints megabytes is broken in the same way as one that prints nonsense.
  if (absl::IsResourceExhausted(status)) return absl::UnauthenticatedError(text);
  return absl::Status(status.code(), text);
}

}  // namespace

absl::StatusOr<Credential> ParseHelperOutput(std::string_view text) {
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok() || !json->is_object()) {
    return absl::InvalidArgumentError("printed something that is not a JSON object");
  }
  const std::string user = GetString(*json, "Username");
  const std::string secret = GetString(*json, "Secret");
  RegisterSecret(secret);
  if (secret.empty()) return absl::InvalidArgumentError("printed a credential without Secret");
  Credential credential;
  if (user == kTokenUser) {
    credential.identity_token = secret;
  } else {
    credential.username = user;
    credential.password = secret;
  }
  RegisterSecrets(credential);
  return credential;
}

absl::StatusOr<Credential> RunCredentialHelper(const HelperRequest& request,
                                               const std::stop_token& stop) {
  if (!IsHelperName(request.helper)) {
    return absl::FailedPreconditionError(
        absl::StrCat("\"", request.helper.substr(0, 100), "\" is not the name of a helper"));
  }
  const std::optional<std::string> program =
      system::FindExecutable(ProgramOf(request), request.path);
  if (!program.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the credential helper ", ProgramOf(request), ", needed for ", request.server_url,
        ", is not in PATH (", request.path, "): install it on the machine that runs Terraform"));
  }
  system::ProcessRequest process;
  process.program = *program;
  process.args = {"get"};
  process.stdin_text = request.server_url;
  process.timeout = request.timeout;
  process.max_stdout_bytes = kMostOutput;
  const absl::StatusOr<system::ProcessResult> result = system::RunProcess(process, stop);
  if (!result.ok()) return NotRun(request, result.status());
  if (result->signal != 0) {
    return Failed(request, absl::StrCat("was killed by signal ", result->signal));
  }
  if (result->exit_code != 0) {
    if (SaysNotFound(result->stdout_text)) return Credential();
    return Failed(request, absl::StrCat("failed with exit code ", result->exit_code));
  }
  absl::StatusOr<Credential> credential = ParseHelperOutput(result->stdout_text);
  if (credential.ok()) return credential;
  return Failed(request, std::string(credential.status().message()));
}

}  // namespace delivery::oci
