// What Kubernetes says of pods, as a number. Pure.
#ifndef DELIVERY_METRICS_KUBERNETES_SIGNAL_H_
#define DELIVERY_METRICS_KUBERNETES_SIGNAL_H_

#include <vector>

#include "provider/metrics/metric_source.h"

namespace delivery::metrics {

// Pods that have ended, or are being deleted, are neither ready nor unready. No data while there
// are no pods.
analysis::Sample ReadSignal(KubernetesSignal signal, const std::vector<Json>& pods);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_KUBERNETES_SIGNAL_H_
