#include "provider/oci/url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace delivery::oci {
namespace {

absl::Status Invalid(std::string_view text, const char* why) {
  const std::string shown(text.substr(0, text.find_first_of("?#@")));
  return absl::InvalidArgumentError(
      absl::StrCat("the address \"", shown.substr(0, 200), "\" ", why));
}

std::string WithoutFragment(std::string_view text) {
  return std::string(text.substr(0, text.find('#')));
}

}  // namespace

std::string Url::Text() const { return absl::StrCat(https ? "https://" : "http://", host, target); }

std::string Url::Shown() const {
  return absl::StrCat(https ? "https://" : "http://", host, target.substr(0, target.find('?')));
}

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), absl::ascii_isgraph)) {
    return Invalid("", "holds blanks or characters that no URL has");
  }
  const std::string whole = WithoutFragment(text);
  Url url;
  url.https = absl::StartsWithIgnoreCase(whole, "https://");
  if (!url.https && !absl::StartsWithIgnoreCase(whole, "http://")) {
    return Invalid(text, "is neither https:// nor http://");
  }
  const std::string rest = whole.substr(url.https ? 8 : 7);
  const size_t end = rest.find_first_of("/?");
  url.host = absl::AsciiStrToLower(rest.substr(0, end));
  if (absl::StrContains(url.host, '@')) return Invalid(text, "holds a user name");
  url.host = std::string(absl::StripSuffix(url.host, url.https ? ":443" : ":80"));
  if (url.host.empty() || absl::StrContains(url.host, '\\')) return Invalid(text, "has no host");
  url.target = end == std::string::npos ? "/" : rest.substr(end);
  if (url.target.front() == '?') url.target.insert(0, "/");
  return url;
}

absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view location) {
  const std::string text(location);
  if (absl::StartsWith(text, "//")) return ParseUrl((base.https ? "https:" : "http:") + text);
  const size_t scheme = text.find("://");
  if (scheme != std::string::npos && scheme < text.find_first_of("/?#")) return ParseUrl(text);
  const std::string path = base.target.substr(0, base.target.find('?'));
  std::string target = text;
  if (absl::StartsWith(text, "?")) {
    target = path + text;
  } else if (!absl::StartsWith(text, "/")) {
    target = path.substr(0, path.rfind('/') + 1) + text;
  }
  return ParseUrl(Url{base.https, base.host, target}.Text());
}

std::string PercentEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      absl::StrAppend(&encoded, absl::StrFormat("%%%02X", static_cast<unsigned char>(c)));
    }
  }
  return encoded;
}

}  // namespace delivery::oci
