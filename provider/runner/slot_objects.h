// The objects of a blue-green release: a Deployment for each slot, and Services that select one
// slot. Pure.
#ifndef DELIVERY_RUNNER_SLOT_OBJECTS_H_
#define DELIVERY_RUNNER_SLOT_OBJECTS_H_

#include <optional>
#include <string>

#include "provider/base/json.h"
#include "provider/kubernetes/api.h"

namespace delivery::runner {

// "<name>-<slot>".
std::string SlotName(const std::string& workload, const std::string& slot);
kubernetes::ObjectRef SlotRef(const kubernetes::ObjectRef& workload, const std::string& slot);

// The workload under the slot's name, with the slot's label in selector and pod template, and with
// so many pods (nullopt: as many as it says).
Json SlotDeployment(const Json& workload, const std::string& slot_label, const std::string& slot,
                    std::optional<int> replicas);
// The opposite: a slot's Deployment as a user would have declared the workload.
Json WorkloadOfSlot(const Json& deployment, const std::string& slot_label,
                    const std::string& workload);
// Whether `object` is a Deployment that a release of ours has made for this slot: what somebody
// else calls so is not.
bool IsSlot(const Json& object, const std::string& slot_label, const std::string& slot);

// Whether a Service was made by a release of ours.
bool IsOwnService(const Json& service);

// A copy of `service`, called `name`, that selects the pods of one slot only. Owner: the slot's
// Deployment (uid).
Json SlotServiceObject(const Json& service, const std::string& name, const std::string& slot_label,
                       const std::string& slot, const std::string& owner, const std::string& uid);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_SLOT_OBJECTS_H_
