#include "resources/workload_apply.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/journal.h"
#include "provider/runner/release.h"
#include "resources/manifest_value.h"
#include "resources/preflight_images.h"
#include "resources/preflight_permissions.h"
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

void AppendName(std::string* text, const kubernetes::ObjectRef& ref) {
  absl::StrAppend(text, ref.ToString());
}

// Everything a release works with, gathered before the first write.
struct Prepared {
  kubernetes::ObjectRef ref;
  Json declared;             // what the user asks for
  WriteIntent intent;        // what is written: the same, but for live values that are kept
  std::optional<Json> live;  // the object as it is, nullopt when there is none
  std::optional<WorkloadVersion> before;  // what is released over, as it is recorded
  std::optional<Json> previous;           // what a rollback writes
  bool adopting = false;
  bool of_somebody_else = false;  // `before` was made by others: imported or adopted
  std::vector<checks::Check> checks;
  ContentHashes contents;  // of what restart_on names
  std::string identity;    // of the run: the same for the apply that resumes it
};

absl::Status ExistsAlready(const kubernetes::ObjectRef& ref) {
  return absl::AlreadyExistsError(absl::StrCat(
      ref.ToString(), " exists already, and this resource does not manage it. Import it (id \"",
      ImportId(ref), "\"), or set adopt_existing = true to release over it. Nothing was changed."));
}

// Whether the object found by a create is what a killed create of this very release left.
absl::StatusOr<bool> IsOwnUnfinishedCreate(kubernetes::Api& api, const ReleaseJob& job,
                                           const Prepared& prepared, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const auto entry, runner::LoadJournal(api, prepared.ref, stop));
  return entry.has_value() && entry->state.step != engine::Step::kDone &&
         entry->state.first_release && entry->resource_type == job.resource_type &&
         entry->state.identity == prepared.identity;
}

// A version that was not released by us: what the live object has of the fields that are named.
WorkloadVersion VersionOf(const Prepared& prepared, const schema::Attr<Images>& images) {
  Json named = kubernetes::ProjectNamedFields(prepared.declared, *prepared.live);
  return {value::FromPlainJson(named), images, std::move(named)};
}

// An imported version as the state has it: the refresh keeps that when a run of ours is open, which
// has changed the live object since.
WorkloadVersion ImportedVersion(const Prepared& prepared, const WorkloadState& prior) {
  Json named = kubernetes::ProjectNamedFields(prepared.declared,
                                              ToPartialJson(prior.arguments.manifest.value()).json);
  return {value::FromPlainJson(named), prior.arguments.images, std::move(named)};
}

// `workload` with the live values that an update keeps.
Json KeptOver(const Prepared& prepared, const Json& workload) {
  WriteIntent intent = prepared.intent;
  intent.workload = workload;
  KeepLiveValues(*prepared.live, intent);
  return std::move(intent.workload);
}

