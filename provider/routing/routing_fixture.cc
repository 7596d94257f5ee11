#include "provider/routing/routing_fixture.h"

#include <cstdlib>
#include <utility>

namespace delivery::routing {
namespace {

constexpr char kPlainRoute[] = R"([{"backendRefs": [{"name": "web", "port": 80}]}])";

// Between rules of others; a redirect has no backend.
constexpr char kCrowdedRoute[] = R"([
  {"matches": [{"path": {"type": "PathPrefix", "value": "/old"}}],
   "filters": [{"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}}]},
  {"matches": [{"path": {"type": "PathPrefix", "value": "/api"}}],
   "backendRefs": [{"name": "api", "port": 80, "weight": 90}, {"name": "api-next", "port": 80,
                    "weight": 10}]},
  {"matches": [{"path": {"type": "PathPrefix", "value": "/"}},
               {"path": {"type": "Exact", "value": "/shop"}, "method": "GET",
                "headers": [{"type": "Exact", "name": "x-tenant", "value": "a"}]}],
   "filters": [{"type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": "x-from", "value": "edge"}]}}],
   "timeouts": {"request": "10s", "backendRequest": "2s"},
   "sessionPersistence": {"sessionName": "s"},
   "backendRefs": [{"group": "", "kind": "Service", "name": "web", "port": 8080, "weight": 1,
                    "filters": [{"type": "ResponseHeaderModifier",
                                 "responseHeaderModifier": {"remove": ["server"]}}]}]},
  {"matches": [{"path": {"type": "PathPrefix", "value": "/other"}}],
   "backendRefs": [{"name": "web", "namespace": "elsewhere", "port": 80},
                   {"name": "web", "kind": "Other", "group": "example.com"}]}])";

constexpr char kNamedRoute[] = R"([
  {"name": "public", "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
   "backendRefs": [{"name": "web", "port": 80, "weight": 7}, {"name": "idle", "weight": 0}]},
  {"name": "internal", "matches": [{"path": {"type": "PathPrefix", "value": "/internal"}}],
   "backendRefs": [{"name": "web", "port": 81}]}])";

constexpr char kGrpcRoute[] = R"([
  {"matches": [{"method": {"service": "shop.Cart", "type": "Exact"}}],
   "backendRefs": [{"name": "web", "port": 9090}]},
  {"backendRefs": [{"name": "rest", "port": 9090}]}])";

constexpr char kVirtualService[] = R"({"hosts": ["shop.test"], "gateways": ["edge"], "http": [
  {"match": [{"uri": {"prefix": "/api"}}], "route": [{"destination": {"host": "api"}}]},
  {"match": [{"uri": {"prefix": "/"}, "headers": {"x-tenant": {"exact": "a"}}},
             {"uri": {"exact": "/shop"}}],
   "retries": {"attempts": 3}, "timeout": "5s", "name": "web-route",
   "route": [{"destination": {"host": "web.shop.svc.cluster.local", "port": {"number": 80}},
              "headers": {"response": {"remove": ["server"]}}}]}],
  "tls": [{"match": [{"port": 443}]}]})";

constexpr char kTwoHttpRoutes[] = R"({"hosts": ["shop.test"], "http": [
  {"name": "first", "match": [{"uri": {"prefix": "/a"}}],
   "route": [{"destination": {"host": "web"}, "weight": 100}]},
  {"name": "between", "route": [{"destination": {"host": "web"}}], "fault": {}},
  {"name": "second", "route": [{"destination": {"host": "web.shop"}}]}]})";

constexpr char kTraefik[] = R"({"weighted": {"sticky": {"cookie": {"name": "s"}}, "services": [
  {"name": "idle", "kind": "TraefikService", "weight": 0},
  {"name": "web", "port": 80, "serversTransport": "t", "passHostHeader": true}]}})";

RouteCase IstioCase(const std::string& name, const std::string& virtual_service,
                    const std::string& destination_rule, std::vector<std::string> routes) {
  return {name,
          TargetOf(IstioBackend{"web", "web", "web-rule", std::move(routes)}, SomeMatch()),
          {MakeObject("networking.istio.io/v1", "DestinationRule", "web-rule", destination_rule),
           MakeObject("networking.istio.io/v1", "VirtualService", "web", virtual_service)}};
}

