// Names of images as people write them: "nginx",
// "registry.example.com:5000/team/web:1.4.0@sha256:...".
#ifndef DELIVERY_OCI_REFERENCE_H_
#define DELIVERY_OCI_REFERENCE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace delivery::oci {

// The registry of names without a host.
inline constexpr char kDockerHub[] = "docker.io";

// One repository, and what of it is meant. `registry` and `repository` are normalised as Docker
// does it; `name` is what the user wrote, so that what is built from it reads familiar.
struct Reference {
  std::string registry;    // host[:port] in lower case; "docker.io" for Docker Hub by any name
  std::string repository;  // path, "library/nginx" for "nginx"
  std::string tag;         // empty: none
  std::string digest;      // "sha256:<64 hex>" or "sha512:<128 hex>"; empty: none
  std::string name;        // host and path as written

  // "registry/repository", the same for all ways to write it.
  std::string CanonicalName() const { return registry + "/" + repository; }
  // As written: name[:tag][@digest].
  std::string Text() const;

  Reference WithTag(std::string_view new_tag) const;        // and no digest
  Reference WithDigest(std::string_view new_digest) const;  // and no tag

  bool operator==(const Reference&) const = default;
};

// The grammar of github.com/distribution/reference with Docker's normalisation: the first part of
// the path is a host when it contains '.' or ':' or is "localhost"; otherwise the image is on
// Docker Hub, below "library/" when it has only one part. Differs in two ways: digests other than
// sha256 and sha512 are refused, and so is a first part with upper-case letters that is not a host.
// No tag is added where none was written. InvalidArgument says which part is wrong, and why.
absl::StatusOr<Reference> ParseReference(std::string_view text);

// As ParseReference; refuses a tag or digest, with a message that says to leave it out.
absl::StatusOr<Reference> ParseRepository(std::string_view text);

// `reference`, with the tag "latest" when it has neither tag nor digest, as Docker pulls it.
Reference WithDefaultTag(Reference reference);

// [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
bool IsTag(std::string_view text);

// The name by which a host is looked up in configurations: lower case, and "docker.io" for
// index.docker.io and registry-1.docker.io.
std::string CanonicalHost(std::string_view host);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_REFERENCE_H_
