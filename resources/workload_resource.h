// What every Terraform resource that releases one workload does the same way: refresh, the meaning
// of a change, the rehearsal of a write, apply, destroy, import and moves. What a strategy adds is
// in hooks.
#ifndef DELIVERY_RESOURCES_WORKLOAD_RESOURCE_H_
#define DELIVERY_RESOURCES_WORKLOAD_RESOURCE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/release.h"
#include "provider/value/json_codec.h"
#include "resources/cluster.h"
#include "resources/preflight.h"
#include "resources/release_record.h"
#include "resources/typed_resource.h"
#include "resources/workload_apply.h"
#include "resources/workload_change.h"
#include "resources/workload_identity.h"
#include "resources/workload_plan.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {

// M is declared and has the members `arguments` (WorkloadArguments), `results` (WorkloadResults),
// `retry` and `status`, for which VerdictOf and SetVerdict are overloaded.
template <typename M>
class WorkloadResource : public TypedResource<M> {
 public:
  // Kinds of workload that it releases; the one of an import id without a kind first.
  WorkloadResource(const char* type_name, const Cluster& cluster, std::vector<std::string> kinds)
      : TypedResource<M>(type_name), cluster_(cluster), kinds_(std::move(kinds)) {}

  const schema::IdentitySchema* identity_schema() const final { return &WorkloadIdentitySchema(); }

 protected:
  // ---- What a strategy says for itself.

  // The strategy's part of the job: what happens on failure, and what else is to be done.
  virtual void SetUpJob(const M& planned, ReleaseJob& job) const = 0;
  // Whether arguments besides manifest, images and restarts ask for a release.
  virtual bool AsksForRelease(const M& planned, const M& prior,
                              const ReleaseRecord& record) const = 0;
  // release_plan; nullopt while something that it tells is not known. `prior` may be null.
  virtual std::optional<std::vector<std::string>> DescribeRelease(const M* prior,
                                                                  const ReleaseRecord& record,
                                                                  const M& planned) const = 0;
  // The argument that holds a rollout; null where there is none.
  virtual schema::Attr<bool>* PausedOf(M&) const { return nullptr; }
  // What is wrong with a change, and what the reader of its plan should know.
  virtual void JudgeChange(const M& /*planned*/, const std::optional<M>& /*prior*/,
                           const ReleaseRecord& /*record*/, Diagnostics&) const {}
  // Preflight of what only this strategy needs.
  virtual void RehearseMore(const Connection&, const plugin::CallContext&, const ReleaseJob&,
                            const WriteIntent&, Diagnostics&) const {}
  // Of the release that is rehearsed: what is written where that is not the workload itself.
  virtual void AdaptRehearsal(const ReleaseJob&, WriteIntent&, PreflightInput&) const {}
  // The object that runs the workload. Null Json: not there, and yet the workload is not gone; the
  // verdict then says so.
  virtual absl::StatusOr<Json> GetLive(const Connection& connection, M& model, ReleaseRecord&,
                                       const std::stop_token& stop, Diagnostics&) const {
    return connection.api->Get(RefOf(model), stop);
  }
  // Brings what only this strategy records up to date, where the private state was lost.
  virtual void CompleteRecord(const M&, ReleaseRecord&) const {}
  // Whether a change of these asks for a new workload.
  virtual std::optional<value::Path> Replaces(const M& /*planned*/, const M& /*prior*/) const {
    return std::nullopt;
  }
  // What a release may change though it stays the same workload.
  virtual void ForgetMore(M& /*planned*/) const {}
  // Computed attributes besides the results and the verdict.
  virtual void KeepMore(const M& /*prior*/, M& /*planned*/) const {}
  virtual void SetMore(const WorkloadState&, M& /*result*/) const {}
  virtual void ImportMore(const ReleaseRecord& /*record*/, M& /*model*/) const {}
  // The object of an import, as a user would have declared it; what else it tells is set.
  virtual absl::StatusOr<Json> FindForImport(const Connection& connection,
                                             const kubernetes::ObjectRef& ref,
                                             const std::stop_token& stop, ReleaseRecord&) const {
    return connection.api->Get(ref, stop);
  }
  // Why nothing can be moved here, if that is so.
  virtual absl::Status CheckMoveHere() const { return absl::OkStatus(); }
  // Whether a run is open; brings the verdict and the record up to date with it.
  virtual bool RefreshRun(const Connection& connection, const plugin::CallContext& context,
                          const Json& live, ReleaseRecord& record, M& model,
                          Diagnostics& diagnostics) const {
    schema::Attr<ReleaseStatus> status = VerdictOf(model.status);
    const bool open =
        RefreshOpenRun({*connection.api, cluster_.clock().Now(), context.stop, RefOf(model), live},
                       record, status, diagnostics);
    if (status.is_known()) SetVerdict(model.status, status.value());
    return open;
  }
  // Why a workload cannot be imported now.
  virtual absl::Status CheckImport(const Connection&, const kubernetes::ObjectRef&,
                                   const std::stop_token&) const {
    return absl::OkStatus();
  }
  // What a destroy deletes, and what it does before.
  virtual runner::Removal RemovalOf(const Connection&, const M& prior, const ReleaseRecord&,
                                    const std::stop_token&) const {
    return {RefOf(prior), {{RefOf(prior), prior.results.uid.value_or("")}}, {}};
  }
  // Takes away what a release has left beside the workload.
  virtual absl::Status BeforeDelete(const Connection&, const M& /*prior*/, const ReleaseRecord&,
                                    const std::stop_token&) const {
    return absl::OkStatus();
  }

