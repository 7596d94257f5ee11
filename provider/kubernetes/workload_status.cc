#include "provider/kubernetes/workload_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"

namespace delivery::kubernetes {
namespace {

constexpr char kNotObserved[] = "waiting for the controller to observe the new specification";

std::string UpdateStrategy(const Json& workload) {
  return GetString(GetObject(Spec(workload), "updateStrategy"), "type", "RollingUpdate");
}

bool IsObserved(const Json& workload, int64_t generation) {
  return ObservedGenerationOf(workload) >= std::max(generation, GenerationOf(workload));
}

bool HasTimedOut(const Json& deployment) {
  const Json* progressing = FindCondition(deployment, "Progressing");
  return progressing != nullptr && GetString(*progressing, "reason") == "ProgressDeadlineExceeded";
}

std::string DeploymentSummary(const RolloutProgress& p, const std::string& deadline_message) {
  if (!p.observed) return kNotObserved;
  if (p.deadline_exceeded) {
    return absl::StrCat("exceeded its progress deadline", deadline_message.empty() ? "" : ": ",
                        deadline_message);
  }
  if (p.updated < p.desired) {
    return absl::StrCat(p.updated, " out of ", p.desired, " new replicas have been updated",
                        p.paused ? ", the rollout is paused" : "");
  }
  if (p.total > p.updated) {
    return absl::StrCat(p.total - p.updated, " old replicas are pending termination");
  }
  if (p.available < p.updated) {
    return absl::StrCat(p.available, " of ", p.updated, " updated replicas are available");
  }
  return absl::StrCat("successfully rolled out, ", p.available, " replicas are available");
}

// spec.updateStrategy.rollingUpdate.partition, zero when there is none.
int64_t PartitionOf(const Json& stateful_set) {
  const Json& strategy = GetObject(Spec(stateful_set), "updateStrategy");
  return GetInt(GetObject(strategy, "rollingUpdate"), "partition");
}

// kubectl takes the partitioned way whenever rollingUpdate is there, as it always is on objects
// that the API server has defaulted.
bool HasRollingUpdate(const Json& stateful_set) {
  return Find(GetObject(Spec(stateful_set), "updateStrategy"), "rollingUpdate") != nullptr;
}

void JudgeStatefulSet(const Json& stateful_set, RolloutProgress& p) {
  const std::string update_revision = GetString(Status(stateful_set), "updateRevision");
  const int64_t wanted = std::max<int64_t>(p.desired - PartitionOf(stateful_set), 0);
  if (p.ready < p.desired) {
    p.summary = absl::StrCat("waiting for ", p.desired - p.ready, " pods to be ready");
  } else if (HasRollingUpdate(stateful_set) && p.updated < wanted) {
    p.summary = absl::StrCat(p.updated, " out of ", wanted, " new pods have been updated");
  } else if (HasRollingUpdate(stateful_set)) {
    p.complete = true;
    p.summary =
        absl::StrCat("partitioned rollout complete, ", p.updated, " new pods have been updated");
  } else if (update_revision != GetString(Status(stateful_set), "currentRevision")) {
    p.summary = absl::StrCat("waiting for the rolling update to complete, ", p.updated,
                             " pods at revision ", update_revision);
  } else {
    p.complete = true;
    p.summary =
        absl::StrCat("rolling update complete, ", GetInt(Status(stateful_set), "currentReplicas"),
                     " pods at revision ", update_revision);
  }
}

void JudgeDaemonSet(RolloutProgress& p) {
  if (p.updated < p.desired) {
    p.summary = absl::StrCat(p.updated, " out of ", p.desired, " new pods have been updated");
  } else if (p.available < p.desired) {
    p.summary = absl::StrCat(p.available, " of ", p.desired, " updated pods are available");
  } else {
    p.complete = true;
    p.summary = absl::StrCat("successfully rolled out, ", p.available, " pods are available");
  }
}

// OnDelete: the controller replaces nothing by itself, so there is nothing to wait for.
void JudgeOnDelete(RolloutProgress& p) {
  p.complete = true;
  p.summary = absl::StrCat("observed; pods are replaced when they are deleted (OnDelete), ",
                           p.updated, " out of ", p.desired, " have been updated");
}

}  // namespace

RolloutProgress DeploymentProgress(const Json& deployment, int64_t generation) {
  const Json& status = Status(deployment);
  RolloutProgress p;
  p.observed = IsObserved(deployment, generation);
  p.paused = GetBool(Spec(deployment), "paused");
  p.desired = GetInt(Spec(deployment), "replicas", 1);
  p.total = GetInt(status, "replicas");
  p.updated = GetInt(status, "updatedReplicas");
  p.ready = GetInt(status, "readyReplicas");
  p.available = GetInt(status, "availableReplicas");
  p.deadline_exceeded = p.observed && HasTimedOut(deployment);
  p.complete = p.observed && !p.deadline_exceeded && p.updated >= p.desired &&
               p.total <= p.updated && p.available >= p.updated;
  const Json* progressing = FindCondition(deployment, "Progressing");
  p.summary = DeploymentSummary(
      p, progressing == nullptr ? std::string() : GetString(*progressing, "message"));
  return p;
}

RolloutProgress StatefulSetProgress(const Json& stateful_set, int64_t generation) {
  const Json& status = Status(stateful_set);
  RolloutProgress p;
  p.on_delete = UpdateStrategy(stateful_set) == "OnDelete";
  p.observed = ObservedGenerationOf(stateful_set) > 0 && IsObserved(stateful_set, generation);
  p.desired = GetInt(Spec(stateful_set), "replicas", 1);
  p.total = GetInt(status, "replicas");
  p.updated = GetInt(status, "updatedReplicas");
  p.ready = GetInt(status, "readyReplicas");
  p.available = GetInt(status, "availableReplicas");
  if (!p.observed) {
    p.summary = kNotObserved;
  } else if (p.on_delete) {
    JudgeOnDelete(p);
  } else {
    JudgeStatefulSet(stateful_set, p);
  }
  return p;
}

RolloutProgress DaemonSetProgress(const Json& daemon_set, int64_t generation) {
  const Json& status = Status(daemon_set);
  RolloutProgress p;
  p.on_delete = UpdateStrategy(daemon_set) == "OnDelete";
  p.observed = IsObserved(daemon_set, generation);
  p.desired = GetInt(status, "desiredNumberScheduled");
  p.total = GetInt(status, "currentNumberScheduled");
  p.updated = GetInt(status, "updatedNumberScheduled");
  p.ready = GetInt(status, "numberReady");
  p.available = GetInt(status, "numberAvailable");
  if (!p.observed) {
    p.summary = kNotObserved;
  } else if (p.on_delete) {
    JudgeOnDelete(p);
  } else {
    JudgeDaemonSet(p);
  }
  return p;
}

RolloutProgress WorkloadProgress(const Json& workload, int64_t generation) {
  const std::string kind = KindOf(workload);
  if (kind == "Deployment") return DeploymentProgress(workload, generation);
  if (kind == "StatefulSet") return StatefulSetProgress(workload, generation);
  if (kind == "DaemonSet") return DaemonSetProgress(workload, generation);
  RolloutProgress unknown;
  unknown.summary = absl::StrCat("kind \"", kind, "\" has no rollout");
  return unknown;
}

}  // namespace delivery::kubernetes
