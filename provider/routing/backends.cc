#include "provider/routing/backends.h"

#include "absl/strings/str_cat.h"

namespace delivery::routing {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace

std::string BackendName(const Backend& backend) {
  return std::visit(
      Overloaded{[](const GatewayApiBackend&) { return std::string("gateway_api"); },
                 [](const ReplicasBackend&) { return std::string("replicas"); },
                 [](const NginxIngressBackend&) { return std::string("nginx_ingress"); },
                 [](const IstioBackend&) { return std::string("istio"); },
                 [](const TraefikBackend&) { return std::string("traefik"); }},
      backend);
}

std::string ServiceOf(const Backend& backend) {
  return std::visit([](const auto& one) { return one.service; }, backend);
}

bool SharesService(const Backend& backend) {
  return std::holds_alternative<ReplicasBackend>(backend) ||
         std::holds_alternative<IstioBackend>(backend);
}

bool NeedsCanaryService(const Backend& backend) { return !SharesService(backend); }

RouteParts MakeRouteParts(const TrafficTarget& target) {
  if (target.mirror > 0) return MakeMirrorParts(target);
  RouteParts parts;
  if (std::holds_alternative<GatewayApiBackend>(target.backend)) {
    parts.push_back(MakeGatewayApiPart(target));
  } else if (std::holds_alternative<TraefikBackend>(target.backend)) {
    parts.push_back(MakeTraefikPart(target));
  } else if (std::holds_alternative<IstioBackend>(target.backend)) {
    // The VirtualService refers to subsets, which must be there before.
    parts.push_back(MakeDestinationRulePart(target));
    parts.push_back(MakeVirtualServicePart(target));
  }
  return parts;
}

absl::Status ValidateMirror(const Backend& backend, int percent) {
  if (std::holds_alternative<ReplicasBackend>(backend)) {
    return absl::InvalidArgumentError(
        "With traffic through replicas nothing routes requests, so none can be copied: use "
        "gateway_api, istio, traefik or nginx_ingress.");
  }
  if (percent < 100 && std::holds_alternative<NginxIngressBackend>(backend)) {
    return absl::InvalidArgumentError(
        absl::StrCat("ingress-nginx copies every request (mirror-target), not ", percent,
                     " %: set percent = 100, or use gateway_api, istio or traefik."));
  }
  return absl::OkStatus();
}

std::vector<kubernetes::ObjectRef> ObjectsOf(const Backend& backend,
                                             const std::string& namespace_name, bool mirrors) {
  TrafficTarget target;
  target.backend = backend;
  target.namespace_name = namespace_name;
  target.mirror = mirrors ? 100 : 0;
  if (!mirrors && std::holds_alternative<NginxIngressBackend>(backend)) {
    return {IngressRef(target), CanaryIngressRef(target)};
  }
  std::vector<kubernetes::ObjectRef> refs;
  for (const auto& part : MakeRouteParts(target)) refs.push_back(part->ref());
  return refs;
}

}  // namespace delivery::routing
