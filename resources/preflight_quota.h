// Whether a rollout fits into the ResourceQuotas of its namespace. Pure.
#ifndef DELIVERY_RESOURCES_PREFLIGHT_QUOTA_H_
#define DELIVERY_RESOURCES_PREFLIGHT_QUOTA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "provider/base/json.h"

namespace delivery::resources {

// The rollout of a Deployment by RollingUpdate.
struct QuotaDemand {
  // The Deployment as it will be; spec.replicas that it does not name are those of `live`.
  Json next;
  Json live;                   // as it is; null: there is none
  bool replaces_pods = false;  // the pod template changes, so that pods surge
  int64_t beside = 0;          // pods of `next` that run besides at the peak: a canary's
};

// What does not fit into one quota.
struct QuotaShortage {
  std::string quota;
  // "requests.cpu: used 3, hard 4, needed 4500m (3 pods more than now, 500m each)".
  std::vector<std::string> lines;
};

// The quotas whose hard limits the demand would exceed, at its peak (the surge) or when it is done:
// pods, and requests and limits of the pods. Usage is what the quota says now. Quotas with a scope
// that cannot be told from the pod template are passed over, and so are Recreate and a paused
// Deployment, whose pods come later.
std::vector<QuotaShortage> FindShortages(const std::vector<Json>& quotas,
                                         const QuotaDemand& demand);

// What one pod of `workload` counts as in a quota: `kind` is "requests" or "limits". Requests that
// are not named are the limits.
double PodAmount(const Json& workload, const std::string& kind, const std::string& resource);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PREFLIGHT_QUOTA_H_