absl::StatusOr<Prepared> Prepare(const Connection& connection, const ReleaseJob& job,
                                 const std::stop_token& stop) {
  Prepared prepared;
  const WorkloadArguments& arguments = job.planned.arguments;
  const std::string namespace_name =
      job.prior.has_value() ? NamespaceOfId(job.prior->results.id.value())
                            : NamespaceOf(arguments.manifest.value(), connection.default_namespace)
                                  .value_or(connection.default_namespace);
  if (job.prior.has_value() &&
      IdentityChanged(arguments.manifest.value(), job.prior->arguments.manifest.value(),
                      namespace_name)) {
    return absl::FailedPreconditionError(
        "Kind, API group, namespace, name or selector of the workload changed, which was not known "
        "when this was planned: the workload has to be replaced. Nothing was changed; plan again.");
  }
  const ReleaseRecord& record = job.planned.record;
  const IntentInput input{&arguments, job.prior.has_value() ? &job.prior->arguments : nullptr,
                          &record, namespace_name, job.paused};
  DELIVERY_ASSIGN_OR_RETURN(prepared.intent, IntentOf(input));
  prepared.ref = kubernetes::RefOf(prepared.intent.workload);

  absl::StatusOr<Json> live = connection.api->Get(prepared.ref, stop);
  if (live.ok()) {
    prepared.live = *std::move(live);
  } else if (!absl::IsNotFound(live.status())) {
    return live.status();
  }
  if (job.prior.has_value() && !prepared.live.has_value()) {
    return absl::NotFoundError(absl::StrCat(prepared.ref.ToString(),
                                            " was deleted after the plan was made. Nothing was "
                                            "changed; plan again to create it anew."));
  }
  const auto refusal =
      RetryRefusal(prepared.intent.workload, job.retry, arguments.retry_token.value_or(""), record);
  if (refusal.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(*refusal, " Nothing was changed."));
  }
  DELIVERY_ASSIGN_OR_RETURN(const ContentLook look, LookAtContents(*connection.api, namespace_name,
                                                                   arguments.restart_on, stop));
  if (!look.missing.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "restart_on names what does not exist: ", absl::StrJoin(look.missing, ", ", AppendName),
        ". Create it first, or correct restart_on. Nothing was changed."));
  }
  prepared.contents = look.hashes;
  DELIVERY_ASSIGN_OR_RETURN(prepared.checks, ToChecks(arguments.check));
  DELIVERY_ASSIGN_OR_RETURN(
      const std::vector<kubernetes::ObjectRef> services,
      MissingServices(*connection.api, namespace_name, prepared.checks, stop));
  if (!services.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "a check asks what does not exist: ", absl::StrJoin(services, ", ", AppendName),
        ". Create it first, or correct check.http.service. Nothing was changed."));
  }
  prepared.identity = RunIdentityOf(prepared.intent);
  prepared.declared = prepared.intent.workload;
  if (!job.prior.has_value()) return prepared;
  // Nothing has succeeded yet. Imported: what runs now, or ran when an open run began. Otherwise:
  // what was written before.
  prepared.of_somebody_else = record.imported;
  prepared.before = record.good.has_value() ? *record.good
                    : record.imported       ? ImportedVersion(prepared, *job.prior)
                                            : VersionOf(prepared, job.prior->arguments.images);
  prepared.previous = KeptOver(prepared, prepared.before->workload);
  prepared.intent.workload = KeptOver(prepared, prepared.declared);
  return prepared;
}

// A first release over an existing object: its own unfinished one, an adoption, or an error.
absl::Status PrepareCreateOverExisting(const Connection& connection, const ReleaseJob& job,
                                       Prepared& prepared, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const bool own,
                            IsOwnUnfinishedCreate(*connection.api, job, prepared, stop));
  if (own) return absl::OkStatus();
  if (!job.planned.arguments.adopt_existing.value_or(false)) return ExistsAlready(prepared.ref);
  prepared.adopting = true;
  prepared.of_somebody_else = true;
  prepared.before = VersionOf(prepared, {});
  prepared.previous = prepared.before->workload;
  prepared.intent.workload = KeptOver(prepared, prepared.declared);
  return absl::OkStatus();
}

PermissionNeeds NeedsOf(const ReleaseJob& job, const Prepared& prepared) {
  PermissionNeeds needs = resources::NeedsOf(job.planned.arguments);
  needs.workload = prepared.ref;
  needs.creates = !prepared.live.has_value();
  needs.may_remove = needs.creates && job.on_failure == engine::OnFailure::kRollback;
  return needs;
}

engine::Plan EnginePlan(const ReleaseJob& job, const Prepared& prepared) {
  const WorkloadArguments& arguments = job.planned.arguments;
  engine::Plan plan;
  plan.first_release = !job.prior.has_value() && !prepared.adopting;
  plan.on_failure = job.on_failure;
  plan.on_interrupt = OnInterruptOf(arguments);
  plan.paused = job.paused;
  plan.has_checks = !prepared.checks.empty();
  plan.progress_deadline = ProgressDeadline(arguments);
  plan.timeout = job.prior.has_value() ? UpdateTimeout(arguments) : CreateTimeout(arguments);
  plan.identity = prepared.identity;
  return plan;
}

