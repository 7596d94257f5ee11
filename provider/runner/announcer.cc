#include "provider/runner/announcer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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

// "step 2 of 3".
std::string Position(const engine::CanaryState& canary) {
  return absl::StrCat("step ", canary.step_index + 1, " of ", canary.steps.size());
}

std::string Share(const engine::CanaryState& canary) {
  return absl::StrCat(canary.weight, " % of the traffic goes to the canary");
}

std::string HoldText(const engine::CanaryState& canary) {
  const auto index = static_cast<size_t>(std::max(canary.step_index, 0));
  const std::string length =
      index < canary.steps.size()
          ? absl::StrCat(" for ", absl::FormatDuration(canary.steps[index].hold))
          : "";
  return absl::StrCat(Share(canary), canary.match ? ", and all that matches" : "", length, " (",
                      Position(canary), ")");
}

// What the way back begins with.
Announcement ReturnWords(const engine::State& state) {
  switch (state.canary.teardown) {
    case engine::Teardown::kPromoted:
      return {"Promoted", false, "the workload runs the new version and gets all the traffic"};
    case engine::Teardown::kSuperseded:
      return {"CanarySuperseded", false,
              "another version is released in its place: all traffic goes back to the version that "
              "ran before"};
    case engine::Teardown::kEnded:  // of variants alone
    case engine::Teardown::kNone:
    case engine::Teardown::kAborted:
      break;
  }
  return {"CanaryAborted", true,
          absl::StrCat("all traffic goes back to the version that ran before", Because(state))};
}

std::optional<Announcement> CanaryWords(const engine::State& state) {
  const engine::CanaryState& canary = state.canary;
  switch (state.step) {
    case Step::kRecordRoute:
      return Announcement{"CanaryStarted", false,
                          absl::StrCat("canary release ", state.run_id, " begins")};
    case Step::kCreateCanary:
      return Announcement{"CanaryCreated", false, "the canary starts; no traffic goes to it yet"};
    case Step::kCheckBeforeTraffic:
      return Announcement{"Checking", false, "the canary is ready; checks decide about traffic"};
    case Step::kScaleCanary:
      return Announcement{"CanaryScaled", false,
                          absl::StrCat("the canary gets its size for ", Position(canary))};
    case Step::kHold:
      return Announcement{"TrafficShifted", false, HoldText(canary)};
    case Step::kCheckBeforePromotion:
      return Announcement{"Checking", false, "all steps passed; checks decide about promotion"};
    case Step::kPromote:
      return Announcement{"PromotionStarted", false,
                          absl::StrCat("the new version is written to the workload; ",
                                       Share(canary), " meanwhile")};
    case Step::kAwaitStable:
      return Announcement{"AwaitingStable", true,
                          absl::StrCat("the version that ran before comes back to its size, then "
                                       "gets all the traffic",
                                       Because(state))};
    case Step::kReturnTraffic:
      return ReturnWords(state);
    case Step::kDeleteCanary:
      return Announcement{"CanaryRemoved", false, "the canary is deleted"};
    default:  // moments of the steps above, and what the outcome says
      return std::nullopt;
  }
}

std::optional<Announcement> SlotWords(const engine::State& state) {
  const engine::BlueGreenState& slots = *state.slots;
  const std::string target = absl::StrCat("slot ", slots.target);
  const std::string served =
      slots.active.empty() ? "what was there before" : absl::StrCat("slot ", slots.active);
  switch (state.step) {
    case Step::kRecordRoute:
      return Announcement{"BlueGreenStarted", false,
                          absl::StrCat("blue-green release ", state.run_id, " begins")};
    case Step::kWriteSlot:
      return Announcement{"SlotWritten", false,
                          absl::StrCat(target, " gets the new version; no traffic goes to it yet")};
    case Step::kCheckBeforePromotion:
      return Announcement{"Checking", false,
                          absl::StrCat(target, " is ready; checks decide about the switch")};
    case Step::kFillSlot:
      return Announcement{"SlotScaled", false, absl::StrCat(target, " gets its full size")};
    case Step::kAfterSwitch:
      return Announcement{"TrafficSwitched", false,
                          absl::StrCat("all traffic goes to ", target, "; it is observed")};
    case Step::kSwitchBack:
      return Announcement{"SwitchedBack", slots.teardown == engine::Teardown::kAborted,
                          absl::StrCat("all traffic goes to ", served, Because(state))};
    case Step::kEmptySlot:
      return Announcement{"SlotEmptied", false, "the slot that does not serve is scaled to zero"};
    case Step::kRemoveSlot:
      return Announcement{"Removing", true,
                          absl::StrCat("the first release failed and is removed", Because(state))};
    default:  // moments of the steps above, and what the outcome says
      return std::nullopt;
  }
}

// ---- Of a variant, which never becomes the workload

std::string Why(const engine::State& state) {
  switch (state.canary.teardown) {
    case engine::Teardown::kSuperseded:
      return ": it is made anew";
    case engine::Teardown::kEnded:
      return ": its time is over";
    default:
      return Because(state);
  }
}

