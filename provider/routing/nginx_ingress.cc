// ingress-nginx: a second Ingress with canary annotations for the same hosts and paths.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/backends.h"
#include "provider/routing/request_match.h"

namespace delivery::routing {
namespace {

constexpr char kVersion[] = "networking.k8s.io/v1";
constexpr char kPrefix[] = "nginx.ingress.kubernetes.io/";
constexpr char kCanary[] = "nginx.ingress.kubernetes.io/canary";
constexpr char kWeight[] = "nginx.ingress.kubernetes.io/canary-weight";
constexpr char kHeader[] = "nginx.ingress.kubernetes.io/canary-by-header";
constexpr char kHeaderValue[] = "nginx.ingress.kubernetes.io/canary-by-header-value";
constexpr char kHeaderPattern[] = "nginx.ingress.kubernetes.io/canary-by-header-pattern";
constexpr char kCookie[] = "nginx.ingress.kubernetes.io/canary-by-cookie";
constexpr char kIngressClass[] = "kubernetes.io/ingress.class";
constexpr char kManagedBy[] = "app.kubernetes.io/managed-by";
constexpr char kOurs[] = "terraform-provider-delivery";
constexpr char kAnnotations[] = "/metadata/annotations";

const NginxIngressBackend& BackendOf(const TrafficTarget& target) {
  return std::get<NginxIngressBackend>(target.backend);
}

absl::Status Refuse(const TrafficTarget& target, const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("Traffic cannot be shifted: ", IngressRef(target).ToString(), ": ", why, "."));
}

bool IsCanaryAnnotation(const std::string& name) { return absl::StartsWith(name, kCanary); }

bool RoutesTo(const Json& backend, const std::string& service) {
  return GetString(GetObject(backend, "service"), "name") == service;
}

// The rules and default backend that route to `service`, to the canary instead.
Json CanarySpec(const TrafficTarget& target, const Json& ingress) {
  const std::string& service = BackendOf(target).service;
  Json spec = kubernetes::Spec(ingress);
  Json rules = Json::array();
  for (Json rule : GetArray(spec, "rules")) {
    Json paths = Json::array();
    for (Json path : GetArray(GetObject(rule, "http"), "paths")) {
      if (!RoutesTo(GetObject(path, "backend"), service)) continue;
      path["backend"]["service"]["name"] = target.canary_service;
      paths.push_back(std::move(path));
    }
    if (paths.empty()) continue;
    rule["http"]["paths"] = std::move(paths);
    rules.push_back(std::move(rule));
  }
  spec.erase("rules");
  if (!rules.empty()) spec["rules"] = std::move(rules);
  if (RoutesTo(GetObject(spec, "defaultBackend"), service)) {
    spec["defaultBackend"]["service"]["name"] = target.canary_service;
  } else {
    spec.erase("defaultBackend");
  }
  return spec;
}

bool RoutesAnything(const Json& spec) {
  return spec.contains("rules") || spec.contains("defaultBackend");
}

void AddMatch(const Match& match, Json& annotations) {
  for (const HeaderMatch& header : match.headers) {
    annotations[kHeader] = header.name;
    if (!header.value.exact.empty()) {
      annotations[kHeaderValue] = header.value.exact;
    } else {
      annotations[kHeaderPattern] =
          header.value.prefix.empty() ? header.value.regex : PrefixRegex(header.value.prefix);
    }
  }
  for (const CookieMatch& cookie : match.cookies) annotations[kCookie] = cookie.name;
}

std::string AnnotationAt(const std::string& name) {
  return absl::StrCat(kAnnotations, "/", PointerStep(name));
}

}  // namespace

kubernetes::ObjectRef IngressRef(const TrafficTarget& target) {
  return {kVersion, "Ingress", target.namespace_name, BackendOf(target).ingress};
}

kubernetes::ObjectRef CanaryIngressRef(const TrafficTarget& target) {
  return {kVersion, "Ingress", target.namespace_name,
          absl::StrCat(BackendOf(target).ingress, "-canary")};
}

absl::Status CheckIngress(const TrafficTarget& target, const Json& ingress) {
  if (kubernetes::AnnotationOf(ingress, kCanary) == "true") {
    return Refuse(target, "it is the canary of another Ingress itself; name the main one");
  }
  if (RoutesAnything(CanarySpec(target, ingress))) return absl::OkStatus();
  return Refuse(target, absl::StrCat("none of its paths routes to Service ",
                                     BackendOf(target).service, "; correct ingress or service"));
}

