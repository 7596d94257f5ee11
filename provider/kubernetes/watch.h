// The ObjectWatch of a REST client: list, then watch, for ever (see ObjectWatch in api.h).
#ifndef DELIVERY_KUBERNETES_WATCH_H_
#define DELIVERY_KUBERNETES_WATCH_H_

#include <memory>
#include <string>

#include "provider/kubernetes/api.h"
#include "provider/kubernetes/discovery.h"
#include "provider/kubernetes/rest_client.h"
#include "provider/kubernetes/timer_thread.h"

namespace delivery::kubernetes {

// What watches of one API share; kept alive by each of them.
struct WatchServices {
  std::shared_ptr<RestClient> client;
  std::shared_ptr<Discovery> discovery;
  std::shared_ptr<TimerThread> timers;  // starts the exchanges
};

// Returns at once. Nothing touches `signal` after the watch was destroyed, except for a
// notification that is under way at that moment.
std::unique_ptr<ObjectWatch> MakeObjectWatch(WatchServices services, std::string api_version,
                                             std::string kind, ListOptions options,
                                             ChangeSignal signal);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_WATCH_H_
