#include "provider/runner/check_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/log.h"

namespace delivery::runner {

CheckRun::CheckRun(checks::CheckContext context, std::vector<checks::Check> checks,
                   kubernetes::ChangeSignal signal)
    : context_(std::move(context)),
      checks_(std::move(checks)),
      signal_(std::move(signal)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

engine::Checks CheckRun::verdict() const {
  const absl::MutexLock lock(&mutex_);
  return verdict_;
}

std::string CheckRun::failure() const {
  const absl::MutexLock lock(&mutex_);
  return failure_;
}

void CheckRun::Run(const std::stop_token& stop) {
  for (const checks::Check& check : checks_) {
    const checks::CheckResult result = checks::RunCheck(context_, check, stop);
    if (result.outcome == checks::CheckResult::Outcome::kCancelled) return;
    const bool passed = result.outcome == checks::CheckResult::Outcome::kPassed;
    log::Info("check", {{"name", check.name}, {"passed", passed ? "true" : "false"}});
    if (passed) continue;
    {
      const absl::MutexLock lock(&mutex_);
      verdict_ = engine::Checks::kFailed;
      failure_ = absl::StrCat("check ", check.name, ": ", result.reason);
    }
    signal_.Notify();
    return;
  }
  {
    const absl::MutexLock lock(&mutex_);
    verdict_ = engine::Checks::kPassed;
  }
  signal_.Notify();
}

}  // namespace delivery::runner
