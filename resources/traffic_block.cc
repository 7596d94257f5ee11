#include "resources/traffic_block.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/schema/rules.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;

std::string Text(const Attr<std::string>& text) { return text.value_or(""); }

std::vector<std::string> Texts(const Attr<std::vector<Attr<std::string>>>& list) {
  std::vector<std::string> texts;
  if (!list.is_known()) return texts;
  for (const Attr<std::string>& one : list.value()) texts.push_back(Text(one));
  return texts;
}

std::string DescribeMatch(const routing::Match& match) {
  if (match.empty()) return "";
  std::vector<std::string> conditions;
  for (const routing::HeaderMatch& header : match.headers) {
    conditions.push_back(absl::StrCat("header ", header.name));
  }
  for (const routing::CookieMatch& cookie : match.cookies) {
    conditions.push_back(absl::StrCat("cookie ", cookie.name));
  }
  return absl::StrCat("; always to the canary: requests with a matching ",
                      absl::StrJoin(conditions, " or "));
}

struct DescribeBackend {
  std::string operator()(const routing::GatewayApiBackend& one) const {
    return absl::StrCat("through ", one.kind, " ", one.route, " (Gateway API)",
                        one.rule_name.empty() ? "" : absl::StrCat(", rule ", one.rule_name),
                        TwoBackends(one.service));
  }
  std::string operator()(const routing::ReplicasBackend& one) const {
    return absl::StrCat("by the ratio of ready pods",
                        one.service.empty() ? std::string(" behind the Service")
                                            : absl::StrCat(" behind Service ", one.service));
  }
  std::string operator()(const routing::NginxIngressBackend& one) const {
    return absl::StrCat("through Ingress ", one.ingress, "-canary beside Ingress ", one.ingress,
                        " (ingress-nginx)", TwoBackends(one.service));
  }
  std::string operator()(const routing::IstioBackend& one) const {
    const std::string routes =
        one.route_names.empty()
            ? ""
            : absl::StrCat(", http routes ", absl::StrJoin(one.route_names, ", "));
    return absl::StrCat("through VirtualService ", one.virtual_service, " and DestinationRule ",
                        one.destination_rule, " (Istio)", routes, ": 2 subsets of ", one.service,
                        ", stable and canary");
  }
  std::string operator()(const routing::TraefikBackend& one) const {
    return absl::StrCat("through TraefikService ", one.traefik_service, " (Traefik)",
                        TwoBackends(one.service));
  }
  static std::string TwoBackends(const std::string& service) {
    return absl::StrCat(": 2 backends, stable ", service, " and canary ", service, "-canary");
  }
};

}  // namespace

// ---- Declarations

const Spec<GatewayApiBlock>& GatewayApiBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<GatewayApiBlock>(
        "Weights in a route of the Gateway API. A run adds one backend to the rule that routes to "
        "the Service, and one rule before it for `match`; afterwards the route is as it was.");
    s->Field("kind", &GatewayApiBlock::kind)
        .Optional()
        .OneOf({"HTTPRoute", "GRPCRoute"})
        .Doc("Kind of the route; `HTTPRoute` unless given.");
    s->Field("route", &GatewayApiBlock::route).Required().Doc("Name of the route.");
    s->Field("service", &GatewayApiBlock::service)
        .Required()
        .Doc("The Service of the workload, to which a rule of the route sends requests.");
    s->Field("rule_name", &GatewayApiBlock::rule_name)
        .Optional()
        .Doc("Name of the rule, needed where several route to the Service.");
    return s;
  }();
  return *spec;
}

const Spec<ReplicasBlock>& ReplicasBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<ReplicasBlock>(
        "No router: the canary's share is that of its ready pods behind the Service, at most "
        "half.");
    s->Field("service", &ReplicasBlock::service)
        .Optional()
        .Doc("The Service; the one that selects the workload's pods unless given.");
    return s;
  }();
  return *spec;
}

