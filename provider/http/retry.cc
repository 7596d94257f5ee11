#include "provider/http/retry.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace delivery::http {
namespace {

// RFC 9110, 5.6.7: the current form and two that recipients must still accept.
constexpr const char* kDateFormats[] = {
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
};

// More than this is not an answer to wait for; it also keeps the arithmetic finite.
constexpr int64_t kMostSeconds = 30LL * 24 * 3600;

}  // namespace

bool IsRetryableStatus(int http_status) {
  switch (http_status) {
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

bool IsRetryableFailure(const absl::Status& status) { return absl::IsUnavailable(status); }

std::optional<absl::Duration> ParseRetryAfter(std::string_view value, absl::Time now) {
  const absl::string_view text =
      absl::StripAsciiWhitespace(absl::string_view(value.data(), value.size()));
  if (text.empty()) return std::nullopt;
  if (std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(text, &seconds)) seconds = kMostSeconds;
    return absl::Seconds(std::min(seconds, kMostSeconds));
  }
  for (const char* format : kDateFormats) {
    absl::Time date;
    std::string error;
    if (absl::ParseTime(format, text, &date, &error)) {
      return std::clamp(date - now, absl::ZeroDuration(), absl::Seconds(kMostSeconds));
    }
  }
  return std::nullopt;
}

Backoff::Backoff(const RetryPolicy& policy, uint64_t seed)
    : policy_(policy), random_(seed), ceiling_(policy.first_delay) {}

std::optional<absl::Duration> Backoff::Next(absl::Duration elapsed,
                                            std::optional<absl::Duration> retry_after) {
  const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  absl::Duration delay = std::min(ceiling_, policy_.longest_delay) * share;
  ceiling_ = std::min(ceiling_ * policy_.factor, policy_.longest_delay);
  if (retry_after.has_value()) delay = std::max(delay, *retry_after);
  if (elapsed + delay > policy_.budget) return std::nullopt;
  return delay;
}

}  // namespace delivery::http
