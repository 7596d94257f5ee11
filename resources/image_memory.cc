#include "resources/image_memory.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"

namespace delivery::resources {
namespace {

constexpr int kVersion = 1;

absl::Status NotRemembered(const std::string& what) {
  return absl::UnknownError(absl::StrCat(what, " is not remembered"));
}

Json ToJson(const RememberedImage& image) {
  Json json = {{"tag", image.tag}, {"digest", image.facts.digest}};
  if (!image.facts.platforms.empty()) json["platforms"] = image.facts.platforms;
  // To the nanosecond: the policy `newest` may depend on it.
  if (image.facts.created.has_value()) {
    json["created"] =
        absl::FormatTime(absl::RFC3339_full, *image.facts.created, absl::UTCTimeZone());
  }
  if (!image.platform.empty()) json["platform"] = image.platform;
  if (!image.verified_by.empty()) json["verified_by"] = image.verified_by;
  return json;
}

RememberedImage ToImage(const Json& json) {
  RememberedImage image;
  image.tag = GetString(json, "tag");
  image.facts.digest = GetString(json, "digest");
  for (const Json& platform : GetArray(json, "platforms")) {
    if (platform.is_string()) image.facts.platforms.push_back(platform.get<std::string>());
  }
  absl::Time created;
  if (absl::ParseTime(absl::RFC3339_full, GetString(json, "created"), &created, nullptr)) {
    image.facts.created = created;
  }
  image.platform = GetString(json, "platform");
  image.verified_by = GetString(json, "verified_by");
  return image;
}

Json ToJson(const std::deque<RememberedImage>& images) {
  Json list = Json::array();
  for (const RememberedImage& image : images) list.push_back(ToJson(image));
  return list;
}

Json ToJson(const std::vector<image_policy::Skipped>& refused) {
  Json list = Json::array();
  for (const image_policy::Skipped& one : refused) {
    list.push_back({{"tag", one.tag}, {"reason", one.reason}});
  }
  return list;
}

std::deque<RememberedImage> ToImages(const Json& list) {
  std::deque<RememberedImage> images;
  for (const Json& one : list) images.push_back(ToImage(one));
  return images;
}

void PutFirst(std::deque<RememberedImage>& images, RememberedImage image, size_t most) {
  std::erase_if(images, [&](const RememberedImage& one) {
    return one.tag == image.tag && one.facts.digest == image.facts.digest;
  });
  images.push_front(std::move(image));
  if (images.size() > most) images.resize(most);
}

const RememberedImage* FindDigestIn(const std::deque<RememberedImage>& images,
                                    const std::string& digest) {
  const auto found = std::find_if(images.begin(), images.end(), [&](const RememberedImage& one) {
    return one.facts.digest == digest;
  });
  return found == images.end() ? nullptr : &*found;
}

bool WasReadFor(const SelectionRules& rules, const RememberedImage& image) {
  return image.platform == (rules.platform.has_value() ? rules.platform->Text() : "");
}

}  // namespace

absl::StatusOr<ImageMemory> ImageMemory::Parse(const std::string& text) {
  ImageMemory memory;
  if (text.empty()) return memory;
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok() || !json->is_object() || GetInt(*json, "version") != kVersion) {
    return absl::DataLossError(
        "the private state of this image policy is damaged, or of a newer version of the "
        "provider; import the image policy again");
  }
  memory.repository = GetString(*json, "repository");
  for (const Json& tag : GetArray(*json, "tags")) {
    if (tag.is_string()) memory.tags.push_back(tag.get<std::string>());
  }
  memory.has_all_tags = GetBool(*json, "has_all_tags");
  memory.order_id = GetString(*json, "order_id");
  memory.etag = GetString(*json, "etag");
  memory.looked_at = absl::FromUnixSeconds(GetInt(*json, "looked_at"));
  memory.selections = ToImages(GetArray(*json, "selections"));
  memory.seen = ToImages(GetArray(*json, "seen"));
  for (const Json& one : GetArray(*json, "refused")) {
    memory.refused.push_back({GetString(one, "tag"), GetString(one, "reason")});
  }
  return memory;
}

std::string ImageMemory::Serialize() const {
  return DumpJson({{"version", kVersion},
                   {"repository", repository},
                   {"tags", tags},
                   {"has_all_tags", has_all_tags},
                   {"order_id", order_id},
                   {"etag", etag},
                   {"looked_at", absl::ToUnixSeconds(looked_at)},
                   {"selections", ToJson(selections)},
                   {"seen", ToJson(seen)},
                   {"refused", ToJson(refused)}});
}

