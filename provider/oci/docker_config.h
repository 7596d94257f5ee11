// Docker's config.json, and the Kubernetes Secrets that have its form.
#ifndef DELIVERY_OCI_DOCKER_CONFIG_H_
#define DELIVERY_OCI_DOCKER_CONFIG_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/oci/credentials.h"

namespace delivery::oci {

// What one key of "auths" covers.
struct AuthPattern {
  std::string host;  // CanonicalHost form; a '*' stands for any characters but '.'
  std::string path;  // "" or a leading part of the repository: whole parts, without outer slashes
};

struct AuthEntry {
  AuthPattern pattern;
  // An error when the entry is malformed: it concerns only who needs this entry.
  absl::StatusOr<Credential> credential;
};

struct DockerConfig {
  std::vector<AuthEntry> auths;
  std::map<std::string, std::string> helpers;  // credHelpers by canonical host
  std::string default_helper;                  // credsStore; empty: none

  // The entry that covers the repository most exactly: an exact host before one with '*', then the
  // longest path. Null when there is none.
  const AuthEntry* FindAuth(const std::string& registry, const std::string& repository) const;
};

// Key of "auths": a host, with or without scheme, port, path; the leading "/v1/" or "/v2/" of old
// keys is no path.
AuthPattern ParseAuthKey(std::string_view key);

// The text of a config.json, or of a Secret's .dockerconfigjson. InvalidArgument, without any of
// the text, when it is not a JSON object. Secrets are registered for redaction.
absl::StatusOr<DockerConfig> ParseDockerConfig(std::string_view text);
// The legacy form (.dockercfg): the content of "auths" alone.
absl::StatusOr<DockerConfig> ParseLegacyDockerConfig(std::string_view text);

using EnvironmentLookup = std::function<std::optional<std::string>(const std::string&)>;

// $DOCKER_CONFIG/config.json, else $HOME/.docker/config.json, read at each Get, so that a login
// counts at once. Helpers (found in $PATH) come before "auths", as docker has it; a helper that
// knows nothing leaves it to "auths". No file: anonymous. A file that cannot be read or understood
// is an error that names it.
std::unique_ptr<CredentialSource> MakeDockerConfigCredentials(EnvironmentLookup environment);

// The imagePullSecrets of a pod, in order; what to call each in messages comes with it. Helpers
// that such a text names are ignored: a Secret must not start programs here.
struct PullSecret {
  std::string name;  // "Secret shop/pull"
  std::string text;  // content of .dockerconfigjson or .dockercfg
  bool legacy = false;
};
std::unique_ptr<CredentialSource> MakePullSecretCredentials(std::vector<PullSecret> secrets);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_DOCKER_CONFIG_H_
