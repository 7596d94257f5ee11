// The argument `approved`: images for which a release may go on.
#ifndef DELIVERY_RESOURCES_APPROVAL_H_
#define DELIVERY_RESOURCES_APPROVAL_H_

#include "provider/value/diagnostics.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// Names of containers whose images this resource does not set, and values that are no images.
void ValidateApproved(const schema::Attr<Images>& approved, const WorkloadArguments& arguments,
                      Diagnostics& diagnostics);

// Whether every image that is released is approved: the same text, or the same digest.
bool ApprovesImages(const schema::Attr<Images>& approved, const WorkloadArguments& arguments);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_APPROVAL_H_
