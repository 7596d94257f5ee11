// Requests to one API server with credentials and retries; knows nothing of kinds.
#ifndef DELIVERY_KUBERNETES_REST_CLIENT_H_
#define DELIVERY_KUBERNETES_REST_CLIENT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/credentials.h"

namespace delivery::kubernetes {

using TransportFactory =
    std::function<std::shared_ptr<http::Transport>(const http::TransportOptions&)>;

// One request, relative to the server.
struct RestRequest {
  // How far a failed request may be repeated.
  enum class Repeat {
    kIdempotent,  // doing it twice does no more than doing it once
    kOnlyUndone,  // only when the server did nothing: not reached, or it said "later"
    kRelayed,     // only when not reached; answers may come from behind the API server
  };

  std::string method = "GET";
  std::string path;  // "/api/v1/...", already escaped, without query
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
  std::string content_type;
  std::string accept = "application/json";
  Repeat repeat = Repeat::kIdempotent;
  absl::Duration timeout = absl::Seconds(30);
  absl::Duration idle_timeout = absl::InfiniteDuration();
  size_t max_response_bytes = 64 * 1024 * 1024;
};

std::string EscapePathSegment(std::string_view text);

// True when `response` is the API server's own refusal (a Status object that says failure), not the
// answer of something behind it.
bool IsOwnRefusal(const http::Response& response);

// Thread-safe.
class RestClient {
 public:
  RestClient(ClusterConfig config, std::shared_ptr<CredentialSource> credentials,
             TransportFactory make_transport, Clock& clock);

  // The answer, whatever its status, after retries: 429, 5xx and connection failures with
  // Retry-After and back-off while the budget lasts, and one repetition after a 401 when newer
  // credentials can be had.
  absl::StatusOr<http::Response> Send(const RestRequest& request, const std::stop_token& stop);

  // Starts a streaming request once, without retries, and returns the credential it carries; an
  // error when there is none. May block for as long as getting credentials takes.
  absl::StatusOr<Credential> Start(const RestRequest& request, const std::stop_token& stop,
                                   std::shared_ptr<http::ResponseHandler> handler);
  // A request with `refused` was answered 401. True when the next one carries another credential.
  bool RenewCredential(const Credential& refused, const std::stop_token& stop);

  Clock& clock() { return clock_; }

 private:
  struct Prepared {
    std::shared_ptr<http::Transport> transport;
    http::Request request;
    Credential credential;
  };
  absl::StatusOr<Prepared> Prepare(const RestRequest& request, const std::stop_token& stop);
  std::shared_ptr<http::Transport> TransportFor(const Credential& credential);
  absl::StatusOr<http::Response> SendOnce(const RestRequest& request, const std::stop_token& stop);
  bool MayRepeat(const RestRequest& request, const absl::StatusOr<http::Response>& answer,
                 int attempts, absl::Duration elapsed) const;

  const ClusterConfig config_;
  const std::shared_ptr<CredentialSource> credentials_;
  const TransportFactory make_transport_;
  Clock& clock_;
  // Whether the server ever answered: if so, it is worth waiting for.
  std::atomic<bool> answered_ = false;
  absl::Mutex mutex_;
  // One per client certificate, since TLS is set up with it; only the newest is kept.
  std::string transport_certificate_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<http::Transport> transport_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_REST_CLIENT_H_
