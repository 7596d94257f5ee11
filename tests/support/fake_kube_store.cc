#include "tests/support/fake_kube_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace delivery::testing {
namespace {

const std::vector<ResourceType>& BuiltInTypes() {
  static const auto* const types = new std::vector<ResourceType>{
      {"", "v1", "Namespace", "namespaces", false},
      {"", "v1", "Node", "nodes", false},
      {"", "v1", "Pod", "pods"},
      {"", "v1", "Service", "services"},
      {"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"},
      {"", "v1", "ConfigMap", "configmaps", true, false},
      {"", "v1", "Secret", "secrets", true, false},
      {"", "v1", "ServiceAccount", "serviceaccounts", true, false},
      {"", "v1", "Endpoints", "endpoints", true, false},
      {"", "v1", "Event", "events", true, false},
      {"apps", "v1", "Deployment", "deployments"},
      {"apps", "v1", "StatefulSet", "statefulsets"},
      {"apps", "v1", "DaemonSet", "daemonsets"},
      {"apps", "v1", "ReplicaSet", "replicasets"},
      {"apps", "v1", "ControllerRevision", "controllerrevisions", true, false},
      {"batch", "v1", "Job", "jobs"},
      {"batch", "v1", "CronJob", "cronjobs"},
      {"autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"},
      {"networking.k8s.io", "v1", "Ingress", "ingresses"},
      {"networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, false},
      {"coordination.k8s.io", "v1", "Lease", "leases", true, false},
      {"discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, false},
      {"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"},
      {"rbac.authorization.k8s.io", "v1", "Role", "roles", true, false},
      {"rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, false},
      {"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
       false},
  };
  return *types;
}

// The few defaults that change what clients see of the fields they deal with.
void SetDefaults(const ResourceType& type, Json& object) {
  Json* pod_spec = nullptr;
  if (type.kind == "Pod") {
    pod_spec = &object["spec"];
  } else if (type.group == "apps" && object.contains("spec") &&
             object["spec"].contains("template")) {
    if (type.kind != "DaemonSet" && !object["spec"].contains("replicas")) {
      object["spec"]["replicas"] = 1;
    }
    pod_spec = &object["spec"]["template"]["spec"];
  }
  if (pod_spec == nullptr || !pod_spec->is_object()) return;
  for (const char* list : {"initContainers", "containers"}) {
    if (!pod_spec->contains(list)) continue;
    for (Json& container : (*pod_spec)[list]) {
      if (!container.contains("ports")) continue;
      for (Json& port : container["ports"]) {
        if (!port.contains("protocol")) port["protocol"] = "TCP";
      }
    }
  }
}

bool CountsGenerations(const ResourceType& type) {
  return !type.group.empty() && type.group != "coordination.k8s.io";
}

// Custom resources may have other content besides spec; whatever is not metadata or status counts.
Json ContentOf(Json object) {
  object.erase("metadata");
  object.erase("status");
  return object;
}

Json WithoutVersion(Json object) {
  object["metadata"].erase("resourceVersion");
  return object;
}

bool HasFinalizers(const Json& object) {
  return !GetArray(GetObject(object, "metadata"), "finalizers").empty();
}

}  // namespace

std::string ResourceType::ApiVersion() const {
  return group.empty() ? version : absl::StrCat(group, "/", version);
}
std::string ResourceType::Qualified() const {
  return group.empty() ? plural : absl::StrCat(plural, ".", group);
}

FakeKubeStore::FakeKubeStore(Clock& clock)
    : clock_(clock), types_(BuiltInTypes().begin(), BuiltInTypes().end()) {
  const ResourceType& type = *FindType("", "v1", "namespaces");
  for (const char* name : {"default", "kube-system"}) {
    Commit(type, PrepareNew(type, {{"metadata", {{"name", name}}}}));
  }
}

void FakeKubeStore::AddType(ResourceType type) { types_.push_back(std::move(type)); }

const ResourceType* FakeKubeStore::FindType(std::string_view group, std::string_view version,
                                            std::string_view plural) const {
  for (const ResourceType& type : types_) {
    if (type.group == group && type.version == version && type.plural == plural) return &type;
  }
  return nullptr;
}

const ResourceType* FakeKubeStore::FindTypeOfKind(std::string_view api_version,
                                                  std::string_view kind) const {
  for (const ResourceType& type : types_) {
    if (type.ApiVersion() == api_version && type.kind == kind) return &type;
  }
  return nullptr;
}

const ResourceType& FakeKubeStore::TypeOf(const ObjectKey& key) const {
  return *std::find_if(types_.begin(), types_.end(),
                       [&](const ResourceType& type) { return type.Qualified() == key.type; });
}

ObjectKey FakeKubeStore::KeyOf(const ResourceType& type, const Json& object) const {
  const Json& metadata = GetObject(object, "metadata");
  return {type.Qualified(), type.namespaced ? GetString(metadata, "namespace") : "",
          GetString(metadata, "name")};
}

const Json* FakeKubeStore::Find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : &found->second;
}

std::vector<const Json*> FakeKubeStore::List(const ResourceType& type,
                                             std::string_view namespace_name) const {
  std::vector<const Json*> list;
  const std::string qualified = type.Qualified();
  for (auto it = objects_.lower_bound({qualified, "", ""});
       it != objects_.end() && it->first.type == qualified; ++it) {
    if (namespace_name.empty() || it->first.namespace_name == namespace_name) {
      list.push_back(&it->second);
    }
  }
  return list;
}

bool FakeKubeStore::HasNamespace(const std::string& name) const {
  return objects_.contains({"namespaces", "", name});
}

std::string FakeKubeStore::Timestamp() const {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now(), absl::UTCTimeZone());
}

Json FakeKubeStore::PrepareNew(const ResourceType& type, Json object) {
  object["apiVersion"] = type.ApiVersion();
  object["kind"] = type.kind;
  Json& metadata = object["metadata"];
  const std::string id = absl::StrFormat("%012d", next_uid_++);
  if (GetString(metadata, "name").empty() && metadata.contains("generateName")) {
    metadata["name"] = absl::StrCat(GetString(metadata, "generateName"), id.substr(7));
  }
  metadata["uid"] = absl::StrCat("00000000-0000-4000-8000-", id);
  metadata["creationTimestamp"] = Timestamp();
  metadata.erase("resourceVersion");
  metadata.erase("deletionTimestamp");
  if (CountsGenerations(type)) metadata["generation"] = 1;
  if (type.kind == "Namespace") object["status"] = {{"phase", "Active"}};
  SetDefaults(type, object);
  return object;
}

Json FakeKubeStore::PrepareSuccessor(const ResourceType& type, const Json& live,
                                     Json object) const {
  object["apiVersion"] = type.ApiVersion();
  object["kind"] = type.kind;
  Json& metadata = object["metadata"];
  const Json& old = GetObject(live, "metadata");
  for (const char* name : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                           "generation", "resourceVersion"}) {
    if (old.contains(name)) {
      metadata[name] = old[name];
    } else {
      metadata.erase(name);
    }
  }
  SetDefaults(type, object);
  if (CountsGenerations(type) && ContentOf(live) != ContentOf(object)) {
    metadata["generation"] = GetInt(old, "generation") + 1;
  }
  return object;
}

