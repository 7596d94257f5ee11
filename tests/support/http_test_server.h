// A real HTTP(S) server on this machine for tests of HTTP clients; what it serves is described in
// http_test_server.py, which it runs.
#ifndef DELIVERY_TESTS_SUPPORT_HTTP_TEST_SERVER_H_
#define DELIVERY_TESTS_SUPPORT_HTTP_TEST_SERVER_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::testing {

// Serves from the constructor's return to the destructor. Aborts the test program when the server
// cannot be started (python3 and, for TLS, the openssl command are needed).
class HttpTestServer {
 public:
  struct Options {
    bool tls = false;
    bool require_client_certificate = false;
  };
  HttpTestServer() : HttpTestServer(Options{}) {}
  explicit HttpTestServer(Options options);
  ~HttpTestServer();
  HttpTestServer(const HttpTestServer&) = delete;
  HttpTestServer& operator=(const HttpTestServer&) = delete;

  // The name in the server's certificate besides "localhost".
  static constexpr char kServerName[] = "server.test.example";

  int port() const { return port_; }
  // "http://127.0.0.1:port" + path, with https for TLS.
  std::string Url(std::string_view path) const;
  std::string UrlAt(std::string_view host, std::string_view path) const;
  // PEM texts; empty without TLS.
  std::string ca() const { return GetString(announcement_, "ca"); }
  std::string other_ca() const { return GetString(announcement_, "other_ca"); }
  std::string client_certificate() const { return GetString(announcement_, "client_cert"); }
  std::string client_key() const { return GetString(announcement_, "client_key"); }

 private:
  const Options options_;
  pid_t pid_ = -1;
  int stdin_ = -1;
  int port_ = 0;
  Json announcement_;
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_HTTP_TEST_SERVER_H_
