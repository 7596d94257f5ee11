#include "provider/kubernetes/yaml.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace delivery::kubernetes {
namespace {

// yaml-cpp's tags of plain and of quoted scalars without a tag of their own.
constexpr std::string_view kPlain = "?";
constexpr std::string_view kQuoted = "!";
constexpr std::string_view kCorePrefix = "tag:yaml.org,2002:";

bool IsDigitOf(char c, int base) {
  const int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
  return digit < base;
}

bool AreDigitsOf(std::string_view text, int base) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [base](char c) { return IsDigitOf(c, base); });
}

// The digits of an integer and their base; nullopt when `text` (without sign) is not one.
std::optional<std::pair<std::string_view, int>> IntegerDigits(std::string_view text) {
  std::string_view digits = text;
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (text.starts_with("0o")) {
    base = 8;
    digits.remove_prefix(2);
  } else if (text.starts_with("0b")) {
    base = 2;
    digits.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  if (!AreDigitsOf(digits, base)) return std::nullopt;
  return std::pair(digits, base);
}

std::optional<Json> ParseInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = IntegerDigits(text);
  if (!digits) return std::nullopt;
  uint64_t number = 0;
  for (const char c : digits->first) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    const uint64_t base = static_cast<uint64_t>(digits->second);
    if (number > (UINT64_MAX - static_cast<uint64_t>(digit)) / base) return std::nullopt;
    number = number * base + static_cast<uint64_t>(digit);
  }
  constexpr uint64_t kLargest = static_cast<uint64_t>(INT64_MAX);
  if (number <= kLargest) {
    const int64_t value = static_cast<int64_t>(number);
    return negative ? -value : value;
  }
  if (!negative) return number;
  return number == kLargest + 1 ? std::optional<Json>(INT64_MIN) : std::nullopt;
}

// [-+]? (\.[0-9]+ | [0-9]+(\.[0-9]*)?) ([eE][-+]?[0-9]+)?
bool LooksLikeFloat(std::string_view text) {
  const auto take_digits = [&text] {
    const size_t before = text.size();
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
    return before != text.size();
  };
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const bool whole = take_digits();
  bool fraction = false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits();
  }
  if (!whole && !fraction) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return take_digits() && text.empty();
}