void ImageMemory::SetTags(const SelectionRules& rules, std::vector<std::string> all) {
  order_id = rules.order_id;
  has_all_tags = all.size() <= kMostTags;
  if (has_all_tags) {
    tags = std::move(all);
    return;
  }
  tags.clear();
  // Without times the policy `newest` has no order: any tags may be the best.
  if (rules.policy.has_value()) {
    tags = image_policy::Rank(*rules.policy, all, {}, 0).candidates;
  }
  if (tags.size() < kMostTags) {
    const absl::flat_hash_set<std::string> ranked(tags.begin(), tags.end());
    for (std::string& tag : all) {
      if (tags.size() == kMostTags) break;
      if (!ranked.contains(tag)) tags.push_back(std::move(tag));
    }
  }
  tags.resize(std::min(tags.size(), kMostTags));
}

void ImageMemory::AddSelection(RememberedImage image) {
  PutFirst(selections, std::move(image), kMostSelections);
}

void ImageMemory::AddSeen(RememberedImage image, size_t most) {
  PutFirst(seen, std::move(image), most);
}

const RememberedImage* ImageMemory::FindDigest(const std::string& digest) const {
  const RememberedImage* const selected = FindDigestIn(selections, digest);
  return selected != nullptr ? selected : FindDigestIn(seen, digest);
}

const RememberedImage* ImageMemory::FindSelection(const std::string& tag) const {
  const auto found = std::find_if(selections.begin(), selections.end(),
                                  [&](const RememberedImage& one) { return one.tag == tag; });
  return found == selections.end() ? nullptr : &*found;
}

void ImageMemory::AddRefused(const std::string& tag, std::string reason) {
  std::erase_if(refused, [&](const image_policy::Skipped& one) { return one.tag == tag; });
  if (refused.size() == kMostRefused) refused.erase(refused.begin());
  refused.push_back({tag, std::move(reason)});
}

absl::StatusOr<std::string> RememberedImages::DigestOf(const std::string& tag) {
  const auto named = [&](const auto& one) { return one.tag == tag; };
  const auto refused = std::find_if(memory_.refused.begin(), memory_.refused.end(), named);
  if (refused != memory_.refused.end()) return absl::FailedPreconditionError(refused->reason);
  // Under `newest` every tag was looked at by the last refresh: one that was selected may name
  // another image since. A pin means what ran.
  const bool newest = rules_.policy.has_value() && !rules_.pin.has_value() &&
                      std::holds_alternative<image_policy::Newest>(rules_.policy->rule);
  const auto seen = std::find_if(memory_.seen.begin(), memory_.seen.end(), named);
  if (newest && seen != memory_.seen.end() && !seen->facts.digest.empty()) {
    return seen->facts.digest;
  }
  const RememberedImage* const image = memory_.FindSelection(tag);
  return image != nullptr ? absl::StatusOr<std::string>(image->facts.digest) : NotRemembered(tag);
}

absl::StatusOr<ImageFacts> RememberedImages::Describe(const std::string& tag,
                                                      const std::string& digest) {
  const RememberedImage* const image = memory_.FindDigest(digest);
  if (image == nullptr) return NotRemembered(tag);
  // One image for several platforms has several times of creation.
  if (!WasReadFor(rules_, *image) && image->facts.platforms.size() > 1) return NotRemembered(tag);
  return image->facts;
}

absl::Status RememberedImages::Verify(const std::string& digest) {
  const RememberedImage* const image = memory_.FindDigest(digest);
  if (image == nullptr || image->verified_by != rules_.key_id) return NotRemembered(digest);
  return absl::OkStatus();
}

absl::StatusOr<TagTimes> RememberedImages::CreationTimesOf(const std::vector<std::string>& tags) {
  TagTimes times;
  for (const std::string& tag : tags) {
    const auto named = [&](const RememberedImage& one) { return one.tag == tag; };
    auto found = std::find_if(memory_.seen.begin(), memory_.seen.end(), named);
    if (found == memory_.seen.end() || !WasReadFor(rules_, *found)) return NotRemembered(tag);
    if (found->facts.created.has_value()) {
      times.known.emplace(tag, *found->facts.created);
    } else if (found->facts.digest.empty()) {
      times.unknown.push_back({tag, "could not be read at the last look"});
    }
  }
  return times;
}

}  // namespace delivery::resources
