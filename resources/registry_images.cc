#include "resources/registry_images.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/oci/cosign.h"
#include "provider/oci/image.h"

namespace delivery::resources {
namespace {

constexpr int kUnreadableInARow = 3;
// Connections are shared (HTTP/2); more would only queue.
constexpr size_t kAtATime = 8;

std::string PlatformOf(const SelectionRules& rules) {
  return rules.platform.has_value() ? rules.platform->Text() : "";
}

struct TagLook {
  std::optional<RememberedImage> image;
  absl::Status status;
};

// Digest and content of one tag.
TagLook LookAtTag(const RegistryCall& call, absl::Time deadline, const SelectionRules& rules,
                  const ImageMemory& memory, const std::string& tag) {
  const oci::Reference reference = call.repository.WithTag(tag);
  const absl::StatusOr<oci::ManifestHead> head = call.client->Head(reference, deadline, call.stop);
  if (!head.ok()) return {std::nullopt, head.status()};
  const RememberedImage* const known = memory.FindDigest(head->digest);
  if (known != nullptr && known->platform == PlatformOf(rules)) {
    RememberedImage image = *known;
    image.tag = tag;
    return {std::move(image), absl::OkStatus()};
  }
  absl::StatusOr<oci::Image> image = oci::DescribeImage(
      *call.client, call.repository.WithDigest(head->digest), rules.platform, deadline, call.stop);
  if (!image.ok()) return {std::nullopt, image.status()};
  return {
      RememberedImage{
          tag, {head->digest, std::move(image->platforms), image->created}, PlatformOf(rules), ""},
      absl::OkStatus()};
}

void ForgetOtherRepository(const RegistryCall& call, ImageMemory& memory) {
  const std::string name = call.repository.CanonicalName();
  if (memory.repository == name) return;
  memory = ImageMemory();
  memory.repository = name;
}

}  // namespace

bool IsOutage(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status);
}

absl::StatusOr<RegistryCall> CallFor(const Registries& registries, const ImageArguments& arguments,
                                     std::stop_token stop) {
  RegistryCall call;
  DELIVERY_ASSIGN_OR_RETURN(call.repository, oci::ParseRepository(arguments.repository.value()));
  DELIVERY_ASSIGN_OR_RETURN(call.client, registries.Connect());
  call.clock = &registries.clock();
  call.deadline = registries.clock().Now() + TimeoutOf(arguments);
  call.stop = std::move(stop);
  return call;
}

absl::StatusOr<std::vector<std::string>> RegistryImages::Tags() {
  // A list that was cut is of use only to the policy in whose order it was cut.
  const bool usable = memory_.has_all_tags || memory_.order_id == rules_.order_id;
  DELIVERY_ASSIGN_OR_RETURN(oci::TagList list,
                            call_.client->ListTags(call_.repository, call_.deadline, call_.stop,
                                                   usable ? memory_.etag : ""));
  memory_.looked_at = call_.clock->Now();
  if (list.not_modified) return memory_.tags;
  memory_.etag = std::move(list.etag);
  memory_.SetTags(rules_, list.tags);
  return std::move(list.tags);
}

absl::Time RegistryImages::ShareOfDeadline() const {
  const absl::Time now = call_.clock->Now();
  return now + (call_.deadline - now) / 4;
}

absl::Status RegistryImages::OneImageOnly(const absl::Status& status, int& in_a_row) {
  if (!IsOutage(status) || absl::IsResourceExhausted(status) || call_.stop.stop_requested() ||
      ++in_a_row >= kUnreadableInARow) {
    return status;
  }
  return absl::AbortedError(absl::StrCat("cannot be read: ", std::string(status.message())));
}

absl::StatusOr<std::string> RegistryImages::DigestOf(const std::string& tag) {
  const absl::StatusOr<oci::ManifestHead> head =
      call_.client->Head(call_.repository.WithTag(tag), ShareOfDeadline(), call_.stop);
  if (!head.ok()) return OneImageOnly(head.status(), unread_heads_);
  unread_heads_ = 0;
  return head->digest;
}

absl::StatusOr<ImageFacts> RegistryImages::Describe(const std::string& tag,
                                                    const std::string& digest) {
  const std::string platform = PlatformOf(rules_);
  const RememberedImage* const known = memory_.FindDigest(digest);
  if (known != nullptr && known->platform == platform) return known->facts;
  const absl::StatusOr<oci::Image> image =
      oci::DescribeImage(*call_.client, call_.repository.WithDigest(digest), rules_.platform,
                         ShareOfDeadline(), call_.stop);
  if (!image.ok()) return OneImageOnly(image.status(), unread_images_);
  unread_images_ = 0;
  ImageFacts facts{digest, image->platforms, image->created};
  memory_.AddSeen({tag, facts, platform, ""},
                  std::max(memory_.seen.size(), ImageMemory::kMostSeen));
  return facts;
}

