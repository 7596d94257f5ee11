// The few of many tags that look newest, without knowing when they were made.
#ifndef DELIVERY_IMAGE_POLICY_NEWEST_TAGS_H_
#define DELIVERY_IMAGE_POLICY_NEWEST_TAGS_H_

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "provider/image_policy/semver.h"

namespace delivery::image_policy {

// Keeps the first `limit` of what is added, in the order that Ranking::skipped promises (policy.h),
// in memory for `limit` tags. Refers to the tags. Not thread-safe.
class NewestTags {
 public:
  explicit NewestTags(size_t limit) : limit_(limit) {}

  void Add(std::string_view tag);
  // How many were added.
  size_t count() const { return count_; }
  // Those kept, in order; to be called once, at the end.
  std::vector<std::string_view> Take();

 private:
  struct Tag {
    std::string_view text;
    std::optional<Version> version;
  };
  static bool ComesBefore(const Tag& a, const Tag& b);

  size_t limit_;
  size_t count_ = 0;
  std::vector<Tag> heap_;  // its front is the last in the order, the next to be dropped
};

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_NEWEST_TAGS_H_
