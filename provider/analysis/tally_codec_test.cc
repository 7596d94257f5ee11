#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/analysis/analysis.h"

namespace delivery::analysis {
namespace {

using ::testing::HasSubstr;

Tally Full() {
  return {.passed = 3,
          .failed = 1,
          .inconclusive = 2,
          .errors = 5,
          .consecutive_errors = 4,
          .gathering = 9,
          .canary_values = {0.1, 2, 1e300},
          .stable_values = {0.2, 3, -5},
          .last_value = 1e300,
          .last_stable_value = -5,
          .last_verdict = Verdict::kFail,
          .last_reason = "97 is below min = 99"};
}

TEST(TallyCodecTest, ReadsWhatItWrote) {
  for (const Tally& tally : {Tally(), Full()}) {
    const absl::StatusOr<Json> json = ParseJson(DumpJson(EncodeTally(tally)));
    ASSERT_TRUE(json.ok());
    const absl::StatusOr<Tally> again = DecodeTally(*json);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, tally);
  }
}

TEST(TallyCodecTest, EveryVerdictHasAForm) {
  for (const Verdict verdict :
       {Verdict::kPass, Verdict::kFail, Verdict::kInconclusive, Verdict::kError}) {
    Tally tally;
    tally.last_verdict = verdict;
    EXPECT_EQ(DecodeTally(EncodeTally(tally))->last_verdict, verdict);
  }
}

struct DamageCase {
  const char* name;
  const char* member;
  Json value;
};
class DamageTest : public ::testing::TestWithParam<DamageCase> {};

TEST_P(DamageTest, IsDataLossThatNamesTheMember) {
  Json json = EncodeTally(Full());
  json[GetParam().member] = GetParam().value;
  const absl::Status status = DecodeTally(json).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().member));
}

INSTANTIATE_TEST_SUITE_P(
    , DamageTest,
    ::testing::Values(DamageCase{"Negative", "failed", -1}, DamageCase{"Text", "passed", "3"},
                      DamageCase{"NoList", "canary_values", 3},
                      DamageCase{"NullInList", "canary_values", {1, nullptr, 2}},
                      DamageCase{"OutOfStep", "stable_values", {1, 2}},
                      DamageCase{"TooMany", "canary_values", std::vector<double>(121, 1)},
                      DamageCase{"NoNumber", "last_value", "x"},
                      DamageCase{"NoVerdict", "last_verdict", "maybe"}),
    [](const auto& test) { return test.param.name; });

TEST(TallyCodecTest, SomethingElseIsDataLoss) {
  for (const Json& json : {Json(), Json::array(), Json::object(), Json("x")}) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeTally(json).status()));
  }
}

}  // namespace
}  // namespace delivery::analysis