std::optional<Json> ParseFloat(const std::string& text) {
  double number = 0;
  if (!LooksLikeFloat(text) || !absl::SimpleAtod(text, &number) || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

bool IsNull(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

Json PlainScalar(const std::string& text) {
  if (IsNull(text)) return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (auto integer = ParseInteger(text)) return *std::move(integer);
  if (auto number = ParseFloat(text)) return *std::move(number);
  return text;
}

size_t CountValues(const Json& json) {
  if (!json.is_structured()) return 1;
  size_t count = 1;
  for (const Json& child : json) count += CountValues(child);
  return count;
}

// Builds JSON from yaml-cpp's events. Throws YAML::ParserException, which ParseAll catches.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const YamlLimits& limits) : limits_(limits) {}

  std::vector<Json> TakeDocuments() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark&) override {
    open_.clear();
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    AddScalar(mark, anchor, nullptr, "");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    // An anchor is not there yet when the alias is inside of what it names.
    if (it == anchors_.end()) Fail(mark, "an alias refers to what it is part of");
    Count(mark, it->second.values);
    if (open_.size() + it->second.depth > static_cast<size_t>(limits_.depth)) TooDeep(mark);
    if (!open_.empty()) open_.back().depth = std::max(open_.back().depth, it->second.depth + 1);
    if (ExpectsKey() && it->second.value.is_string()) {
      SetKey(mark, it->second.value.get<std::string>(), false);
    } else {
      Add(mark, it->second.value);
    }
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    AddScalar(mark, anchor, Typed(mark, tag, text), text, tag == kPlain);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckCollectionTag(mark, tag, "seq");
    Open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckCollectionTag(mark, tag, "map");
    Open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    Json value;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    size_t depth = 1;  // of the deepest child so far, counted from here
    std::optional<std::string> key;
    bool merge = false;  // the key is a plain <<
    std::vector<Json> merged;
  };
  struct Anchored {
    Json value;
    size_t values = 0;
    size_t depth = 0;
  };

  [[noreturn]] static void Fail(const YAML::Mark& mark, const std::string& what) {
    throw YAML::ParserException(mark, what);
  }
  [[noreturn]] void TooDeep(const YAML::Mark& mark) const {
    Fail(mark, absl::StrCat("nested deeper than ", limits_.depth, " levels"));
  }

  void Count(const YAML::Mark& mark, size_t values) {
    values_ += values;
    if (values_ > limits_.values) {
      Fail(mark, absl::StrCat("more than ", limits_.values, " values, aliases counted in full"));
    }
  }

  static Json Typed(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == kPlain) return PlainScalar(text);
    if (tag == kQuoted) return text;
    if (!tag.starts_with(kCorePrefix)) Fail(mark, "a tag that is not supported");
    const std::string type = tag.substr(kCorePrefix.size());
    if (type == "str" || type == "binary" || type == "timestamp") return text;
    Json value = PlainScalar(text);
    const bool fits = (type == "int" && value.is_number_integer()) ||
                      (type == "float" && value.is_number()) ||
                      (type == "bool" && value.is_boolean()) || (type == "null" && value.is_null());
    if (!fits) Fail(mark, "a value that does not fit its tag, or a tag that is not supported");
    return value;
  }

  static void CheckCollectionTag(const YAML::Mark& mark, const std::string& tag,
                                 std::string_view type) {
    const bool own = tag.empty() || tag == kPlain || tag == kQuoted;
    if (!own && tag != std::string(kCorePrefix) + std::string(type)) {
      Fail(mark, "a tag that is not supported");
    }
  }

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().key;
  }

  void SetKey(const YAML::Mark& mark, std::string key, bool plain) {
    Frame& frame = open_.back();
    frame.merge = plain && key == "<<";
    if (!frame.merge && frame.value.contains(key)) Fail(mark, "a key that was there before");
    frame.key = std::move(key);
  }

  void AddScalar(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, const std::string& text,
                 bool plain = false) {
    Count(mark, 1);
    const bool is_key = ExpectsKey();
    if (anchor != 0) anchors_[anchor] = {is_key ? Json(text) : value, 1, 0};
    if (!is_key) return Add(mark, std::move(value));
    if (value.is_null()) Fail(mark, "a key that is null");
    SetKey(mark, text, plain);
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    Count(mark, 1);
    // What yaml-cpp makes of a bracket without its end, too.
    if (ExpectsKey()) Fail(mark, "a bracket that is not closed, or a key that is a map or a list");
    if (open_.size() >= static_cast<size_t>(limits_.depth)) TooDeep(mark);
    // An anchor that is set again means the new value from here on.
    if (anchor != 0) anchors_.erase(anchor);
    Frame frame;
    frame.value = std::move(empty);
    frame.mark = mark;
    frame.anchor = anchor;
    open_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    // The map's own keys come before merged ones, and those of an earlier merge before a later.
    for (Json& merged : frame.merged) {
      for (auto& [key, value] : merged.items()) {
        if (!frame.value.contains(key)) frame.value[key] = value;
      }
    }
    if (frame.anchor != 0) {
      anchors_[frame.anchor] = {frame.value, CountValues(frame.value), frame.depth};
    }
    if (!open_.empty()) open_.back().depth = std::max(open_.back().depth, frame.depth + 1);
    Add(frame.mark, std::move(frame.value));
  }

  void Add(const YAML::Mark& mark, Json value) {
    if (open_.empty()) {
      documents_.push_back(std::move(value));
      return;
    }
    Frame& frame = open_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
    } else if (!frame.key) {
      Fail(mark, "a key that is not a string");
    } else if (frame.merge) {
      AddMerge(mark, frame, std::move(value));
    } else {
      frame.value[*frame.key] = std::move(value);
    }
    frame.key.reset();
    frame.merge = false;
  }

  static void AddMerge(const YAML::Mark& mark, Frame& frame, Json value) {
    if (value.is_object()) value = Json::array({std::move(value)});
    if (!value.is_array()) Fail(mark, "a merge (<<) of something that is not a map");
    for (Json& map : value) {
      if (!map.is_object()) Fail(mark, "a merge (<<) of something that is not a map");
      frame.merged.push_back(std::move(map));
    }
  }

  const YamlLimits& limits_;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::vector<Json> documents_;
  size_t values_ = 0;
};

absl::Status Malformed(const YAML::Exception& error) {
  if (error.mark.is_null()) return absl::InvalidArgumentError("not valid YAML: " + error.msg);
  return absl::InvalidArgumentError(absl::StrCat("not valid YAML at line ", error.mark.line + 1,
                                                 ", column ", error.mark.column + 1, ": ",
                                                 error.msg));
}

absl::StatusOr<std::vector<Json>> ParseAll(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.bytes) {
    return absl::InvalidArgumentError(absl::StrCat("larger than ", limits.bytes, " bytes"));
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(limits);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.TakeDocuments();
  } catch (const YAML::Exception& error) {
    return Malformed(error);
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("not valid YAML");
  }
}

}  // namespace

absl::StatusOr<Json> ParseYaml(std::string_view text, const YamlLimits& limits) {
  DELIVERY_ASSIGN_OR_RETURN(std::vector<Json> documents, ParseYamlDocuments(text, limits));
  if (documents.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("holds ", documents.size(),
                                                   " YAML documents (separated by ---) where one "
                                                   "is expected"));
  }
  return documents.empty() ? Json() : std::move(documents.front());
}

absl::StatusOr<std::vector<Json>> ParseYamlDocuments(std::string_view text,
                                                     const YamlLimits& limits) {
  DELIVERY_ASSIGN_OR_RETURN(std::vector<Json> documents, ParseAll(text, limits));
  std::erase_if(documents, [](const Json& document) { return document.is_null(); });
  return documents;
}

}  // namespace delivery::kubernetes
