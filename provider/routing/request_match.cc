#include "provider/routing/request_match.h"

#include "absl/strings/str_cat.h"
#include "re2/re2.h"

namespace delivery::routing {
namespace {

constexpr size_t kMostGatewayValue = 4096;  // HTTPHeaderMatch.value
constexpr size_t kMostGatewayName = 256;    // HTTPHeaderMatch.name

// RFC 9110, token; cookie names follow it too.
bool IsToken(const std::string& name) {
  static const auto* const token = new RE2("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  return RE2::FullMatch(name, *token);
}

absl::Status ValidateHeader(const HeaderMatch& header) {
  if (!IsToken(header.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", header.name, "\" is not the name of a header."));
  }
  const StringMatch& value = header.value;
  const int kinds = (value.exact.empty() ? 0 : 1) + (value.prefix.empty() ? 0 : 1) +
                    (value.regex.empty() ? 0 : 1);
  if (kinds != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The match of header ", header.name, " needs exactly one of exact, prefix and regex."));
  }
  return absl::OkStatus();
}

absl::Status ValidateCookie(const CookieMatch& cookie) {
  if (!IsToken(cookie.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", cookie.name, "\" is not the name of a cookie."));
  }
  if (cookie.exact.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("The match of cookie ", cookie.name, " needs its value: set exact."));
  }
  return absl::OkStatus();
}

// Gateway API and Istio: their data planes use RE2 or what is close to it.
absl::Status ValidateRegexes(const Match& match) {
  for (const HeaderMatch& header : match.headers) {
    if (header.value.regex.empty()) continue;
    const RE2 regex(header.value.regex, RE2::Quiet);
    if (!regex.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("The regular expression for header ",
                                                     header.name, " is not one of RE2's syntax."));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateSizes(const Match& match) {
  for (const HeaderMatch& header : match.headers) {
    const StringMatch& value = header.value;
    const size_t size = value.exact.size() + PrefixRegex(value.prefix).size() + value.regex.size();
    if (header.name.size() > kMostGatewayName || size > kMostGatewayValue) {
      return absl::InvalidArgumentError(absl::StrCat("The match of header ", header.name,
                                                     " is longer than the Gateway API allows."));
    }
  }
  for (const CookieMatch& cookie : match.cookies) {
    if (CookieRegex(cookie).size() > kMostGatewayValue) {
      return absl::InvalidArgumentError(absl::StrCat("The match of cookie ", cookie.name,
                                                     " is longer than the Gateway API allows."));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateForNginx(const Match& match) {
  if (match.headers.size() > 1 || match.cookies.size() > 1) {
    return absl::InvalidArgumentError(
        "The canary Ingress of ingress-nginx can match one header and one cookie, not more: leave "
        "one header block and one cookie block, or use gateway_api.");
  }
  for (const CookieMatch& cookie : match.cookies) {
    if (cookie.exact == "always") continue;
    return absl::InvalidArgumentError(
        absl::StrCat("ingress-nginx sends the cookie ", cookie.name,
                     " to the canary only when its value is \"always\": set exact = \"always\"."));
  }
  return absl::OkStatus();
}

}  // namespace

std::string QuoteRegex(const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    // Only what is special: a needless backslash is an error to some engines.
    if (std::string("\\.+*?()|[]{}^$").find(c) != std::string::npos) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

std::string PrefixRegex(const std::string& prefix) {
  return absl::StrCat("^", QuoteRegex(prefix), ".*$");
}

std::string CookieRegex(const CookieMatch& cookie) {
  return absl::StrCat("^(.*; *)?", QuoteRegex(cookie.name), "=", QuoteRegex(cookie.exact),
                      " *(;.*)?$");
}

absl::Status ValidateMatch(const Backend& backend, const Match& match) {
  if (match.empty()) return absl::OkStatus();
  if (std::holds_alternative<ReplicasBackend>(backend)) {
    return absl::InvalidArgumentError(
        "With traffic through replicas nothing routes requests, so match is not possible: remove "
        "match, or use gateway_api, istio or nginx_ingress.");
  }
  if (std::holds_alternative<TraefikBackend>(backend)) {
    return absl::InvalidArgumentError(
        "A TraefikService has weights only, so match is not possible: remove match, or use "
        "gateway_api, which Traefik serves too.");
  }
  for (const HeaderMatch& header : match.headers) {
    if (absl::Status status = ValidateHeader(header); !status.ok()) return status;
  }
  for (const CookieMatch& cookie : match.cookies) {
    if (absl::Status status = ValidateCookie(cookie); !status.ok()) return status;
  }
  if (std::holds_alternative<NginxIngressBackend>(backend)) return ValidateForNginx(match);
  if (std::holds_alternative<GatewayApiBackend>(backend)) {
    if (absl::Status status = ValidateSizes(match); !status.ok()) return status;
  }
  return ValidateRegexes(match);
}

}  // namespace delivery::routing
