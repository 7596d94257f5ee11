// Says what a release does while it goes on: a Kubernetes Event on the workload and a line in the
// progress file for each transition. Best effort: a release does not fail because nobody can be
// told.
#ifndef DELIVERY_RUNNER_ANNOUNCER_H_
#define DELIVERY_RUNNER_ANNOUNCER_H_

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "provider/base/clock.h"
#include "provider/delivery/engine.h"
#include "provider/kubernetes/api.h"
#include "provider/runner/ports.h"

namespace delivery::runner {

// The file of the provider's argument progress_file, to which every release of this process
// appends. Thread-safe.
class ProgressFile {
 public:
  explicit ProgressFile(std::string path) : path_(std::move(path)) {}

  // One whole line by one write, so that lines of several processes do not mix. An error names the
  // file (missing folder, disk full).
  absl::Status Append(std::string_view line);

 private:
  const std::string path_;
  absl::Mutex mutex_;
};

struct Announcement {
  const char* reason;  // of the Event
  bool warning;
  std::string message;
};

// Used by one thread.
class Announcer {
 public:
  // `file` may be null. Neither may be destroyed before this. `beside` is what the run puts beside
  // the workload (engine::Plan::beside).
  Announcer(kubernetes::Api& api, Clock& clock, kubernetes::ObjectRef workload, ProgressFile* file,
            std::stop_token stop, std::string beside = "canary");

  // Events need an object that they are about: until then only the file is told.
  void SetUid(std::string uid) { uid_ = std::move(uid); }
  // The same for an object that is only a part of the workload: a slot of it.
  void SetObject(kubernetes::ObjectRef object, std::string uid) {
    object_ = std::move(object);
    uid_ = std::move(uid);
  }

  // A step begins. The same step again, with the same weight, is not announced again.
  void AnnounceStep(const engine::State& state);
  void AnnounceOutcome(engine::Outcome outcome, const engine::State& state);

  // Why the progress file could not be written, the first time.
  const absl::Status& file_status() const { return file_status_; }

 private:
  std::optional<Announcement> WordsOf(const engine::State& state) const;
  Announcement WordsOf(engine::Outcome outcome, const engine::State& state) const;
  void Say(const Announcement& words);
  void SendEvent(const Announcement& words, absl::Time now);

  kubernetes::Api& api_;
  Clock& clock_;
  const kubernetes::ObjectRef workload_;
  kubernetes::ObjectRef object_;  // of Events
  ProgressFile* const file_;
  const std::stop_token stop_;
  const std::string beside_;
  std::string uid_;
  // Run, step, index of the canary's step, weight.
  std::optional<std::tuple<std::string, engine::Step, int, int>> announced_;
  bool events_refused_ = false;
  absl::Status file_status_;
};

// A RunStore that announces each step once it is stored.
class AnnouncingStore : public RunStore {
 public:
  AnnouncingStore(RunStore& store, Announcer& announcer) : store_(store), announcer_(announcer) {}

  absl::Status Save(const engine::State& state) override;
  absl::Status Clear() override { return store_.Clear(); }

 private:
  RunStore& store_;
  Announcer& announcer_;
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_ANNOUNCER_H_
