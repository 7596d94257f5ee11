// Which image of a repository is selected: the policy's order, walked from the best tag down until
// one meets every condition. What must be known of the images comes from an ImageSource: the
// registry itself, or what is remembered of it, so that plan decides by the same rules without
// asking.
#ifndef DELIVERY_RESOURCES_IMAGE_SELECTION_H_
#define DELIVERY_RESOURCES_IMAGE_SELECTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/image_policy/policy.h"
#include "provider/oci/platform.h"
#include "provider/oci/public_key.h"

namespace delivery::resources {

// How many skipped tags are explained.
inline constexpr size_t kExplainedTags = 20;
// How many candidates are looked at before a selection is given up.
inline constexpr size_t kMostLooks = 1000;

// Content of an image, as its digest fixes it.
struct ImageFacts {
  std::string digest;
  std::vector<std::string> platforms;
  std::optional<absl::Time> created;

  friend bool operator==(const ImageFacts&, const ImageFacts&) = default;
};

struct SelectedImage {
  std::string tag;  // empty: an image that was imported by its digest alone
  ImageFacts facts;

  friend bool operator==(const SelectedImage&, const SelectedImage&) = default;
};

// Everything that decides.
struct SelectionRules {
  // Nullopt: nothing but `current` or `pin` can be selected (just imported).
  std::optional<image_policy::Policy> policy;
  std::string order_id;  // the same for policies that order and filter alike
  std::optional<oci::Platform> platform;
  absl::Duration min_age;
  std::vector<std::string> exclude;  // tags and digests
  std::optional<std::string> pin;
  bool allow_downgrade = false;
  std::optional<oci::PublicKey> key;
  std::string key_id;  // of the key; empty without one

  // Whether a tag can be refused for what its image is.
  bool LooksAtContent() const;
};

// For the policy `newest`.
struct TagTimes {
  image_policy::CreationTimes known;
  std::vector<image_policy::Skipped> unknown;  // tags that cannot be read, and why
};

// Errors of all: NotFound, FailedPrecondition, DataLoss, InvalidArgument, OutOfRange and
// PermissionDenied are about that one image, which is skipped with the error's message as reason;
// so is Aborted, which says that it could not be read this time. Others end the selection.
bool IsAboutOneImage(const absl::Status& status);

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // What the tag names now.
  virtual absl::StatusOr<std::string> DigestOf(const std::string& tag) = 0;
  // FailedPrecondition when it is not made for the platform of the rules.
  virtual absl::StatusOr<ImageFacts> Describe(const std::string& tag,
                                              const std::string& digest) = 0;
  // OK when it is signed with the key of the rules.
  virtual absl::Status Verify(const std::string& digest) = 0;
  virtual absl::StatusOr<TagTimes> CreationTimesOf(const std::vector<std::string>& tags) = 0;
  // False: `now` is an earlier look's, and images have grown older since.
  virtual bool LooksNow() const { return true; }
};

struct Selection {
  SelectedImage image;
  int64_t candidates = 0;  // tags that the policy takes and that are not excluded
  std::vector<image_policy::Skipped> skipped;  // at most kExplainedTags
  // Why the current image stays although the policy would go down; empty: it does not.
  std::string kept_because;
  // Better tags that could not be read this time, and why.
  std::vector<image_policy::Skipped> unread;
};

// The tags of the repository and what is selected at present (nullopt: nothing yet). `now` is what
// min_age is measured against.
//
// Without allow_downgrade the current image is a candidate by its own digest as long as the rules
// take it: a tag that vanished, or that now names an image which the rules refuse, stays. With it,
// it stays only when its tag cannot be read.
// FailedPrecondition when nothing can be selected, or nothing of the best kMostLooks; the message
// says what was skipped and why.
absl::StatusOr<Selection> SelectImage(const SelectionRules& rules,
                                      const std::vector<std::string>& tags,
                                      const std::optional<SelectedImage>& current, absl::Time now,
                                      ImageSource& source);

// What SelectImage selects when nothing about the images themselves rules one out: `pin`, else the
// policy's best. Only the tag of the image is filled. Nullopt when there is none, or when creation
// times decide.
std::optional<Selection> SelectByName(const SelectionRules& rules,
                                      const std::vector<std::string>& tags);

// One tag held against the rules, as SelectImage does it. The errors that ImageSource names are
// refusals.
absl::StatusOr<SelectedImage> ExamineTag(const SelectionRules& rules, const std::string& tag,
                                         absl::Time now, ImageSource& source);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_IMAGE_SELECTION_H_
