// What a user needs to see of a pod that failed: Kubernetes' words, the log's end, the last events.
#ifndef DELIVERY_RUNNER_FAILURE_REPORT_H_
#define DELIVERY_RUNNER_FAILURE_REPORT_H_

#include <stop_token>
#include <string>

#include "provider/kubernetes/api.h"
#include "provider/kubernetes/pod_failure.h"

namespace delivery::runner {

// Several lines. Asks for the log and the events; what cannot be had is left out. `uid` is that of
// the pod, or of the owner when no pod could be created.
std::string ReportFailure(kubernetes::Api& api, const kubernetes::PodFailure& failure,
                          const std::string& namespace_name, const std::string& uid,
                          const std::stop_token& stop);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_FAILURE_REPORT_H_
