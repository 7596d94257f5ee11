#include "resources/variant_apply.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/journal.h"
#include "provider/schema/rules.h"
#include "resources/canary_setup.h"

namespace delivery::resources {
namespace {

constexpr absl::Duration kScheduleTimeout = absl::Seconds(30);

CanaryJob CanaryJobOf(const VariantJob& job, const routing::Backend& backend) {
  CanaryJob canary;
  canary.backend = backend;
  canary.match = job.wish.match;
  canary.labels = KnownImages(job.arguments.variant_labels);
  canary.words = job.wish.words;
  canary.mirror = job.wish.mirror;
  return canary;
}

Json MatchText(const routing::Match& match) {
  Json text = Json::array();
  for (const routing::HeaderMatch& header : match.headers) {
    text.push_back({header.name, header.value.exact, header.value.prefix, header.value.regex});
  }
  for (const routing::CookieMatch& cookie : match.cookies) {
    text.push_back({cookie.name, cookie.exact});
  }
  return text;
}

// Pods of somebody else with the labels that the variant's would have: its Deployment would adopt
// or count them, and they would get its requests.
absl::Status RequireNoSuchPods(const VariantJob& job, const Json& manifest,
                               const runner::CanaryTarget& target, const std::stop_token& stop) {
  const Json deployment =
      runner::CanaryDeployment(manifest, target.naming, target.canary_labels, 1, "");
  kubernetes::ListOptions selected;
  selected.namespace_name = kubernetes::NamespaceOf(manifest);
  selected.label_selector =
      kubernetes::SelectorToString(GetObject(kubernetes::Spec(deployment), "selector"));
  const auto pods = job.connection.api->List("v1", "Pod", selected, stop);
  if (!pods.ok()) return absl::OkStatus();  // apply finds out
  for (const Json& pod : pods->items) {
    if (kubernetes::IsBeingDeleted(pod)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "Traffic cannot be shifted: the ", job.wish.words.noun, "'s pods would have the label ",
        target.naming.label_key, "=", target.naming.canary_value,
        ", which other pods have already (", kubernetes::NameOf(pod),
        "). Set variant_labels to a value that nobody uses."));
  }
  return absl::OkStatus();
}

engine::Plan EnginePlan(const VariantJob& job, const runner::CanaryTarget& target) {
  engine::Plan plan;
  plan.strategy = engine::Strategy::kVariant;
  plan.beside = job.wish.words.noun;
  plan.progress_deadline = VariantProgressDeadline(job.arguments);
  plan.timeout = VariantTimeout(job.arguments, job.creates);
  plan.canary.route_guards = routing::SharesService(target.traffic.backend);
  plan.variant.replicas = static_cast<int>(job.arguments.replicas.value_or(1));
  plan.variant.weight = job.wish.weight;
  plan.variant.match = !job.wish.match.empty();
  plan.variant.mirror = job.wish.mirror;
  return plan;
}

runner::ReleaseRequest RequestOf(const VariantJob& job, const Json& manifest,
                                 const std::string& uid, runner::CanaryTarget target,
                                 engine::Plan plan, const VariantRecord& record) {
  runner::ReleaseRequest request;
  request.resource_type = job.wish.resource_type;
  request.plan = std::move(plan);
  request.target.ref = WorkloadOf(job.arguments);
  request.target.new_version.manifest = manifest;
  if (job.arguments.schedule_timeout.is_known()) {
    request.target.schedule_timeout =
        schema::ParseGoDuration(job.arguments.schedule_timeout.value()).value_or(kScheduleTimeout);
  }
  target.promotes = false;
  request.canary = std::move(target);
  request.suffix = job.wish.words.suffix;
  request.remembered = record.run;
  request.workload_uid = uid;
  request.progress_file = job.connection.progress_file.get();
  return request;
}

// Another test of the same workload, or one that this state has lost.
absl::Status RequireOurs(const VariantJob& job, const std::optional<runner::JournalEntry>& found,
                         const std::string& identity) {
  if (!job.creates || !found.has_value() || found->state.step != engine::Step::kServing ||
      found->state.identity == identity) {
    return absl::OkStatus();
  }
  const kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  return absl::AlreadyExistsError(
      absl::StrCat("a ", job.wish.words.noun, " of ", ref.ToString(), " serves already, made by a ",
                   found->resource_type, ". A workload has one at a time: import it (",
                   ref.namespace_name, "/", ref.name, "), or destroy the other one first."));
}

std::string FingerprintOfLive(const VariantJob& job, const std::stop_token& stop) {
  const absl::StatusOr<Json> live = job.connection.api->Get(VariantRef(job), stop);
  return live.ok() ? TemplateFingerprint(*live) : "";
}

void Remember(const VariantJob& job, const Json& live, const VariantSetup& setup,
              const runner::ReleaseResult& result, VariantRecord& record) {
  const bool another = !record.run.has_value() || record.run->run_id != result.state.run_id;
  record.workload = WorkloadOutline(live);
  record.naming = setup.target.naming;
  record.workload_is_gone = false;
  const bool over = result.state.step == engine::Step::kDone;
  if (over) {
    record.run.reset();
  } else {
    record.run = result.state;
  }
  if (result.outcome != engine::Outcome::kServing) return;
  record.trouble.clear();
  std::stop_source grace;  // the last look must not fail because a stop was requested
  record.variant_template = FingerprintOfLive(job, grace.get_token());
  // A resumed run may have made it from the template of an earlier look.
  record.source_template = TemplateFingerprint(live);
  if (another) record.samples.clear();
}

// What takes a variant back needs no workload: its names are remembered.
absl::StatusOr<runner::CanaryTarget> RememberedTarget(const VariantJob& job,
                                                      const VariantRecord& record) {
  DELIVERY_ASSIGN_OR_RETURN(const routing::Backend backend, ToBackend(job.arguments.traffic));
  runner::CanaryTarget target;
  target.naming = record.naming;
  target.noun = job.wish.words.noun;
  target.canary_labels = KnownImages(job.arguments.variant_labels);
  target.traffic.backend = backend;
  target.traffic.match = job.wish.match;
  target.traffic.mirror = job.wish.mirror;
  target.traffic.noun = job.wish.words.noun;
  target.traffic.namespace_name = WorkloadOf(job.arguments).namespace_name;
  target.traffic.canary_service = record.naming.service;
  target.traffic.label_key = record.naming.label_key;
  target.traffic.stable_label_value = record.naming.stable_value;
  target.traffic.canary_label_value = record.naming.canary_value;
  return target;
}

// After a process that was killed hosts have lost the record.
absl::Status RecallNames(const VariantJob& job, VariantRecord& record,
                         const std::stop_token& stop) {
  if (!record.naming.deployment.empty()) return absl::OkStatus();
  DELIVERY_ASSIGN_OR_RETURN(const Json live, GetWorkload(job, stop));
  DELIVERY_ASSIGN_OR_RETURN(const VariantSetup setup, SetUpVariant(job, live, true, stop));
  record.naming = setup.target.naming;
  record.workload = WorkloadOutline(live);
  return absl::OkStatus();
}

}  // namespace

