// Which of a repository's tags a policy selects, in which order the others follow, and why the rest
// is out of the question. Everything here is pure and thread-safe.
#ifndef DELIVERY_IMAGE_POLICY_POLICY_H_
#define DELIVERY_IMAGE_POLICY_POLICY_H_

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "provider/image_policy/semver_range.h"
#include "provider/image_policy/tag_filter.h"

namespace delivery::image_policy {

// As in Flux: ascending means that the last one in the order is the best.
enum class Order { kAscending, kDescending };

// What is compared is what the filter extracts; without a template the tag itself.
struct Semver {  // the highest version in the range
  Range range;
};
struct Alphabetical {  // by bytes
  Order order = Order::kAscending;
};
struct Numerical {  // decimal numbers of any length (decimal.h)
  Order order = Order::kAscending;
};
struct Newest {};  // by creation time; what a filter extracts does not matter
using Rule = std::variant<Semver, Alphabetical, Numerical, Newest>;

struct Policy {
  Rule rule;
  std::optional<TagFilter> filter;
};

struct Skipped {
  std::string tag;
  std::string reason;  // a phrase; the same for the same tag, whenever it is asked for
};

struct Ranking {
  std::vector<std::string> candidates;  // the best first, each once
  // At most `max_skipped`, those first that look newest: the tags that are semantic versions from
  // the highest to the lowest, then the others in natural order (tag.h) from the last to the first.
  std::vector<Skipped> skipped;
  size_t skipped_count = 0;  // of all that were skipped
};

using CreationTimes = absl::flat_hash_map<std::string, absl::Time>;

// Total and deterministic: neither the order nor the repetitions in `tags` matter. Of tags that the
// rule finds equal (v1.0.0 and 1.0.0, equal extracts, equal times), the one later in byte order is
// better. A tag that the rule cannot read is skipped and changes nothing for the others. Signature
// tags (tag.h) are neither candidates nor skipped. `created` matters to Newest only, which skips a
// tag without a time.
Ranking Rank(const Policy& policy, std::vector<std::string> tags, const CreationTimes& created,
             size_t max_skipped);

// The tags that the filter lets pass, each once, in their order, without signature tags: those
// whose creation times Newest needs.
std::vector<std::string> Filtered(const Policy& policy, const std::vector<std::string>& tags);

// How the rule orders two tags: 1 when `a` is better, -1 when `b` is, 0 when the rule finds them
// equal (where Rank goes by the text). Nullopt when one of them is no candidate.
std::optional<int> Better(const Policy& policy, const std::string& a, const std::string& b,
                          const CreationTimes& created);

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_POLICY_H_
