// HTTP as the clients see it: one virtual, so that a whole service can be faked behind it.
#ifndef DELIVERY_HTTP_TRANSPORT_H_
#define DELIVERY_HTTP_TRANSPORT_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace delivery::http {

// Header names compare without case.
using Headers = std::vector<std::pair<std::string, std::string>>;

// First value of `name`, nullopt when absent.
std::optional<std::string> FindHeader(const Headers& headers, std::string_view name);

struct Request {
  std::string method = "GET";
  std::string url;  // absolute; no credentials in it
  Headers headers;
  std::string body;
  // From start to the last byte; infinite for watches.
  absl::Duration timeout = absl::Seconds(30);
  // No byte received for this long ends the exchange with DeadlineExceeded.
  absl::Duration idle_timeout = absl::InfiniteDuration();
  // A larger response body ends the exchange with ResourceExhausted.
  size_t max_response_bytes = 64 * 1024 * 1024;
};

// Any HTTP status is a successful exchange: 404 and 409 are data.
struct Response {
  int status = 0;
  Headers headers;
  std::string body;
};

// Marks the failure of an exchange of which the peer saw nothing (no connection was made), so that
// repeating even a request that is not idempotent is safe.
void MarkNeverSent(absl::Status& failure);
bool WasNeverSent(const absl::Status& failure);

// How the peer is reached and trusted; fixed for the lifetime of a transport. Verification is on
// unless `insecure`. PEM texts, not paths. Private keys never reach a log.
struct TransportOptions {
  std::string ca_certificate_pem;  // empty: the system's trust store
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string tls_server_name;  // empty: the URL's host
  std::string proxy_url;        // empty: from the environment (https_proxy, no_proxy)
  bool insecure = false;
  std::string user_agent = "terraform-provider-delivery";
};

// Receives a response as it arrives; called on the transport's own thread, in order, and never
// after OnDone. Must not block.
class ResponseHandler {
 public:
  virtual ~ResponseHandler() = default;
  virtual void OnHeaders(int status, const Headers& headers) = 0;
  // Returning false ends the exchange (OnDone gets Cancelled).
  virtual bool OnData(std::string_view data) = 0;
  // Exactly once. Not OK when the exchange did not complete: Unavailable (cannot connect, reset),
  // DeadlineExceeded, Cancelled, Unauthenticated (TLS verification), ResourceExhausted.
  virtual void OnDone(const absl::Status& status) = 0;
};

// Thread-safe. Redirects are never followed.
class Transport {
 public:
  virtual ~Transport() = default;

  // Starts an exchange; returns at once. Requesting `stop` ends it with Cancelled.
  virtual void Start(Request request, std::stop_token stop,
                     std::shared_ptr<ResponseHandler> handler) = 0;

  // Start, and wait for the whole response.
  absl::StatusOr<Response> Do(Request request, const std::stop_token& stop);
};

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_TRANSPORT_H_
