#include "provider/checks/bounded_stop.h"

#include "provider/base/clock.h"

namespace delivery::checks {

BoundedStop::BoundedStop(const std::stop_token& stop, absl::Duration patience)
    : on_stop_(stop, [this] { source_.request_stop(); }),
      timer_([this, patience](const std::stop_token& done) {
        if (Clock::Real().Sleep(patience, done)) source_.request_stop();
      }) {}

}  // namespace delivery::checks
