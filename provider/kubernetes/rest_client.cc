#include "provider/kubernetes/rest_client.h"

#include <algorithm>
#include <cctype>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"

namespace delivery::kubernetes {
namespace {

constexpr absl::Duration kRetryBudget = absl::Seconds(30);
// A server that is not there at all is reported sooner.
constexpr absl::Duration kConnectBudget = absl::Seconds(8);
constexpr absl::Duration kFirstDelay = absl::Milliseconds(200);
constexpr absl::Duration kLongestDelay = absl::Seconds(5);

bool IsRetryable(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

absl::Duration RetryAfter(const http::Response& response) {
  const auto header = http::FindHeader(response.headers, "Retry-After");
  int seconds = 0;
  if (!header.has_value() || !absl::SimpleAtoi(*header, &seconds)) return absl::ZeroDuration();
  return absl::Seconds(std::clamp(seconds, 0, 30));
}

// Between half and the whole of the exponential delay, so that many clients spread.
absl::Duration Jittered(absl::Duration delay) {
  thread_local std::minstd_rand random(std::random_device{}());
  return delay * std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

std::string Query(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string text;
  for (const auto& [key, value] : query) {
    absl::StrAppend(&text, text.empty() ? "?" : "&", key, "=", EscapePathSegment(value));
  }
  return text;
}

void LogExchange(const RestRequest& request, int status, absl::Duration took) {
  if (!log::IsEnabled(log::Level::kTrace)) return;
  log::Trace("kubernetes request", {{"method", request.method},
                                    {"path", request.path},
                                    {"status", absl::StrCat(status)},
                                    {"ms", absl::StrCat(absl::ToInt64Milliseconds(took))}});
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

RestClient::RestClient(ClusterConfig config, std::shared_ptr<CredentialSource> credentials,
                       TransportFactory make_transport, Clock& clock)
    : config_(std::move(config)),
      credentials_(std::move(credentials)),
      make_transport_(std::move(make_transport)),
      clock_(clock) {}

std::shared_ptr<http::Transport> RestClient::TransportFor(const Credential& credential) {
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
  transport_ = make_transport_(options);
  transport_certificate_ = credential.client_certificate_pem;
  return transport_;
}

absl::StatusOr<RestClient::Prepared> RestClient::Prepare(const RestRequest& request,
                                                         const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const Credential credential, credentials_->Get(stop));
  Prepared prepared;
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
    absl::StatusOr<http::Response> response =
        prepared.transport->Do(std::move(prepared.request), stop);
    LogExchange(request, response.ok() ? response->status : 0, clock_.Now() - started);
    const bool stale = response.ok() && response->status == 401;
    if (!stale || repeated || !credentials_->Invalidate()) return response;
  }
}

absl::StatusOr<http::Response> RestClient::Send(const RestRequest& request,
                                                const std::stop_token& stop) {
  const absl::Time started = clock_.Now();
  absl::Duration delay = kFirstDelay;
  while (true) {
    absl::StatusOr<http::Response> response = SendOnce(request, stop);
    absl::Duration budget = kRetryBudget;
    absl::Duration wait = Jittered(delay);
    if (response.ok()) {
      if (!IsRetryable(response->status)) return response;
      // The server itself said "later" and did nothing; anything else may have been done.
      if (!request.idempotent && response->status != 429) return response;
      wait = std::max(wait, RetryAfter(*response));
    } else {
      if (!absl::IsUnavailable(response.status()) || !request.idempotent) return response;
      budget = kConnectBudget;
    }
    if (clock_.Now() + wait > started + budget) return response;
    if (!clock_.Sleep(wait, stop)) return absl::CancelledError("stopped");
    delay = std::min(delay * 2, kLongestDelay);
  }
}

absl::Status RestClient::Start(const RestRequest& request, const std::stop_token& stop,
                               std::shared_ptr<http::ResponseHandler> handler) {
  DELIVERY_ASSIGN_OR_RETURN(Prepared prepared, Prepare(request, stop));
  prepared.transport->Start(std::move(prepared.request), stop, std::move(handler));
  return absl::OkStatus();
}

}  // namespace delivery::kubernetes