  // ---- The same for all of them.

  value::Value IdentityOf(const M& model) const final {
    if (!model.results.id.is_known() || !model.arguments.manifest.is_known()) return {};
    return IdentityValue(RefOf(model));
  }

  TypedState<M> ReadState(const plugin::CallContext& context, M prior,
                          const std::string& private_state) const final {
    TypedState<M> state{prior, private_state, {}};
    if (cluster_.IsUnknown()) {
      state.diagnostics.Warning({}, "Refresh was skipped",
                                "The provider's configuration is not known yet, so the cluster "
                                "cannot be asked; the state is shown as it was.");
      return state;
    }
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    absl::StatusOr<ReleaseRecord> record = RecordFrom(prior, private_state);
    if (!connection.ok() || !record.ok()) {
      AddApiError({}, "Refresh failed", connection.ok() ? record.status() : connection.status(),
                  state.diagnostics);
      return state;
    }
    const absl::StatusOr<Json> live =
        GetLive(*connection, prior, *record, context.stop, state.diagnostics);
    if (absl::IsNotFound(live.status())) {
      state.model.reset();
      return state;
    }
    if (!live.ok()) {
      AddApiError({}, absl::StrCat("Refresh of ", RefOf(prior).ToString(), " failed"),
                  live.status(), state.diagnostics);
      return state;
    }
    if (live->is_null()) {
      state.private_state = record->Serialize();
      state.model = std::move(prior);
      return state;
    }
    const bool open = RefreshRun(*connection, context, *live, *record, prior, state.diagnostics);
    RefreshFromLive(*live, open, prior.arguments, PausedOf(prior), prior.results, *record,
                    state.diagnostics);
    RefreshContents(*connection->api, RefOf(prior).namespace_name, prior.arguments, context.stop,
                    *record, state.diagnostics);
    state.private_state = record->Serialize();
    state.model = std::move(prior);
    return state;
  }

  TypedPlan<M> PlanChange(const plugin::CallContext& context, const M& config,
                          const std::optional<M>& prior, M planned,
                          const std::string& private_state) const final {
    TypedPlan<M> plan{std::move(planned), private_state, {}, {}};
    const absl::StatusOr<ReleaseRecord> record =
        prior.has_value() ? RecordFrom(*prior, private_state) : ReleaseRecord::Parse(private_state);
    if (!record.ok()) {
      AddApiError({}, "Plan failed", record.status(), plan.diagnostics);
      return plan;
    }
    if (prior.has_value()) {
      PlanUpdate(config, *prior, *record, plan);
    } else {
      PlanCreate(config, plan);
    }
    const bool release = plan.planned.status.is_unknown();
    if (release && record->imported) WarnOfTakeOver(record->legacy_managers, plan.diagnostics);
    JudgeChange(plan.planned, prior, *record, plan.diagnostics);
    // The second half of a replacement, for which the host hands on what is known of the first: the
    // object that would be met is the one that is deleted before.
    const bool replaces = !prior.has_value() && (record->written.has_value() || record->imported);
    if (release && !replaces && plan.requires_replace.empty() && !plan.diagnostics.HasErrors()) {
      Rehearse(context, plan.planned, prior, *record, plan.diagnostics);
    }
    return plan;
  }

  TypedState<M> Create(const plugin::CallContext& context, M planned,
                       const std::string&) const final {
    return Release(context, std::nullopt, std::move(planned), ReleaseRecord());
  }

