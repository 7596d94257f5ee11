// What there is to know of an image before it runs.
#ifndef DELIVERY_OCI_IMAGE_H_
#define DELIVERY_OCI_IMAGE_H_

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/oci/client.h"
#include "provider/oci/platform.h"
#include "provider/oci/reference.h"

namespace delivery::oci {

struct Image {
  std::string digest;                  // of what the reference names: an index, or the one manifest
  std::vector<std::string> platforms;  // sorted, each once; empty for what is no container image
  std::optional<absl::Time> created;   // of the image for the wanted platform; see MeaningfulTime
};

// Reads manifest and configuration of `image` (tag or digest required). `created` is that of the
// image for `wanted`, or, without it, for linux/amd64, or else the first. FailedPrecondition, with
// the platforms that are there, when there is none for `wanted`; other errors are the client's.
absl::StatusOr<Image> DescribeImage(Client& client, const Reference& image,
                                    const std::optional<Platform>& wanted, absl::Time deadline,
                                    const std::stop_token& stop);

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_IMAGE_H_
