// What delivery_ab_test and delivery_traffic_mirror do alike: a plugin::Resource over a struct with
// members `arguments` and `results`.
#ifndef DELIVERY_RESOURCES_VARIANT_RESOURCE_H_
#define DELIVERY_RESOURCES_VARIANT_RESOURCE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/runner/journal.h"
#include "resources/typed_resource.h"
#include "resources/variant_plan.h"
#include "resources/variant_refresh.h"
#include "resources/variant_verdict.h"
#include "resources/workload_change.h"
#include "resources/workload_identity.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {

template <typename M>
class VariantResource : public TypedResource<M> {
 public:
  VariantResource(std::string type_name, const Cluster& cluster)
      : TypedResource<M>(std::move(type_name)), cluster_(cluster) {}

  const schema::IdentitySchema* identity_schema() const final { return &WorkloadIdentitySchema(); }

 protected:
  virtual VariantWish WishOf(const M& model) const = 0;
  // Whether `planned` asks for something else, apart from the common arguments; both wholly known.
  virtual bool AsksForMore(const M& planned, const M& prior) const = 0;
  // Whether its time is over, as a refresh has stored it: the next apply takes it back.
  virtual bool IsOver(const M&) const { return false; }
  // Whether `planned` gives it another time than `prior`.
  virtual bool ChangesTime(const M&, const M&) const { return false; }
  // At a refresh.
  virtual void NoteTime(M&, absl::Time) const {}
  // In an apply: whether it is to serve. May say in `planned` whether its time is over.
  virtual bool MayServe(const M*, M&, absl::Time) const { return true; }
  // What of the computed attributes is not in VariantResults: as unknown as these, or as known.
  virtual void PlanMore(const M*, M&) const {}
  // Known values for what PlanMore left unknown.
  virtual void FillMore(M&) const {}
  virtual void ImportMore(M&) const {}

  value::Value IdentityOf(const M& model) const final {
    if (!model.arguments.workload.is_known() ||
        !model.arguments.workload->namespace_name.is_known() ||
        !model.arguments.workload->name.is_known()) {
      return {};
    }
    return IdentityValue(WorkloadOf(model.arguments));
  }

  TypedState<M> ReadState(const plugin::CallContext& context, M prior,
                          const std::string& private_state) const final {
    TypedState<M> state{std::move(prior), private_state, {}};
    M& model = *state.model;
    if (cluster_.IsUnknown()) {
      state.diagnostics.Warning({}, "Refresh was skipped",
                                "The provider's configuration is not known yet; the state is shown "
                                "as it was.");
      return state;
    }
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    absl::StatusOr<VariantRecord> record = VariantRecord::Parse(private_state);
    if (!connection.ok() || !record.ok()) {
      AddApiError({}, "Refresh failed", connection.ok() ? record.status() : connection.status(),
                  state.diagnostics);
      return state;
    }
    const VariantJob job = JobOf(*connection, model, false);
    RefreshVariant(job, *record, model.results, context.stop, state.diagnostics);
    if (model.results.serving.value_or(false)) NoteTime(model, cluster_.clock().Now());
    state.private_state = record->Serialize();
    return state;
  }

  TypedPlan<M> PlanChange(const plugin::CallContext& context, const M& config,
                          const std::optional<M>& prior, M planned,
                          const std::string& private_state) const final {
    TypedPlan<M> plan{std::move(planned), private_state, {}, {}};
    M& model = plan.planned;
    if (prior.has_value() && !ReplacesAll(model.arguments, prior->arguments, plan)) {
      PlanUpdate(context, config, *prior, private_state, plan);
      return plan;
    }
    M::Declaration().PlanComputed(config, nullptr, model);
    PlanMore(nullptr, model);
    SetId(model);
    if (!IsWhollyKnown(model)) return plan;
    SetPlanText(VariantChange::kCreate, model);
    // After a replacement nothing of the old one is there; before it, all of it.
    if (!prior.has_value()) Rehearse(context, model, false, false, plan.diagnostics);
    return plan;
  }

  TypedState<M> Create(const plugin::CallContext& context, M planned,
                       const std::string&) const final {
    return Change(context, std::nullopt, std::move(planned), VariantRecord());
  }

  TypedState<M> Update(const plugin::CallContext& context, M prior, M planned,
                       const std::string& private_state) const final {
    absl::StatusOr<VariantRecord> record = VariantRecord::Parse(private_state);
    if (!record.ok()) {
      TypedState<M> state{std::move(prior), private_state, {}};
      AddApiError({}, "Update failed", record.status(), state.diagnostics);
      return state;
    }
    // Only settings changed: nothing is written to the cluster.
    if (!planned.results.status.is_unknown()) return {std::move(planned), private_state, {}};
    return Change(context, std::move(prior), std::move(planned), *std::move(record));
  }

