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

bool AllOf(std::string_view text, std::string_view marks) {
  return std::all_of(text.begin(), text.end(), [marks](char c) {
    return absl::ascii_isalnum(c) || marks.find(c) != std::string_view::npos;
  });
}

// host[:port] of RFC 3986, 3.2.2 and 3.2.3: a name, an IPv4 address or an IPv6 address in brackets.
bool IsHostAndPort(std::string_view text) {
  size_t end = text.find(':');
  if (text.substr(0, 1) == "[") {
    end = text.find(']');
    if (end == std::string_view::npos || !AllOf(text.substr(1, end - 1), ":.")) return false;
    ++end;
  } else if (!AllOf(text.substr(0, end), "-._~!$&'()*+,;=%")) {
    return false;
  }
  if (text.empty() || end == 0) return false;
  if (end >= text.size()) return true;
  const std::string_view port = text.substr(end + 1);
  return text[end] == ':' && !port.empty() &&
         std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
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
  if (!IsHostAndPort(url.host)) return Invalid(text, "has no host, or a host that is none");
  url.host = std::string(absl::StripSuffix(url.host, url.https ? ":443" : ":80"));
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
