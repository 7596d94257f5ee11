// Which Authorization a request to a registry carries: learnt from challenges, remembered per
// registry and repository.
#ifndef DELIVERY_OCI_AUTHENTICATOR_H_
#define DELIVERY_OCI_AUTHENTICATOR_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/oci/challenge.h"
#include "provider/oci/credentials.h"
#include "provider/oci/hosts.h"
#include "provider/oci/reference.h"
#include "provider/oci/registry_error.h"

namespace delivery::oci {

struct Authorization {
  std::string header;  // value for the registry alone; empty: none
  Identity identity;
};

// Thread-safe. A registry's token server may be on any host, since the registry names it (Docker
// Hub and GitLab have it elsewhere), but not without TLS when the registry has TLS. Credentials
// that cannot be read are no error here: many images need none.
class Authenticator {
 public:
  Authenticator(Hosts& hosts, std::shared_ptr<CredentialSource> credentials)
      : hosts_(hosts), credentials_(std::move(credentials)) {}

  // For requests about `repository`: nothing until its registry has refused one. Callers that need
  // the same token wait for one fetch, and share its failure.
  absl::StatusOr<Authorization> Get(const Reference& repository, const Limits& limits);

  // The registry answered 401 to a request with `refused`. True when what Get returns next may be
  // another one; an error when the challenge is one that must not be met.
  absl::StatusOr<bool> Refused(const Reference& repository, const Authorization& refused,
                               const std::vector<Challenge>& challenges);

 private:
  // What a registry asks for.
  struct Scheme {
    bool bearer = false;  // else Basic
    Url realm;
    std::string service;
  };
  struct Entry {
    std::string scope;
    Authorization authorization;
    absl::Time fresh_until = absl::InfinitePast();
    bool fetching = false;
    uint64_t fetches = 0;
    absl::Status last_failure;
  };

  absl::StatusOr<Scheme> SchemeOf(const std::string& registry, const Challenge& challenge) const;
  absl::Status WaitForFetch(std::unique_lock<std::mutex>& lock, const Entry& entry,
                            const Limits& limits);
  absl::StatusOr<std::pair<Authorization, absl::Time>> Fetch(const Reference& repository,
                                                             const Scheme& scheme,
                                                             const std::string& scope,
                                                             const Limits& limits);

  Hosts& hosts_;
  const std::shared_ptr<CredentialSource> credentials_;
  std::mutex mutex_;
  std::condition_variable_any fetched_;
  // Guarded by mutex_. Entries are never removed, so that they can be waited on.
  std::map<std::string, Scheme> schemes_;
  std::map<std::string, Entry> entries_;  // by canonical name of the repository
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_AUTHENTICATOR_H_
