#include "provider/checks/check_fixture.h"

#include <thread>
#include <utility>

#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/rest_api.h"

namespace delivery::checks {
namespace {

std::shared_ptr<kubernetes::Api> MakeApi(std::shared_ptr<http::Transport> transport, Clock& clock) {
  kubernetes::ClusterConfig config;
  config.server = "https://fake.test";
  return kubernetes::MakeRestApi(
      config, kubernetes::MakeCredentialSource(config, clock),
      [transport = std::move(transport)](const auto&) { return transport; }, clock);
}

}  // namespace

CheckFixture::CheckFixture() : api_(MakeApi(kube_, retry_clock_)) { kube_->AddNamespace("shop"); }

// The cluster outlives the tests' own objects, which its controller may refer to.
CheckFixture::~CheckFixture() { kube_->SetController(nullptr); }

CheckContext CheckFixture::Context() {
  return {.workload = {"apps/v1", "Deployment", "shop", "web"},
          .workload_uid = "uid-of-web",
          .run_id = "run-deadbeef",
          .phase = phase_,
          .images = {{"web", "registry.test/web:2"}},
          .pick_pod = pick_pod_,
          .api = *api_,
          .transport = transport_,
          .clock = clock_};
}

CheckContext CheckFixture::RealTimeContext() {
  return {.workload = {"apps/v1", "Deployment", "shop", "web"},
          .workload_uid = "uid-of-web",
          .run_id = "run-deadbeef",
          .phase = phase_,
          .images = {{"web", "registry.test/web:2"}},
          .pick_pod = pick_pod_,
          .api = *api_,
          .transport = transport_,
          .clock = Clock::Real()};
}

std::chrono::milliseconds CheckFixture::StopDuring(const CheckContext& context, const Check& check,
                                                   const std::function<bool()>& ready,
                                                   CheckResult& result) {
  std::stop_source stop;
  std::thread runner([&] { result = RunCheck(context, check, stop.get_token()); });
  EXPECT_TRUE(Eventually(ready));
  const auto stopped = std::chrono::steady_clock::now();
  stop.request_stop();
  runner.join();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               stopped);
}

bool CheckFixture::Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 4000; ++i) {
    if (condition()) return true;
    Clock::Real().Sleep(absl::Milliseconds(5), {});
  }
  return false;
}

}  // namespace delivery::checks
