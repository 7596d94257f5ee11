#include "provider/kubernetes/discovery.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace delivery::kubernetes {
namespace {

struct BuiltIn {
  std::string_view api_version;
  std::string_view kind;
  std::string_view plural;
  bool namespaced;
};

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
    {"batch/v1", "Job", "jobs", true},
    {"coordination.k8s.io/v1", "Lease", "leases", true},
    {"networking.k8s.io/v1", "Ingress", "ingresses", true},
    {"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true},
    {"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true},
};

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
  const bool core = api_version.find('/') == std::string_view::npos;
  return absl::StrCat(core ? "/api/" : "/apis/", std::string(api_version));
}

}  // namespace delivery::kubernetes
