#include "provider/kubernetes/field_path.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"

namespace delivery::kubernetes {
namespace {

// Members whose children's names may contain dots and slashes.
constexpr std::array<std::string_view, 6> kFreeKeyMembers = {
    "annotations", "labels", "matchLabels", "nodeSelector", "limits", "requests"};
// The same, but only at the root (ConfigMap, Secret).
constexpr std::array<std::string_view, 3> kFreeKeyRootMembers = {"data", "stringData",
                                                                 "binaryData"};
constexpr size_t kLongestPath = 4096;

template <size_t n>
bool Contains(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsPlainChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '$';
}

bool IsPlainWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsPlainChar);
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A key's value without quotes: a number, a boolean, else a string.
Json UnquotedScalar(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  int64_t number = 0;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  // "007" is a name.
  const bool canonical = IsDigits(digits) && (digits == "0" || digits.front() != '0');
  if (canonical && absl::SimpleAtoi(std::string(text), &number)) return number;
  return std::string(text);
}

std::string ScalarToString(const Json& value) {
  if (!value.is_string()) return DumpJson(value);
  const std::string& text = value.get_ref<const std::string&>();
  const bool quoted = text.empty() || text.find_first_of(",]\"[= \t\r\n\\") != std::string::npos ||
                      !UnquotedScalar(text).is_string();
  return quoted ? DumpJson(value) : text;
}

std::string ElementToString(const FieldPath::Element& element) {
  return absl::StrCat("[",
                      absl::StrJoin(element.keys, ",",
                                    [](std::string* out, const auto& key) {
                                      absl::StrAppend(out, key.first, "=",
                                                      ScalarToString(key.second));
                                    }),
                      "]");
}

std::string MemberToString(const std::string& name, bool first) {
  if (!IsPlainWord(name)) return absl::StrCat("[", DumpJson(Json(name)), "]");
  return absl::StrCat(first ? "" : ".", name);
}

struct StepPrinter {
  bool first;
  std::string operator()(const FieldPath::Member& step) const {
    return MemberToString(step.name, first);
  }
  std::string operator()(const FieldPath::Element& step) const { return ElementToString(step); }
  std::string operator()(const FieldPath::Index& step) const {
    return absl::StrCat("[", step.index, "]");
  }
  std::string operator()(const FieldPath::SetValue& step) const {
    return absl::StrCat("[=", ScalarToString(step.value), "]");
  }
  std::string operator()(const FieldPath::AnyElement&) const { return "[*]"; }
};

bool ElementCovers(const FieldPath::Element& pattern, const FieldPath::Element& element) {
  return std::all_of(pattern.keys.begin(), pattern.keys.end(), [&](const auto& key) {
    const auto it = element.keys.find(key.first);
    return it != element.keys.end() && ScalarToString(it->second) == ScalarToString(key.second);
  });
}

bool StepCovers(const FieldPath::Step& pattern, const FieldPath::Step& step) {
  if (std::holds_alternative<FieldPath::AnyElement>(pattern)) {
    return !std::holds_alternative<FieldPath::Member>(step);
  }
  const auto* wanted = std::get_if<FieldPath::Element>(&pattern);
  const auto* element = std::get_if<FieldPath::Element>(&step);
  if (wanted != nullptr && element != nullptr) return ElementCovers(*wanted, *element);
  return pattern == step;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  absl::StatusOr<FieldPath> Run() {
    if (text_.size() > kLongestPath) return Error("is too long");
    Consume('.');
    if (rest_.empty() && !text_.empty()) return Error("names no field");
    while (!rest_.empty()) {
      DELIVERY_RETURN_IF_ERROR(rest_.front() == '[' ? Bracket() : Name());
      DELIVERY_RETURN_IF_ERROR(Separator());
    }
    return FieldPath(std::move(steps_));
  }

 private:
  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("field path \"", std::string(text_.substr(0, 200)), "\" ", std::string(what),
                     "; write it like spec.template.spec.containers[name=web].image or "
                     "metadata.annotations[\"example.com/key\"]"));
  }

  bool Consume(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool LastTakesFreeKeys() const {
    const auto* last = steps_.empty() ? nullptr : std::get_if<FieldPath::Member>(&steps_.back());
    return last != nullptr && (Contains(kFreeKeyMembers, last->name) ||
                               (steps_.size() == 1 && Contains(kFreeKeyRootMembers, last->name)));
  }

  absl::Status Separator() {
    if (rest_.empty() || rest_.front() == '[') return absl::OkStatus();
    if (!Consume('.')) return Error("has text after a closing bracket");
    if (rest_.empty()) return Error("ends with a dot");
    return absl::OkStatus();
  }

  absl::Status Name() {
    const size_t end = rest_.find_first_of(LastTakesFreeKeys() ? "[" : ".[");
    const std::string_view name = rest_.substr(0, end);
    if (name.empty()) return Error("has an empty name");
    if (name.find_first_of("]\"= \t\r\n") != std::string_view::npos) {
      return Error("has a name with a character that must be quoted");
    }
    steps_.push_back(FieldPath::Member{std::string(name)});
    rest_.remove_prefix(name.size());
    return absl::OkStatus();
  }

  absl::Status Bracket() {
    Consume('[');
    if (rest_.starts_with("*]")) {
      rest_.remove_prefix(2);
      steps_.push_back(FieldPath::AnyElement{});
      return absl::OkStatus();
    }
    if (rest_.starts_with('"')) return QuotedMember();
    if (Consume('=')) return SetValue();
    const size_t end = rest_.find_first_of("]=");
    if (end != std::string_view::npos && rest_[end] == ']') return Index(rest_.substr(0, end));
    return Element();
  }

  absl::Status QuotedMember() {
    DELIVERY_ASSIGN_OR_RETURN(const Json name, Scalar());
    steps_.push_back(FieldPath::Member{name.get<std::string>()});
    return Close();
  }

  absl::Status SetValue() {
    DELIVERY_ASSIGN_OR_RETURN(Json value, Scalar());
    steps_.push_back(FieldPath::SetValue{std::move(value)});
    return Close();
  }

  absl::Status Index(std::string_view digits) {
    uint32_t index = 0;
    if (!IsDigits(digits) || !absl::SimpleAtoi(std::string(digits), &index)) {
      return Error("has brackets without a key: write [name=value], [0] or [*]");
    }
    rest_.remove_prefix(digits.size());
    steps_.push_back(FieldPath::Index{index});
    return Close();
  }

  absl::Status Element() {
    FieldPath::Element element;
    do {
      const size_t end = rest_.find('=');
      if (end == std::string_view::npos) return Error("has a bracket that is not closed");
      const std::string key(rest_.substr(0, end));
      if (!IsPlainWord(key)) return Error("has a bad key name in brackets");
      rest_.remove_prefix(end + 1);
      DELIVERY_ASSIGN_OR_RETURN(Json value, Scalar());
      if (!element.keys.emplace(key, std::move(value)).second) {
        return Error("names a key twice in one pair of brackets");
      }
    } while (Consume(','));
    steps_.push_back(std::move(element));
    return Close();
  }

  absl::Status Close() {
    return Consume(']') ? absl::OkStatus() : Error("has a bracket that is not closed");
  }

  // A quoted JSON string, or what stands before the next comma or bracket.
  absl::StatusOr<Json> Scalar() {
    if (rest_.starts_with('"')) return QuotedString();
    const size_t end = rest_.find_first_of(",]");
    if (end == std::string_view::npos) return Error("has a bracket that is not closed");
    if (end == 0) return Error("has an empty value in brackets");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return UnquotedScalar(text);
  }

  absl::StatusOr<Json> QuotedString() {
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return Error("has a quote that is not closed");
    absl::StatusOr<Json> parsed = ParseJson(rest_.substr(0, end + 1));
    if (!parsed.ok()) return Error("has a malformed quoted string");
    rest_.remove_prefix(end + 1);
    return parsed;
  }

  const std::string_view text_;
  std::string_view rest_;
  std::vector<FieldPath::Step> steps_;
};

}  // namespace

absl::StatusOr<FieldPath> FieldPath::Parse(std::string_view text) { return Parser(text).Run(); }

FieldPath FieldPath::Plus(Step step) const {
  std::vector<Step> longer;
  longer.reserve(steps_.size() + 1);
  longer = steps_;
  longer.push_back(std::move(step));
  return FieldPath(std::move(longer));
}

FieldPath FieldPath::Parent() const {
  if (steps_.empty()) return *this;
  return FieldPath(std::vector<Step>(steps_.begin(), steps_.end() - 1));
}

std::string_view FieldPath::LastMember() const {
  const auto* last = steps_.empty() ? nullptr : std::get_if<Member>(&steps_.back());
  return last == nullptr ? std::string_view() : std::string_view(last->name);
}

std::string FieldPath::ToString() const {
  std::string text;
  for (const Step& step : steps_) text += std::visit(StepPrinter{text.empty()}, step);
  return text;
}

bool FieldPath::Covers(const FieldPath& path) const {
  return steps_.size() <= path.steps_.size() &&
         std::equal(steps_.begin(), steps_.end(), path.steps_.begin(), StepCovers);
}

}  // namespace delivery::kubernetes
