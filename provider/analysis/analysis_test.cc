#include "provider/analysis/analysis.h"

#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::analysis {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

Sample Value(double value) { return {Sample::Kind::kValue, value, ""}; }
Sample NoData(std::string detail = "the query gives no sample") {
  return {Sample::Kind::kNoData, 0, std::move(detail)};
}
Sample Ambiguous() { return {Sample::Kind::kAmbiguous, 0, "3 elements"}; }
Sample Error() { return {Sample::Kind::kError, 0, "connection refused"}; }

Rule AtLeast(double min) { return {.metric = "success-rate", .min = min}; }
Rule AtMost(double max) { return {.metric = "latency", .max = max}; }
Rule Ratio(double most) { return {.metric = "latency", .max_ratio_to_stable = most}; }
Rule Compare(Direction direction = Direction::kIncrease) {
  return {.metric = "latency", .compare = Comparison{direction, 0.98}};
}

Tally CountOne(const Rule& rule, Sample canary, std::optional<Sample> stable = std::nullopt,
               Tally tally = {}, Limits limits = {}) {
  return Count(rule, limits, std::move(tally), {rule.metric, std::move(canary), std::move(stable)});
}

TEST(VerdictNameTest, NamesAreThoseOfTheReport) {
  EXPECT_EQ(VerdictName(Verdict::kPass), "pass");
  EXPECT_EQ(VerdictName(Verdict::kFail), "fail");
  EXPECT_EQ(VerdictName(Verdict::kInconclusive), "inconclusive");
  EXPECT_EQ(VerdictName(Verdict::kError), "error");
}

// ---- Thresholds

TEST(CountTest, ThresholdsAreInclusive) {
  EXPECT_EQ(CountOne(AtLeast(99), Value(99)).passed, 1);
  EXPECT_EQ(CountOne(AtLeast(99), Value(98.9)).failed, 1);
  EXPECT_EQ(CountOne(AtMost(500), Value(500)).passed, 1);
  EXPECT_EQ(CountOne(AtMost(500), Value(500.1)).failed, 1);
}

TEST(CountTest, EveryPartOfARuleMustHold) {
  const Rule rule = {.metric = "m", .min = 1, .max = 2};
  EXPECT_EQ(CountOne(rule, Value(1.5)).last_verdict, Verdict::kPass);
  EXPECT_EQ(CountOne(rule, Value(0.5)).last_verdict, Verdict::kFail);
  EXPECT_EQ(CountOne(rule, Value(2.5)).last_verdict, Verdict::kFail);
}

TEST(CountTest, SaysTheValueAndTheThreshold) {
  EXPECT_EQ(CountOne(AtLeast(99), Value(97.25)).last_reason, "97.25 is below min = 99");
  EXPECT_EQ(CountOne(AtMost(500), Value(812.5)).last_reason, "812.5 is above max = 500");
  EXPECT_EQ(CountOne(AtMost(500), Value(12)).last_reason, "12");
}

TEST(CountTest, TellsNumbersApartThatAreNearlyEqual) {
  EXPECT_EQ(CountOne(AtLeast(100), Value(99.999999)).last_reason, "99.999999 is below min = 100");
}

// ---- Not a value

TEST(CountTest, TheFourVerdictsAreCountedApart) {
  const Rule rule = AtLeast(99);
  Tally tally;
  for (const Sample& sample : {Value(100), Value(1), NoData(), Ambiguous(), Error()}) {
    tally = CountOne(rule, sample, std::nullopt, tally);
  }
  EXPECT_EQ(tally.passed, 1);
  EXPECT_EQ(tally.failed, 1);
  EXPECT_EQ(tally.inconclusive, 2);
  EXPECT_EQ(tally.errors, 1);
  EXPECT_EQ(tally.Completed(), 2);
  EXPECT_EQ(tally.last_verdict, Verdict::kError);
  EXPECT_EQ(tally.last_reason, "canary: connection refused");
}

TEST(CountTest, NaNAndInfinityNeverPass) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Rule& rule : {AtLeast(0), AtMost(0)}) {
    for (const double value : {nan, infinity, -infinity}) {
      const Tally tally = CountOne(rule, Value(value));
      EXPECT_EQ(tally.last_verdict, Verdict::kInconclusive) << value;
      EXPECT_THAT(tally.canary_values, IsEmpty());
      EXPECT_EQ(tally.last_value, std::nullopt);
    }
  }
}

