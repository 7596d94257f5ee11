// Switches all the traffic between two slots of a workload in one write: the selector of a Service,
// or the backends of an Ingress or an HTTPRoute. Knows no strategy.
#ifndef DELIVERY_ROUTING_SWITCH_H_
#define DELIVERY_ROUTING_SWITCH_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/routing/traffic_router.h"

namespace delivery::routing {

// The Service's selector gets the slot.
struct SelectorSwitch {};
// Its backends that are the Service become "<service>-<slot>".
struct IngressSwitch {
  std::string ingress;
};
struct GatewaySwitch {
  std::string route;  // an HTTPRoute
};
using Switch = std::variant<SelectorSwitch, IngressSwitch, GatewaySwitch>;

inline constexpr const char* kSlots[] = {"blue", "green"};

struct SwitchTarget {
  Switch by;
  std::string namespace_name;
  std::string service;
  std::string slot_label;
  std::string active;  // where the traffic is without a switch; empty: as it was before the first
  std::string target;  // where a switch sends it
};

// "blue" for "green" and the other way round; "blue" for none.
std::string OtherSlot(const std::string& slot);
// "<service>-<slot>".
std::string SlotService(const std::string& service, const std::string& slot);
// False where the Service itself selects the slot's pods.
bool NeedsSlotServices(const Switch& by);
// The object that is changed.
kubernetes::ObjectRef SwitchObject(const SwitchTarget& target);
// "the selector of Service shop/web", "the backends of Ingress shop/web".
std::string SwitchText(const SwitchTarget& target);

// What an object says now.
struct SwitchState {
  std::string slot;         // empty: no slot, or not the same everywhere
  bool is_original = true;  // as before the first release: no slot anywhere
  bool ours = false;        // our last write stands, as far as the owners of the field tell
  std::string manager;      // else who wrote it last; empty: nobody knows
  std::optional<absl::Time> written;
};
SwitchState ReadSwitch(const SwitchTarget& target, const Json& live);
// "selects slot=green", "refers to Service web-green", "selects no slot".
std::string DescribeSwitch(const SwitchTarget& target, const SwitchState& state);

// A router for which Split{100} is the switch to `target` and Split{} the one write back. Restore
// puts back what was there before the first release, without a record as far as that can be told.
// Set{100} is refused with FailedPrecondition where the object says neither slot.
//
// `api` must outlive it.
std::unique_ptr<TrafficRouter> MakeSwitchRouter(kubernetes::Api& api, const SwitchTarget& target);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_SWITCH_H_