void FakeKubeStore::Record(std::string verb, const ResourceType& type, Json object, Json previous) {
  history_.push_back(
      {std::move(verb), type.Qualified(), version_, std::move(object), std::move(previous)});
}

Json FakeKubeStore::Commit(const ResourceType& type, Json object) {
  const ObjectKey key = KeyOf(type, object);
  const auto found = objects_.find(key);
  const bool is_new = found == objects_.end();
  if (!is_new && WithoutVersion(found->second) == WithoutVersion(object)) return found->second;
  Json previous = is_new ? Json() : found->second;
  object["metadata"]["resourceVersion"] = absl::StrCat(++version_);
  objects_[key] = object;
  Record(is_new ? "ADDED" : "MODIFIED", type, object, std::move(previous));
  const bool deleted = object["metadata"].contains("deletionTimestamp");
  if (deleted && !HasFinalizers(object)) Remove(type, key);
  return object;
}

void FakeKubeStore::Remove(const ResourceType& type, const ObjectKey& key) {
  Json last = objects_.at(key);
  Json previous = last;
  objects_.erase(key);
  last["metadata"]["resourceVersion"] = absl::StrCat(++version_);
  Record("DELETED", type, std::move(last), std::move(previous));
}

Json FakeKubeStore::Delete(const ResourceType& type, const ObjectKey& key, Cascade cascade) {
  Json object = objects_.at(key);
  const std::string uid = GetString(GetObject(object, "metadata"), "uid");
  // A foreground deletion ends with the owner, the others with the dependents.
  if (cascade == Cascade::kForeground) ReleaseDependents(uid, cascade);
  if (HasFinalizers(object)) {
    if (!object["metadata"].contains("deletionTimestamp")) {
      object["metadata"]["deletionTimestamp"] = Timestamp();
      object["metadata"]["deletionGracePeriodSeconds"] = 0;
      object = Commit(type, std::move(object));
    }
    return object;
  }
  Remove(type, key);
  if (cascade != Cascade::kForeground) ReleaseDependents(uid, cascade);
  if (type.kind == "Namespace") EmptyNamespace(key.name);
  return object;
}

void FakeKubeStore::ReleaseDependents(const std::string& owner_uid, Cascade cascade) {
  std::vector<ObjectKey> dependents;
  for (const auto& [key, object] : objects_) {
    const Json& owners = GetArray(GetObject(object, "metadata"), "ownerReferences");
    if (std::any_of(owners.begin(), owners.end(),
                    [&](const Json& owner) { return GetString(owner, "uid") == owner_uid; })) {
      dependents.push_back(key);
    }
  }
  for (const ObjectKey& key : dependents) {
    const Json* found = Find(key);
    if (found == nullptr) continue;
    Json object = *found;
    Json others = Json::array();
    for (const Json& owner : GetArray(GetObject(object, "metadata"), "ownerReferences")) {
      if (GetString(owner, "uid") != owner_uid) others.push_back(owner);
    }
    if (cascade != Cascade::kOrphan && others.empty()) {
      Delete(TypeOf(key), key, cascade);
      continue;
    }
    object["metadata"]["ownerReferences"] = others;
    if (others.empty()) object["metadata"].erase("ownerReferences");
    Commit(TypeOf(key), std::move(object));
  }
}

void FakeKubeStore::EmptyNamespace(const std::string& name) {
  std::vector<ObjectKey> keys;
  for (const auto& [key, object] : objects_) {
    if (key.namespace_name == name) keys.push_back(key);
  }
  for (const ObjectKey& key : keys) {
    if (objects_.contains(key)) Remove(TypeOf(key), key);
  }
}

}  // namespace delivery::testing
