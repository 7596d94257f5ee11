// TraefikService of Traefik: one list of weighted services.
#include <utility>

#include "provider/routing/service_refs.h"
#include "provider/routing/weighted_part.h"

namespace delivery::routing {
namespace {

constexpr char kVersion[] = "traefik.io/v1alpha1";

class TraefikPart : public WeightedPart {
 public:
  TraefikPart(const TrafficTarget& target, const TraefikBackend& backend)
      : WeightedPart({kVersion},
                     {kVersion, "TraefikService", target.namespace_name, backend.traefik_service},
                     {.rules = "",
                      .refs = "/spec/weighted/services",
                      .rule_noun = "weighted service",
                      .narrow_by = ""},
                     target, {}) {}

  kubernetes::FieldPath Field() const override {
    return kubernetes::FieldPath() / "spec" / "weighted" / "services";
  }

 protected:
  bool IsStable(const Json& one) const override {
    return IsTraefikServiceRef(one, service(), target().namespace_name);
  }
  bool IsCanary(const Json& one) const override {
    return IsTraefikServiceRef(one, target().canary_service, target().namespace_name);
  }
  Json CanaryRef(Json stable) const override {
    stable["name"] = target().canary_service;
    return stable;
  }
  Json StableRef(Json canary) const override {
    canary["name"] = service();
    return canary;
  }
};

}  // namespace

std::unique_ptr<RoutePart> MakeTraefikPart(const TrafficTarget& target) {
  return std::make_unique<TraefikPart>(target, std::get<TraefikBackend>(target.backend));
}

}  // namespace delivery::routing
