#include "provider/plugin/orphan_guard.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace delivery::plugin {
namespace {

// glibc of Debian 12 has the call, older ones that a static build may meet do not.
int OpenPidFd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

OrphanGuard::OrphanGuard(pid_t parent, std::function<void()> on_orphaned)
    : parent_(parent),
      on_orphaned_(std::move(on_orphaned)),
      parent_fd_(OpenPidFd(parent)),
      end_fd_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Watch(); }) {}

OrphanGuard::~OrphanGuard() {
  ::eventfd_write(end_fd_, 1);
  thread_.join();
  if (parent_fd_ >= 0) ::close(parent_fd_);
  ::close(end_fd_);
}

// PR_SET_PDEATHSIG is no alternative: it fires when the parent's *thread* ends, and Go's threads
// come and go.
void OrphanGuard::Watch() const {
  constexpr int kPollMilliseconds = 1000;
  // poll() ignores an entry with a negative descriptor.
  std::array<pollfd, 2> watched = {{{end_fd_, POLLIN, 0}, {parent_fd_, POLLIN, 0}}};
  // Asking for the parent, too, covers a parent that ended before pidfd_open and a recycled id.
  while (::getppid() == parent_) {
    const int ready = ::poll(watched.data(), watched.size(), kPollMilliseconds);
    if (ready > 0 && watched[0].revents != 0) return;
    if (ready > 0 && watched[1].revents != 0) break;
  }
  on_orphaned_();
}

}  // namespace delivery::plugin
