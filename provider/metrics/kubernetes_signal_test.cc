#include "provider/metrics/kubernetes_signal.h"

#include <string>

#include "gtest/gtest.h"

namespace delivery::metrics {
namespace {

using analysis::Sample;

Json Pod(const std::string& phase, bool ready, int restarts = 0) {
  return {{"metadata", {{"name", "web-1"}}},
          {"status",
           {{"phase", phase},
            {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}},
            {"initContainerStatuses", {{{"name", "init"}, {"restartCount", 1}}}},
            {"containerStatuses", {{{"name", "web"}, {"restartCount", restarts}}}}}}};
}

double Count(KubernetesSignal signal, const std::vector<Json>& pods) {
  const Sample sample = ReadSignal(signal, pods);
  EXPECT_EQ(sample.kind, Sample::Kind::kValue) << sample.detail;
  return sample.value;
}

TEST(KubernetesSignalTest, RestartsAreThoseOfEveryContainer) {
  EXPECT_EQ(Count(KubernetesSignal::kRestarts, {Pod("Running", true, 2), Pod("Running", true, 3)}),
            7);
}

TEST(KubernetesSignalTest, APodThatHasJustBeenMadeIsNotReady) {
  EXPECT_EQ(Count(KubernetesSignal::kUnreadyPods, {Pod("Running", true), Pod("Running", false),
                                                   Json{{"metadata", Json::object()}}}),
            2);
}

TEST(KubernetesSignalTest, PodsThatEndAreNotUnready) {
  Json leaving = Pod("Running", false);
  leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_EQ(Count(KubernetesSignal::kUnreadyPods,
                  {leaving, Pod("Succeeded", false), Pod("Failed", false)}),
            0);
}

TEST(KubernetesSignalTest, WithoutPodsThereIsNoData) {
  for (const KubernetesSignal signal :
       {KubernetesSignal::kRestarts, KubernetesSignal::kUnreadyPods}) {
    EXPECT_EQ(ReadSignal(signal, {}).kind, Sample::Kind::kNoData);
  }
}

}  // namespace
}  // namespace delivery::metrics
