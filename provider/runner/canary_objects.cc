#include "provider/runner/canary_objects.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"

namespace delivery::runner {
namespace {

using kubernetes::StringMap;

constexpr char kTrack[] = "track";
constexpr char kManagedBy[] = "app.kubernetes.io/managed-by";
// Of a label's value, and of a Service's name.
constexpr size_t kLongestValue = 63;
// Of a Deployment's name, which may be a DNS subdomain.
constexpr size_t kLongestName = 253;

// By these other tools find what is theirs: a copy would be taken for a part of it, and removed.
// Those that end with a slash stand for all keys with that prefix.
constexpr std::string_view kTracking[] = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "applyset.kubernetes.io/",
    "argocd.argoproj.io/",
    "autoscaling.alpha.kubernetes.io/",
    "autoscaling.keda.sh/",
    "config.k8s.io/",
    "config.kubernetes.io/",
    "deployment.kubernetes.io/",
    "fleet.cattle.io/",
    "helm.sh/",
    "helm.toolkit.fluxcd.io/",
    "internal.config.kubernetes.io/",
    "kapp.k14s.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "objectset.rio.cattle.io/",
    "scaledobject.keda.sh/",
    "skaffold.dev/",
};

// What those who route read from a Service. Others (load balancers, DNS) would make something
// outside the cluster for the copy too.
constexpr std::string_view kAnnotationsOfRouting[] = {
    "networking.istio.io/",
    "service.kubernetes.io/topology-mode",
    "traefik.ingress.kubernetes.io/",
};

constexpr std::string_view kServiceFields[] = {
    "internalTrafficPolicy",    "ipFamilies",      "ipFamilyPolicy",
    "publishNotReadyAddresses", "sessionAffinity", "sessionAffinityConfig",
    "trafficDistribution",
};

template <size_t N>
bool IsAmong(const std::string& key, const std::string_view (&patterns)[N]) {
  return std::any_of(std::begin(patterns), std::end(patterns), [&](std::string_view pattern) {
    return pattern.back() == '/' ? key.starts_with(pattern) : key == pattern;
  });
}

bool SelectorHas(const Json& selector, const std::string& key) {
  if (Find(GetObject(selector, "matchLabels"), key) != nullptr) return true;
  const Json& expressions = GetArray(selector, "matchExpressions");
  return std::any_of(expressions.begin(), expressions.end(), [&](const Json& expression) {
    return GetString(expression, "key") == key && GetString(expression, "operator") == "In";
  });
}

StringMap With(StringMap labels, const std::string& key, const std::string& value) {
  labels[key] = value;
  return labels;
}

// What tells the canary's pods apart, before its length was looked at.
class Chooser {
 public:
  explicit Chooser(const CanaryNamingInput& input)
      : input_(input),
        labels_(kubernetes::TemplateLabelsOf(input.workload)),
        selector_(GetObject(kubernetes::Spec(input.workload), "selector")) {}

  absl::StatusOr<CanaryNaming> Choose() const {
    DELIVERY_RETURN_IF_ERROR(CheckService());
    if (!input_.canary_labels.empty()) return Overridden();
    return input_.shares_service ? BesideOfService() : OutsideOfService();
  }

 private:
  std::string ServiceText() const { return absl::StrCat("Service ", input_.service_name); }
  std::string WorkloadText() const { return kubernetes::RefOf(input_.workload).ToString(); }
  StringMap ServiceSelector() const {
    return kubernetes::ToStringMap(GetObject(kubernetes::Spec(input_.service), "selector"));
  }
  bool InService(const StringMap& labels) const {
    return !input_.service.is_null() && Selects(ServiceSelector(), labels);
  }

