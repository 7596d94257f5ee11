// A client of container registries: OCI distribution specification 1.1 and Docker Registry HTTP API
// V2, with Docker's token authentication. Reads only.
#ifndef DELIVERY_OCI_CLIENT_H_
#define DELIVERY_OCI_CLIENT_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/http/transport.h"
#include "provider/oci/credentials.h"
#include "provider/oci/manifest.h"
#include "provider/oci/reference.h"

namespace delivery::oci {

using TransportFactory =
    std::function<std::shared_ptr<http::Transport>(const http::TransportOptions&)>;

// How a registry host is reached and trusted.
struct HostOptions {
  std::string ca_certificate_pem;  // empty: the system's trust store
  bool plain_http = false;         // http:// instead of https://, never guessed
  bool insecure = false;           // https:// without verification
};

struct ClientOptions {
  // By host[:port], in any spelling. A host that is not here but that a registry sends us to (token
  // server, storage) is trusted as that registry is, or else by the system's trust store.
  std::map<std::string, HostOptions> hosts;
};

struct TagList {
  std::vector<std::string> tags;  // sorted by bytes, each once; without what is no valid tag
  // For the next ListTags; empty when the registry gave none, or not one that covers all pages.
  std::string etag;
  bool not_modified = false;  // nothing changed since the given ETag; `tags` is empty
};

struct ManifestHead {
  std::string digest;
  std::string media_type;  // as the registry says; may be empty
};

struct Manifest {
  std::string content;  // the very bytes that have the digest
  std::string digest;
  std::string media_type;  // one of the four in manifest.h
};

// Thread-safe. Every call ends at `deadline` (of the given clock) at the latest, with the failure
// of the last attempt or DeadlineExceeded (a credential source that is being asked then may add its
// own time limit), and soon after a request of `stop`, with Cancelled. Until then, answers 429 and
// 5xx and lost connections are repeated with back-off, heeding Retry-After; a host that never
// answered is given up after 8 s.
//
// Errors have messages for the user, which name the registry and the repository and say what to do,
// and never hold secrets: NotFound (repository, tag or blob), Unauthenticated (credentials missing
// or refused, or a TLS certificate that is not trusted), PermissionDenied, ResourceExhausted (429
// to the end), Unavailable, DataLoss (wrong digest, garbage), OutOfRange (an answer larger than
// allowed), FailedPrecondition (what only a change of configuration or image can repair),
// InvalidArgument (a malformed request of ours).
class Client {
 public:
  Client(ClientOptions options, std::shared_ptr<CredentialSource> credentials,
         TransportFactory make_transport, Clock& clock);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // All tags, of all pages. With the `etag` of an earlier answer the registry may say that nothing
  // changed. More than 500,000 tags are refused with FailedPrecondition.
  absl::StatusOr<TagList> ListTags(const Reference& repository, absl::Time deadline,
                                   const std::stop_token& stop, const std::string& etag = "");

  // Digest and type of what `image` names (its digest, else its tag; one is required).
  absl::StatusOr<ManifestHead> Head(const Reference& image, absl::Time deadline,
                                    const std::stop_token& stop);

  // The manifest or index itself; its digest is computed from what came, and must equal the one
  // asked for. At most 4 MiB. Docker's schema 1 is FailedPrecondition.
  absl::StatusOr<Manifest> GetManifest(const Reference& image, absl::Time deadline,
                                       const std::stop_token& stop);

  // A blob whose bytes have the digest; OutOfRange when it is larger than `max_bytes`.
  absl::StatusOr<std::string> GetBlob(const Reference& repository, const std::string& digest,
                                      size_t max_bytes, absl::Time deadline,
                                      const std::stop_token& stop);

  // What refers to the manifest `digest` with this artifact type (empty: any): by the referrers
  // API, or, where the registry has none, by the tag "sha256-<hex>". Empty when nothing does.
  absl::StatusOr<std::vector<Descriptor>> Referrers(const Reference& repository,
                                                    const std::string& digest,
                                                    const std::string& artifact_type,
                                                    absl::Time deadline,
                                                    const std::stop_token& stop);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_CLIENT_H_
