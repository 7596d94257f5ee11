#include "provider/plugin/crash_report.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"

namespace delivery::plugin {
namespace {

constexpr std::array kCrashSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// Only the first failing thread reports; abort() after std::terminate must not report again.
std::atomic_flag reported = ATOMIC_FLAG_INIT;

void WriteText(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Async-signal-safe: InstallCrashReport has made backtrace() load what it needs.
void WriteBacktrace() {
  std::array<void*, 64> frames = {};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
}

std::string_view SignalText(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "panic: SIGSEGV: invalid memory access\n";
    case SIGBUS:
      return "panic: SIGBUS: invalid memory address\n";
    case SIGFPE:
      return "panic: SIGFPE: arithmetic error\n";
    case SIGILL:
      return "panic: SIGILL: illegal instruction\n";
    default:
      return "panic: SIGABRT: the process aborted itself\n";
  }
}

void OnCrashSignal(int signal) {
  if (!reported.test_and_set()) {
    WriteText(SignalText(signal));
    WriteBacktrace();
  }
  // SA_RESETHAND has restored the default action: this ends the process once the handler returns.
  ::raise(signal);
}

std::string CurrentExceptionText() {
  const std::exception_ptr current = std::current_exception();
  if (current == nullptr) return "no exception";
  try {
    std::rethrow_exception(current);
  } catch (const std::exception& exception) {
    return absl::StrCat("unhandled exception: ", Redact(exception.what()));
  } catch (...) {
    return "unhandled exception of an unknown type";
  }
}

[[noreturn]] void OnTerminate() {
  if (!reported.test_and_set()) {
    WriteText(absl::StrCat("panic: std::terminate: ", CurrentExceptionText(), "\n"));
    WriteBacktrace();
  }
  std::abort();
}

// A handler needs a stack of its own to report that the main thread's stack is used up.
void UseAlternateStack() {
  static std::array<char, 64 * 1024> memory;
  stack_t stack = {};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  ::sigaltstack(&stack, nullptr);
}

}  // namespace

void InstallCrashReport() {
  std::array<void*, 1> frame = {};
  // The first call loads a library and allocates, which a signal handler must not do.
  ::backtrace(frame.data(), 1);
  UseAlternateStack();
  std::set_terminate(OnTerminate);
  struct sigaction action = {};
  action.sa_handler = OnCrashSignal;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND);
  ::sigemptyset(&action.sa_mask);
  for (const int signal : kCrashSignals) ::sigaction(signal, &action, nullptr);
}

}  // namespace delivery::plugin
