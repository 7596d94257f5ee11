// A cluster small enough to be simulated in a test of the engine: two slots, the object that
// switches between them, a preview Service, metrics and checks.
#ifndef DELIVERY_DELIVERY_BLUE_GREEN_WORLD_H_
#define DELIVERY_DELIVERY_BLUE_GREEN_WORLD_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provider/delivery/applies.h"
#include "provider/delivery/engine.h"

namespace delivery::engine {

struct SimulatedSlot {
  bool exists = false;
  std::string version;
  int desired = 0;
  int ready = 0;
  int to_roll = 0;  // pods of another version
};

struct BlueGreenWorld {
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);

  // What is so at the moment; tests set it.
  std::map<std::string, SimulatedSlot> slots = {{"blue", {true, "1", 4, 4, 0}}, {"green", {}}};
  std::string active = "blue";   // of the plan
  std::string target = "green";  // of the plan
  std::string routed = "blue";   // empty: as it was before the first release
  std::string previewed;
  std::string new_version = "2";  // what the run releases
  std::string previous_version = "1";
  std::string broken_version;  // its pods never start
  bool unreachable = false;
  std::optional<std::string> foreign_change;
  std::optional<absl::Status> next_action_fails;
  std::optional<absl::Status> route_refused;
  Checks verdict = Checks::kPassed;
  std::function<analysis::Sample(const BlueGreenWorld&)> metric = [](const BlueGreenWorld&) {
    return analysis::Sample{analysis::Sample::Kind::kValue, 100, ""};
  };

  // What happened.
  std::vector<std::string> done;  // "ApplyCanary 1", "SetTraffic 100", ...
  std::vector<std::string> broken_invariants;

  absl::Status Execute(const Action& action);
  Observation Look();
  // The controllers work for a while.
  void Pass(absl::Duration time);

  SimulatedSlot& Active() { return slots[active]; }
  SimulatedSlot& Target() { return slots[target]; }

 private:
  absl::Status SetTrafficTo(int weight);
  void Write(const std::string& slot, const std::string& version, std::optional<int> size);
  void CheckServes();

  std::optional<Json> route_record_;
  std::optional<std::vector<analysis::Measurement>> measured_;
  Checks checks_ = Checks::kNotStarted;
};

using BlueGreenApplies = AppliesOf<BlueGreenWorld>;

// From blue to green by a preview of one pod; one metric that must be at least 99, asked every 10 s
// for 60 s after the switch; the slot that served before is kept.
Plan BlueGreenReleasePlan();

}  // namespace delivery::engine

#endif  // DELIVERY_DELIVERY_BLUE_GREEN_WORLD_H_