  absl::Status CheckService() const {
    if (input_.service.is_null()) return absl::OkStatus();
    const StringMap selector = ServiceSelector();
    if (selector.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(ServiceText(),
                       " has no selector, so that it cannot be told which pods it sends requests "
                       "to. Name a Service that selects the pods of ",
                       WorkloadText(), "."));
    }
    if (Selects(selector, labels_)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        ServiceText(), " selects ", kubernetes::LabelsToSelector(selector), ", which the pods of ",
        WorkloadText(),
        " are not. Name the Service of these pods, or correct the labels of the pod template."));
  }

  CanaryNaming Named(const std::string& key, std::string canary_value) const {
    CanaryNaming naming;
    naming.label_key = key;
    const auto stable = labels_.find(key);
    if (stable != labels_.end()) naming.stable_value = stable->second;
    naming.canary_value = std::move(canary_value);
    // What tells a canary's pod apart must not be what the stable ones are called already.
    if (naming.canary_value == naming.stable_value) {
      absl::StrAppend(&naming.canary_value, words().suffix);
    }
    return naming;
  }

  CanaryNaming Suffixed(const std::string& key) const {
    return Named(key,
                 key == kTrack ? words().track : absl::StrCat(labels_.at(key), words().suffix));
  }

  // Nothing that sends requests to stable, or counts its pods, may see the canary's.
  absl::StatusOr<CanaryNaming> OutsideOfService() const {
    const StringMap service = ServiceSelector();
    std::vector<std::string> keys;
    for (const auto& [key, value] : labels_) {
      if (!SelectorHas(selector_, key)) continue;
      if (!input_.service.is_null() && !service.contains(key)) continue;
      const CanaryNaming naming = Suffixed(key);
      const StringMap canary = With(labels_, key, naming.canary_value);
      if (InService(canary) || kubernetes::SelectorMatches(selector_, canary)) continue;
      if (key == kTrack) return naming;
      keys.push_back(key);
    }
    if (!keys.empty()) return Suffixed(keys.front());
    return absl::InvalidArgumentError(
        absl::StrCat("The pods of a ", words().noun, " cannot be told from those of ",
                     WorkloadText(), ": no label is in the selectors of both the Deployment and ",
                     input_.service.is_null() ? "its Service" : ServiceText(),
                     ". Add one to the Service's selector, or set ", words().labels_argument, "."));
  }

  // The Service goes on selecting both.
  absl::StatusOr<CanaryNaming> BesideOfService() const {
    const StringMap service = ServiceSelector();
    for (const auto& [key, value] : labels_) {
      if (service.contains(key) || !SelectorHas(selector_, key)) continue;
      const CanaryNaming naming = Suffixed(key);
      if (!kubernetes::SelectorMatches(selector_, With(labels_, key, naming.canary_value))) {
        return naming;
      }
    }
    if (!service.contains(kTrack)) return Named(kTrack, words().track);
    return absl::InvalidArgumentError(absl::StrCat(
        "The pods of a ", words().noun, " cannot be told from those of ", WorkloadText(), ": ",
        ServiceText(),
        " selects by every label of the Deployment's selector, and by track. Take track out of the "
        "Service's selector, or set ",
        words().labels_argument, "."));
  }

  absl::StatusOr<CanaryNaming> Overridden() const {
    StringMap canary = labels_;
    std::optional<std::string> key;
    for (const auto& [name, value] : input_.canary_labels) {
      const auto stable = labels_.find(name);
      if (stable != labels_.end() && stable->second == value) continue;
      canary[name] = value;
      if (!key.has_value() || name == kTrack) key = name;
    }
    if (!key.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          words().labels_argument, " does not distinguish the ", words().noun,
          "'s pods: the stable ones have the same labels. Give one of them another value."));
    }
    DELIVERY_RETURN_IF_ERROR(CheckOverride(canary));
    CanaryNaming naming = Named(*key, input_.canary_labels.at(*key));
    return naming;
  }

  absl::Status CheckOverride(const StringMap& canary) const {
    if (input_.shares_service) {
      if (input_.service.is_null() || InService(canary)) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("With ", words().labels_argument, " ", ServiceText(),
                       " does not select the ", words().noun,
                       "'s pods, which get their requests through it. Choose a label "
                       "that is not in the Service's selector."));
    }
    const bool in_service = InService(canary);
    if (!in_service && !kubernetes::SelectorMatches(selector_, canary)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("With ", words().labels_argument, " the ", words().noun,
                     "'s pods are still selected by ", in_service ? ServiceText() : WorkloadText(),
                     ". Give a label of its selector another value."));
  }

  const BesideWords& words() const { return input_.words; }

  const CanaryNamingInput& input_;
  const StringMap labels_;
  const Json& selector_;
};

