// The logic of the provider function canary_steps. Pure and thread-safe.
#ifndef DELIVERY_IMAGE_POLICY_CANARY_STEPS_H_
#define DELIVERY_IMAGE_POLICY_CANARY_STEPS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace delivery::image_policy {

struct CanaryStep {
  int64_t weight = 0;  // percent
  std::string hold;
};

// Weights step, 2 * step, ... below `max`, and `max` as the last one. Each step holds for `hold`,
// which is for the caller to check. InvalidArgument unless 1 <= step <= max <= 100.
absl::StatusOr<std::vector<CanaryStep>> CanarySteps(int64_t max, int64_t step,
                                                    std::string_view hold);

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_CANARY_STEPS_H_