kubernetes::ObjectRef WorkloadOf(const VariantArguments& arguments) {
  return {"apps/v1", "Deployment", arguments.workload->namespace_name.value_or(""),
          arguments.workload->name.value_or("")};
}

kubernetes::ObjectRef VariantRef(const VariantJob& job) {
  kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  ref.name += job.wish.words.suffix;
  return ref;
}

absl::StatusOr<Json> GetWorkload(const VariantJob& job, const std::stop_token& stop) {
  const kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  absl::StatusOr<Json> live = job.connection.api->Get(ref, stop);
  const bool gone = live.ok() && kubernetes::IsBeingDeleted(*live);
  if (!gone && !absl::IsNotFound(live.status())) return live;
  return absl::NotFoundError(
      absl::StrCat(ref.ToString(), gone ? " is being deleted" : " does not exist",
                   ", so there is nothing to put a ", job.wish.words.noun,
                   " beside. Create it first, correct workload, or destroy this resource."));
}

absl::StatusOr<VariantSetup> SetUpVariant(const VariantJob& job, const Json& live, bool open,
                                          const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const routing::Backend backend, ToBackend(job.arguments.traffic));
  VariantSetup setup;
  DELIVERY_ASSIGN_OR_RETURN(setup.manifest, VariantManifest(live, job.arguments));
  const CanaryJob canary = CanaryJobOf(job, backend);
  using Purpose = CanarySetup::Purpose;
  const CanarySetup look{job.connection, canary, setup.manifest, live,
                         open ? Purpose::kGoOn : Purpose::kBegin};
  DELIVERY_ASSIGN_OR_RETURN(setup.target, SetUpCanary(look, stop));
  if (!open) {
    DELIVERY_RETURN_IF_ERROR(RequireNoSuchPods(job, setup.manifest, setup.target, stop));
  }
  const Json identity = {{"template", TemplateFingerprint(setup.manifest)},
                         {"labels", canary.labels},
                         {"match", MatchText(job.wish.match)},
                         {"mirrors", job.wish.mirror > 0}};
  setup.identity = engine::RunIdentity(DumpJson(identity));
  return setup;
}

