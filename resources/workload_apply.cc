#include "resources/workload_apply.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/journal.h"
#include "provider/runner/lease.h"
#include "provider/runner/release.h"
#include "provider/runner/slot_objects.h"
#include "resources/blue_green_setup.h"
#include "resources/canary_setup.h"
#include "resources/manifest_value.h"
#include "resources/preflight_images.h"
#include "resources/workload_change.h"
#include "resources/workload_prepare.h"
#include "resources/workload_refresh.h"
#include "resources/workload_verdict.h"

namespace delivery::resources {
namespace {

using engine::Outcome;
using value::Path;

PermissionNeeds NeedsOf(const ReleaseJob& job, const Prepared& prepared) {
  PermissionNeeds needs = resources::NeedsOf(job);
  needs.workload = prepared.live_ref;
  needs.creates = !prepared.live.has_value();
  needs.may_remove = needs.creates && job.on_failure == engine::OnFailure::kRollback;
  if (!prepared.canary.has_value() && !prepared.by_switch) needs.canary.reset();
  return needs;
}

engine::CanaryPlan CanaryPlanOf(const ReleaseJob& job, const Prepared& prepared) {
  engine::CanaryPlan plan = job.canary->plan;
  plan.has_match = !job.canary->match.empty();
  plan.share_by_replicas =
      std::holds_alternative<routing::ReplicasBackend>(prepared.canary->traffic.backend);
  plan.route_guards =
      routing::SharesService(prepared.canary->traffic.backend) && !plan.share_by_replicas;
  plan.checks_before_traffic = !job.canary->checks.before_traffic.empty();
  plan.checks_before_promotion = !job.canary->checks.before_promotion.empty();
  // Only of the run that was looked at.
  const std::optional<PendingVersion>& pending = job.planned.record.pending;
  if (pending.has_value() && prepared.open.has_value() &&
      prepared.open->state.identity == prepared.identity) {
    plan.abort_reason = pending->abort_reason;
  }
  return plan;
}

engine::Plan EnginePlan(const ReleaseJob& job, const Prepared& prepared) {
  const WorkloadArguments& arguments = job.planned.arguments;
  engine::Plan plan;
  plan.strategy = prepared.by_canary ? engine::Strategy::kCanary : engine::Strategy::kRolling;
  plan.first_release = !job.prior.has_value() && !prepared.adopting;
  plan.on_failure = job.on_failure;
  plan.on_interrupt = OnInterruptOf(arguments);
  plan.paused = job.paused;
  plan.has_checks = !prepared.checks.empty();
  plan.analysis = prepared.analysis;
  plan.progress_deadline = ProgressDeadline(arguments);
  plan.timeout = job.prior.has_value() ? UpdateTimeout(arguments, job.besides)
                                       : CreateTimeout(arguments, job.besides);
  plan.identity = prepared.identity;
  if (prepared.canary.has_value()) plan.canary = CanaryPlanOf(job, prepared);
  if (prepared.blue_green.has_value()) {
    plan.strategy = engine::Strategy::kBlueGreen;
    plan.blue_green = BlueGreenPlanOf(job, prepared);
  }
  return plan;
}

runner::MeasuringTarget MeasuringOf(const Connection& connection, const ReleaseJob& job,
                                    const Prepared& prepared) {
  runner::MeasuringTarget measuring;
  measuring.metrics = prepared.metrics;
  measuring.rules = prepared.analysis.metrics;
  measuring.interval = prepared.analysis.interval;
  if (prepared.canary.has_value()) {
    measuring.service = kubernetes::NameOf(prepared.canary->service);
  } else if (job.blue_green.has_value()) {
    measuring.service = job.blue_green->service;
  } else if (job.canary.has_value()) {
    measuring.service = routing::ServiceOf(job.canary->backend);
  }
  measuring.transport = connection.metric_transport;
  measuring.url_transport = connection.url_transport;
  return measuring;
}

runner::ReleaseRequest Request(const Connection& connection, const ReleaseJob& job,
                               const Prepared& prepared, engine::Plan plan) {
  runner::ReleaseRequest request;
  request.resource_type = job.resource_type;
  request.plan = std::move(plan);
  request.target.ref = prepared.ref;
  request.target.new_version = {prepared.intent.workload, prepared.intent.force,
                                prepared.intent.agreed, prepared.intent.take_over_legacy,
                                prepared.intent.kept};
  if (prepared.previous.has_value()) {
    request.target.previous_version =
        runner::WorkloadWrite{*prepared.previous, prepared.intent.force, prepared.intent.agreed,
                              prepared.intent.take_over_legacy, prepared.intent.kept};
  }
  request.progress_file = connection.progress_file.get();
  request.target.checks.checks = prepared.checks;
  request.target.checks.transport = connection.url_transport;
  request.target.measuring = MeasuringOf(connection, job, prepared);
  request.target.schedule_timeout = ScheduleTimeout(job.planned.arguments);
  request.canary = prepared.canary;
  request.blue_green = prepared.blue_green;
  if (prepared.blue_green.has_value()) request.owner = prepared.live_ref;
  if (prepared.live.has_value()) request.workload_uid = kubernetes::UidOf(*prepared.live);
  return request;
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
absl::Status Rehearse(const Connection& connection, const Prepared& prepared, absl::Time now,
                      const std::stop_token& stop) {
  const Json workload =
      prepared.blue_green.has_value()
          ? RehearsedSlot(*prepared.blue_green, prepared.by_switch, prepared.intent.workload)
          : prepared.intent.workload;
  std::vector<kubernetes::FieldPath> agreed = prepared.intent.agreed;
  // The size of a slot that does not serve is the release's, whoever set it.
  if (prepared.by_switch) agreed.push_back(kubernetes::FieldPath() / "spec" / "replicas");
  const runner::WorkloadWrite write{workload, prepared.intent.force, std::move(agreed),
                                    prepared.intent.take_over_legacy};
  if (connection.preflight_memory->TakeRehearsal(write, now)) return absl::OkStatus();
  const absl::Status refusal =
      runner::WriteWorkload(*connection.api, write, runner::WriteMode::kDryRun, stop).status();
  if (refusal.ok()) return refusal;
  return absl::Status(refusal.code(),
                      RefusalText(refusal, prepared.ref.namespace_name) + " Nothing was changed.");
}

// Everything that apply may be refused for, before the first write.
absl::Status Examine(const Connection& connection, Clock& clock, const ReleaseJob& job,
                     const Prepared& prepared, const std::stop_token& stop) {
  const absl::Status permitted = RequirePermissions(*connection.api, *connection.preflight_memory,
                                                    NeedsOf(job, prepared), clock.Now(), stop);
  if (!permitted.ok()) {
    return absl::PermissionDeniedError(
        absl::StrCat(std::string(permitted.message()), " Nothing was changed."));
  }
  // What is open already runs these images, or is taken back.
  const bool goes_on =
      prepared.open.has_value() && prepared.open->state.identity == prepared.identity;
  const absl::Status pullable =
      goes_on ? absl::OkStatus() : RequireImages(connection, prepared, stop);
  if (!pullable.ok()) return pullable;
  return Rehearse(connection, prepared, clock.Now(), stop);
}

// Whether the open run has left what serves as it was, and may go on beside it.
bool ServesBesideOpenRun(const Prepared& prepared) {
  if (!prepared.open.has_value() || prepared.open->state.identity != prepared.identity) {
    return false;
  }
  const engine::State& run = prepared.open->state;
  if (prepared.by_canary) {
    return !run.canary.stable_written && run.canary.teardown == engine::Teardown::kNone;
  }
  return prepared.by_switch && run.slots.has_value() && !run.slots->in_place &&
         !run.slots->switched && !run.slots->active.empty() &&
         run.slots->teardown == engine::Teardown::kNone;
}

// While a canary or an idle slot is open, what changes outside the pod template goes to what serves
// at once: nothing of the run decides on it.
absl::Status WriteRestToStable(const Connection& connection, Clock& clock, const ReleaseJob& job,
                               Prepared& prepared, ReleaseRecord& record,
                               const std::stop_token& stop) {
  if (!ServesBesideOpenRun(prepared) || !record.pending.has_value() ||
      !record.written.has_value()) {
    return absl::OkStatus();
  }
  const Json stable_template = kubernetes::PodTemplate(record.written->workload);
  const auto with_stable_template = [&](Json workload) {
    workload["spec"]["template"] = stable_template;
    return workload;
  };
  const bool drifted = std::any_of(
      prepared.intent.agreed.begin(), prepared.intent.agreed.end(), [](const auto& field) {
        return !(kubernetes::FieldPath() / "spec" / "template").Covers(field);
      });
  if (!drifted && !DiffersOutsideTemplate(record.written->workload, prepared.declared)) {
    return absl::OkStatus();
  }
  const bool slots = prepared.by_switch;
  Json stable_workload = with_stable_template(prepared.intent.workload);
  const runner::WorkloadWrite write{
      slots ? RehearsedSlot(*prepared.blue_green, /*by_switch=*/false, stable_workload)
            : stable_workload,
      prepared.intent.force, prepared.intent.agreed, prepared.intent.take_over_legacy};
  DELIVERY_ASSIGN_OR_RETURN(
      const auto lease, runner::Lease::Acquire(*connection.api, prepared.ref, clock, stop, stop));
  const auto written =
      runner::WriteWorkload(*connection.api, write, runner::WriteMode::kWrite, stop);
  if (!written.ok()) return written.status();
  WorkloadVersion& stable = *record.written;
  const value::Value& wanted = job.planned.arguments.manifest.value();
  stable.workload = with_stable_template(prepared.declared);
  stable.manifest = wanted.With(
      "spec", wanted.Get("spec").With("template", stable.manifest.Get("spec").Get("template")));
  const Json seen =
      slots ? runner::WorkloadOfSlot(written->object, job.blue_green->slot_label, prepared.ref.name)
            : written->object;
  record.recorded = kubernetes::ProjectNamedFields(stable.workload, seen);
  record.good = stable;
  record.drifted.clear();
  prepared.before = stable;
  prepared.live = written->object;
  prepared.previous = std::move(stable_workload);
  prepared.intent.agreed.clear();
  return absl::OkStatus();
}

// A workload that somebody deleted while its canary was open took the journal and the canary with
// it; the route still sends a share of the requests to nowhere.
void RestoreLostRoute(const Connection& connection, const ReleaseJob& job, const Prepared& prepared,
                      const std::stop_token& stop, Diagnostics& diagnostics) {
  if (job.prior.has_value() || !job.canary.has_value() || prepared.open.has_value()) return;
  routing::TrafficTarget traffic;
  traffic.backend = job.canary->backend;
  traffic.match = job.canary->match;
  traffic.namespace_name = prepared.ref.namespace_name;
  traffic.canary_service = CanaryNameOf(routing::ServiceOf(traffic.backend));
  const absl::StatusOr<std::vector<std::string>> restored =
      routing::MakeTrafficRouter(*connection.api, traffic)->RestoreLost(stop);
  if (!restored.ok()) {
    diagnostics.Warning(Path::Of("traffic"),
                        "It could not be told whether the route still has a canary",
                        std::string(restored.status().message()));
  }
  for (const std::string& object : restored.value_or(std::vector<std::string>())) {
    diagnostics.Warning(
        Path::Of("traffic"), absl::StrCat(object, " still sent requests to a canary"),
        absl::StrCat("A release of ", prepared.ref.ToString(),
                     " was open when somebody deleted the workload. What that release had added "
                     "to the route was removed."));
  }
}

ReleaseVerdict Refuse(const std::string& summary, const absl::Status& status) {
  ReleaseVerdict verdict;
  verdict.unchanged = true;
  verdict.diagnostics.Error(Path::Of("manifest"), summary, std::string(status.message()));
  return verdict;
}

}  // namespace

PermissionNeeds NeedsOf(const ReleaseJob& job) {
  PermissionNeeds needs = NeedsOf(job.planned.arguments);
  const auto metrics = ToMetrics(job.analysis, job.backend, std::nullopt);
  if (metrics.ok()) {
    for (const metrics::Metric& metric : *metrics) {
      const auto* prometheus = std::get_if<metrics::PrometheusMetric>(&metric.source);
      needs.service_proxy |= prometheus != nullptr && prometheus->server.service.has_value();
    }
  }
  if (job.blue_green.has_value()) AddNeedsOfSlots(job, needs);
  if (!job.canary.has_value()) return needs;
  const std::string service = routing::ServiceOf(job.canary->backend);
  needs.canary.emplace();
  needs.canary->makes_service = routing::NeedsCanaryService(job.canary->backend);
  // Those of the traffic are named relative to the workload's namespace.
  const auto ref = kubernetes::RefOf(ToPartialJson(job.planned.arguments.manifest.value()).json);
  needs.canary->deployment = CanaryNameOf(ref.name);
  needs.canary->routes = routing::ObjectsOf(job.canary->backend, ref.namespace_name);
  return needs;
}

bool ReleasesByCanary(const ReleaseJob& job, const Json& declared,
                      const std::string& open_identity) {
  if (!job.canary.has_value() || !job.prior.has_value()) return false;
  if (!open_identity.empty() && open_identity == TemplateIdentity(declared)) return true;
  const ReleaseRecord& record = job.planned.record;
  if (record.written.has_value() && record.good.has_value()) {
    return TemplateDiffers(record.written->workload, declared);
  }
  if (!record.imported) return false;
  const Json had = ToPartialJson(job.prior->arguments.manifest.value()).json;
  return TemplateDiffers(kubernetes::ProjectNamedFields(declared, had), declared);
}

std::function<int(int stable)> LargestCanaryOf(const ReleaseJob& job) {
  const bool by_replicas = std::holds_alternative<routing::ReplicasBackend>(job.canary->backend);
  return [steps = job.canary->plan.steps, by_replicas](int stable) {
    int largest = 0;
    for (const engine::CanaryStep& step : steps) {
      largest = std::max(largest, step.replicas.value_or(
                                      engine::CanaryReplicas(step.weight, stable, by_replicas)));
    }
    return largest;
  };
}

ReleaseVerdict ReleaseWorkload(const Connection& connection, Clock& clock, const ReleaseJob& asked,
                               const std::stop_token& stop) {
  ReleaseJob job = asked;
  kubernetes::Api& api = *connection.api;
  absl::StatusOr<Prepared> prepared = Prepare(connection, job, stop);
  if (!prepared.ok()) return Refuse("Release could not start", prepared.status());
  const std::string what = prepared->ref.ToString();
  if (prepared->live.has_value() && !job.prior.has_value()) {
    const absl::Status over = PrepareCreateOverExisting(connection, job, *prepared, stop);
    if (!over.ok()) return Refuse(absl::StrCat(what, " exists already"), over);
  }
  absl::Status examined = Examine(connection, clock, job, *prepared, stop);
  if (examined.ok()) {
    examined = WriteRestToStable(connection, clock, job, *prepared, job.planned.record, stop);
  }
  if (!examined.ok()) return Refuse(absl::StrCat("Release of ", what, " was refused"), examined);
  ReleaseVerdict verdict;
  RestoreLostRoute(connection, job, *prepared, stop, verdict.diagnostics);
  absl::StatusOr<runner::ReleaseResult> result = runner::RunRelease(
      api, clock, Request(connection, job, *prepared, EnginePlan(job, *prepared)), stop);
  if (!result.ok()) {
    return Refuse(absl::StrCat("Release of ", what, " could not start"), result.status());
  }
  EndWithItsNamespace(job, *prepared, *result);
  const bool released =
      result->outcome == Outcome::kSucceeded || result->outcome == Outcome::kPaused;
  if (released && prepared->intent.take_over_legacy) {
    const absl::Status taken = runner::EndCoOwnership(api, prepared->live_ref, stop);
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

absl::Status TakeBackCanary(const Connection& connection, Clock& clock, const ReleaseJob& job,
                            const kubernetes::ObjectRef& ref, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(auto found, runner::LoadJournal(*connection.api, ref, stop));
  // Without a record of the route nothing was made yet.
  if (!found.has_value() || !job.canary.has_value() || !engine::IsOfCanary(found->state) ||
      found->state.canary.route_record.is_null() || found->state.step == engine::Step::kDone) {
    return absl::OkStatus();
  }
  absl::StatusOr<Json> live = connection.api->Get(ref, stop);
  if (absl::IsNotFound(live.status())) return absl::OkStatus();
  if (!live.ok()) return live.status();
  const ReleaseRecord& record = job.planned.record;
  Prepared prepared;
  prepared.ref = prepared.live_ref = ref;
  prepared.by_canary = true;
  prepared.identity = found->state.identity;
  const Json stable =
      record.written.has_value() ? record.written->workload : WithoutServerFields(*live);
  prepared.intent.workload = record.pending.has_value() ? record.pending->version.workload : stable;
  prepared.previous = stable;
  prepared.live = *std::move(live);
  DELIVERY_ASSIGN_OR_RETURN(prepared.canary,
                            SetUpCanary({connection, *job.canary, prepared.intent.workload,
                                         *prepared.live, CanarySetup::Purpose::kTakeBack},
                                        stop));
  engine::Plan plan = EnginePlan(job, prepared);
  plan.on_failure = engine::OnFailure::kRollback;
  plan.canary.abort_reason = "the resource is destroyed";
  DELIVERY_ASSIGN_OR_RETURN(
      const runner::ReleaseResult result,
      runner::RunRelease(*connection.api, clock, Request(connection, job, prepared, plan), stop));
  if (result.outcome == Outcome::kRolledBack || result.outcome == Outcome::kSucceeded) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the open canary could not be taken back: ", result.reason));
}

}  // namespace delivery::resources
