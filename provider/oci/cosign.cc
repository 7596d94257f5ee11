#include "provider/oci/cosign.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/oci/digest.h"
#include "provider/oci/manifest.h"
#include "provider/oci/registry_error.h"

namespace delivery::oci {
namespace {

constexpr int kMostSignatures = 50;
constexpr size_t kMostPayloadBytes = 64 * 1024;
constexpr char kPayloadType[] = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr char kArtifactType[] = "application/vnd.dev.cosign.artifact.sig.v1+json";
// Cosign 3 writes this unless it is told not to.
constexpr char kBundleType[] = "application/vnd.dev.sigstore.bundle";
constexpr char kSignature[] = "dev.cosignproject.cosign/signature";
constexpr char kClaimType[] = "cosign container image signature";

absl::Status Invalid(const std::string& why) { return absl::FailedPreconditionError(why); }

// Whether the signed claim is about exactly this image.
absl::Status CheckPayload(const std::string& payload, const std::string& digest) {
  const absl::StatusOr<Json> json = ParseJson(payload);
  if (!json.ok()) return Invalid("the signed payload is not JSON");
  const Json& critical = GetObject(*json, "critical");
  if (GetString(critical, "type") != kClaimType) {
    return Invalid("what was signed is no claim about an image");
  }
  const std::string signed_digest =
      GetString(GetObject(critical, "image"), "docker-manifest-digest");
  if (signed_digest == digest) return absl::OkStatus();
  return Invalid(absl::StrCat("it is a signature of another image, ",
                              ShortLine(signed_digest.substr(0, 150))));
}

// What speaks of the signature itself, and not of whether it could be read.
bool IsVerdict(const absl::Status& status) {
  return absl::IsOutOfRange(status) || absl::IsNotFound(status) || absl::IsDataLoss(status);
}

// One look at all signatures of one image.
class SignatureSearch {
 public:
  SignatureSearch(Client& client, const Reference& image, const PublicKey& key, absl::Time deadline,
                  const std::stop_token& stop)
      : client_(client), image_(image), key_(key), deadline_(deadline), stop_(stop) {}

  absl::Status Run() {
    const std::string tag = absl::StrCat(TagOfDigest(image_.digest), ".sig");
    if (CheckManifest(image_.WithTag(tag))) return absl::OkStatus();
    if (CheckReferrers()) return absl::OkStatus();
    if (!unreadable_.ok()) return NotChecked();
    return count_ == 0 ? NotSigned() : NoneHolds();
  }

 private:
  // These return true when a signature holds, and note what else there is.
  bool CheckReferrers() {
    const auto referrers = client_.Referrers(image_, image_.digest, "", deadline_, stop_);
    if (!referrers.ok()) {
      Note(referrers.status(), "the list of what refers to the image cannot be read");
      return false;
    }
    for (const Descriptor& each : *referrers) {
      if (absl::StartsWith(each.artifact_type, kBundleType)) has_bundle_ = true;
      if (each.artifact_type != kArtifactType) continue;
      if (CheckManifest(image_.WithDigest(each.digest))) return true;
    }
    return false;
  }

  bool CheckManifest(const Reference& place) {
    if (count_ >= kMostSignatures) return false;
    const absl::StatusOr<Manifest> manifest = client_.GetManifest(place, deadline_, stop_);
    if (absl::IsNotFound(manifest.status())) return false;
    if (!manifest.ok()) {
      ++count_;
      Note(manifest.status(), "the manifest of the signature cannot be used");
      return false;
    }
    const absl::StatusOr<ImageManifest> parsed = ParseImageManifest(manifest->content);
    if (!parsed.ok()) {
      ++count_;
      ++reasons_["the manifest of the signature is malformed"];
      return false;
    }
    for (const Descriptor& layer : parsed->layers) {
      if (layer.media_type != kPayloadType || ++count_ > kMostSignatures) continue;
      if (CheckLayer(layer)) return true;
    }
    return false;
  }

  bool CheckLayer(const Descriptor& layer) {
    const auto annotation = layer.annotations.find(kSignature);
    std::string signature;
    if (annotation == layer.annotations.end() ||
        !absl::Base64Unescape(annotation->second, &signature) || signature.empty()) {
      ++reasons_["it has no signature in base64"];
      return false;
    }
    const absl::StatusOr<std::string> payload =
        client_.GetBlob(image_, layer.digest, kMostPayloadBytes, deadline_, stop_);
    if (!payload.ok()) {
      Note(payload.status(), absl::IsDataLoss(payload.status())
                                 ? "its payload was changed in the registry"
                                 : "its payload is missing or too large");
      return false;
    }
    if (!key_.Verifies(*payload, signature)) {
      ++reasons_["it was made with another key, or changed afterwards"];
      return false;
    }
    const absl::Status claim = CheckPayload(*payload, image_.digest);
    if (!claim.ok()) ++reasons_[std::string(claim.message())];
    return claim.ok();
  }

  void Note(const absl::Status& status, const std::string& reason) {
    if (IsVerdict(status)) {
      ++reasons_[reason];
    } else if (unreadable_.ok()) {
      unreadable_ = status;
    }
  }

  absl::Status NotChecked() const {
    // That code would say that the signature is bad.
    const absl::StatusCode code = absl::IsFailedPrecondition(unreadable_)
                                      ? absl::StatusCode::kUnavailable
                                      : unreadable_.code();
    return absl::Status(code, absl::StrCat("the signature of ", image_.Text(),
                                           " cannot be checked: ", unreadable_.message()));
  }

  absl::Status NotSigned() const {
    std::string hint;
    if (has_bundle_) {
      hint =
          "; there is a signature in the bundle format of cosign 3, which is not read: sign with "
          "`cosign sign --new-bundle-format=false --key cosign.key`";
    }
    return absl::NotFoundError(absl::StrCat(
        image_.Text(), " is not signed: there is no cosign signature for ", image_.digest, hint));
  }

  absl::Status NoneHolds() const {
    std::string all;
    for (const auto& [reason, times] : reasons_) {
      absl::StrAppend(&all, all.empty() ? "" : "; ", reason);
      if (times > 1) absl::StrAppend(&all, " (", times, " signatures)");
    }
    return absl::FailedPreconditionError(absl::StrCat(
        image_.Text(), " is signed, but no signature holds with the given key: ", all,
        count_ > kMostSignatures
            ? absl::StrCat("; only the first ", kMostSignatures, " signatures were checked")
            : ""));
  }

  Client& client_;
  const Reference& image_;
  const PublicKey& key_;
  const absl::Time deadline_;
  const std::stop_token& stop_;
  int count_ = 0;                       // signatures seen
  std::map<std::string, int> reasons_;  // why they do not hold
  absl::Status unreadable_;             // the first failure that is no verdict
  bool has_bundle_ = false;
};

}  // namespace

absl::Status VerifySignature(Client& client, const Reference& image, const PublicKey& key,
                             absl::Time deadline, const std::stop_token& stop) {
  if (!IsDigest(image.digest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the signature of ", image.Text(), " cannot be checked without a digest"));
  }
  return SignatureSearch(client, image, key, deadline, stop).Run();
}

}  // namespace delivery::oci
