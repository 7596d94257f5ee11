// The `manifest` argument between Terraform's values and Kubernetes' JSON.
#ifndef DELIVERY_RESOURCES_MANIFEST_VALUE_H_
#define DELIVERY_RESOURCES_MANIFEST_VALUE_H_

#include <optional>
#include <string>
#include <vector>

#include "provider/base/json.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/drift.h"
#include "provider/kubernetes/field_path.h"
#include "provider/value/path.h"
#include "provider/value/value.h"

namespace delivery::resources {

// A manifest as JSON with what is unknown left out. Members that are null are left out: HCL spells
// "not given" so.
struct PartialManifest {
  Json json;
  std::vector<kubernetes::FieldPath> unknown;
};
PartialManifest ToPartialJson(const value::Value& manifest);

// `manifest` with each changed field set to its live value, or removed; fields without a place in
// it are passed over.
value::Value WithLiveValues(const value::Value& manifest,
                            const std::vector<kubernetes::FieldChange>& changes);

// The identity of the workload: what may not change without a replacement.
struct WorkloadIdentity {
  std::string group;
  std::string kind;
  std::string namespace_name;
  std::string name;
  Json selector;
  friend bool operator==(const WorkloadIdentity&, const WorkloadIdentity&) = default;
};
// `otherwise` stands for a missing metadata.namespace.
WorkloadIdentity IdentityOf(const Json& manifest, const std::string& otherwise);

// Whether `wanted` is another workload than `had`; false while that is not known.
bool IdentityChanged(const value::Value& wanted, const value::Value& had,
                     const std::string& otherwise);

// `manifest` ready to be written: with its namespace and the images.
absl::StatusOr<Json> DesiredWorkload(const Json& manifest, const std::string& namespace_name,
                                     const std::map<std::string, std::string>& images);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_MANIFEST_VALUE_H_
