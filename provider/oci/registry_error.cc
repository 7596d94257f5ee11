#include "provider/oci/registry_error.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/oci/reference.h"

namespace delivery::oci {
namespace {

constexpr size_t kLongestLine = 200;

std::string LoginAdvice(const std::string& registry) {
  return absl::StrCat("give username and password in a registry block for ", registry,
                      " of the provider, or run `docker login",
                      registry == kDockerHub ? "" : absl::StrCat(" ", registry), "`");
}

absl::Status NoCredentials(const std::string& registry, const std::string& answer,
                           const Identity& identity) {
  if (!identity.credential_error.ok()) {
    return absl::Status(identity.credential_error.code(),
                        absl::StrCat(registry, " asks for credentials (", answer, "), and ",
                                     identity.credential_error.message()));
  }
  return absl::UnauthenticatedError(absl::StrCat(
      registry, " asks for credentials and none are known (", answer, "): ", LoginAdvice(registry),
      registry == kDockerHub ? "; Docker Hub answers so for a repository that does not exist, too"
                             : ""));
}

absl::Status Unauthenticated(const std::string& registry, const std::string& answer,
                             const Identity& identity) {
  if (!identity.known) return NoCredentials(registry, answer, identity);
  return absl::UnauthenticatedError(absl::StrCat(registry, " refused the credentials (", answer,
                                                 "): ", LoginAdvice(registry), " anew"));
}

absl::Status Denied(const std::string& registry, const std::string& answer,
                    const Identity& identity) {
  if (!identity.credential_error.ok()) return NoCredentials(registry, answer, identity);
  return absl::PermissionDeniedError(absl::StrCat(
      registry, " denies access (", answer, "): ",
      identity.known ? std::string("the account must be allowed to pull from this repository")
                     : LoginAdvice(registry)));
}

absl::Status NotFound(const std::string& registry, const std::string& answer,
                      const std::string& code) {
  if (code == "NAME_UNKNOWN") {
    return absl::NotFoundError(absl::StrCat(
        registry, " has no such repository, or does not show it to this account (", answer, ")"));
  }
  if (code == "MANIFEST_UNKNOWN") {
    return absl::NotFoundError(absl::StrCat("the repository has no such image (", answer, ")"));
  }
  return absl::NotFoundError(absl::StrCat(registry, " does not have it (", answer, ")"));
}

absl::Status TooMany(const std::string& registry, const std::string& answer) {
  return absl::ResourceExhaustedError(absl::StrCat(
      registry, " limits the rate of requests (", answer,
      "): wait, or use an account with a higher limit",
      registry == kDockerHub ? " (docker login; anonymous pulls are limited most)" : ""));
}

absl::Status BadRequest(const std::string& registry, const std::string& answer,
                        const http::Response& response) {
  // What Go's server says on its TLS port to plain HTTP.
  if (absl::StrContains(response.body, "HTTP request to an HTTPS server")) {
    return absl::FailedPreconditionError(
        absl::StrCat(registry, " speaks TLS: remove plain_http from its registry block"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(registry, " refused the request (", answer, "); is it a container registry?"));
}

}  // namespace

std::string ShortLine(std::string_view text) {
  // Secrets first: a cut one would not be found.
  std::string line = Redact(text.substr(0, 64 * 1024));
  for (char& c : line) {
    if (absl::ascii_iscntrl(c)) c = ' ';
  }
  absl::StripAsciiWhitespace(&line);
  if (line.size() <= kLongestLine) return line;
  size_t end = kLongestLine;
  // Not inside of a character of several bytes.
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(line.substr(0, end), "...");
}

RegistryError ErrorIn(const http::Response& response) {
  const absl::StatusOr<Json> json = ParseJson(response.body);
  if (!json.ok()) return {};
  const Json& errors = GetArray(*json, "errors");
  if (!errors.empty()) {
    return {ShortLine(GetString(errors.front(), "code")),
            ShortLine(GetString(errors.front(), "message"))};
  }
  std::string message = GetString(*json, "error_description");
  if (message.empty()) message = GetString(*json, "details");
  return {ShortLine(GetString(*json, "error")), ShortLine(message)};
}

std::string DescribeAnswer(const http::Response& response) {
  const RegistryError error = ErrorIn(response);
  return absl::StrCat("HTTP ", response.status, error.code.empty() ? "" : " ", error.code,
                      error.message.empty() ? "" : ": ", error.message);
}

absl::Status ErrorOf(const std::string& registry, const http::Response& response,
                     const Identity& identity, const std::string& redirected_to) {
  const std::string answer = DescribeAnswer(response);
  if (!redirected_to.empty() && (response.status == 401 || response.status == 403)) {
    return absl::PermissionDeniedError(
        absl::StrCat(registry, " sent us to ", redirected_to, ", which denies access (", answer,
                     "): the registry's storage or mirror is not set up rightly"));
  }
  const std::string who = redirected_to.empty()
                              ? registry
                              : absl::StrCat(redirected_to, " (where ", registry, " sent us)");
  switch (response.status) {
    case 401:
      return Unauthenticated(registry, answer, identity);
    case 403:
      return Denied(registry, answer, identity);
    case 404:
      return NotFound(who, answer, ErrorIn(response).code);
    case 429:
      return TooMany(registry, answer);
    default:
      break;
  }
  if (response.status >= 500) {
    return absl::UnavailableError(absl::StrCat(who, " does not work at the moment (", answer, ")"));
  }
  if (response.status >= 400) return BadRequest(who, answer, response);
  return absl::DataLossError(
      absl::StrCat(who, " gave an answer that no registry gives (", answer, ")"));
}

}  // namespace delivery::oci
