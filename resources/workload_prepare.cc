#include "resources/workload_prepare.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "resources/blue_green_setup.h"
#include "resources/canary_setup.h"
#include "resources/manifest_value.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

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
  // A slot has a name of its own.
  named["metadata"]["name"] = kubernetes::NameOf(prepared.declared);
  return {value::FromPlainJson(named), images, std::move(named)};
}

// An imported version as the state has it: the refresh keeps that when a run of ours is open, which
// has changed the live object since.
WorkloadVersion ImportedVersion(const Prepared& prepared, const WorkloadState& prior) {
  Json named = kubernetes::ProjectNamedFields(prepared.declared,
                                              ToPartialJson(prior.arguments.manifest.value()).json);
  return {value::FromPlainJson(named), prior.arguments.images, std::move(named)};
}

// Whether stable runs the version of another release already, which has not cleaned up yet.
bool IsPromotedElsewhere(const Prepared& prepared) {
  return prepared.open.has_value() && engine::IsOfCanary(prepared.open->state) &&
         prepared.open->state.canary.teardown == engine::Teardown::kPromoted &&
         prepared.open->state.identity != prepared.identity;
}

// That version. A process that was killed has not recorded it.
WorkloadVersion PromotedVersion(const Prepared& prepared, const ReleaseRecord& record) {
  const std::string& identity = prepared.open->state.identity;
  if (record.written.has_value() && TemplateIdentity(record.written->workload) == identity) {
    return *record.written;
  }
  if (record.pending.has_value() &&
      TemplateIdentity(record.pending->version.workload) == identity) {
    return record.pending->version;
  }
  return VersionOf(prepared, {});
}

// `workload` with the live values that an update keeps.
Json KeptOver(const Prepared& prepared, const Json& workload) {
  WriteIntent intent = prepared.intent;
  intent.workload = workload;
  KeepLiveValues(*prepared.live, intent);
  return std::move(intent.workload);
}

void AppendName(std::string* text, const kubernetes::ObjectRef& ref) {
  absl::StrAppend(text, ref.ToString());
}

// An unfinished run, where it may have put something beside the workload.
absl::Status FindRun(const Connection& connection, const ReleaseJob& job, Prepared& prepared,
                     const std::stop_token& stop) {
  if (!job.canary.has_value() && !job.blue_green.has_value()) return absl::OkStatus();
  DELIVERY_ASSIGN_OR_RETURN(auto entry, runner::LoadJournal(*connection.api, prepared.ref, stop));
  if (entry.has_value() && entry->state.step != engine::Step::kDone) {
    prepared.open = *std::move(entry);
  }
  return absl::OkStatus();
}

absl::Status ChooseStrategy(const ReleaseJob& job, Prepared& prepared) {
  if (job.blue_green.has_value()) {
    const bool begun = prepared.open.has_value() && prepared.open->state.slots.has_value();
    prepared.by_switch =
        ReleasesBySwitch(job, prepared.declared, begun ? prepared.open->state.identity : "");
    if (prepared.by_switch) prepared.identity = TemplateIdentity(prepared.declared);
    return absl::OkStatus();
  }
  if (!job.canary.has_value()) return absl::OkStatus();
  const bool open = prepared.open.has_value() && engine::IsOfCanary(prepared.open->state);
  prepared.by_canary =
      ReleasesByCanary(job, prepared.declared, open ? prepared.open->state.identity : "");
  if (prepared.by_canary) prepared.identity = TemplateIdentity(prepared.declared);
  return absl::OkStatus();
}

// A rollout has no second version to compare with: absolute thresholds decide.
void LeaveOutComparisons(Prepared& prepared) {
  std::vector<analysis::Rule>& rules = prepared.analysis.metrics;
  for (size_t i = rules.size(); i > 0; --i) {
    analysis::Rule& rule = rules[i - 1];
    rule.max_ratio_to_stable.reset();
    rule.compare.reset();
    if (rule.min.has_value() || rule.max.has_value()) continue;
    rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(i - 1));
    prepared.metrics.erase(prepared.metrics.begin() + static_cast<std::ptrdiff_t>(i - 1));
  }
}

// Checks and metrics.
absl::Status PrepareJudges(const Connection& connection, const ReleaseJob& job, Prepared& prepared,
                           const std::stop_token& stop) {
  const CheckBlocks& blocks = job.planned.arguments.check;
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<checks::Check> all, ToChecks(blocks));
  DELIVERY_ASSIGN_OR_RETURN(
      const std::vector<kubernetes::ObjectRef> services,
      MissingServices(*connection.api, prepared.ref.namespace_name, all, stop));
  if (!services.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "a check asks what does not exist: ", absl::StrJoin(services, ", ", AppendName),
        ". Create it first, or correct check.http.service. Nothing was changed."));
  }
  // A first release has no other moments: every check decides on it once it runs.
  const bool split = job.canary.has_value() && job.prior.has_value();
  prepared.checks = split ? job.canary->checks.after_promotion : all;
  // Of a slot there are two moments from the first release on.
  if (job.blue_green.has_value()) prepared.checks = job.blue_green->after_promotion;
  prepared.analysis = ToAnalysisPlan(job.analysis, job.no_data_passes);
  absl::StatusOr<std::vector<metrics::Metric>> metrics =
      ToMetrics(job.analysis, job.backend, connection.prometheus);
  if (!metrics.ok()) {
    return absl::Status(
        metrics.status().code(),
        absl::StrCat(std::string(metrics.status().message()), " Nothing was changed."));
  }
  prepared.metrics = *std::move(metrics);
  if (!prepared.by_canary) LeaveOutComparisons(prepared);
  return absl::OkStatus();
}

