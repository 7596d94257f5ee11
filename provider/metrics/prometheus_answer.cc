#include "provider/metrics/prometheus_answer.h"

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/checks/printable.h"
#include "provider/metrics/sample_text.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;
using checks::Printable;

constexpr size_t kMostLabels = 5;
constexpr size_t kLongestLabel = 40;

// Labels by which the elements of a vector differ: those that the query must sum over.
std::vector<std::string> DifferingLabels(const Json& elements) {
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, size_t> holders;
  for (const Json& element : elements) {
    for (const auto& [label, value] : GetObject(element, "metric").items()) {
      values[label].insert(DumpJson(value));
      ++holders[label];
    }
  }
  std::vector<std::string> differing;
  for (const auto& [label, seen] : values) {
    if (seen.size() == 1 && holders[label] == elements.size()) continue;
    if (differing.size() == kMostLabels) {
      differing.push_back("...");
      break;
    }
    differing.push_back(Printable(label, kLongestLabel));
  }
  return differing;
}

Sample SeveralElements(const Json& elements) {
  const std::vector<std::string> labels = DifferingLabels(elements);
  return Ambiguous(absl::StrCat(
      "the query gives ", elements.size(), " elements",
      labels.empty() ? "" : absl::StrCat(" (they differ in ", absl::StrJoin(labels, ", "), ")"),
      "; it must give one: aggregate them, for example with sum()"));
}

absl::Status NotPrometheus() {
  return absl::UnavailableError(
      "the answer is not one of Prometheus' HTTP API; url must be the server's base, without "
      "/api/v1");
}

// [time, "value"]
absl::StatusOr<Sample> ParsePoint(const Json* point) {
  if (point == nullptr || !point->is_array() || point->size() != 2 || !(*point)[1].is_string()) {
    return NotPrometheus();
  }
  return SampleOfText((*point)[1].get<std::string>());
}

absl::StatusOr<Sample> ParseData(const Json& data) {
  const std::string type = GetString(data, "resultType");
  const Json* result = Find(data, "result");
  if (type.empty() || result == nullptr) return NotPrometheus();
  if (type == "scalar") return ParsePoint(result);
  if (type != "vector") {
    return Ambiguous(absl::StrCat(
        "the query gives a ", type == "matrix" ? "range vector" : Printable(type, kLongestLabel),
        "; it must give one number"));
  }
  if (!result->is_array()) return NotPrometheus();
  if (result->empty()) return NoData("the query gives no sample");
  if (result->size() > 1) return SeveralElements(*result);
  const Json& element = result->front();
  if (Find(element, "histogram") != nullptr) {
    return Ambiguous("the query gives a histogram; it must give one number (histogram_quantile())");
  }
  return ParsePoint(Find(element, "value"));
}

// Prometheus refuses with an errorType, which says more than the HTTP status.
absl::Status Refusal(const Json& answer) {
  const std::string type = GetString(answer, "errorType");
  std::string words = Printable(GetString(answer, "error"), kLongestWords);
  if (words.empty()) words = absl::StrCat("error of type ", Printable(type, kLongestLabel));
  if (type == "bad_data" || type == "execution") return absl::InvalidArgumentError(words);
  return absl::UnavailableError(words);
}

absl::Status UnexpectedStatus(int http_status) {
  const std::string words = absl::StrCat("answered with status ", http_status);
  switch (http_status) {
    case 401:
      return absl::UnauthenticatedError(absl::StrCat(words, ": the credentials are not accepted"));
    case 403:
      return absl::PermissionDeniedError(absl::StrCat(words, ": not allowed"));
    case 404:
      return absl::UnavailableError(absl::StrCat(
          words, ": there is no Prometheus here; url must be the server's base, without /api/v1"));
    default:
      return absl::UnavailableError(words);
  }
}

// The data of an answer that is a success.
absl::StatusOr<Json> DataOf(int http_status, std::string_view body) {
  if (http_status == 401 || http_status == 403) return UnexpectedStatus(http_status);
  const absl::StatusOr<Json> answer = ParseJson(body);
  const std::string outcome = answer.ok() ? GetString(*answer, "status") : "";
  if (outcome == "error") return Refusal(*answer);
  if (http_status != 200) return UnexpectedStatus(http_status);
  if (outcome != "success") return NotPrometheus();
  return GetObject(*answer, "data");
}

}  // namespace

absl::StatusOr<Sample> ParsePrometheusAnswer(int http_status, std::string_view body) {
  DELIVERY_ASSIGN_OR_RETURN(const Json data, DataOf(http_status, body));
  return ParseData(data);
}

absl::StatusOr<std::vector<double>> ParsePrometheusSeries(int http_status, std::string_view body) {
  DELIVERY_ASSIGN_OR_RETURN(const Json data, DataOf(http_status, body));
  const Json* result = Find(data, "result");
  if (GetString(data, "resultType") != "matrix" || result == nullptr || !result->is_array()) {
    return NotPrometheus();
  }
  std::vector<double> values;
  if (result->empty()) return values;
  if (result->size() > 1) return absl::InvalidArgumentError(SeveralElements(*result).detail);
  for (const Json& point : GetArray(result->front(), "values")) {
    DELIVERY_ASSIGN_OR_RETURN(const Sample sample, ParsePoint(&point));
    if (sample.kind == Sample::Kind::kValue) values.push_back(sample.value);
  }
  return values;
}

}  // namespace delivery::metrics
