// `moved` from the resources of other providers: which workload their state is about.
#ifndef DELIVERY_RESOURCES_WORKLOAD_MOVE_H_
#define DELIVERY_RESOURCES_WORKLOAD_MOVE_H_

#include <string>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"

namespace delivery::resources {

// Knows kubernetes_deployment, kubernetes_stateful_set, kubernetes_daemonset and their _v1 forms
// and kubernetes_manifest (hashicorp/kubernetes), and kubectl_manifest (alekc/kubectl and its
// predecessors); the forms of their states are those of their public schemas. InvalidArgument for
// another type, an object that is no workload, and a state that names none. A missing namespace is
// "default", as it is for those providers.
absl::StatusOr<kubernetes::ObjectRef> WorkloadOfState(const std::string& source_type,
                                                      const Json& state);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_MOVE_H_
