#include "provider/oci/client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/oci/digest.h"
#include "provider/oci/link.h"
#include "provider/oci/session.h"
#include "provider/oci/tags.h"

namespace delivery::oci {
namespace {

constexpr size_t kMostManifestBytes = 4 * 1024 * 1024;
// A refusal must be read even where only a small answer is wanted.
constexpr size_t kMostErrorBytes = 64 * 1024;
constexpr int kMostReferrerPages = 20;
// All that we read; without it registries convert images to schema 1.
constexpr char kManifestTypes[] =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

// How an image is named in messages.
std::string NameOf(const Reference& image) {
  return absl::StrCat(image.CanonicalName(), image.tag.empty() ? "" : ":", image.tag,
                      image.digest.empty() ? "" : "@", image.digest);
}

absl::Status Failed(const absl::Status& status, const std::string& what) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("cannot ", what, ": ", status.message()));
}

absl::StatusOr<std::string> ManifestPath(const Reference& image) {
  const std::string& reference = image.digest.empty() ? image.tag : image.digest;
  if (reference.empty()) return absl::InvalidArgumentError("neither a tag nor a digest is given");
  if (!IsTag(reference) && !IsDigest(reference)) {
    return absl::InvalidArgumentError("the tag or digest is malformed");
  }
  return absl::StrCat("/manifests/", reference);
}

std::string ContentType(const http::Response& response) {
  const std::string header = http::FindHeader(response.headers, "Content-Type").value_or("");
  return header.substr(0, header.find(';'));
}

bool IsSchema1(const http::Response& response) {
  return absl::StartsWith(ContentType(response), "application/vnd.docker.distribution.manifest.v1");
}

absl::Status Schema1() {
  return absl::FailedPreconditionError(
      "it has Docker's manifest schema 1, which registries and runtimes no longer support: push "
      "the "
      "image again with a current docker");
}

// Some registries answer so where they do not know the referrers API.
bool HasNoReferrersApi(const Reply& reply) {
  const int status = reply.response.status;
  if (status == 400 || status == 404 || status == 405 || status == 406) return true;
  return status == 200 && ContentType(reply.response) != kOciIndex;
}

std::vector<Descriptor> OfType(std::vector<Descriptor> descriptors, const std::string& type) {
  const auto other = [&](const Descriptor& each) {
    return !type.empty() && each.artifact_type != type;
  };
  descriptors.erase(std::remove_if(descriptors.begin(), descriptors.end(), other),
                    descriptors.end());
  return descriptors;
}

}  // namespace

class Client::Impl {
 public:
  Impl(const ClientOptions& options, std::shared_ptr<CredentialSource> credentials,
       TransportFactory make_transport, Clock& clock)
      : session_(options, std::move(credentials), std::move(make_transport), clock) {}

  Session& session() { return session_; }

  absl::StatusOr<ManifestHead> Head(const Reference& image, const Limits& limits) {
    RegistryRequest request;
    request.method = "HEAD";
    request.accept = kManifestTypes;
    DELIVERY_ASSIGN_OR_RETURN(const std::string path, ManifestPath(image));
    request.url = session_.UrlOf(image, path);
    DELIVERY_ASSIGN_OR_RETURN(const Reply reply, session_.Send(image, request, limits));
    const int status = reply.response.status;
    if (status == 200 && IsSchema1(reply.response)) return Schema1();
    ManifestHead head;
    head.media_type = ContentType(reply.response);
    head.digest = http::FindHeader(reply.response.headers, "Docker-Content-Digest").value_or("");
    if (status == 405 || (status == 200 && !IsDigest(head.digest))) {
      DELIVERY_ASSIGN_OR_RETURN(Manifest whole, GetManifest(image, limits));
      return ManifestHead{std::move(whole.digest), std::move(whole.media_type)};
    }
    if (status != 200) return session_.ErrorOf(image, reply);
    // Another algorithm may be the registry's own for the same content; the digest asked for holds.
    const bool same_kind = head.digest.size() == image.digest.size();
    if (!image.digest.empty() && same_kind && head.digest != image.digest) {
      return absl::DataLossError(
          absl::StrCat("the registry answered with another image, ", head.digest));
    }
    if (!image.digest.empty()) head.digest = image.digest;
    return head;
  }

