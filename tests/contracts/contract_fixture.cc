#include "tests/contracts/contract_fixture.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "provider/base/clock.h"

namespace delivery::testing {

absl::StatusOr<std::unique_ptr<ContractCluster>>* KubeApiContract::cluster_ = nullptr;

void KubeApiContract::SetUpTestSuite() {
  cluster_ = new absl::StatusOr<std::unique_ptr<ContractCluster>>(ConnectContractCluster());
}

void KubeApiContract::TearDownTestSuite() {
  delete cluster_;
  cluster_ = nullptr;
}

void KubeApiContract::SetUp() {
  ASSERT_TRUE(cluster_->ok()) << cluster_->status().message();
  static int count = 0;
  const std::string name = absl::StrCat("contract-", getpid(), "-", ++count);
  const auto created = api().Create(
      {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}}, {}, no_stop());
  ASSERT_TRUE(created.ok()) << created.status();
  space_ = name;
}

void KubeApiContract::TearDown() {
  if (space_.empty()) return;
  const absl::Status deleted = api().Delete({"v1", "Namespace", "", space_}, {}, no_stop());
  EXPECT_TRUE(deleted.ok()) << deleted;
}

Json KubeApiContract::ConfigMap(const std::string& name, Json data) const {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", space_}}},
          {"data", std::move(data)}};
}

Json KubeApiContract::Deployment(const std::string& name) const {
  const Json labels = {{"app", name}};
  const Json container = {{"name", "web"},
                          {"image", "registry.test/web:1"},
                          {"ports", Json::array({Json{{"containerPort", 80}}})}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}, {"namespace", space_}}},
          {"spec",
           {{"replicas", 0},
            {"selector", {{"matchLabels", labels}}},
            {"template",
             {{"metadata", {{"labels", labels}}},
              {"spec", {{"containers", Json::array({container})}}}}}}}};
}

kubernetes::ObjectRef KubeApiContract::Ref(const std::string& kind, const std::string& name) const {
  return {kind == "Deployment" ? "apps/v1" : "v1", kind, space_, name};
}

Json KubeApiContract::Created(const Json& object) {
  const auto created = api().Create(object, {}, no_stop());
  EXPECT_TRUE(created.ok()) << created.status();
  return created.ok() ? *created : Json();
}

Json KubeApiContract::Applied(const Json& object, const std::string& manager) {
  const auto applied = api().Apply(object, {.field_manager = manager}, no_stop());
  EXPECT_TRUE(applied.ok()) << applied.status();
  return applied.ok() ? applied->object : Json();
}

Json KubeApiContract::Read(const kubernetes::ObjectRef& ref) {
  const auto object = api().Get(ref, no_stop());
  EXPECT_TRUE(object.ok()) << object.status();
  return object.ok() ? *object : Json();
}

bool KubeApiContract::Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(30);
  while (!condition()) {
    if (Clock::Real().Now() > deadline) return false;
    Clock::Real().Sleep(absl::Milliseconds(20), no_stop());
  }
  return true;
}

bool KubeApiContract::IsGone(const kubernetes::ObjectRef& ref) {
  return absl::IsNotFound(api().Get(ref, no_stop()).status());
}

Json EntryOf(const Json& object, const std::string& manager) {
  for (const Json& entry : GetArray(GetObject(object, "metadata"), "managedFields")) {
    if (GetString(entry, "manager") == manager) return entry;
  }
  return {};
}

std::string VersionOf(const Json& object) {
  return GetString(GetObject(object, "metadata"), "resourceVersion");
}

}  // namespace delivery::testing
