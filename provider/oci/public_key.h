// Public keys that signatures are checked with.
#ifndef DELIVERY_OCI_PUBLIC_KEY_H_
#define DELIVERY_OCI_PUBLIC_KEY_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_pkey_st;

namespace delivery::oci {

// Immutable, cheap to copy, thread-safe.
class PublicKey {
 public:
  // One PEM block "PUBLIC KEY" with ECDSA on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or
  // Ed25519. InvalidArgument says what it is instead (a private key, several keys, ...), without
  // any of the text; the text of a private key is registered for redaction.
  static absl::StatusOr<PublicKey> Parse(std::string_view pem);

  // True when `signature` is one of `message` by this key: ECDSA (DER) and RSA PKCS #1 v1.5 over
  // SHA-256, which cosign uses for every key; for P-384 and P-521 also over SHA-384 and SHA-512;
  // Ed25519 over the message.
  bool Verifies(std::string_view message, std::string_view signature) const;

 private:
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_PUBLIC_KEY_H_
