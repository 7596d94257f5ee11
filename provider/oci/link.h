// The next page of a list: the Link header (RFC 8288).
#ifndef DELIVERY_OCI_LINK_H_
#define DELIVERY_OCI_LINK_H_

#include <optional>
#include <string>

#include "provider/http/transport.h"

namespace delivery::oci {

// The target of the first link with rel="next", absolute or relative as it stands; nullopt when
// there is none. Malformed links are left out.
std::optional<std::string> NextLink(const http::Headers& headers);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_LINK_H_
