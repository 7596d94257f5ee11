// Requests to registries with all that belongs to them: authorization, repetition, redirects.
#ifndef DELIVERY_OCI_SESSION_H_
#define DELIVERY_OCI_SESSION_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "provider/oci/authenticator.h"
#include "provider/oci/hosts.h"
#include "provider/oci/reference.h"
#include "provider/oci/registry_error.h"

namespace delivery::oci {

struct RegistryRequest {
  std::string method = "GET";  // or HEAD
  Url url;
  std::string accept;
  std::string if_none_match;  // empty: none
  size_t max_response_bytes = 64 * 1024 * 1024;
};

struct Reply {
  http::Response response;
  Url url;  // of who answered: after redirects another one than asked
  Identity identity;
};

// Thread-safe.
class Session {
 public:
  Session(const ClientOptions& options, std::shared_ptr<CredentialSource> credentials,
          TransportFactory make_transport, Clock& clock)
      : hosts_(options, std::move(make_transport), clock),
        authenticator_(hosts_, std::move(credentials)) {}

  // Of the repository's part of the API: "/v2/<repository>" + `path`.
  Url UrlOf(const Reference& repository, std::string_view path) const;

  // The answer, whatever its status. Follows up to five redirects; the authorization goes to the
  // registry's own origin only, and never from https to http.
  absl::StatusOr<Reply> Send(const Reference& repository, const RegistryRequest& request,
                             const Limits& limits);

  // What `reply`, which is no success, means.
  absl::Status ErrorOf(const Reference& repository, const Reply& reply) const;

 private:
  absl::StatusOr<Reply> Follow(const Reference& repository, const RegistryRequest& request,
                               const Authorization& authorization, const Limits& limits);

  Hosts hosts_;
  Authenticator authenticator_;
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_SESSION_H_
