// The private state of an image policy: what the registry said at the last look, so that plan
// resolves a changed policy, pin or exclusion without asking, and a refresh asks only what may have
// changed.
#ifndef DELIVERY_RESOURCES_IMAGE_MEMORY_H_
#define DELIVERY_RESOURCES_IMAGE_MEMORY_H_

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "resources/image_selection.h"

namespace delivery::resources {

struct RememberedImage {
  std::string tag;  // that named it
  ImageFacts facts;
  std::string platform;     // the one that was asked for; `created` is that image's
  std::string verified_by;  // SelectionRules::key_id; empty: not verified

  friend bool operator==(const RememberedImage&, const RememberedImage&) = default;
};

struct ImageMemory {
  static constexpr size_t kMostTags = 2000;
  static constexpr size_t kMostSelections = 20;
  static constexpr size_t kMostSeen = 40;
  static constexpr size_t kMostRefused = 20;
  // The policy `newest` has to know every tag's image.
  static constexpr size_t kMostSeenForNewest = 2000;

  std::string repository;         // canonical; what is remembered is of this one
  std::vector<std::string> tags;  // at the last look, the best first
  bool has_all_tags = false;      // there were no more
  std::string order_id;           // which policy's best
  std::string etag;               // of the tag list
  // When a look last found something new.
  absl::Time looked_at = absl::InfinitePast();
  // What was selected or would have been, the latest first, each once.
  std::deque<RememberedImage> selections;
  // Other images that were looked at, the latest first. Without a digest: what could not be read,
  // under the policy `newest`.
  std::deque<RememberedImage> seen;
  // Tags that a plan chose by name alone and apply had to refuse, with the reason: the next plan
  // passes them over. A look drops those that have become readable.
  std::vector<image_policy::Skipped> refused;

  // The empty text is an empty memory. DataLoss when it is damaged.
  static absl::StatusOr<ImageMemory> Parse(const std::string& text);
  std::string Serialize() const;

  // Keeps the tags in the policy's order, as many as may be.
  void SetTags(const SelectionRules& rules, std::vector<std::string> all);
  void AddSelection(RememberedImage image);
  void AddSeen(RememberedImage image, size_t most);
  // The latest of this digest; null when there is none.
  const RememberedImage* FindDigest(const std::string& digest) const;
  // The latest selection of this tag.
  const RememberedImage* FindSelection(const std::string& tag) const;
  void AddRefused(const std::string& tag, std::string reason);
};

// Answers from memory alone. What is not remembered is Unknown, which ends a selection.
// `memory` and `rules` must outlive it.
class RememberedImages : public ImageSource {
 public:
  RememberedImages(const ImageMemory& memory, const SelectionRules& rules)
      : memory_(memory), rules_(rules) {}

  absl::StatusOr<std::string> DigestOf(const std::string& tag) override;
  absl::StatusOr<ImageFacts> Describe(const std::string& tag, const std::string& digest) override;
  absl::Status Verify(const std::string& digest) override;
  absl::StatusOr<TagTimes> CreationTimesOf(const std::vector<std::string>& tags) override;
  bool LooksNow() const override { return false; }

 private:
  const ImageMemory& memory_;
  const SelectionRules& rules_;
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_IMAGE_MEMORY_H_
