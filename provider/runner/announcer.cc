#include "provider/runner/announcer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "provider/base/log.h"
#include "provider/base/redact.h"

namespace delivery::runner {
namespace {

using engine::Outcome;
using engine::Step;

// Kubernetes refuses longer messages of an Event.
constexpr size_t kLongestMessage = 1024;

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string Because(const engine::State& state) {
  return state.reason.empty() ? "" : absl::StrCat(": ", FirstLine(state.reason));
}

}  // namespace

absl::Status ProgressFile::Append(std::string_view line) {
  const absl::MutexLock lock(&mutex_);
  const auto failed = [this](const char* doing) {
    return absl::UnavailableError(absl::StrCat("progress_file ", path_, " cannot be ", doing, ": ",
                                               std::generic_category().message(errno)));
  };
  const int file = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return failed("opened");
  const std::string text = absl::StrCat(std::string(line), "\n");
  const ssize_t written = write(file, text.data(), text.size());
  absl::Status status;
  if (written != static_cast<ssize_t>(text.size())) {
    if (written >= 0) errno = ENOSPC;
    status = failed("written");
  }
  close(file);
  return status;
}

Announcer::Announcer(kubernetes::Api& api, Clock& clock, kubernetes::ObjectRef workload,
                     ProgressFile* file, std::stop_token stop)
    : api_(api),
      clock_(clock),
      workload_(std::move(workload)),
      file_(file),
      stop_(std::move(stop)) {}

std::optional<Announcer::Words> Announcer::WordsOf(const engine::State& state) {
  switch (state.step) {
    case Step::kApply:
      return Words{"ReleaseStarted", false, absl::StrCat("release ", state.run_id, " begins")};
    case Step::kAwait:
      return Words{"RollingOut", false, "the new version is written and rolls out"};
    case Step::kCheck:
      return Words{"Checking", false, "the new version runs; its checks decide"};
    case Step::kRestore:
      return Words{"RollingBack", true,
                   absl::StrCat("the previous version is written back", Because(state))};
    case Step::kRemove:
      return Words{"Removing", true,
                   absl::StrCat("the first release failed and is removed", Because(state))};
    case Step::kHalt:
      return Words{"Pausing", true, absl::StrCat("the rollout is paused", Because(state))};
    case Step::kAwaitRestored:
    case Step::kAwaitRemoved:
    case Step::kDone:
      break;
  }
  return std::nullopt;
}

Announcer::Words Announcer::WordsOf(Outcome outcome, const engine::State& state) {
  switch (outcome) {
    case Outcome::kSucceeded:
      return {"ReleaseSucceeded", false, absl::StrCat("release ", state.run_id, " is complete")};
    case Outcome::kPaused:
      return {"ReleasePaused", false, "the new version is written; its rollout is held"};
    case Outcome::kRolledBack:
      return {"RolledBack", true, absl::StrCat("the previous version runs again", Because(state))};
    case Outcome::kRemoved:
      return {"Removed", true,
              absl::StrCat("the first release failed and was removed", Because(state))};
    case Outcome::kInterrupted:
      return {"ReleaseInterrupted", true,
              absl::StrCat("stopped at step \"", engine::StepName(state.step),
                           "\"; the next apply goes on", Because(state))};
    case Outcome::kRefused:
      return {"ReleaseRefused", true, absl::StrCat("nothing was changed", Because(state))};
    case Outcome::kFailed:
      break;
  }
  return {"ReleaseFailed", true, absl::StrCat("the release failed", Because(state))};
}

void Announcer::AnnounceStep(const engine::State& state) {
  if (announced_ == state.step) return;
  announced_ = state.step;
  if (const std::optional<Words> words = WordsOf(state)) Say(*words);
}

void Announcer::AnnounceOutcome(Outcome outcome, const engine::State& state) {
  Say(WordsOf(outcome, state));
}

void Announcer::Say(const Words& words) {
  const absl::Time now = clock_.Now();
  if (file_ != nullptr && file_status_.ok()) {
    file_status_ = file_->Append(
        Redact(absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone()), " ",
                            workload_.ToString(), " ", words.reason, ": ", words.message)));
  }
  if (!uid_.empty() && !events_refused_) SendEvent(words, now);
}

void Announcer::SendEvent(const Words& words, absl::Time now) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone());
  const std::string name =
      absl::StrCat(workload_.name.substr(0, 200), ".", absl::Hex(absl::ToUnixNanos(now)));
  const Json event = {{"apiVersion", "v1"},
                      {"kind", "Event"},
                      {"metadata", {{"name", name}, {"namespace", workload_.namespace_name}}},
                      {"involvedObject",
                       {{"apiVersion", workload_.api_version},
                        {"kind", workload_.kind},
                        {"namespace", workload_.namespace_name},
                        {"name", workload_.name},
                        {"uid", uid_}}},
                      {"type", words.warning ? "Warning" : "Normal"},
                      {"reason", words.reason},
                      {"message", Redact(words.message).substr(0, kLongestMessage)},
                      {"source", {{"component", "terraform-provider-delivery"}}},
                      {"reportingComponent", "terraform-provider-delivery"},
                      {"reportingInstance", "terraform-provider-delivery"},
                      {"firstTimestamp", time},
                      {"lastTimestamp", time},
                      {"count", 1}};
  const absl::Status sent = api_.Create(event, {}, stop_).status();
  if (sent.ok()) return;
  log::Debug("event was not recorded", {{"error", std::string(sent.message())}});
  // Not asked for again and again while a release goes on.
  events_refused_ = !absl::IsAlreadyExists(sent);
}

absl::Status AnnouncingStore::Save(const engine::State& state) {
  const absl::Status saved = store_.Save(state);
  if (saved.ok()) announcer_.AnnounceStep(state);
  return saved;
}

}  // namespace delivery::runner
