#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/base/log.h"
#include "provider/base/redact.h"
#include "provider/base/status_macros.h"

namespace delivery {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  DELIVERY_ASSIGN_OR_RETURN(const int half, Half(n), _ << "while halving " << n);
  DELIVERY_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status CheckQuarter(int n) {
  DELIVERY_RETURN_IF_ERROR(Quarter(n).status()) << "checking";
  return absl::OkStatus();
}

TEST(StatusMacrosTest, AddsContextAndKeepsCode) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(3).status().message(), "odd (while halving 3)");
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_EQ(CheckQuarter(3).message(), "odd (while halving 3) (checking)");
  EXPECT_EQ(CheckQuarter(3).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(CheckQuarter(4).ok());
}

TEST(StatusMacrosTest, KeepsPayloads) {
  absl::Status status = absl::NotFoundError("gone");
  status.SetPayload("type/x", absl::Cord("value"));
  const absl::Status built = StatusBuilder(status) << "context";
  EXPECT_EQ(built.GetPayload("type/x"), absl::Cord("value"));
}

TEST(ClockTest, RealSleepEndsAtOnceWhenStopped) {
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_FALSE(Clock::Real().Sleep(absl::Hours(1), stop.get_token()));
}

TEST(ClockTest, RealSleepReachesDeadline) {
  const absl::Time deadline = Clock::Real().Now() + absl::Milliseconds(5);
  EXPECT_TRUE(Clock::Real().SleepUntil(deadline, std::stop_token()));
  EXPECT_GE(Clock::Real().Now(), deadline);
}

TEST(ClockTest, SimulatedSleepMovesTime) {
  SimulatedClock clock(absl::UnixEpoch());
  EXPECT_TRUE(clock.Sleep(absl::Minutes(3), std::stop_token()));
  clock.Advance(absl::Minutes(2));
  EXPECT_EQ(clock.Now(), absl::UnixEpoch() + absl::Minutes(5));
}

TEST(JsonTest, RejectsWithoutThrowing) {
  EXPECT_FALSE(ParseJson("{").ok());
  EXPECT_FALSE(ParseJson("").ok());
  EXPECT_FALSE(ParseJson("\"\xff\"").ok());
  EXPECT_FALSE(ParseJson(std::string(100000, '[')).ok());
  EXPECT_EQ(ParseJson("{\"b\":1,\"a\":[true]}").value().dump(), "{\"a\":[true],\"b\":1}");
}

TEST(JsonTest, DumpReplacesInvalidUtf8) { EXPECT_THAT(DumpJson(Json("a\xff")), HasSubstr("a")); }

TEST(JsonTest, AccessorsNeverFail) {
  const Json json = Json::parse(R"({"o":{"x":1},"a":[1],"s":"t","b":true,"n":7})");
  EXPECT_EQ(GetInt(GetObject(json, "o"), "x"), 1);
  EXPECT_EQ(GetArray(json, "a").size(), 1u);
  EXPECT_EQ(GetString(json, "s"), "t");
  EXPECT_TRUE(GetBool(json, "b"));
  EXPECT_TRUE(GetObject(json, "s").empty());
  EXPECT_TRUE(GetArray(json, "absent").empty());
  EXPECT_EQ(GetString(json, "n", "other"), "other");
  EXPECT_EQ(GetInt(Json("text"), "n", 3), 3);
  EXPECT_EQ(Find(json, "absent"), nullptr);
}

TEST(RedactTest, ReplacesSecretsAndTheirBase64) {
  RegisterSecret("s3cr3t-token");
  RegisterSecret("abc");  // too short to be replaced
  EXPECT_EQ(Redact("Bearer s3cr3t-token!"), "Bearer (redacted)!");
  EXPECT_THAT(Redact("Basic czNjcjN0LXRva2Vu"), HasSubstr("(redacted)"));
  EXPECT_EQ(Redact("abc"), "abc");
}

TEST(LogTest, LineIsHclogJsonWithStringsOnly) {
  RegisterSecret("log-secret-value");
  const std::string line =
      log::FormatLine(log::Level::kInfo, "token log-secret-value \xff",
                      {{"@level", "x"}, {"k", "v"}}, "2026-01-02T03:04:05.000006Z");
  const Json json = ParseJson(line).value();
  EXPECT_EQ(GetString(json, "@level"), "info");
  EXPECT_EQ(GetString(json, "@timestamp"), "2026-01-02T03:04:05.000006Z");
  EXPECT_EQ(GetString(json, "k"), "v");
  EXPECT_THAT(GetString(json, "@message"), Not(HasSubstr("log-secret-value")));
}

TEST(LogTest, LongTextIsCutBelowTheHostsLimit) {
  const std::string line = log::FormatLine(log::Level::kWarn, std::string(200000, 'x'), {},
                                           "2026-01-02T03:04:05.000006Z");
  EXPECT_LT(line.size(), 64u * 1024);
}

TEST(LogTest, ParsesLevels) {
  EXPECT_EQ(log::ParseLevel("TRACE"), log::Level::kTrace);
  EXPECT_EQ(log::ParseLevel("JSON"), log::Level::kTrace);
  EXPECT_EQ(log::ParseLevel("warn"), log::Level::kWarn);
  EXPECT_EQ(log::ParseLevel("OFF"), log::Level::kOff);
}

}  // namespace
}  // namespace delivery
