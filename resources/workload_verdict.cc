#include "resources/workload_verdict.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "resources/blue_green_setup.h"
#include "resources/workload_plan.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using engine::Outcome;
using value::Path;

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string ImagesText(const Json& workload) {
  return absl::StrJoin(kubernetes::ImagesOf(workload), ", ", absl::PairFormatter(" = "));
}

// The arguments with the manifest and images of the version that the cluster has now.
void SetVersion(const ReleaseJob& job, const Prepared& prepared,
                const std::optional<engine::Version>& version, WorkloadState& state) {
  if (!version.has_value()) return;
  // Without the live values that were kept: those are not ours to compare or to write again.
  WorkloadVersion wanted{job.planned.arguments.manifest.value(), job.planned.arguments.images,
                         prepared.declared};
  if (*version == engine::Version::kPrevious) wanted = *prepared.before;
  state.arguments.manifest = wanted.manifest;
  state.arguments.images = wanted.images;
  state.record.written = std::move(wanted);
}

std::string PhaseOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSucceeded:
    case Outcome::kServing:
      return phase::kSucceeded;
    case Outcome::kRolledBack:
    case Outcome::kRemoved:
    case Outcome::kRefused:
      return phase::kRolledBack;
    case Outcome::kInterrupted:
      return phase::kInterrupted;
    case Outcome::kPaused:
      return phase::kPaused;
    case Outcome::kHeld:
      return phase::kHeld;
    case Outcome::kFailed:
      break;
  }
  return phase::kFailed;
}

std::string FirstLineOf(const std::string& text) { return text.substr(0, text.find('\n')); }

// "at 25 % (step 2 of 4)".
std::string PositionText(const engine::State& state) {
  if (state.slots.has_value()) {
    return absl::StrCat("before the switch: slot ", state.slots->target, " is ready");
  }
  const engine::CanaryState& canary = state.canary;
  if (canary.step_index < 0) return "before the first step, without traffic";
  return absl::StrCat("at ", canary.weight, " % (step ", canary.step_index + 1, " of ",
                      canary.steps.size(), ")");
}

std::string MessageOf(const runner::ReleaseResult& result) {
  const std::string reason = FirstLineOf(result.reason);
  switch (result.outcome) {
    case Outcome::kSucceeded:
      return "release complete";
    case Outcome::kPaused:
      return "written; the rollout is held (paused = true)";
    case Outcome::kHeld:
      return absl::StrCat("waits for approval ", PositionText(result.state));
    case Outcome::kInterrupted:
      return absl::StrCat("stopped at step \"", engine::StepName(result.step), "\"; apply goes on",
                          reason.empty() ? "" : ": ", reason);
    default:
      return reason;
  }
}

ReleaseStatus StatusOf(const runner::ReleaseResult& result, absl::Time now) {
  ReleaseStatus status;
  status.phase = PhaseOf(result.outcome);
  status.message = MessageOf(result);
  status.started_at = Timestamp(result.started_at);
  const bool goes_on = result.outcome == Outcome::kInterrupted || result.outcome == Outcome::kHeld;
  if (!goes_on) status.finished_at = Timestamp(now);
  return status;
}

// Whether a canary stays beside the stable version, and the state shows its version.
bool StaysOpen(const ReleaseJob& job, const runner::ReleaseResult& result) {
  if (result.state.canary.stable_written) return false;
  switch (result.outcome) {
    case Outcome::kHeld:
      return true;
    case Outcome::kFailed:
      return result.state.step == engine::Step::kFailedHold;
    case Outcome::kInterrupted:
      if (result.state.slots.has_value()) {
        return job.planned.record.pending.has_value() && !result.state.slots->switched &&
               result.state.slots->teardown == engine::Teardown::kNone;
      }
      return job.planned.record.pending.has_value() &&
             result.state.canary.teardown == engine::Teardown::kNone &&
             engine::IsOfCanary(result.state);
    default:
      return false;
  }
}

// The version that stable runs after the run; nullopt: the one before.
std::optional<engine::Version> VersionAfter(const ReleaseJob& job, const Prepared& prepared,
                                            const runner::ReleaseResult& result) {
  // A run that was resumed may have had nothing left to write.
  const bool beside = prepared.by_canary || prepared.by_switch;
  if (beside && result.outcome == Outcome::kSucceeded) return engine::Version::kNew;
  // The only slot that there is.
  if (prepared.by_switch && result.state.slots.has_value() && result.state.slots->active.empty() &&
      result.written.has_value()) {
    return engine::Version::kNew;
  }
  const bool ours = job.planned.record.written.has_value();
  if (beside && ours && result.outcome == Outcome::kRolledBack) {
    return engine::Version::kPrevious;
  }
  return result.version;
}

