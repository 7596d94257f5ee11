// What went wrong in a libcurl transfer, in words a user can act on.
#ifndef DELIVERY_HTTP_CURL_ERROR_H_
#define DELIVERY_HTTP_CURL_ERROR_H_

#include <curl/curl.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/http/trust_store.h"

namespace delivery::http {

// What is known about a transfer that failed. Texts hold no secrets.
struct TransferFailure {
  CURLcode code = CURLE_OK;
  std::string detail;     // libcurl's error buffer
  long system_error = 0;  // errno of the failed connect, 0 for none
  long proxy_status = 0;  // HTTP status of the proxy's answer to CONNECT, 0 for none
  std::string peer;       // host:port of the server
  std::string proxy;      // host:port of the configured proxy, empty for none or the environment's
  std::string server_name;                // the name that the certificate was checked against
  std::optional<TrustStore> trust_store;  // the system's, where no authority is configured
  absl::Duration elapsed;                 // since the start of the exchange
};

// The status for OnDone, by the codes that transport.h promises. Never OK.
absl::Status DescribeFailure(const TransferFailure& failure);

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_CURL_ERROR_H_
