// For tests of checks: a cluster in memory, a clock that costs no time, and what is released.
#ifndef DELIVERY_CHECKS_CHECK_FIXTURE_H_
#define DELIVERY_CHECKS_CHECK_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "provider/base/clock.h"
#include "provider/checks/check.h"
#include "provider/http/scripted_transport.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::checks {

class CheckFixture : public ::testing::Test {
 protected:
  CheckFixture();
  ~CheckFixture() override;

  // Deployment shop/web in run-deadbeef, with pod web-1 ready, on `clock_`.
  CheckContext Context();
  // The same on the real clock, for waits on real sockets.
  CheckContext RealTimeContext();

  CheckResult Run(const Check& check) { return RunCheck(Context(), check, {}); }
  // Runs the check on another thread and requests its stop as soon as `ready` says so. Returns how
  // long the answer took after that.
  std::chrono::milliseconds StopDuring(const CheckContext& context, const Check& check,
                                       const std::function<bool()>& ready, CheckResult& result);
  // Waits in real time, for at most 20 s.
  static bool Eventually(const std::function<bool()>& condition);

  static std::stop_token NoStop() { return {}; }

  const absl::Time start_ = absl::FromUnixSeconds(1'700'000'000);
  SimulatedClock clock_{start_};
  SimulatedClock retry_clock_{start_};  // of the API's client
  const std::shared_ptr<testing::FakeKubeApi> kube_ = std::make_shared<testing::FakeKubeApi>();
  const std::shared_ptr<kubernetes::Api> api_;
  // What URLs answer, unless a test replaces it.
  const std::shared_ptr<http::ScriptedTransport> script_ =
      std::make_shared<http::ScriptedTransport>();
  std::shared_ptr<http::Transport> transport_ = script_;
  PodPicker pick_pod_ = [](Side, const std::stop_token&) { return "web-1"; };
  std::string phase_ = "after_promotion";
};

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_CHECK_FIXTURE_H_
