// Addresses that registries send us to: redirects, next pages, token servers.
#ifndef DELIVERY_OCI_URL_H_
#define DELIVERY_OCI_URL_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace delivery::oci {

struct Url {
  bool https = true;
  std::string host;    // host[:port] in lower case, without the scheme's own port
  std::string target;  // path and query, from the first '/'

  std::string Text() const;
  // Without the query, which may hold secrets.
  std::string Shown() const;

  bool SameOrigin(const Url& other) const { return https == other.https && host == other.host; }
};

// An absolute http:// or https:// URL; a fragment is dropped. InvalidArgument, without the query,
// when it is something else, or holds a user, blanks or control characters.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// What `location` (of a Location or Link header) means on a page at `base`.
absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view location);

// `text` for a part of a path or a value of a query.
std::string PercentEncoded(std::string_view text);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_URL_H_