// With which contents the new version's pods were started.
void NoteRestart(const Prepared& prepared, ReleaseRecord& record) {
  // A change that the plan did not know of yet is the next plan's.
  for (const auto& [name, hash] : prepared.contents) {
    const auto planned = record.contents.find(name);
    record.released_contents[name] = planned == record.contents.end() ? hash : planned->second;
  }
}

// Of a canary that stays: the state shows its version.
void SetPending(const ReleaseJob& job, const Prepared& prepared,
                const runner::ReleaseResult& result, WorkloadState& state) {
  PendingVersion pending;
  if (job.planned.record.pending.has_value()) {
    pending.stable_contents = job.planned.record.pending->stable_contents;
    pending.stable_trigger = job.planned.record.pending->stable_trigger;
  } else {
    pending.stable_contents = state.record.released_contents;
    const auto& trigger = job.prior->arguments.restart_trigger;
    if (trigger.is_known()) pending.stable_trigger = trigger.value();
  }
  pending.version = {job.planned.arguments.manifest.value(), job.planned.arguments.images,
                     prepared.declared};
  pending.weight = result.state.canary.weight;
  pending.step = result.state.canary.step_index + 1;
  state.arguments.manifest = pending.version.manifest;
  state.arguments.images = pending.version.images;
  state.record.pending = std::move(pending);
  NoteRestart(prepared, state.record);
  if (state.record.written.has_value()) return;
  // Imported, and nothing written yet: stable runs what was imported.
  state.record.written = prepared.before;
  state.record.recorded = kubernetes::ProjectNamedFields(prepared.before->workload, *prepared.live);
  state.record.imported = false;
}

// Nothing stays beside stable: what the state shows is what stable runs, and the next plan asks for
// everything else again.
void EndPending(const std::optional<engine::Version>& version, WorkloadState& state) {
  if (!state.record.pending.has_value()) return;
  const PendingVersion pending = *std::move(state.record.pending);
  state.record.pending.reset();
  if (version == engine::Version::kNew) return;
  state.record.released_contents = pending.stable_contents;
  state.arguments.restart_trigger = pending.stable_trigger.has_value()
                                        ? schema::Attr<std::string>(*pending.stable_trigger)
                                        : schema::Attr<std::string>();
  if (!state.record.written.has_value()) return;
  state.arguments.manifest = state.record.written->manifest;
  state.arguments.images = state.record.written->images;
}

// What plan needs to know of how it went.
void RecordVerdict(const ReleaseJob& job, const Prepared& prepared,
                   const runner::ReleaseResult& result,
                   const std::optional<engine::Version>& version, absl::Time now,
                   ReleaseRecord& record) {
  const bool beside = engine::IsOfCanary(result.state) || result.state.slots.has_value();
  const bool stands =
      beside && result.outcome == Outcome::kFailed && result.state.step != engine::Step::kDone;
  const bool open = result.outcome == Outcome::kInterrupted || result.outcome == Outcome::kHeld;
  record.open_identity = open || stands ? prepared.identity : "";
  if (result.outcome == Outcome::kRolledBack) {
    record.failed =
        FailedRelease{TemplateIdentity(prepared.declared), Timestamp(now),
                      FirstLineOf(result.reason), job.planned.arguments.retry_token.value_or("")};
  } else if (result.outcome == Outcome::kSucceeded) {
    record.failed.reset();
  }
  if (version == engine::Version::kNew) NoteRestart(prepared, record);
}

// The arguments after a release that is not done.
void KeepPrior(const ReleaseJob& job, const std::optional<engine::Version>& version,
               WorkloadState& state) {
  state.arguments.manifest = job.prior->arguments.manifest;
  state.arguments.images = job.prior->arguments.images;
  // So that the next plan asks for the restart again.
  if (version != engine::Version::kNew) {
    state.arguments.restart_trigger = job.prior->arguments.restart_trigger;
  }
}

int64_t ReadyPodsOf(const Connection& connection, const kubernetes::ObjectRef& ref,
                    const std::stop_token& stop) {
  const absl::StatusOr<Json> live = connection.api->Get(ref, stop);
  return live.ok() ? GetInt(kubernetes::Status(*live), "readyReplicas") : 0;
}

// What the canary gets: its weight, or its share of the ready pods where these are the share.
int64_t ShareOf(const Connection& connection, const Prepared& prepared, const engine::State& run,
                const std::stop_token& stop) {
  const bool by_pods =
      prepared.canary.has_value() &&
      std::holds_alternative<routing::ReplicasBackend>(prepared.canary->traffic.backend);
  if (!by_pods) return run.canary.weight;
  kubernetes::ObjectRef canary = prepared.ref;
  canary.name = prepared.canary->naming.deployment;
  const int64_t ready = ReadyPodsOf(connection, canary, stop);
  const int64_t all = ready + ReadyPodsOf(connection, prepared.ref, stop);
  return all == 0 ? 0 : (100 * ready + all / 2) / all;
}

