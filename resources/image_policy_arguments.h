// What the image policy and the image data source take and compute alike.
#ifndef DELIVERY_RESOURCES_IMAGE_POLICY_ARGUMENTS_H_
#define DELIVERY_RESOURCES_IMAGE_POLICY_ARGUMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/image_selection.h"

namespace delivery::resources {

struct SemverBlock {
  schema::Attr<std::string> range;
  static const schema::Spec<SemverBlock>& Declaration();
};
struct AlphabeticalBlock {
  schema::Attr<std::string> order;
  static const schema::Spec<AlphabeticalBlock>& Declaration();
};
struct NumericalBlock {
  schema::Attr<std::string> order;
  static const schema::Spec<NumericalBlock>& Declaration();
};
struct NewestBlock {
  static const schema::Spec<NewestBlock>& Declaration();
  friend bool operator==(const NewestBlock&, const NewestBlock&) = default;
};

struct PolicyBlock {
  schema::Attr<SemverBlock> semver;
  schema::Attr<AlphabeticalBlock> alphabetical;
  schema::Attr<NumericalBlock> numerical;
  schema::Attr<NewestBlock> newest;
  static const schema::Spec<PolicyBlock>& Declaration();
};

struct FilterTagsBlock {
  schema::Attr<std::string> pattern;
  schema::Attr<std::string> extract;
  static const schema::Spec<FilterTagsBlock>& Declaration();
};

struct CosignBlock {
  schema::Attr<std::string> public_key;
  static const schema::Spec<CosignBlock>& Declaration();
};
struct VerifyBlock {
  schema::Attr<CosignBlock> cosign;
  static const schema::Spec<VerifyBlock>& Declaration();
};

struct ImageArguments {
  schema::Attr<std::string> repository;
  schema::Attr<PolicyBlock> policy;
  schema::Attr<FilterTagsBlock> filter_tags;
  schema::Attr<std::string> platform;
  schema::Attr<std::string> min_age;
  schema::Attr<std::vector<schema::Attr<std::string>>> exclude;
  schema::Attr<std::string> pin;
  schema::Attr<bool> allow_downgrade;
  schema::Attr<bool> with_digest;
  schema::Attr<VerifyBlock> verify;
  schema::Attr<std::string> timeout;
  static const schema::Spec<ImageArguments>& Declaration();
};

struct SkippedTag {
  schema::Attr<std::string> tag;
  schema::Attr<std::string> reason;
  static const schema::Spec<SkippedTag>& Declaration();
};
using SkippedTags = std::vector<schema::Attr<SkippedTag>>;

// All that rules between fields and values that must be parsed can tell, at once, with paths.
// Unknown values are passed over.
void ValidateImageArguments(const ImageArguments& arguments, Diagnostics& diagnostics);

// True when everything that decides the selection is known.
bool DecidesWhatToSelect(const ImageArguments& arguments);
// True when `a` and `b` may select differently from the same registry.
bool SelectsDifferently(const ImageArguments& a, const ImageArguments& b);

// Preconditions: valid and DecidesWhatToSelect. InvalidArgument otherwise.
absl::StatusOr<SelectionRules> ToRules(const ImageArguments& arguments);
absl::Duration TimeoutOf(const ImageArguments& arguments);

// `image`: repository as written, tag (if any), and digest unless with_digest is false (an image
// without a tag always has it).
std::string ImageText(const ImageArguments& arguments, const std::string& tag,
                      const std::string& digest);

// What the user is told of a look at the registry that failed.
std::string LookFailureText(const absl::Status& status);

// created_at: RFC 3339 in UTC, whole seconds.
std::string TimeText(absl::Time time);

SkippedTags ToSkippedTags(const std::vector<image_policy::Skipped>& skipped);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_IMAGE_POLICY_ARGUMENTS_H_