  TypedState<M> Update(const plugin::CallContext& context, M prior, M planned,
                       const std::string& private_state) const final {
    absl::StatusOr<ReleaseRecord> record = RecordFrom(prior, private_state);
    if (!record.ok()) {
      TypedState<M> state{std::move(prior), private_state, {}};
      AddApiError({}, "Update failed", record.status(), state.diagnostics);
      return state;
    }
    // Nothing to release: only settings of the resource changed.
    if (!planned.status.is_unknown()) return {std::move(planned), private_state, {}};
    return Release(context, std::move(prior), std::move(planned), *std::move(record));
  }

  TypedState<M> Delete(const plugin::CallContext& context, const M& prior,
                       const std::string& private_state) const final {
    TypedState<M> state{std::nullopt, "", {}};
    const absl::Status removed = Remove(context, prior, private_state);
    if (removed.ok()) return state;
    state.model = prior;
    state.private_state = private_state;
    AddApiError({}, absl::StrCat("Destroying ", RefOf(prior).ToString(), " failed"), removed,
                state.diagnostics);
    return state;
  }

  TypedState<M> ImportState(const plugin::CallContext& context,
                            const plugin::ImportRequest& request) const final {
    TypedState<M> state;
    const std::optional<kubernetes::ObjectRef> ref = ParseImport(request, kinds_);
    if (!ref.has_value()) {
      state.diagnostics.Error(
          {}, "Invalid import id",
          absl::StrCat("\"", request.id, "\" is not an id of this resource. ", ImportForm(kinds_)));
      return state;
    }
    return TakeOn(context, *ref, "Import");
  }

  TypedState<M> MoveState(const plugin::CallContext& context,
                          const plugin::MoveRequest& request) const final {
    TypedState<M> state;
    if (const absl::Status here = CheckMoveHere(); !here.ok()) {
      AddApiError({}, "Unsupported move", here, state.diagnostics);
      return state;
    }
    if (IsOwnType(request.source_type)) return MoveOwn(request);
    const absl::StatusOr<kubernetes::ObjectRef> ref =
        MovedWorkload(request.source_type, request.source_state_json, kinds_);
    if (!ref.ok()) {
      AddApiError({}, "Unsupported move", ref.status(), state.diagnostics);
      return state;
    }
    // Hosts ask for a move without having configured the provider; the refresh that follows it
    // reads the workload.
    if (!cluster_.Connect().ok()) {
      const Json named = {{"apiVersion", ref->api_version},
                          {"kind", ref->kind},
                          {"metadata", {{"namespace", ref->namespace_name}, {"name", ref->name}}}};
      return Imported(named, *ref, ReleaseRecord());
    }
    return TakeOn(context, *ref, "Move");
  }

  const Cluster& cluster() const { return cluster_; }
  static kubernetes::ObjectRef RefOf(const M& model) {
    return WorkloadRef(model.arguments, NamespaceOfId(model.results.id.value()));
  }
  static std::string PhaseOf(const M& model) {
    const schema::Attr<ReleaseStatus> verdict = VerdictOf(model.status);
    return verdict.is_known() ? verdict->phase.value_or("") : "";
  }
  absl::StatusOr<ReleaseRecord> RecordFrom(const M& model, const std::string& private_state) const {
    absl::StatusOr<ReleaseRecord> record =
        RecordOf(model.arguments, model.results, VerdictOf(model.status), private_state);
    if (record.ok()) CompleteRecord(model, *record);
    return record;
  }

  // What the strategy makes of a planned release. `prior` may be null.
  ReleaseJob JobOf(const M& planned, const M* prior, const ReleaseRecord& record) const {
    ReleaseJob job;
    job.resource_type = this->type_name();
    job.retry = planned.retry.value_or("always");
    job.planned.arguments = planned.arguments;
    job.planned.results = planned.results;
    job.planned.record = record;
    if (prior != nullptr) {
      job.prior.emplace();
      job.prior->arguments = prior->arguments;
      job.prior->results = prior->results;
      job.prior->record = record;
    }
    SetUpJob(planned, job);
    return job;
  }

  // What the planned release writes.
  static absl::StatusOr<WriteIntent> IntentOfJob(const ReleaseJob& job,
                                                 const std::string& namespace_name) {
    return IntentOf({&job.planned.arguments,
                     job.prior.has_value() ? &job.prior->arguments : nullptr, &job.planned.record,
                     namespace_name, job.paused});
  }

