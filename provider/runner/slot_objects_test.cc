#include "provider/runner/slot_objects.h"

#include <gtest/gtest.h>

#include "provider/kubernetes/object.h"

namespace delivery::runner {
namespace {

Json Workload() {
  return *ParseJson(R"({"apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": {"name": "web", "namespace": "shop", "labels": {"team": "a"}},
      "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
               "template": {"metadata": {"labels": {"app": "web"}},
                            "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}})");
}

TEST(SlotObjectsTest, SlotIsTheWorkloadUnderItsOwnNameAndLabel) {
  const Json slot = SlotDeployment(Workload(), "slot", "green", 1);
  EXPECT_EQ(kubernetes::NameOf(slot), "web-green");
  EXPECT_EQ(slot["spec"]["selector"]["matchLabels"]["slot"], "green");
  EXPECT_EQ(slot["spec"]["template"]["metadata"]["labels"]["slot"], "green");
  EXPECT_EQ(slot["spec"]["replicas"], 1);
  EXPECT_EQ(SlotDeployment(Workload(), "slot", "green", std::nullopt)["spec"]["replicas"], 3);
  EXPECT_EQ(
      WorkloadOfSlot(SlotDeployment(Workload(), "slot", "green", std::nullopt), "slot", "web"),
      Workload());
  EXPECT_EQ(SlotRef(kubernetes::RefOf(Workload()), "blue").ToString(), "Deployment shop/web-blue");
}

TEST(SlotObjectsTest, OnlyWhatWeHaveAppliedIsASlot) {
  Json slot = SlotDeployment(Workload(), "slot", "green", 1);
  EXPECT_FALSE(IsSlot(slot, "slot", "green")) << "somebody else's";
  slot["metadata"]["managedFields"] = *ParseJson(
      R"([{"manager": "terraform-provider-delivery", "operation": "Apply",
           "time": "2026-01-01T00:00:00Z"}])");
  EXPECT_TRUE(IsSlot(slot, "slot", "green"));
  EXPECT_FALSE(IsSlot(slot, "slot", "blue"));
  EXPECT_FALSE(IsSlot(slot, "colour", "green"));
  EXPECT_FALSE(IsSlot(Json(), "slot", "green"));
}

TEST(SlotObjectsTest, ServiceOfASlotSelectsItAlone) {
  const Json service = *ParseJson(R"({"apiVersion": "v1", "kind": "Service",
      "metadata": {"name": "web", "namespace": "shop"},
      "spec": {"type": "NodePort", "selector": {"app": "web"},
               "ports": [{"port": 80, "nodePort": 30080}]}})");
  const Json made = SlotServiceObject(service, "web-green", "slot", "green", "web-green", "u1");
  EXPECT_EQ(kubernetes::NameOf(made), "web-green");
  EXPECT_EQ(made["spec"]["selector"], Json({{"app", "web"}, {"slot", "green"}}));
  EXPECT_EQ(made["spec"]["type"], "ClusterIP");
  EXPECT_FALSE(made["spec"]["ports"][0].contains("nodePort"));
  EXPECT_EQ(made["metadata"]["ownerReferences"][0]["uid"], "u1");
}

}  // namespace
}  // namespace delivery::runner
