// How the kinds of checks say what came out.
#ifndef DELIVERY_CHECKS_OUTCOME_H_
#define DELIVERY_CHECKS_OUTCOME_H_

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "provider/checks/check.h"

namespace delivery::checks {

inline CheckResult Passed() { return {CheckResult::Outcome::kPassed, ""}; }
inline CheckResult Cancelled() { return {CheckResult::Outcome::kCancelled, ""}; }
inline CheckResult Failed(std::string reason) {
  return {CheckResult::Outcome::kFailed, std::move(reason)};
}

// When to try again after a try that ended `now`: in `interval`, or earlier so that the last try
// has a second before the deadline. Nullopt: no more.
inline std::optional<absl::Time> NextTry(absl::Time now, absl::Duration interval,
                                         absl::Time deadline) {
  const absl::Time next = std::min(now + interval, deadline - absl::Seconds(1));
  return next > now ? std::optional(next) : std::nullopt;
}

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_OUTCOME_H_
