// What the tests of this folder share: objects as users have them, and targets in them.
#ifndef DELIVERY_ROUTING_ROUTING_FIXTURE_H_
#define DELIVERY_ROUTING_ROUTING_FIXTURE_H_

#include <ostream>
#include <string>
#include <vector>

#include "provider/routing/traffic_router.h"

namespace delivery::routing {

// A release that can be tried: the target and the objects in the order of the backend's parts.
struct RouteCase {
  std::string name;
  TrafficTarget target;
  std::vector<Json> objects;
};
void PrintTo(const RouteCase& test, std::ostream* out);

// Of Service web in namespace shop.
TrafficTarget TargetOf(Backend backend, Match match = {});
// Header X-Canary: always, header X-Team: beta-*, cookie canary=yes.
Match SomeMatch();

// Routes as they are met: several rules of others, filters, timeouts, names, weights and none.
std::vector<RouteCase> RouteCases();
// Of these the one with this name.
RouteCase RouteCaseOf(const std::string& name);

Json HttpRoute(const std::string& rules);
Json MakeObject(const std::string& api_version, const std::string& kind, const std::string& name,
                const std::string& spec);
Json IngressObject();

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_ROUTING_FIXTURE_H_
