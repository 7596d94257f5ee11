// The credential sources over what docker_config.cc parses.
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/oci/credential_helper.h"
#include "provider/oci/docker_config.h"
#include "provider/oci/reference.h"
#include "provider/system/read_file.h"

namespace delivery::oci {
namespace {

// The key under which docker keeps Docker Hub's credential.
constexpr char kDockerHubKey[] = "https://index.docker.io/v1/";

// What "auths" has for the repository; anonymous when nothing.
absl::StatusOr<Credential> CredentialIn(const DockerConfig& config, const std::string& registry,
                                        const std::string& repository, const std::string& where) {
  const AuthEntry* const entry = config.FindAuth(registry, repository);
  if (entry == nullptr) return Credential();
  if (entry->credential.ok()) return *entry->credential;
  return absl::FailedPreconditionError(
      absl::StrCat("the entry for ", registry, " in ", where,
                   " cannot be used: ", entry->credential.status().message()));
}

class DockerConfigCredentials : public CredentialSource {
 public:
  explicit DockerConfigCredentials(EnvironmentLookup environment)
      : environment_(std::move(environment)) {}

  absl::StatusOr<Credential> Get(const std::string& registry, const std::string& repository,
                                 const std::stop_token& stop) override {
    const std::string path = Path();
    if (path.empty()) return Credential();
    const absl::StatusOr<std::string> text = system::ReadFile(path);
    if (absl::IsNotFound(text.status())) return Credential();
    if (!text.ok()) return text.status();
    const absl::StatusOr<DockerConfig> config = ParseDockerConfig(*text);
    if (!config.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the docker configuration ", path, " cannot be used: ", config.status().message()));
    }
    DELIVERY_ASSIGN_OR_RETURN(Credential helped, AskHelper(*config, registry, path, stop));
    if (!helped.IsAnonymous()) return helped;
    return CredentialIn(*config, registry, repository, path);
  }

 private:
  std::string Path() const {
    const std::optional<std::string> folder = environment_("DOCKER_CONFIG");
    if (folder.has_value() && !folder->empty()) return absl::StrCat(*folder, "/config.json");
    const std::optional<std::string> home = environment_("HOME");
    if (!home.has_value() || home->empty()) return "";
    return absl::StrCat(*home, "/.docker/config.json");
  }

  absl::StatusOr<Credential> AskHelper(const DockerConfig& config, const std::string& registry,
                                       const std::string& path, const std::stop_token& stop) const {
    const std::string host = CanonicalHost(registry);
    const auto own = config.helpers.find(host);
    HelperRequest request;
    request.helper = own != config.helpers.end() ? own->second : config.default_helper;
    if (request.helper.empty()) return Credential();
    request.server_url = host == kDockerHub ? kDockerHubKey : host;
    request.path = environment_("PATH").value_or("");
    absl::StatusOr<Credential> credential = RunCredentialHelper(request, stop);
    if (credential.ok()) return credential;
    return absl::Status(credential.status().code(),
                        absl::StrCat(credential.status().message(), " (named by ", path, ")"));
  }

  const EnvironmentLookup environment_;
};

class PullSecretCredentials : public CredentialSource {
 public:
  explicit PullSecretCredentials(std::vector<PullSecret> secrets) {
    for (const PullSecret& secret : secrets) {
      configs_.emplace_back(secret.name, secret.legacy ? ParseLegacyDockerConfig(secret.text)
                                                       : ParseDockerConfig(secret.text));
    }
  }

  absl::StatusOr<Credential> Get(const std::string& registry, const std::string& repository,
                                 const std::stop_token& /*stop*/) override {
    for (const auto& [name, config] : configs_) {
      if (!config.ok()) {
        return absl::FailedPreconditionError(
            absl::StrCat(name, " cannot be used: ", config.status().message()));
      }
      DELIVERY_ASSIGN_OR_RETURN(Credential credential,
                                CredentialIn(*config, registry, repository, name));
      if (!credential.IsAnonymous()) return credential;
    }
    return Credential();
  }

 private:
  // Not changed after the constructor.
  std::vector<std::pair<std::string, absl::StatusOr<DockerConfig>>> configs_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeDockerConfigCredentials(EnvironmentLookup environment) {
  return std::make_unique<DockerConfigCredentials>(std::move(environment));
}

std::unique_ptr<CredentialSource> MakePullSecretCredentials(std::vector<PullSecret> secrets) {
  return std::make_unique<PullSecretCredentials>(std::move(secrets));
}

}  // namespace delivery::oci
