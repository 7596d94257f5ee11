#include "provider/metrics/json_path.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;
using ::testing::HasSubstr;

constexpr char kBody[] =
    R"({"data":[{"value":1.5},{"value":"2.5"}],"a.b":{"it's":3},"x":null,"t":true,"n":"NaN",
        "w":"seven","last":[1,2,9]})";

Sample Read(const std::string& path, const std::string& body = kBody) {
  const absl::StatusOr<JsonPath> parsed = ParseJsonPath(path);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  if (!parsed.ok()) return {};
  const absl::StatusOr<Sample> sample = ReadJsonNumber(body, *parsed);
  EXPECT_TRUE(sample.ok()) << sample.status();
  return sample.value_or(Sample{});
}

TEST(JsonPathTest, NamesOneValue) {
  EXPECT_EQ(Read("$.data[0].value"), (Sample{Sample::Kind::kValue, 1.5, ""}));
  EXPECT_EQ(Read("$['data'][1]['value']").value, 2.5);
  EXPECT_EQ(Read("$['a.b'][\"it's\"]").value, 3);
  EXPECT_EQ(Read("$.last[-1]").value, 9);
  EXPECT_EQ(Read("$", "12").value, 12);
}

TEST(JsonPathTest, WhatIsMissingIsNoData) {
  for (const char* path :
       {"$.none", "$.data[2]", "$.data[-3]", "$.data.value", "$.last[0].deep", "$.x", "$.n"}) {
    EXPECT_EQ(Read(path).kind, Sample::Kind::kNoData) << path;
  }
  EXPECT_THAT(Read("$.data[7].value").detail, HasSubstr("[7]"));
}

TEST(JsonPathTest, WhatIsNoNumberIsAmbiguous) {
  for (const char* path : {"$", "$.data", "$.t", "$.w"}) {
    EXPECT_EQ(Read(path).kind, Sample::Kind::kAmbiguous) << path;
  }
  EXPECT_THAT(Read("$.w").detail, HasSubstr("\"seven\""));
  EXPECT_EQ(Read("$", "\"\"").kind, Sample::Kind::kAmbiguous);
}

TEST(JsonPathTest, WhatIsNoJsonIsNoAnswer) {
  EXPECT_TRUE(absl::IsUnavailable(ReadJsonNumber("<html>", {}).status()));
}

struct BadPathCase {
  const char* path;
  const char* said;
};
class BadPathTest : public ::testing::TestWithParam<BadPathCase> {};

TEST_P(BadPathTest, SaysWhere) {
  const absl::Status status = ParseJsonPath(GetParam().path).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    , BadPathTest,
    ::testing::Values(BadPathCase{"", "position 1"}, BadPathCase{"data", "must begin with $"},
                      BadPathCase{"$data", "position 2"}, BadPathCase{"$.", "expected a name"},
                      BadPathCase{"$..a", "position 3"}, BadPathCase{"$.a*", "position 4"},
                      BadPathCase{"$.a b", "['...']"}, BadPathCase{"$[", "expected ]"},
                      BadPathCase{"$[x]", "index"}, BadPathCase{"$[*]", "index"},
                      BadPathCase{"$['a", "not closed"}, BadPathCase{"$['a'", "expected ]"},
                      BadPathCase{"$[99999999999999999999]", "index"}));

TEST(JsonPathTest, LengthIsBounded) {
  EXPECT_FALSE(ParseJsonPath("$" + std::string(2000, 'a')).ok());
}

}  // namespace
}  // namespace delivery::metrics
