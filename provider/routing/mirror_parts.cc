// Where copies of requests go in routers that have rules.
#include <algorithm>
#include <cmath>
#include <utility>

#include "provider/routing/rule_mirror_part.h"
#include "provider/routing/service_refs.h"
#include "provider/routing/weighted_part.h"

namespace delivery::routing {
namespace {

using kubernetes::FieldPath;

// ---- Gateway API: a RequestMirror filter

class GatewayApiMirrorPart : public RuleMirrorPart {
 public:
  GatewayApiMirrorPart(const TrafficTarget& target, const GatewayApiBackend& backend)
      : RuleMirrorPart({kVersion}, {kVersion, backend.kind, target.namespace_name, backend.route},
                       {.rules = "/spec/rules",
                        .refs = "backendRefs",
                        .rule_noun = "rule",
                        .narrow_by = "rule_name"},
                       target,
                       backend.rule_name.empty() ? std::vector<std::string>{}
                                                 : std::vector<std::string>{backend.rule_name}) {}

  FieldPath Field() const override { return FieldPath() / "spec" / "rules"; }

 protected:
  bool IsStable(const Json& one) const override {
    return IsGatewayServiceRef(one, service(), target().namespace_name);
  }
  bool HasWeight(const Json& one) const override { return WeightOf(one) != 0; }
  bool Mirrors(const Json& rule) const override {
    const Json& filters = GetArray(rule, kFilters);
    return std::any_of(filters.begin(), filters.end(),
                       [](const Json& filter) { return GetString(filter, "type") == kType; });
  }
  std::optional<int> MirrorOf(const Json& rule) const override {
    for (const Json& filter : GetArray(rule, kFilters)) {
      if (!IsOurs(filter)) continue;
      return static_cast<int>(GetInt(GetObject(filter, kMirror), kPercent, 100));
    }
    return std::nullopt;
  }
  Json RecordRule(const Json& rule) const override { return {{kFilters, rule.contains(kFilters)}}; }
  Json WithMirror(Json rule, int percent, const Json& recorded) const override {
    Json filters = Json::array();
    for (const Json& filter : GetArray(rule, kFilters)) {
      if (!IsOurs(filter)) filters.push_back(filter);
    }
    if (percent > 0) filters.push_back(FilterOf(rule, percent));
    if (filters.empty() && !GetBool(recorded, kFilters)) {
      rule.erase(kFilters);
    } else {
      rule[kFilters] = std::move(filters);
    }
    return rule;
  }

 private:
  static constexpr char kVersion[] = "gateway.networking.k8s.io/v1";
  static constexpr char kFilters[] = "filters";
  static constexpr char kType[] = "RequestMirror";
  static constexpr char kMirror[] = "requestMirror";
  static constexpr char kPercent[] = "percent";

  bool IsOurs(const Json& filter) const {
    return GetString(filter, "type") == kType &&
           IsGatewayServiceRef(GetObject(GetObject(filter, kMirror), "backendRef"),
                               target().canary_service, target().namespace_name);
  }
  Json FilterOf(const Json& rule, int percent) const {
    Json backend = {{"name", target().canary_service}};
    for (const Json& one : GetArray(rule, "backendRefs")) {
      if (IsStable(one) && one.contains("port")) backend["port"] = one["port"];
    }
    Json mirror = {{"backendRef", std::move(backend)}};
    // Not every version of the API has it.
    if (percent < 100) mirror[kPercent] = percent;
    return {{"type", kType}, {kMirror, std::move(mirror)}};
  }
};

// ---- Istio: mirror and mirrorPercentage, to a subset of the Service

class VirtualServiceMirrorPart : public RuleMirrorPart {
 public:
  VirtualServiceMirrorPart(const TrafficTarget& target, const IstioBackend& backend)
      : RuleMirrorPart({"networking.istio.io/v1", "networking.istio.io/v1beta1"},
                       {"", "VirtualService", target.namespace_name, backend.virtual_service},
                       {.rules = "/spec/http",
                        .refs = "route",
                        .rule_noun = "http route",
                        .narrow_by = "route_names"},
                       target, backend.route_names) {}

  FieldPath Field() const override { return FieldPath() / "spec" / "http"; }

 protected:
  bool IsStable(const Json& one) const override {
    const std::string subset = SubsetOf(one);
    return IsOurHost(GetObject(one, "destination")) && (subset.empty() || subset == kStableSubset);
  }
  bool HasWeight(const Json& one) const override { return WeightOf(one) != 0; }
  bool Mirrors(const Json& rule) const override {
    return rule.contains("mirror") || rule.contains("mirrors");
  }
  std::optional<int> MirrorOf(const Json& rule) const override {
    const Json& mirror = GetObject(rule, "mirror");
    if (!IsOurHost(mirror) || GetString(mirror, "subset") != kCanarySubset) return std::nullopt;
    const Json* percent = Find(GetObject(rule, "mirrorPercentage"), "value");
    if (percent == nullptr || !percent->is_number()) return 100;
    return static_cast<int>(std::lround(percent->get<double>()));
  }
  Json WithMirror(Json rule, int percent, const Json&) const override {
    rule.erase("mirror");
    rule.erase("mirrorPercentage");
    if (percent == 0) return rule;
    for (const Json& one : GetArray(rule, "route")) {
      if (IsStable(one)) rule["mirror"] = one["destination"];
    }
    rule["mirror"]["subset"] = kCanarySubset;
    rule["mirrorPercentage"] = {{"value", percent}};
    return rule;
  }
  // The Service selects the copy's pods, too: without the subset they would get requests.
  Json WithMark(Json rule, bool marked) const override {
    if (GetArray(rule, "route").empty()) return rule;
    for (Json& one : rule["route"]) {
      if (!IsStable(one)) continue;
      if (marked) {
        one["destination"]["subset"] = kStableSubset;
      } else {
        one["destination"].erase("subset");
      }
    }
    return rule;
  }
  bool IsMarked(const Json& rule) const override {
    const Json& refs = GetArray(rule, "route");
    return std::any_of(refs.begin(), refs.end(), [this](const Json& one) {
      return IsOurHost(GetObject(one, "destination")) && SubsetOf(one) == kStableSubset;
    });
  }
  bool NeedsMark() const override { return true; }

 private:
  bool IsOurHost(const Json& destination) const {
    return IsHostOf(GetString(destination, "host"), service(), target().namespace_name);
  }
  static std::string SubsetOf(const Json& one) {
    return GetString(GetObject(one, "destination"), "subset");
  }
};

}  // namespace

RouteParts MakeMirrorParts(const TrafficTarget& target) {
  RouteParts parts;
  if (const auto* gateway = std::get_if<GatewayApiBackend>(&target.backend)) {
    parts.push_back(std::make_unique<GatewayApiMirrorPart>(target, *gateway));
  } else if (std::holds_alternative<TraefikBackend>(target.backend)) {
    parts.push_back(MakeTraefikMirrorPart(target));
  } else if (std::holds_alternative<NginxIngressBackend>(target.backend)) {
    parts.push_back(MakeIngressMirrorPart(target));
  } else if (const auto* istio = std::get_if<IstioBackend>(&target.backend)) {
    parts.push_back(MakeDestinationRulePart(target));
    parts.push_back(std::make_unique<VirtualServiceMirrorPart>(target, *istio));
  }
  return parts;
}

}  // namespace delivery::routing