  TypedState<M> Delete(const plugin::CallContext& context, const M& prior,
                       const std::string& private_state) const final {
    TypedState<M> state;
    VariantRecord record = VariantRecord::Parse(private_state).value_or(VariantRecord());
    const absl::Status gone = Remove(context, prior, record);
    if (gone.ok()) return state;
    state.model = prior;
    state.private_state = record.Serialize();
    AddApiError({}, absl::StrCat("Destroying the ", WishOf(prior).words.noun, " failed"), gone,
                state.diagnostics);
    return state;
  }

  TypedState<M> ImportState(const plugin::CallContext& context,
                            const plugin::ImportRequest& request) const final {
    TypedState<M> state;
    const std::optional<kubernetes::ObjectRef> ref = ParseImport(request, {"Deployment"});
    if (!ref.has_value()) {
      state.diagnostics.Error({}, "Invalid import id",
                              absl::StrCat("\"", request.id, "\" is not an id of this resource. ",
                                           ImportForm({"Deployment"})));
      return state;
    }
    const absl::Status taken = TakeOn(context, *ref, state);
    if (!taken.ok()) {
      state.model.reset();
      AddApiError({}, absl::StrCat("Import of ", ref->ToString(), " failed"), taken,
                  state.diagnostics);
    }
    return state;
  }

  const Cluster& cluster() const { return cluster_; }

 private:
  VariantJob JobOf(const Connection& connection, const M& model, bool creates) const {
    return {connection, cluster_.clock(), WishOf(model), model.arguments, creates};
  }

  bool IsWhollyKnown(const M& model) const {
    M asked = model;
    asked.results = VariantResults();
    FillMore(asked);
    return M::Declaration().Encode(asked).IsWhollyKnown();
  }

  static void SetId(M& model) {
    const auto& workload = model.arguments.workload;
    const bool known =
        workload.is_known() && workload->namespace_name.is_known() && workload->name.is_known();
    if (known) {
      model.results.id =
          absl::StrCat(workload->namespace_name.value(), "/", workload->name.value());
    }
  }

  // Another workload or another route: what is there goes by its own way, and the new one begins.
  static bool ReplacesAll(const VariantArguments& planned, const VariantArguments& prior,
                          TypedPlan<M>& plan) {
    const auto changed = [](const auto& one, const auto& other) {
      return !(schema::EncodeAttr(one) == schema::EncodeAttr(other));
    };
    if (changed(planned.workload, prior.workload)) {
      plan.requires_replace.push_back(value::Path::Of("workload"));
    }
    if (!prior.traffic.is_null() && changed(planned.traffic, prior.traffic)) {
      plan.requires_replace.push_back(value::Path::Of("traffic"));
    }
    return !plan.requires_replace.empty();
  }

  void PlanUpdate(const plugin::CallContext& context, const M& config, const M& prior,
                  const std::string& private_state, TypedPlan<M>& plan) const {
    M& model = plan.planned;
    const VariantResults& was = prior.results;
    const absl::StatusOr<VariantRecord> record = VariantRecord::Parse(private_state);
    const bool serves = was.serving.value_or(false);
    const std::string phase = was.status.is_known() ? was.status->phase.value_or("") : "";
    const bool ends = serves && IsOver(prior);
    const bool renews = serves && was.stale.value_or(false);
    // Arguments that are not known yet may ask for something else.
    const bool known = IsWhollyKnown(model);
    const bool asks = AsksForMore(model, prior) ||
                      (serves && !AsksForSameVariant(model.arguments, prior.arguments));
    if (!asks && known && !ends && !renews && !NeedsRelease(phase)) {
      model.results = was;
      PlanMore(&prior, model);
      return;
    }
    M::Declaration().PlanComputed(config, &prior, model);
    PlanMore(nullptr, model);
    if (!known) return;
    const bool only_ends = ends && !ChangesTime(model, prior);
    SetPlanText(only_ends ? VariantChange::kEnd
                : renews  ? VariantChange::kRenew
                          : VariantChange::kChange,
                model);
    const bool gone = record.ok() && record->workload_is_gone;
    if (!only_ends) Rehearse(context, model, gone, true, plan.diagnostics);
  }

  void SetPlanText(VariantChange change, M& model) const {
    std::vector<schema::Attr<std::string>> lines;
    for (std::string& line : DescribeVariant(WishOf(model), model.arguments, change)) {
      lines.emplace_back(std::move(line));
    }
    model.results.release_plan = std::move(lines);
  }

  void Rehearse(const plugin::CallContext& context, const M& planned, bool existed, bool open,
                Diagnostics& diagnostics) const {
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    if (!connection.ok()) return;
    RehearseVariant(JobOf(*connection, planned, !open), existed, open, context.stop, diagnostics);
  }

