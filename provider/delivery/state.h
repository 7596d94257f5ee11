// Where a release stands: what the journal holds. Pure data with a versioned JSON form.
#ifndef DELIVERY_DELIVERY_STATE_H_
#define DELIVERY_DELIVERY_STATE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/json.h"

namespace delivery::engine {

enum class Step {
  kApply,          // write the new version
  kAwait,          // the new version rolls out
  kCheck,          // the new version runs; checks decide
  kRestore,        // write the previous version back
  kAwaitRestored,  // the previous version rolls out
  kRemove,         // a first release failed: remove what was made
  kAwaitRemoved,
  kHalt,  // stop the rollout where it is, because it failed (on_failure = "pause")
  kDone,  // a terminal outcome was reached
};

enum class Outcome {
  kSucceeded,    // the new version runs
  kPaused,       // the new version is written and its rollout halted, as asked
  kRolledBack,   // the previous version runs again
  kRemoved,      // a first release failed and nothing of it is left
  kFailed,       // failed and left, or could not be undone
  kInterrupted,  // stopped on request; the journal stays
  kRefused,      // the first write was refused: nothing was changed
};

struct State {
  std::string run_id;
  std::string identity;  // Plan::identity of the run
  bool first_release = false;
  Step step = Step::kApply;
  absl::Time started_at;
  std::string reason;  // why it failed; empty while all is well

  // Not stored: observation that must start anew after a resume.
  bool halting_for_stop = false;
  std::string progress_mark;
  std::optional<absl::Time> progressed_at;
  std::optional<absl::Time> resumed_at;

  // Compares what the journal stores.
  bool SameRecord(const State& other) const;
};

// The stored form. Decode refuses a newer schema version (FailedPrecondition) and anything
// malformed (DataLoss), naming what is wrong.
Json EncodeState(const State& state);
absl::StatusOr<State> DecodeState(const Json& json);

// "apply", "await", ...: the words of the stored form and of messages.
std::string StepName(Step step);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_STATE_H_
