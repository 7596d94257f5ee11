#include "provider/kubernetes/rest_client.h"

#include <algorithm>
#include <cctype>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/http/retry.h"
#include "provider/kubernetes/api_error.h"

namespace delivery::kubernetes {
namespace {

using Repeat = RestRequest::Repeat;

constexpr http::RetryPolicy kRetryPolicy = {.longest_delay = absl::Seconds(5)};
// A server that never answered is more likely misnamed than restarting: its absence is reported
// sooner.
constexpr absl::Duration kFirstContactBudget = absl::Seconds(8);
// A 500 is more often a broken admission webhook than a passing failure.
constexpr int kAttemptsAt500 = 4;

std::string Query(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string text;
  for (const auto& [key, value] : query) {
    absl::StrAppend(&text, text.empty() ? "?" : "&", key, "=", EscapePathSegment(value));
  }
  return text;
}

// Method, path and outcome only: headers hold credentials, bodies may hold Secrets.
void LogExchange(const RestRequest& request, const absl::StatusOr<http::Response>& answer,
                 absl::Duration took) {
  if (!log::IsEnabled(log::Level::kTrace)) return;
  const std::string outcome =
      answer.ok() ? absl::StrCat(answer->status) : std::string(answer.status().message());
  // The query of a relayed request is the user's own, and may hold a secret.
  const std::string path = request.repeat == Repeat::kRelayed
                               ? request.path.substr(0, request.path.find('?'))
                               : request.path;
  log::Trace("kubernetes request", {{"method", request.method},
                                    {"path", path},
                                    {"status", outcome},
                                    {"ms", absl::StrCat(absl::ToInt64Milliseconds(took))}});
}

bool IsUnauthorized(const RestRequest& request, const http::Response& response) {
  if (response.status != 401) return false;
  return request.repeat != Repeat::kRelayed || IsOwnRefusal(response);
}

std::optional<absl::Duration> RetryAfterOf(const absl::StatusOr<http::Response>& answer,
                                           absl::Time now) {
  if (!answer.ok()) return std::nullopt;
  const auto header = http::FindHeader(answer->headers, "Retry-After");
  return header.has_value() ? http::ParseRetryAfter(*header, now) : std::nullopt;
}

bool SaysLater(const http::Response& response) {
  if (response.status == 429) return true;
  return response.status == 503 && http::FindHeader(response.headers, "Retry-After").has_value();
}

uint64_t NewSeed() {
  thread_local std::mt19937_64 seeds(std::random_device{}());
  return seeds();
}

}  // namespace

std::string EscapePathSegment(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      escaped += c;
    } else {
      absl::StrAppend(&escaped, absl::StrFormat("%%%02X", byte));
    }
  }
  return escaped;
}

bool IsOwnRefusal(const http::Response& response) {
  if (response.status < 400) return false;
  const std::string type = http::FindHeader(response.headers, "Content-Type").value_or("");
  if (!absl::StartsWith(type, "application/json")) return false;
  const absl::StatusOr<Json> body = ParseJson(response.body);
  return body.ok() && GetString(*body, "kind") == "Status" &&
         GetString(*body, "apiVersion") == "v1" && GetString(*body, "status") == "Failure" &&
         GetInt(*body, "code") == response.status;
}

RestClient::RestClient(ClusterConfig config, std::shared_ptr<CredentialSource> credentials,
                       TransportFactory make_transport, Clock& clock)
    : config_(std::move(config)),
      credentials_(std::move(credentials)),
      make_transport_(std::move(make_transport)),
      clock_(clock) {}

std::shared_ptr<http::Transport> RestClient::TransportFor(const Credential& credential) {
  std::shared_ptr<http::Transport> replaced;  // ended after the lock is released
  absl::MutexLock lock(&mutex_);
  if (transport_ != nullptr && transport_certificate_ == credential.client_certificate_pem) {
    return transport_;
  }
  http::TransportOptions options;
  options.ca_certificate_pem = config_.ca_certificate_pem;
  options.client_certificate_pem = credential.client_certificate_pem;
  options.client_key_pem = credential.client_key_pem;
  options.tls_server_name = config_.tls_server_name;
  options.proxy_url = config_.proxy_url;
  options.insecure = config_.insecure;
  replaced = std::exchange(transport_, make_transport_(options));
  transport_certificate_ = credential.client_certificate_pem;
  return transport_;
}

