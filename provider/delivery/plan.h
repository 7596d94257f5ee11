// What a release is to do, fixed before it starts. Pure data.
#ifndef DELIVERY_DELIVERY_PLAN_H_
#define DELIVERY_DELIVERY_PLAN_H_

#include <string>

#include "absl/time/time.h"

namespace delivery::engine {

enum class Strategy { kRolling };
enum class OnFailure { kRollback, kPause, kKeep };
enum class OnInterrupt { kResume, kRollback };

struct Plan {
  Strategy strategy = Strategy::kRolling;
  // There is no version to go back to: a failure removes what the release made.
  bool first_release = false;
  OnFailure on_failure = OnFailure::kRollback;
  OnInterrupt on_interrupt = OnInterrupt::kResume;
  // The rollout is written halted, and the release ends as soon as Kubernetes knows of it.
  bool paused = false;
  // The rollout is followed by checks that decide.
  bool has_checks = false;
  // Without any progress for this long, a rollout or a rollback has failed.
  absl::Duration progress_deadline = absl::Minutes(10);
  // From the start of this apply; then the release has failed.
  absl::Duration timeout = absl::Minutes(20);
  // Identity of what is released (RunIdentity over template and images).
  std::string identity;
};

// "v1:" and the SHA-256 of `canonical_json`, in hexadecimal. Versioned, so that a later change of
// what goes into it does not restart runs that are open.
std::string RunIdentity(const std::string& canonical_json);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_PLAN_H_
