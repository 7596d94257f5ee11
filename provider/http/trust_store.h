// Where a machine keeps the certificates of the authorities that it trusts.
#ifndef DELIVERY_HTTP_TRUST_STORE_H_
#define DELIVERY_HTTP_TRUST_STORE_H_

#include <functional>
#include <optional>
#include <string>

namespace delivery::http {

struct TrustStore {
  std::string file;    // many certificates as PEM; empty: none
  std::string folder;  // certificates named by hash; several folders have colons between them
};

using Variables = std::function<std::optional<std::string>(const char*)>;
using IsReadable = std::function<bool(const std::string&)>;

// As programs written in Go find it, the hosts among them: SSL_CERT_FILE and SSL_CERT_DIR where
// they are set (a file that cannot be read is then for the user to correct, so it is not passed
// over), else the first file and the folders that this system has of those where systems keep them.
// What a library was compiled with is no guide: one binary runs on all of them.
TrustStore FindTrustStore(const Variables& environment, const IsReadable& is_readable);

// That of this machine, by the environment of this process.
TrustStore SystemTrustStore();

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_TRUST_STORE_H_
