// What may be wrong in the `traffic`, `match` and `step` blocks.
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/schema/rules.h"
#include "resources/traffic_block.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using value::Path;

constexpr int64_t kMostReplicasWeight = 50;

// A name that is given and empty: what it names can never be found.
void ValidateName(const Attr<std::string>& name, const Path& path, Diagnostics& diagnostics) {
  if (!name.is_known() || !name.value().empty()) return;
  diagnostics.Error(path, absl::StrCat("Invalid value for ", path.ToString()),
                    "A name must not be empty.");
}

void ValidateNames(const TrafficBlock& traffic, const Path& path, Diagnostics& diagnostics) {
  if (traffic.gateway_api.is_known()) {
    const Path at = path.Attr("gateway_api");
    ValidateName(traffic.gateway_api->route, at.Attr("route"), diagnostics);
    ValidateName(traffic.gateway_api->service, at.Attr("service"), diagnostics);
    ValidateName(traffic.gateway_api->rule_name, at.Attr("rule_name"), diagnostics);
  }
  if (traffic.replicas.is_known()) {
    ValidateName(traffic.replicas->service, path.Attr("replicas").Attr("service"), diagnostics);
  }
  if (traffic.nginx_ingress.is_known()) {
    const Path at = path.Attr("nginx_ingress");
    ValidateName(traffic.nginx_ingress->ingress, at.Attr("ingress"), diagnostics);
    ValidateName(traffic.nginx_ingress->service, at.Attr("service"), diagnostics);
  }
  if (traffic.traefik.is_known()) {
    const Path at = path.Attr("traefik");
    ValidateName(traffic.traefik->traefik_service, at.Attr("traefik_service"), diagnostics);
    ValidateName(traffic.traefik->service, at.Attr("service"), diagnostics);
  }
}

void ValidateIstio(const IstioBlock& istio, const Path& path, Diagnostics& diagnostics) {
  ValidateName(istio.virtual_service, path.Attr("virtual_service"), diagnostics);
  ValidateName(istio.service, path.Attr("service"), diagnostics);
  ValidateName(istio.destination_rule, path.Attr("destination_rule"), diagnostics);
  if (!istio.route_names.is_known()) return;
  std::set<std::string> names;
  const auto& list = istio.route_names.value();
  for (size_t i = 0; i < list.size(); ++i) {
    const Path at = path.Attr("route_names").At(static_cast<int64_t>(i));
    ValidateName(list[i], at, diagnostics);
    if (!list[i].is_known() || names.insert(list[i].value()).second) continue;
    diagnostics.Error(at, "A name used twice",
                      absl::StrCat("\"", list[i].value(), "\" is in the list already."));
  }
}

void ValidateKind(const TrafficBlock& traffic, const Path& path, Diagnostics& diagnostics) {
  const int kinds = (traffic.gateway_api.is_null() ? 0 : 1) + (traffic.replicas.is_null() ? 0 : 1) +
                    (traffic.nginx_ingress.is_null() ? 0 : 1) + (traffic.istio.is_null() ? 0 : 1) +
                    (traffic.traefik.is_null() ? 0 : 1);
  if (kinds == 1) return;
  diagnostics.Error(path, kinds == 0 ? "Traffic without a router" : "Traffic through two routers",
                    "The block traffic has exactly one of the blocks gateway_api, replicas, "
                    "nginx_ingress, istio and traefik.");
}

void ValidateHeader(const HeaderMatchBlock& header, const Path& path, Diagnostics& diagnostics) {
  const int kinds = (header.exact.is_null() ? 0 : 1) + (header.prefix.is_null() ? 0 : 1) +
                    (header.regex.is_null() ? 0 : 1);
  if (kinds == 1) return;
  diagnostics.Error(path, kinds == 0 ? "A header without a value" : "A header with two values",
                    "A header block has exactly one of exact, prefix and regex.");
}

// What ValidateMatch needs: nothing in it is unknown.
bool IsWhollyKnown(const Attr<MatchBlock>& match) {
  return match.is_known() && MatchBlock::Declaration().Encode(match.value()).IsWhollyKnown();
}

// Each block alone, so that a mistake is shown at its place.
void ValidateAlternatives(const routing::Backend& backend, const routing::Match& match,
                          const Path& path, Diagnostics& diagnostics) {
  const auto validate = [&](const routing::Match& one, const Path& at) {
    const absl::Status status = routing::ValidateMatch(backend, one);
    if (!status.ok()) {
      diagnostics.Error(at, "This match is not possible", std::string(status.message()));
    }
    return status.ok();
  };
  bool good = true;
  for (size_t i = 0; i < match.headers.size(); ++i) {
    good &= validate({.headers = {match.headers[i]}, .cookies = {}},
                     path.Attr("header").At(static_cast<int64_t>(i)));
  }
  for (size_t i = 0; i < match.cookies.size(); ++i) {
    good &= validate({.headers = {}, .cookies = {match.cookies[i]}},
                     path.Attr("cookie").At(static_cast<int64_t>(i)));
  }
  if (good) validate(match, path);
}