absl::Status RegistryImages::Verify(const std::string& digest) {
  const RememberedImage* const known = memory_.FindDigest(digest);
  const bool verified = known != nullptr && known->verified_by == rules_.key_id;
  if (!verified) {
    const absl::Status status =
        oci::VerifySignature(*call_.client, call_.repository.WithDigest(digest), *rules_.key,
                             ShareOfDeadline(), call_.stop);
    if (!status.ok()) return OneImageOnly(status, unread_images_);
  }
  unread_images_ = 0;
  verified_ = digest;
  return absl::OkStatus();
}

absl::StatusOr<TagTimes> RegistryImages::CreationTimesOf(const std::vector<std::string>& tags) {
  std::vector<TagLook> looks(tags.size());
  std::atomic<size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min(kAtATime, tags.size()); ++i) {
      threads.emplace_back([&] {
        for (size_t at = next++; at < tags.size(); at = next++) {
          looks[at] = LookAtTag(call_, ShareOfDeadline(), rules_, memory_, tags[at]);
        }
      });
    }
  }
  TagTimes times;
  std::deque<RememberedImage> seen;
  int outages = 0;
  for (size_t i = 0; i < tags.size(); ++i) {
    const absl::Status& status = looks[i].status;
    if (absl::IsCancelled(status) || absl::IsUnauthenticated(status) ||
        absl::IsResourceExhausted(status)) {
      return status;
    }
    if (IsOutage(status) && (++outages >= kUnreadableInARow || tags.size() == 1)) return status;
    RememberedImage image{tags[i], {}, "", ""};
    if (looks[i].image.has_value()) {
      image = *std::move(looks[i].image);
      if (image.facts.created.has_value()) times.known.emplace(tags[i], *image.facts.created);
    } else {
      times.unknown.push_back({tags[i], std::string(status.message())});
    }
    if (seen.size() < ImageMemory::kMostSeenForNewest) seen.push_back(std::move(image));
  }
  memory_.seen = std::move(seen);
  return times;
}

RememberedImage RegistryImages::ToRemember(const SelectedImage& image) const {
  RememberedImage remembered{image.tag, image.facts, PlatformOf(rules_), ""};
  const RememberedImage* const known = memory_.FindDigest(image.facts.digest);
  if (verified_ == image.facts.digest) {
    remembered.verified_by = rules_.key_id;
  } else if (known != nullptr) {
    remembered.verified_by = known->verified_by;
  }
  return remembered;
}

absl::StatusOr<Selection> LookUpSelection(const RegistryCall& call, const SelectionRules& rules,
                                          const std::optional<SelectedImage>& current,
                                          ImageMemory& memory) {
  ForgetOtherRepository(call, memory);
  RegistryImages images(call, rules, memory);
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<std::string> tags, images.Tags());
  // What apply had to refuse may have been repaired; what is not listed is not.
  std::erase_if(memory.refused, [&](const image_policy::Skipped& one) {
    if (std::find(tags.begin(), tags.end(), one.tag) == tags.end()) return false;
    const absl::StatusOr<std::string> digest = images.DigestOf(one.tag);
    return digest.ok() && images.Describe(one.tag, *digest).ok();
  });
  absl::StatusOr<Selection> selection =
      SelectImage(rules, tags, current, call.clock->Now(), images);
  if (absl::IsFailedPrecondition(selection.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(call.repository.name, ": ", std::string(selection.status().message())));
  }
  if (!selection.ok()) return selection;
  const bool stays = current.has_value() && current->facts == selection->image.facts;
  // What stands is never forgotten, however much was foreseen since.
  if (current.has_value() && !stays) memory.AddSelection(images.ToRemember(*current));
  memory.AddSelection(images.ToRemember(selection->image));
  return selection;
}

absl::StatusOr<SelectedImage> LookUpTag(const RegistryCall& call, const SelectionRules& rules,
                                        const std::string& tag, ImageMemory& memory) {
  ForgetOtherRepository(call, memory);
  RegistryImages images(call, rules, memory);
  absl::StatusOr<SelectedImage> image = ExamineTag(rules, tag, call.clock->Now(), images);
  if (IsAboutOneImage(image.status()))
    memory.AddRefused(tag, std::string(image.status().message()));
  if (!image.ok()) return image;
  memory.AddSelection(images.ToRemember(*image));
  return image;
}

}  // namespace delivery::resources
