// What a plan of delivery_canary_release says, from configuration, state and private state only.
// Pure.
#ifndef DELIVERY_RESOURCES_CANARY_PLAN_H_
#define DELIVERY_RESOURCES_CANARY_PLAN_H_

#include <string>
#include <vector>

#include "provider/base/json.h"
#include "provider/value/diagnostics.h"
#include "resources/canary_arguments.h"
#include "resources/release_record.h"
#include "resources/workload_apply.h"

namespace delivery::resources {

// Whether the next apply would go on with a canary that is held: more is approved than before, as
// far as is known.
bool GoesOn(const CanaryRelease& planned, const ReleaseRecord& record);

// Whether a canary is open, as far as the state knows.
bool HasOpenCanary(const std::string& phase, const ReleaseRecord& record);

// What cannot be changed while a canary is open.
void JudgeOpenCanary(const CanaryRelease& planned, const CanaryRelease& prior,
                     const std::string& phase, const ReleaseRecord& record,
                     Diagnostics& diagnostics);

struct CanaryPlanInput {
  const CanaryRelease& planned;  // wholly known
  const CanaryRelease* prior;    // null: a first release
  const ReleaseRecord& record;
  const ReleaseJob& job;  // of `planned`
  const Json& declared;   // the workload as it is to be written
  std::string prior_phase;
};
// release_plan.
std::vector<std::string> DescribeCanaryRelease(const CanaryPlanInput& input);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CANARY_PLAN_H_
