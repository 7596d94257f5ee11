// delivery_rollout: releases a workload in place. Kubernetes' own controllers do the work; the
// resource writes, waits, explains, rolls back and shows drift.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/workload_status.h"
#include "provider/runner/release.h"
#include "resources/catalog.h"
#include "resources/cluster.h"
#include "resources/manifest_value.h"
#include "resources/preflight.h"
#include "resources/release_record.h"
#include "resources/typed_resource.h"
#include "resources/workload_apply.h"
#include "resources/workload_arguments.h"
#include "resources/workload_move.h"
#include "resources/workload_plan.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

constexpr char kTypeName[] = "delivery_rollout";

struct Rollout {
  WorkloadArguments arguments;
  Attr<bool> paused;
  Attr<std::string> on_failure;
  Attr<std::string> retry;
  WorkloadResults results;

  static const Spec<Rollout>& Declaration() {
    static const auto* const spec = [] {
      auto* s = new Spec<Rollout>(
          "Releases a Kubernetes Deployment, StatefulSet or DaemonSet in place: writes it by "
          "server-side apply, waits until "
          "the rollout is complete, explains a failure and rolls it back, and shows drift with its "
          "author.");
      s->Embed(&Rollout::arguments);
      s->Field("paused", &Rollout::paused)
          .Default(false)
          .Doc(
              "Holds a Deployment's rollout where it is (`spec.paused`); apply returns with the "
              "phase `Paused`.");
      s->Field("on_failure", &Rollout::on_failure)
          .Default("rollback")
          .OneOf({"rollback", "pause", "keep"})
          .Doc(
              "What happens to a release that failed: the last good version is written back (a "
              "first release is removed), the rollout is paused where it is, or it is left.");
      s->Field("retry", &Rollout::retry)
          .Default("always")
          .OneOf({"always", "on_change"})
          .Doc(
              "`on_change`: a pod template that was rolled back is not tried again; the plan "
              "warns, "
              "and apply refuses before any write.");
      s->Embed(&Rollout::results);
      return s;
    }();
    return *spec;
  }
};

// The arguments that decide what is released, apart from manifest and images.
bool NeedsRelease(const std::string& phase) {
  return phase == phase::kFailed || phase == phase::kInterrupted;
}

std::string PhaseOf(const Rollout& model) {
  if (!model.results.status.is_known()) return "";
  return model.results.status->phase.value_or("");
}

engine::OnFailure OnFailureOf(const Rollout& model) {
  const std::string text = model.on_failure.value_or("rollback");
  if (text == "pause") return engine::OnFailure::kPause;
  if (text == "keep") return engine::OnFailure::kKeep;
  return engine::OnFailure::kRollback;
}

const schema::IdentitySchema& WorkloadIdentitySchema() {
  static const auto* const schema = [] {
    auto* s = new schema::IdentitySchema;
    s->attributes = {{"kind", value::Type::String(), false, true, "Kind of the workload."},
                     {"namespace", value::Type::String(), true, false, "Its namespace."},
                     {"name", value::Type::String(), true, false, "Its name."}};
    return s;
  }();
  return *schema;
}

bool IsReleasable(const std::string& kind) {
  return kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet";
}

// Only a Deployment's rollout can be held.
void ValidateHolding(const Rollout& config, Diagnostics& diagnostics) {
  if (!config.arguments.manifest.is_known()) return;
  const std::string kind =
      kubernetes::KindOf(ToPartialJson(config.arguments.manifest.value()).json);
  if (kind == "Deployment" || !IsReleasable(kind)) return;
  if (config.paused.value_or(false)) {
    diagnostics.Error(Path::Of("paused"), "A Deployment only can be paused",
                      absl::StrCat("The rollout of a ", kind,
                                   " has no pause. Remove paused; a StatefulSet can be held by "
                                   "spec.updateStrategy.rollingUpdate.partition."));
  }
  if (config.on_failure.value_or("") == "pause") {
    diagnostics.Error(Path::Of("on_failure"), "A Deployment only can be paused",
                      absl::StrCat("The rollout of a ", kind,
                                   " has no pause. Use on_failure = \"rollback\" or \"keep\"."));
  }
}