runner::ReleaseRequest Request(const Connection& connection, const ReleaseJob& job,
                               const Prepared& prepared, engine::Plan plan) {
  runner::ReleaseRequest request;
  request.resource_type = job.resource_type;
  request.plan = std::move(plan);
  request.target.ref = prepared.ref;
  request.target.new_version = {prepared.intent.workload, prepared.intent.force,
                                prepared.intent.agreed, prepared.intent.take_over_legacy};
  if (prepared.previous.has_value()) {
    request.target.previous_version =
        runner::WorkloadWrite{*prepared.previous, prepared.intent.force, prepared.intent.agreed,
                              prepared.intent.take_over_legacy};
  }
  request.progress_file = connection.progress_file.get();
  request.target.checks.checks = prepared.checks;
  request.target.checks.transport = connection.url_transport;
  request.target.schedule_timeout = ScheduleTimeout(job.planned.arguments);
  if (prepared.live.has_value()) request.workload_uid = kubernetes::UidOf(*prepared.live);
  return request;
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
      return phase::kSucceeded;
    case Outcome::kRolledBack:
    case Outcome::kRemoved:
    case Outcome::kRefused:
      return phase::kRolledBack;
    case Outcome::kInterrupted:
      return phase::kInterrupted;
    case Outcome::kPaused:
      return phase::kPaused;
    case Outcome::kFailed:
      break;
  }
  return phase::kFailed;
}

std::string FirstLineOf(const std::string& text) { return text.substr(0, text.find('\n')); }

void SetStatus(const runner::ReleaseResult& result, absl::Time now, ReleaseStatus& status) {
  status.phase = PhaseOf(result.outcome);
  status.message = result.outcome == Outcome::kSucceeded ? std::string("release complete")
                   : result.outcome == Outcome::kPaused
                       ? std::string("written; the rollout is held (paused = true)")
                       : FirstLineOf(result.reason);
  if (result.outcome == Outcome::kInterrupted) {
    status.message =
        absl::StrCat("stopped at step \"", engine::StepName(result.step), "\"; apply goes on",
                     result.reason.empty() ? "" : ": ", FirstLineOf(result.reason));
  }
  status.started_at = Timestamp(result.started_at);
  status.finished_at = result.outcome == Outcome::kInterrupted
                           ? schema::Attr<std::string>()
                           : schema::Attr<std::string>(Timestamp(now));
}

// What plan needs to know of how it went.
void RecordVerdict(const ReleaseJob& job, const Prepared& prepared,
                   const runner::ReleaseResult& result, absl::Time now, ReleaseRecord& record) {
  const bool written_new = result.version == engine::Version::kNew;
  record.open_identity = result.outcome == Outcome::kInterrupted ? prepared.identity : "";
  if (result.outcome == Outcome::kRolledBack) {
    record.failed =
        FailedRelease{TemplateIdentity(prepared.declared), Timestamp(now),
                      FirstLineOf(result.reason), job.planned.arguments.retry_token.value_or("")};
  } else if (result.outcome == Outcome::kSucceeded) {
    record.failed.reset();
  }
  if (!written_new) return;
  // A change that the plan did not know of yet is the next plan's.
  for (const auto& [name, hash] : prepared.contents) {
    const auto planned = record.contents.find(name);
    record.released_contents[name] = planned == record.contents.end() ? hash : planned->second;
  }
}