TEST(CountTest, NoDataPassesWhereThatIsWanted) {
  Limits limits;
  limits.no_data_passes = true;
  const Tally tally = CountOne(AtLeast(99), NoData(), std::nullopt, {}, limits);
  EXPECT_EQ(tally.passed, 1);
  EXPECT_THAT(tally.last_reason,
              AllOf(HasSubstr("no sample"), HasSubstr("on_no_traffic = \"continue\"")));
  // Several elements are a mistake of the query, not a lack of traffic.
  EXPECT_EQ(CountOne(AtLeast(99), Ambiguous(), std::nullopt, {}, limits).inconclusive, 1);
  EXPECT_EQ(CountOne(Ratio(1), Value(1), NoData(), {}, limits).passed, 1);
}

TEST(CountTest, ErrorsInARowEndWithAnyAnswer) {
  const Rule rule = AtLeast(99);
  Tally tally = CountOne(rule, Error());
  tally = CountOne(rule, Error(), std::nullopt, tally);
  EXPECT_EQ(tally.consecutive_errors, 2);
  tally = CountOne(rule, NoData(), std::nullopt, tally);
  EXPECT_EQ(tally.consecutive_errors, 0);
  EXPECT_EQ(tally.errors, 2);
}

// ---- Compared with stable

TEST(CountTest, RatioIsInclusive) {
  EXPECT_EQ(CountOne(Ratio(1.5), Value(15), Value(10)).passed, 1);
  const Tally tally = CountOne(Ratio(1.5), Value(16), Value(10));
  EXPECT_EQ(tally.failed, 1);
  EXPECT_EQ(tally.last_reason, "canary 16 is 1.6 times stable 10, above max_ratio_to_stable = 1.5");
}

TEST(CountTest, ThereIsNoRatioToNothing) {
  for (const double stable : {0.0, -0.0, -1.0}) {
    for (const double canary : {0.0, 5.0}) {
      EXPECT_EQ(CountOne(Ratio(2), Value(canary), Value(stable)).inconclusive, 1);
    }
  }
}

TEST(CountTest, ASideWithoutDataIsInconclusive) {
  EXPECT_EQ(CountOne(Ratio(2), Value(1), NoData()).inconclusive, 1);
  EXPECT_EQ(CountOne(Compare(), Value(1), NoData()).inconclusive, 1);
  EXPECT_EQ(CountOne(Compare(), Value(1), NoData()).gathering, 0);
  EXPECT_EQ(CountOne(Compare(), NoData(), Value(1)).inconclusive, 1);
  EXPECT_EQ(CountOne(Compare(), Value(1)).inconclusive, 1);
  EXPECT_EQ(CountOne(Compare(), Value(1), Error()).errors, 1);
  EXPECT_THAT(CountOne(Ratio(2), Value(1), Error()).last_reason, HasSubstr("stable: "));
}

TEST(CountTest, AThresholdFailsWhateverStableShows) {
  Rule rule = Ratio(2);
  rule.max = 10;
  EXPECT_EQ(CountOne(rule, Value(11), Error()).failed, 1);
  EXPECT_EQ(CountOne(rule, Value(11), NoData()).failed, 1);
}

TEST(CountTest, ComparisonsGatherEvidenceBeforeTheyDecide) {
  const Rule rule = Compare();
  Tally tally;
  for (size_t i = 1; i < kLeastEvidence; ++i) {
    tally = CountOne(rule, Value(100), Value(1), tally);
    EXPECT_EQ(tally.gathering, static_cast<int64_t>(i));
    EXPECT_EQ(tally.last_verdict, Verdict::kInconclusive);
  }
  EXPECT_EQ(tally.last_reason, "comparing with stable: 9 of 10 values a side so far");
  EXPECT_EQ(tally.Completed(), 0);
  EXPECT_EQ(tally.inconclusive, 0);
  EXPECT_EQ(Failure(rule, {}, tally), std::nullopt);
  tally = CountOne(rule, Value(100), Value(1), tally);
  EXPECT_EQ(tally.failed, 1);
  EXPECT_THAT(Failure(rule, {}, tally),
              Optional(AllOf(HasSubstr("latency"), HasSubstr("worse than stable"),
                             HasSubstr("typical difference 99"), HasSubstr("confidence = 0.98"))));
}

