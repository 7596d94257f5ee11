// What the contract tests share: a namespace of their own per test, and short ways to say things.
#ifndef DELIVERY_TESTS_CONTRACTS_CONTRACT_FIXTURE_H_
#define DELIVERY_TESTS_CONTRACTS_CONTRACT_FIXTURE_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contracts/contract_cluster.h"

namespace delivery::testing {

class KubeApiContract : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  static kubernetes::Api& api() { return (**cluster_)->api(); }
  static ContractCluster& cluster() { return ***cluster_; }
  const std::string& space() const { return space_; }  // the test's namespace

  Json ConfigMap(const std::string& name, Json data = Json::object()) const;
  // No replicas, so that no controller is busy with it for long.
  Json Deployment(const std::string& name) const;
  kubernetes::ObjectRef Ref(const std::string& kind, const std::string& name) const;

  // These fail the test and return null when refused.
  static Json Created(const Json& object);
  static Json Applied(const Json& object, const std::string& manager = "tester");
  static Json Read(const kubernetes::ObjectRef& ref);

  // True as soon as `condition` holds; false when it does not within half a minute.
  static bool Eventually(const std::function<bool()>& condition);
  static bool IsGone(const kubernetes::ObjectRef& ref);

  static std::stop_token no_stop() { return {}; }

 private:
  static absl::StatusOr<std::unique_ptr<ContractCluster>>* cluster_;
  std::string space_;
};

// The managedFields entry of a manager; null when it has none.
Json EntryOf(const Json& object, const std::string& manager);
std::string VersionOf(const Json& object);

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_CONTRACTS_CONTRACT_FIXTURE_H_
