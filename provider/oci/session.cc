#include "provider/oci/session.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/oci/challenge.h"

namespace delivery::oci {
namespace {

constexpr int kMostRedirects = 5;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::StatusOr<Url> NextUrl(const Url& from, const http::Response& response) {
  const std::optional<std::string> location = http::FindHeader(response.headers, "Location");
  if (!location.has_value()) {
    return absl::DataLossError(
        absl::StrCat(from.host, " redirects (HTTP ", response.status, ") without saying where to"));
  }
  absl::StatusOr<Url> next = ResolveUrl(from, *location);
  if (!next.ok()) {
    return absl::DataLossError(
        absl::StrCat(from.host, " redirects to where we cannot go: ", next.status().message()));
  }
  if (from.https && !next->https) {
    return absl::FailedPreconditionError(
        absl::StrCat(from.host, " redirects from https to http (", next->Shown(),
                     "), where anybody could change what comes: this is not followed"));
  }
  return next;
}

}  // namespace

Url Session::UrlOf(const Reference& repository, std::string_view path) const {
  return hosts_.ApiUrl(repository.registry,
                       absl::StrCat("/v2/", repository.repository, std::string(path)));
}

absl::StatusOr<Reply> Session::Follow(const Reference& repository, const RegistryRequest& request,
                                      const Authorization& authorization, const Limits& limits) {
  Reply reply;
  reply.url = request.url;
  reply.identity = authorization.identity;
  const Url origin = hosts_.ApiUrl(repository.registry, "/");
  for (int redirects = 0; redirects <= kMostRedirects; ++redirects) {
    http::Request http;
    http.method = request.method;
    http.max_response_bytes = request.max_response_bytes;
    if (!request.accept.empty()) http.headers.emplace_back("Accept", request.accept);
    if (!request.if_none_match.empty()) {
      http.headers.emplace_back("If-None-Match", request.if_none_match);
    }
    if (!authorization.header.empty() && reply.url.SameOrigin(origin)) {
      http.headers.emplace_back("Authorization", authorization.header);
    }
    DELIVERY_ASSIGN_OR_RETURN(reply.response,
                              hosts_.Send(repository.registry, reply.url, std::move(http), limits));
    if (!IsRedirect(reply.response.status)) return reply;
    DELIVERY_ASSIGN_OR_RETURN(reply.url, NextUrl(reply.url, reply.response));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(repository.registry, " redirects more than ", kMostRedirects, " times"));
}

absl::StatusOr<Reply> Session::Send(const Reference& repository, const RegistryRequest& request,
                                    const Limits& limits) {
  DELIVERY_ASSIGN_OR_RETURN(Authorization authorization, authenticator_.Get(repository, limits));
  const Url origin = hosts_.ApiUrl(repository.registry, "/");
  for (bool renewed = false;;) {
    DELIVERY_ASSIGN_OR_RETURN(Reply reply, Follow(repository, request, authorization, limits));
    const bool refused = reply.response.status == 401 && reply.url.SameOrigin(origin);
    // Without any authorization the answer is a question, with one it is a refusal.
    if (!refused || renewed) return reply;
    renewed = !authorization.header.empty();
    DELIVERY_ASSIGN_OR_RETURN(
        const bool again,
        authenticator_.Refused(repository, authorization, ChallengesOf(reply.response.headers)));
    if (!again) return reply;
    DELIVERY_ASSIGN_OR_RETURN(Authorization next, authenticator_.Get(repository, limits));
    reply.identity = next.identity;
    if (next.header == authorization.header) return reply;
    authorization = std::move(next);
  }
}

absl::Status Session::ErrorOf(const Reference& repository, const Reply& reply) const {
  const bool elsewhere = !reply.url.SameOrigin(hosts_.ApiUrl(repository.registry, "/"));
  return oci::ErrorOf(repository.registry, reply.response, reply.identity,
                      elsewhere ? reply.url.host : "");
}

}  // namespace delivery::oci
