// What the configuration of the probe provider says, shared by its resources and data sources.
#ifndef DELIVERY_CONFORMANCE_PROBE_SETTINGS_H_
#define DELIVERY_CONFORMANCE_PROBE_SETTINGS_H_

#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace delivery::conformance {

struct Settings {
  std::string label;
  std::string store;   // folder of the objects; empty: nothing is stored
  std::string secret;  // must never be seen in a log or message
};

// Thread-safe.
class SharedSettings {
 public:
  Settings Get() const {
    const absl::MutexLock lock(&mutex_);
    return settings_;
  }
  void Set(Settings settings) {
    const absl::MutexLock lock(&mutex_);
    settings_ = std::move(settings);
  }

 private:
  mutable absl::Mutex mutex_;
  Settings settings_;
};

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_SETTINGS_H_
