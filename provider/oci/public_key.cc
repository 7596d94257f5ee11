#include "provider/oci/public_key.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"

namespace delivery::oci {
namespace {

constexpr int kSmallestRsa = 2048;
// Larger ones take seconds to verify with.
constexpr int kLargestRsa = 8192;

// The names of all PEM blocks, in order.
std::vector<std::string> BlockNames(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  std::vector<std::string> names;
  for (size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at)) {
    at += kBegin.size();
    const size_t end = pem.find(kDashes, at);
    if (end == std::string_view::npos) break;
    names.emplace_back(pem.substr(at, end - at));
    at = end;
  }
  return names;
}

absl::Status CheckBlocks(std::string_view pem) {
  const std::vector<std::string> names = BlockNames(pem);
  for (const std::string& name : names) {
    if (name.find("PRIVATE KEY") == std::string::npos) continue;
    RegisterSecret(pem);
    return absl::InvalidArgumentError(
        "is a private key, where the public key belongs (cosign.pub): remove it here, and replace "
        "the key pair if others could read it");
  }
  if (names.empty()) {
    return absl::InvalidArgumentError(
        "is not a PEM text (\"-----BEGIN PUBLIC KEY-----\" ...): give the content of cosign.pub");
  }
  if (names.size() > 1) return absl::InvalidArgumentError("holds more than one key: give one");
  if (names[0] == "PUBLIC KEY") return absl::OkStatus();
  if (names[0] == "CERTIFICATE") {
    return absl::InvalidArgumentError(
        "is a certificate: extract its key with `openssl x509 -pubkey -noout`");
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "is PEM of the type \"", names[0].substr(0, 50),
      "\": convert it to \"PUBLIC KEY\" with `openssl pkey -pubin -pubout` or `openssl rsa "
      "-RSAPublicKey_in -pubout`"));
}

std::string GroupName(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  size_t size = 0;
  const bool known = EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1;
  return known ? std::string(name.data(), size) : "";
}

absl::Status CheckKind(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return absl::OkStatus();
    case EVP_PKEY_EC: {
      const std::string group = GroupName(key);
      if (group == "prime256v1" || group == "secp384r1" || group == "secp521r1") {
        return absl::OkStatus();
      }
      return absl::InvalidArgumentError(
          absl::StrCat("is on the curve ", group, "; only P-256, P-384 and P-521 are supported"));
    }
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key);
      if (bits >= kSmallestRsa && bits <= kLargestRsa) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("is an RSA key of ", bits,
                                                     " bits; it must "
                                                     "have ",
                                                     kSmallestRsa, " to ", kLargestRsa));
    }
    default:
      return absl::InvalidArgumentError("is neither an ECDSA, nor an RSA, nor an Ed25519 key");
  }
}

bool VerifiesWith(EVP_PKEY* key, const EVP_MD* hash, std::string_view message,
                  std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  if (context == nullptr) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key) != 1) return false;
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

}  // namespace

PublicKey::PublicKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}

absl::StatusOr<PublicKey> PublicKey::Parse(std::string_view pem) {
  DELIVERY_RETURN_IF_ERROR(CheckBlocks(pem));
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr),
                                EVP_PKEY_free);
  if (key == nullptr) {
    return absl::InvalidArgumentError("is damaged: its content is not a public key");
  }
  DELIVERY_RETURN_IF_ERROR(CheckKind(key.get()));
  return PublicKey(std::move(key));
}

bool PublicKey::Verifies(std::string_view message, std::string_view signature) const {
  EVP_PKEY* const key = key_.get();
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
    return VerifiesWith(key, nullptr, message, signature);
  }
  if (VerifiesWith(key, EVP_sha256(), message, signature)) return true;
  const std::string group = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? GroupName(key) : "";
  if (group == "secp384r1") return VerifiesWith(key, EVP_sha384(), message, signature);
  return group == "secp521r1" && VerifiesWith(key, EVP_sha512(), message, signature);
}

}  // namespace delivery::oci
