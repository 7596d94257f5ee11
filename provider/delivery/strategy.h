// The strategies behind engine.h, each a file with the same functions over the same vocabulary.
#ifndef DELIVERY_DELIVERY_STRATEGY_H_
#define DELIVERY_DELIVERY_STRATEGY_H_

#include <string>

#include "provider/delivery/engine.h"

namespace delivery::engine::rolling {

// Kubernetes' own controllers do the rollout; the strategy writes, watches, and writes back.
State Resume(const Plan& plan, State found);
Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now);

}  // namespace delivery::engine::rolling

namespace delivery::engine::canary {

// A second Deployment gets a rising share of the traffic; the workload itself follows at the end.
State Resume(const Plan& plan, State found, absl::Time now);
Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now);

}  // namespace delivery::engine::canary

namespace delivery::engine::blue_green {

// Two Deployments, of which one serves; the other gets the new version, then all the traffic in one
// write.
State Start(const Plan& plan, State state);
State Resume(const Plan& plan, State found, absl::Time now);
State Supersede(const Plan& plan, State found, std::string run_id, absl::Time now);
Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now);

}  // namespace delivery::engine::blue_green

namespace delivery::engine::variant {

// A second Deployment serves beside the workload until it is taken back.
State Resume(const Plan& plan, State found);
Decision Decide(const Plan& plan, const State& state, const Observation& seen, absl::Time now);

}  // namespace delivery::engine::variant

#endif  // DELIVERY_DELIVERY_STRATEGY_H_