const Spec<NginxIngressBlock>& NginxIngressBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<NginxIngressBlock>(
        "A second Ingress `<ingress>-canary` with the canary annotations of ingress-nginx. A run "
        "makes and removes it; the Ingress itself is not changed.");
    s->Field("ingress", &NginxIngressBlock::ingress).Required().Doc("Name of the Ingress.");
    s->Field("service", &NginxIngressBlock::service)
        .Required()
        .Doc("The Service of the workload, to which paths of the Ingress lead.");
    return s;
  }();
  return *spec;
}

const Spec<IstioBlock>& IstioBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<IstioBlock>(
        "Weights in a VirtualService between the subsets `stable` and `canary`, which a run adds "
        "to "
        "a DestinationRule; afterwards both are as they were.");
    s->Field("virtual_service", &IstioBlock::virtual_service)
        .Required()
        .Doc("Name of the VirtualService.");
    s->Field("service", &IstioBlock::service)
        .Required()
        .Doc("The Service of the workload, host of a destination.");
    s->Field("destination_rule", &IstioBlock::destination_rule)
        .Required()
        .Doc("Name of the DestinationRule for the Service.");
    s->Field("route_names", &IstioBlock::route_names)
        .Optional()
        .Doc("Names of the http routes to shift; the one that routes to the Service unless given.");
    return s;
  }();
  return *spec;
}

const Spec<TraefikBlock>& TraefikBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<TraefikBlock>(
        "Weights in a weighted TraefikService. A run adds one service to its list; afterwards it "
        "is "
        "as it was. `match` is not possible.");
    s->Field("traefik_service", &TraefikBlock::traefik_service)
        .Required()
        .Doc("Name of the TraefikService.");
    s->Field("service", &TraefikBlock::service)
        .Required()
        .Doc("The Service of the workload, one of the weighted services.");
    return s;
  }();
  return *spec;
}

const Spec<TrafficBlock>& TrafficBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<TrafficBlock>(
        "What divides the requests between the workload and what stands beside it (the canary, or "
        "the variant): exactly one of the blocks.");
    s->Block("gateway_api", &TrafficBlock::gateway_api);
    s->Block("replicas", &TrafficBlock::replicas);
    s->Block("nginx_ingress", &TrafficBlock::nginx_ingress);
    s->Block("istio", &TrafficBlock::istio);
    s->Block("traefik", &TrafficBlock::traefik);
    return s;
  }();
  return *spec;
}

const Spec<StepBlock>& StepBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<StepBlock>("A share of the traffic and how long it is held.");
    s->Field("weight", &StepBlock::weight)
        .Required()
        .Doc(
            "Percent of the traffic that the canary gets, 1 to 100; more than at the step before.");
    s->Field("hold", &StepBlock::hold)
        .Required()
        .Doc("How long the step is observed, as a Go duration such as `2m`.");
    s->Field("replicas", &StepBlock::replicas)
        .Optional()
        .Doc("Pods of the canary; its share of the present total unless given.");
    s->Field("checks", &StepBlock::checks)
        .Optional()
        .Doc("Names of checks that run at this step; they must not have `at`.");
    return s;
  }();
  return *spec;
}

const Spec<HeaderMatchBlock>& HeaderMatchBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<HeaderMatchBlock>("Requests with this header; one of the three values.");
    s->Field("name", &HeaderMatchBlock::name).Required().Doc("Name of the header.");
    s->Field("exact", &HeaderMatchBlock::exact).Optional().Doc("The header's value.");
    s->Field("prefix", &HeaderMatchBlock::prefix).Optional().Doc("How the value begins.");
    s->Field("regex", &HeaderMatchBlock::regex)
        .Optional()
        .Doc(
            "A regular expression for the value, in the router's syntax. Some routers match the "
            "whole value and some search in it: `^` and `$` make it mean the same.");
    return s;
  }();
  return *spec;
}

