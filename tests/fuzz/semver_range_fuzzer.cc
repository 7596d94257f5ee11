// The first line is a range, the others are versions. Nothing crashes, the order of versions is
// one, and a range decides what its text says: the same for equal versions, and about pre-releases
// only when it names one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "provider/image_policy/semver.h"
#include "provider/image_policy/semver_range.h"

namespace delivery::image_policy {
namespace {

// Enough for the order of three, and for speed.
constexpr size_t kMaxVersions = 8;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<Version> ParseVersions(std::string_view text) {
  std::vector<Version> versions;
  while (!text.empty() && versions.size() < kMaxVersions) {
    const auto version = ParseVersion(TakeLine(text));
    if (!version) continue;
    const auto again = ParseVersion(version->ToString());
    Require(again && again->ToString() == version->ToString() && Compare(*again, *version) == 0);
    versions.push_back(*version);
  }
  return versions;
}

void CheckOrder(const std::vector<Version>& versions) {
  for (const Version& a : versions) {
    for (const Version& b : versions) {
      Require((Compare(a, b) < 0) == (Compare(b, a) > 0));
      for (const Version& c : versions) {
        Require(!(Compare(a, b) <= 0 && Compare(b, c) <= 0) || Compare(a, c) <= 0);
      }
    }
  }
}

void CheckExact(const Version& version, const std::vector<Version>& versions) {
  const auto exact = Range::Parse(version.ToString());
  if (version.ToString().size() > Range::kMaxLength) return;
  Require(exact.ok());
  for (const Version& other : versions) {
    Require(exact->Matches(other) == (Compare(version, other) == 0));
  }
}

void CheckRange(std::string_view text, const std::vector<Version>& versions) {
  const auto range = Range::Parse(text);
  if (!range.ok()) return Require(!range.status().message().empty());
  const auto again = Range::Parse(range->text());
  Require(again.ok() && again->text() == range->text());
  for (const Version& version : versions) {
    const bool matches = range->Matches(version);
    Require(matches == again->Matches(version));
    Require(matches == !range->WhyNot(version).has_value());
    Require(!(matches && version.IsPreRelease()) || text.find('-') != std::string_view::npos);
    Version built = version;
    built.build = "b";
    Require(matches == range->Matches(built));
  }
}

}  // namespace
}  // namespace delivery::image_policy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace delivery::image_policy;  // NOLINT: the fuzzer is about this namespace
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view range = TakeLine(rest);
  const std::vector<Version> versions = ParseVersions(rest);
  CheckOrder(versions);
  for (const Version& version : versions) CheckExact(version, versions);
  CheckRange(range, versions);
  return 0;
}
