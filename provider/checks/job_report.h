// What a user needs to see of a Job that did not complete: its pods and the end of their logs.
#ifndef DELIVERY_CHECKS_JOB_REPORT_H_
#define DELIVERY_CHECKS_JOB_REPORT_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"

namespace delivery::checks {

// The label by which the pods of a Job are found.
inline constexpr char kJobNameLabel[] = "job-name";

// Those of `pods` that `job` made, newest first.
std::vector<Json> PodsOf(const Json& job, const std::vector<Json>& pods);

// Lines that follow a sentence about the Job, each after a newline: the state of its newest pods,
// and the last log lines of the newest one's containers, init containers too. Asks the API server;
// what cannot be had is said or left out.
std::string ReportPods(kubernetes::Api& api, const Json& job, absl::Time now,
                       absl::Duration schedule_timeout, const std::stop_token& stop);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_JOB_REPORT_H_
