// When to repeat a request. Pure: time and randomness come from the caller.
#ifndef DELIVERY_HTTP_RETRY_H_
#define DELIVERY_HTTP_RETRY_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace delivery::http {

// 429 and those 5xx that say "later": 500, 502, 503, 504. Whether the request may be repeated at
// all (idempotent) is for the caller to know.
bool IsRetryableStatus(int http_status);

// Exchanges that did not complete for a passing reason: Unavailable. Time-outs are not repeated;
// they have used up the caller's patience.
bool IsRetryableFailure(const absl::Status& status);

// The value of a Retry-After header: seconds, or an HTTP date in any of its three forms. Never
// negative. Nullopt when malformed.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value, absl::Time now);

struct RetryPolicy {
  absl::Duration first_delay = absl::Milliseconds(200);
  absl::Duration longest_delay = absl::Seconds(8);
  double factor = 2;
  // No attempt starts later than this after the first one.
  absl::Duration budget = absl::Seconds(30);
};

// The delays between the attempts of one request. Not thread-safe.
class Backoff {
 public:
  Backoff(const RetryPolicy& policy, uint64_t seed);

  // How long to wait before the next attempt, `elapsed` after the start of the first one; nullopt
  // when the budget does not allow another. Each delay is drawn from the upper half of an
  // exponentially growing range, so that clients that failed together do not return together.
  // `retry_after` (what the server asked for) is a lower bound.
  std::optional<absl::Duration> Next(absl::Duration elapsed,
                                     std::optional<absl::Duration> retry_after = std::nullopt);

 private:
  RetryPolicy policy_;
  std::mt19937_64 random_;
  absl::Duration ceiling_;
};

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_RETRY_H_