  absl::StatusOr<Manifest> GetManifest(const Reference& image, const Limits& limits) {
    RegistryRequest request;
    request.accept = kManifestTypes;
    request.max_response_bytes = kMostManifestBytes;
    DELIVERY_ASSIGN_OR_RETURN(const std::string path, ManifestPath(image));
    request.url = session_.UrlOf(image, path);
    DELIVERY_ASSIGN_OR_RETURN(Reply reply, session_.Send(image, request, limits));
    if (reply.response.status != 200) return session_.ErrorOf(image, reply);
    if (IsSchema1(reply.response)) return Schema1();
    Manifest manifest;
    manifest.content = std::move(reply.response.body);
    DELIVERY_RETURN_IF_ERROR(CheckContent(image, reply.response, manifest));
    manifest.media_type = ManifestTypeOf(ContentType(reply.response), manifest.content);
    if (manifest.media_type.empty()) {
      return absl::DataLossError(absl::StrCat(
          "the registry answered with something that is neither an image manifest nor an index "
          "(Content-Type \"",
          ShortLine(ContentType(reply.response)), "\")"));
    }
    return manifest;
  }

  absl::StatusOr<std::string> GetBlob(const Reference& repository, const std::string& digest,
                                      size_t max_bytes, const Limits& limits) {
    if (!IsDigest(digest)) return absl::InvalidArgumentError("the digest is malformed");
    RegistryRequest request;
    request.url = session_.UrlOf(repository, absl::StrCat("/blobs/", digest));
    request.max_response_bytes = std::max(max_bytes, kMostErrorBytes);
    DELIVERY_ASSIGN_OR_RETURN(Reply reply, session_.Send(repository, request, limits));
    if (reply.response.status != 200) return session_.ErrorOf(repository, reply);
    if (reply.response.body.size() > max_bytes) {
      return absl::OutOfRangeError(absl::StrCat("it is larger than ", max_bytes, " bytes"));
    }
    DELIVERY_RETURN_IF_ERROR(CheckDigest(reply.response.body, digest, "what the registry sent"));
    return std::move(reply.response.body);
  }

  absl::StatusOr<std::vector<Descriptor>> Referrers(const Reference& repository,
                                                    const std::string& digest,
                                                    const std::string& artifact_type,
                                                    const Limits& limits) {
    if (!IsDigest(digest)) return absl::InvalidArgumentError("the digest is malformed");
    RegistryRequest request;
    request.accept = kOciIndex;
    request.url = session_.UrlOf(
        repository,
        absl::StrCat("/referrers/", digest,
                     artifact_type.empty() ? "" : "?artifactType=", PercentEncoded(artifact_type)));
    std::vector<Descriptor> all;
    for (int page = 1; page <= kMostReferrerPages; ++page) {
      DELIVERY_ASSIGN_OR_RETURN(const Reply reply, session_.Send(repository, request, limits));
      if (page == 1 && HasNoReferrersApi(reply)) {
        return TaggedReferrers(repository, digest, artifact_type, limits);
      }
      if (reply.response.status != 200) return session_.ErrorOf(repository, reply);
      DELIVERY_ASSIGN_OR_RETURN(std::vector<Descriptor> some, Parsed(reply.response.body));
      all.insert(all.end(), some.begin(), some.end());
      const std::optional<std::string> link = NextLink(reply.response.headers);
      if (!link.has_value()) return OfType(std::move(all), artifact_type);
      const absl::StatusOr<Url> next = ResolveUrl(reply.url, *link);
      if (!next.ok() || !next->SameOrigin(reply.url)) break;
      request.url = *next;
    }
    return absl::DataLossError("the registry names next pages that are not its own, or no end");
  }

 private:
  static absl::StatusOr<std::vector<Descriptor>> Parsed(const std::string& text) {
    absl::StatusOr<std::vector<Descriptor>> descriptors = ParseDescriptors(text);
    if (descriptors.ok()) return descriptors;
    return absl::DataLossError(descriptors.status().message());
  }

