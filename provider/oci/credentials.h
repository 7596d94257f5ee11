// Who we are at a registry.
#ifndef DELIVERY_OCI_CREDENTIALS_H_
#define DELIVERY_OCI_CREDENTIALS_H_

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace delivery::oci {

// The user name that says that the password is an identity token.
inline constexpr char kTokenUser[] = "<token>";

// All empty: anonymous. The names are those of docker's config.json.
struct Credential {
  std::string username;
  std::string password;
  std::string identity_token;  // a refresh token, exchanged at the registry's token server
  std::string registry_token;  // sent to the registry itself as it is ("Bearer ...")

  bool IsAnonymous() const;
  bool operator==(const Credential&) const = default;
};

// Registers the secret parts for redaction; whoever reads a credential calls it.
void RegisterSecrets(const Credential& credential);

// Thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // The credential for `repository` ("team/web") of `registry` ("docker.io" for Docker Hub, else
  // host[:port]). Anonymous when none is known. Errors never contain secrets; they are
  // FailedPrecondition (a file or program that cannot be used), Unauthenticated (a helper that
  // fails), DeadlineExceeded (a helper that hangs) and Cancelled. May block for as long as a
  // helper runs.
  virtual absl::StatusOr<Credential> Get(const std::string& registry, const std::string& repository,
                                         const std::stop_token& stop) = 0;
};

// By registry host, in any spelling (the provider's `registry` blocks).
std::unique_ptr<CredentialSource> MakeFixedCredentials(std::map<std::string, Credential> by_host);

// Asks in order; the first credential that is not anonymous is the answer. Where there is none, the
// first error is.
std::unique_ptr<CredentialSource> MakeCredentialChain(
    std::vector<std::shared_ptr<CredentialSource>> sources);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_CREDENTIALS_H_
