// Reading Kubernetes objects as JSON. Accessors never fail: what is absent or of another type is
// empty or zero. References point into the argument or to constants.
#ifndef DELIVERY_KUBERNETES_OBJECT_H_
#define DELIVERY_KUBERNETES_OBJECT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/base/json.h"

namespace delivery::kubernetes {

using StringMap = std::map<std::string, std::string>;

const Json& Metadata(const Json& object);
const Json& Spec(const Json& object);
const Json& Status(const Json& object);
std::string KindOf(const Json& object);
std::string NameOf(const Json& object);
std::string NamespaceOf(const Json& object);
std::string UidOf(const Json& object);
std::string ResourceVersionOf(const Json& object);
int64_t GenerationOf(const Json& object);
int64_t ObservedGenerationOf(const Json& object);  // status.observedGeneration
StringMap LabelsOf(const Json& object);
StringMap AnnotationsOf(const Json& object);
std::optional<std::string> AnnotationOf(const Json& object, std::string_view key);
bool IsBeingDeleted(const Json& object);

// The string members of a JSON object; members of other types are left out.
StringMap ToStringMap(const Json& object);

// RFC 3339, as in metadata.creationTimestamp; nullopt when absent or malformed.
std::optional<absl::Time> GetTime(const Json& object, std::string_view key);

// status.conditions[type=...]; null when absent.
const Json* FindCondition(const Json& object, std::string_view type);

// The uid of the owner reference with controller = true; empty without one.
std::string ControllerUidOf(const Json& object);

// spec.template of a Deployment, StatefulSet, DaemonSet, ReplicaSet or Job; a Pod itself.
const Json& PodTemplate(const Json& workload);
StringMap TemplateLabelsOf(const Json& workload);

struct ContainerRef {
  const Json* container = nullptr;  // points into the workload
  bool init = false;
};
// Init containers first, then containers, in order.
std::vector<ContainerRef> ContainersOf(const Json& workload);
// Containers and init containers by name; null when absent.
const Json* FindContainer(const Json& workload, std::string_view name);

// Container or init container name -> image. Without an image: an empty string.
StringMap ImagesOf(const Json& workload);
// Sets the images of the named containers. InvalidArgument that names every unknown container and
// lists those that exist; `workload` is then unchanged.
absl::Status SetImages(Json& workload, const StringMap& images);

// Label selectors (matchLabels and matchExpressions). An empty selector matches everything, an
// absent one (null) or a malformed one nothing.
bool SelectorMatches(const Json& selector, const StringMap& labels);
// The text for ?labelSelector=.
std::string SelectorToString(const Json& selector);
// A Service's selector, a plain map: an empty one selects nothing.
bool ServiceSelects(const Json& service, const StringMap& pod_labels);
std::string LabelsToSelector(const StringMap& labels);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_OBJECT_H_