 private:
  std::optional<std::string> DefaultNamespace() const {
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok()) return std::nullopt;
    return connection->default_namespace;
  }

  void PlanCreate(const M& config, TypedPlan<M>& plan) const {
    M& planned = plan.planned;
    M::Declaration().PlanComputed(config, nullptr, planned);
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

  void PlanUpdate(const M& config, const M& prior, const ReleaseRecord& record,
                  TypedPlan<M>& plan) const {
    M& planned = plan.planned;
    WorkloadArguments& arguments = planned.arguments;
    const bool must = NeedsRelease(PhaseOf(prior));
    if (!must) KeepWhatAsksForNothingNew(prior.arguments, record, arguments);
    const bool changed = must || Replaces(planned, prior).has_value() ||
                         WorkloadChanged(arguments, prior.arguments, record) ||
                         AsksForRelease(planned, prior, record);
    if (!changed) {
      planned.results = prior.results;
      planned.status = prior.status;
      KeepMore(prior, planned);
      const bool settings_change =
          !(M::Declaration().Encode(planned) == M::Declaration().Encode(prior));
      if (record.imported && settings_change) {
        planned.results.release_plan = std::vector<schema::Attr<std::string>>{std::string(
            "nothing is written to the cluster: only settings of this resource change")};
      }
      return;
    }
    // Once something is released, an imported manifest gives way to the configured one.
    if (record.imported) arguments.manifest = config.arguments.manifest;
    M::Declaration().PlanComputed(config, &prior, planned);
    ForgetMore(planned);
    const std::optional<value::Path> replaces = Replaces(planned, prior);
    if (replaces.has_value()) plan.requires_replace.push_back(*replaces);
    if (arguments.manifest.is_known() &&
        IdentityChanged(arguments.manifest.value(), prior.arguments.manifest.value(),
                        NamespaceOfId(prior.results.id.value()))) {
      plan.requires_replace.push_back(value::Path::Of("manifest"));
      plan.diagnostics.Warning(
          value::Path::Of("manifest"), "The workload is replaced",
          "Kind, API group, namespace, name or selector changed, which Kubernetes cannot do in "
          "place: the workload is deleted and created anew, and is down in between.");
      planned.results.uid = schema::Attr<std::string>::Unknown();
      planned.results.id = schema::Attr<std::string>::Unknown();
      return;
    }
    SetReleasePlan(&prior, record, planned);
    WarnOfRetry(prior, record, planned, plan.diagnostics);
  }

  void SetReleasePlan(const M* prior, const ReleaseRecord& record, M& planned) const {
    const auto told = DescribeRelease(prior, record, planned);
    if (!told.has_value()) return;
    std::vector<schema::Attr<std::string>> lines;
    for (const std::string& line : *told) lines.emplace_back(line);
    planned.results.release_plan = std::move(lines);
  }

  // The plan of a version that apply will refuse.
  void WarnOfRetry(const M& prior, const ReleaseRecord& record, const M& planned,
                   Diagnostics& diagnostics) const {
    if (planned.results.release_plan.is_unknown() || planned.arguments.retry_token.is_unknown()) {
      return;
    }
    const ReleaseJob job = JobOf(planned, &prior, record);
    const absl::StatusOr<WriteIntent> intent =
        IntentOfJob(job, NamespaceOfId(prior.results.id.value()));
    if (!intent.ok()) return;
    const auto refusal = RetryRefusal(intent->workload, job.retry,
                                      planned.arguments.retry_token.value_or(""), record);
    if (refusal.has_value()) {
      diagnostics.Warning(value::Path::Of("retry"), "Apply will refuse this version", *refusal);
    }
  }

  void Rehearse(const plugin::CallContext& context, const M& planned, const std::optional<M>& prior,
                const ReleaseRecord& record, Diagnostics& diagnostics) const {
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok() || planned.results.release_plan.is_unknown() ||
        !planned.results.id.is_known()) {
      return;
    }
    const ReleaseJob job = JobOf(planned, prior.has_value() ? &*prior : nullptr, record);
    const absl::StatusOr<WriteIntent> intent =
        IntentOfJob(job, NamespaceOfId(planned.results.id.value()));
    if (!intent.ok()) return;
    PermissionNeeds needs = NeedsOf(job);
    const bool by_canary = ReleasesByCanary(job, intent->workload, record.open_identity);
    if (!by_canary && !job.blue_green.has_value()) needs.canary.reset();
    WriteIntent written = *intent;
    PreflightInput input{&written,
                         &record,
                         !prior.has_value(),
                         planned.arguments.adopt_existing.value_or(false),
                         job.on_failure == engine::OnFailure::kRollback,
                         std::move(needs),
                         &planned.arguments,
                         by_canary ? LargestCanaryOf(job) : nullptr};
    AdaptRehearsal(job, written, input);
    RunPreflight(*connection, input, cluster_.clock().Now(), context.stop, diagnostics);
    RehearseMore(*connection, context, job, *intent, diagnostics);
  }

  TypedState<M> Release(const plugin::CallContext& context, std::optional<M> prior, M planned,
                        ReleaseRecord record) const {
    TypedState<M> state;
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok()) {
      state.model = std::move(prior);
      if (state.model.has_value()) state.private_state = record.Serialize();
      AddApiError({}, "No connection to the cluster", connection.status(), state.diagnostics);
      return state;
    }
    const ReleaseJob job = JobOf(planned, prior.has_value() ? &*prior : nullptr, record);
    ReleaseVerdict verdict = ReleaseWorkload(*connection, cluster_.clock(), job, context.stop);
    state.diagnostics = std::move(verdict.diagnostics);
    if (verdict.unchanged && prior.has_value()) {
      state.model = std::move(prior);
      state.private_state = record.Serialize();
    }
    if (!verdict.state.has_value()) return state;
    M result = std::move(planned);
    SetMore(*verdict.state, result);
    result.arguments = std::move(verdict.state->arguments);
    result.results = std::move(verdict.state->results);
    SetVerdict(result.status, verdict.state->status.value());
    state.private_state = verdict.state->record.Serialize();
    state.model = std::move(result);
    return state;
  }

  absl::Status Remove(const plugin::CallContext& context, const M& prior,
                      const std::string& private_state) const {
    DELIVERY_ASSIGN_OR_RETURN(const Connection connection, cluster_.Connect());
    // A record that cannot be read does not keep anybody from destroying.
    const ReleaseRecord record = RecordFrom(prior, private_state).value_or(ReleaseRecord());
    DELIVERY_RETURN_IF_ERROR(BeforeDelete(connection, prior, record, context.stop));
    return runner::RemoveWorkload(*connection.api, cluster_.clock(),
                                  RemovalOf(connection, prior, record, context.stop),
                                  DeleteTimeout(prior.arguments), context.stop);
  }

  // From our own type for another strategy: nothing is asked, and nothing released.
  TypedState<M> MoveOwn(const plugin::MoveRequest& request) const {
    TypedState<M> state;
    const absl::StatusOr<value::Value> source =
        value::DecodeJson(request.source_state_json, this->schema().block.ImpliedType(),
                          value::UnknownAttributes::kIgnore);
    if (!source.ok()) {
      AddApiError({}, "Unsupported move", source.status(), state.diagnostics);
      return state;
    }
    M model = M::Declaration().Decode(*source, {}, state.diagnostics);
    if (state.diagnostics.HasErrors()) return state;
    const absl::Status movable = CheckMove(RefOf(model), PhaseOf(model), kinds_);
    if (!movable.ok()) {
      AddApiError({}, "Unsupported move", movable, state.diagnostics);
      return state;
    }
    M::Declaration().ApplyDefaults(model);
    ImportMore(ReleaseRecord(), model);
    state.model = std::move(model);
    state.private_state = request.source_private_state;
    return state;
  }

  // The state of a workload that exists and that this resource has never written. `what` is done to
  // get there ("Import").
  TypedState<M> TakeOn(const plugin::CallContext& context, const kubernetes::ObjectRef& ref,
                       const char* what) const {
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    absl::Status refused = connection.status();
    if (connection.ok()) refused = CheckImport(*connection, ref, context.stop);
    ReleaseRecord record;
    const absl::StatusOr<Json> live = refused.ok()
                                          ? FindForImport(*connection, ref, context.stop, record)
                                          : absl::StatusOr<Json>(refused);
    if (live.ok()) return Imported(*live, ref, std::move(record));
    TypedState<M> state;
    AddApiError({}, absl::StrCat(what, " of ", ref.ToString(), " failed"), live.status(),
                state.diagnostics);
    return state;
  }

  TypedState<M> Imported(const Json& live, const kubernetes::ObjectRef& ref,
                         ReleaseRecord record) const {
    TypedState<M> state;
    M model;
    M::Declaration().ApplyDefaults(model);
    model.results.id = absl::StrCat(ref.namespace_name, "/", ref.name);
    record.imported = true;
    RefreshFromLive(live, false, model.arguments, nullptr, model.results, record,
                    state.diagnostics);
    model.results.last_good_images = model.results.running_images;
    model.results.failed_images = Images();
    model.results.release_plan = std::vector<schema::Attr<std::string>>();
    SetVerdict(model.status, ImportedStatus());
    ImportMore(record, model);
    state.model = std::move(model);
    state.private_state = record.Serialize();
    return state;
  }

  const Cluster& cluster_;
  const std::vector<std::string> kinds_;
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_RESOURCE_H_
