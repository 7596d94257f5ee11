// The Job of a check, as a user writes it.
#ifndef DELIVERY_CHECKS_JOB_YAML_H_
#define DELIVERY_CHECKS_JOB_YAML_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::checks {

// The Job in `text` (YAML or JSON, one document). InvalidArgument that says what is wrong with it,
// without repeating its values.
absl::StatusOr<Json> ParseJobYaml(std::string_view text);

// The same about a Job that was parsed: a batch/v1 Job with a template that can run, and nothing
// that the check itself decides. The API server judges the rest.
absl::Status ValidateJob(const Json& job);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_JOB_YAML_H_
