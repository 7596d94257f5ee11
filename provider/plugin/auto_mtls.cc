#include "provider/plugin/auto_mtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/base/status_macros.h"

namespace delivery::plugin {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free_all>>;

absl::Status OpenSslError(const char* what) {
  char text[256] = "";
  ERR_error_string_n(ERR_get_error(), text, sizeof(text));
  return absl::InternalError(absl::StrCat(what, ": ", text));
}

absl::Status SetSerial(X509* certificate) {
  uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) != 1) {
    return OpenSslError("random serial number");
  }
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U);
  return absl::OkStatus();
}

absl::Status SetNames(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  for (const auto& [field, text] :
       {std::pair{"O", "terraform-provider-delivery"}, std::pair{"CN", "localhost"}}) {
    if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(text), -1, -1, 0) != 1) {
      return OpenSslError("subject name");
    }
  }
  if (X509_set_issuer_name(certificate, name) != 1) return OpenSslError("issuer name");
  return absl::OkStatus();
}

absl::Status SetValidity(X509* certificate, absl::Time now) {
  // Clocks of host and plugin are the same; the margin is for steps of that clock. A release may
  // take days, so the end is far away: the certificate dies with the process anyway.
  const absl::Time begin = now - absl::Seconds(30);
  const absl::Time end = now + absl::Hours(24 * 365 * 10);
  if (ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(begin)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(end)) == nullptr) {
    return OpenSslError("validity");
  }
  return absl::OkStatus();
}

absl::Status AddExtensions(X509* certificate) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  // The host looks only at the DNS name, and uses the certificate as its own authority.
  constexpr std::pair<int, const char*> kExtensions[] = {
      {NID_basic_constraints, "critical,CA:TRUE"},
      {NID_key_usage, "critical,digitalSignature,keyEncipherment,keyAgreement,keyCertSign"},
      {NID_ext_key_usage, "clientAuth,serverAuth"},
      {NID_subject_key_identifier, "hash"},
      {NID_subject_alt_name, "DNS:localhost"},
  };
  for (const auto& [nid, text] : kExtensions) {
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, text));
    if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
      return OpenSslError(text);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Certificate> SelfSign(EVP_PKEY* key, absl::Time now) {
  Certificate certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return OpenSslError("certificate");
  }
  DELIVERY_RETURN_IF_ERROR(SetSerial(certificate.get()));
  DELIVERY_RETURN_IF_ERROR(SetNames(certificate.get()));
  DELIVERY_RETURN_IF_ERROR(SetValidity(certificate.get(), now));
  DELIVERY_RETURN_IF_ERROR(AddExtensions(certificate.get()));
  if (X509_sign(certificate.get(), key, EVP_sha256()) == 0) return OpenSslError("signature");
  return certificate;
}

std::string TakeText(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<std::string> CertificatePem(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509(memory.get(), certificate) != 1) {
    return OpenSslError("writing the certificate");
  }
  return TakeText(memory);
}

absl::StatusOr<std::string> KeyPem(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr ||
      PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError("writing the key");
  }
  return TakeText(memory);
}

absl::StatusOr<std::string> UnpaddedDer(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return OpenSslError("encoding the certificate");
  std::string base64 = absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(der), static_cast<size_t>(size)));
  OPENSSL_free(der);
  // Go decodes with RawStdEncoding, to which padding is an error.
  while (absl::EndsWith(base64, "=")) base64.pop_back();
  return base64;
}

bool IsCertificate(const std::string& pem) {
  const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate != nullptr;
}

// gRPC 1.51 has no setting for the lowest TLS version. Its cipher list governs TLS 1.2 only, and
// this suite needs an RSA certificate, which we do not have: what remains is TLS 1.3. TLS 1.2
// could not work anyway, as this gRPC offers P-256 only and hosts have P-521 certificates.
void LeaveOnlyTls13() { ::setenv("GRPC_SSL_CIPHER_SUITES", "ECDHE-RSA-AES256-GCM-SHA384", 1); }

}  // namespace

absl::StatusOr<ServerIdentity> MakeServerIdentity(absl::Time now) {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return OpenSslError("P-256 key");
  DELIVERY_ASSIGN_OR_RETURN(const Certificate certificate, SelfSign(key.get(), now));
  ServerIdentity identity;
  DELIVERY_ASSIGN_OR_RETURN(identity.certificate_pem, CertificatePem(certificate.get()));
  DELIVERY_ASSIGN_OR_RETURN(identity.key_pem, KeyPem(key.get()));
  DELIVERY_ASSIGN_OR_RETURN(identity.handshake_certificate, UnpaddedDer(certificate.get()));
  return identity;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualTls(
    const ServerIdentity& identity, const std::string& client_certificate_pem) {
  if (!IsCertificate(client_certificate_pem)) {
    return absl::InvalidArgumentError("PLUGIN_CLIENT_CERT holds no PEM certificate");
  }
  LeaveOnlyTls13();
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = client_certificate_pem;
  options.pem_key_cert_pairs.push_back({identity.key_pem, identity.certificate_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace delivery::plugin
