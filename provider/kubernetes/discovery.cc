#include "provider/kubernetes/discovery.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/api_error.h"

namespace delivery::kubernetes {
namespace {

struct BuiltIn {
  std::string_view api_version;
  std::string_view kind;
  std::string_view plural;
  bool namespaced;
};

// One answer for all groups; servers before 1.30 know the older of the two versions, and still
// older ones answer the third with a list of groups, which holds no kinds.
constexpr char kAggregated[] =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json";
constexpr char kDoing[] = "discovering the kinds that the API server serves";

constexpr BuiltIn kBuiltIns[] = {
    {"v1", "ConfigMap", "configmaps", true},
    {"v1", "Event", "events", true},
    {"v1", "Namespace", "namespaces", false},
    {"v1", "Node", "nodes", false},
    {"v1", "Pod", "pods", true},
    {"v1", "ResourceQuota", "resourcequotas", true},
    {"v1", "Secret", "secrets", true},
    {"v1", "Service", "services", true},
    {"v1", "ServiceAccount", "serviceaccounts", true},
    {"apps/v1", "ControllerRevision", "controllerrevisions", true},
    {"apps/v1", "DaemonSet", "daemonsets", true},
    {"apps/v1", "Deployment", "deployments", true},
    {"apps/v1", "ReplicaSet", "replicasets", true},
    {"apps/v1", "StatefulSet", "statefulsets", true},
    {"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true},
    {"batch/v1", "CronJob", "cronjobs", true},
    {"batch/v1", "Job", "jobs", true},
    {"coordination.k8s.io/v1", "Lease", "leases", true},
    {"networking.k8s.io/v1", "Ingress", "ingresses", true},
    {"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true},
    {"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true},
};

bool IsCore(std::string_view api_version) {
  return api_version.find('/') == std::string_view::npos;
}

void AddResource(const std::string& api_version, const std::string& kind, const std::string& plural,
                 bool namespaced, DiscoveredKinds& kinds) {
  // Subresources such as "deployments/scale" answer to other kinds.
  if (kind.empty() || plural.empty() || absl::StrContains(plural, '/')) return;
  kinds.try_emplace(DiscoveryKey(api_version, kind), ResourceInfo{plural, namespaced});
}

}  // namespace

std::optional<ResourceInfo> FindBuiltInKind(std::string_view api_version, std::string_view kind) {
  for (const BuiltIn& known : kBuiltIns) {
    if (known.api_version == api_version && known.kind == kind) {
      return ResourceInfo{std::string(known.plural), known.namespaced};
    }
  }
  return std::nullopt;
}

std::string DiscoveryKey(std::string_view api_version, std::string_view kind) {
  return absl::StrCat(std::string(api_version), " ", std::string(kind));
}

void ReadAggregatedDiscovery(const Json& answer, DiscoveredKinds& kinds) {
  for (const Json& group : GetArray(answer, "items")) {
    const std::string group_name = GetString(GetObject(group, "metadata"), "name");
    for (const Json& version : GetArray(group, "versions")) {
      const std::string name = GetString(version, "version");
      const std::string api_version =
          group_name.empty() ? name : absl::StrCat(group_name, "/", name);
      for (const Json& resource : GetArray(version, "resources")) {
        AddResource(api_version, GetString(GetObject(resource, "responseKind"), "kind"),
                    GetString(resource, "resource"), GetString(resource, "scope") == "Namespaced",
                    kinds);
      }
    }
  }
}

void ReadResourceList(const Json& answer, DiscoveredKinds& kinds) {
  const std::string api_version = GetString(answer, "groupVersion");
  for (const Json& resource : GetArray(answer, "resources")) {
    AddResource(api_version, GetString(resource, "kind"), GetString(resource, "name"),
                GetBool(resource, "namespaced"), kinds);
  }
}

std::string ApiRoot(std::string_view api_version) {
  return absl::StrCat(IsCore(api_version) ? "/api/" : "/apis/", std::string(api_version));
}

std::string CollectionPath(std::string_view api_version, const ResourceInfo& info,
                           std::string_view namespace_name) {
  std::string path = ApiRoot(api_version);
  if (info.namespaced && !namespace_name.empty()) {
    absl::StrAppend(&path, "/namespaces/", EscapePathSegment(namespace_name));
  }
  return absl::StrCat(path, "/", info.plural);
}

std::optional<ResourceInfo> Discovery::Known(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  const auto found = kinds_.find(key);
  if (found == kinds_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<ResourceInfo> Discovery::Resolve(std::string_view api_version, std::string_view kind,
                                                const std::stop_token& stop) {
  if (const auto built_in = FindBuiltInKind(api_version, kind)) return *built_in;
  const std::string key = DiscoveryKey(api_version, kind);
  if (const auto known = Known(key)) return *known;
  DELIVERY_RETURN_IF_ERROR(AskForAll(api_version, stop));
  if (const auto known = Known(key)) return *known;
  // Not in the aggregated answer: the server has none, or is behind with it.
  DELIVERY_RETURN_IF_ERROR(AskForGroupVersion(api_version, stop));
  if (const auto known = Known(key)) return *known;
  return absl::NotFoundError(absl::StrCat("the API server does not serve ", std::string(kind),
                                          " in ", std::string(api_version),
                                          ": is its custom resource definition installed?"));
}

absl::Status Discovery::AskForAll(std::string_view api_version, const std::stop_token& stop) {
  RestRequest request;
  request.path = IsCore(api_version) ? "/api" : "/apis";
  request.accept = kAggregated;
  DELIVERY_ASSIGN_OR_RETURN(const http::Response answer, client_->Send(request, stop), _ << kDoing);
  if (answer.status == 404 || answer.status == 406) return absl::OkStatus();  // not by this way
  DELIVERY_RETURN_IF_ERROR(StatusFromResponse(answer, kDoing));
  DELIVERY_ASSIGN_OR_RETURN(const Json body, ParseJson(answer.body), _ << kDoing);
  absl::MutexLock lock(&mutex_);
  ReadAggregatedDiscovery(body, kinds_);
  return absl::OkStatus();
}

absl::Status Discovery::AskForGroupVersion(std::string_view api_version,
                                           const std::stop_token& stop) {
  RestRequest request;
  request.path = ApiRoot(api_version);
  DELIVERY_ASSIGN_OR_RETURN(const http::Response answer, client_->Send(request, stop), _ << kDoing);
  if (answer.status == 404) return absl::OkStatus();  // no such group: the kind stays unknown
  DELIVERY_RETURN_IF_ERROR(StatusFromResponse(answer, kDoing));
  DELIVERY_ASSIGN_OR_RETURN(const Json body, ParseJson(answer.body), _ << kDoing);
  absl::MutexLock lock(&mutex_);
  ReadResourceList(body, kinds_);
  return absl::OkStatus();
}

}  // namespace delivery::kubernetes
