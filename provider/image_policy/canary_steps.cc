#include "provider/image_policy/canary_steps.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace delivery::image_policy {

absl::StatusOr<std::vector<CanaryStep>> CanarySteps(int64_t max, int64_t step,
                                                    std::string_view hold) {
  if (max < 1 || max > 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("max is ", max, "; it is a weight in percent, from 1 to 100"));
  }
  if (step < 1 || step > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("step is ", step, "; it must be from 1 to max, which is ", max));
  }
  std::vector<CanaryStep> steps;
  for (int64_t weight = step; weight < max; weight += step) {
    steps.push_back({weight, std::string(hold)});
  }
  steps.push_back({max, std::string(hold)});
  return steps;
}

}  // namespace delivery::image_policy
