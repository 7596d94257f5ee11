// Waits that end in time although what is waited for does not.
#ifndef DELIVERY_CHECKS_BOUNDED_STOP_H_
#define DELIVERY_CHECKS_BOUNDED_STOP_H_

#include <functional>
#include <stop_token>
#include <thread>

#include "absl/time/time.h"

namespace delivery::checks {

// A stop that is requested together with another one, or `patience` of real time from now: the
// API server and the servers behind URLs know no simulated clock.
class BoundedStop {
 public:
  BoundedStop(const std::stop_token& stop, absl::Duration patience);
  BoundedStop(const BoundedStop&) = delete;
  BoundedStop& operator=(const BoundedStop&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::jthread timer_;  // last: ends before the rest goes
};

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_BOUNDED_STOP_H_