// What the cluster has now, and what is good of it.
void SetFromCluster(const Connection& connection, const Prepared& prepared,
                    const runner::ReleaseResult& result, const std::stop_token& stop,
                    WorkloadState& state) {
  const Json written_workload =
      state.record.written.has_value() ? state.record.written->workload : Json();
  // The controller has written the revision since; one look serves every computed attribute.
  const absl::StatusOr<Json> live = connection.api->Get(ServingRef(prepared, result.state), stop);
  const Json& seen = live.ok() ? *live : result.written.has_value() ? *result.written : Json();
  const bool promoted_before =
      (prepared.by_canary || prepared.by_switch) && result.outcome == Outcome::kSucceeded;
  // Of a switch what was written is one slot, and what serves may be the other one.
  if (prepared.by_switch) {
    const bool another =
        promoted_before || state.record.recorded.empty() || result.state.slots->active.empty();
    if (another && seen.is_object() && written_workload.is_object()) {
      state.record.recorded = kubernetes::ProjectNamedFields(written_workload, seen);
      state.record.imported = false;
      state.record.drifted.clear();
    }
  } else if (result.written.has_value() || (promoted_before && seen.is_object())) {
    state.record.recorded = kubernetes::ProjectNamedFields(
        written_workload, result.written.has_value() ? *result.written : seen);
    state.record.imported = false;
    state.record.drifted.clear();
  }
  // A slot has a name of its own, which is nothing that the user has declared.
  if (prepared.blue_green.has_value() && state.record.recorded.contains("metadata")) {
    state.record.recorded["metadata"]["name"] = prepared.ref.name;
  }
  if (seen.is_object()) {
    state.record.generation = kubernetes::GenerationOf(seen);
    SetLiveResults(seen, written_workload,
                   state.record.good.has_value() ? state.record.good->workload : Json(),
                   state.results);
  }
  if (result.outcome == Outcome::kSucceeded) {
    state.record.good = state.record.written;
    state.record.legacy_managers.clear();
  } else if (prepared.of_somebody_else && !state.record.good.has_value()) {
    // The first release over what was there may yet go back to it.
    state.record.good = prepared.before;
  }
  state.results.last_good_images =
      ToImages(state.record.good.has_value() ? kubernetes::ImagesOf(state.record.good->workload)
                                             : kubernetes::StringMap());
}

std::string WhatWasDone(const ReleaseJob& job, const Prepared& prepared,
                        const runner::ReleaseResult& result) {
  const std::string what = prepared.ref.ToString();
  switch (result.outcome) {
    case Outcome::kRolledBack:
      return prepared.adopting
                 ? absl::StrCat(what, " was put back as it was before and is not recorded.")
                 : absl::StrCat("The previous version runs again (",
                                prepared.previous.has_value() ? ImagesText(*prepared.previous) : "",
                                "). The next plan shows the change again.");
    case Outcome::kRemoved:
      return absl::StrCat(what, " was removed again; nothing is left of it.");
    case Outcome::kRefused:
      return "Nothing was changed.";
    case Outcome::kFailed:
      if (job.on_failure == engine::OnFailure::kPause) {
        return absl::StrCat("The rollout of ", what,
                            " is paused where it is (on_failure = "
                            "\"pause\"). The next apply tries again.");
      }
      if (job.on_failure == engine::OnFailure::kKeep && prepared.by_switch) {
        return absl::StrCat("Slot ", result.state.slots->target, " of ", what,
                            " is left as it is (on_failure = \"keep\"). The next apply tries "
                            "again.");
      }
      if (job.on_failure == engine::OnFailure::kKeep) {
        return absl::StrCat(what,
                            " is left as it is (on_failure = \"keep\"). The next apply tries "
                            "again.");
      }
      if (job.on_failure == engine::OnFailure::kHold && prepared.by_canary) {
        return absl::StrCat("The canary of ", what, " stays ", PositionText(result.state),
                            " (on_failure = \"hold\"). The next apply measures that step again.");
      }
      if (job.on_failure == engine::OnFailure::kHold) {
        return absl::StrCat(what,
                            " is left as it is (on_failure = \"hold\"). The next apply tries "
                            "again.");
      }
      return absl::StrCat("Look at ", what, "; the next apply tries again.");
    case Outcome::kInterrupted:
      return absl::StrCat("It stopped at step \"", engine::StepName(result.step), "\"; ",
                          LeavesObject(job, prepared, result)
                              ? "the workload serves meanwhile"
                              : absl::StrCat(what, " was not created, as far as is known"),
                          ". Run apply again: it ",
                          job.planned.arguments.on_interrupt.value_or("resume") == "rollback"
                              ? "rolls back (on_interrupt = \"rollback\")."
                              : "goes on from there.");
    case Outcome::kSucceeded:
    case Outcome::kServing:
    case Outcome::kPaused:
    case Outcome::kHeld:
      break;
  }
  return "";
}