TEST(CountTest, ComparisonsPassWhereNothingDiffers) {
  Tally tally;
  for (size_t i = 0; i < kLeastEvidence; ++i) {
    const auto value = static_cast<double>(i % 3);
    tally = CountOne(Compare(), Value(value), Value(value), tally);
  }
  EXPECT_EQ(tally.passed, 1);
  EXPECT_THAT(tally.last_reason, HasSubstr("no worse than stable"));
}

TEST(CountTest, ValuesOfBothSidesStayInStep) {
  Tally tally = CountOne(Compare(), Value(1), Value(10));
  tally = CountOne(Compare(), Value(2), NoData(), tally);
  tally = CountOne(Compare(), NoData(), Value(30), tally);
  tally = CountOne(Compare(), Value(4), Value(40), tally);
  EXPECT_THAT(tally.canary_values, ElementsAre(1, 4));
  EXPECT_THAT(tally.stable_values, ElementsAre(10, 40));
  EXPECT_THAT(tally.last_value, Optional(4.0));
  EXPECT_THAT(tally.last_stable_value, Optional(40.0));
}

TEST(CountTest, OnlyTheNewestValuesAreKept) {
  Tally tally;
  for (size_t i = 0; i < kMostValues + 5; ++i) {
    tally = CountOne(AtLeast(0), Value(static_cast<double>(i)), std::nullopt, tally);
  }
  EXPECT_THAT(tally.canary_values, SizeIs(kMostValues));
  EXPECT_EQ(tally.canary_values.front(), 5);
  EXPECT_EQ(tally.passed, static_cast<int64_t>(kMostValues) + 5);
}

// ---- Limits

struct LimitCase {
  const char* name;
  Sample sample;
  Limits limits;
  int tolerated;
  const char* named;
};
class LimitTest : public ::testing::TestWithParam<LimitCase> {};

TEST_P(LimitTest, FailsWithOneMoreThanIsTolerated) {
  const Rule rule = AtLeast(99);
  Tally tally;
  for (int i = 0; i < GetParam().tolerated; ++i) {
    tally = CountOne(rule, GetParam().sample, std::nullopt, tally, GetParam().limits);
    EXPECT_EQ(Failure(rule, GetParam().limits, tally), std::nullopt) << i;
  }
  tally = CountOne(rule, GetParam().sample, std::nullopt, tally, GetParam().limits);
  EXPECT_THAT(Failure(rule, GetParam().limits, tally),
              Optional(AllOf(HasSubstr("success-rate"), HasSubstr(GetParam().named))));
}

INSTANTIATE_TEST_SUITE_P(
    , LimitTest,
    ::testing::Values(
        LimitCase{"Failures", Value(1), {}, 0, "1 is below min = 99 (1 failed, failure_limit = 0)"},
        LimitCase{"MoreFailures", Value(1), {.failure_limit = 2}, 2, "(3 failed"},
        LimitCase{"Errors",
                  Error(),
                  {},
                  4,
                  "connection refused (5 errors in a row, consecutive_error_limit = 4)"},
        LimitCase{"NoErrors", Error(), {.consecutive_error_limit = 0}, 0, "(1 errors in a row"},
        LimitCase{
            "Inconclusive", NoData(), {}, 3, "no sample (4 inconclusive, inconclusive_limit = 3)"}),
    [](const auto& test) { return test.param.name; });

TEST(FailureTest, ALaterPassDoesNotUndoAFailure) {
  const Rule rule = AtLeast(99);
  Tally tally = CountOne(rule, Value(1));
  tally = CountOne(rule, Value(100), std::nullopt, tally);
  EXPECT_THAT(Failure(rule, {}, tally), Optional(HasSubstr("1 failed")));
}

TEST(FailureTest, NothingMeasuredIsNoFailure) {
  EXPECT_EQ(Failure(AtLeast(99), {}, {}), std::nullopt);
}

}  // namespace
}  // namespace delivery::analysis
