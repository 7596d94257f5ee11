#include "provider/checks/url.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "provider/base/redact.h"

namespace delivery::checks {
namespace {

constexpr char kRedacted[] = "(redacted)";
// As for registered secrets: replacing shorter ones would destroy ordinary text.
constexpr size_t kShortestSecret = 4;

std::string Unescape(absl::string_view text, bool plus_is_blank) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                         absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]));
    if (escaped) {
      plain += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      plain += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

void AddSecret(std::string secret, std::vector<std::string>& secrets) {
  if (secret.size() >= kShortestSecret) secrets.push_back(std::move(secret));
}

// A part without "=" may be a bare token.
std::string ShowParameter(absl::string_view parameter, std::vector<std::string>& secrets) {
  const size_t equals = parameter.find('=');
  const bool bare = equals == absl::string_view::npos;
  const absl::string_view value = bare ? parameter : parameter.substr(equals + 1);
  if (value.empty()) return std::string(parameter);
  AddSecret(std::string(value), secrets);
  AddSecret(Unescape(value, true), secrets);
  return bare ? kRedacted : absl::StrCat(parameter.substr(0, equals + 1), kRedacted);
}

Shown ShowWithQuery(absl::string_view text) {
  Shown shown;
  const size_t question = text.find('?');
  shown.text = std::string(text.substr(0, question));
  if (question == absl::string_view::npos) return shown;
  char separator = '?';
  for (const absl::string_view parameter : absl::StrSplit(text.substr(question + 1), '&')) {
    absl::StrAppend(&shown.text, std::string(1, separator),
                    ShowParameter(parameter, shown.secrets));
    separator = '&';
  }
  return shown;
}

absl::Status NotAUrl(const char* why) {
  return absl::InvalidArgumentError(
      absl::StrCat("url must be of the form https://host/path or http://host/path: ", why));
}

// Whitespace and control characters could end the request line, a backslash the host.
bool IsClean(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '\\';
  });
}

}  // namespace

std::string Shown::Hide(std::string_view message, std::string_view original) const {
  std::string result = Redact(message);
  if (!original.empty() && original != text)
    absl::StrReplaceAll({{std::string(original), text}}, &result);
  std::vector<std::pair<std::string, std::string>> replacements;
  for (const std::string& secret : secrets) replacements.emplace_back(secret, kRedacted);
  absl::StrReplaceAll(replacements, &result);
  return result;
}

absl::StatusOr<Url> ParseUrl(std::string_view given) {
  const absl::string_view text(given.data(), given.size());
  if (!IsClean(text)) return NotAUrl("it contains a blank, a backslash or a control character");
  const size_t colon = text.find("://");
  if (colon == absl::string_view::npos) return NotAUrl("there is no ://");
  const std::string scheme = absl::AsciiStrToLower(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") return NotAUrl("the scheme is another one");
  absl::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  absl::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());

  Url url;
  const size_t at = authority.rfind('@');
  std::vector<std::string> secrets;
  if (at != absl::string_view::npos) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(authority.substr(0, at), absl::MaxSplits(':', 1));
    const std::string user = Unescape(parts.first, false);
    const std::string password = Unescape(parts.second, false);
    const std::string both = absl::StrCat(user, ":", password);
    url.authorization = absl::StrCat("Basic ", absl::Base64Escape(both));
    // Without a password the user is a token.
    RegisterSecret(password.empty() ? user : password);
    RegisterSecret(both);
    for (const std::string& secret : {user, password, std::string(authority.substr(0, at))}) {
      AddSecret(secret, secrets);
    }
    authority.remove_prefix(at + 1);
  }
  if (authority.empty() || authority[0] == ':') return NotAUrl("there is no host");
  url.request = absl::StrCat(scheme, "://", authority, rest.empty() ? "/" : rest);
  url.shown = ShowWithQuery(url.request);
  url.shown.secrets.insert(url.shown.secrets.end(), secrets.begin(), secrets.end());
  return url;
}

absl::Status ValidatePath(std::string_view given) {
  const absl::string_view path(given.data(), given.size());
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError("path must begin with \"/\"");
  }
  if (!IsClean(path) || absl::StrContains(path, "#")) {
    return absl::InvalidArgumentError(
        "path contains a blank, a control character, a backslash or \"#\": escape it (%20)");
  }
  for (const absl::string_view segment : absl::StrSplit(path.substr(0, path.find('?')), '/')) {
    const std::string plain = Unescape(segment, false);
    if (plain == "." || plain == "..") {
      return absl::InvalidArgumentError("path must not contain \".\" or \"..\" as a segment");
    }
  }
  return absl::OkStatus();
}

Shown ShowPath(std::string_view path) { return ShowWithQuery({path.data(), path.size()}); }

}  // namespace delivery::checks