std::string Summary(const Prepared& prepared, Outcome outcome) {
  const std::string what = prepared.ref.ToString();
  switch (outcome) {
    case Outcome::kRolledBack:
      return absl::StrCat("Release of ", what, " failed and was rolled back");
    case Outcome::kRemoved:
      return absl::StrCat("First release of ", what, " failed and was removed");
    case Outcome::kRefused:
      return absl::StrCat("Release of ", what, " was refused");
    case Outcome::kInterrupted:
      return absl::StrCat("Release of ", what, " was interrupted");
    default:
      return absl::StrCat("Release of ", what, " failed");
  }
}

// A create that must not be an error: that would taint a workload which may serve, and the next
// apply would destroy it.
bool IsLeftOnPurpose(const ReleaseJob& job, const Prepared& prepared,
                     const runner::ReleaseResult& result) {
  if (job.prior.has_value() || !LeavesObject(job, prepared, result)) return false;
  return result.outcome == Outcome::kInterrupted ||
         (result.outcome == Outcome::kFailed && job.on_failure != engine::OnFailure::kRollback);
}

}  // namespace

bool LeavesObject(const ReleaseJob& job, const Prepared& prepared,
                  const runner::ReleaseResult& result) {
  if (job.prior.has_value()) return true;
  if (result.outcome == Outcome::kRemoved || result.outcome == Outcome::kRefused) return false;
  if (result.outcome == Outcome::kRolledBack) return false;
  // What was to be put back is not ours, even where that did not work.
  const bool failed_rollback =
      result.outcome == Outcome::kFailed && job.on_failure == engine::OnFailure::kRollback;
  const bool goes_back = failed_rollback || result.version == engine::Version::kPrevious;
  if (prepared.adopting && goes_back) return false;
  return prepared.live.has_value() || result.written.has_value();
}

WorkloadState StateAfter(const Connection& connection, Clock& clock, const ReleaseJob& job,
                         const Prepared& prepared, const runner::ReleaseResult& result,
                         const std::stop_token& stop) {
  WorkloadState state = job.planned;
  const bool done = result.outcome == Outcome::kSucceeded || result.outcome == Outcome::kPaused;
  const std::optional<engine::Version> version = VersionAfter(job, prepared, result);
  if (job.prior.has_value() && !done) KeepPrior(job, version, state);
  if (StaysOpen(job, result)) {
    SetPending(job, prepared, result, state);
    state.arguments.restart_trigger = job.planned.arguments.restart_trigger;
  } else {
    EndPending(version, state);
  }
  SetVersion(job, prepared, version, state);
  RecordVerdict(job, prepared, result, version, clock.Now(), state.record);
  SetFromCluster(connection, prepared, result, stop, state);
  if (result.state.slots.has_value()) NoteSlots(job, prepared, result, state.record);
  state.results.id = absl::StrCat(prepared.ref.namespace_name, "/", prepared.ref.name);
  const bool failed =
      result.outcome == Outcome::kFailed || PhaseOf(result.outcome) == phase::kRolledBack;
  state.results.failed_images =
      ToImages(failed ? kubernetes::ImagesOf(prepared.intent.workload) : kubernetes::StringMap());
  state.status = StatusOf(result, clock.Now());
  state.run = result.state;
  if (result.state.step != engine::Step::kDone && engine::IsOfCanary(result.state)) {
    state.position = result.state.canary.step_index + 1;
    state.share = ShareOf(connection, prepared, result.state, stop);
  }
  return state;
}

void Explain(const ReleaseJob& job, const Prepared& prepared, const runner::ReleaseResult& result,
             Diagnostics& diagnostics) {
  if (!result.store_status.ok()) {
    diagnostics.Warning({}, "The journal of the release could not be written",
                        std::string(result.store_status.message()));
  }
  if (!result.progress_status.ok()) {
    diagnostics.Warning({}, "The progress file could not be written",
                        absl::StrCat(std::string(result.progress_status.message()),
                                     ". The release went on without it."));
  }
  const bool as_asked = result.outcome == Outcome::kSucceeded ||
                        result.outcome == Outcome::kPaused || result.outcome == Outcome::kHeld;
  if (as_asked) return;
  const std::string detail = absl::StrCat(result.reason, result.reason.empty() ? "" : "\n\n",
                                          WhatWasDone(job, prepared, result));
  if (IsLeftOnPurpose(job, prepared, result)) {
    diagnostics.Warning(Path::Of("manifest"), Summary(prepared, result.outcome), detail);
  } else {
    diagnostics.Error(Path::Of("manifest"), Summary(prepared, result.outcome), detail);
  }
}

}  // namespace delivery::resources
