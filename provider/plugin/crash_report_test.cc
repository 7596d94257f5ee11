#include "provider/plugin/crash_report.h"

#include <signal.h>

#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>

#include "gtest/gtest.h"
#include "provider/base/redact.h"

namespace delivery::plugin {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Sanitizers install handlers of their own.
#define SKIP_WITH_SANITIZERS() GTEST_SKIP() << "sanitizers report crashes themselves"
#else
#define SKIP_WITH_SANITIZERS() static_cast<void>(0)
#endif

TEST(CrashReportDeathTest, SignalsAreReportedAndStillEndTheProcess) {
  SKIP_WITH_SANITIZERS();
  const auto crash = [](int signal) {
    InstallCrashReport();
    ::raise(signal);
  };
  // The second line of a report is a frame: a module, perhaps a function, and an address.
  EXPECT_EXIT(crash(SIGSEGV), ::testing::KilledBySignal(SIGSEGV),
              "panic: SIGSEGV: invalid memory access\n.*\\[0x");
  EXPECT_EXIT(crash(SIGBUS), ::testing::KilledBySignal(SIGBUS), "panic: SIGBUS");
  EXPECT_EXIT(crash(SIGFPE), ::testing::KilledBySignal(SIGFPE), "panic: SIGFPE");
  EXPECT_EXIT(crash(SIGILL), ::testing::KilledBySignal(SIGILL), "panic: SIGILL");
  EXPECT_EXIT(crash(SIGABRT), ::testing::KilledBySignal(SIGABRT), "panic: SIGABRT");
}

TEST(CrashReportDeathTest, AnUnhandledExceptionOfAnyThreadIsNamedWithoutSecrets) {
  SKIP_WITH_SANITIZERS();
  const auto crash = [] {
    InstallCrashReport();
    RegisterSecret("hunter2-hunter2");
    std::thread([] { throw std::runtime_error("no access with hunter2-hunter2"); }).join();
  };
  EXPECT_EXIT(crash(), ::testing::KilledBySignal(SIGABRT),
              "panic: std::terminate: unhandled exception: no access with \\(redacted\\)\n.*\\[0x");
}

TEST(CrashReportDeathTest, TerminateWithoutAnExceptionIsReported) {
  SKIP_WITH_SANITIZERS();
  const auto crash = [] {
    InstallCrashReport();
    std::terminate();
  };
  EXPECT_EXIT(crash(), ::testing::KilledBySignal(SIGABRT), "panic: std::terminate: no exception");
}

}  // namespace
}  // namespace delivery::plugin