const Spec<CookieMatchBlock>& CookieMatchBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<CookieMatchBlock>("Requests with this cookie.");
    s->Field("name", &CookieMatchBlock::name).Required().Doc("Name of the cookie.");
    s->Field("exact", &CookieMatchBlock::exact)
        .Required()
        .Doc("The cookie's value; with `nginx_ingress` only `always` is possible.");
    return s;
  }();
  return *spec;
}

const Spec<MatchBlock>& MatchBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<MatchBlock>(
        "Requests that always go to the canary, or to variant B, while it serves. Each block is an "
        "alternative of its own.");
    s->BlockList("header", &MatchBlock::header);
    s->BlockList("cookie", &MatchBlock::cookie);
    return s;
  }();
  return *spec;
}

// ---- What the blocks ask for

absl::StatusOr<routing::Backend> ToBackend(const Attr<TrafficBlock>& traffic) {
  if (traffic.is_known()) {
    const TrafficBlock& block = traffic.value();
    if (block.gateway_api.is_known()) {
      const GatewayApiBlock& from = block.gateway_api.value();
      return routing::GatewayApiBackend{from.kind.value_or("HTTPRoute"), Text(from.route),
                                        Text(from.service), Text(from.rule_name)};
    }
    if (block.replicas.is_known()) {
      return routing::ReplicasBackend{Text(block.replicas->service)};
    }
    if (block.nginx_ingress.is_known()) {
      return routing::NginxIngressBackend{Text(block.nginx_ingress->ingress),
                                          Text(block.nginx_ingress->service)};
    }
    if (block.istio.is_known()) {
      const IstioBlock& from = block.istio.value();
      return routing::IstioBackend{Text(from.virtual_service), Text(from.service),
                                   Text(from.destination_rule), Texts(from.route_names)};
    }
    if (block.traefik.is_known()) {
      return routing::TraefikBackend{Text(block.traefik->traefik_service),
                                     Text(block.traefik->service)};
    }
  }
  return absl::InvalidArgumentError(
      "The block traffic has none of gateway_api, replicas, nginx_ingress, istio and traefik.");
}

routing::Match ToMatch(const Attr<MatchBlock>& match) {
  routing::Match result;
  if (!match.is_known()) return result;
  if (match->header.is_known()) {
    for (const HeaderMatchBlock& one : match->header.value()) {
      result.headers.push_back(
          {Text(one.name), {Text(one.exact), Text(one.prefix), Text(one.regex)}});
    }
  }
  if (match->cookie.is_known()) {
    for (const CookieMatchBlock& one : match->cookie.value()) {
      result.cookies.push_back({Text(one.name), Text(one.exact)});
    }
  }
  return result;
}

std::vector<engine::CanaryStep> ToSteps(const StepBlocks& steps) {
  std::vector<engine::CanaryStep> result;
  if (!steps.is_known()) return result;
  for (const StepBlock& from : steps.value()) {
    engine::CanaryStep step;
    step.weight = static_cast<int>(from.weight.value_or(0));
    step.hold = schema::ParseGoDuration(Text(from.hold)).value_or(absl::ZeroDuration());
    if (from.replicas.is_known()) step.replicas = static_cast<int>(from.replicas.value());
    step.has_checks = !Texts(from.checks).empty();
    result.push_back(std::move(step));
  }
  return result;
}

std::vector<std::vector<std::string>> ChecksOfSteps(const StepBlocks& steps) {
  std::vector<std::vector<std::string>> checks;
  if (!steps.is_known()) return checks;
  for (const StepBlock& step : steps.value()) checks.push_back(Texts(step.checks));
  return checks;
}

absl::Duration TimeForSteps(const StepBlocks& steps) {
  absl::Duration sum;
  for (const engine::CanaryStep& step : ToSteps(steps)) sum += step.hold;
  return sum;
}

std::string DescribeTraffic(const routing::Backend& backend, const routing::Match& match) {
  return absl::StrCat(std::visit(DescribeBackend{}, backend), DescribeMatch(match));
}

}  // namespace delivery::resources
