#include "provider/http/retry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::http {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(784111777);  // of RFC 9110's example

TEST(RetryTest, RepeatsOnlyWhatMayPass) {
  for (const int status : {429, 500, 502, 503, 504}) EXPECT_TRUE(IsRetryableStatus(status));
  for (const int status : {200, 400, 401, 403, 404, 409, 410, 422, 501}) {
    EXPECT_FALSE(IsRetryableStatus(status)) << status;
  }
  EXPECT_TRUE(IsRetryableFailure(absl::UnavailableError("")));
  EXPECT_FALSE(IsRetryableFailure(absl::UnauthenticatedError("")));
  EXPECT_FALSE(IsRetryableFailure(absl::CancelledError("")));
  EXPECT_FALSE(IsRetryableFailure(absl::DeadlineExceededError("")));
}

TEST(RetryAfterTest, ReadsSeconds) {
  EXPECT_EQ(ParseRetryAfter("0", kNow), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter(" 120 ", kNow), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999", kNow), absl::Hours(24 * 30));
}

TEST(RetryAfterTest, ReadsTheThreeFormsOfDates) {
  for (const char* text : {"Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT",
                           "Sun Nov  6 08:50:07 1994"}) {
    EXPECT_EQ(ParseRetryAfter(text, kNow), absl::Seconds(30)) << text;
  }
}

TEST(RetryAfterTest, PastDatesAreNow) {
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:00:00 GMT", kNow), absl::ZeroDuration());
}

TEST(RetryAfterTest, RefusesWhatIsNeither) {
  for (const char* text : {"", "soon", "-1", "1.5", "12 s"}) {
    EXPECT_EQ(ParseRetryAfter(text, kNow), std::nullopt) << text;
  }
}

TEST(BackoffTest, GrowsWithinBoundsUpToTheLongestDelay) {
  const RetryPolicy policy;
  Backoff backoff(policy, 7);
  absl::Duration ceiling = policy.first_delay;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto delay = backoff.Next(absl::ZeroDuration());
    ASSERT_TRUE(delay.has_value());
    EXPECT_GE(*delay, ceiling / 2);
    EXPECT_LE(*delay, ceiling);
    ceiling = std::min(ceiling * 2, policy.longest_delay);
  }
}

TEST(BackoffTest, SameSeedSameDelaysOtherSeedOtherDelays) {
  const auto delays = [](uint64_t seed) {
    Backoff backoff({}, seed);
    return std::vector{backoff.Next({}), backoff.Next({}), backoff.Next({})};
  };
  EXPECT_EQ(delays(1), delays(1));
  EXPECT_NE(delays(1), delays(2));
}

TEST(BackoffTest, WaitsAsLongAsTheServerAsks) {
  Backoff backoff({}, 1);
  EXPECT_EQ(backoff.Next({}, absl::Seconds(5)), absl::Seconds(5));
  EXPECT_LE(backoff.Next({}, absl::Milliseconds(1)), absl::Milliseconds(400));
}

TEST(BackoffTest, EndsWithTheBudget) {
  Backoff backoff({}, 1);
  EXPECT_TRUE(backoff.Next(absl::Seconds(29)).has_value());
  EXPECT_EQ(backoff.Next(absl::Seconds(30)), std::nullopt);
  EXPECT_EQ(backoff.Next(absl::Seconds(1), absl::Seconds(60)), std::nullopt);
}

}  // namespace
}  // namespace delivery::http
