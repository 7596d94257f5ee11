// VirtualService and DestinationRule of Istio: stable and canary are two subsets of one Service.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/request_match.h"
#include "provider/routing/service_refs.h"
#include "provider/routing/weighted_part.h"

namespace delivery::routing {
namespace {

std::vector<std::string> Versions() {
  return {"networking.istio.io/v1", "networking.istio.io/v1beta1"};
}

// One name (a header in lower case) and its condition.
using Condition = std::pair<std::string, Json>;

std::vector<Condition> ConditionsOf(const Match& match) {
  std::vector<Condition> conditions;
  for (const HeaderMatch& header : match.headers) {
    const StringMatch& value = header.value;
    Json condition = !value.exact.empty()    ? Json{{"exact", value.exact}}
                     : !value.prefix.empty() ? Json{{"prefix", value.prefix}}
                                             : Json{{"regex", value.regex}};
    conditions.emplace_back(absl::AsciiStrToLower(header.name), std::move(condition));
  }
  for (const CookieMatch& cookie : match.cookies) {
    conditions.emplace_back("cookie", Json{{"regex", CookieRegex(cookie)}});
  }
  return conditions;
}

bool HasCondition(const Json& match, const Condition& condition) {
  const Json* found = Find(GetObject(match, "headers"), condition.first);
  return found != nullptr && *found == condition.second;
}

class VirtualServicePart : public WeightedPart {
 public:
  VirtualServicePart(const TrafficTarget& target, const IstioBackend& backend)
      : WeightedPart(Versions(),
                     {"", "VirtualService", target.namespace_name, backend.virtual_service},
                     {.rules = "/spec/http",
                      .refs = "/route",
                      .rule_noun = "http route",
                      .narrow_by = "route_names"},
                     target, backend.route_names),
        conditions_(ConditionsOf(target.match)) {}

  kubernetes::FieldPath Field() const override { return kubernetes::FieldPath() / "spec" / "http"; }

 protected:
  bool IsStable(const Json& one) const override {
    return IsOurHost(one) && (Subset(one).empty() || Subset(one) == kStableSubset);
  }
  bool IsCanary(const Json& one) const override {
    return IsOurHost(one) && Subset(one) == kCanarySubset;
  }
  Json CanaryRef(Json stable) const override {
    stable["destination"]["subset"] = kCanarySubset;
    return stable;
  }
  Json StableRef(Json canary) const override {
    canary["destination"].erase("subset");
    return canary;
  }
  void Mark(const std::string& pointer, ObjectEdit& edit) const override {
    edit.Set(absl::StrCat(pointer, "/destination/subset"), kStableSubset);
  }
  void Unmark(const std::string& pointer, ObjectEdit& edit) const override {
    edit.Set(absl::StrCat(pointer, "/destination/subset"), Json());
  }
  bool IsMarked(const Json& one) const override {
    return IsOurHost(one) && Subset(one) == kStableSubset;
  }

  absl::StatusOr<Json> MatchRule(const Json& rule) const override {
    Json own = GetArray(rule, "match");
    if (own.empty()) own.push_back(Json::object());  // everything
    Json matches = Json::array();
    for (const Json& one : own) {
      for (const auto& [name, condition] : conditions_) {
        if (Find(GetObject(one, "headers"), name) != nullptr) {
          return absl::FailedPreconditionError(
              absl::StrCat("Traffic cannot be shifted: the http route of ", ref().ToString(),
                           " that routes to ", service(), " has a condition on header ", name,
                           " itself, and one header cannot have two; match by another header."));
        }
        Json both = one;
        both["headers"][name] = condition;
        matches.push_back(std::move(both));
      }
    }
    Json added = rule;
    added.erase("name");
    added["match"] = std::move(matches);
    return added;
  }

  bool HasMatch(const Json& rule) const override {
    const Json& matches = GetArray(rule, "match");
    const bool all = std::all_of(matches.begin(), matches.end(), [&](const Json& match) {
      return std::any_of(conditions_.begin(), conditions_.end(),
                         [&](const Condition& one) { return HasCondition(match, one); });
    });
    return all && !conditions_.empty() &&
           std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& one) {
             return std::any_of(matches.begin(), matches.end(),
                                [&](const Json& match) { return HasCondition(match, one); });
           });
  }

 private:
  bool IsOurHost(const Json& one) const {
    return IsHostOf(GetString(GetObject(one, "destination"), "host"), service(),
                    target().namespace_name);
  }
  static std::string Subset(const Json& one) {
    return GetString(GetObject(one, "destination"), "subset");
  }

  const std::vector<Condition> conditions_;
};

class DestinationRulePart : public RoutePart {
 public:
  DestinationRulePart(const TrafficTarget& target, const IstioBackend& backend)
      : RoutePart(Versions(),
                  {"", "DestinationRule", target.namespace_name, backend.destination_rule}),
        target_(target),
        service_(backend.service),
        subsets_({Subset(kStableSubset, target.stable_label_value),
                  Subset(kCanarySubset, target.canary_label_value)}) {}