// A workload whose pods the user replaces.
void WarnOfOnDelete(const Rollout& planned, Diagnostics& diagnostics) {
  if (!planned.arguments.manifest.is_known()) return;
  const Json manifest = ToPartialJson(planned.arguments.manifest.value()).json;
  const Json& strategy = GetObject(kubernetes::Spec(manifest), "updateStrategy");
  if (GetString(strategy, "type") != "OnDelete") return;
  diagnostics.Warning(
      Path::Of("manifest"), "Pods are replaced by you",
      "spec.updateStrategy.type is OnDelete: apply writes the new version and ends; "
      "each pod gets it when you delete that pod.");
}

class RolloutResource final : public TypedResource<Rollout> {
 public:
  explicit RolloutResource(const Cluster& cluster) : TypedResource(kTypeName), cluster_(cluster) {}

  const schema::IdentitySchema* identity_schema() const override {
    return &WorkloadIdentitySchema();
  }

 protected:
  void ValidateConfig(const Rollout& config, Diagnostics& diagnostics) const override {
    ValidateWorkloadArguments(config.arguments, {"Deployment", "StatefulSet", "DaemonSet"},
                              diagnostics);
    ValidateHolding(config, diagnostics);
    ValidateCheckBlocks(config.arguments.check, {{"after_promotion"}, {"stable"}}, diagnostics);
  }

  value::Value IdentityOf(const Rollout& model) const override {
    if (!model.results.id.is_known() || !model.arguments.manifest.is_known()) return {};
    const kubernetes::ObjectRef ref = RefOf(model);
    if (ref.kind.empty() || ref.name.empty()) return {};
    return value::Value::Object({{"kind", value::Value::String(ref.kind)},
                                 {"namespace", value::Value::String(ref.namespace_name)},
                                 {"name", value::Value::String(ref.name)}});
  }

  TypedState<Rollout> ReadState(const plugin::CallContext& context, Rollout prior,
                                const std::string& private_state) const override {
    TypedState<Rollout> state{prior, private_state, {}};
    if (cluster_.IsUnknown()) {
      state.diagnostics.Warning({}, "Refresh was skipped",
                                "The provider's configuration is not known yet, so the cluster "
                                "cannot be asked; the state is shown as it was.");
      return state;
    }
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    absl::StatusOr<ReleaseRecord> record = RecordOf(prior.arguments, prior.results, private_state);
    if (!connection.ok() || !record.ok()) {
      AddApiError({}, "Refresh failed", connection.ok() ? record.status() : connection.status(),
                  state.diagnostics);
      return state;
    }
    const absl::StatusOr<Json> live = connection->api->Get(RefOf(prior), context.stop);
    if (absl::IsNotFound(live.status())) {
      state.model.reset();
      return state;
    }
    if (!live.ok()) {
      AddApiError({}, absl::StrCat("Refresh of ", RefOf(prior).ToString(), " failed"),
                  live.status(), state.diagnostics);
      return state;
    }
    const bool open = RefreshPhase(*connection, context, *live, *record, prior, state.diagnostics);
    RefreshFromLive(*live, open, prior.arguments, &prior.paused, prior.results, *record,
                    state.diagnostics);
    RefreshContents(*connection->api, RefOf(prior).namespace_name, prior.arguments, context.stop,
                    *record, state.diagnostics);
    state.private_state = record->Serialize();
    state.model = std::move(prior);
    return state;
  }

  TypedPlan<Rollout> PlanChange(const plugin::CallContext& context, const Rollout& config,
                                const std::optional<Rollout>& prior, Rollout planned,
                                const std::string& private_state) const override {
    TypedPlan<Rollout> plan{std::move(planned), private_state, {}, {}};
    const absl::StatusOr<ReleaseRecord> record =
        prior.has_value() ? RecordOf(prior->arguments, prior->results, private_state)
                          : ReleaseRecord::Parse(private_state);
    if (!record.ok()) {
      AddApiError({}, "Plan failed", record.status(), plan.diagnostics);
      return plan;
    }
    if (prior.has_value()) {
      PlanUpdate(config, *prior, *record, plan);
    } else {
      PlanCreate(config, plan);
    }
    const bool release = plan.planned.results.status.is_unknown();
    if (release && record->imported) WarnOfTakeOver(record->legacy_managers, plan.diagnostics);
    if (release) WarnOfOnDelete(plan.planned, plan.diagnostics);
    // The second half of a replacement, for which the host hands on what is known of the first: the
    // object that would be met is the one that is deleted before.
    const bool replaces = !prior.has_value() && (record->written.has_value() || record->imported);
    if (release && !replaces && plan.requires_replace.empty() && !plan.diagnostics.HasErrors()) {
      RehearseWrite(context, plan.planned, prior, *record, plan.diagnostics);
    }
    return plan;
  }

