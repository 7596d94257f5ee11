// The first line is a pattern, the second a template, the others are tags. Nothing crashes, and
// every rule ranks what the filter makes of the tags into one order, whatever the order given.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "provider/image_policy/policy.h"
#include "provider/image_policy/tag.h"

namespace delivery::image_policy {
namespace {

constexpr size_t kMaxTags = 32;
constexpr size_t kMaxSkipped = 4;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void CheckFilter(const TagFilter& filter, const std::vector<std::string>& tags) {
  for (const std::string& tag : tags) {
    const auto text = filter.Apply(tag);
    Require(text.has_value() == filter.Matches(tag));
    Require(filter.extracts() || !text || *text == tag);
  }
}

void CheckNeighbours(const Policy& policy, const std::vector<std::string>& candidates,
                     const CreationTimes& created) {
  for (size_t i = 1; i < candidates.size(); ++i) {
    const auto better = Better(policy, candidates[i - 1], candidates[i], created);
    Require(better && (*better > 0 || (*better == 0 && candidates[i - 1] > candidates[i])));
  }
}

void CheckPolicy(const Policy& policy, std::vector<std::string> tags,
                 const CreationTimes& created) {
  std::set<std::string> images;
  for (const std::string& tag : tags) {
    if (!IsSignatureTag(tag)) images.insert(tag);
  }
  const Ranking ranking = Rank(policy, tags, created, kMaxSkipped);
  Require(ranking.candidates.size() + ranking.skipped_count == images.size());
  Require(ranking.skipped.size() == std::min(kMaxSkipped, ranking.skipped_count));
  for (const std::string& tag : ranking.candidates) Require(images.erase(tag) == 1);
  for (const Skipped& skipped : ranking.skipped) {
    Require(images.erase(skipped.tag) == 1 && !skipped.reason.empty());
  }
  CheckNeighbours(policy, ranking.candidates, created);
  std::reverse(tags.begin(), tags.end());
  Require(Rank(policy, tags, created, 0).candidates == ranking.candidates);
}

}  // namespace
}  // namespace delivery::image_policy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace delivery::image_policy;  // NOLINT: the fuzzer is about this namespace
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view pattern = TakeLine(rest);
  const auto filter = TagFilter::Compile(pattern, TakeLine(rest));
  if (!filter.ok()) return 0;
  std::vector<std::string> tags;
  CreationTimes created;
  while (!rest.empty() && tags.size() < kMaxTags) {
    tags.emplace_back(TakeLine(rest));
    if (tags.size() % 4 != 0) created[tags.back()] = absl::FromUnixSeconds(tags.back().size());
  }
  CheckFilter(*filter, tags);
  static const auto* const range = new Range(*Range::Parse("*-0"));
  for (const Rule& rule :
       {Rule(Semver{*range}), Rule(Alphabetical{Order::kAscending}),
        Rule(Alphabetical{Order::kDescending}), Rule(Numerical{Order::kAscending}),
        Rule(Numerical{Order::kDescending}), Rule(Newest{})}) {
    CheckPolicy({rule, *filter}, tags, created);
  }
  return 0;
}
