// What the fake registry answers to requests that it lets in.
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/oci/digest.h"
#include "provider/oci/manifest.h"
#include "tests/support/fake_registry.h"
#include "tests/support/fake_registry_answers.h"

namespace delivery::testing {

using oci::Sha256Of;

http::Response FakeRegistry::AnswerTags(const Call& call, const std::string& name) {
  const auto found = repositories_.find(name);
  if (found == repositories_.end()) {
    return Refusal(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  const auto last = call.query.find("last");
  Json tags = Json::array();
  http::Headers headers;
  for (const auto& [tag, digest] : found->second.tags) {
    if (last != call.query.end() && tag <= last->second) continue;
    if (settings_.page_size > 0 && tags.size() == settings_.page_size) {
      const std::string next =
          absl::StrCat("/v2/", name, "/tags/list?last=", tags.back().get<std::string>(),
                       "&n=", settings_.page_size);
      headers.emplace_back(
          "Link", absl::StrCat("<", settings_.absolute_links ? "https://" + settings_.host : "",
                               next, ">; rel=\"next\""));
      break;
    }
    tags.push_back(tag);
  }
  return JsonAnswer(200, {{"name", name}, {"tags", tags.empty() ? Json(nullptr) : tags}},
                    std::move(headers));
}

http::Response FakeRegistry::AnswerManifest(const Call& call, const std::string& name,
                                            const std::string& reference) {
  if (call.request.method == "PUT") return PutManifest(call, name, reference);
  const auto repository = repositories_.find(name);
  const auto unknown = [] { return Refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"); };
  if (repository == repositories_.end()) return unknown();
  const auto tag = repository->second.tags.find(reference);
  const std::string digest = tag == repository->second.tags.end() ? reference : tag->second;
  const auto manifest = repository->second.manifests.find(digest);
  if (manifest == repository->second.manifests.end()) return unknown();
  http::Headers headers = {{"Content-Type", manifest->second.media_type}};
  if (settings_.tells_digests) headers.emplace_back("Docker-Content-Digest", digest);
  return {200, std::move(headers), manifest->second.content};
}

http::Response FakeRegistry::PutManifest(const Call& call, const std::string& name,
                                         const std::string& reference) {
  const std::string digest = Sha256Of(call.request.body);
  const std::string type = http::FindHeader(call.request.headers, "Content-Type").value_or("");
  Repository& repository = repositories_[name];
  repository.manifests[digest] = {call.request.body, type};
  if (reference != digest) repository.tags[reference] = digest;
  return {201, {{"Docker-Content-Digest", digest}}, ""};
}

http::Response FakeRegistry::AnswerBlob(const Call& call, const std::string& name,
                                        const std::string& digest) {
  Repository& repository = repositories_[name];
  const auto blob = repository.blobs.find(digest);
  if (blob == repository.blobs.end()) {
    return Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry");
  }
  if (!settings_.storage.empty() && call.request.method == "GET") {
    return {307,
            {{"Location", absl::StrCat(settings_.storage, "/", name, "|", digest,
                                       "?X-Amz-Signature=0123456789")}},
            ""};
  }
  return {200, {{"Content-Type", "application/octet-stream"}}, blob->second};
}

http::Response FakeRegistry::AnswerUpload(const Call& call, const std::string& name) {
  if (call.request.method == "POST") {
    const std::string place =
        absl::StrCat("/v2/", name, "/blobs/uploads/", ++next_id_, "?_state=x");
    return {202, {{"Location", place}}, ""};
  }
  const auto digest = call.query.find("digest");
  const bool right = call.request.method == "PUT" && digest != call.query.end() &&
                     digest->second == Sha256Of(call.request.body);
  if (!right) return Refusal(400, "DIGEST_INVALID", "provided digest did not match");
  repositories_[name].blobs[digest->second] = call.request.body;
  return {201, {{"Docker-Content-Digest", digest->second}}, ""};
}

http::Response FakeRegistry::AnswerReferrers(const Call& call, const std::string& name,
                                             const std::string& digest) {
  const auto wanted = call.query.find("artifactType");
  Json manifests = Json::array();
  for (const auto& [own_digest, stored] : repositories_[name].manifests) {
    const absl::StatusOr<Json> json = ParseJson(stored.content);
    if (!json.ok() || GetString(GetObject(*json, "subject"), "digest") != digest) continue;
    const std::string type =
        GetString(*json, "artifactType", GetString(GetObject(*json, "config"), "mediaType"));
    if (wanted != call.query.end() && wanted->second != type) continue;
    manifests.push_back({{"mediaType", stored.media_type},
                         {"digest", own_digest},
                         {"size", stored.content.size()},
                         {"artifactType", type}});
  }
  const Json index = {
      {"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", std::move(manifests)}};
  return {200, {{"Content-Type", oci::kOciIndex}}, DumpJson(index)};
}

}  // namespace delivery::testing
