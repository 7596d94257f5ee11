#include "provider/oci/docker_config.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/oci/reference.h"

namespace delivery::oci {
namespace {

// "user:password", as `auth` holds it; nothing for an empty text.
absl::Status DecodeAuth(const std::string& encoded, Credential& credential) {
  if (encoded.empty()) return absl::OkStatus();
  RegisterSecret(encoded);
  std::string decoded;
  std::string text = encoded;
  absl::StripAsciiWhitespace(&text);
  if (!absl::Base64Unescape(text, &decoded)) {
    return absl::InvalidArgumentError("its auth is not base64");
  }
  // Docker pads with zero bytes.
  while (!decoded.empty() && decoded.back() == '\0') decoded.pop_back();
  const size_t colon = decoded.find(':');
  if (colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError("its auth is not user:password in base64");
  }
  credential.username = decoded.substr(0, colon);
  credential.password = decoded.substr(colon + 1);
  return absl::OkStatus();
}

absl::StatusOr<Credential> ReadEntry(const Json& entry) {
  if (!entry.is_object()) return absl::InvalidArgumentError("it is not an object");
  Credential credential;
  credential.username = GetString(entry, "username");
  credential.password = GetString(entry, "password");
  credential.identity_token = GetString(entry, "identitytoken");
  credential.registry_token = GetString(entry, "registrytoken");
  RegisterSecrets(credential);
  DELIVERY_RETURN_IF_ERROR(DecodeAuth(GetString(entry, "auth"), credential));
  if (credential.username == kTokenUser) {
    if (!credential.password.empty()) {
      credential.identity_token = std::exchange(credential.password, "");
    }
    credential.username.clear();
  }
  RegisterSecrets(credential);
  return credential;
}

std::vector<AuthEntry> ReadAuths(const Json& auths) {
  std::vector<AuthEntry> entries;
  for (const auto& [key, value] : auths.items()) {
    entries.push_back({ParseAuthKey(key), ReadEntry(value)});
  }
  return entries;
}

absl::StatusOr<Json> ParseObject(std::string_view text) {
  absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return json.status();
  if (!json->is_object()) return absl::InvalidArgumentError("not a JSON object");
  return json;
}

// `pattern` may hold '*', which stands for any characters.
bool MatchesLabel(std::string_view pattern, std::string_view label) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == label;
  if (!label.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t i = star; i <= label.size(); ++i) {
    if (MatchesLabel(rest, label.substr(i))) return true;
  }
  return false;
}

// Label by label, so that a '*' does not reach over a dot, as the kubelet has it.
bool MatchesHost(const std::string& pattern, const std::string& host) {
  if (!absl::StrContains(pattern, '*')) return pattern == host;
  const std::vector<std::string> patterns = absl::StrSplit(pattern, '.');
  const std::vector<std::string> labels = absl::StrSplit(host, '.');
  if (patterns.size() != labels.size()) return false;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (!MatchesLabel(patterns[i], labels[i])) return false;
  }
  return true;
}

bool CoversPath(const std::string& path, const std::string& repository) {
  if (path.empty() || path == repository) return true;
  return absl::StartsWith(repository, absl::StrCat(path, "/"));
}

// How exactly a pattern names what it covers; larger is more exact.
std::pair<bool, size_t> Exactness(const AuthPattern& pattern) {
  return {!absl::StrContains(pattern.host, '*'), pattern.path.size()};
}

}  // namespace

AuthPattern ParseAuthKey(std::string_view key) {
  if (const size_t scheme = key.find("://"); scheme != std::string_view::npos) {
    key.remove_prefix(scheme + 3);
  }
  const size_t slash = key.find('/');
  AuthPattern pattern;
  pattern.host = CanonicalHost(key.substr(0, slash));
  std::string path = slash == std::string_view::npos ? "" : std::string(key.substr(slash));
  for (const char* version : {"/v1", "/v2"}) {
    const bool whole = path == version || absl::StartsWith(path, absl::StrCat(version, "/"));
    if (whole) {
      path.erase(0, 3);
      break;
    }
  }
  pattern.path = std::string(absl::StripSuffix(absl::StripPrefix(path, "/"), "/"));
  return pattern;
}

const AuthEntry* DockerConfig::FindAuth(const std::string& registry,
                                        const std::string& repository) const {
  const std::string host = CanonicalHost(registry);
  const AuthEntry* best = nullptr;
  for (const AuthEntry& entry : auths) {
    if (!MatchesHost(entry.pattern.host, host)) continue;
    if (!CoversPath(entry.pattern.path, repository)) continue;
    const bool better = best == nullptr || Exactness(entry.pattern) > Exactness(best->pattern) ||
                        // Placeholders that docker leaves beside a helper say nothing.
                        (Exactness(entry.pattern) == Exactness(best->pattern) &&
                         best->credential.ok() && best->credential->IsAnonymous());
    if (better) best = &entry;
  }
  return best;
}

absl::StatusOr<DockerConfig> ParseDockerConfig(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(const Json json, ParseObject(text));
  const Json* const auths = Find(json, "auths");
  if (auths != nullptr && !auths->is_null() && !auths->is_object()) {
    return absl::InvalidArgumentError("its auths is not an object");
  }
  DockerConfig config;
  config.auths = ReadAuths(GetObject(json, "auths"));
  for (const auto& [host, helper] : GetObject(json, "credHelpers").items()) {
    if (!helper.is_string()) continue;
    config.helpers.emplace(ParseAuthKey(host).host, helper.get<std::string>());
  }
  config.default_helper = GetString(json, "credsStore");
  return config;
}

absl::StatusOr<DockerConfig> ParseLegacyDockerConfig(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(const Json json, ParseObject(text));
  DockerConfig config;
  config.auths = ReadAuths(json);
  return config;
}

}  // namespace delivery::oci
