#include "provider/metrics/placeholders.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "re2/re2.h"

namespace delivery::metrics {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json Pod(const std::string& name) { return {{"metadata", {{"name", name}}}}; }

Side CanarySide() {
  Side side;
  side.namespace_name = "shop";
  side.name = side.stable = "web";
  side.workload = side.canary = "web-canary";
  side.service = "front";
  side.pods = {Pod("web-canary-1.x"), Pod("web-canary-2")};
  return side;
}

TEST(PlaceholdersTest, AreReplaced) {
  EXPECT_EQ(ExpandPlaceholders("{{namespace}} {{name}} {{workload}} {{canary}} {{stable}} "
                               "{{service}} {{ interval }}",
                               CanarySide()),
            "shop web web-canary web-canary web front 30s");
}

TEST(PlaceholdersTest, TheServiceOfASideIsItsOwn) {
  Side side = CanarySide();
  EXPECT_EQ(ExpandPlaceholders("{{workload_service}}", side), "front-canary");
  side.workload = "web";
  EXPECT_EQ(ExpandPlaceholders("{{workload_service}}", side), "front");
  side.canary = side.workload = side.stable = "web";
  EXPECT_EQ(ExpandPlaceholders("{{workload_service}}", side), "front");
}

TEST(PlaceholdersTest, OtherBracesStay) {
  EXPECT_EQ(ExpandPlaceholders("a{b=\"c\"} {{x}} {{", CanarySide()), "a{b=\"c\"} {{x}} {{");
}

TEST(PlaceholdersTest, PodsMatchExactlyThePodsOfTheSide) {
  const RE2 pattern(ExpandPlaceholders("{{pods}}", CanarySide()));
  ASSERT_TRUE(pattern.ok());
  EXPECT_TRUE(RE2::FullMatch("web-canary-1.x", pattern));
  EXPECT_TRUE(RE2::FullMatch("web-canary-2", pattern));
  for (const char* other : {"web-canary-1yx", "web-canary-22", "web-1", "", "web-canary-2|"}) {
    EXPECT_FALSE(RE2::FullMatch(other, pattern)) << other;
  }
}

TEST(PlaceholdersTest, WithoutPodsNothingMatches) {
  Side side = CanarySide();
  side.pods.clear();
  const RE2 pattern(ExpandPlaceholders("{{pods}}", side));
  ASSERT_TRUE(pattern.ok());
  // A sample without the label is the empty text to Prometheus.
  EXPECT_FALSE(RE2::FullMatch("", pattern));
  EXPECT_FALSE(RE2::FullMatch("web-1", pattern));
}

TEST(PlaceholdersTest, PatternsNeedNoEscapesInPromQl) {
  EXPECT_EQ(ExpandPlaceholders("{{pods}}", CanarySide()).find('\\'), std::string::npos);
}

struct IntervalCase {
  absl::Duration interval;
  const char* text;
};
class IntervalTest : public ::testing::TestWithParam<IntervalCase> {};

TEST_P(IntervalTest, IsInPrometheusSpelling) {
  Side side;
  side.interval = GetParam().interval;
  EXPECT_EQ(ExpandPlaceholders("{{interval}}", side), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(, IntervalTest,
                         ::testing::Values(IntervalCase{absl::Seconds(30), "30s"},
                                           IntervalCase{absl::Seconds(90), "1m30s"},
                                           IntervalCase{absl::Hours(1), "1h"},
                                           IntervalCase{absl::Milliseconds(1500), "1s500ms"},
                                           IntervalCase{absl::ZeroDuration(), "1ms"}));

TEST(PlaceholdersTest, ValuesInUrlsAreEncoded) {
  EXPECT_EQ(ExpandUrlPlaceholders("http://x/{{namespace}}?p={{pods}}", CanarySide()),
            "http://x/shop?p=web-canary-1%5B.%5Dx%7Cweb-canary-2");
}

TEST(PlaceholdersTest, FormsAreEncoded) {
  EXPECT_EQ(EncodeForm({{"query", "a{b=\"c d\"} + 1"}, {"timeout", "20s"}}),
            "query=a%7Bb%3D%22c%20d%22%7D%20%2B%201&timeout=20s");
}

TEST(ValidatePlaceholdersTest, KnownOnesAreRight) {
  EXPECT_TRUE(ValidatePlaceholders("sum(x{pod=~\"{{ pods }}\"}[{{interval}}])").ok());
  EXPECT_TRUE(ValidatePlaceholders("x{a=\"b\"}").ok());
}

TEST(ValidatePlaceholdersTest, OthersAreNamedWithThoseThatExist) {
  const absl::Status status = ValidatePlaceholders("x{pod=\"{{ target }}\"}");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("{{target}}"), HasSubstr("{{workload}}"), HasSubstr("{{pods}}")));
  EXPECT_THAT(std::string(ValidatePlaceholders("x{{pods}").message()), HasSubstr("not closed"));
}

}  // namespace
}  // namespace delivery::metrics