void ValidateMatchBlock(const Attr<TrafficBlock>& traffic, const Attr<MatchBlock>& match,
                        Diagnostics& diagnostics) {
  if (!match.is_known()) return;
  const Path path = Path::Of("match");
  const MatchBlock& block = match.value();
  const bool no_header =
      block.header.is_null() || (block.header.is_known() && block.header->empty());
  const bool no_cookie =
      block.cookie.is_null() || (block.cookie.is_known() && block.cookie->empty());
  if (no_header && no_cookie) {
    diagnostics.Error(path, "A match without conditions",
                      "Give at least one header or cookie block, or remove match.");
    return;
  }
  Diagnostics own;
  if (block.header.is_known()) {
    for (size_t i = 0; i < block.header->size(); ++i) {
      ValidateHeader(block.header.value()[i], path.Attr("header").At(static_cast<int64_t>(i)), own);
    }
  }
  const absl::StatusOr<routing::Backend> backend = ToBackend(traffic);
  if (backend.ok() && (std::holds_alternative<routing::ReplicasBackend>(*backend) ||
                       std::holds_alternative<routing::TraefikBackend>(*backend))) {
    // No match at all: one error says so.
    routing::Match any;
    any.cookies.push_back({"any", "any"});
    own.Error(path, "This match is not possible",
              std::string(routing::ValidateMatch(*backend, any).message()));
  } else if (backend.ok() && !own.HasErrors() && IsWhollyKnown(match)) {
    ValidateAlternatives(*backend, ToMatch(match), path, own);
  }
  diagnostics.Append(own);
}

void ValidateWeight(const StepBlock& step, const StepRules& rules, const Path& path,
                    Attr<int64_t>& before, Diagnostics& diagnostics) {
  if (!step.weight.is_known()) return;
  const int64_t weight = step.weight.value();
  if (weight < 1 || weight > 100) {
    diagnostics.Error(path, "Invalid weight",
                      absl::StrCat(weight,
                                   " is no share of the traffic: a step's weight is from 1 to "
                                   "100 percent."));
    return;
  }
  if (rules.share_by_replicas && weight > kMostReplicasWeight) {
    diagnostics.Error(path, "Invalid weight",
                      absl::StrCat("With traffic through replicas a step's weight is at most ",
                                   kMostReplicasWeight, ", not ", weight,
                                   ": beyond that the canary would be larger than the stable side. "
                                   "Use another router, or end with a smaller step."));
  }
  if (before.is_known() && weight <= before.value()) {
    diagnostics.Error(path, "Steps that do not rise",
                      absl::StrCat("The step before has the weight ", before.value(),
                                   "; this one must have more, not ", weight, "."));
  }
  before = weight;
}

void ValidateHold(const StepBlock& step, const StepRules& rules, const Path& path,
                  Diagnostics& diagnostics) {
  if (!step.hold.is_known()) return;
  const auto hold = schema::ParseGoDuration(step.hold.value());
  if (!hold.has_value()) {
    diagnostics.Error(path, "Invalid hold", "It must be a duration such as \"90s\" or \"1h30m\".");
  } else if (*hold < rules.interval) {
    diagnostics.Error(
        path, "A hold without a measurement",
        absl::StrCat("A hold of ", schema::FormatGoDuration(*hold),
                     " is shorter than analysis.interval (",
                     schema::FormatGoDuration(rules.interval),
                     "), so the step could end before it is measured. Hold longer, or measure more "
                     "often."));
  }
}

void ValidateChecks(const StepBlock& step, const StepRules& rules, const Path& path,
                    Diagnostics& diagnostics) {
  if (!step.checks.is_known()) return;
  const auto& checks = step.checks.value();
  for (size_t i = 0; i < checks.size(); ++i) {
    if (!checks[i].is_known()) continue;
    const std::string& name = checks[i].value();
    const Path at = path.At(static_cast<int64_t>(i));
    if (schema::Contains(rules.timed_checks, name)) {
      diagnostics.Error(at, "A check with a time of its own",
                        absl::StrCat("Check \"", name,
                                     "\" has at, so it does not run at a step. Remove at from the "
                                     "check, or the check from the step."));
    } else if (!schema::Contains(rules.check_names, name)) {
      diagnostics.Error(
          at, "An unknown check",
          absl::StrCat(
              "There is no check \"", name, "\". ",
              rules.check_names.empty()
                  ? std::string("Add a check block with this name.")
                  : absl::StrCat("There are: ", absl::StrJoin(rules.check_names, ", "), ".")));
    }
  }
}

}  // namespace

void ValidateTraffic(const Attr<TrafficBlock>& traffic, const Attr<MatchBlock>& match,
                     Diagnostics& diagnostics) {
  const Path path = Path::Of("traffic");
  if (traffic.is_null()) {
    diagnostics.Error(path, "No traffic block",
                      "A canary needs the block traffic, which says what shifts the traffic.");
  }
  if (traffic.is_known()) {
    ValidateKind(traffic.value(), path, diagnostics);
    ValidateNames(traffic.value(), path, diagnostics);
    if (traffic->istio.is_known()) {
      ValidateIstio(traffic->istio.value(), path.Attr("istio"), diagnostics);
    }
  }
  ValidateMatchBlock(traffic, match, diagnostics);
}

void ValidateSteps(const StepBlocks& steps, const StepRules& rules, Diagnostics& diagnostics) {
  const Path path = Path::Of("step");
  if (steps.is_null() || (steps.is_known() && steps->empty())) {
    diagnostics.Error(path, "No step", "A canary needs at least one step with weight and hold.");
  }
  if (!steps.is_known()) return;
  Attr<int64_t> before;
  for (size_t i = 0; i < steps->size(); ++i) {
    const StepBlock& step = steps.value()[i];
    const Path at = path.At(static_cast<int64_t>(i));
    ValidateWeight(step, rules, at.Attr("weight"), before, diagnostics);
    ValidateHold(step, rules, at.Attr("hold"), diagnostics);
    if (step.replicas.is_known() && step.replicas.value() < 1) {
      diagnostics.Error(at.Attr("replicas"), "Invalid replicas",
                        "A canary that gets traffic needs at least one pod.");
    }
    ValidateChecks(step, rules, at.Attr("checks"), diagnostics);
  }
}

}  // namespace delivery::resources
