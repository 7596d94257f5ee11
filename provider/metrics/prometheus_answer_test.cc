#include "provider/metrics/prometheus_answer.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Success(const std::string& type, const std::string& result) {
  return R"({"status":"success","data":{"resultType":")" + type + R"(","result":)" + result + "}}";
}
std::string Element(const std::string& value, const std::string& labels = "") {
  return R"({"metric":{)" + labels + R"(},"value":[1795297105.8,")" + value + R"("]})";
}
std::string Vector(const std::string& elements) { return Success("vector", "[" + elements + "]"); }
Sample Read(const std::string& body) {
  const absl::StatusOr<Sample> sample = ParsePrometheusAnswer(200, body);
  EXPECT_TRUE(sample.ok()) << sample.status();
  return sample.value_or(Sample{});
}

TEST(PrometheusAnswerTest, AVectorOfOneElementIsItsValue) {
  EXPECT_EQ(Read(Vector(Element("0.25"))), (Sample{Sample::Kind::kValue, 0.25, ""}));
  EXPECT_EQ(Read(Vector(Element("1e+06", R"("pod":"a")"))).value, 1e6);
  EXPECT_EQ(Read(Vector(Element("-3"))).value, -3);
}

TEST(PrometheusAnswerTest, AScalarIsItsValue) {
  EXPECT_EQ(Read(Success("scalar", R"([1795297105,"42"])")),
            (Sample{Sample::Kind::kValue, 42, ""}));
}

TEST(PrometheusAnswerTest, NothingAndNaNAreNoData) {
  EXPECT_EQ(Read(Vector("")).kind, Sample::Kind::kNoData);
  EXPECT_EQ(Read(Vector(Element("NaN"))).kind, Sample::Kind::kNoData);
  EXPECT_EQ(Read(Success("scalar", R"([1,"NaN"])")).kind, Sample::Kind::kNoData);
}

TEST(PrometheusAnswerTest, InfinityIsAmbiguous) {
  EXPECT_EQ(Read(Vector(Element("+Inf"))).kind, Sample::Kind::kAmbiguous);
  EXPECT_EQ(Read(Vector(Element("-Inf"))).kind, Sample::Kind::kAmbiguous);
}

TEST(PrometheusAnswerTest, SeveralElementsNameTheirDifferingLabels) {
  const Sample sample = Read(Vector(Element("1", R"("job":"a","pod":"x","code":"200")") + "," +
                                    Element("2", R"("job":"a","pod":"y")")));
  EXPECT_EQ(sample.kind, Sample::Kind::kAmbiguous);
  EXPECT_THAT(sample.detail, AllOf(HasSubstr("2 elements"), HasSubstr("differ in code, pod"),
                                   Not(HasSubstr("job")), HasSubstr("sum()")));
}

TEST(PrometheusAnswerTest, OtherTypesAreAmbiguous) {
  EXPECT_THAT(Read(Success("matrix", "[]")).detail, HasSubstr("range vector"));
  EXPECT_THAT(Read(Success("string", R"([1,"x"])")).detail, HasSubstr("a string"));
  const std::string histogram = R"({"metric":{},"histogram":[1,{"count":"1"}]})";
  EXPECT_EQ(Read(Vector(histogram)).kind, Sample::Kind::kAmbiguous);
  EXPECT_EQ(Read(Vector(Element("many"))).kind, Sample::Kind::kAmbiguous);
}

TEST(PrometheusAnswerTest, WarningsDoNotMatter) {
  const std::string body =
      R"({"status":"success","warnings":["w"],"infos":["i"],"data":{"resultType":"scalar","result":[1,"2"]}})";
  EXPECT_EQ(Read(body).value, 2);
}

struct RefusalCase {
  const char* name;
  int http_status;
  std::string body;
  absl::StatusCode code;
  const char* said;
};
class RefusalTest : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(RefusalTest, IsAStatusWithWhatWasSaid) {
  const absl::Status status =
      ParsePrometheusAnswer(GetParam().http_status, GetParam().body).status();
  EXPECT_EQ(status.code(), GetParam().code);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().said));
}

