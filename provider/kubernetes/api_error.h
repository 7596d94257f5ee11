// From HTTP answers of the API server to absl::Status and back (see ApiError in api.h).
#ifndef DELIVERY_KUBERNETES_API_ERROR_H_
#define DELIVERY_KUBERNETES_API_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/api.h"

namespace delivery::kubernetes {

// OK for 2xx. Otherwise the code that api.h promises, a message "<doing>: <the server's words>" and
// the ApiError as payload. `doing` says what was tried, for example "patching Deployment shop/web".
absl::Status StatusFromResponse(const http::Response& response, const std::string& doing);

// The same from a Status object, as a watch delivers it inside an ERROR event.
absl::Status StatusFromObject(const Json& status_object, int http_status, const std::string& doing);

// The API server refused an applied object because of its fields, although it answered 500. Such an
// answer is final: the same request is refused again.
bool IsRefusalBySchema(const http::Response& response);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_API_ERROR_H_
