#include "provider/http/no_proxy.h"

#include <arpa/inet.h>

#include <array>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace delivery::http {
namespace {

struct Address {
  int family = AF_INET;
  std::array<unsigned char, 16> bytes{};
};

std::optional<Address> ParseAddress(const std::string& text) {
  Address address;
  for (const int family : {AF_INET, AF_INET6}) {
    address.family = family;
    if (inet_pton(family, text.c_str(), address.bytes.data()) == 1) return address;
  }
  return std::nullopt;
}

bool SharePrefix(const Address& a, const Address& b, int bits) {
  for (size_t i = 0; bits > 0; ++i, bits -= 8) {
    const unsigned mask = bits >= 8 ? 0xffU : (0xffU << (8 - bits)) & 0xffU;
    if (((a.bytes[i] ^ b.bytes[i]) & mask) != 0) return false;
  }
  return true;
}

bool NetworkCovers(absl::string_view rule, const Address& host) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(rule, absl::MaxSplits('/', 1));
  const std::optional<Address> network = ParseAddress(parts.first);
  if (!network.has_value() || network->family != host.family) return false;
  const int all = host.family == AF_INET ? 32 : 128;
  int bits = all;
  if (!parts.second.empty() && !absl::SimpleAtoi(parts.second, &bits)) return false;
  return bits >= 0 && bits <= all && SharePrefix(*network, host, bits);
}

bool NameCovers(absl::string_view rule, absl::string_view host) {
  absl::ConsumePrefix(&rule, ".");
  return !rule.empty() && (absl::EqualsIgnoreCase(host, rule) ||
                           absl::EndsWithIgnoreCase(host, absl::StrCat(".", rule)));
}

}  // namespace

bool IsExemptFromProxy(std::string_view rules, std::string_view host) {
  const std::string name(host);
  const std::optional<Address> address = ParseAddress(name);
  const absl::string_view list(rules.data(), rules.size());
  for (const absl::string_view rule : absl::StrSplit(list, absl::ByAnyChar(", \t"))) {
    if (rule == "*" || NameCovers(rule, name)) return true;
    if (address.has_value() && NetworkCovers(rule, *address)) return true;
  }
  return false;
}

}  // namespace delivery::http
