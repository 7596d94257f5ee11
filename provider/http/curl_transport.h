// HTTP/1.1 and HTTP/2 over libcurl: the transport of everything but tests.
#ifndef DELIVERY_HTTP_CURL_TRANSPORT_H_
#define DELIVERY_HTTP_CURL_TRANSPORT_H_

#include <memory>

#include "provider/http/transport.h"

namespace delivery::http {

// One thread, started with the first request, does the I/O of all requests of this transport;
// requests to one HTTPS server share one HTTP/2 connection. Destroying the transport ends every
// exchange with Cancelled before it returns (when destroyed by a handler, on the transport's own
// thread: soon after). `Do` must not be called from a handler, since it would wait for itself.
//
// Options that cannot be used (a malformed PEM text or proxy URL) make each request fail with a
// message that says so. With `ca_certificate_pem` the system's trust store is not consulted.
std::shared_ptr<Transport> MakeCurlTransport(TransportOptions options);

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_CURL_TRANSPORT_H_
