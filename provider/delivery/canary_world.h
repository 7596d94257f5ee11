// A cluster small enough to be simulated in a test of the engine: a stable Deployment, a canary, a
// route, metrics and checks, and a journal that survives kills.
#ifndef DELIVERY_DELIVERY_CANARY_WORLD_H_
#define DELIVERY_DELIVERY_CANARY_WORLD_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "provider/delivery/applies.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {

struct CanaryWorld {
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);

  // What is so at the moment; tests set it.
  int stable_desired = 4;
  int stable_ready = 4;
  bool stable_has_new = false;  // the template last written
  bool stable_halted = false;
  int stable_to_roll = 0;  // pods still to be replaced
  bool canary_exists = false;
  int canary_desired = 0;
  int canary_ready = 0;
  int weight = 0;
  bool match = false;
  int mirror = 0;                // percent of the requests that are copied
  bool reference_added = false;  // the route is not at rest
  bool route_guards = false;     // the route alone keeps requests from the canary's pods
  bool new_is_broken = false;    // its pods never start
  bool breaks_in_promotion = false;
  bool unreachable = false;
  std::optional<std::string> foreign_change;
  std::optional<absl::Status> next_action_fails;
  std::optional<absl::Status> route_refused;
  Checks verdict = Checks::kPassed;
  // The value of the metric.
  std::function<analysis::Sample(const CanaryWorld&)> metric = [](const CanaryWorld&) {
    return analysis::Sample{analysis::Sample::Kind::kValue, 100, ""};
  };

  // What happened.
  std::vector<std::string> done;  // "ApplyCanary 1", "SetTraffic 5", ...
  int stable_rolled = 0;          // template changes of stable
  std::vector<std::string> broken_invariants;

  absl::Status Execute(const Action& action);
  Observation Look();
  // The controllers work for a while.
  void Pass(absl::Duration time);
  bool HasTraffic() const { return weight > 0 || match || mirror > 0; }
  bool IsAtRest() const;

 private:
  absl::Status Shift(const SetTraffic& wanted);
  void WriteStable(bool to_new, bool halted);

  std::optional<Json> route_record_;
  std::optional<std::vector<analysis::Measurement>> measured_;
  Checks checks_ = Checks::kNotStarted;
};

using Applies = AppliesOf<CanaryWorld>;

// A variant with 2 pods that a match sends requests to.
Plan VariantTestPlan();

// Steps 10 % and 50 %, 60 s each, one metric that must be at least 99, every 10 s.
Plan CanaryReleasePlan();

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_CANARY_WORLD_H_
