#include "provider/oci/credentials.h"

#include <utility>

#include "provider/base/redact.h"
#include "provider/base/status_macros.h"
#include "provider/oci/reference.h"

namespace delivery::oci {
namespace {

class FixedCredentials : public CredentialSource {
 public:
  explicit FixedCredentials(std::map<std::string, Credential> by_host) {
    for (auto& [host, credential] : by_host) {
      RegisterSecrets(credential);
      by_host_.emplace(CanonicalHost(host), std::move(credential));
    }
  }

  absl::StatusOr<Credential> Get(const std::string& registry, const std::string& /*repository*/,
                                 const std::stop_token& /*stop*/) override {
    const auto found = by_host_.find(CanonicalHost(registry));
    return found == by_host_.end() ? Credential() : found->second;
  }

 private:
  std::map<std::string, Credential> by_host_;  // not changed after the constructor
};

class CredentialChain : public CredentialSource {
 public:
  explicit CredentialChain(std::vector<std::shared_ptr<CredentialSource>> sources)
      : sources_(std::move(sources)) {}

  absl::StatusOr<Credential> Get(const std::string& registry, const std::string& repository,
                                 const std::stop_token& stop) override {
    absl::Status first_failure;
    for (const std::shared_ptr<CredentialSource>& source : sources_) {
      absl::StatusOr<Credential> credential = source->Get(registry, repository, stop);
      if (absl::IsCancelled(credential.status())) return credential;
      if (!credential.ok()) {
        first_failure.Update(credential.status());
      } else if (!credential->IsAnonymous()) {
        return credential;
      }
    }
    if (!first_failure.ok()) return first_failure;
    return Credential();
  }

 private:
  const std::vector<std::shared_ptr<CredentialSource>> sources_;
};

}  // namespace

bool Credential::IsAnonymous() const { return *this == Credential(); }

void RegisterSecrets(const Credential& credential) {
  RegisterSecret(credential.password);
  RegisterSecret(credential.identity_token);
  RegisterSecret(credential.registry_token);
  // As both travel in a Basic header.
  if (!credential.password.empty()) {
    RegisterSecret(credential.username + ":" + credential.password);
  }
}

std::unique_ptr<CredentialSource> MakeFixedCredentials(std::map<std::string, Credential> by_host) {
  return std::make_unique<FixedCredentials>(std::move(by_host));
}

std::unique_ptr<CredentialSource> MakeCredentialChain(
    std::vector<std::shared_ptr<CredentialSource>> sources) {
  return std::make_unique<CredentialChain>(std::move(sources));
}

}  // namespace delivery::oci