  TypedState<Rollout> Create(const plugin::CallContext& context, Rollout planned,
                             const std::string&) const override {
    return Release(context, std::nullopt, std::move(planned), ReleaseRecord());
  }

  TypedState<Rollout> Update(const plugin::CallContext& context, Rollout prior, Rollout planned,
                             const std::string& private_state) const override {
    absl::StatusOr<ReleaseRecord> record = RecordOf(prior.arguments, prior.results, private_state);
    if (!record.ok()) {
      TypedState<Rollout> state{std::move(prior), private_state, {}};
      AddApiError({}, "Update failed", record.status(), state.diagnostics);
      return state;
    }
    // Nothing to release: only settings of the resource changed.
    if (!planned.results.status.is_unknown()) return {std::move(planned), private_state, {}};
    return Release(context, std::move(prior), std::move(planned), *std::move(record));
  }

  TypedState<Rollout> Delete(const plugin::CallContext& context, const Rollout& prior,
                             const std::string& private_state) const override {
    TypedState<Rollout> state{std::nullopt, "", {}};
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    const kubernetes::ObjectRef ref = RefOf(prior);
    absl::Status removed = connection.status();
    if (connection.ok()) {
      removed = runner::RemoveWorkload(*connection->api, cluster_.clock(), ref,
                                       prior.results.uid.value_or(""),
                                       DeleteTimeout(prior.arguments), context.stop);
    }
    if (removed.ok()) return state;
    state.model = prior;
    state.private_state = private_state;
    AddApiError({}, absl::StrCat("Destroying ", ref.ToString(), " failed"), removed,
                state.diagnostics);
    return state;
  }

  TypedState<Rollout> ImportState(const plugin::CallContext& context,
                                  const plugin::ImportRequest& request) const override;
  TypedState<Rollout> MoveState(const plugin::CallContext& context,
                                const plugin::MoveRequest& request) const override;

 private:
  static kubernetes::ObjectRef RefOf(const Rollout& model) {
    return WorkloadRef(model.arguments, NamespaceOfId(model.results.id.value()));
  }

  // The state of a workload that exists and that this resource has never written. `what` is done to
  // get there ("Import").
  TypedState<Rollout> TakeOn(const plugin::CallContext& context, const kubernetes::ObjectRef& ref,
                             const char* what) const;
  static TypedState<Rollout> Imported(const Json& live, const kubernetes::ObjectRef& ref);

  // Only a workload whose generation moved, or that was not finished, can have an open run: so an
  // unchanged one costs a single request.
  bool RefreshPhase(const Connection& connection, const plugin::CallContext& context,
                    const Json& live, ReleaseRecord& record, Rollout& model,
                    Diagnostics& diagnostics) const {
    const std::string before = PhaseOf(model);
    const bool unfinished = NeedsRelease(before) || before == phase::kProgressing;
    if (!unfinished && kubernetes::GenerationOf(live) == record.generation) return false;
    const absl::StatusOr<std::optional<OpenRun>> open =
        FindOpenRun(*connection.api, RefOf(model), cluster_.clock().Now(), context.stop);
    if (!open.ok()) {
      diagnostics.Warning({}, "It could not be told whether a release is open",
                          std::string(open.status().message()));
      return false;
    }
    if (!open->has_value()) {
      if (before == phase::kProgressing) model.results.status = EndedElsewhere(live);
      return false;
    }
    const ReleaseStatus& status = (*open)->status;
    if (status.phase.value() == phase::kProgressing) {
      diagnostics.Warning({}, absl::StrCat(RefOf(model).ToString(), " is being released"),
                          status.message.value());
    }
    record.open_identity = (*open)->identity;
    model.results.status = status;
    return true;
  }

  // The verdict on a run of another apply that was going on at the last look and is not any more.
  static ReleaseStatus EndedElsewhere(const Json& live) {
    const kubernetes::RolloutProgress progress = kubernetes::WorkloadProgress(live, 0);
    ReleaseStatus status;
    status.phase = std::string(progress.complete ? phase::kSucceeded : phase::kInterrupted);
    status.message = absl::StrCat("another apply ended: ", progress.summary);
    return status;
  }

