// What a blue-green release is made of, looked up before its first write, and what is recorded of
// it afterwards.
#ifndef DELIVERY_RESOURCES_BLUE_GREEN_SETUP_H_
#define DELIVERY_RESOURCES_BLUE_GREEN_SETUP_H_

#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "provider/runner/blue_green_port.h"
#include "provider/runner/release.h"
#include "resources/cluster.h"
#include "resources/workload_apply.h"
#include "resources/workload_prepare.h"

namespace delivery::resources {

// Whether `declared` goes to the slot that does not serve: its pods would be others than those that
// serve, or nothing was ever good, or such a release (of `open_identity`) is open.
bool ReleasesBySwitch(const ReleaseJob& job, const Json& declared,
                      const std::string& open_identity);

// The slot that serves, by what is recorded and by the run that is open; where none does yet, the
// first one.
kubernetes::ObjectRef ServingSlotRef(const ReleaseJob& job, const Prepared& prepared);
// Whether the workload is still there though the slot that serves is not.
bool HasOtherSlot(const Connection& connection, const ReleaseJob& job, const Prepared& prepared,
                  const std::stop_token& stop);

// Everything that must hold before a release begins: the Service exists, has a selector that
// selects these pods and nobody else's, its ports are theirs, the label of the slots is free, no
// plain Deployment of the workload's name runs, nobody else has an object of a slot's name, and
// what switches can be switched. An error names the object, what is wrong and what to do. Changes
// nothing.
absl::StatusOr<runner::BlueGreenTarget> SetUpBlueGreen(const Connection& connection,
                                                       const ReleaseJob& job,
                                                       const Prepared& prepared,
                                                       const std::stop_token& stop);

engine::BlueGreenPlan BlueGreenPlanOf(const ReleaseJob& job, const Prepared& prepared);
// Of `workload`, what a release writes first.
Json RehearsedSlot(const runner::BlueGreenTarget& target, bool by_switch, const Json& workload);
void AddNeedsOfSlots(const ReleaseJob& job, PermissionNeeds& needs);

// Where the traffic goes after a run that ended in `state`.
kubernetes::ObjectRef ServingRef(const Prepared& prepared, const engine::State& state);
// What later plans need to know of a run.
void NoteSlots(const ReleaseJob& job, const Prepared& prepared, const runner::ReleaseResult& result,
               ReleaseRecord& record);

// Of a destroy, before the slots go: what switches and the preview are put back as they were before
// the first release, and Services that releases have made are deleted.
struct TakingBack {
  kubernetes::Api& api;
  const BlueGreenJob& job;
  const kubernetes::ObjectRef& ref;
  const ReleaseRecord& record;
  const std::optional<engine::State>& journal;  // of an open run
};
absl::Status TakeBackSwitch(const TakingBack& taking, const std::stop_token& stop);

// The switch of a job, with the slot that serves and the other one.
routing::SwitchTarget SwitchOf(const BlueGreenJob& job, const std::string& namespace_name,
                               const std::string& active);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_BLUE_GREEN_SETUP_H_
