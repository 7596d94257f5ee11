// One request of the libcurl transport: its easy handle, and what became of it.
#ifndef DELIVERY_HTTP_CURL_EXCHANGE_H_
#define DELIVERY_HTTP_CURL_EXCHANGE_H_

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "provider/http/transport.h"
#include "provider/http/trust_store.h"

namespace delivery::http {

// Transport options in the form in which libcurl wants them. Immutable and shared by all exchanges
// of a transport.
struct ConnectionSettings {
  TransportOptions options;
  std::string proxy_url;      // as libcurl understands it; may hold credentials
  std::string proxy_display;  // host:port, for messages
  TrustStore trust_store;     // the system's
  absl::Status problem;       // not OK: no request can be made with these options
};
ConnectionSettings MakeConnectionSettings(TransportOptions options);

// Used on the transport's thread only, except for its construction.
class CurlExchange {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  CurlExchange(Request request, std::shared_ptr<ResponseHandler> handler,
               std::shared_ptr<const ConnectionSettings> settings);
  ~CurlExchange();
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  // Makes the easy handle. On failure the caller passes the status to Finish.
  absl::Status Prepare();
  CURL* easy() const { return easy_; }

  // When the exchange must have ended or received something, unless that changes until then;
  // TimePoint::max() for never.
  TimePoint Deadline() const;
  absl::Status DeadlineStatus(TimePoint now) const;

  // What libcurl's result means; to be asked before the easy handle leaves the multi handle.
  absl::Status Outcome(CURLcode code) const;

  // Calls OnDone, the first time only.
  void Finish(const absl::Status& status);

 private:
  struct SlistDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using Slist = std::unique_ptr<curl_slist, SlistDeleter>;

  static int OnSocket(void* self, curl_socket_t socket, curlsocktype purpose);
  static size_t OnHeaderLine(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  void HeaderLine(std::string_view line);
  bool Body(std::string_view data);
  void Touch();

  template <typename Value>
  void Set(CURLoption option, Value value);
  void SetUrl();
  void SetServerName();
  void SetMethodAndBody();
  void SetHeaders();
  void SetTls();
  void SetProxy();
  void SetCallbacks();
  void Fail(absl::Status status);
  void AppendTo(Slist& list, const std::string& line);

  const Request request_;
  const std::shared_ptr<ResponseHandler> handler_;
  const std::shared_ptr<const ConnectionSettings> settings_;
  const TimePoint started_;

  CURL* easy_ = nullptr;
  Slist headers_to_send_;
  Slist connect_to_;
  std::array<char, CURL_ERROR_SIZE> error_buffer_{};

  std::string host_;         // of the URL; an IPv6 address has brackets
  std::string port_;         // of the URL or its scheme's
  std::string peer_;         // host:port
  std::string server_name_;  // that the certificate must be issued for
  std::string host_header_;  // empty: what libcurl derives from the URL

  absl::Status failure_;  // found by us while preparing or receiving; has precedence over libcurl's
  TimePoint last_byte_;
  int status_ = 0;
  Headers headers_;
  bool headers_delivered_ = false;
  size_t received_ = 0;
  bool finished_ = false;
};

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_CURL_EXCHANGE_H_
