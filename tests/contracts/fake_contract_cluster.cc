#include "absl/strings/str_cat.h"
#include "provider/base/clock.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/rest_api.h"
#include "tests/contracts/contract_cluster.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::testing {
namespace {

class FakeCluster : public ContractCluster {
 public:
  FakeCluster() {
    kubernetes::ClusterConfig config;
    config.server = "https://fake.test";
    auto credentials = kubernetes::MakeCredentialSource(config, Clock::Real());
    api_ = kubernetes::MakeRestApi(
        config, std::move(credentials), [this](const auto&) { return kube_; }, Clock::Real());
  }

  kubernetes::Api& api() override { return *api_; }
  bool validates_schemas() const override { return false; }
  void DisturbWatches() override {
    // Moves the version past what any watch has seen, so that resuming finds it expired.
    kube_->AddNamespace(absl::StrCat("disturbance-", ++disturbances_));
    kube_->ExpireHistory();
    kube_->CutWatches();
  }

 private:
  const std::shared_ptr<FakeKubeApi> kube_ = std::make_shared<FakeKubeApi>();
  std::shared_ptr<kubernetes::Api> api_;
  int disturbances_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ContractCluster>> ConnectContractCluster() {
  return std::make_unique<FakeCluster>();
}

}  // namespace delivery::testing
