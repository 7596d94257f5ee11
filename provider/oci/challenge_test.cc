#include "provider/oci/challenge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace delivery::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ChallengeTest, ReadsABearerChallenge) {
  const auto challenges = ParseChallenges(
      "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
      "scope=\"repository:samalba/my-app:pull,push\"");
  ASSERT_EQ(challenges.size(), 1U);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].Parameter("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(challenges[0].Parameter("service"), "registry.docker.io");
  EXPECT_EQ(challenges[0].Parameter("scope"), "repository:samalba/my-app:pull,push");
  EXPECT_EQ(challenges[0].Parameter("error"), "");
}

TEST(ChallengeTest, ReadsSeveralInOneValue) {
  EXPECT_THAT(
      ParseChallenges("Basic realm=\"a, b\" , Negotiate, NTLM YWJj==,, BEARER Realm = x,scope=y"),
      ElementsAre(Challenge{"basic", {{"realm", "a, b"}}}, Challenge{"negotiate", {}},
                  Challenge{"ntlm", {}}, Challenge{"bearer", {{"realm", "x"}, {"scope", "y"}}}));
}

TEST(ChallengeTest, ResolvesEscapes) {
  EXPECT_THAT(ParseChallenges(R"(Basic realm="say \"hi\" \\ \x")"),
              ElementsAre(Challenge{"basic", {{"realm", R"(say "hi" \ x)"}}}));
}

TEST(ChallengeTest, KeepsTheFirstOfRepeatedParameters) {
  EXPECT_THAT(ParseChallenges("Basic realm=a, REALM=b"),
              ElementsAre(Challenge{"basic", {{"realm", "a"}}}));
}

TEST(ChallengeTest, LeavesOutWhatItCannotRead) {
  EXPECT_THAT(ParseChallenges(""), IsEmpty());
  EXPECT_THAT(ParseChallenges(" , ,"), IsEmpty());
  EXPECT_THAT(ParseChallenges("\"quoted\""), IsEmpty());
  EXPECT_THAT(ParseChallenges("Bearer realm=\"never ends, Basic realm=x"),
              ElementsAre(Challenge{"bearer", {}}));
  EXPECT_THAT(ParseChallenges("Basic realm=\"x\" garbage=\"y\""),
              ElementsAre(Challenge{"basic", {{"realm", "x"}}}, Challenge{"garbage", {}}));
}

TEST(ChallengeTest, GathersAllHeaders) {
  const http::Headers headers = {{"WWW-Authenticate", "Basic realm=x"},
                                 {"Content-Type", "text/plain"},
                                 {"www-authenticate", "Bearer realm=y"}};
  EXPECT_THAT(ChallengesOf(headers), ElementsAre(Challenge{"basic", {{"realm", "x"}}},
                                                 Challenge{"bearer", {{"realm", "y"}}}));
}

}  // namespace
}  // namespace delivery::oci
