// Ends this process when the host that started it is gone. A host that is killed tells its plugins
// nothing, and a plugin left alone would go on changing a cluster that nobody watches.
#ifndef DELIVERY_PLUGIN_ORPHAN_GUARD_H_
#define DELIVERY_PLUGIN_ORPHAN_GUARD_H_

#include <sys/types.h>

#include <functional>
#include <thread>

namespace delivery::plugin {

// Watches a parent process from a thread of its own until destroyed.
class OrphanGuard {
 public:
  // `on_orphaned` is called once, from the guard's thread, when `parent` has ended. It must not
  // destroy the guard.
  OrphanGuard(pid_t parent, std::function<void()> on_orphaned);
  // Waits for a running `on_orphaned`.
  ~OrphanGuard();
  OrphanGuard(const OrphanGuard&) = delete;
  OrphanGuard& operator=(const OrphanGuard&) = delete;

 private:
  void Watch() const;

  const pid_t parent_;
  const std::function<void()> on_orphaned_;
  const int parent_fd_;  // -1: this kernel has no pidfd_open, the guard asks every second
  const int end_fd_;     // readable once the guard is destroyed
  std::thread thread_;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_ORPHAN_GUARD_H_
