#include "provider/oci/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace delivery::oci {
namespace {

constexpr std::string_view kSha256 = "sha256:";
constexpr std::string_view kSha512 = "sha512:";

std::string HexHash(const EVP_MD* algorithm, std::string_view content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int size = 0;
  // Fails only when memory is short; a digest of nothing then matches nothing.
  if (EVP_Digest(content.data(), content.size(), hash.data(), &size, algorithm, nullptr) != 1) {
    return "";
  }
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash.data()), size});
}

bool IsHex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

bool IsDigest(std::string_view text) {
  if (text.starts_with(kSha256)) return IsHex(text.substr(kSha256.size()), 64);
  return text.starts_with(kSha512) && IsHex(text.substr(kSha512.size()), 128);
}

std::string Sha256Of(std::string_view content) {
  return absl::StrCat("sha256:", HexHash(EVP_sha256(), content));
}

absl::Status CheckDigest(std::string_view content, std::string_view digest, std::string_view what) {
  const std::string actual = digest.starts_with(kSha512)
                                 ? absl::StrCat("sha512:", HexHash(EVP_sha512(), content))
                                 : Sha256Of(content);
  if (actual == digest) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(std::string(what), " does not have the digest ", std::string(digest), " but ",
                   actual, ": the registry, or something between, changed or cut it"));
}

std::string TagOfDigest(std::string_view digest) {
  std::string tag(digest);
  std::replace(tag.begin(), tag.end(), ':', '-');
  return tag;
}

}  // namespace delivery::oci