  kubernetes::FieldPath Field() const override {
    return kubernetes::FieldPath() / "spec" / "subsets";
  }

  absl::StatusOr<Json> Record(const Json& live) const override {
    if (target_.stable_label_value.empty()) {
      return Refuse(absl::StrCat("the stable pods have no label ", target_.label_key,
                                 " by which a subset could select them; give the pod template one, "
                                 "for example track = \"stable\""));
    }
    const std::string host = GetString(kubernetes::Spec(live), "host");
    if (!IsHostOf(host, service_, target_.namespace_name)) {
      return Refuse(absl::StrCat("it is for host ", host, ", not for Service ", service_));
    }
    for (const Json& subset : GetArray(kubernetes::Spec(live), "subsets")) {
      const std::string name = GetString(subset, "name");
      if (name != kStableSubset && name != kCanarySubset) continue;
      return Refuse(absl::StrCat("it has a subset ", name,
                                 " already, a name that a run uses; rename or remove it"));
    }
    return Json{{"subsets", kubernetes::Spec(live).contains("subsets")}};
  }

  absl::Status Write(const Json&, const Split& split, ObjectEdit& edit) const override {
    // Subsets that nothing refers to do no harm: they stay until the end.
    if (split == Split{}) return absl::OkStatus();
    for (const Json& subset : subsets_) {
      const Json& now = GetArray(kubernetes::Spec(edit.object()), "subsets");
      const auto found = FindNamed(now, subset);
      if (found == now.end()) {
        if (!kubernetes::Spec(edit.object()).contains("subsets")) {
          edit.Set(kSubsets, Json::array({subset}));
        } else {
          edit.Insert(kSubsets, now.size(), subset);
        }
      } else if (GetObject(*found, "labels") != subset["labels"]) {
        return Refuse(absl::StrCat("its subset ", GetString(subset, "name"),
                                   " now has other labels; remove it"));
      }
    }
    return absl::OkStatus();
  }

  void Undo(const Json& recorded, ObjectEdit& edit) const override {
    const Json subsets = GetArray(kubernetes::Spec(edit.object()), "subsets");
    size_t left = subsets.size();
    for (size_t i = subsets.size(); i-- > 0;) {
      if (!IsOurs(subsets[i])) continue;
      edit.Remove(ElementAt(kSubsets, i));
      --left;
    }
    if (left == 0 && !subsets.empty() && !GetBool(recorded, "subsets")) edit.Remove(kSubsets);
  }

  PartState Read(const Json& live) const override {
    const Json& subsets = GetArray(kubernetes::Spec(live), "subsets");
    return {.split = {},
            .at_rest = std::none_of(subsets.begin(), subsets.end(),
                                    [&](const Json& subset) { return IsOurs(subset); })};
  }

  std::string Deviation(const Json& live, const Split& expected) const override {
    if (expected == Split{}) return "";
    const Json& now = GetArray(kubernetes::Spec(live), "subsets");
    for (const Json& subset : subsets_) {
      const auto found = FindNamed(now, subset);
      if (found != now.end() && GetObject(*found, "labels") == subset["labels"]) continue;
      return absl::StrCat("subset ", GetString(subset, "name"), " of ", ref().ToString(),
                          found == now.end() ? " is gone" : " has other labels");
    }
    return "";
  }

 private:
  static constexpr char kSubsets[] = "/spec/subsets";

  Json Subset(const std::string& name, const std::string& value) const {
    return {{"name", name}, {"labels", {{target_.label_key, value}}}};
  }
  static Json::const_iterator FindNamed(const Json& list, const Json& subset) {
    return std::find_if(list.begin(), list.end(), [&](const Json& one) {
      return GetString(one, "name") == GetString(subset, "name");
    });
  }
  bool IsOurs(const Json& subset) const {
    return std::find(subsets_.begin(), subsets_.end(), subset) != subsets_.end();
  }
  absl::Status Refuse(const std::string& why) const {
    return absl::FailedPreconditionError(
        absl::StrCat("Traffic cannot be shifted: ", ref().ToString(), ": ", why, "."));
  }

  const TrafficTarget target_;
  const std::string service_;
  const std::vector<Json> subsets_;
};

}  // namespace

std::unique_ptr<RoutePart> MakeVirtualServicePart(const TrafficTarget& target) {
  return std::make_unique<VirtualServicePart>(target, std::get<IstioBackend>(target.backend));
}

std::unique_ptr<RoutePart> MakeDestinationRulePart(const TrafficTarget& target) {
  return std::make_unique<DestinationRulePart>(target, std::get<IstioBackend>(target.backend));
}

}  // namespace delivery::routing