// What a canary is made of, and whether it can be; what an open one was made of, where it is to be
// taken back.
absl::Status PrepareCanary(const Connection& connection, const ReleaseJob& job, Prepared& prepared,
                           const std::stop_token& stop) {
  const bool open = prepared.open.has_value() && engine::IsOfCanary(prepared.open->state);
  if (!prepared.by_canary && !open) return absl::OkStatus();
  const auto purpose = open ? CanarySetup::Purpose::kGoOn : CanarySetup::Purpose::kBegin;
  const CanarySetup setup{connection, *job.canary, prepared.intent.workload, *prepared.live,
                          purpose};
  DELIVERY_ASSIGN_OR_RETURN(runner::CanaryTarget canary, SetUpCanary(setup, stop));
  prepared.canary = std::move(canary);
  return absl::OkStatus();
}

absl::Status PrepareSlots(const Connection& connection, const ReleaseJob& job, Prepared& prepared,
                          const std::stop_token& stop) {
  if (!job.blue_green.has_value()) return absl::OkStatus();
  // What exists and is no slot of ours is said by whoever looks at that.
  if (!job.prior.has_value() && prepared.live.has_value() && !prepared.open.has_value()) {
    return absl::OkStatus();
  }
  DELIVERY_ASSIGN_OR_RETURN(runner::BlueGreenTarget slots,
                            SetUpBlueGreen(connection, job, prepared, stop));
  prepared.blue_green = std::move(slots);
  return absl::OkStatus();
}

}  // namespace

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
  prepared.ref = prepared.live_ref = kubernetes::RefOf(prepared.intent.workload);
  DELIVERY_RETURN_IF_ERROR(FindRun(connection, job, prepared, stop));
  if (job.blue_green.has_value()) prepared.live_ref = ServingSlotRef(job, prepared);

  absl::StatusOr<Json> live = connection.api->Get(prepared.live_ref, stop);
  if (live.ok()) {
    prepared.live = *std::move(live);
  } else if (!absl::IsNotFound(live.status())) {
    return live.status();
  }
  if (job.prior.has_value() && !prepared.live.has_value() &&
      !HasOtherSlot(connection, job, prepared, stop)) {
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
  prepared.identity = RunIdentityOf(prepared.intent);
  prepared.declared = prepared.intent.workload;
  DELIVERY_RETURN_IF_ERROR(ChooseStrategy(job, prepared));
  DELIVERY_RETURN_IF_ERROR(PrepareJudges(connection, job, prepared, stop));
  if (!job.prior.has_value()) {
    DELIVERY_RETURN_IF_ERROR(PrepareSlots(connection, job, prepared, stop));
    return prepared;
  }
  // A slot that serves and was deleted is written anew.
  const Json nothing = {{"metadata", Json::object()}, {"spec", Json::object()}};
  const bool missing = !prepared.live.has_value();
  if (missing) prepared.live = nothing;
  // Nothing has succeeded yet. Imported: what runs now, or ran when an open run began. Otherwise:
  // what was written before.
  prepared.of_somebody_else = record.imported;
  prepared.before = IsPromotedElsewhere(prepared) ? PromotedVersion(prepared, record)
                    : record.good.has_value()     ? *record.good
                    : record.imported             ? ImportedVersion(prepared, *job.prior)
                                      : VersionOf(prepared, job.prior->arguments.images);
  prepared.previous = KeptOver(prepared, prepared.before->workload);
  prepared.intent.workload = prepared.declared;
  KeepLiveValues(*prepared.live, prepared.intent);
  if (missing) prepared.live.reset();
  DELIVERY_RETURN_IF_ERROR(PrepareCanary(connection, job, prepared, stop));
  DELIVERY_RETURN_IF_ERROR(PrepareSlots(connection, job, prepared, stop));
  return prepared;
}

absl::Status PrepareCreateOverExisting(const Connection& connection, const ReleaseJob& job,
                                       Prepared& prepared, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const bool own,
                            IsOwnUnfinishedCreate(*connection.api, job, prepared, stop));
  if (own) return absl::OkStatus();
  if (job.blue_green.has_value()) {
    return absl::AlreadyExistsError(absl::StrCat(
        prepared.live_ref.ToString(), " exists already, and this resource does not manage it. ",
        "Where both slots are those of an earlier blue-green release, import them (id \"",
        ImportId(prepared.ref), "\"); otherwise delete or rename it. Nothing was changed."));
  }
  if (!job.planned.arguments.adopt_existing.value_or(false)) return ExistsAlready(prepared.ref);
  prepared.adopting = true;
  prepared.of_somebody_else = true;
  prepared.before = VersionOf(prepared, {});
  prepared.previous = prepared.before->workload;
  prepared.intent.workload = KeptOver(prepared, prepared.declared);
  return absl::OkStatus();
}

}  // namespace delivery::resources
