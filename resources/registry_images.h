// What a selection asks of the registry itself, with a memory of what digests fix for good.
#ifndef DELIVERY_RESOURCES_REGISTRY_IMAGES_H_
#define DELIVERY_RESOURCES_REGISTRY_IMAGES_H_

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/oci/client.h"
#include "provider/oci/reference.h"
#include "resources/image_memory.h"
#include "resources/image_policy_arguments.h"
#include "resources/image_selection.h"
#include "resources/registries.h"

namespace delivery::resources {

struct RegistryCall {
  std::shared_ptr<oci::Client> client;
  oci::Reference repository;
  Clock* clock = nullptr;
  absl::Time deadline;
  std::stop_token stop;
};

// Within the arguments' time, from now on. FailedPrecondition while the registries are not known.
absl::StatusOr<RegistryCall> CallFor(const Registries& registries, const ImageArguments& arguments,
                                     std::stop_token stop);

// That the registry as a whole does not answer, which may pass.
bool IsOutage(const absl::Status& status);

// Used by one thread; `rules` and `memory` must outlive it. What it learns goes to `memory`.
class RegistryImages : public ImageSource {
 public:
  RegistryImages(RegistryCall call, const SelectionRules& rules, ImageMemory& memory)
      : call_(std::move(call)), rules_(rules), memory_(memory) {}

  // All tags; not asked for anew when the registry says that nothing changed. Remembers them.
  absl::StatusOr<std::vector<std::string>> Tags();

  absl::StatusOr<std::string> DigestOf(const std::string& tag) override;
  absl::StatusOr<ImageFacts> Describe(const std::string& tag, const std::string& digest) override;
  absl::Status Verify(const std::string& digest) override;
  // Asks for several tags at a time.
  absl::StatusOr<TagTimes> CreationTimesOf(const std::vector<std::string>& tags) override;

  // What is remembered of an image that was selected.
  RememberedImage ToRemember(const SelectedImage& image) const;

 private:
  // One image may take this share of the time that is left, so that one that cannot be read does
  // not use up everything.
  absl::Time ShareOfDeadline() const;
  // A registry that answered before, and does not for this one image, has a bad image: Aborted.
  // Not when it limits our rate, or when it does not answer for several in a row.
  absl::Status OneImageOnly(const absl::Status& status, int& in_a_row);

  const RegistryCall call_;
  const SelectionRules& rules_;
  ImageMemory& memory_;
  std::string verified_;   // digest
  int unread_heads_ = 0;   // in a row
  int unread_images_ = 0;  // in a row
};

// One look at the registry: its tags, and which image the rules select. `memory` is brought up to
// date; it may be one of another repository. Errors name the repository.
absl::StatusOr<Selection> LookUpSelection(const RegistryCall& call, const SelectionRules& rules,
                                          const std::optional<SelectedImage>& current,
                                          ImageMemory& memory);

// The image that `tag` names, if the rules take it; remembered as a selection.
absl::StatusOr<SelectedImage> LookUpTag(const RegistryCall& call, const SelectionRules& rules,
                                        const std::string& tag, ImageMemory& memory);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_REGISTRY_IMAGES_H_
