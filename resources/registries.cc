#include "resources/registries.h"

#include <map>
#include <utility>

#include "provider/base/status_macros.h"
#include "provider/oci/reference.h"

namespace delivery::resources {

Registries::Registries(Clock& clock, oci::EnvironmentLookup environment,
                       oci::TransportFactory make_transport)
    : clock_(clock),
      environment_(std::move(environment)),
      make_transport_(std::move(make_transport)) {
  Set({});
}

void Registries::Set(std::vector<RegistrySettings> settings) {
  Configured configured;
  std::map<std::string, oci::Credential> credentials;
  for (RegistrySettings& one : settings) {
    const std::string host = oci::CanonicalHost(one.host);
    configured.options.hosts[host] = std::move(one.options);
    if (!one.credential.IsAnonymous()) credentials[host] = std::move(one.credential);
  }
  std::vector<std::shared_ptr<oci::CredentialSource>> sources;
  sources.push_back(oci::MakeFixedCredentials(std::move(credentials)));
  sources.push_back(oci::MakeDockerConfigCredentials(environment_));
  configured.credentials = oci::MakeCredentialChain(std::move(sources));
  configured.client = std::make_shared<oci::Client>(configured.options, configured.credentials,
                                                    make_transport_, clock_);
  absl::MutexLock lock(&mutex_);
  configured_ = std::move(configured);
}

void Registries::SetUnknown() {
  absl::MutexLock lock(&mutex_);
  configured_ = absl::FailedPreconditionError(
      "the provider's registry blocks are not known yet: they depend on something that this apply "
      "makes");
}

bool Registries::IsUnknown() const {
  absl::MutexLock lock(&mutex_);
  return !configured_.ok();
}

absl::StatusOr<std::shared_ptr<oci::Client>> Registries::Connect() const {
  absl::MutexLock lock(&mutex_);
  if (!configured_.ok()) return configured_.status();
  return configured_->client;
}

absl::StatusOr<std::shared_ptr<oci::Client>> Registries::ConnectWith(
    std::vector<oci::PullSecret> secrets) const {
  if (secrets.empty()) return Connect();
  absl::MutexLock lock(&mutex_);
  if (!configured_.ok()) return configured_.status();
  std::vector<std::shared_ptr<oci::CredentialSource>> sources = {
      configured_->credentials, oci::MakePullSecretCredentials(std::move(secrets))};
  return std::make_shared<oci::Client>(
      configured_->options, oci::MakeCredentialChain(std::move(sources)), make_transport_, clock_);
}

}  // namespace delivery::resources
