// What a release is to do, fixed before it starts. Pure data.
#ifndef DELIVERY_DELIVERY_PLAN_H_
#define DELIVERY_DELIVERY_PLAN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "provider/analysis/analysis.h"

namespace delivery::engine {

// kVariant: an A/B test or a mirror.
enum class Strategy { kRolling, kCanary, kBlueGreen, kVariant };
// kHold: a canary stays at its weight, and the next apply measures that step again.
enum class OnFailure { kRollback, kPause, kKeep, kHold };
enum class OnInterrupt { kResume, kRollback };

// What measurements decide, and when they are made.
struct AnalysisPlan {
  std::vector<analysis::Rule> metrics;  // empty: nothing is measured
  analysis::Limits limits;
  absl::Duration interval = absl::Seconds(30);
  absl::Duration initial_delay;  // after a step's weight was written
  absl::Duration duration;       // after the last step, or after the rollout
};

struct CanaryStep {
  int weight = 0;  // percent, 1 to 100
  absl::Duration hold;
  std::optional<int> replicas;  // of the canary; otherwise CanaryReplicas
  bool has_checks = false;

  friend bool operator==(const CanaryStep&, const CanaryStep&) = default;
};

struct CanaryPlan {
  std::vector<CanaryStep> steps;  // rising strictly
  // Run the steps up to this weight and stay there; nullopt: all of them, and promote.
  std::optional<int> approve_up_to;
  bool has_match = false;  // a rule sends some requests to the canary whatever the weight
  // The share is the ratio of ready pods behind the Service: nothing routes.
  bool share_by_replicas = false;
  // The stable Service selects the canary's pods, and the route alone keeps requests from them: it
  // is written before they start, and put back after they are gone.
  bool route_guards = false;
  bool checks_before_traffic = false;
  bool checks_before_promotion = false;
  absl::Duration scale_down_delay = absl::Seconds(30);
  // Why the run that is found open is to be rolled back now: a measurement failed while it was
  // held. Empty: it goes on.
  std::string abort_reason;
};

struct BlueGreenPlan {
  // The slot that serves; empty: none does yet, or what is in it was never good.
  std::string active;
  std::string target;  // the slot to release to: the other one
  // The pods stay what they are: what is written goes to the slot that serves.
  bool in_place = false;
  bool write_active = true;      // with in_place: whether anything is to be written there
  bool retire_previous = false;  // with in_place: the kept slot is scaled to zero at the end
  // The slot to release to still has this version, ready, from when it served.
  bool returns = false;
  std::optional<int> preview_replicas;  // for the checks; otherwise full size
  std::optional<int> replicas;          // full size; otherwise the live one of the slot that serves
  bool approved = true;                 // false: stop before the switch
  bool has_preview = false;
  bool checks_before_promotion = false;
  bool keep_previous = true;  // false: the slot that served is scaled to zero in the same run
  // Why the run that is found open is to be rolled back now. Empty: it goes on.
  std::string abort_reason;
};

struct VariantPlan {
  bool serve = true;  // otherwise what there is of it is taken back
  int replicas = 1;
  // What it gets, as in SetTraffic.
  int weight = 0;
  bool match = false;
  int mirror = 0;
};

struct Plan {
  Strategy strategy = Strategy::kRolling;
  // There is no version to go back to: a failure removes what the release made.
  bool first_release = false;
  OnFailure on_failure = OnFailure::kRollback;
  OnInterrupt on_interrupt = OnInterrupt::kResume;
  // The rollout is written halted, and the release ends as soon as Kubernetes knows of it.
  bool paused = false;
  // The rollout, or the promotion, is followed by checks that decide.
  bool has_checks = false;
  AnalysisPlan analysis;
  CanaryPlan canary;         // with Strategy::kCanary; its route_guards with kVariant, too
  BlueGreenPlan blue_green;  // with Strategy::kBlueGreen
  VariantPlan variant;       // with Strategy::kVariant
  // What messages call the second Deployment of a canary or a variant.
  std::string beside = "canary";
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

// How many canary pods a step of `weight` percent needs beside `stable` pods. With
// `share_by_replicas` the ratio of pods is the share: round(weight * stable / (100 - weight)), for
// a weight below 100. Otherwise ceil(weight * stable / 100). At least 1.
int CanaryReplicas(int weight, int stable, bool share_by_replicas);

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_PLAN_H_
