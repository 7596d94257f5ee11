// Content addresses: "sha256:<hex>" and "sha512:<hex>".
#ifndef DELIVERY_OCI_DIGEST_H_
#define DELIVERY_OCI_DIGEST_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace delivery::oci {

// A supported algorithm and exactly its number of lower-case hex digits.
bool IsDigest(std::string_view text);

// "sha256:<hex>" of `content`.
std::string Sha256Of(std::string_view content);

// DataLoss when `content` does not have the digest; `what` names the content in the message.
// `digest` must satisfy IsDigest.
absl::Status CheckDigest(std::string_view content, std::string_view digest, std::string_view what);

// "sha256-<hex>": the tag under which what belongs to a digest is kept (referrers tag schema of the
// distribution specification; cosign appends ".sig").
std::string TagOfDigest(std::string_view digest);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_DIGEST_H_
