// For tests: key pairs made anew, to sign with.
#ifndef DELIVERY_OCI_TEST_KEYS_H_
#define DELIVERY_OCI_TEST_KEYS_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>

namespace delivery::oci {

class TestKey {
 public:
  static TestKey Ec(const char* curve) { return TestKey(EVP_EC_gen(curve)); }
  static TestKey Rsa(size_t bits) { return TestKey(EVP_RSA_gen(bits)); }
  static TestKey Named(const char* type) {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, type));
  }

  std::string PublicPem() const {
    return Written([this](BIO* out) { PEM_write_bio_PUBKEY(out, key_.get()); });
  }
  std::string PrivatePem() const {
    return Written([this](BIO* out) {
      PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  // Null for Ed25519.
  std::string Sign(std::string_view message, const EVP_MD* hash = EVP_sha256()) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    const auto* data = reinterpret_cast<const unsigned char*>(message.data());
    size_t size = 0;
    EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key_.get());
    EVP_DigestSign(context.get(), nullptr, &size, data, message.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                   message.size());
    signature.resize(size);
    return signature;
  }

 private:
  explicit TestKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}
  template <typename Write>
  static std::string Written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    write(out.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<size_t>(size));
  }
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_TEST_KEYS_H_