  TypedState<M> Change(const plugin::CallContext& context, std::optional<M> prior, M planned,
                       VariantRecord record) const {
    TypedState<M> state;
    const absl::StatusOr<Connection> connection = cluster_.Connect();
    const VariantRecord before = record;
    absl::StatusOr<runner::ReleaseResult> result =
        connection.ok() ? absl::UnknownError("nothing was tried") : connection.status();
    const std::string noun = WishOf(planned).words.noun;
    if (connection.ok()) {
      const bool serves =
          MayServe(prior.has_value() ? &*prior : nullptr, planned, cluster_.clock().Now());
      const VariantJob job = JobOf(*connection, planned, !prior.has_value());
      result = serves ? ServeVariant(job, record, context.stop)
                      : TakeBackVariant(job, VariantTimeout(planned.arguments, false), record,
                                        context.stop);
    }
    const bool nothing_changed = !result.ok() || result->outcome == engine::Outcome::kRefused;
    ExplainVariant({noun, !prior.has_value(), result}, state.diagnostics);
    if (nothing_changed) {
      state.model = std::move(prior);
      if (state.model.has_value()) state.private_state = before.Serialize();
      return state;
    }
    if (!prior.has_value() && !LeavesVariant(*result)) return state;
    const bool as_planned = result->outcome == engine::Outcome::kServing ||
                            result->outcome == engine::Outcome::kSucceeded;
    M model = as_planned || !prior.has_value() ? std::move(planned) : *prior;
    model.results.started_at =
        prior.has_value() ? prior->results.started_at : schema::Attr<std::string>();
    const bool another = !before.run.has_value() || !record.run.has_value() ||
                         before.run->run_id != record.run->run_id;
    SetVariantResults({WishOf(model), model.arguments, *result, another, cluster_.clock().Now()},
                      record, model.results);
    if (model.results.release_plan.is_unknown()) {
      model.results.release_plan = std::vector<schema::Attr<std::string>>();
    }
    FillMore(model);
    state.model = std::move(model);
    state.private_state = record.Serialize();
    return state;
  }

  absl::Status Remove(const plugin::CallContext& context, const M& prior,
                      VariantRecord& record) const {
    DELIVERY_ASSIGN_OR_RETURN(const Connection connection, cluster_.Connect());
    const VariantJob job = JobOf(connection, prior, false);
    const absl::StatusOr<runner::ReleaseResult> result =
        TakeBackVariant(job, VariantDeleteTimeout(prior.arguments), record, context.stop);
    // With its namespace everything went.
    if (absl::IsNotFound(result.status())) {
      const auto space = connection.api->Get(
          {"v1", "Namespace", "", WorkloadOf(prior.arguments).namespace_name}, context.stop);
      if (absl::IsNotFound(space.status())) return absl::OkStatus();
    }
    DELIVERY_RETURN_IF_ERROR(result.status());
    const bool gone = result->outcome == engine::Outcome::kSucceeded ||
                      result->outcome == engine::Outcome::kRolledBack;
    if (gone) return result->store_status;
    return absl::FailedPreconditionError(absl::StrCat(
        result->reason.empty() ? "it was stopped" : result->reason, ". Destroy again to go on."));
  }

  absl::Status TakeOn(const plugin::CallContext& context, const kubernetes::ObjectRef& ref,
                      TypedState<M>& state) const {
    DELIVERY_ASSIGN_OR_RETURN(const Connection connection, cluster_.Connect());
    M model;
    M::Declaration().ApplyDefaults(model);
    model.arguments.workload = VariantWorkloadBlock{ref.namespace_name, ref.name};
    ImportMore(model);
    const VariantJob job = JobOf(connection, model, false);
    DELIVERY_ASSIGN_OR_RETURN(
        const auto found,
        runner::LoadJournal(*connection.api, ref, context.stop, job.wish.words.suffix));
    if (!found.has_value() || found->state.step != engine::Step::kServing ||
        found->resource_type != this->type_name()) {
      return absl::NotFoundError(absl::StrCat("no ", job.wish.words.noun, " of ", ref.ToString(),
                                              " that a ", this->type_name(),
                                              " has made serves at present."));
    }
    DELIVERY_ASSIGN_OR_RETURN(const Json live, GetWorkload(job, context.stop));
    VariantRecord record;
    record.run = found->state;
    record.workload = WorkloadOutline(live);
    SetImportedResults(job, found->state, model.results);
    state.model = std::move(model);
    state.private_state = record.Serialize();
    return absl::OkStatus();
  }

  const Cluster& cluster_;
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_RESOURCE_H_
