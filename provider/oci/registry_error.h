// What registries and token servers say when they refuse.
#ifndef DELIVERY_OCI_REGISTRY_ERROR_H_
#define DELIVERY_OCI_REGISTRY_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "provider/http/transport.h"

namespace delivery::oci {

// The first error of an answer.
struct RegistryError {
  std::string code;     // "MANIFEST_UNKNOWN"; empty when the body is not a registry's
  std::string message;  // short, one line, without secrets
};

// From {"errors": [{"code", "message"}]}, or {"error", "error_description"} of OAuth2, or
// {"details"} of Docker's token server.
RegistryError ErrorIn(const http::Response& response);

// "HTTP 404 MANIFEST_UNKNOWN (manifest unknown)"
std::string DescribeAnswer(const http::Response& response);

// Foreign text fit for a message: one line, printable, at most 200 bytes, secrets redacted.
std::string ShortLine(std::string_view text);

// Who a request was made as.
struct Identity {
  bool known = false;  // with credentials, not anonymous
  // Why there were none, where that is not simply that none are known.
  absl::Status credential_error;
};

// What an answer that is no success means to the user, for any request to `registry` but a token
// request. `redirected_to` is the host that answered when it is another one.
absl::Status ErrorOf(const std::string& registry, const http::Response& response,
                     const Identity& identity, const std::string& redirected_to);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_REGISTRY_ERROR_H_
