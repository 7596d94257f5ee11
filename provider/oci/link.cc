#include "provider/oci/link.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace delivery::oci {
namespace {

// What is before the first `end` that is not inside of quotes; `rest` begins with it afterwards.
std::string_view TakeUntil(std::string_view& rest, char end) {
  bool quoted = false;
  size_t at = 0;
  for (; at < rest.size() && (quoted || rest[at] != end); ++at) {
    if (rest[at] == '"') quoted = !quoted;
    if (quoted && rest[at] == '\\') ++at;
  }
  at = std::min(at, rest.size());
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at);
  return taken;
}

bool IsNextRelation(const std::string& parameter) {
  const std::pair<std::string, std::string> both =
      absl::StrSplit(parameter, absl::MaxSplits('=', 1));
  if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(both.first), "rel")) return false;
  std::string value = absl::AsciiStrToLower(both.second);
  value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
  const std::vector<std::string> relations = absl::StrSplit(value, absl::ByAnyChar(" \t"));
  return std::find(relations.begin(), relations.end(), "next") != relations.end();
}

bool IsNext(std::string_view parameters) {
  while (!parameters.empty()) {
    parameters.remove_prefix(1);  // the ';'
    if (IsNextRelation(std::string(TakeUntil(parameters, ';')))) return true;
  }
  return false;
}

std::optional<std::string> NextIn(std::string_view value) {
  for (size_t open = value.find('<'); open != std::string_view::npos; open = value.find('<')) {
    const size_t close = value.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string target(value.substr(open + 1, close - open - 1));
    value.remove_prefix(close + 1);
    std::string_view parameters = TakeUntil(value, ',');
    (void)TakeUntil(parameters, ';');  // blanks
    if (IsNext(parameters)) return target;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> NextLink(const http::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!absl::EqualsIgnoreCase(name, "Link")) continue;
    if (std::optional<std::string> next = NextIn(value)) return next;
  }
  return std::nullopt;
}

}  // namespace delivery::oci
