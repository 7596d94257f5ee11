// Why a pod does not start: found from its status within seconds, not at the deadline.
#ifndef DELIVERY_KUBERNETES_POD_FAILURE_H_
#define DELIVERY_KUBERNETES_POD_FAILURE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/json.h"

namespace delivery::kubernetes {

struct PodFailure {
  std::string pod;        // name; of the owner when no pod could be created
  std::string container;  // empty: the pod as a whole
  bool init_container = false;
  std::string reason;   // Kubernetes' own word: "ImagePullBackOff", "Unschedulable", "FailedCreate"
  std::string message;  // Kubernetes' own words and what the last termination said
  // True: waiting does not help, fail at once. False: it may pass (a first crash, an eviction, a
  // registry that timed out); fail when it persists.
  bool definitive = false;
  bool out_of_memory = false;  // the last termination was OOMKilled
  int64_t restarts = 0;
  std::optional<int64_t> exit_code;  // of the last termination
  // The log that tells why is that of the previous instance (PodLogOptions::previous).
  bool previous_log = false;

  // "pod web-1, container app: CrashLoopBackOff: exit code 1, 3 restarts".
  std::string ToString() const;
};

// The most telling failure of one pod; nullopt while it may still start, when it runs, and when it
// is being deleted. ErrImagePull, ContainerCreating and PodInitializing are not failures yet.
std::optional<PodFailure> FindPodFailure(const Json& pod, absl::Time now,
                                         absl::Duration schedule_timeout);
// When an unschedulable pod becomes a failure; nullopt when it is not unschedulable.
std::optional<absl::Time> SchedulingDeadline(const Json& pod, absl::Duration schedule_timeout);
// condition Ready is True.
bool IsPodReady(const Json& pod);

// The definitive failures among `pods` first, otherwise the first found.
std::optional<PodFailure> FindFirstPodFailure(const std::vector<Json>& pods, absl::Time now,
                                              absl::Duration schedule_timeout);

// Condition ReplicaFailure of a ReplicaSet (or Deployment): pods cannot be created, because of
// quota or admission. Definitive, unless the API server speaks of an internal error.
std::optional<PodFailure> FindReplicaSetFailure(const Json& replica_set);
// For StatefulSets and DaemonSets, which have no such condition: their newest Warning event
// FailedCreate since `since`. Definitive.
std::optional<PodFailure> FindCreationFailure(const std::vector<Json>& events, const Json& owner,
                                              absl::Time since);

// The ReplicaSet of the Deployment's current revision (owner uid, and annotation
// deployment.kubernetes.io/revision equal to the Deployment's); null when it is not there yet.
const Json* NewestReplicaSet(const Json& deployment, const std::vector<Json>& replica_sets);
// Those whose controller has this uid; pointers into `objects`.
std::vector<const Json*> ControlledBy(const std::string& owner_uid,
                                      const std::vector<Json>& objects);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_POD_FAILURE_H_
