// Whether requests to a Service reach anybody.
#ifndef DELIVERY_RUNNER_ENDPOINTS_H_
#define DELIVERY_RUNNER_ENDPOINTS_H_

#include <functional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "provider/kubernetes/api.h"

namespace delivery::runner {

// Unavailable while `service` has no ready endpoint whose pod `counts`.
absl::Status RequireReadyEndpoint(kubernetes::Api& api, const kubernetes::ObjectRef& service,
                                  const std::function<bool(const std::string&)>& counts,
                                  const std::stop_token& stop);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_ENDPOINTS_H_
