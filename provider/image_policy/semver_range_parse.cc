// The grammar of ranges: alternatives of comparators of partial versions.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/image_policy/quoted.h"
#include "provider/image_policy/semver_range.h"

namespace delivery::image_policy {
namespace {

constexpr std::string_view kBlanks = " \t\n\f\r";

std::string_view WithoutBlanksAround(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

absl::Status Wrong(std::string_view part, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "not a range of versions: ", Quoted(part), " ", std::string(why),
      "; a range is made of comparators such as >=1.2.0, ~1.2, ^1.2.3, 1.x, !=1.3.0 or 1.2 - 2.0, "
      "separated by a blank or a comma where all must hold, by || where one is enough"));
}

bool IsWildcard(std::string_view part) { return part == "x" || part == "X" || part == "*"; }

struct PartialVersion {
  Version version;
  int named = 3;
};

// The numbers before any "-" or "+". What follows a wildcard is checked, and means nothing.
bool ParseNumbers(std::string_view core, PartialVersion& partial) {
  const std::array<uint64_t*, 3> parts = {&partial.version.major, &partial.version.minor,
                                          &partial.version.patch};
  int count = 0;
  int named = -1;
  for (size_t start = 0; start != std::string_view::npos; ++count) {
    if (count == 3) return false;
    const size_t dot = core.find('.', start);
    const std::string_view part =
        core.substr(start, dot == std::string_view::npos ? dot : dot - start);
    start = dot == std::string_view::npos ? dot : dot + 1;
    if (IsWildcard(part)) {
      if (named < 0) named = count;
      continue;
    }
    const std::optional<uint64_t> number = ParseVersionNumber(part);
    if (!number) return false;
    if (named < 0) *parts[static_cast<size_t>(count)] = *number;
  }
  partial.named = named < 0 ? count : named;
  return true;
}

std::optional<PartialVersion> ParsePartial(std::string_view word) {
  PartialVersion partial;
  if (word.starts_with('v')) word.remove_prefix(1);
  if (const size_t plus = word.find('+'); plus != std::string_view::npos) {
    if (!IsBuildText(word.substr(plus + 1))) return std::nullopt;
    word = word.substr(0, plus);
  }
  if (const size_t dash = word.find('-'); dash != std::string_view::npos) {
    partial.version.pre_release = word.substr(dash + 1);
    if (!IsPreReleaseText(partial.version.pre_release)) return std::nullopt;
    word = word.substr(0, dash);
  }
  if (!ParseNumbers(word, partial)) return std::nullopt;
  return partial;
}

}  // namespace

// Reads one alternative from left to right. `rest_` is what is not read yet.
class RangeParser {
 public:
  static absl::StatusOr<Range> Parse(std::string_view text);

 private:
  using Operator = Range::Operator;

  explicit RangeParser(std::string_view alternative) : rest_(alternative) {}

  absl::StatusOr<Range::Alternative> ParseAlternative();
  absl::Status ParseComparator();
  absl::StatusOr<Operator> TakeOperator(bool& written);
  absl::StatusOr<PartialVersion> TakeVersion();
  // "1.2 - 2.3": true, and read up to the second version, when "-" stands alone here.
  bool TakeHyphen();
  // What separates two comparators; false when nothing does.
  bool TakeSeparator();
  bool TakeBlanks();
  std::string_view TakeWord();
  absl::Status Add(Operator op, PartialVersion partial, std::string_view written);

  std::string_view rest_;
  Range::Alternative alternative_;
};

bool RangeParser::TakeBlanks() {
  const size_t count = std::min(rest_.find_first_not_of(kBlanks), rest_.size());
  rest_.remove_prefix(count);
  return count > 0;
}

std::string_view RangeParser::TakeWord() {
  const size_t length = std::min(rest_.find_first_of(" \t\n\f\r,"), rest_.size());
  const std::string_view word = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return word;
}