RouteCase GatewayCase(const std::string& name, const std::string& rules,
                      const std::string& rule_name = "") {
  return {name,
          TargetOf(GatewayApiBackend{"HTTPRoute", "web", "web", rule_name}, SomeMatch()),
          {HttpRoute(rules)}};
}

}  // namespace

void PrintTo(const RouteCase& test, std::ostream* out) { *out << test.name; }

TrafficTarget TargetOf(Backend backend, Match match) {
  TrafficTarget target;
  target.backend = std::move(backend);
  target.match = std::move(match);
  target.namespace_name = "shop";
  target.canary_service = "web-canary";
  target.label_key = "track";
  target.stable_label_value = "stable";
  target.canary_label_value = "canary";
  return target;
}

Match SomeMatch() {
  Match match;
  match.headers.push_back({"X-Canary", {.exact = "always", .prefix = "", .regex = ""}});
  match.headers.push_back({"X-Team", {.exact = "", .prefix = "beta.", .regex = ""}});
  match.cookies.push_back({"canary", "yes"});
  return match;
}

Json MakeObject(const std::string& api_version, const std::string& kind, const std::string& name,
                const std::string& spec) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", "shop"},
            {"annotations", {{"team", "shop"}}},
            {"resourceVersion", "7"},
            {"uid", "u1"}}},
          {"spec", Json::parse(spec)}};
}

Json HttpRoute(const std::string& rules) {
  return MakeObject(
      "gateway.networking.k8s.io/v1", "HTTPRoute", "web",
      R"({"parentRefs": [{"name": "edge"}], "hostnames": ["shop.test"], "rules": )" + rules + "}");
}

Json IngressObject() {
  Json ingress = MakeObject("networking.k8s.io/v1", "Ingress", "web", R"({
    "ingressClassName": "nginx", "tls": [{"hosts": ["shop.test"], "secretName": "shop-tls"}],
    "rules": [
      {"host": "shop.test", "http": {"paths": [
        {"path": "/api", "pathType": "Prefix", "backend": {"service": {"name": "api",
         "port": {"number": 80}}}},
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web",
         "port": {"name": "http"}}}}]}},
      {"host": "api.test", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "api",
         "port": {"number": 80}}}}]}}]})");
  ingress["metadata"]["annotations"] = {{"nginx.ingress.kubernetes.io/rewrite-target", "/$1"},
                                        {"nginx.ingress.kubernetes.io/backend-protocol", "HTTPS"},
                                        {"nginx.ingress.kubernetes.io/canary-weight-total", "1000"},
                                        {"cert-manager.io/cluster-issuer", "letsencrypt"}};
  return ingress;
}

std::vector<RouteCase> RouteCases() {
  RouteCase grpc{"GrpcRoute",
                 TargetOf(GatewayApiBackend{"GRPCRoute", "web", "web", ""}, SomeMatch()),
                 {MakeObject("gateway.networking.k8s.io/v1", "GRPCRoute", "web",
                             std::string(R"({"rules": )") + kGrpcRoute + "}")}};
  return {GatewayCase("PlainRoute", kPlainRoute),
          GatewayCase("CrowdedRoute", kCrowdedRoute),
          GatewayCase("NamedRule", kNamedRoute, "public"),
          std::move(grpc),
          IstioCase("VirtualService", kVirtualService, R"({"host": "web"})", {}),
          IstioCase("NamedHttpRoutes", kTwoHttpRoutes,
                    R"({"host": "web.shop.svc.cluster.local", "trafficPolicy": {"tls": {}},
                        "subsets": [{"name": "v1", "labels": {"version": "1"}}]})",
                    {"second", "first"}),
          {"TraefikService",
           TargetOf(TraefikBackend{"web", "web"}),
           {MakeObject("traefik.io/v1alpha1", "TraefikService", "web", kTraefik)}}};
}

RouteCase RouteCaseOf(const std::string& name) {
  for (const RouteCase& test : RouteCases()) {
    if (test.name == name) return test;
  }
  std::abort();
}

}  // namespace delivery::routing
