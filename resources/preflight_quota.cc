#include "resources/preflight_quota.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/quantity.h"

namespace delivery::resources {
namespace {

constexpr int64_t kPercent = 100;

// JSON has quantities as texts and as plain numbers.
double ToAmount(const Json* quantity) {
  if (quantity == nullptr) return 0;
  const auto parsed = kubernetes::ParseQuantity(quantity->is_string() ? quantity->get<std::string>()
                                                                      : DumpJson(*quantity));
  return parsed.has_value() ? parsed->ToDouble() : 0;
}

// Of a container, or of a pod as a whole; nullopt where nothing is named.
std::optional<double> NamedAmount(const Json& owner, const std::string& kind,
                                  const std::string& resource) {
  const Json& resources = GetObject(owner, "resources");
  const Json* named = Find(GetObject(resources, kind), resource);
  if (named == nullptr && kind == "requests")
    named = Find(GetObject(resources, "limits"), resource);
  if (named == nullptr) return std::nullopt;
  return ToAmount(named);
}

// maxSurge: a number, or a percentage of the replicas, rounded up.
int64_t Surge(const Json& deployment, int64_t replicas) {
  const Json& strategy = GetObject(kubernetes::Spec(deployment), "strategy");
  const Json* surge = Find(GetObject(strategy, "rollingUpdate"), "maxSurge");
  if (surge != nullptr && surge->is_number())
    return GetInt(GetObject(strategy, "rollingUpdate"), "maxSurge");
  int64_t percent = 25;
  if (surge != nullptr && surge->is_string()) {
    const std::string text = surge->get<std::string>();
    if (!absl::SimpleAtoi(absl::StripSuffix(text, "%"), &percent)) return 0;
  }
  return (replicas * percent + kPercent - 1) / kPercent;
}

bool IsRollingUpdate(const Json& workload) {
  const Json& spec = kubernetes::Spec(workload);
  return kubernetes::KindOf(workload) == "Deployment" && !GetBool(spec, "paused") &&
         GetString(GetObject(spec, "strategy"), "type", "RollingUpdate") == "RollingUpdate";
}

bool IsBestEffort(const Json& workload) {
  for (const kubernetes::ContainerRef& container : kubernetes::ContainersOf(workload)) {
    const Json& resources = GetObject(*container.container, "resources");
    if (!GetObject(resources, "requests").empty() || !GetObject(resources, "limits").empty()) {
      return false;
    }
  }
  return true;
}

bool MatchesPriorityClass(const Json& expression, const Json& workload) {
  const std::string name =
      GetString(GetObject(kubernetes::PodTemplate(workload), "spec"), "priorityClassName");
  const std::string verb = GetString(expression, "operator");
  if (verb == "Exists") return !name.empty();
  if (verb == "DoesNotExist") return name.empty();
  const Json& values = GetArray(expression, "values");
  const bool listed = std::find(values.begin(), values.end(), Json(name)) != values.end();
  return verb == "In" ? listed : verb == "NotIn" && !listed;
}

bool MatchesScope(const std::string& scope, const Json& workload) {
  // Pods of a Deployment never end by themselves.
  if (scope == "NotTerminating") return true;
  if (scope == "BestEffort") return IsBestEffort(workload);
  return scope == "NotBestEffort" && !IsBestEffort(workload);
}

bool Applies(const Json& quota, const Json& workload) {
  const Json& spec = kubernetes::Spec(quota);
  for (const Json& scope : GetArray(spec, "scopes")) {
    if (!scope.is_string() || !MatchesScope(scope.get<std::string>(), workload)) return false;
  }
  for (const Json& expression : GetArray(GetObject(spec, "scopeSelector"), "matchExpressions")) {
    const std::string scope = GetString(expression, "scopeName");
    const bool matches = scope == "PriorityClass" ? MatchesPriorityClass(expression, workload)
                                                  : MatchesScope(scope, workload);
    if (!matches) return false;
  }
  return true;
}

// What one pod counts as under the quota's name for a resource.
double CountOf(const Json& workload, const std::string& name) {
  if (!workload.is_object()) return 0;
  if (name == "pods" || name == "count/pods") return 1;
  for (const char* kind : {"requests", "limits"}) {
    const std::string prefix = absl::StrCat(kind, ".");
    if (absl::StartsWith(name, prefix)) {
      return PodAmount(workload, kind, name.substr(prefix.size()));
    }
  }
  // The short names are those of requests; objects of other kinds ("services") are no pod's.
  const bool short_name = name == "cpu" || name == "memory" || name == "ephemeral-storage";
  return short_name ? PodAmount(workload, "requests", name) : 0;
}

// As Kubernetes writes quantities: 2, 1500m, 3Gi.
std::string Display(double amount, const std::string& resource) {
  struct Unit {
    std::string_view suffix;
    double size;
  };
  constexpr std::array<Unit, 4> kUnits = {
      {{"Ti", 1099511627776.0}, {"Gi", 1073741824.0}, {"Mi", 1048576.0}, {"Ki", 1024.0}}};
  const bool bytes = absl::EndsWith(resource, "memory") || absl::EndsWith(resource, "storage");
  for (const Unit& unit : kUnits) {
    if (!bytes || amount < unit.size || std::fmod(amount, unit.size) != 0) continue;
    return absl::StrCat(std::llround(amount / unit.size), std::string(unit.suffix));
  }
  if (amount == std::floor(amount)) return absl::StrCat(std::llround(amount));
  constexpr double kMilli = 1000;
  return absl::StrCat(std::llround(amount * kMilli), "m");
}

struct Growth {
  int64_t peak = 0;  // pods more than now, at the height of the rollout
  int64_t now = 0;   // pods
  int64_t then = 0;  // pods, when it is done
};

Growth GrowthOf(const QuotaDemand& demand) {
  Growth growth;
  const Json& before = kubernetes::Spec(demand.live);
  growth.now = GetInt(kubernetes::Status(demand.live), "replicas");
  growth.then = GetInt(kubernetes::Spec(demand.next), "replicas", GetInt(before, "replicas", 1));
  const bool surges = demand.replaces_pods && growth.now > 0;
  const int64_t most = growth.then + (surges ? Surge(demand.next, growth.then) : 0);
  growth.peak = std::max<int64_t>(0, most - growth.now) + demand.beside;
  return growth;
}

std::string DescribeGrowth(const Growth& growth, double each, double extra,
                           const std::string& resource) {
  const bool counts_pods = resource == "pods" || resource == "count/pods";
  const std::string pods = absl::StrCat(growth.peak, growth.peak == 1 ? " pod" : " pods");
  if (extra > static_cast<double>(growth.peak) * each) {
    return absl::StrCat(growth.then, " pods of ", Display(each, resource), " in the end");
  }
  return absl::StrCat(pods, " more than now",
                      counts_pods ? "" : absl::StrCat(", ", Display(each, resource), " each"));
}

std::optional<std::string> ShortageOf(const std::string& resource, double used, double hard,
                                      const QuotaDemand& demand, const Growth& growth) {
  const double each = CountOf(demand.next, resource);
  const double before = CountOf(demand.live, resource);
  const double at_peak = static_cast<double>(growth.peak) * each;
  const double in_the_end =
      static_cast<double>(growth.then) * each - static_cast<double>(growth.now) * before;
  const double extra = std::max(at_peak, in_the_end);
  // Sums of decimal fractions are not exact.
  constexpr double kExactness = 1e-9;
  if (extra <= kExactness || used + extra <= hard * (1 + kExactness)) return std::nullopt;
  return absl::StrCat(resource, ": used ", Display(used, resource), ", hard ",
                      Display(hard, resource), ", needed ", Display(used + extra, resource), " (",
                      DescribeGrowth(growth, each, extra, resource), ")");
}

}  // namespace

double PodAmount(const Json& workload, const std::string& kind, const std::string& resource) {
  const Json& pod = GetObject(kubernetes::PodTemplate(workload), "spec");
  if (const auto whole = NamedAmount(pod, kind, resource)) return *whole;
  double running = 0;  // containers, and init containers that stay
  double starting = 0;
  for (const Json& container : GetArray(pod, "initContainers")) {
    const double amount = NamedAmount(container, kind, resource).value_or(0);
    starting = std::max(starting, running + amount);
    if (GetString(container, "restartPolicy") == "Always") running += amount;
  }
  for (const Json& container : GetArray(pod, "containers")) {
    running += NamedAmount(container, kind, resource).value_or(0);
  }
  return std::max(running, starting);
}

std::vector<QuotaShortage> FindShortages(const std::vector<Json>& quotas,
                                         const QuotaDemand& demand) {
  std::vector<QuotaShortage> shortages;
  if (!IsRollingUpdate(demand.next)) return shortages;
  const Growth growth = GrowthOf(demand);
  for (const Json& quota : quotas) {
    if (!Applies(quota, demand.next)) continue;
    QuotaShortage shortage{kubernetes::NameOf(quota), {}};
    const Json& used = GetObject(kubernetes::Status(quota), "used");
    for (const auto& [resource, hard] : GetObject(kubernetes::Status(quota), "hard").items()) {
      const auto line =
          ShortageOf(resource, ToAmount(Find(used, resource)), ToAmount(&hard), demand, growth);
      if (line.has_value()) shortage.lines.push_back(*line);
    }
    if (!shortage.lines.empty()) shortages.push_back(std::move(shortage));
  }
  return shortages;
}

}  // namespace delivery::resources