  std::optional<std::string> DefaultNamespace() const {
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok()) return std::nullopt;
    return connection->default_namespace;
  }

  void PlanCreate(const Rollout& config, TypedPlan<Rollout>& plan) const {
    Rollout& planned = plan.planned;
    Rollout::Declaration().PlanComputed(config, nullptr, planned);
    if (planned.arguments.manifest.is_known()) {
      const std::string otherwise = DefaultNamespace().value_or("");
      const auto namespace_name = NamespaceOf(planned.arguments.manifest.value(), otherwise);
      const value::Value name = planned.arguments.manifest->Get("metadata").Get("name");
      if (namespace_name.has_value() && !namespace_name->empty() && name.is_string()) {
        planned.results.id = absl::StrCat(*namespace_name, "/", name.AsString());
      }
    }
    SetReleasePlan(nullptr, ReleaseRecord(), planned);
    if (cluster_.IsUnknown()) {
      plan.diagnostics.Warning({}, "Planned without the cluster",
                               "The provider's configuration is not known yet; what depends on the "
                               "cluster is checked when it is applied.");
    }
  }

  void PlanUpdate(const Rollout& config, const Rollout& prior, const ReleaseRecord& record,
                  TypedPlan<Rollout>& plan) const {
    Rollout& planned = plan.planned;
    WorkloadArguments& arguments = planned.arguments;
    // An open run is recognised by the configuration's own words.
    if (arguments.manifest.is_known() && !NeedsRelease(PhaseOf(prior)) &&
        AsksForNothingNew(arguments.manifest.value(), prior.arguments.manifest.value(),
                          IgnoredFields(arguments), record.imported)) {
      arguments.manifest = prior.arguments.manifest;
    }
    if (ImagesAskForNothingNew(arguments, prior.arguments) && !NeedsRelease(PhaseOf(prior))) {
      arguments.images = prior.arguments.images;
    }
    const bool changed = !(arguments.manifest == prior.arguments.manifest) ||
                         ImagesChanged(arguments.images, prior, record) ||
                         !(planned.paused == prior.paused) ||
                         arguments.restart_trigger.is_unknown() ||
                         TriggerRestarts(arguments, &prior.arguments, record) ||
                         !ChangedContents(record.released_contents, record.contents).empty();
    if (!changed && !NeedsRelease(PhaseOf(prior))) {
      planned.results = prior.results;
      const bool settings_change =
          !(Rollout::Declaration().Encode(planned) == Rollout::Declaration().Encode(prior));
      if (record.imported && settings_change) {
        planned.results.release_plan = std::vector<Attr<std::string>>{std::string(
            "nothing is written to the cluster: only settings of this resource change")};
      }
      return;
    }
    // Once something is released, an imported manifest gives way to the configured one.
    if (record.imported) arguments.manifest = config.arguments.manifest;
    Rollout::Declaration().PlanComputed(config, &prior, planned);
    if (arguments.manifest.is_known() && IdentityChanged(arguments, prior)) {
      plan.requires_replace.push_back(Path::Of("manifest"));
      plan.diagnostics.Warning(
          Path::Of("manifest"), "The workload is replaced",
          "Kind, API group, namespace, name or selector changed, which Kubernetes cannot do in "
          "place: the workload is deleted and created anew, and is down in between.");
      planned.results.uid = Attr<std::string>::Unknown();
      planned.results.id = Attr<std::string>::Unknown();
      return;
    }
    SetReleasePlan(&prior, record, planned);
    WarnOfRetry(prior, record, planned, plan.diagnostics);
  }

  // What the journal of the planned release would say, empty when it cannot be told.
  static std::string IdentityOfRelease(const Rollout& prior, const ReleaseRecord& record,
                                       const Rollout& planned) {
    const absl::StatusOr<WriteIntent> intent =
        IntentOf({&planned.arguments, &prior.arguments, &record,
                  NamespaceOfId(prior.results.id.value()), planned.paused.value_or(false)});
    return intent.ok() ? RunIdentityOf(*intent) : "";
  }

  // The plan of a version that apply will refuse.
  static void WarnOfRetry(const Rollout& prior, const ReleaseRecord& record, const Rollout& planned,
                          Diagnostics& diagnostics) {
    if (planned.results.release_plan.is_unknown() || planned.arguments.retry_token.is_unknown()) {
      return;
    }
    const absl::StatusOr<WriteIntent> intent =
        IntentOf({&planned.arguments, &prior.arguments, &record,
                  NamespaceOfId(prior.results.id.value()), planned.paused.value_or(false)});
    if (!intent.ok()) return;
    const auto refusal = RetryRefusal(intent->workload, planned.retry.value_or("always"),
                                      planned.arguments.retry_token.value_or(""), record);
    if (refusal.has_value()) {
      diagnostics.Warning(Path::Of("retry"), "Apply will refuse this version", *refusal);
    }
  }

  // After an import `images` was never seen: what already runs is no change.
  static bool ImagesChanged(const Attr<Images>& images, const Rollout& prior,
                            const ReleaseRecord& record) {
    if (!record.imported || !images.is_known()) return !(images == prior.arguments.images);
    const auto running = kubernetes::ImagesOf(ToPartialJson(prior.arguments.manifest.value()).json);
    for (const auto& [name, image] : images.value()) {
      const auto live = running.find(name);
      if (!image.is_known() || live == running.end() || live->second != image.value()) return true;
    }
    return false;
  }

  static bool IdentityChanged(const WorkloadArguments& arguments, const Rollout& prior) {
    const std::string otherwise = NamespaceOfId(prior.results.id.value());
    return resources::IdentityChanged(arguments.manifest.value(), prior.arguments.manifest.value(),
                                      otherwise);
  }

  static void SetReleasePlan(const Rollout* prior, const ReleaseRecord& record, Rollout& planned) {
    const WorkloadArguments& arguments = planned.arguments;
    // The others are told of: what is said now may not change once they are known.
    WorkloadArguments told = arguments;
    told.retry_token = Attr<std::string>();
    told.schedule_timeout = Attr<std::string>();
    if (!WorkloadArguments::Declaration().Encode(told).IsWhollyKnown() ||
        planned.on_failure.is_unknown() || planned.paused.is_unknown()) {
      return;
    }
    ReleasePlanInput input;
    input.arguments = &arguments;
    input.prior = prior == nullptr ? nullptr : &prior->arguments;
    input.record = &record;
    input.prior_phase = prior == nullptr ? "" : PhaseOf(*prior);
    input.on_failure = OnFailureOf(planned);
    input.paused = planned.paused.value_or(false);
    if (input.prior_phase == phase::kInterrupted && !record.open_identity.empty()) {
      input.resumes = IdentityOfRelease(*prior, record, planned) == record.open_identity;
    }
    input.prior_paused = prior != nullptr && prior->paused.value_or(false);
    std::vector<Attr<std::string>> lines;
    for (std::string& line : DescribeRollout(input)) lines.emplace_back(std::move(line));
    planned.results.release_plan = std::move(lines);
  }

  void RehearseWrite(const plugin::CallContext& context, const Rollout& planned,
                     const std::optional<Rollout>& prior, const ReleaseRecord& record,
                     Diagnostics& diagnostics) const {
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok() || planned.results.release_plan.is_unknown() ||
        !planned.results.id.is_known()) {
      return;
    }
    const absl::StatusOr<WriteIntent> intent =
        IntentOf({&planned.arguments, prior.has_value() ? &prior->arguments : nullptr, &record,
                  NamespaceOfId(planned.results.id.value()), planned.paused.value_or(false)});
    if (!intent.ok()) return;
    const PreflightInput input{&*intent,
                               &record,
                               !prior.has_value(),
                               planned.arguments.adopt_existing.value_or(false),
                               OnFailureOf(planned) == engine::OnFailure::kRollback,
                               NeedsOf(planned.arguments),
                               &planned.arguments};
    RunPreflight(*connection, input, cluster_.clock().Now(), context.stop, diagnostics);
  }

  TypedState<Rollout> Release(const plugin::CallContext& context, std::optional<Rollout> prior,
                              Rollout planned, ReleaseRecord record) const {
    TypedState<Rollout> state;
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok()) {
      state.model = std::move(prior);
      if (state.model.has_value()) state.private_state = record.Serialize();
      AddApiError({}, "No connection to the cluster", connection.status(), state.diagnostics);
      return state;
    }
    ReleaseJob job;
    job.resource_type = kTypeName;
    job.on_failure = OnFailureOf(planned);
    job.paused = planned.paused.value_or(false);
    job.retry = planned.retry.value_or("always");
    job.planned = {planned.arguments, planned.results, record};
    if (prior.has_value()) job.prior = {prior->arguments, prior->results, record};
    ReleaseVerdict verdict = ReleaseWorkload(*connection, cluster_.clock(), job, context.stop);
    state.diagnostics = std::move(verdict.diagnostics);
    if (verdict.unchanged && prior.has_value()) {
      state.model = std::move(prior);
      state.private_state = record.Serialize();
    }
    if (!verdict.state.has_value()) return state;
    Rollout result = std::move(planned);
    result.arguments = std::move(verdict.state->arguments);
    result.results = std::move(verdict.state->results);
    state.private_state = verdict.state->record.Serialize();
    state.model = std::move(result);
    return state;
  }

  const Cluster& cluster_;
};

