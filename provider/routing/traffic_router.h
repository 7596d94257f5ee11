// Shifts traffic between the stable version of a workload and its canary, in an object that is
// somebody else's: an HTTPRoute, a VirtualService, an Ingress. Knows no strategy.
//
// Each backend is a pure builder (backends.h): from the object as it is to the narrow JSON patch
// that makes it as it should be, and a reader that says what it does now. The router of this file
// does the I/O around it: reads, writes as manager terraform-provider-delivery-traffic with a
// `test` of the old value and of the resourceVersion, reads back, and gives the field ownership
// back at the end.
#ifndef DELIVERY_ROUTING_TRAFFIC_ROUTER_H_
#define DELIVERY_ROUTING_TRAFFIC_ROUTER_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/managed_fields.h"

namespace delivery::routing {

inline constexpr const char* kTrafficManager = kubernetes::kTrafficFieldManager;

// Requests that are always sent to the canary while it serves. Exactly one of exact, prefix, regex.
struct StringMatch {
  std::string exact;
  std::string prefix;
  std::string regex;
};
struct HeaderMatch {
  std::string name;
  StringMatch value;
};
struct CookieMatch {
  std::string name;
  std::string exact;
};
// Any of them (each `header`/`cookie` block is an alternative of its own).
struct Match {
  std::vector<HeaderMatch> headers;
  std::vector<CookieMatch> cookies;
  bool empty() const { return headers.empty() && cookies.empty(); }
};

struct GatewayApiBackend {
  std::string kind = "HTTPRoute";  // or "GRPCRoute"
  std::string route;
  std::string service;
  std::string rule_name;  // empty: the one rule that routes to `service`
};
struct ReplicasBackend {
  std::string service;
};
struct NginxIngressBackend {
  std::string ingress;
  std::string service;
};
struct IstioBackend {
  std::string virtual_service;
  std::string service;
  std::string destination_rule;
  std::vector<std::string> route_names;  // empty: the one http route to `service`
};
struct TraefikBackend {
  std::string traefik_service;
  std::string service;
};
using Backend = std::variant<GatewayApiBackend, ReplicasBackend, NginxIngressBackend, IstioBackend,
                             TraefikBackend>;
// "gateway_api", "replicas", "nginx_ingress", "istio", "traefik".
std::string BackendName(const Backend& backend);
// The Service that clients use.
std::string ServiceOf(const Backend& backend);
// The objects a run changes or makes, for permissions and for the reader of a plan (empty for
// replicas; the Ingress and the canary Ingress for nginx, of which a mirror changes the first).
std::vector<kubernetes::ObjectRef> ObjectsOf(const Backend& backend,
                                             const std::string& namespace_name,
                                             bool mirrors = false);
// True for all but replicas{} and istio{}: the canary needs a Service of its own.
bool NeedsCanaryService(const Backend& backend);
// True for replicas{} and istio{}: the canary's pods are selected by the Service on purpose.
bool SharesService(const Backend& backend);

// What a backend cannot do, that configuration alone can tell (a match by regex or cookie, ...):
// InvalidArgument with the remedy.
absl::Status ValidateMatch(const Backend& backend, const Match& match);
// The same for a mirror of `percent` of the requests.
absl::Status ValidateMirror(const Backend& backend, int percent);

struct TrafficTarget {
  Backend backend;
  Match match;
  std::string namespace_name;
  std::string canary_service;  // "<service>-canary"
  // Above 0: the requests stay with the stable version, and the other one gets copies of so many
  // percent of them.
  int mirror = 0;
  // What messages call the other one ("canary").
  std::string noun = "canary";
  // The Service's ports by name, for a router that takes numbers only.
  std::map<std::string, int> service_ports;
  // The label by which the canary's pods differ (for Istio's subsets).
  std::string label_key;
  std::string stable_label_value;
  std::string canary_label_value;
};

// What a router is asked for. weight 0 without match: the canary gets nothing.
struct Split {
  int weight = 0;      // percent of the canary
  bool match = false;  // the rule for `match` is there
  int mirror = 0;      // percent of the requests that are copied to it
  // The canary's place in the route is made though it gets nothing: what keeps requests from pods
  // that the stable Service selects, too.
  bool reserve = false;

  friend bool operator==(const Split&, const Split&) = default;
};

// What an object says now.
struct RouteState {
  Split split;
  bool at_rest = true;  // nothing of a run is in it
  // Somebody else changed what the run had written: what, and the manager that did it. A run ends
  // then.
  std::optional<std::string> foreign;
};

// Used by one thread.
class TrafficRouter {
 public:
  virtual ~TrafficRouter() = default;

  // Reads the objects before the first write and says whether a run can begin: NotFound when an
  // object or rule does not exist, FailedPrecondition when it routes elsewhere, is ambiguous or
  // already splits, each naming object, rule and remedy. The result is what Restore needs; it is
  // small, holds no secrets and is kept in the journal.
  virtual absl::StatusOr<Json> Record(const std::stop_token& stop) = 0;

  // Makes it so, and reads it back. Idempotent: nothing is written when it is so already. Aborted
  // when somebody else changed the object at the same time more often than it was tried again;
  // NotFound when it was deleted; FailedPrecondition when it was changed so that the split cannot
  // be written. Split{0, false} always removes what the run added, whatever else somebody changed.
  virtual absl::Status Set(const Json& record, const Split& split, const std::stop_token& stop) = 0;

  // Byte for byte as it was recorded where nobody else changed it, managedFields entries included;
  // removes what was made (a canary Ingress). Idempotent. An object that is gone is no error. The
  // field stays ours where somebody changed it under another process of the run: their change is
  // then not overwritten silently by the former owner's next apply.
  virtual absl::Status Restore(const Json& record, const std::stop_token& stop) = 0;

  // The same for a run whose record is lost: takes out what it added to objects whose field is
  // still ours, which stays ours. Returns those that it changed.
  virtual absl::StatusOr<std::vector<std::string>> RestoreLost(const std::stop_token& stop) = 0;

  // Reads the objects once and judges them against what was last written (`expected`): between
  // applies. An object that is gone is foreign.
  virtual absl::StatusOr<RouteState> Inspect(const Json& record, const Split& expected,
                                             const std::stop_token& stop) = 0;

  // Judges what the watches last saw, or the last answer to a write when that is newer, against
  // what was last written (`expected`). An object at rest in which this process has not seen a
  // split yet is not foreign: a process before may have died between its journal and its write.
  virtual RouteState Look(const Json& record, const Split& expected) = 0;

  // Starts watching; `signal` is notified of changes. Returns the watches, for the first lists.
  virtual std::vector<kubernetes::ObjectWatch*> Watch(kubernetes::ChangeSignal signal) = 0;
};

// `api` must outlive it.
std::unique_ptr<TrafficRouter> MakeTrafficRouter(kubernetes::Api& api, TrafficTarget target);

// Who manages the route, for the plan's warning that this manager may reset weights; empty: nobody
// but us.
std::vector<std::string> RouteManagers(const Json& object);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_TRAFFIC_ROUTER_H_