// The state after a run that the cluster still has an object of.
WorkloadState StateAfter(const Connection& connection, Clock& clock, const ReleaseJob& job,
                         const Prepared& prepared, const runner::ReleaseResult& result,
                         const std::stop_token& stop) {
  WorkloadState state = job.planned;
  const bool done = result.outcome == Outcome::kSucceeded || result.outcome == Outcome::kPaused;
  if (job.prior.has_value() && !done) {
    state.arguments.manifest = job.prior->arguments.manifest;
    state.arguments.images = job.prior->arguments.images;
    // So that the next plan asks for the restart again.
    if (result.version != engine::Version::kNew) {
      state.arguments.restart_trigger = job.prior->arguments.restart_trigger;
    }
  }
  SetVersion(job, prepared, result.version, state);
  RecordVerdict(job, prepared, result, clock.Now(), state.record);
  const Json written_workload =
      state.record.written.has_value() ? state.record.written->workload : Json();
  if (result.written.has_value()) {
    state.record.recorded = kubernetes::ProjectNamedFields(written_workload, *result.written);
    state.record.imported = false;
    state.record.drifted.clear();
  }
  // The controller has written the revision since; one look serves every computed attribute.
  const absl::StatusOr<Json> live = connection.api->Get(prepared.ref, stop);
  const Json& seen = live.ok() ? *live : result.written.has_value() ? *result.written : Json();
  if (seen.is_object()) {
    state.record.generation = kubernetes::GenerationOf(seen);
    SetLiveResults(seen, written_workload,
                   state.record.good.has_value() ? state.record.good->workload : Json(),
                   state.results);
  }
  if (result.outcome == Outcome::kSucceeded) {
    state.record.good = state.record.written;
  } else if (prepared.of_somebody_else && !state.record.good.has_value()) {
    // The first release over what was there may yet go back to it.
    state.record.good = prepared.before;
  }
  state.results.id = absl::StrCat(prepared.ref.namespace_name, "/", prepared.ref.name);
  state.results.last_good_images =
      ToImages(state.record.good.has_value() ? kubernetes::ImagesOf(state.record.good->workload)
                                             : kubernetes::StringMap());
  const bool failed = !done && result.outcome != Outcome::kInterrupted;
  state.results.failed_images =
      ToImages(failed ? kubernetes::ImagesOf(prepared.intent.workload) : kubernetes::StringMap());
  ReleaseStatus status;
  SetStatus(result, clock.Now(), status);
  state.results.status = std::move(status);
  return state;
}

// Whether there is anything that must be recorded.
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
      if (job.on_failure == engine::OnFailure::kKeep) {
        return absl::StrCat(what,
                            " is left as it is (on_failure = \"keep\"). The next apply tries "
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
    case Outcome::kPaused:
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
  if (result.outcome == Outcome::kSucceeded || result.outcome == Outcome::kPaused) return;
  const std::string detail = absl::StrCat(result.reason, result.reason.empty() ? "" : "\n\n",
                                          WhatWasDone(job, prepared, result));
  if (IsLeftOnPurpose(job, prepared, result)) {
    diagnostics.Warning(Path::Of("manifest"), Summary(prepared, result.outcome), detail);
  } else {
    diagnostics.Error(Path::Of("manifest"), Summary(prepared, result.outcome), detail);
  }
}

// A first release whose namespace somebody deletes goes with it: the journal cannot be kept, and
// there will be nothing to record.
void EndWithItsNamespace(const ReleaseJob& job, const Prepared& prepared,
                         runner::ReleaseResult& result) {
  const bool ends = absl::StrContains(std::string(result.store_status.message()),
                                      "because it is being terminated");
  if (job.prior.has_value() || result.outcome != Outcome::kInterrupted || !ends) return;
  result.outcome = Outcome::kRemoved;
  result.reason = absl::StrCat("namespace \"", prepared.ref.namespace_name,
                               "\" is being deleted, and everything in it");
  result.store_status = absl::OkStatus();
}

// Images that no node could pull, as far as registries tell. A release that goes on where it was
// interrupted runs them already.
absl::Status RequireImages(const Connection& connection, const Prepared& prepared,
                           const std::stop_token& stop) {
  if (connection.preflight == Preflight::kOff) return absl::OkStatus();
  std::vector<ImageProblem> problems =
      FindImageProblems(connection, prepared.intent.workload, prepared.live.value_or(Json()),
                        prepared.ref.namespace_name, stop);
  std::erase_if(problems, [](const ImageProblem& one) { return !one.certain; });
  if (problems.empty()) return absl::OkStatus();
  std::string text;
  for (const ImageProblem& problem : problems) {
    absl::StrAppend(&text, "the image of container \"", problem.container,
                    "\" cannot be pulled: ", problem.image, ": ", problem.what, ".\n");
  }
  return absl::FailedPreconditionError(
      absl::StrCat(text,
                   "Push it first, or correct images or the manifest; preflight = \"off\" leaves "
                   "it to the cluster. Nothing was changed."));
}

// So that a refusal is known before anything is written. Not a second time when the host's last
// plan has just done it.
absl::Status Rehearse(const Connection& connection, const runner::WorkloadWrite& write,
                      absl::Time now, const std::stop_token& stop) {
  if (connection.preflight_memory->TakeRehearsal(write, now)) return absl::OkStatus();
  return runner::WriteWorkload(*connection.api, write, runner::WriteMode::kDryRun, stop).status();
}

ReleaseVerdict Refuse(const std::string& summary, const absl::Status& status) {
  ReleaseVerdict verdict;
  verdict.unchanged = true;
  verdict.diagnostics.Error(Path::Of("manifest"), summary, std::string(status.message()));
  return verdict;
}

}  // namespace