struct ImportTarget {
  std::string kind = "Deployment";
  std::string namespace_name;
  std::string name;
};

std::optional<ImportTarget> ParseImport(const plugin::ImportRequest& request) {
  if (request.identity.is_known()) {
    const auto text = [&](const char* key) {
      const value::Value value = request.identity.Get(key);
      return value.is_string() ? value.AsString() : std::string();
    };
    const std::string kind = text("kind");
    return ImportTarget{kind.empty() ? "Deployment" : kind, text("namespace"), text("name")};
  }
  const std::vector<std::string> parts = absl::StrSplit(request.id, '/');
  if (parts.size() == 2) return ImportTarget{"Deployment", parts[0], parts[1]};
  if (parts.size() == 3) return ImportTarget{parts[0], parts[1], parts[2]};
  return std::nullopt;
}

TypedState<Rollout> RolloutResource::ImportState(const plugin::CallContext& context,
                                                 const plugin::ImportRequest& request) const {
  TypedState<Rollout> state;
  const std::optional<ImportTarget> target = ParseImport(request);
  if (!target.has_value() || target->namespace_name.empty() || target->name.empty() ||
      !IsReleasable(target->kind)) {
    state.diagnostics.Error(
        {}, "Invalid import id",
        absl::StrCat("\"", request.id,
                     "\" is not an id of this resource. The form is namespace/name for a "
                     "Deployment, or Kind/namespace/name with the kind Deployment, StatefulSet or "
                     "DaemonSet."));
    return state;
  }
  return TakeOn(context, {"apps/v1", target->kind, target->namespace_name, target->name}, "Import");
}

