// Whether a rollout is complete: the rules of `kubectl rollout status`.
// Source: k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go.
#ifndef DELIVERY_KUBERNETES_WORKLOAD_STATUS_H_
#define DELIVERY_KUBERNETES_WORKLOAD_STATUS_H_

#include <cstdint>
#include <string>

#include "provider/base/json.h"

namespace delivery::kubernetes {

struct RolloutProgress {
  bool observed = false;  // the controller has seen the generation
  bool complete = false;
  bool paused = false;             // spec.paused of a Deployment
  bool on_delete = false;          // the pods are replaced by the user
  bool deadline_exceeded = false;  // the Deployment's own progressDeadlineSeconds
  // One sentence like kubectl's, without the trailing dots: "2 out of 3 new replicas have been
  // updated".
  std::string summary;

  int64_t desired = 0;    // spec.replicas; desiredNumberScheduled of a DaemonSet
  int64_t total = 0;      // status.replicas
  int64_t updated = 0;    // of the new revision
  int64_t ready = 0;      // of any revision
  int64_t available = 0;  // of any revision
};

// `generation` is what our write returned: progress counts only once the controller observed it,
// and the object's own generation. Zero: the object's own.
RolloutProgress DeploymentProgress(const Json& deployment, int64_t generation);
// With a partition: complete when the pods above it are updated. OnDelete: complete when observed.
RolloutProgress StatefulSetProgress(const Json& stateful_set, int64_t generation);
RolloutProgress DaemonSetProgress(const Json& daemon_set, int64_t generation);
// By `kind` of the object; of another kind never complete.
RolloutProgress WorkloadProgress(const Json& workload, int64_t generation);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_WORKLOAD_STATUS_H_