std::optional<Announcement> VariantWords(const std::string& beside, const engine::State& state) {
  switch (state.step) {
    case Step::kCreateCanary:
      return Announcement{"VariantCreated", false,
                          absl::StrCat("the ", beside, " starts; no request goes to it yet")};
    case Step::kReturnTraffic:
      return Announcement{"VariantEnded", state.canary.teardown == engine::Teardown::kAborted,
                          absl::StrCat("no request goes to the ", beside, " any more", Why(state))};
    case Step::kDeleteCanary:
      return Announcement{"VariantRemoved", false, absl::StrCat("the ", beside, " is deleted")};
    default:  // moments of the steps above, and what the outcome says
      return std::nullopt;
  }
}

std::optional<Announcement> VariantWords(const std::string& beside, Outcome outcome,
                                         const engine::State& state) {
  const engine::CanaryState& canary = state.canary;
  switch (outcome) {
    case Outcome::kServing:
      return Announcement{
          "VariantServes", false,
          canary.mirror > 0 ? absl::StrCat("the ", beside, " gets a copy of ", canary.mirror,
                                           " % of the requests")
          : canary.match
              ? absl::StrCat("the ", beside, " gets the requests that match")
              : absl::StrCat("the ", beside, " gets ", canary.weight, " % of the requests")};
    case Outcome::kSucceeded:
      return Announcement{"VariantGone", false, absl::StrCat("nothing is left of the ", beside)};
    case Outcome::kRolledBack:
      return Announcement{"VariantFailed", true,
                          absl::StrCat("the ", beside, " was taken back", Because(state))};
    default:
      return std::nullopt;
  }
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
                     ProgressFile* file, std::stop_token stop, std::string beside)
    : api_(api),
      clock_(clock),
      workload_(std::move(workload)),
      object_(workload_),
      file_(file),
      stop_(std::move(stop)),
      beside_(std::move(beside)) {}

std::optional<Announcement> Announcer::WordsOf(const engine::State& state) const {
  if (beside_ != "canary") return VariantWords(beside_, state);
  switch (state.step) {
    case Step::kApply:
      return Announcement{"ReleaseStarted", false,
                          absl::StrCat("release ", state.run_id, " begins")};
    case Step::kAwait:
      return Announcement{"RollingOut", false, "the new version is written and rolls out"};
    case Step::kCheck:
      return Announcement{"Checking", false, "the new version runs; its checks decide"};
    case Step::kRestore:
      return Announcement{"RollingBack", true,
                          absl::StrCat("the previous version is written back", Because(state))};
    case Step::kRemove:
      return Announcement{"Removing", true,
                          absl::StrCat("the first release failed and is removed", Because(state))};
    case Step::kHalt:
      return Announcement{"Pausing", true, absl::StrCat("the rollout is paused", Because(state))};
    case Step::kObserve:
      return Announcement{"Observing", false, "the new version runs; its measurements decide"};
    default:
      return state.slots.has_value() ? SlotWords(state) : CanaryWords(state);
  }
}

Announcement Announcer::WordsOf(Outcome outcome, const engine::State& state) const {
  if (beside_ != "canary") {
    if (const auto words = VariantWords(beside_, outcome, state)) return *words;
  }
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
    case Outcome::kHeld:
      if (state.slots.has_value()) {
        return {"ReleaseHeld", false,
                absl::StrCat("slot ", state.slots->target,
                             " is ready and gets no traffic until it is approved (approve)")};
      }
      return {"ReleaseHeld", false,
              absl::StrCat(Share(state.canary), " until the rest is approved (approve_up_to)")};
    case Outcome::kServing:  // of variants alone
    case Outcome::kFailed:
      break;
  }
  if (state.step == Step::kFailedHold) {
    return {"ReleaseFailed", true,
            absl::StrCat("the release failed and stays where it is, ", Share(state.canary),
                         Because(state))};
  }
  return {"ReleaseFailed", true, absl::StrCat("the release failed", Because(state))};
}

void Announcer::AnnounceStep(const engine::State& state) {
  const std::tuple step(state.run_id, state.step, state.canary.step_index, state.canary.weight);
  if (announced_ == step) return;
  announced_ = step;
  if (const std::optional<Announcement> words = WordsOf(state)) Say(*words);
}

void Announcer::AnnounceOutcome(Outcome outcome, const engine::State& state) {
  Say(WordsOf(outcome, state));
}

void Announcer::Say(const Announcement& words) {
  const absl::Time now = clock_.Now();
  if (file_ != nullptr && file_status_.ok()) {
    file_status_ = file_->Append(
        Redact(absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone()), " ",
                            workload_.ToString(), " ", words.reason, ": ", words.message)));
  }
  if (!uid_.empty() && !events_refused_) SendEvent(words, now);
}

void Announcer::SendEvent(const Announcement& words, absl::Time now) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone());
  const std::string name =
      absl::StrCat(object_.name.substr(0, 200), ".", absl::Hex(absl::ToUnixNanos(now)));
  const Json event = {{"apiVersion", "v1"},
                      {"kind", "Event"},
                      {"metadata", {{"name", name}, {"namespace", object_.namespace_name}}},
                      {"involvedObject",
                       {{"apiVersion", object_.api_version},
                        {"kind", object_.kind},
                        {"namespace", object_.namespace_name},
                        {"name", object_.name},
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