absl::StatusOr<RangeParser::Operator> RangeParser::TakeOperator(bool& written) {
  static constexpr std::array<std::pair<std::string_view, Operator>, 12> kOperators = {
      {{"", Operator::kEqual},
       {"=", Operator::kEqual},
       {"!=", Operator::kNotEqual},
       {">", Operator::kGreater},
       {"<", Operator::kLess},
       {">=", Operator::kGreaterOrEqual},
       {"=>", Operator::kGreaterOrEqual},
       {"<=", Operator::kLessOrEqual},
       {"=<", Operator::kLessOrEqual},
       {"~", Operator::kTilde},
       {"~>", Operator::kTilde},
       {"^", Operator::kCaret}}};
  const size_t length = std::min(rest_.find_first_not_of("=!<>~^"), rest_.size());
  const std::string_view text = rest_.substr(0, length);
  rest_.remove_prefix(length);
  written = !text.empty();
  for (const auto& [name, op] : kOperators) {
    if (text == name) return op;
  }
  return Wrong(text, "is not an operator (they are = != > < >= <= ~ ^)");
}

absl::StatusOr<PartialVersion> RangeParser::TakeVersion() {
  const std::string_view word = TakeWord();
  const std::optional<PartialVersion> partial = ParsePartial(word);
  if (!partial) return Wrong(word, "is not a version");
  return *partial;
}

bool RangeParser::TakeHyphen() {
  const std::string_view before = rest_;
  if (TakeBlanks() && rest_.starts_with('-')) {
    rest_.remove_prefix(1);
    if (TakeBlanks()) return true;
  }
  rest_ = before;
  return false;
}

bool RangeParser::TakeSeparator() {
  const bool blank = TakeBlanks();
  const bool comma = rest_.starts_with(',');
  if (comma) {
    rest_.remove_prefix(1);
    TakeBlanks();
  }
  return blank || comma;
}

absl::Status RangeParser::Add(Operator op, PartialVersion partial, std::string_view written) {
  // "1.2" is any 1.2.
  if (op == Operator::kEqual && partial.named < 3) op = Operator::kTilde;
  if (partial.named == 0 && op != Operator::kTilde && op != Operator::kGreaterOrEqual) {
    return Wrong(written, "compares with a wildcard alone, which is every version");
  }
  if (partial.version.IsPreRelease()) alternative_.names_pre_release = true;
  alternative_.comparators.push_back({op, std::move(partial.version), partial.named});
  return absl::OkStatus();
}

absl::Status RangeParser::ParseComparator() {
  const std::string_view start = rest_;
  const auto read = [&] { return start.substr(0, start.size() - rest_.size()); };
  bool written = false;
  DELIVERY_ASSIGN_OR_RETURN(const Operator op, TakeOperator(written));
  TakeBlanks();
  DELIVERY_ASSIGN_OR_RETURN(PartialVersion first, TakeVersion());
  const std::string_view comparator = read();
  if (!TakeHyphen()) return Add(op, std::move(first), comparator);
  DELIVERY_ASSIGN_OR_RETURN(PartialVersion last, TakeVersion());
  if (written) return Wrong(read(), "has an operator before a range with a hyphen");
  DELIVERY_RETURN_IF_ERROR(Add(Operator::kGreaterOrEqual, std::move(first), read()));
  return Add(Operator::kLessOrEqual, std::move(last), read());
}

absl::StatusOr<Range::Alternative> RangeParser::ParseAlternative() {
  TakeBlanks();
  do {
    DELIVERY_RETURN_IF_ERROR(ParseComparator());
    if (rest_.empty()) return std::move(alternative_);
  } while (TakeSeparator());
  return Wrong(rest_, "follows without a blank or a comma");
}

absl::StatusOr<Range> RangeParser::Parse(std::string_view text) {
  if (text.size() > Range::kMaxLength) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a range of versions: longer than ", Range::kMaxLength, " characters"));
  }
  Range range;
  range.text_ = WithoutBlanksAround(text);
  if (range.text_.empty()) {
    return absl::InvalidArgumentError("the range of versions is empty; every release is \"*\"");
  }
  std::string_view rest = range.text_;
  for (bool more = true; more;) {
    const size_t end = rest.find("||");
    more = end != std::string_view::npos;
    const std::string_view alternative = WithoutBlanksAround(rest.substr(0, end));
    if (alternative.empty()) return Wrong(range.text_, "has nothing on one side of ||");
    DELIVERY_ASSIGN_OR_RETURN(Range::Alternative parsed,
                              RangeParser(alternative).ParseAlternative());
    range.alternatives_.push_back(std::move(parsed));
    if (more) rest.remove_prefix(end + 2);
  }
  return range;
}

absl::StatusOr<Range> Range::Parse(std::string_view text) { return RangeParser::Parse(text); }

}  // namespace delivery::image_policy
