#include "tests/contracts/registry_contract.h"
#include "tests/support/fake_registry.h"

namespace delivery::testing {
namespace {

class FakeContractRegistry : public ContractRegistry {
 public:
  explicit FakeContractRegistry(bool with_password) {
    FakeRegistrySettings settings;
    if (with_password) {
      settings.user = kContractUser;
      settings.password = kContractPassword;
    }
    registry_ = std::make_shared<FakeRegistry>(settings);
  }
  std::string host() const override { return FakeRegistrySettings().host; }
  std::shared_ptr<http::Transport> transport() override { return registry_; }

 private:
  std::shared_ptr<FakeRegistry> registry_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ContractRegistry>> StartContractRegistry(bool with_password) {
  return std::make_unique<FakeContractRegistry>(with_password);
}

}  // namespace delivery::testing
