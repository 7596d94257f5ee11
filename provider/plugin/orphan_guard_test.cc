#include "provider/plugin/orphan_guard.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace delivery::plugin {
namespace {

TEST(OrphanGuard, IsQuietWhileTheParentLives) {
  std::atomic<int> calls = 0;
  {
    const OrphanGuard guard(::getppid(), [&] { ++calls; });
  }
  EXPECT_EQ(calls, 0);
}

TEST(OrphanGuard, ReportsAParentThatWasGoneBefore) {
  absl::Notification orphaned;
  // Never our parent, so it counts as gone.
  const OrphanGuard guard(::getpid(), [&] { orphaned.Notify(); });
  EXPECT_TRUE(orphaned.WaitForNotificationWithTimeout(absl::Seconds(10)));
}

// The child of a child watches its parent, which kills itself; the end of a pipe tells us.
TEST(OrphanGuard, ReportsWhenTheParentIsKilled) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    int ready[2];
    if (::pipe(ready) != 0) ::_exit(1);
    if (::fork() == 0) {
      absl::Notification orphaned;
      const OrphanGuard guard(::getppid(), [&] { orphaned.Notify(); });
      ::close(ready[1]);
      const bool told = orphaned.WaitForNotificationWithTimeout(absl::Seconds(20));
      const char answer = told ? 'y' : 'n';
      ::_exit(::write(report[1], &answer, 1) == 1 ? 0 : 1);
    }
    ::close(ready[1]);
    char nothing = 0;
    [[maybe_unused]] const ssize_t end = ::read(ready[0], &nothing, 1);
    ::raise(SIGKILL);
  }
  ::close(report[1]);
  char answer = 0;
  EXPECT_EQ(::read(report[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  ::close(report[0]);
  ::waitpid(parent, nullptr, 0);
}

}  // namespace
}  // namespace delivery::plugin
