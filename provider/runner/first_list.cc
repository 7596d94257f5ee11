#include "provider/runner/first_list.h"

#include <algorithm>

#include "provider/base/status_macros.h"

namespace delivery::runner {
namespace {

constexpr absl::Duration kLookAgain = absl::Seconds(5);

absl::Status AwaitOne(const kubernetes::ObjectWatch& watch, const kubernetes::ChangeSignal& signal,
                      Clock& clock, absl::Time deadline, const std::stop_token& stop) {
  // The version is read before the look, so that no news in between is slept through.
  for (uint64_t seen = signal.version(); !watch.synced(); seen = signal.version()) {
    const absl::Status status = watch.status();
    if (stop.stop_requested()) return absl::CancelledError("stopped before the first write");
    if (kubernetes::IsFinalRefusal(status) || clock.Now() >= deadline) {
      return status.ok() ? absl::DeadlineExceededError("the API server did not answer a watch")
                         : status;
    }
    signal.Wait(seen, std::min(deadline, clock.Now() + kLookAgain), stop);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AwaitFirstLists(const std::vector<const kubernetes::ObjectWatch*>& watches,
                             const kubernetes::ChangeSignal& signal, Clock& clock,
                             absl::Duration timeout, const std::stop_token& stop) {
  const absl::Time deadline = clock.Now() + timeout;
  for (const kubernetes::ObjectWatch* watch : watches) {
    if (watch == nullptr) continue;
    DELIVERY_RETURN_IF_ERROR(AwaitOne(*watch, signal, clock, deadline, stop));
  }
  return absl::OkStatus();
}

}  // namespace delivery::runner
