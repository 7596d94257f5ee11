// AutoMTLS: host and plugin each make a certificate, exchange them in environment and handshake,
// and accept nobody else. Source: go-plugin mtls.go; docs/protocol.md, "AutoMTLS".
#ifndef DELIVERY_PLUGIN_AUTO_MTLS_H_
#define DELIVERY_PLUGIN_AUTO_MTLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"

namespace delivery::plugin {

// A self-signed certificate for "localhost" with its key, made for this process only. The key never
// leaves the process.
struct ServerIdentity {
  std::string certificate_pem;
  std::string key_pem;
  // What the handshake carries: DER in standard base64 without padding.
  std::string handshake_certificate;
};

// A P-256 key and a certificate valid from just before `now`. Internal when OpenSSL fails.
absl::StatusOr<ServerIdentity> MakeServerIdentity(absl::Time now);

// Credentials that present `identity` and accept only the client with the certificate
// `client_certificate_pem` (PLUGIN_CLIENT_CERT), over TLS 1.3. InvalidArgument when the client's
// certificate cannot be read. Call before any other use of TLS by gRPC in this process.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualTls(
    const ServerIdentity& identity, const std::string& client_certificate_pem);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_AUTO_MTLS_H_
