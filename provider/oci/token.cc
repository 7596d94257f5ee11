#include "provider/oci/token.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/oci/registry_error.h"

namespace delivery::oci {
namespace {

constexpr int64_t kDefaultLifetime = 60;
// Longer than any process of ours; keeps the arithmetic finite.
constexpr int64_t kLongestLifetime = 365LL * 24 * 3600;
constexpr char kClientId[] = "terraform-provider-delivery";
constexpr size_t kMostBytes = 1024 * 1024;

void AddParameter(std::string& query, const char* name, const std::string& value) {
  if (value.empty()) return;
  absl::StrAppend(&query, query.empty() ? "" : "&", name, "=", PercentEncoded(value));
}

Url GetUrl(const TokenRequest& request) {
  std::string query;
  AddParameter(query, "service", request.service);
  for (const auto& scope : absl::StrSplit(request.scope, ' ', absl::SkipEmpty())) {
    AddParameter(query, "scope", std::string(scope));
  }
  AddParameter(query, "account", request.credential.username);
  AddParameter(query, "client_id", kClientId);
  Url url = request.realm;
  const bool has_query = url.target.find('?') != std::string::npos;
  absl::StrAppend(&url.target, has_query ? "&" : "?", query);
  return url;
}

http::Request MakeRequest(const TokenRequest& request) {
  http::Request http;
  http.max_response_bytes = kMostBytes;
  http.headers.emplace_back("Accept", "application/json");
  const Credential& credential = request.credential;
  if (credential.identity_token.empty()) {
    const std::string basic = BasicAuthorization(credential);
    if (!basic.empty()) http.headers.emplace_back("Authorization", basic);
    return http;
  }
  http.method = "POST";
  http.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  AddParameter(http.body, "grant_type", "refresh_token");
  AddParameter(http.body, "service", request.service);
  AddParameter(http.body, "client_id", kClientId);
  AddParameter(http.body, "scope", request.scope);
  AddParameter(http.body, "refresh_token", credential.identity_token);
  return http;
}

absl::Status Refused(const TokenRequest& request, const http::Response& response) {
  const std::string server =
      absl::StrCat("the token server ", request.realm.host, " of ", request.registry);
  const std::string answer = absl::StrCat(" (", DescribeAnswer(response), ")");
  const bool anonymous = request.credential.IsAnonymous();
  // OAuth2 answers 400 to a refresh token that does not hold.
  const bool stale = response.status == 400 && !request.credential.identity_token.empty();
  if (response.status == 401 || response.status == 403 || stale) {
    return absl::UnauthenticatedError(absl::StrCat(
        server, anonymous ? " gives no token without credentials" : " refused the credentials",
        answer, ": give username and password in a registry block for ", request.registry,
        ", or log in with docker login"));
  }
  if (response.status == 404 || response.status == 405) {
    return absl::FailedPreconditionError(
        absl::StrCat(server, " is not there", answer,
                     anonymous || request.credential.identity_token.empty()
                         ? ""
                         : ", or takes no identity tokens: use username and password"));
  }
  if (response.status == 429) {
    return absl::ResourceExhaustedError(
        absl::StrCat(server, " limits the rate of requests", answer, ": wait"));
  }
  if (response.status >= 500) {
    return absl::UnavailableError(absl::StrCat(server, " does not work at the moment", answer));
  }
  return absl::DataLossError(absl::StrCat(server, " gave an answer that is no token", answer));
}

// A line break would end the header it is sent in.
bool IsHeaderValue(const std::string& text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isgraph);
}

}  // namespace

absl::StatusOr<Token> ParseToken(std::string_view text, absl::Time now) {
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return absl::InvalidArgumentError("it is not JSON");
  Token token;
  token.value = GetString(*json, "token", GetString(*json, "access_token"));
  RegisterSecret(token.value);
  RegisterSecret(GetString(*json, "refresh_token"));
  if (token.value.empty()) return absl::InvalidArgumentError("it holds no token");
  if (!IsHeaderValue(token.value)) {
    return absl::InvalidArgumentError("its token holds blanks or control characters");
  }
  int64_t lifetime = GetInt(*json, "expires_in", kDefaultLifetime);
  if (lifetime <= 0) lifetime = kDefaultLifetime;
  absl::Time issued;
  std::string error;
  const std::string issued_at = GetString(*json, "issued_at");
  const bool dated = absl::ParseTime(absl::RFC3339_full, issued_at, &issued, &error);
  // A server whose clock is ahead gives no longer lives.
  const absl::Time start = dated ? std::min(issued, now) : now;
  token.expires = start + absl::Seconds(std::min(lifetime, kLongestLifetime));
  return token;
}

absl::StatusOr<Token> FetchToken(Hosts& hosts, const TokenRequest& request, const Limits& limits) {
  const bool by_post = !request.credential.identity_token.empty();
  const Url url = by_post ? request.realm : GetUrl(request);
  DELIVERY_ASSIGN_OR_RETURN(const http::Response response,
                            hosts.Send(request.registry, url, MakeRequest(request), limits));
  if (response.status != 200) return Refused(request, response);
  absl::StatusOr<Token> token = ParseToken(response.body, hosts.clock().Now());
  if (token.ok()) return token;
  return absl::DataLossError(absl::StrCat("the answer of the token server ", request.realm.host,
                                          " of ", request.registry,
                                          " cannot be used: ", token.status().message()));
}

std::string BasicAuthorization(const Credential& credential) {
  if (credential.username.empty() && credential.password.empty()) return "";
  const std::string both = absl::StrCat(credential.username, ":", credential.password);
  RegisterSecret(both);
  return absl::StrCat("Basic ", absl::Base64Escape(both));
}

}  // namespace delivery::oci