std::string Error(const std::string& type, const std::string& words) {
  return R"({"status":"error","errorType":")" + type + R"(","error":")" + words + R"("})";
}

INSTANTIATE_TEST_SUITE_P(
    , RefusalTest,
    ::testing::Values(
        RefusalCase{"BadQuery", 400,
                    Error("bad_data", "1:12: parse error: unclosed left parenthesis"),
                    absl::StatusCode::kInvalidArgument, "1:12: parse error"},
        RefusalCase{"Execution", 422, Error("execution", "many-to-many matching not allowed"),
                    absl::StatusCode::kInvalidArgument, "many-to-many"},
        RefusalCase{"Timeout", 503, Error("timeout", "query timed out"),
                    absl::StatusCode::kUnavailable, "query timed out"},
        RefusalCase{"ErrorWithStatus200", 200, Error("bad_data", "no"),
                    absl::StatusCode::kInvalidArgument, "no"},
        RefusalCase{"NoWords", 500, Error("internal", ""), absl::StatusCode::kUnavailable,
                    "internal"},
        RefusalCase{"Unauthenticated", 401, "who?", absl::StatusCode::kUnauthenticated, "401"},
        RefusalCase{"Forbidden", 403, "no", absl::StatusCode::kPermissionDenied, "403"},
        RefusalCase{"NotFound", 404, "<html>", absl::StatusCode::kUnavailable, "without /api/v1"},
        RefusalCase{"BadGateway", 502, "", absl::StatusCode::kUnavailable, "502"},
        RefusalCase{"Page", 200, "<html>", absl::StatusCode::kUnavailable, "HTTP API"},
        RefusalCase{"OtherJson", 200, R"({"ok":true})", absl::StatusCode::kUnavailable, "HTTP API"},
        RefusalCase{"NoData", 200, R"({"status":"success"})", absl::StatusCode::kUnavailable,
                    "HTTP API"},
        RefusalCase{"NoValue", 200, Vector(R"({"metric":{}})"), absl::StatusCode::kUnavailable,
                    "HTTP API"},
        RefusalCase{"NumberAsValue", 200, Vector(R"({"value":[1,2]})"),
                    absl::StatusCode::kUnavailable, "HTTP API"},
        RefusalCase{"ResultIsNoList", 200, Success("vector", "{}"), absl::StatusCode::kUnavailable,
                    "HTTP API"}),
    [](const auto& test) { return test.param.name; });

TEST(PrometheusAnswerTest, LongWordsAreCut) {
  const absl::Status status =
      ParsePrometheusAnswer(400, Error("bad_data", std::string(5000, 'x'))).status();
  EXPECT_LT(status.message().size(), 400U);
}

TEST(PrometheusSeriesTest, GivesTheFiniteValuesOfTheOneSeries) {
  const auto values = ParsePrometheusSeries(200, R"({"status": "success", "data": {
      "resultType": "matrix", "result": [{"metric": {}, "values": [[1, "0.5"], [2, "NaN"],
      [3, "+Inf"], [4, "2"]]}]}})");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ(*values, (std::vector<double>{0.5, 2}));
  const auto none = ParsePrometheusSeries(
      200, R"({"status": "success", "data": {"resultType": "matrix", "result": []}})");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

TEST(PrometheusSeriesTest, RefusesSeveralSeriesAndOtherAnswers) {
  const std::string series = R"({"metric": {"pod": "a"}, "values": []})";
  EXPECT_TRUE(absl::IsInvalidArgument(
      ParsePrometheusSeries(200, R"({"status": "success", "data": {"resultType": "matrix",
          "result": [)" + series + "," +
                                     series + "]}}")
          .status()));
  EXPECT_TRUE(absl::IsUnavailable(
      ParsePrometheusSeries(200, R"({"status": "success", "data": {"resultType": "vector",
          "result": []}})")
          .status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ParsePrometheusSeries(400, R"({"status": "error", "errorType": "bad_data", "error": "x"})")
          .status()));
}

}  // namespace
}  // namespace delivery::metrics
