// HTTPRoute and GRPCRoute of the Gateway API.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/request_match.h"
#include "provider/routing/service_refs.h"
#include "provider/routing/weighted_part.h"

namespace delivery::routing {
namespace {

constexpr char kVersion[] = "gateway.networking.k8s.io/v1";
constexpr size_t kMostRules = 16;
constexpr size_t kMostMatchesOfRule = 64;
constexpr size_t kMostMatches = 128;  // of all rules together

// HTTPHeaderMatch; there is no prefix in it.
Json HeaderCondition(const HeaderMatch& header) {
  const StringMatch& value = header.value;
  const bool exact = !value.exact.empty();
  return {{"name", header.name},
          {"type", exact ? "Exact" : "RegularExpression"},
          {"value", exact                   ? value.exact
                    : !value.prefix.empty() ? PrefixRegex(value.prefix)
                                            : value.regex}};
}

Json CookieCondition(const CookieMatch& cookie) {
  return {{"name", "Cookie"}, {"type", "RegularExpression"}, {"value", CookieRegex(cookie)}};
}

std::vector<Json> ConditionsOf(const Match& match) {
  std::vector<Json> conditions;
  for (const HeaderMatch& header : match.headers) conditions.push_back(HeaderCondition(header));
  for (const CookieMatch& cookie : match.cookies) conditions.push_back(CookieCondition(cookie));
  return conditions;
}

bool HasHeader(const Json& headers, const std::string& name) {
  for (const Json& header : headers) {
    if (absl::EqualsIgnoreCase(GetString(header, "name"), name)) return true;
  }
  return false;
}

class GatewayApiPart : public WeightedPart {
 public:
  GatewayApiPart(const TrafficTarget& target, const GatewayApiBackend& backend)
      : WeightedPart({kVersion}, {kVersion, backend.kind, target.namespace_name, backend.route},
                     {.rules = "/spec/rules",
                      .refs = "/backendRefs",
                      .rule_noun = "rule",
                      .narrow_by = "rule_name"},
                     target,
                     backend.rule_name.empty() ? std::vector<std::string>{}
                                               : std::vector<std::string>{backend.rule_name}),
        conditions_(ConditionsOf(target.match)) {}

  kubernetes::FieldPath Field() const override {
    return kubernetes::FieldPath() / "spec" / "rules";
  }

 protected:
  bool IsStable(const Json& one) const override {
    return IsGatewayServiceRef(one, service(), target().namespace_name);
  }
  bool IsCanary(const Json& one) const override {
    return IsGatewayServiceRef(one, target().canary_service, target().namespace_name);
  }
  Json CanaryRef(Json stable) const override {
    stable["name"] = target().canary_service;
    return stable;
  }
  Json StableRef(Json canary) const override {
    canary["name"] = service();
    return canary;
  }

  absl::StatusOr<Json> MatchRule(const Json& rule) const override {
    Json own = GetArray(rule, "matches");
    if (own.empty()) own.push_back(Json::object());  // everything
    Json matches = Json::array();
    for (const Json& one : own) {
      for (const Json& condition : conditions_) {
        Json both = one;
        Json headers = GetArray(one, "headers");
        const std::string name = GetString(condition, "name");
        if (HasHeader(headers, name)) {
          return absl::FailedPreconditionError(
              absl::StrCat("Traffic cannot be shifted: the rule of ", ref().ToString(),
                           " that routes to ", service(), " has a condition on header ", name,
                           " itself, and one header cannot have two; match by another header."));
        }
        headers.push_back(condition);
        both["headers"] = std::move(headers);
        matches.push_back(std::move(both));
      }
    }
    Json added = rule;
    added.erase("name");  // names are unique
    added["matches"] = std::move(matches);
    return added;
  }

  // Somebody may have changed what else the rule asks for; that is not ours to judge.
  bool HasMatch(const Json& rule) const override {
    const Json& matches = GetArray(rule, "matches");
    const auto has = [](const Json& match, const Json& condition) {
      const Json& headers = GetArray(match, "headers");
      return std::find(headers.begin(), headers.end(), condition) != headers.end();
    };
    const bool all = std::all_of(matches.begin(), matches.end(), [&](const Json& match) {
      return std::any_of(conditions_.begin(), conditions_.end(),
                         [&](const Json& condition) { return has(match, condition); });
    });
    return all && !conditions_.empty() &&
           std::all_of(conditions_.begin(), conditions_.end(), [&](const Json& condition) {
             return std::any_of(matches.begin(), matches.end(),
                                [&](const Json& match) { return has(match, condition); });
           });
  }

  absl::Status CheckLimits(const Json& object) const override {
    const Json& rules = GetArray(kubernetes::Spec(object), "rules");
    size_t all = 0;
    size_t most = 0;
    for (const Json& rule : rules) {
      all += GetArray(rule, "matches").size();
      most = std::max(most, GetArray(rule, "matches").size());
    }
    if (rules.size() <= kMostRules && most <= kMostMatchesOfRule && all <= kMostMatches) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat("Traffic cannot be shifted: with the rule for match ", ref().ToString(),
                     " would have ", rules.size(), " rules, at most ", most, " matches in one and ",
                     all, " in all; the Gateway API allows ", kMostRules, ", ", kMostMatchesOfRule,
                     " and ", kMostMatches, ". Split the route, or match by fewer headers."));
  }

 private:
  const std::vector<Json> conditions_;
};

}  // namespace

std::unique_ptr<RoutePart> MakeGatewayApiPart(const TrafficTarget& target) {
  return std::make_unique<GatewayApiPart>(target, std::get<GatewayApiBackend>(target.backend));
}

}  // namespace delivery::routing
