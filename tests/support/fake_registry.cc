#include "tests/support/fake_registry.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "provider/oci/digest.h"
#include "provider/oci/manifest.h"
#include "provider/oci/url.h"
#include "tests/support/fake_registry_answers.h"

namespace delivery::testing {
namespace {

http::Response NoPage() { return {404, {{"Content-Type", "text/plain"}}, "404 page not found\n"}; }

std::string Decoded(const std::string& text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    decoded += escape ? absl::HexStringToBytes(text.substr(i + 1, 2)) : std::string(1, text[i]);
    if (escape) i += 2;
  }
  return decoded;
}

std::map<std::string, std::string> Parameters(const std::string& text) {
  std::map<std::string, std::string> parameters;
  for (const auto& part : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> both = absl::StrSplit(part, absl::MaxSplits('=', 1));
    parameters.emplace(both.first, Decoded(both.second));
  }
  return parameters;
}

// As the server sends it for HEAD.
http::Response WithoutBody(http::Response response, const std::string& method) {
  if (method == "HEAD") response.body.clear();
  return response;
}

}  // namespace

void FakeRegistry::Change(const std::function<void(FakeRegistrySettings&)>& change) {
  const std::lock_guard lock(mutex_);
  change(settings_);
}

void FakeRegistry::Intercept(Hook hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

std::string FakeRegistry::AddBlob(const std::string& repository, const std::string& content) {
  const std::lock_guard lock(mutex_);
  const std::string digest = oci::Sha256Of(content);
  repositories_[repository].blobs[digest] = content;
  return digest;
}

std::string FakeRegistry::AddManifest(const std::string& repository, const std::string& tag,
                                      const Json& content, const std::string& media_type) {
  const std::lock_guard lock(mutex_);
  const std::string text = DumpJson(content);
  const std::string digest = oci::Sha256Of(text);
  Repository& stored = repositories_[repository];
  stored.manifests[digest] = {text, media_type};
  if (!tag.empty()) stored.tags[tag] = digest;
  return digest;
}

std::string FakeRegistry::AddImage(const std::string& repository, const std::string& tag,
                                   const Json& config) {
  Json whole = {{"os", "linux"}, {"architecture", "amd64"}};
  whole.update(config);
  const std::string text = DumpJson(whole);
  const std::string digest = AddBlob(repository, text);
  return AddManifest(repository, tag,
                     {{"schemaVersion", 2},
                      {"mediaType", oci::kOciManifest},
                      {"config",
                       {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                        {"digest", digest},
                        {"size", text.size()}}},
                      {"layers", Json::array()}},
                     oci::kOciManifest);
}

void FakeRegistry::RemoveTag(const std::string& repository, const std::string& tag) {
  const std::lock_guard lock(mutex_);
  repositories_[repository].tags.erase(tag);
}

void FakeRegistry::ForgetTokens() {
  const std::lock_guard lock(mutex_);
  tokens_.clear();
}

std::vector<http::Request> FakeRegistry::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

size_t FakeRegistry::Count(const std::string& method, const std::string& part) const {
  size_t count = 0;
  for (const http::Request& request : requests()) {
    if (request.method == method && absl::StrContains(request.url, part)) ++count;
  }
  return count;
}

void FakeRegistry::Start(http::Request request, std::stop_token stop,
                         std::shared_ptr<http::ResponseHandler> handler) {
  if (stop.stop_requested()) return handler->OnDone(absl::CancelledError("stopped"));
  Hook hook;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    hook = hook_;
  }
  std::optional<http::Response> response;
  if (hook) response = hook(request);
  if (!response.has_value()) {
    const std::lock_guard lock(mutex_);
    response = WithoutBody(Answer(request), request.method);
  }
  if (response->body.size() > request.max_response_bytes) {
    return handler->OnDone(absl::ResourceExhaustedError("the response is too large"));
  }
  handler->OnHeaders(response->status, response->headers);
  handler->OnData(response->body);
  handler->OnDone(absl::OkStatus());
}

