// How StopProvider reaches the calls that run.
#ifndef DELIVERY_PLUGIN_SERVICE_STOP_H_
#define DELIVERY_PLUGIN_SERVICE_STOP_H_

#include <mutex>
#include <stop_token>
#include <utility>

namespace delivery::plugin {

// Thread-safe. A stop is no lasting state: it reaches the calls that run and no later one, as with
// providers written with Go's SDKs.
class StopSwitch {
 public:
  // For a call that begins now.
  std::stop_token Token() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return current_.get_token();
  }

  // Asks all calls that have a token by now to stop; does not wait for them.
  void Stop() {
    std::stop_source stopping;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      std::swap(stopping, current_);
    }
    stopping.request_stop();
  }

 private:
  std::mutex mutex_;
  std::stop_source current_;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_STOP_H_