absl::StatusOr<RestClient::Prepared> RestClient::Prepare(const RestRequest& request,
                                                         const std::stop_token& stop) {
  Prepared prepared;
  DELIVERY_ASSIGN_OR_RETURN(prepared.credential, credentials_->Get(stop));
  const Credential& credential = prepared.credential;
  prepared.transport = TransportFor(credential);
  http::Request& http = prepared.request;
  http.method = request.method;
  http.url = absl::StrCat(config_.server, request.path, Query(request.query));
  http.headers.emplace_back("Accept", request.accept);
  if (!request.content_type.empty()) {
    http.headers.emplace_back("Content-Type", request.content_type);
  }
  if (!credential.authorization.empty()) {
    http.headers.emplace_back("Authorization", credential.authorization);
  }
  http.body = request.body;
  http.timeout = request.timeout;
  http.idle_timeout = request.idle_timeout;
  http.max_response_bytes = request.max_response_bytes;
  return prepared;
}

absl::StatusOr<http::Response> RestClient::SendOnce(const RestRequest& request,
                                                    const std::stop_token& stop) {
  for (bool repeated = false;; repeated = true) {
    DELIVERY_ASSIGN_OR_RETURN(Prepared prepared, Prepare(request, stop));
    const absl::Time started = clock_.Now();
    absl::StatusOr<http::Response> answer =
        prepared.transport->Do(std::move(prepared.request), stop);
    LogExchange(request, answer, clock_.Now() - started);
    if (answer.ok()) answered_ = true;
    const bool stale = answer.ok() && IsUnauthorized(request, *answer);
    if (!stale || repeated || !RenewCredential(prepared.credential, stop)) {
      return answer;
    }
  }
}

bool RestClient::RenewCredential(const Credential& refused, const std::stop_token& stop) {
  // Of several requests that were refused at once, the first one renews for all.
  const absl::StatusOr<Credential> current = credentials_->Get(stop);
  if (current.ok() && (current->authorization != refused.authorization ||
                       current->client_certificate_pem != refused.client_certificate_pem)) {
    return true;
  }
  return credentials_->Invalidate();
}

bool RestClient::MayRepeat(const RestRequest& request, const absl::StatusOr<http::Response>& answer,
                           int attempts, absl::Duration elapsed) const {
  if (!answer.ok()) {
    if (!http::IsRetryableFailure(answer.status())) return false;
    if (!answered_ && elapsed > kFirstContactBudget) return false;
    return request.repeat == Repeat::kIdempotent || http::WasNeverSent(answer.status());
  }
  switch (request.repeat) {
    case Repeat::kRelayed:
      return false;
    case Repeat::kOnlyUndone:
      return SaysLater(*answer);
    case Repeat::kIdempotent:
      if (answer->status == 500 && attempts >= kAttemptsAt500) return false;
      if (IsRefusalBySchema(*answer)) return false;
      return http::IsRetryableStatus(answer->status);
  }
  return false;
}

absl::StatusOr<http::Response> RestClient::Send(const RestRequest& request,
                                                const std::stop_token& stop) {
  const absl::Time started = clock_.Now();
  http::Backoff backoff(kRetryPolicy, NewSeed());
  for (int attempts = 1;; ++attempts) {
    absl::StatusOr<http::Response> answer = SendOnce(request, stop);
    const absl::Time now = clock_.Now();
    if (!MayRepeat(request, answer, attempts, now - started)) return answer;
    const std::optional<absl::Duration> wait =
        backoff.Next(now - started, RetryAfterOf(answer, now));
    if (!wait.has_value()) return answer;
    if (!clock_.Sleep(*wait, stop)) return absl::CancelledError("stopped");
  }
}

absl::StatusOr<Credential> RestClient::Start(const RestRequest& request,
                                             const std::stop_token& stop,
                                             std::shared_ptr<http::ResponseHandler> handler) {
  DELIVERY_ASSIGN_OR_RETURN(Prepared prepared, Prepare(request, stop));
  if (log::IsEnabled(log::Level::kTrace)) {
    log::Trace("kubernetes stream", {{"method", request.method}, {"path", request.path}});
  }
  prepared.transport->Start(std::move(prepared.request), stop, std::move(handler));
  return std::move(prepared.credential);
}

}  // namespace delivery::kubernetes