http::Response FakeRegistry::Answer(const http::Request& request) {
  const absl::StatusOr<oci::Url> url = oci::ParseUrl(request.url);
  if (!url.ok()) return NoPage();
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(url->target, absl::MaxSplits('?', 1));
  const Call call = {request, url->host, Decoded(parts.first), Parameters(parts.second)};
  const std::string address = (url->https ? "https://" : "http://") + url->host + parts.first;
  if (address == settings_.token_realm) return AnswerToken(call);
  if (call.host == settings_.host) return AnswerApi(call);
  const bool stored = !settings_.storage.empty() && absl::StartsWith(address, settings_.storage);
  if (!stored) return NoPage();
  // Storage refuses credentials that are not its own, as S3 does.
  if (http::FindHeader(request.headers, "Authorization")) return {400, {}, "<Error/>"};
  const std::vector<std::string> path = absl::StrSplit(call.path.substr(1), '|');
  return {200, {}, repositories_[path.front()].blobs[path.back()]};
}

http::Response FakeRegistry::AnswerToken(const Call& call) {
  const std::string basic = absl::StrCat(
      "Basic ", absl::Base64Escape(absl::StrCat(settings_.user, ":", settings_.password)));
  const auto given = http::FindHeader(call.request.headers, "Authorization");
  std::map<std::string, std::string> form = call.query;
  bool known = given == basic;
  if (call.request.method == "POST") {
    form = Parameters(call.request.body);
    known = form["grant_type"] == "refresh_token" && !settings_.identity_token.empty() &&
            form["refresh_token"] == settings_.identity_token;
  }
  if (given.has_value() && !known) return JsonAnswer(401, {{"details", "wrong password"}});
  if (!settings_.user.empty() && !known) {
    return JsonAnswer(401, {{"details", "who are you"}});
  }
  const std::string token = absl::StrCat("token-", ++next_id_);
  tokens_[token] = form["scope"];
  Json answer = {{"token", token}};
  if (settings_.token_seconds > 0) answer["expires_in"] = settings_.token_seconds;
  return JsonAnswer(200, answer);
}

std::optional<http::Response> FakeRegistry::Challenge(const Call& call, const std::string& name) {
  const std::string given = http::FindHeader(call.request.headers, "Authorization").value_or("");
  if (!settings_.token_realm.empty()) {
    const std::string scope = absl::StrCat("repository:", name, ":pull");
    const auto token = tokens_.find(std::string(absl::StripPrefix(given, "Bearer ")));
    if (token != tokens_.end() && token->second == scope) return std::nullopt;
    return Refusal(401, "UNAUTHORIZED", "authentication required",
                   {{"WWW-Authenticate",
                     absl::StrCat("Bearer realm=\"", settings_.token_realm, "\",service=\"",
                                  settings_.host, "\",scope=\"", scope, "\"")}});
  }
  const std::string basic = absl::StrCat(
      "Basic ", absl::Base64Escape(absl::StrCat(settings_.user, ":", settings_.password)));
  if (settings_.user.empty() || given == basic) return std::nullopt;
  return Refusal(401, "UNAUTHORIZED", "authentication required",
                 {{"WWW-Authenticate", "Basic realm=\"fake\""}});
}

http::Response FakeRegistry::AnswerApi(const Call& call) {
  if (call.path == "/v2/") return Challenge(call, "").value_or(JsonAnswer(200, Json::object()));
  // The name is all between "/v2/" and the last part that is known.
  for (const char* part :
       {"/tags/list", "/manifests/", "/blobs/uploads/", "/blobs/", "/referrers/"}) {
    const size_t at = call.path.rfind(part);
    if (!absl::StartsWith(call.path, "/v2/") || at == std::string::npos || at < 5) continue;
    const std::string name = call.path.substr(4, at - 4);
    const std::string rest = call.path.substr(at + std::string(part).size());
    const std::string kind = part;
    if (kind == "/referrers/" && !settings_.has_referrers_api) return NoPage();
    if (std::optional<http::Response> challenge = Challenge(call, name)) return *challenge;
    if (kind == "/tags/list") return AnswerTags(call, name);
    if (kind == "/manifests/") return AnswerManifest(call, name, rest);
    if (kind == "/blobs/uploads/") return AnswerUpload(call, name);
    if (kind == "/blobs/") return AnswerBlob(call, name, rest);
    return AnswerReferrers(call, name, rest);
  }
  return NoPage();
}

}  // namespace delivery::testing
