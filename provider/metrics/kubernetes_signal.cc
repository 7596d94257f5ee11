#include "provider/metrics/kubernetes_signal.h"

#include "provider/kubernetes/pod_failure.h"
#include "provider/metrics/sample_text.h"

namespace delivery::metrics {
namespace {

int64_t RestartsOf(const Json& pod) {
  int64_t restarts = 0;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : GetArray(GetObject(pod, "status"), list)) {
      restarts += GetInt(status, "restartCount");
    }
  }
  return restarts;
}

bool ShouldBeReady(const Json& pod) {
  const std::string phase = GetString(GetObject(pod, "status"), "phase");
  const bool leaving = Find(GetObject(pod, "metadata"), "deletionTimestamp") != nullptr;
  return !leaving && phase != "Succeeded" && phase != "Failed";
}

}  // namespace

analysis::Sample ReadSignal(KubernetesSignal signal, const std::vector<Json>& pods) {
  if (pods.empty()) return NoData("there are no pods");
  int64_t count = 0;
  for (const Json& pod : pods) {
    if (signal == KubernetesSignal::kRestarts) {
      count += RestartsOf(pod);
    } else if (ShouldBeReady(pod) && !kubernetes::IsPodReady(pod)) {
      ++count;
    }
  }
  return SampleOf(static_cast<double>(count));
}

}  // namespace delivery::metrics
