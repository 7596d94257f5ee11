// The two routers behind MakeTrafficRouter that do anything.
#ifndef DELIVERY_ROUTING_EDIT_ROUTER_H_
#define DELIVERY_ROUTING_EDIT_ROUTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/routing/backends.h"

namespace delivery::routing {

// How often a write is tried when somebody else writes the object at the same time. Controllers
// write the status of a route after each change, so that the first try often fails.
inline constexpr int kWriteAttempts = 10;

// Reads `ref`, lets `edit` change it, and writes the change; again when somebody else wrote in
// between. The object as the server has it afterwards. `edit` gets what was read.
absl::StatusOr<Json> EditObject(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                                const std::function<absl::StatusOr<ObjectEdit>(const Json&)>& edit,
                                const std::stop_token& stop);

// Whether `object` is at least as new as `other`, which may be null.
bool IsNewer(const Json& object, const Json& other);

// Watches the one object.
std::unique_ptr<kubernetes::ObjectWatch> WatchOne(kubernetes::Api& api,
                                                  const kubernetes::ObjectRef& ref,
                                                  const kubernetes::ChangeSignal& signal);

// The object that is the only one of a watch; null before the first list and when it is gone.
struct Seen {
  bool listed = false;
  Json object;
};
Seen SeenBy(const kubernetes::ObjectWatch* watch);

// What Look says of an object that is not as expected.
std::string ByWhom(const std::string& deviation, const std::string& manager);

// For the backends that edit objects of others. `mirror`: percent of the requests that will be
// copied.
std::unique_ptr<TrafficRouter> MakeEditRouter(kubernetes::Api& api, RouteParts parts,
                                              int mirror = 0);
// For nginx_ingress, which adds an object of its own.
std::unique_ptr<TrafficRouter> MakeIngressRouter(kubernetes::Api& api, const TrafficTarget& target);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_EDIT_ROUTER_H_