absl::Status CheckLength(const std::string& what, const std::string& text, size_t most,
                         const std::string& noun, const std::string& remedy) {
  if (text.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " \"", text, "\" of the ", noun, " would have ", text.size(),
                   " characters; Kubernetes allows ", most, ". ", remedy));
}

StringMap DistinguishingLabels(const CanaryNaming& naming, const StringMap& canary_labels) {
  StringMap labels = canary_labels;
  labels[naming.label_key] = naming.canary_value;
  return labels;
}

Json WithoutTracking(const Json& map) {
  Json kept = Json::object();
  for (const auto& [key, value] : map.items()) {
    if (!IsAmong(key, kTracking)) kept[key] = value;
  }
  return kept;
}

// Puts `values` at the keys that `selector` and the labels of pods have in common, so that the
// selector says the same about the canary's pods as it said about the stable ones.
void SelectCanary(Json& selector, const StringMap& values) {
  Json match_labels = GetObject(selector, "matchLabels");
  for (const auto& [key, value] : values) match_labels[key] = value;
  selector["matchLabels"] = std::move(match_labels);
  Json expressions = Json::array();
  for (const Json& expression : GetArray(selector, "matchExpressions")) {
    if (!values.contains(GetString(expression, "key"))) expressions.push_back(expression);
  }
  if (expressions.empty()) {
    selector.erase("matchExpressions");
  } else {
    selector["matchExpressions"] = std::move(expressions);
  }
}

// A rule about the workload's own pods becomes one about the canary's: where `selector` names a
// stable pod's value of a distinguishing label, it names the canary's. What is about other
// workloads stays.
void Follow(Json& selector, const StringMap& stable, const StringMap& canary) {
  for (const auto& [key, value] : canary) {
    const auto before = stable.find(key);
    if (before == stable.end()) continue;
    if (GetString(GetObject(selector, "matchLabels"), key) == before->second) {
      selector["matchLabels"][key] = value;
    }
    if (GetArray(selector, "matchExpressions").empty()) continue;
    for (Json& expression : selector["matchExpressions"]) {
      if (GetString(expression, "key") != key || GetArray(expression, "values").empty()) continue;
      for (Json& one : expression["values"]) {
        if (one == before->second) one = value;
      }
    }
  }
}

// labelSelector of each term, which may be inside `wrapper`.
void FollowTerms(Json& terms, const char* wrapper, const StringMap& stable,
                 const StringMap& canary) {
  for (Json& entry : terms) {
    if (!entry.is_object()) continue;
    const bool wrapped = Find(GetObject(entry, wrapper), "labelSelector") != nullptr;
    Json& term = wrapped ? entry[wrapper] : entry;
    if (Find(term, "labelSelector") != nullptr && term["labelSelector"].is_object()) {
      Follow(term["labelSelector"], stable, canary);
    }
  }
}

// Where pods may run: rules that speak of the workload's own pods follow them, or a canary could
// not be placed beside stable pods that keep their distance from each other.
void FollowPlacement(Json& pod_spec, const StringMap& stable, const StringMap& canary) {
  if (!GetArray(pod_spec, "topologySpreadConstraints").empty()) {
    FollowTerms(pod_spec["topologySpreadConstraints"], "", stable, canary);
  }
  for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
    for (const char* when : {"requiredDuringSchedulingIgnoredDuringExecution",
                             "preferredDuringSchedulingIgnoredDuringExecution"}) {
      const Json& terms = GetArray(GetObject(GetObject(pod_spec, "affinity"), kind), when);
      if (terms.empty()) continue;
      FollowTerms(pod_spec["affinity"][kind][when], "podAffinityTerm", stable, canary);
    }
  }
}

}  // namespace

absl::StatusOr<CanaryNaming> NameCanary(const CanaryNamingInput& input) {
  DELIVERY_ASSIGN_OR_RETURN(CanaryNaming naming, Chooser(input).Choose());
  naming.stable = kubernetes::NameOf(input.workload);
  naming.deployment = absl::StrCat(naming.stable, input.words.suffix);
  if (!input.service_name.empty() && !input.shares_service) {
    naming.service = absl::StrCat(input.service_name, input.words.suffix);
  }
  DELIVERY_RETURN_IF_ERROR(CheckLength("The name", naming.deployment, kLongestName,
                                       input.words.noun, "Give the Deployment a shorter name."));
  DELIVERY_RETURN_IF_ERROR(CheckLength("The Service's name", naming.service, kLongestValue,
                                       input.words.noun, "Give the Service a shorter name."));
  const std::string remedy =
      absl::StrCat("Set ", input.words.labels_argument, " to shorter values.");
  for (const auto& [key, value] : DistinguishingLabels(naming, input.canary_labels)) {
    DELIVERY_RETURN_IF_ERROR(CheckLength(absl::StrCat("The label ", key), value, kLongestValue,
                                         input.words.noun, remedy));
  }
  return naming;
}

