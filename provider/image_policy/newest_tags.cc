#include "provider/image_policy/newest_tags.h"

#include <algorithm>
#include <utility>

#include "provider/image_policy/tag.h"

namespace delivery::image_policy {

bool NewestTags::ComesBefore(const Tag& a, const Tag& b) {
  if (a.version.has_value() != b.version.has_value()) return a.version.has_value();
  if (a.version) {
    const int order = Compare(*a.version, *b.version);
    if (order != 0) return order > 0;
  }
  const int order = CompareNaturally(a.text, b.text);
  return order != 0 ? order > 0 : a.text > b.text;
}

void NewestTags::Add(std::string_view tag) {
  ++count_;
  if (limit_ == 0) return;
  Tag added = {tag, ParseVersion(tag)};
  if (heap_.size() == limit_) {
    if (!ComesBefore(added, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), ComesBefore);
    heap_.pop_back();
  }
  heap_.push_back(std::move(added));
  std::push_heap(heap_.begin(), heap_.end(), ComesBefore);
}

std::vector<std::string_view> NewestTags::Take() {
  std::sort_heap(heap_.begin(), heap_.end(), ComesBefore);
  std::vector<std::string_view> tags;
  tags.reserve(heap_.size());
  for (const Tag& tag : heap_) tags.push_back(tag.text);
  return tags;
}

}  // namespace delivery::image_policy
