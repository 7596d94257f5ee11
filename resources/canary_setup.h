// What a canary is made of: its names, its labels and the route, looked up before the first write.
#ifndef DELIVERY_RESOURCES_CANARY_SETUP_H_
#define DELIVERY_RESOURCES_CANARY_SETUP_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/runner/canary_port.h"
#include "resources/cluster.h"
#include "resources/workload_apply.h"

namespace delivery::resources {

struct CanarySetup {
  const Connection& connection;
  const CanaryJob& job;
  const Json& workload;  // as it is to be written
  const Json& live;      // the stable Deployment
  // kGoOn: a canary of ours is open, and what is there of it is no obstacle. kTakeBack: nor is
  // what is not there any more.
  enum class Purpose { kBegin, kGoOn, kTakeBack };
  Purpose purpose = Purpose::kBegin;
};

// Everything that must hold before a canary begins: the Service exists and selects the workload's
// pods, names and labels are possible, nobody else has an object of the canary's name, no other
// Service selects its pods, and the route can be split. An error names the object, what is wrong
// and what to do. Changes nothing.
absl::StatusOr<runner::CanaryTarget> SetUpCanary(const CanarySetup& setup,
                                                 const std::stop_token& stop);

// The labels of the canary's pods.
std::map<std::string, std::string> CanaryPodLabels(const runner::CanaryTarget& target,
                                                   const Json& workload);

// The name that the canary of a Deployment has.
std::string CanaryNameOf(const std::string& deployment);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CANARY_SETUP_H_