TypedState<Rollout> RolloutResource::MoveState(const plugin::CallContext& context,
                                               const plugin::MoveRequest& request) const {
  TypedState<Rollout> state;
  const absl::StatusOr<Json> source = ParseJson(request.source_state_json);
  const absl::StatusOr<kubernetes::ObjectRef> ref =
      source.ok() ? WorkloadOfState(request.source_type, *source)
                  : absl::StatusOr<kubernetes::ObjectRef>(source.status());
  if (!ref.ok()) {
    AddApiError({}, "Unsupported move", ref.status(), state.diagnostics);
    return state;
  }
  // Hosts ask for a move without having configured the provider; the refresh that follows it reads
  // the workload.
  if (!cluster_.Connect().ok()) {
    const Json named = {{"apiVersion", ref->api_version},
                        {"kind", ref->kind},
                        {"metadata", {{"namespace", ref->namespace_name}, {"name", ref->name}}}};
    return Imported(named, *ref);
  }
  return TakeOn(context, *ref, "Move");
}

TypedState<Rollout> RolloutResource::TakeOn(const plugin::CallContext& context,
                                            const kubernetes::ObjectRef& ref,
                                            const char* what) const {
  const absl::StatusOr<Connection> connection = cluster_.Connect();
  const absl::StatusOr<Json> live = connection.ok() ? connection->api->Get(ref, context.stop)
                                                    : absl::StatusOr<Json>(connection.status());
  if (live.ok()) return Imported(*live, ref);
  TypedState<Rollout> state;
  AddApiError({}, absl::StrCat(what, " of ", ref.ToString(), " failed"), live.status(),
              state.diagnostics);
  return state;
}

TypedState<Rollout> RolloutResource::Imported(const Json& live, const kubernetes::ObjectRef& ref) {
  TypedState<Rollout> state;
  Rollout model;
  Rollout::Declaration().ApplyDefaults(model);
  model.results.id = absl::StrCat(ref.namespace_name, "/", ref.name);
  ReleaseRecord record;
  record.imported = true;
  RefreshFromLive(live, false, model.arguments, nullptr, model.results, record, state.diagnostics);
  model.results.last_good_images = model.results.running_images;
  model.results.failed_images = Images();
  model.results.release_plan = std::vector<Attr<std::string>>();
  ReleaseStatus status;
  status.phase = std::string(phase::kSucceeded);
  status.message = std::string(kImported);
  model.results.status = std::move(status);
  state.model = std::move(model);
  state.private_state = record.Serialize();
  return state;
}

}  // namespace

std::unique_ptr<plugin::Resource> MakeRollout(const Cluster& cluster) {
  return std::make_unique<RolloutResource>(cluster);
}

}  // namespace delivery::resources
