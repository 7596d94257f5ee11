#include "provider/oci/hosts.h"

#include <optional>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/base/log.h"
#include "provider/base/redact.h"
#include "provider/http/retry.h"
#include "provider/oci/reference.h"

namespace delivery::oci {
namespace {

// A host that never answered is more likely misnamed than restarting.
constexpr absl::Duration kFirstContactBudget = absl::Seconds(8);
// A 500 is more often a broken registry than a passing failure.
constexpr int kAttemptsAt500 = 4;
constexpr absl::Duration kIdleTimeout = absl::Seconds(30);
// What the transport says of a server that answers TLS with something else.
constexpr char kNotTls[] = "does not speak TLS";

uint64_t NewSeed() {
  thread_local std::mt19937_64 seeds(std::random_device{}());
  return seeds();
}

// No headers and no query: both hold credentials.
void LogExchange(const http::Request& request, const Url& url,
                 const absl::StatusOr<http::Response>& answer, absl::Duration took) {
  if (!log::IsEnabled(log::Level::kTrace)) return;
  const std::string outcome =
      answer.ok() ? absl::StrCat(answer->status) : std::string(answer.status().message());
  log::Trace("registry request", {{"method", request.method},
                                  {"url", url.Shown()},
                                  {"status", outcome},
                                  {"ms", absl::StrCat(absl::ToInt64Milliseconds(took))}});
}

std::optional<absl::Duration> RetryAfterOf(const absl::StatusOr<http::Response>& answer,
                                           absl::Time now) {
  if (!answer.ok()) return std::nullopt;
  const auto header = http::FindHeader(answer->headers, "Retry-After");
  return header.has_value() ? http::ParseRetryAfter(*header, now) : std::nullopt;
}

// `failure` with what can be done about it.
absl::Status Explained(const absl::Status& failure, const Url& url) {
  std::string advice;
  if (absl::StrContains(failure.message(), kNotTls)) {
    advice = absl::StrCat(
        "; if the registry has no TLS, set plain_http = true in a registry block "
        "for ",
        url.host);
  } else if (absl::IsUnauthenticated(failure)) {
    advice = absl::StrCat(
        "; its place is ca_certificate in a registry "
        "block for ",
        url.host);
  } else if (absl::IsResourceExhausted(failure)) {
    return absl::OutOfRangeError(
        absl::StrCat("the answer of ", url.host, " is too large: ", failure.message()));
  }
  return absl::Status(failure.code(), Redact(absl::StrCat(failure.message(), advice)));
}

}  // namespace

Hosts::Hosts(const ClientOptions& options, TransportFactory make_transport, Clock& clock)
    : make_transport_(std::move(make_transport)), clock_(clock) {
  for (const auto& [host, host_options] : options.hosts) {
    options_.emplace(CanonicalHost(host), host_options);
  }
}

const HostOptions* Hosts::OptionsOf(const std::string& host) const {
  const auto found = options_.find(CanonicalHost(host));
  return found == options_.end() ? nullptr : &found->second;
}

bool Hosts::IsPlainHttp(const std::string& registry) const {
  const HostOptions* const options = OptionsOf(registry);
  return options != nullptr && options->plain_http;
}

Url Hosts::ApiUrl(const std::string& registry, std::string target) const {
  const bool plain = IsPlainHttp(registry);
  const std::string host = registry == kDockerHub ? "registry-1.docker.io" : registry;
  // As ParseUrl has it, so that origins compare.
  const char* const own_port = plain ? ":80" : ":443";
  return {!plain, std::string(absl::StripSuffix(host, own_port)), std::move(target)};
}

std::vector<HostOptions> Hosts::TrustFor(const std::string& registry, const Url& url) const {
  const HostOptions* own = OptionsOf(url.host);
  if (url.SameOrigin(ApiUrl(registry, "/"))) own = OptionsOf(registry);
  if (own != nullptr) return {*own};
  const HostOptions* const sender = OptionsOf(registry);
  const bool special =
      sender != nullptr && (!sender->ca_certificate_pem.empty() || sender->insecure);
  if (special) return {*sender, HostOptions()};
  return {HostOptions()};
}

std::shared_ptr<http::Transport> Hosts::TransportFor(const HostOptions& trust) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<http::Transport>& transport =
      transports_[{trust.ca_certificate_pem, trust.insecure}];
  if (transport == nullptr) {
    http::TransportOptions options;
    options.ca_certificate_pem = trust.ca_certificate_pem;
    options.insecure = trust.insecure;
    transport = make_transport_(options);
  }
  return transport;
}

absl::StatusOr<http::Response> Hosts::SendOnce(const std::string& registry, const Url& url,
                                               const http::Request& request,
                                               const std::stop_token& stop) {
  absl::StatusOr<http::Response> answer = absl::InternalError("nothing to trust");
  for (const HostOptions& trust : TrustFor(registry, url)) {
    const absl::Time started = clock_.Now();
    answer = TransportFor(trust)->Do(request, stop);
    LogExchange(request, url, answer, clock_.Now() - started);
    // A certificate that this trust does not know may be known to the next.
    if (!absl::IsUnauthenticated(answer.status())) break;
  }
  if (answer.ok()) {
    absl::MutexLock lock(&mutex_);
    answered_.insert(url.host);
  }
  return answer;
}

bool Hosts::MayRepeat(const Url& url, const absl::StatusOr<http::Response>& answer, int attempts,
                      absl::Duration elapsed) {
  if (answer.ok()) {
    if (answer->status == 500 && attempts >= kAttemptsAt500) return false;
    return http::IsRetryableStatus(answer->status);
  }
  if (!http::IsRetryableFailure(answer.status())) return false;
  if (absl::StrContains(answer.status().message(), kNotTls)) return false;
  absl::MutexLock lock(&mutex_);
  return answered_.count(url.host) != 0 || elapsed <= kFirstContactBudget;
}

absl::StatusOr<http::Response> Hosts::Send(const std::string& registry, const Url& url,
                                           http::Request request, const Limits& limits) {
  const absl::Time started = clock_.Now();
  http::Backoff backoff({.longest_delay = absl::Seconds(5), .budget = limits.deadline - started},
                        NewSeed());
  request.url = url.Text();
  request.idle_timeout = kIdleTimeout;
  for (int attempts = 1;; ++attempts) {
    if (limits.stop.stop_requested()) return absl::CancelledError("stopped");
    request.timeout = limits.deadline - clock_.Now();
    if (request.timeout <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat("there was no time left to ask ", url.host));
    }
    absl::StatusOr<http::Response> answer = SendOnce(registry, url, request, limits.stop);
    const absl::Time now = clock_.Now();
    std::optional<absl::Duration> wait;
    if (MayRepeat(url, answer, attempts, now - started)) {
      wait = backoff.Next(now - started, RetryAfterOf(answer, now));
    }
    if (!wait.has_value()) return answer.ok() ? answer : Explained(answer.status(), url);
    if (!clock_.Sleep(*wait, limits.stop)) return absl::CancelledError("stopped");
  }
}

}  // namespace delivery::oci
