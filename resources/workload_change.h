// What a plan takes for a change of a workload, and of which part of it. Pure.
#ifndef DELIVERY_RESOURCES_WORKLOAD_CHANGE_H_
#define DELIVERY_RESOURCES_WORKLOAD_CHANGE_H_

#include <string>

#include "provider/base/json.h"
#include "resources/release_record.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// Whether the verdict on the last release asks for another apply.
bool NeedsRelease(const std::string& phase);

// Manifest and images that ask for nothing new keep their prior spelling.
void KeepWhatAsksForNothingNew(const WorkloadArguments& prior, const ReleaseRecord& record,
                               WorkloadArguments& planned);

// Whether manifest, images or a restart ask for a release.
bool WorkloadChanged(const WorkloadArguments& planned, const WorkloadArguments& prior,
                     const ReleaseRecord& record);

// Whether two versions of a workload differ in their pods, and outside of them.
bool TemplateDiffers(const Json& a, const Json& b);
bool DiffersOutsideTemplate(const Json& a, const Json& b);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_CHANGE_H_
