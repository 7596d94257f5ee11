#include "provider/routing/request_match.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/routing/routing_fixture.h"
#include "re2/re2.h"

namespace delivery::routing {
namespace {

using ::testing::HasSubstr;

// Both kinds of router: those that match the whole value and those that search in it.
bool Matches(const std::string& regex, const std::string& value) {
  const bool whole = RE2::FullMatch(value, regex);
  EXPECT_EQ(whole, RE2::PartialMatch(value, regex)) << regex << " on " << value;
  return whole;
}

TEST(CookieRegexTest, FindsTheCookieAmongOthersAndNoOther) {
  const std::string regex = CookieRegex({"canary", "yes"});
  for (const char* value : {"canary=yes", "a=b; canary=yes", "canary=yes; a=b",
                            "a=b;canary=yes;c=d", "a=b; canary=yes ; c=d"}) {
    EXPECT_TRUE(Matches(regex, value)) << value;
  }
  for (const char* value : {"", "canary=yesterday", "xcanary=yes", "canary=no", "a=canary=yes",
                            "canary=yes2; a=b", "a=b; xcanary=yes"}) {
    EXPECT_FALSE(Matches(regex, value)) << value;
  }
}

TEST(CookieRegexTest, SpecialCharactersAreThemselves) {
  const std::string regex = CookieRegex({"a.b", "1+1|2"});
  EXPECT_TRUE(Matches(regex, "a.b=1+1|2"));
  EXPECT_FALSE(Matches(regex, "axb=1+1|2"));
  EXPECT_FALSE(Matches(regex, "2"));
}

TEST(PrefixRegexTest, IsAPrefix) {
  EXPECT_TRUE(Matches(PrefixRegex("a.(b"), "a.(bcd"));
  EXPECT_TRUE(Matches(PrefixRegex("a"), "a"));
  EXPECT_FALSE(Matches(PrefixRegex("a."), "ab"));
  EXPECT_FALSE(Matches(PrefixRegex("a"), "ba"));
}

TEST(QuoteRegexTest, EveryPrintableCharacterMatchesItself) {
  for (char c = ' '; c <= '~'; ++c) {
    EXPECT_TRUE(RE2::FullMatch(std::string(1, c), QuoteRegex(std::string(1, c)))) << c;
  }
}

Match OneHeader(const std::string& name, StringMatch value) {
  Match match;
  match.headers.push_back({name, std::move(value)});
  return match;
}
Match OneCookie(const std::string& name, const std::string& exact) {
  Match match;
  match.cookies.push_back({name, exact});
  return match;
}

struct MatchCase {
  std::string name;
  Backend backend;
  Match match;
  std::string refusal;  // empty: it is possible
};
void PrintTo(const MatchCase& test, std::ostream* out) { *out << test.name; }
class ValidateMatchTest : public ::testing::TestWithParam<MatchCase> {};

TEST_P(ValidateMatchTest, TellsWhatABackendCannotDo) {
  const absl::Status status = ValidateMatch(GetParam().backend, GetParam().match);
  if (GetParam().refusal.empty()) {
    EXPECT_TRUE(status.ok()) << status;
  } else {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().refusal));
  }
}

const StringMatch kExact = {.exact = "always", .prefix = "", .regex = ""};
Match TwoHeaders() {
  Match match = OneHeader("X-A", kExact);
  match.headers.push_back({"X-B", kExact});
  return match;
}

INSTANTIATE_TEST_SUITE_P(
    All, ValidateMatchTest,
    ::testing::Values(
        MatchCase{"Nothing", ReplicasBackend{}, {}, ""},
        MatchCase{"Replicas", ReplicasBackend{}, SomeMatch(), "nothing routes requests"},
        MatchCase{"Traefik", TraefikBackend{}, SomeMatch(), "weights only"},
        MatchCase{"Gateway", GatewayApiBackend{}, SomeMatch(), ""},
        MatchCase{"Istio", IstioBackend{}, SomeMatch(), ""},
        MatchCase{"NginxOneHeader", NginxIngressBackend{}, OneHeader("X-A", kExact), ""},
        MatchCase{"NginxTwoHeaders", NginxIngressBackend{}, TwoHeaders(), "one header"},
        MatchCase{"NginxCookie", NginxIngressBackend{}, OneCookie("c", "always"), ""},
        MatchCase{"NginxCookieValue", NginxIngressBackend{}, OneCookie("c", "yes"),
                  "set exact = \"always\""},
        MatchCase{"NginxPcre", NginxIngressBackend{},
                  OneHeader("X-A", {.exact = "", .prefix = "", .regex = "(?!a)b"}), ""},
        MatchCase{"BadRegex", GatewayApiBackend{},
                  OneHeader("X-A", {.exact = "", .prefix = "", .regex = "("}),
                  "regular expression for header X-A"},
        MatchCase{"BadRegexIstio", IstioBackend{},
                  OneHeader("X-A", {.exact = "", .prefix = "", .regex = "(?!a)b"}), "RE2"},
        MatchCase{"NoValue", GatewayApiBackend{}, OneHeader("X-A", {}), "exactly one of"},
        MatchCase{"TwoValues", GatewayApiBackend{},
                  OneHeader("X-A", {.exact = "a", .prefix = "b", .regex = ""}), "exactly one of"},
        MatchCase{"BadName", IstioBackend{}, OneHeader("X A", kExact), "not the name of a header"},
        MatchCase{"BadCookieName", IstioBackend{}, OneCookie("a;b", "x"),
                  "not the name of a cookie"},
        MatchCase{"CookieWithoutValue", IstioBackend{}, OneCookie("a", ""), "set exact"},
        MatchCase{"TooLong", GatewayApiBackend{},
                  OneHeader("X-A", {.exact = std::string(4097, 'a'), .prefix = "", .regex = ""}),
                  "longer than the Gateway API allows"},
        MatchCase{"TooLongCookie", GatewayApiBackend{}, OneCookie("a", std::string(4096, 'a')),
                  "longer than the Gateway API allows"}),
    [](const auto& test) { return test.param.name; });

TEST(ValidateMatchTest, ValuesStayOutOfTheMessages) {
  const Match match = OneHeader("X-A", {.exact = "", .prefix = "", .regex = "(s3cret"});
  EXPECT_THAT(std::string(ValidateMatch(GatewayApiBackend{}, match).message()),
              ::testing::Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace delivery::routing
