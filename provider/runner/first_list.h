// Waiting until watches know what they watch.
#ifndef DELIVERY_RUNNER_FIRST_LIST_H_
#define DELIVERY_RUNNER_FIRST_LIST_H_

#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/kubernetes/api.h"

namespace delivery::runner {

// Until each of `watches`, which notify `signal`, has its first list, so that what may not be
// watched is an error before the first write. Null pointers are passed over. The watch's own error
// when that is final, or still there after `timeout`; Cancelled at `stop`.
absl::Status AwaitFirstLists(const std::vector<const kubernetes::ObjectWatch*>& watches,
                             const kubernetes::ChangeSignal& signal, Clock& clock,
                             absl::Duration timeout, const std::stop_token& stop);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_FIRST_LIST_H_
