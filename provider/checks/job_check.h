// The check that runs a Kubernetes Job.
#ifndef DELIVERY_CHECKS_JOB_CHECK_H_
#define DELIVERY_CHECKS_JOB_CHECK_H_

#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "provider/checks/check.h"

namespace delivery::checks {

absl::Status Validate(const JobCheck& job);

// The Job's own name, or else the check's, and the short run id. A valid name of at most 63
// characters; different for different long names.
std::string JobName(const Json& job, std::string_view check_name, std::string_view run_id);

// `check` is valid and holds `job`.
CheckResult RunJobCheck(const CheckContext& context, const Check& check, const JobCheck& job,
                        const std::stop_token& stop);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_JOB_CHECK_H_
