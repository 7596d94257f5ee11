// The cluster that the contract suite runs against; which one is decided at link time
// (fake_contract_cluster.cc or real_contract_cluster.cc).
#ifndef DELIVERY_TESTS_CONTRACTS_CONTRACT_CLUSTER_H_
#define DELIVERY_TESTS_CONTRACTS_CONTRACT_CLUSTER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "provider/kubernetes/api.h"

namespace delivery::testing {

class ContractCluster {
 public:
  virtual ~ContractCluster() = default;
  virtual kubernetes::Api& api() = 0;
  // Whether objects are checked against the schemas of their kinds.
  virtual bool validates_schemas() const = 0;
  // Breaks the watches that are open, in the way that is hardest to recover from and within the
  // test's power; may do nothing.
  virtual void DisturbWatches() = 0;
};

// FailedPrecondition, with what to do about it, when there is no cluster to be had.
absl::StatusOr<std::unique_ptr<ContractCluster>> ConnectContractCluster();

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_CONTRACTS_CONTRACT_CLUSTER_H_
