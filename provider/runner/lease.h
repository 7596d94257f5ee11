// Keeps a second apply of the same workload out: a coordination.k8s.io Lease that is renewed in the
// background while the release runs.
#ifndef DELIVERY_RUNNER_LEASE_H_
#define DELIVERY_RUNNER_LEASE_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/kubernetes/api.h"

namespace delivery::runner {

inline constexpr absl::Duration kLeaseDuration = absl::Seconds(15);
inline constexpr absl::Duration kLeaseRenewal = absl::Seconds(5);

// Who holds the Lease of a workload, from the outside.
struct LeaseView {
  std::string holder;
  absl::Time acquired;
  absl::Time renewed;
};
// Nullopt when there is none. `suffix` as of RunObjectName.
absl::StatusOr<std::optional<LeaseView>> ViewLease(kubernetes::Api& api,
                                                   const kubernetes::ObjectRef& workload,
                                                   const std::stop_token& stop,
                                                   std::string_view suffix = "");

// Thread-safe.
class Lease {
 public:
  // Takes the Lease of `workload`. A Lease that somebody holds is watched for one lease time: when
  // it is not renewed it is taken over, otherwise Aborted names the holder and the age. Cancelled
  // when `stop` is requested meanwhile. `hard_stop` ends the request that gives it back. `suffix`
  // as of RunObjectName.
  static absl::StatusOr<std::unique_ptr<Lease>> Acquire(kubernetes::Api& api,
                                                        const kubernetes::ObjectRef& workload,
                                                        Clock& clock, const std::stop_token& stop,
                                                        std::stop_token hard_stop,
                                                        std::string_view suffix = "");
  // Gives it back.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Requested when the Lease was lost: taken by somebody else, or not renewed for its duration.
  std::stop_token lost() const { return lost_.get_token(); }

 private:
  Lease(kubernetes::Api& api, kubernetes::ObjectRef ref, Clock& clock, Json object,
        std::stop_token hard_stop);
  void KeepRenewing(const std::stop_token& stop);
  absl::Status Renew(const std::stop_token& stop);
  // Runs `write` again with the object as it is now, as long as it conflicts and we hold the Lease.
  absl::Status RepeatedWhileOurs(const std::stop_token& stop,
                                 const std::function<absl::Status()>& write)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  kubernetes::Api& api_;
  kubernetes::ObjectRef ref_;
  Clock& clock_;
  absl::Mutex mutex_;
  Json object_ ABSL_GUARDED_BY(mutex_);
  const std::stop_token hard_stop_;
  std::stop_source lost_;
  std::jthread renewer_;  // last: ends before the rest goes
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_LEASE_H_