ReleaseVerdict ReleaseWorkload(const Connection& connection, Clock& clock, const ReleaseJob& job,
                               const std::stop_token& stop) {
  kubernetes::Api& api = *connection.api;
  absl::StatusOr<Prepared> prepared = Prepare(connection, job, stop);
  if (!prepared.ok()) return Refuse("Release could not start", prepared.status());
  const std::string what = prepared->ref.ToString();
  if (prepared->live.has_value() && !job.prior.has_value()) {
    const absl::Status over = PrepareCreateOverExisting(connection, job, *prepared, stop);
    if (!over.ok()) return Refuse(absl::StrCat(what, " exists already"), over);
  }
  const absl::Status permitted = RequirePermissions(api, *connection.preflight_memory,
                                                    NeedsOf(job, *prepared), clock.Now(), stop);
  if (!permitted.ok()) {
    return Refuse(absl::StrCat("Release of ", what, " was refused"),
                  absl::PermissionDeniedError(
                      absl::StrCat(std::string(permitted.message()), " Nothing was changed.")));
  }
  const absl::Status pullable = RequireImages(connection, *prepared, stop);
  if (!pullable.ok()) return Refuse(absl::StrCat("Release of ", what, " was refused"), pullable);
  const runner::WorkloadWrite write{prepared->intent.workload, prepared->intent.force,
                                    prepared->intent.agreed, prepared->intent.take_over_legacy};
  const absl::Status rehearsal = Rehearse(connection, write, clock.Now(), stop);
  if (!rehearsal.ok()) {
    const absl::Status refused(
        rehearsal.code(),
        RefusalText(rehearsal, prepared->ref.namespace_name) + " Nothing was changed.");
    return Refuse(absl::StrCat("Release of ", what, " was refused"), refused);
  }
  absl::StatusOr<runner::ReleaseResult> result = runner::RunRelease(
      api, clock, Request(connection, job, *prepared, EnginePlan(job, *prepared)), stop);
  if (!result.ok()) {
    return Refuse(absl::StrCat("Release of ", what, " could not start"), result.status());
  }
  EndWithItsNamespace(job, *prepared, *result);
  ReleaseVerdict verdict;
  const bool released =
      result->outcome == Outcome::kSucceeded || result->outcome == Outcome::kPaused;
  if (released && prepared->intent.take_over_legacy) {
    const absl::Status taken = runner::EndCoOwnership(api, prepared->ref, stop);
    if (!taken.ok()) {
      verdict.diagnostics.Warning(Path::Of("manifest"), "Fields are still held by other tools too",
                                  absl::StrCat("What leaves the manifest may stay in the cluster: ",
                                               std::string(taken.message())));
    }
  }
  Explain(job, *prepared, *result, verdict.diagnostics);
  if (result->outcome == Outcome::kRefused) {
    verdict.unchanged = true;
  } else if (LeavesObject(job, *prepared, *result)) {
    std::stop_source grace;  // the last look must not fail because a stop was requested
    verdict.state = StateAfter(connection, clock, job, *prepared, *result, grace.get_token());
  }
  return verdict;
}

}  // namespace delivery::resources
