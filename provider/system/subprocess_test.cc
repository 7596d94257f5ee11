#include "provider/system/subprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "provider/system/test_folder.h"

namespace delivery::system {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

ProcessRequest Shell(const std::string& script) {
  ProcessRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", script};
  request.timeout = absl::Seconds(20);
  return request;
}

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

// True when the process is gone, or dead and waits for init to notice.
bool IsDead(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return true;
  const size_t name_end = line.rfind(") ");
  return name_end == std::string::npos || line[name_end + 2] == 'Z';
}

// Waits until the process that wrote its id to the file is dead.
bool EndsSoon(const TestFolder& folder, const std::string& file) {
  int pid = 0;
  if (!absl::SimpleAtoi(folder.Read(file), &pid)) return false;
  for (int i = 0; i < 1000 && !IsDead(pid); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return IsDead(pid);
}

TEST(SubprocessTest, CollectsOutputAndExitCode) {
  const auto result = RunProcess(Shell("echo out; echo err >&2; exit 3"), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stdout_text, "out\n");
  EXPECT_EQ(result->stderr_tail, "err\n");
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->signal, 0);
}

TEST(SubprocessTest, ReportsTheSignal) {
  const auto result = RunProcess(Shell("kill -TERM $$"), {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->signal, SIGTERM);
}

TEST(SubprocessTest, AddsToTheEnvironmentAndStdinIsEmpty) {
  ProcessRequest request = Shell("cat; echo \"$ADDED $HOME\"; test -n \"$PATH\"");
  request.env = {{"ADDED", "x y"}, {"HOME", "/replaced"}};
  const auto result = RunProcess(request, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stdout_text, "x y /replaced\n");
  EXPECT_EQ(result->exit_code, 0);
}

TEST(SubprocessTest, ReadsTheGivenStdinToItsEnd) {
  ProcessRequest request = Shell("cat; echo .");
  request.stdin_text = std::string("two\nlines and a zero \0 byte", 26);
  const auto result = RunProcess(request, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stdout_text, request.stdin_text + ".\n");
}

TEST(SubprocessTest, AStdinThatNobodyReadsHoldsNothingUp) {
  ProcessRequest request = Shell("exec true");
  request.stdin_text = std::string(3'000'000, 'x');  // more than any pipe takes
  const auto result = RunProcess(request, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 0);
}

TEST(SubprocessTest, InheritsNoOtherFiles) {
  const TestFolder folder;
  // Without close-on-exec, as a library may open it.
  std::FILE* leaked = std::fopen(folder.Write("secret", "x").c_str(), "r");
  const auto result = RunProcess(Shell("ls /proc/self/fd | wc -l"), {});
  std::fclose(leaked);
  ASSERT_TRUE(result.ok());
  int files = 0;
  ASSERT_TRUE(absl::SimpleAtoi(result->stdout_text, &files));
  EXPECT_LE(files, 4);  // 0, 1, 2, and the folder that ls reads
}

TEST(SubprocessTest, KillsTheWholeGroupAtTheTimeout) {
  const TestFolder folder;
  ProcessRequest request =
      Shell("echo why >&2; sleep 300 & echo $! > " + folder.Path("pid") + "; trap '' TERM; wait");
  request.timeout = absl::Milliseconds(500);
  const auto start = steady_clock::now();
  const auto result = RunProcess(request, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(StderrOf(result.status()), "why\n");
  EXPECT_LT(SecondsSince(start), 5);
  EXPECT_TRUE(EndsSoon(folder, "pid"));
}

TEST(SubprocessTest, StopEndsItAtOnce) {
  const TestFolder folder;
  std::stop_source stop;
  const auto start = steady_clock::now();
  std::jthread stopper([&] {
    while (folder.Read("pid").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop.request_stop();
  });
  const auto result =
      RunProcess(Shell("sleep 300 & echo $! > " + folder.Path("pid") + "; wait"), stop.get_token());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(SecondsSince(start), 2);
  stopper.join();
  EXPECT_TRUE(EndsSoon(folder, "pid"));
  EXPECT_EQ(RunProcess(Shell("true"), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(SubprocessTest, DoesNotWaitForWhatItLeavesRunning) {
  const TestFolder folder;
  const auto start = steady_clock::now();
  const auto result =
      RunProcess(Shell("sleep 300 & echo $! > " + folder.Path("pid") + "; echo done"), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stdout_text, "done\n");
  EXPECT_LT(SecondsSince(start), 5);
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(folder.Read("pid"), &pid));
  EXPECT_EQ(kill(pid, SIGKILL), 0);
}

TEST(SubprocessTest, RefusesMegabytesOfOutput) {
  const auto start = steady_clock::now();
  const auto result = RunProcess(Shell("exec cat /dev/zero"), {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(SecondsSince(start), 10);
}

TEST(SubprocessTest, KeepsTheEndOfALongStderr) {
  const auto result =
      RunProcess(Shell("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo the end >&2"), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stderr_tail.size(), 4096U);
  EXPECT_THAT(result->stderr_tail, ::testing::EndsWith("x"
                                                       "the end\n"));
}

TEST(SubprocessTest, ReadsOutputUpToTheLimit) {
  const auto result = RunProcess(Shell("head -c 1048576 /dev/zero"), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stdout_text.size(), 1048576U);
}

TEST(SubprocessTest, SaysWhyItCannotStart) {
  ProcessRequest request;
  request.program = "/nonexistent/program";
  const auto result = RunProcess(request, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("/nonexistent/program"));
}

TEST(FindExecutableTest, LooksInThePath) {
  const TestFolder folder;
  const std::string tool = folder.Script("bin/tool", "true");
  folder.Write("other/tool", "not executable");
  const std::string path = folder.Path("other") + ":" + folder.Path("bin");
  EXPECT_EQ(FindExecutable("tool", path), tool);
  EXPECT_EQ(FindExecutable(tool, ""), tool);
  EXPECT_EQ(FindExecutable("tool", folder.Path("other")), std::nullopt);
  EXPECT_EQ(FindExecutable(folder.Path("none"), path), std::nullopt);
  EXPECT_EQ(FindExecutable("bin", folder.path()), std::nullopt);  // a folder
  EXPECT_EQ(FindExecutable("", path), std::nullopt);
}

}  // namespace
}  // namespace delivery::system
