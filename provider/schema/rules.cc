#include "provider/schema/rules.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/schema/codec.h"

namespace delivery::schema {
namespace {

constexpr std::string_view kReservedNames[] = {
    "count", "for_each", "provider", "lifecycle", "depends_on", "connection", "provisioner"};

bool IsWellFormedName(const std::string& name) {
  if (name.empty() || std::islower(static_cast<unsigned char>(name[0])) == 0) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
  });
}

void CheckName(const std::string& name, std::set<std::string>& seen,
               std::vector<std::string>& problems) {
  if (!seen.insert(name).second) problems.push_back(absl::StrCat(name, " is declared twice"));
  if (!IsWellFormedName(name)) problems.push_back(absl::StrCat(name, " is no attribute name"));
  if (std::find(std::begin(kReservedNames), std::end(kReservedNames), name) !=
      std::end(kReservedNames)) {
    problems.push_back(absl::StrCat(name, " is reserved by Terraform"));
  }
}

void CheckAttribute(const Attribute& attribute, std::vector<std::string>& problems) {
  const auto add = [&](const char* what) {
    problems.push_back(absl::StrCat(attribute.name, " ", what));
  };
  if (!attribute.required && !attribute.optional && !attribute.computed) {
    add("is neither required, optional nor computed");
  }
  if (attribute.required && (attribute.optional || attribute.computed)) {
    add("is required and something else too");
  }
  if (attribute.description.empty()) add("has no documentation");
  if (attribute.nested != nullptr) {
    for (const Attribute& inner : attribute.nested->attributes) CheckAttribute(inner, problems);
  }
}

// One "<digits>[.<digits>]<unit>" from the front of `text`.
std::optional<absl::Duration> TakeTerm(std::string_view& text) {
  const size_t number_end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, number_end);
  text.remove_prefix(number_end);
  double count = 0;
  if (number.empty() || !absl::SimpleAtod({number.data(), number.size()}, &count)) {
    return std::nullopt;
  }
  const size_t unit_end = std::min(text.find_first_of("0123456789."), text.size());
  const std::string_view unit = text.substr(0, unit_end);
  text.remove_prefix(unit_end);
  if (unit == "h") return count * absl::Hours(1);
  if (unit == "m") return count * absl::Minutes(1);
  if (unit == "s") return count * absl::Seconds(1);
  if (unit == "ms") return count * absl::Milliseconds(1);
  if (unit == "us" || unit == "µs") return count * absl::Microseconds(1);
  if (unit == "ns") return count * absl::Nanoseconds(1);
  return std::nullopt;
}

}  // namespace

std::optional<absl::Duration> ParseGoDuration(std::string_view text) {
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return std::nullopt;
  absl::Duration sum;
  while (!text.empty()) {
    const std::optional<absl::Duration> term = TakeTerm(text);
    if (!term.has_value()) return std::nullopt;
    sum += *term;
  }
  // Go's durations end at about 292 years.
  if (sum > absl::Hours(24 * 365 * 290)) return std::nullopt;
  return sum;
}

std::string FormatGoDuration(absl::Duration duration) {
  return duration == absl::ZeroDuration() ? "0s" : absl::FormatDuration(duration);
}

std::string OneOfText(const std::vector<std::string>& values) {
  return absl::StrCat("one of \"", absl::StrJoin(values, "\", \""), "\"");
}

std::string BetweenText(int64_t low, int64_t high) {
  return absl::StrCat("between ", low, " and ", high);
}

void AddRuleText(std::string& rules_text, const std::string& text) {
  absl::StrAppend(&rules_text, rules_text.empty() ? "" : "; ", text);
}

bool Contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

std::string DefaultText(const value::Value& value) {
  if (value.is_string()) return absl::StrCat("\"", value.AsString(), "\"");
  if (value.is_bool()) return value.AsBool() ? "true" : "false";
  if (value.is_number()) return value.AsNumber().ToDecimal();
  if (value.is_sequence() && value.elements().empty()) return "[]";
  return value.DebugString();
}

void AddRuleViolation(const value::Path& path, const std::string& rule, const value::Value& found,
                      bool sensitive, Diagnostics& diagnostics) {
  const std::string shown = sensitive ? "" : absl::StrCat(", not ", DefaultText(found));
  diagnostics.Error(path, absl::StrCat("Invalid value for ", path.ToString()),
                    absl::StrCat(path.ToString(), " must be ", rule, shown, "."));
}

void AddRequiredViolation(const value::Path& path, Diagnostics& diagnostics) {
  diagnostics.Error(path, absl::StrCat(path.ToString(), " is null"),
                    absl::StrCat(path.ToString(), " is required; give it a value."));
}

std::vector<std::string> BlockProblems(const Block& block) {
  std::vector<std::string> problems;
  std::set<std::string> seen;
  for (const Attribute& attribute : block.attributes) {
    CheckName(attribute.name, seen, problems);
    CheckAttribute(attribute, problems);
  }
  for (const BlockType& nested : block.blocks) {
    CheckName(nested.name, seen, problems);
    if (nested.block.description.empty()) {
      problems.push_back(absl::StrCat(nested.name, " has no documentation"));
    }
    for (std::string& problem : BlockProblems(nested.block)) {
      problems.push_back(absl::StrCat(nested.name, ".", problem));
    }
  }
  return problems;
}

int64_t Codec<int64_t>::Decode(const value::Value& value, const value::Path& path,
                               Diagnostics& diagnostics) {
  const std::optional<int64_t> whole = value.AsNumber().AsInt64();
  if (!whole.has_value()) {
    diagnostics.Error(path, absl::StrCat("Invalid value for ", path.ToString()),
                      absl::StrCat(path.ToString(), " must be a whole number, not ",
                                   value.AsNumber().ToDecimal(), "."));
  }
  return whole.value_or(0);
}

}  // namespace delivery::schema