Json CanaryDeployment(const Json& workload, const CanaryNaming& naming,
                      const std::map<std::string, std::string>& canary_labels, int replicas,
                      const std::string& stable_uid) {
  const StringMap own = DistinguishingLabels(naming, canary_labels);
  const StringMap stable = kubernetes::TemplateLabelsOf(workload);
  Json labels = WithoutTracking(GetObject(kubernetes::Metadata(workload), "labels"));
  for (const auto& [key, value] : own) {
    if (labels.contains(key)) labels[key] = value;
  }
  labels[kManagedBy] = kubernetes::kFieldManager;
  Json metadata = {{"name", naming.deployment},
                   {"namespace", kubernetes::NamespaceOf(workload)},
                   {"labels", std::move(labels)}};
  SetOwner(metadata, kubernetes::NameOf(workload), stable_uid);
  Json annotations = WithoutTracking(GetObject(kubernetes::Metadata(workload), "annotations"));
  if (!annotations.empty()) metadata["annotations"] = std::move(annotations);

  Json spec = kubernetes::Spec(workload);
  spec.erase("paused");
  spec["replicas"] = replicas;
  SelectCanary(spec["selector"], own);
  for (const auto& [key, value] : own) spec["template"]["metadata"]["labels"][key] = value;
  if (spec["template"].contains("spec")) FollowPlacement(spec["template"]["spec"], stable, own);
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

void SetOwner(Json& metadata, const std::string& deployment, const std::string& uid) {
  metadata["ownerReferences"] = Json::array(
      {{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", deployment}, {"uid", uid}}});
}

Json CopyOfService(const Json& service, const std::string& name,
                   const std::map<std::string, std::string>& labels) {
  const Json& live = kubernetes::Spec(service);
  Json selector = GetObject(live, "selector");
  for (const auto& [key, value] : labels) selector[key] = value;
  Json spec = {{"type", "ClusterIP"}, {"selector", std::move(selector)}};
  if (GetString(live, "clusterIP") == "None") spec["clusterIP"] = "None";
  for (const std::string_view field : kServiceFields) {
    if (const Json* value = Find(live, field)) spec[std::string(field)] = *value;
  }
  Json ports = GetArray(live, "ports");
  for (Json& port : ports) port.erase("nodePort");
  if (!ports.empty()) spec["ports"] = std::move(ports);

  Json own_labels = WithoutTracking(GetObject(kubernetes::Metadata(service), "labels"));
  own_labels[kManagedBy] = kubernetes::kFieldManager;
  Json metadata = {{"name", name},
                   {"namespace", kubernetes::NamespaceOf(service)},
                   {"labels", std::move(own_labels)}};
  Json annotations = Json::object();
  for (const auto& [key, value] : GetObject(kubernetes::Metadata(service), "annotations").items()) {
    if (IsAmong(key, kAnnotationsOfRouting)) annotations[key] = value;
  }
  if (!annotations.empty()) metadata["annotations"] = std::move(annotations);
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

Json CanaryService(const Json& service, const CanaryNaming& naming,
                   const std::map<std::string, std::string>& canary_labels,
                   const std::string& stable_uid) {
  Json made = CopyOfService(service, naming.service, DistinguishingLabels(naming, canary_labels));
  SetOwner(made["metadata"], naming.stable, stable_uid);
  return made;
}

bool Selects(const std::map<std::string, std::string>& selector,
             const std::map<std::string, std::string>& labels) {
  if (selector.empty()) return false;
  return std::all_of(selector.begin(), selector.end(), [&](const auto& entry) {
    const auto label = labels.find(entry.first);
    return label != labels.end() && label->second == entry.second;
  });
}

}  // namespace delivery::runner
