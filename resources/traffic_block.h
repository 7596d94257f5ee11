// The `traffic`, `step` and `match` blocks of a canary: declaration, rules, and what they ask for.
#ifndef DELIVERY_RESOURCES_TRAFFIC_BLOCK_H_
#define DELIVERY_RESOURCES_TRAFFIC_BLOCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/delivery/plan.h"
#include "provider/routing/traffic_router.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"

namespace delivery::resources {

struct GatewayApiBlock {
  schema::Attr<std::string> kind;
  schema::Attr<std::string> route;
  schema::Attr<std::string> service;
  schema::Attr<std::string> rule_name;
  static const schema::Spec<GatewayApiBlock>& Declaration();
};
struct ReplicasBlock {
  schema::Attr<std::string> service;  // optional: the one Service that selects the workload's pods
  static const schema::Spec<ReplicasBlock>& Declaration();
};
struct NginxIngressBlock {
  schema::Attr<std::string> ingress;
  schema::Attr<std::string> service;
  static const schema::Spec<NginxIngressBlock>& Declaration();
};
struct IstioBlock {
  schema::Attr<std::string> virtual_service;
  schema::Attr<std::string> service;
  schema::Attr<std::string> destination_rule;
  schema::Attr<std::vector<schema::Attr<std::string>>> route_names;
  static const schema::Spec<IstioBlock>& Declaration();
};
struct TraefikBlock {
  schema::Attr<std::string> traefik_service;
  schema::Attr<std::string> service;
  static const schema::Spec<TraefikBlock>& Declaration();
};
struct TrafficBlock {
  schema::Attr<GatewayApiBlock> gateway_api;
  schema::Attr<ReplicasBlock> replicas;
  schema::Attr<NginxIngressBlock> nginx_ingress;
  schema::Attr<IstioBlock> istio;
  schema::Attr<TraefikBlock> traefik;
  static const schema::Spec<TrafficBlock>& Declaration();
};

struct StepBlock {
  schema::Attr<int64_t> weight;
  schema::Attr<std::string> hold;
  schema::Attr<int64_t> replicas;
  schema::Attr<std::vector<schema::Attr<std::string>>> checks;
  static const schema::Spec<StepBlock>& Declaration();
};
using StepBlocks = schema::Attr<std::vector<StepBlock>>;

struct HeaderMatchBlock {
  schema::Attr<std::string> name;
  schema::Attr<std::string> exact;
  schema::Attr<std::string> prefix;
  schema::Attr<std::string> regex;
  static const schema::Spec<HeaderMatchBlock>& Declaration();
};
struct CookieMatchBlock {
  schema::Attr<std::string> name;
  schema::Attr<std::string> exact;
  static const schema::Spec<CookieMatchBlock>& Declaration();
};
struct MatchBlock {
  schema::Attr<std::vector<HeaderMatchBlock>> header;
  schema::Attr<std::vector<CookieMatchBlock>> cookie;
  static const schema::Spec<MatchBlock>& Declaration();
};

// Everything that is wrong, each with its path: no backend or two, an empty name, a match that has
// no or two kinds or that the backend cannot do. Unknown values are passed over.
void ValidateTraffic(const schema::Attr<TrafficBlock>& traffic,
                     const schema::Attr<MatchBlock>& match, Diagnostics& diagnostics);

struct StepRules {
  bool share_by_replicas = false;         // weight at most 50
  absl::Duration interval;                // of the analysis; zero: none. A shorter hold is an error
  std::vector<std::string> check_names;   // of all checks
  std::vector<std::string> timed_checks;  // those with `at`, which steps may not name
};
// No step at all, a weight outside 1 to 100 or not above the one before, a hold that is none or too
// short, replicas below 1, a check that does not exist or has `at`.
void ValidateSteps(const StepBlocks& steps, const StepRules& rules, Diagnostics& diagnostics);

// Blocks that are wholly known and valid.
absl::StatusOr<routing::Backend> ToBackend(const schema::Attr<TrafficBlock>& traffic);
routing::Match ToMatch(const schema::Attr<MatchBlock>& match);
std::vector<engine::CanaryStep> ToSteps(const StepBlocks& steps);
// By step index: the names of its checks.
std::vector<std::vector<std::string>> ChecksOfSteps(const StepBlocks& steps);
// The sum of the steps' holds, as far as they are known.
absl::Duration TimeForSteps(const StepBlocks& steps);

// For the reader of a plan: "through HTTPRoute web (Gateway API): 2 backends, stable web and canary
// web-canary".
std::string DescribeTraffic(const routing::Backend& backend, const routing::Match& match);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_TRAFFIC_BLOCK_H_
