#include "provider/kubernetes/api.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "provider/base/clock.h"

namespace delivery::kubernetes {

std::string ObjectRef::ToString() const {
  if (namespace_name.empty()) return absl::StrCat(kind, " ", name);
  return absl::StrCat(kind, " ", namespace_name, "/", name);
}

ObjectRef RefOf(const Json& object) {
  const Json& metadata = GetObject(object, "metadata");
  return {GetString(object, "apiVersion"), GetString(object, "kind"),
          GetString(metadata, "namespace"), GetString(metadata, "name")};
}

struct ChangeSignal::State {
  std::mutex mutex;
  std::condition_variable_any changed;
  uint64_t version = 0;
};

ChangeSignal::ChangeSignal() : state_(std::make_shared<State>()) {}

uint64_t ChangeSignal::version() const {
  const std::lock_guard lock(state_->mutex);
  return state_->version;
}

void ChangeSignal::Notify() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->version;
  }
  state_->changed.notify_all();
}

uint64_t ChangeSignal::Wait(uint64_t seen, absl::Time deadline, const std::stop_token& stop) const {
  // Bounded, since adding an infinite wait to the steady clock would overflow.
  const absl::Duration left =
      std::clamp(deadline - Clock::Real().Now(), absl::ZeroDuration(), absl::Hours(24));
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, stop, absl::ToChronoNanoseconds(left),
                           [&] { return state_->version != seen; });
  return state_->version;
}

}  // namespace delivery::kubernetes
