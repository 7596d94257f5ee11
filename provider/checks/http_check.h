// The check that asks a pod, a Service or a URL by HTTP.
#ifndef DELIVERY_CHECKS_HTTP_CHECK_H_
#define DELIVERY_CHECKS_HTTP_CHECK_H_

#include <stop_token>

#include "absl/status/status.h"
#include "provider/checks/check.h"

namespace delivery::checks {

absl::Status Validate(const HttpCheck& http);

// `check` is valid and holds `http`.
CheckResult RunHttpCheck(const CheckContext& context, const Check& check, const HttpCheck& http,
                         const std::stop_token& stop);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_HTTP_CHECK_H_
