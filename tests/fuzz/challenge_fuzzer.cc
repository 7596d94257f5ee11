// Arbitrary text as the headers that a registry steers us with: WWW-Authenticate, Link, Location.
// What was read of a challenge reads the same when it is written anew; a URL that may be requested
// has no parts that would end a header or hide a host.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "provider/oci/challenge.h"
#include "provider/oci/link.h"
#include "provider/oci/url.h"

namespace {

using namespace delivery::oci;  // NOLINT: the fuzzer is about nothing else

void Check(bool holds) {
  if (!holds) std::abort();
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Written(const std::vector<Challenge>& challenges) {
  std::string text;
  for (const Challenge& challenge : challenges) {
    text += text.empty() ? "" : ", ";
    text += challenge.scheme;
    char separator = ' ';
    for (const auto& [name, value] : challenge.parameters) {
      text += separator + name + "=" + Quoted(value);
      separator = ',';
    }
  }
  return text;
}

void CheckUrl(std::string_view location) {
  const Url base = {true, "registry.example.com", "/v2/a/tags/list?n=1"};
  const auto url = ResolveUrl(base, location);
  if (!url.ok()) return;
  const std::string text = url->Text();
  Check(std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; }));
  Check(url->host.find_first_of("/@\\?#") == std::string::npos && !url->host.empty());
  const auto again = ParseUrl(text);
  Check(again.ok() && again->SameOrigin(*url) && again->target == url->target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::vector<Challenge> challenges = ParseChallenges(text);
  Check(ParseChallenges(Written(challenges)) == challenges);
  CheckUrl(text);
  if (const auto next = NextLink({{"Link", text}})) CheckUrl(*next);
  return 0;
}
