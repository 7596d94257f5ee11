#include "provider/metrics/json_path.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/checks/printable.h"
#include "provider/metrics/sample_text.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;

constexpr size_t kLongestPath = 1000;
constexpr size_t kLongestName = 60;

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  absl::StatusOr<JsonPath> Parse() {
    if (text_.size() > kLongestPath) {
      return absl::InvalidArgumentError(
          absl::StrCat("json_path is longer than ", kLongestPath, " bytes"));
    }
    if (!Take('$')) return Wrong("it must begin with $");
    JsonPath path;
    while (at_ < text_.size()) {
      if (Take('.')) {
        DELIVERY_ASSIGN_OR_RETURN(std::string name, Name());
        path.emplace_back(std::move(name));
      } else if (Take('[')) {
        DELIVERY_RETURN_IF_ERROR(Bracket(path));
      } else {
        return Wrong("expected . or [");
      }
    }
    return path;
  }

 private:
  absl::Status Wrong(const char* why) const {
    return absl::InvalidArgumentError(absl::StrCat("json_path is wrong at position ", at_ + 1, ": ",
                                                   why,
                                                   " (it names one value, as in $.data[0].value)"));
  }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::StatusOr<std::string> Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '.' && text_[at_] != '[') {
      const char c = text_[at_];
      const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
                         c == '-' || static_cast<unsigned char>(c) >= 0x80;
      if (!plain) return Wrong("such a character needs ['...'] around the name");
      ++at_;
    }
    if (at_ == begin) return Wrong("expected a name");
    return std::string(text_.substr(begin, at_ - begin));
  }

  absl::Status Bracket(JsonPath& path) {
    for (const char quote : {'\'', '"'}) {
      if (!Take(quote)) continue;
      const size_t end = text_.find(quote, at_);
      if (end == std::string_view::npos) return Wrong("the quote is not closed");
      path.emplace_back(std::string(text_.substr(at_, end - at_)));
      at_ = end + 1;
      return Take(']') ? absl::OkStatus() : Wrong("expected ]");
    }
    const size_t end = text_.find(']', at_);
    if (end == std::string_view::npos) return Wrong("expected ]");
    int64_t index = 0;
    if (!absl::SimpleAtoi(std::string(text_.substr(at_, end - at_)), &index)) {
      return Wrong("expected an index or a quoted name");
    }
    path.emplace_back(index);
    at_ = end + 1;
    return absl::OkStatus();
  }

  const std::string_view text_;
  size_t at_ = 0;
};

const Json* ElementAt(const Json& array, int64_t index) {
  if (!array.is_array()) return nullptr;
  const auto size = static_cast<int64_t>(array.size());
  const int64_t from_start = index < 0 ? size + index : index;
  if (from_start < 0 || from_start >= size) return nullptr;
  return &array[static_cast<size_t>(from_start)];
}

std::string StepText(const std::variant<std::string, int64_t>& step) {
  if (const auto* index = std::get_if<int64_t>(&step)) return absl::StrCat("[", *index, "]");
  return absl::StrCat("\"", checks::Printable(std::get<std::string>(step), kLongestName), "\"");
}

Sample SampleOfJson(const Json& found) {
  if (found.is_null()) return NoData("the value is null");
  if (found.is_number()) return SampleOf(found.get<double>());
  if (found.is_string()) return SampleOfText(found.get<std::string>());
  return Ambiguous(absl::StrCat("json_path leads to a ", found.type_name(), ", not to a number"));
}

}  // namespace

absl::StatusOr<JsonPath> ParseJsonPath(std::string_view text) { return PathParser(text).Parse(); }

absl::StatusOr<Sample> ReadJsonNumber(std::string_view body, const JsonPath& path) {
  const absl::StatusOr<Json> document = ParseJson(body);
  if (!document.ok()) {
    return absl::UnavailableError(absl::StrCat("the answer is ", document.status().message()));
  }
  const Json* found = &*document;
  for (const auto& step : path) {
    const auto* index = std::get_if<int64_t>(&step);
    found =
        index != nullptr ? ElementAt(*found, *index) : Find(*found, std::get<std::string>(step));
    if (found == nullptr) return NoData(absl::StrCat("the answer has no ", StepText(step)));
  }
  return SampleOfJson(*found);
}

}  // namespace delivery::metrics
