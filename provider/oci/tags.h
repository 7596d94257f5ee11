// The list of a repository's tags, page by page.
#ifndef DELIVERY_OCI_TAGS_H_
#define DELIVERY_OCI_TAGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "provider/oci/client.h"
#include "provider/oci/session.h"

namespace delivery::oci {

// As Client::ListTags.
absl::StatusOr<TagList> ReadTags(Session& session, const Reference& repository,
                                 const std::string& etag, const Limits& limits);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_TAGS_H_
