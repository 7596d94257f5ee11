#include "resources/workload_move.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"

namespace delivery::resources {
namespace {

constexpr char kAppsVersion[] = "apps/v1";

// Type => kind of the resources that manage one kind.
const std::map<std::string, std::string>& KindsOfTypes() {
  static const auto* const kinds = new std::map<std::string, std::string>{
      {"kubernetes_deployment", "Deployment"},    {"kubernetes_deployment_v1", "Deployment"},
      {"kubernetes_stateful_set", "StatefulSet"}, {"kubernetes_stateful_set_v1", "StatefulSet"},
      {"kubernetes_daemonset", "DaemonSet"},      {"kubernetes_daemon_set_v1", "DaemonSet"},
  };
  return *kinds;
}

// Their metadata is a block, which a state has as a list of one.
kubernetes::ObjectRef FromTypedResource(const std::string& kind, const Json& state) {
  const Json& blocks = GetArray(state, "metadata");
  const Json metadata = blocks.empty() ? Json::object() : blocks[0];
  return {kAppsVersion, kind, GetString(metadata, "namespace"), GetString(metadata, "name")};
}

// A dynamic value in a state: {"type": ..., "value": {...}}.
kubernetes::ObjectRef FromManifest(const Json& state) {
  const Json& manifest = GetObject(state, "manifest");
  const Json& value = GetObject(manifest, "value");
  return kubernetes::RefOf(value.empty() ? manifest : value);
}

kubernetes::ObjectRef FromKubectlManifest(const Json& state) {
  return {GetString(state, "api_version"), GetString(state, "kind"), GetString(state, "namespace"),
          GetString(state, "name")};
}

}  // namespace

absl::StatusOr<kubernetes::ObjectRef> WorkloadOfState(const std::string& source_type,
                                                      const Json& state) {
  kubernetes::ObjectRef ref;
  const auto typed = KindsOfTypes().find(source_type);
  if (typed != KindsOfTypes().end()) {
    ref = FromTypedResource(typed->second, state);
  } else if (source_type == "kubernetes_manifest") {
    ref = FromManifest(state);
  } else if (source_type == "kubectl_manifest") {
    ref = FromKubectlManifest(state);
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "A ", source_type,
        " cannot be moved here. The types that can are kubernetes_deployment_v1, "
        "kubernetes_stateful_set_v1, kubernetes_daemon_set_v1 (and those without _v1), "
        "kubernetes_manifest and kubectl_manifest."));
  }
  const bool releasable =
      ref.api_version == kAppsVersion &&
      (ref.kind == "Deployment" || ref.kind == "StatefulSet" || ref.kind == "DaemonSet");
  if (!releasable) {
    return absl::InvalidArgumentError(
        absl::StrCat("The ", source_type, " manages a ",
                     ref.kind.empty() ? "nameless kind" : ref.kind, " (", ref.api_version,
                     "), which is no workload that can be released: a Deployment, StatefulSet or "
                     "DaemonSet of apps/v1."));
  }
  if (ref.name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("The state of the ", source_type, " names no object."));
  }
  if (ref.namespace_name.empty()) ref.namespace_name = "default";
  return ref;
}

}  // namespace delivery::resources
