#include "provider/image_policy/tag_filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/image_policy/digits.h"
#include "provider/image_policy/quoted.h"

namespace delivery::image_policy {
namespace {

// What a pattern may cost compiled, with the states that matching caches. A pattern that needs more
// is refused; the cache starts anew when it is full.
constexpr int64_t kMaxPatternMemory = 4 << 20;

RE2::Options PatternOptions() {
  RE2::Options options;
  options.set_max_mem(kMaxPatternMemory);
  options.set_log_errors(false);
  return options;
}

absl::Status CheckLength(std::string_view text, std::string_view what) {
  if (text.size() <= TagFilter::kMaxLength) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(what), " is longer than ", TagFilter::kMaxLength, " characters"));
}

absl::Status Explain(const RE2& pattern) {
  // Go takes both spellings since 1.22.
  const bool short_name = pattern.error_arg() == "(?<";
  return absl::InvalidArgumentError(
      absl::StrCat("pattern is not a regular expression (RE2): ", Quoted(pattern.error()),
                   short_name ? "; a named group is written (?P<name>...)" : ""));
}

// The length of the name that `text` begins with.
size_t NameLength(std::string_view text) {
  return static_cast<size_t>(
      std::find_if(
          text.begin(), text.end(),
          [](char c) { return c != '_' && !absl::ascii_isalnum(static_cast<unsigned char>(c)); }) -
      text.begin());
}

// Takes "name" or "{name}", which follow a dollar, from the front of `rest`; nullopt when neither
// is there.
std::optional<std::string_view> TakeName(std::string_view& rest) {
  const size_t braces = rest.starts_with('{') ? 1 : 0;
  const std::string_view inner = rest.substr(braces);
  const std::string_view name = inner.substr(0, NameLength(inner));
  if (name.empty()) return std::nullopt;
  if (braces > 0 && !inner.substr(name.size()).starts_with('}')) return std::nullopt;
  rest.remove_prefix(name.size() + 2 * braces);
  return name;
}

}  // namespace

absl::StatusOr<int> TagFilter::FindGroup(std::string_view name) const {
  const int last = pattern_->NumberOfCapturingGroups();
  // "01" is a name to Go, and no group is called that.
  const bool number = IsDigits(name) && (name.size() == 1 || name[0] != '0');
  if (number) {
    if (CompareDigits(name, std::to_string(last)) <= 0) return std::stoi(std::string(name));
  } else {
    const auto& groups = pattern_->NamedCapturingGroups();
    const auto found = groups.find(std::string(name));
    if (found != groups.end()) return found->second;
  }
  std::string known = "$0, the whole match";
  if (last > 0) absl::StrAppend(&known, ", $1", last > 1 ? absl::StrCat(" to $", last) : "");
  for (const auto& [group, index] : pattern_->NamedCapturingGroups()) {
    absl::StrAppend(&known, ", $", group);
  }
  return absl::InvalidArgumentError(absl::StrCat("extract names the group ", Quoted(name),
                                                 ", which the pattern does not have; it has ",
                                                 known));
}

absl::Status TagFilter::ParseTemplate(std::string_view extract) {
  std::string literal;
  for (std::string_view rest = extract; !rest.empty();) {
    const bool dollar = rest.starts_with('$');
    const bool doubled = rest.starts_with("$$");
    if (!dollar || doubled) {
      literal += rest[0];
      rest.remove_prefix(doubled ? 2 : 1);
      continue;
    }
    const std::string_view from_dollar = rest;
    rest.remove_prefix(1);
    const std::optional<std::string_view> name = TakeName(rest);
    if (!name) {
      return absl::InvalidArgumentError(
          absl::StrCat("extract has a dollar without a group at ", Quoted(from_dollar),
                       "; write $name, ${name} or $1, and $$ for a dollar"));
    }
    DELIVERY_ASSIGN_OR_RETURN(const int group, FindGroup(*name));
    if (!literal.empty()) template_.push_back({.literal = std::exchange(literal, "")});
    template_.push_back({.literal = "", .group = group});
    groups_ = std::max(groups_, group + 1);
  }
  if (!literal.empty()) template_.push_back({.literal = literal});
  if (groups_ > 0 || extract.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("extract ", Quoted(extract),
                   " names no group of the pattern, so all tags would be equal; write $name"));
}

std::optional<std::string> TagFilter::Apply(std::string_view tag) const {
  if (!extracts()) return Matches(tag) ? std::optional<std::string>(tag) : std::nullopt;
  std::vector<re2::StringPiece> groups(static_cast<size_t>(groups_));
  if (!pattern_->Match({tag.data(), tag.size()}, 0, tag.size(), RE2::UNANCHORED, groups.data(),
                       groups_)) {
    return std::nullopt;
  }
  std::string result;
  for (const Piece& piece : template_) {
    if (piece.group == kLiteral) {
      result += piece.literal;
    } else {
      const re2::StringPiece group = groups[static_cast<size_t>(piece.group)];
      result.append(group.data(), group.size());
    }
  }
  return result;
}

bool TagFilter::Matches(std::string_view tag) const {
  return pattern_->Match({tag.data(), tag.size()}, 0, tag.size(), RE2::UNANCHORED, nullptr, 0);
}

absl::StatusOr<TagFilter> TagFilter::Compile(std::string_view pattern, std::string_view extract) {
  DELIVERY_RETURN_IF_ERROR(CheckLength(pattern, "pattern"));
  DELIVERY_RETURN_IF_ERROR(CheckLength(extract, "extract"));
  TagFilter filter;
  filter.pattern_ = std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()),
                                                PatternOptions());
  if (!filter.pattern_->ok()) return Explain(*filter.pattern_);
  DELIVERY_RETURN_IF_ERROR(filter.ParseTemplate(extract));
  return filter;
}

}  // namespace delivery::image_policy
