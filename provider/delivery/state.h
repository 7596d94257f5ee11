// Where a release stands: what the journal holds. Pure data with a versioned JSON form.
#ifndef DELIVERY_DELIVERY_STATE_H_
#define DELIVERY_DELIVERY_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/analysis/analysis.h"
#include "provider/base/json.h"
#include "provider/delivery/plan.h"

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

  // After a rollout: measure for AnalysisPlan::duration.
  kObserve,

  // Of a canary.
  kRecordRoute,         // look at the route; nothing is written yet
  kReserveRoute,        // weight 0, before there are pods that the route must keep requests from
  kCreateCanary,        // make its Deployment and Service
  kAwaitCanary,         // its pods start
  kCheckBeforeTraffic,  // checks decide whether it may get traffic
  kScaleCanary,         // to the size of the step
  kAwaitScaled,
  kSetWeight,             // write the weight of the step
  kHold,                  // stay there, measure, run the step's checks
  kHeld,                  // wait for approval (between applies)
  kFailedHold,            // failed, and left at its weight (on_failure = "hold", between applies)
  kCheckBeforePromotion,  // checks decide whether stable becomes the new version
  kPromote,               // write the new version to stable
  kAwaitPromoted,         // stable rolls out, the canary carries its share
  kAwaitStable,           // before an abort: stable comes back to its size
  kReturnTraffic,         // weight 0
  kRestoreRoute,          // the route as it was
  kScaleDownDelay,        // let requests under way end
  kDeleteCanary,
  kAwaitCanaryGone,

  kServing,  // a variant serves beside the workload (between applies)

  // Of a blue-green release, besides kRecordRoute, kCheckBeforePromotion and kHeld.
  kVerifySwitch,  // traffic goes to the slot that serves, and only there
  kPointPreview,  // the preview Service selects the slot that is released to
  kWriteSlot,     // write the new version to that slot, at the size for the checks
  kAwaitSlot,     // its pods start
  kFillSlot,      // to full size
  kAwaitFull,
  kSwitch,          // the one write
  kAfterSwitch,     // measure, run the checks
  kSwitchBack,      // the one write back
  kRestorePreview,  // the preview Service as it was
  kRetireDelay,     // let requests under way end
  kEmptySlot,       // scale the slot that does not serve any more to zero
  kRemoveSlot,      // a first release failed: delete what was made
  kAwaitSlotGone,
};

// Why what a canary run put into the cluster is taken back.
enum class Teardown {
  kNone,        // it is not, yet
  kPromoted,    // stable runs the new version
  kAborted,     // the release failed
  kSuperseded,  // another version is released in its place
  kEnded,       // of a variant: its time is over, or its resource is destroyed
};

enum class Outcome {
  kSucceeded,    // the new version runs
  kPaused,       // the new version is written and its rollout halted, as asked
  kRolledBack,   // the previous version runs again
  kRemoved,      // a first release failed and nothing of it is left
  kFailed,       // failed and left, or could not be undone
  kInterrupted,  // stopped on request; the journal stays
  kRefused,      // the first write was refused: nothing was changed
  kHeld,         // a canary waits for approval; the journal stays
  kServing,      // a variant serves; the journal stays until it is taken back
};

// Where the run of a canary stands.
struct CanaryState {
  int step_index = -1;          // into CanaryPlan::steps, of the step begun last; -1: none yet
  int weight = 0;               // percent of the canary: last written, in kSetWeight being written
  bool match = false;           // the same of the rule for `match`
  int mirror = 0;               // the same of the copies of requests
  int replicas = 0;             // of the canary, likewise
  int stable_size = 0;          // pods of stable when the run began
  bool stable_written = false;  // the promotion has begun
  bool served = false;          // it had traffic, before that was taken away
  Teardown teardown = Teardown::kNone;
  Step resume_step = Step::kHold;  // from kFailedHold
  Json route_record;               // what the route is put back to; null: not looked at yet
  std::vector<CanaryStep> steps;   // of the plan that brought it here

  friend bool operator==(const CanaryState&, const CanaryState&) = default;
};

// Where the run of a blue-green release stands.
struct BlueGreenState {
  std::string active;  // the slot that served when the run began; empty: none did
  std::string target;  // the slot that is released to
  bool in_place = false;
  bool returns = false;   // there is nothing to roll out
  bool switched = false;  // the switch was written, or is being written
  bool served = false;    // the slot that is released to has had traffic
  int size = 0;           // of the slot that is released to: last written
  Teardown teardown = Teardown::kNone;
  Step resume_step = Step::kPointPreview;  // after kVerifySwitch
  Json route_record;                       // what the route is put back to; null: not looked at
  std::optional<absl::Time> switched_at;   // when the switch had been read back

  friend bool operator==(const BlueGreenState&, const BlueGreenState&) = default;
};

struct State {
  std::string run_id;
  std::string identity;  // Plan::identity of the run
  bool first_release = false;
  Step step = Step::kApply;
  absl::Time started_at;
  std::string reason;  // why it failed; empty while all is well
  // By metric: what was measured.
  std::map<std::string, analysis::Tally> tallies;
  CanaryState canary;
  std::optional<BlueGreenState> slots;  // of a blue-green release
  // With Teardown::kSuperseded: the run that begins afterwards.
  std::string next_run_id;

  // Not stored: observation that must start anew after a resume.
  bool halting_for_stop = false;
  std::string progress_mark;
  std::optional<absl::Time> progressed_at;
  std::optional<absl::Time> resumed_at;
  std::optional<absl::Time> hold_began;   // of the step's hold, as far as it was under observation
  std::optional<absl::Time> observed_at;  // the last look during a hold
  std::optional<absl::Time> measure_at;   // the next measurement
  std::map<std::string, int64_t> completed_before;  // by metric: measurements before the hold began
  bool measuring = false;
  bool checks_began = false;      // those of this step
  bool first_to_promote = false;  // no process before this one has tried

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