bool IsOurIngress(const Json& ingress) {
  const kubernetes::StringMap labels = kubernetes::LabelsOf(ingress);
  const auto found = labels.find(kManagedBy);
  return found != labels.end() && found->second == kOurs;
}

absl::StatusOr<Json> MakeCanaryIngress(const TrafficTarget& target, const Json& ingress,
                                       const Split& split) {
  if (absl::Status status = CheckIngress(target, ingress); !status.ok()) return status;
  Json annotations = Json::object();
  for (const auto& [name, value] : kubernetes::AnnotationsOf(ingress)) {
    const bool behaviour = absl::StartsWith(name, kPrefix) || name == kIngressClass;
    if (behaviour && !IsCanaryAnnotation(name)) annotations[name] = value;
  }
  annotations[kCanary] = "true";
  annotations[kWeight] = absl::StrCat(split.weight);
  if (split.match) AddMatch(target.match, annotations);
  const Json owner = {{"apiVersion", kVersion},
                      {"kind", "Ingress"},
                      {"name", kubernetes::NameOf(ingress)},
                      {"uid", kubernetes::UidOf(ingress)}};
  const kubernetes::ObjectRef ref = CanaryIngressRef(target);
  return Json{{"apiVersion", kVersion},
              {"kind", "Ingress"},
              {"metadata",
               {{"name", ref.name},
                {"namespace", ref.namespace_name},
                {"labels", {{kManagedBy, kOurs}}},
                {"annotations", std::move(annotations)},
                {"ownerReferences", Json::array({owner})}}},
              {"spec", CanarySpec(target, ingress)}};
}

void EditCanaryIngress(const Json& wanted, ObjectEdit& edit) {
  const Json annotations = GetObject(kubernetes::Metadata(wanted), "annotations");
  const Json now = GetObject(kubernetes::Metadata(edit.object()), "annotations");
  if (!kubernetes::Metadata(edit.object()).contains("annotations")) {
    edit.Set(kAnnotations, annotations);
  }
  for (const auto& [name, value] : annotations.items()) edit.Set(AnnotationAt(name), value);
  for (const auto& [name, value] : now.items()) {
    if (absl::StartsWith(name, kPrefix) && !annotations.contains(name)) {
      edit.Remove(AnnotationAt(name));
    }
  }
  edit.Set("/spec", kubernetes::Spec(wanted));
}

bool RoutesToCanary(const TrafficTarget& target, const Json& ingress) {
  if (RoutesTo(GetObject(kubernetes::Spec(ingress), "defaultBackend"), target.canary_service)) {
    return true;
  }
  for (const Json& rule : GetArray(kubernetes::Spec(ingress), "rules")) {
    for (const Json& path : GetArray(GetObject(rule, "http"), "paths")) {
      if (RoutesTo(GetObject(path, "backend"), target.canary_service)) return true;
    }
  }
  return false;
}

void SilenceCanaryIngress(ObjectEdit& edit) {
  const Json now = GetObject(kubernetes::Metadata(edit.object()), "annotations");
  // Without this annotation it would be an Ingress like any other, which gets everything.
  if (now.empty()) edit.Set(kAnnotations, Json::object());
  edit.Set(AnnotationAt(kCanary), "true");
  edit.Set(AnnotationAt(kWeight), "0");
  for (const auto& [name, value] : now.items()) {
    if (IsCanaryAnnotation(name) && name != kCanary && name != kWeight) {
      edit.Remove(AnnotationAt(name));
    }
  }
}

Split ReadCanaryIngress(const Json& ingress) {
  // An Ingress that is no canary any more serves like any other.
  if (kubernetes::AnnotationOf(ingress, kCanary) != "true") return {.weight = 100};
  Split split;
  if (!absl::SimpleAtoi(kubernetes::AnnotationOf(ingress, kWeight).value_or("0"), &split.weight)) {
    split.weight = 0;
  }
  split.match = kubernetes::AnnotationOf(ingress, kHeader).has_value() ||
                kubernetes::AnnotationOf(ingress, kCookie).has_value();
  return split;
}

}  // namespace delivery::routing
