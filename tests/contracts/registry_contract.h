// The registry that the contract suite runs against; which one is decided at link time
// (registry_contract_fake.cc or registry_contract_real.cc).
#ifndef DELIVERY_TESTS_CONTRACTS_REGISTRY_CONTRACT_H_
#define DELIVERY_TESTS_CONTRACTS_REGISTRY_CONTRACT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "provider/http/transport.h"

namespace delivery::testing {

// An empty registry that speaks plain HTTP; it ends with the object.
class ContractRegistry {
 public:
  virtual ~ContractRegistry() = default;
  virtual std::string host() const = 0;
  // By which it is reached.
  virtual std::shared_ptr<http::Transport> transport() = 0;
};

// Who is let in by a registry that asks for a password.
inline constexpr char kContractUser[] = "me";
inline constexpr char kContractPassword[] = "pass-word";

// FailedPrecondition, with what to do about it, when there is none to be had.
absl::StatusOr<std::unique_ptr<ContractRegistry>> StartContractRegistry(bool with_password);

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_CONTRACTS_REGISTRY_CONTRACT_H_
