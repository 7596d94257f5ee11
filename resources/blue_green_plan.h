// What a plan of delivery_blue_green_release says, from configuration, state and private state
// only. Pure.
#ifndef DELIVERY_RESOURCES_BLUE_GREEN_PLAN_H_
#define DELIVERY_RESOURCES_BLUE_GREEN_PLAN_H_

#include <string>
#include <vector>

#include "provider/base/json.h"
#include "provider/value/diagnostics.h"
#include "resources/blue_green_arguments.h"
#include "resources/release_record.h"
#include "resources/workload_apply.h"

namespace delivery::resources {

// What cannot be changed while a release is open.
void JudgeOpenBlueGreen(const BlueGreenRelease& planned, const BlueGreenRelease& prior,
                        const std::string& phase, const ReleaseRecord& record,
                        Diagnostics& diagnostics);

struct BlueGreenPlanInput {
  const BlueGreenRelease& planned;  // wholly known
  const BlueGreenRelease* prior;    // null: a first release
  const ReleaseRecord& record;
  const ReleaseJob& job;  // of `planned`
  const Json& declared;   // the workload as it is to be written
  std::string prior_phase;
};
// release_plan.
std::vector<std::string> DescribeBlueGreenRelease(const BlueGreenPlanInput& input);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_BLUE_GREEN_PLAN_H_