  // Sets the digest of what came, which must be the one asked for and the one announced.
  static absl::Status CheckContent(const Reference& image, const http::Response& response,
                                   Manifest& manifest) {
    constexpr char kWhat[] = "the manifest that the registry sent";
    const std::string announced =
        http::FindHeader(response.headers, "Docker-Content-Digest").value_or("");
    if (!image.digest.empty()) {
      manifest.digest = image.digest;
    } else {
      manifest.digest = IsDigest(announced) ? announced : Sha256Of(manifest.content);
    }
    return CheckDigest(manifest.content, manifest.digest, kWhat);
  }

  absl::StatusOr<std::vector<Descriptor>> TaggedReferrers(const Reference& repository,
                                                          const std::string& digest,
                                                          const std::string& artifact_type,
                                                          const Limits& limits) {
    const absl::StatusOr<Manifest> index =
        GetManifest(repository.WithTag(TagOfDigest(digest)), limits);
    if (absl::IsNotFound(index.status())) return std::vector<Descriptor>();
    if (!index.ok()) return index.status();
    // An image of the user's own may have such a tag.
    if (!IsIndexType(index->media_type)) return std::vector<Descriptor>();
    DELIVERY_ASSIGN_OR_RETURN(std::vector<Descriptor> descriptors, Parsed(index->content));
    return OfType(std::move(descriptors), artifact_type);
  }

  Session session_;
};

Client::Client(ClientOptions options, std::shared_ptr<CredentialSource> credentials,
               TransportFactory make_transport, Clock& clock)
    : impl_(std::make_unique<Impl>(options, std::move(credentials), std::move(make_transport),
                                   clock)) {}

Client::~Client() = default;

absl::StatusOr<TagList> Client::ListTags(const Reference& repository, absl::Time deadline,
                                         const std::stop_token& stop, const std::string& etag) {
  absl::StatusOr<TagList> list = ReadTags(impl_->session(), repository, etag, {deadline, stop});
  if (list.ok()) return list;
  return Failed(list.status(), absl::StrCat("list the tags of ", repository.CanonicalName()));
}

absl::StatusOr<ManifestHead> Client::Head(const Reference& image, absl::Time deadline,
                                          const std::stop_token& stop) {
  absl::StatusOr<ManifestHead> head = impl_->Head(image, {deadline, stop});
  if (head.ok()) return head;
  return Failed(head.status(), absl::StrCat("look up ", NameOf(image)));
}

absl::StatusOr<Manifest> Client::GetManifest(const Reference& image, absl::Time deadline,
                                             const std::stop_token& stop) {
  absl::StatusOr<Manifest> manifest = impl_->GetManifest(image, {deadline, stop});
  if (manifest.ok()) return manifest;
  return Failed(manifest.status(), absl::StrCat("read the manifest of ", NameOf(image)));
}

absl::StatusOr<std::string> Client::GetBlob(const Reference& repository, const std::string& digest,
                                            size_t max_bytes, absl::Time deadline,
                                            const std::stop_token& stop) {
  absl::StatusOr<std::string> blob =
      impl_->GetBlob(repository, digest, max_bytes, {deadline, stop});
  if (blob.ok()) return blob;
  return Failed(blob.status(),
                absl::StrCat("read the blob ", digest, " of ", repository.CanonicalName()));
}

absl::StatusOr<std::vector<Descriptor>> Client::Referrers(const Reference& repository,
                                                          const std::string& digest,
                                                          const std::string& artifact_type,
                                                          absl::Time deadline,
                                                          const std::stop_token& stop) {
  absl::StatusOr<std::vector<Descriptor>> descriptors =
      impl_->Referrers(repository, digest, artifact_type, {deadline, stop});
  if (descriptors.ok()) return descriptors;
  return Failed(descriptors.status(),
                absl::StrCat("read what refers to ", NameOf(repository.WithDigest(digest))));
}

}  // namespace delivery::oci
