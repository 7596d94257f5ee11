// The ObjectWatch of a REST client: list, then watch, for ever (see ObjectWatch in api.h).
#ifndef DELIVERY_KUBERNETES_WATCH_H_
#define DELIVERY_KUBERNETES_WATCH_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider/kubernetes/api.h"
#include "provider/kubernetes/rest_client.h"
#include "provider/kubernetes/timer_thread.h"

namespace delivery::kubernetes {

struct WatchTarget {
  std::string api_version;
  std::string kind;
  std::string path;                                        // of the collection
  std::vector<std::pair<std::string, std::string>> query;  // selectors
};

// `client` and `timers` must outlive the watch.
std::unique_ptr<ObjectWatch> MakeObjectWatch(RestClient& client, TimerThread& timers,
                                             WatchTarget target, ChangeSignal signal);

// A watch of something that cannot be watched: never synced, with this status.
std::unique_ptr<ObjectWatch> MakeFailedWatch(absl::Status status);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_WATCH_H_
