// Verification of signatures that `cosign sign --key` made (sigstore/cosign,
// specs/SIGNATURE_SPEC.md): offline, with one public key, without a transparency log.
#ifndef DELIVERY_OCI_COSIGN_H_
#define DELIVERY_OCI_COSIGN_H_

#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/oci/client.h"
#include "provider/oci/public_key.h"
#include "provider/oci/reference.h"

namespace delivery::oci {

// OK when at least one signature of `image`, which must have a digest, is by `key`. Looked for are
// the tag "sha256-<hex>.sig", then the referrers of type
// application/vnd.dev.cosign.artifact.sig.v1+json; the first 50 signatures, with payloads of at
// most 64 KiB. A payload must say that it is a cosign signature of exactly this digest; the
// repository it names is not looked at, as cosign itself does not (images are copied).
//
// Two codes are verdicts: NotFound (not signed) and FailedPrecondition (signed, but no signature
// holds: another key, another digest, changed). Any other error means that it could not be checked.
absl::Status VerifySignature(Client& client, const Reference& image, const PublicKey& key,
                             absl::Time deadline, const std::stop_token& stop);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_COSIGN_H_
