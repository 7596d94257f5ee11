#include "provider/http/trust_store.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace delivery::http {
namespace {

constexpr const char* kFiles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Alpine, Arch, distroless
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL 7 and later
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL 6
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/ssl/cert.pem",  // Alpine without its package of certificates
};
constexpr const char* kFolders[] = {"/etc/ssl/certs", "/etc/pki/tls/certs"};

std::string FirstFile(const IsReadable& is_readable) {
  for (const char* file : kFiles) {
    if (is_readable(file)) return file;
  }
  return "";
}

std::string Folders(const IsReadable& is_readable) {
  std::string folders;
  for (const char* folder : kFolders) {
    if (is_readable(folder)) absl::StrAppend(&folders, folders.empty() ? "" : ":", folder);
  }
  return folders;
}

}  // namespace

TrustStore FindTrustStore(const Variables& environment, const IsReadable& is_readable) {
  TrustStore store;
  store.file = environment("SSL_CERT_FILE").value_or("");
  if (store.file.empty()) store.file = FirstFile(is_readable);
  store.folder = environment("SSL_CERT_DIR").value_or("");
  if (store.folder.empty()) store.folder = Folders(is_readable);
  return store;
}

TrustStore SystemTrustStore() {
  const auto environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
  return FindTrustStore(environment,
                        [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; });
}

}  // namespace delivery::http
