#include "provider/oci/token.h"

#include <gtest/gtest.h>

#include "provider/base/redact.h"

namespace delivery::oci {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

absl::Duration LifeOf(const std::string& text) { return ParseToken(text, kNow)->expires - kNow; }

TEST(TokenTest, TakesEitherName) {
  EXPECT_EQ(ParseToken(R"({"token": "tok-a1", "access_token": "tok-b1"})", kNow)->value, "tok-a1");
  EXPECT_EQ(ParseToken(R"({"access_token": "tok-c1"})", kNow)->value, "tok-c1");
  EXPECT_EQ(Redact("tok-c1"), "(redacted)");
}

TEST(TokenTest, LivesForAMinuteUnlessTold) {
  EXPECT_EQ(LifeOf(R"({"token": "t1"})"), absl::Seconds(60));
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": 0})"), absl::Seconds(60));
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": "x"})"), absl::Seconds(60));
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": 300})"), absl::Seconds(300));
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": 9223372036854775807})"), absl::Hours(365 * 24));
}

TEST(TokenTest, CountsFromItsIssue) {
  // 100 s before kNow, and after it.
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": 300, "issued_at": "2023-11-14T22:11:40Z"})"),
            absl::Seconds(200));
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": 300, "issued_at": "2033-11-14T22:11:40Z"})"),
            absl::Seconds(300));
  EXPECT_EQ(LifeOf(R"({"token": "t1", "expires_in": 300, "issued_at": "now"})"),
            absl::Seconds(300));
}

TEST(TokenTest, RefusesOtherAnswers) {
  for (const char* text : {"", "<html>", "{}", "[]", R"({"token": ""})", R"({"token": 1})",
                           R"({"token": "a\r\nX: y"})"}) {
    EXPECT_EQ(ParseToken(text, kNow).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(TokenTest, BasicIsUserAndPassword) {
  EXPECT_EQ(BasicAuthorization({.username = "Aladdin", .password = "open sesame"}),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(BasicAuthorization({}), "");
  EXPECT_EQ(Redact("QWxhZGRpbjpvcGVuIHNlc2FtZQ"), "(redacted)");
}

}  // namespace
}  // namespace delivery::oci
