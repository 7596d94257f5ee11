#include "provider/image_policy/policy.h"

#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "provider/image_policy/newest_tags.h"
#include "provider/image_policy/rule_keys.h"
#include "provider/image_policy/tag.h"

namespace delivery::image_policy {
namespace {

// The indexes of the images among `tags`, each once.
std::vector<size_t> DistinctImages(const std::vector<std::string>& tags) {
  absl::flat_hash_set<absl::string_view> seen;
  seen.reserve(tags.size());
  std::vector<size_t> images;
  images.reserve(tags.size());
  for (size_t i = 0; i < tags.size(); ++i) {
    if (!IsSignatureTag(tags[i]) && seen.insert(tags[i]).second) images.push_back(i);
  }
  return images;
}

// What the rule reads of each tag. Extracted texts live as long as this does, so that keys may
// refer to them; tags are referred to, not copied.
class Texts {
 public:
  explicit Texts(const std::optional<TagFilter>& filter) : filter_(filter) {}

  // Nullopt when the filter does not let the tag pass.
  std::optional<std::string_view> Of(std::string_view tag) {
    if (!filter_) return tag;
    if (!filter_->extracts()) return filter_->Matches(tag) ? std::optional(tag) : std::nullopt;
    std::optional<std::string> extracted = filter_->Apply(tag);
    if (!extracted) return std::nullopt;
    return extracted_.emplace_back(*std::move(extracted));
  }

 private:
  const std::optional<TagFilter>& filter_;
  std::deque<std::string> extracted_;  // does not move what it holds
};

template <typename Keys>
std::optional<typename Keys::Key> ReadKey(const Keys& keys, Texts& texts, std::string_view tag) {
  const std::optional<std::string_view> text = texts.Of(tag);
  return text ? keys.Read(tag, *text) : std::nullopt;
}

template <typename Keys>
std::string WhyNot(const Keys& keys, Texts& texts, std::string_view tag) {
  const std::optional<std::string_view> text = texts.Of(tag);
  return text ? keys.WhyNot(tag, *text) : "does not match the pattern of filter_tags";
}

// Reasons cost more than deciding does: only those of tags that are shown are worded.
template <typename Keys>
std::vector<Skipped> Explain(const Keys& keys, Texts& texts, NewestTags& skipped) {
  std::vector<Skipped> explained;
  for (const std::string_view tag : skipped.Take()) {
    explained.push_back({std::string(tag), WhyNot(keys, texts, tag)});
  }
  return explained;
}

template <typename Keys>
Ranking RankBy(const Keys& keys, const std::optional<TagFilter>& filter,
               std::vector<std::string> tags, size_t max_skipped) {
  struct Candidate {
    size_t index;
    typename Keys::Key key;
  };
  Texts texts(filter);
  NewestTags skipped(max_skipped);
  std::deque<Candidate> candidates;  // keys are large: none is moved when it grows
  for (const size_t index : DistinctImages(tags)) {
    if (auto key = ReadKey(keys, texts, tags[index])) {
      candidates.push_back({index, *std::move(key)});
    } else {
      skipped.Add(tags[index]);
    }
  }
  Ranking ranking;
  ranking.skipped_count = skipped.count();
  ranking.skipped = Explain(keys, texts, skipped);
  std::vector<const Candidate*> order;
  order.reserve(candidates.size());
  for (const Candidate& candidate : candidates) order.push_back(&candidate);
  std::sort(order.begin(), order.end(), [&](const Candidate* a, const Candidate* b) {
    const int better = keys.Compare(a->key, b->key);
    return better != 0 ? better > 0 : tags[a->index] > tags[b->index];
  });
  // Last, because keys may refer to the tags.
  ranking.candidates.reserve(order.size());
  for (const Candidate* candidate : order) {
    ranking.candidates.push_back(std::move(tags[candidate->index]));
  }
  return ranking;
}

template <typename Keys>
std::optional<int> BetterBy(const Keys& keys, const std::optional<TagFilter>& filter,
                            std::string_view a, std::string_view b) {
  if (IsSignatureTag(a) || IsSignatureTag(b)) return std::nullopt;
  Texts texts(filter);
  const auto key_a = ReadKey(keys, texts, a);
  const auto key_b = ReadKey(keys, texts, b);
  if (!key_a || !key_b) return std::nullopt;
  const int better = keys.Compare(*key_a, *key_b);
  return better < 0 ? -1 : (better > 0 ? 1 : 0);
}

}  // namespace

Ranking Rank(const Policy& policy, std::vector<std::string> tags, const CreationTimes& created,
             size_t max_skipped) {
  return std::visit(
      [&](const auto& rule) {
        return RankBy(KeysOf(rule, created), policy.filter, std::move(tags), max_skipped);
      },
      policy.rule);
}

std::vector<std::string> Filtered(const Policy& policy, const std::vector<std::string>& tags) {
  std::vector<std::string> filtered;
  for (const size_t index : DistinctImages(tags)) {
    if (!policy.filter || policy.filter->Matches(tags[index])) filtered.push_back(tags[index]);
  }
  return filtered;
}

std::optional<int> Better(const Policy& policy, const std::string& a, const std::string& b,
                          const CreationTimes& created) {
  return std::visit(
      [&](const auto& rule) { return BetterBy(KeysOf(rule, created), policy.filter, a, b); },
      policy.rule);
}

}  // namespace delivery::image_policy