PermissionNeeds NeedsOf(const VariantJob& job) {
  PermissionNeeds needs;
  needs.workload = WorkloadOf(job.arguments);
  needs.writes = false;
  needs.suffix = job.wish.words.suffix;
  const absl::StatusOr<routing::Backend> backend = ToBackend(job.arguments.traffic);
  if (!backend.ok()) return needs;
  const bool mirrors = job.wish.mirror > 0;
  needs.canary.emplace();
  needs.canary->deployment = VariantRef(job).name;
  needs.canary->makes_service = routing::NeedsCanaryService(*backend);
  needs.canary->makes_routes = !mirrors;
  needs.canary->routes = routing::ObjectsOf(*backend, needs.workload.namespace_name, mirrors);
  return needs;
}

absl::StatusOr<runner::ReleaseResult> ServeVariant(const VariantJob& job, VariantRecord& record,
                                                   const std::stop_token& stop) {
  kubernetes::Api& api = *job.connection.api;
  const kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  DELIVERY_ASSIGN_OR_RETURN(const Json live, GetWorkload(job, stop));
  DELIVERY_ASSIGN_OR_RETURN(const auto found,
                            runner::LoadJournal(api, ref, stop, job.wish.words.suffix));
  const bool open =
      record.run.has_value() || (found.has_value() && found->state.step != engine::Step::kDone);
  DELIVERY_ASSIGN_OR_RETURN(VariantSetup setup, SetUpVariant(job, live, open, stop));
  DELIVERY_RETURN_IF_ERROR(RequireOurs(job, found, setup.identity));
  DELIVERY_RETURN_IF_ERROR(RequirePermissions(api, *job.connection.preflight_memory, NeedsOf(job),
                                              job.clock.Now(), stop));
  engine::Plan plan = EnginePlan(job, setup.target);
  plan.identity = setup.identity;
  absl::StatusOr<runner::ReleaseResult> result =
      runner::RunRelease(api, job.clock,
                         RequestOf(job, setup.manifest, kubernetes::UidOf(live), setup.target,
                                   std::move(plan), record),
                         stop);
  if (result.ok() && result->outcome != engine::Outcome::kRefused) {
    Remember(job, live, setup, *result, record);
  }
  return result;
}

absl::StatusOr<runner::ReleaseResult> TakeBackVariant(const VariantJob& job, absl::Duration timeout,
                                                      VariantRecord& record,
                                                      const std::stop_token& stop) {
  kubernetes::Api& api = *job.connection.api;
  const kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  DELIVERY_ASSIGN_OR_RETURN(const auto found,
                            runner::LoadJournal(api, ref, stop, job.wish.words.suffix));
  if (!found.has_value() && !record.run.has_value()) {
    runner::ReleaseResult nothing;
    nothing.outcome = engine::Outcome::kSucceeded;
    nothing.step = engine::Step::kDone;
    return nothing;
  }
  DELIVERY_RETURN_IF_ERROR(RecallNames(job, record, stop));
  DELIVERY_ASSIGN_OR_RETURN(const runner::CanaryTarget target, RememberedTarget(job, record));
  engine::Plan plan = EnginePlan(job, target);
  plan.variant.serve = false;
  plan.timeout = timeout;
  plan.identity = engine::RunIdentity("{}");
  const std::string uid = record.workload_is_gone ? "" : kubernetes::UidOf(record.workload);
  absl::StatusOr<runner::ReleaseResult> result = runner::RunRelease(
      api, job.clock, RequestOf(job, record.workload, uid, target, std::move(plan), record), stop);
  if (!result.ok()) return result;
  record.run = result->state;
  if (result->state.step == engine::Step::kDone) {
    record.run.reset();
    record.trouble.clear();
  }
  return result;
}

}  // namespace delivery::resources
