#include "resources/credential_rules.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"

namespace delivery::resources {
namespace {

bool HoldsCertificate(const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  return certificate != nullptr;
}

}  // namespace

bool IsGiven(const schema::Attr<std::string>& text) {
  return text.is_unknown() || !text.value_or("").empty();
}

void ValidateSecret(const schema::Attr<std::string>& secret, const value::Path& path,
                    Diagnostics& diagnostics) {
  const std::string text = secret.value_or("");
  if (std::none_of(text.begin(), text.end(), absl::ascii_iscntrl)) return;
  diagnostics.Error(path, "A line break in a secret",
                    "It has control characters, such as a line break at its end: use "
                    "trimspace(file(...)).");
}

void ValidateCertificate(const schema::Attr<std::string>& pem, const value::Path& path,
                         Diagnostics& diagnostics) {
  const std::string text = pem.value_or("");
  if (text.empty() || HoldsCertificate(text)) return;
  diagnostics.Error(path, "Not a certificate",
                    "ca_certificate holds PEM certificates: file(\"ca.crt\"), not its path.");
}

}  // namespace delivery::resources
