// delivery_blue_green_release: two slots of one workload, and one write that switches between them.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/kubernetes/object.h"
#include "provider/runner/slot_objects.h"
#include "resources/blue_green_arguments.h"
#include "resources/blue_green_plan.h"
#include "resources/blue_green_refresh.h"
#include "resources/blue_green_setup.h"
#include "resources/canary_preflight.h"
#include "resources/canary_refresh.h"
#include "resources/catalog.h"
#include "resources/workload_resource.h"

namespace delivery::resources {
namespace {

class BlueGreenResource final : public WorkloadResource<BlueGreenRelease> {
 public:
  explicit BlueGreenResource(const Cluster& cluster)
      : WorkloadResource("delivery_blue_green_release", cluster, {"Deployment"}) {}

 protected:
  void ValidateConfig(const BlueGreenRelease& config, Diagnostics& diagnostics) const override {
    ValidateBlueGreenRelease(config, diagnostics);
  }

  void SetUpJob(const BlueGreenRelease& planned, ReleaseJob& job) const override {
    job.on_failure = planned.on_failure.value_or("rollback") == "keep"
                         ? engine::OnFailure::kKeep
                         : engine::OnFailure::kRollback;
    job.analysis = planned.analysis;
    job.besides = AnalysisDuration(planned.analysis);
    // Validation has seen to it.
    absl::StatusOr<BlueGreenJob> blue_green = ToBlueGreenJob(planned);
    if (blue_green.ok()) job.blue_green = *std::move(blue_green);
  }

  bool AsksForRelease(const BlueGreenRelease& planned, const BlueGreenRelease& prior,
                      const ReleaseRecord&) const override {
    const bool undecided = planned.approve.is_unknown() || planned.approved.is_unknown();
    const bool goes_on = PhaseOf(prior) == phase::kHeld && (undecided || IsApproved(planned));
    return goes_on || prior.previous_expired.value_or(false);
  }

  std::optional<value::Path> Replaces(const BlueGreenRelease& planned,
                                      const BlueGreenRelease& prior) const override {
    const auto differs = [](const value::Value& wanted, const value::Value& had) {
      return wanted.IsWhollyKnown() && !(wanted == had);
    };
    // After an import they were never seen.
    if (!prior.service.is_known()) return std::nullopt;
    if (differs(schema::EncodeAttr(planned.slot_label), schema::EncodeAttr(prior.slot_label))) {
      return value::Path::Of("slot_label");
    }
    if (differs(schema::EncodeAttr(planned.service), schema::EncodeAttr(prior.service))) {
      return value::Path::Of("service");
    }
    if (differs(schema::EncodeAttr(planned.switch_by), schema::EncodeAttr(prior.switch_by))) {
      return value::Path::Of("switch");
    }
    return std::nullopt;
  }

  std::optional<std::vector<std::string>> DescribeRelease(
      const BlueGreenRelease* prior, const ReleaseRecord& record,
      const BlueGreenRelease& planned) const override {
    if (!IsWhollyKnown(planned) || !planned.results.id.is_known()) return std::nullopt;
    const ReleaseJob job = JobOf(planned, prior, record);
    const absl::StatusOr<WriteIntent> intent =
        IntentOfJob(job, NamespaceOfId(planned.results.id.value()));
    if (!intent.ok() || !job.blue_green.has_value()) return std::nullopt;
    return DescribeBlueGreenRelease(
        {planned, prior, record, job, intent->workload, prior == nullptr ? "" : PhaseOf(*prior)});
  }

  void JudgeChange(const BlueGreenRelease& planned, const std::optional<BlueGreenRelease>& prior,
                   const ReleaseRecord& record, Diagnostics& diagnostics) const override {
    if (!prior.has_value()) return;
    JudgeOpenBlueGreen(planned, *prior, PhaseOf(*prior), record, diagnostics);
    const std::optional<value::Path> replaces = Replaces(planned, *prior);
    if (!replaces.has_value()) return;
    diagnostics.Warning(*replaces, "The workload is replaced",
                        "slot_label, service or switch changed: both slots are deleted and the "
                        "workload is created anew, and is down in between.");
  }

  void AdaptRehearsal(const ReleaseJob& job, WriteIntent& intent,
                      PreflightInput& input) const override {
    if (!job.blue_green.has_value()) return;
    const std::optional<SlotRecord>& slots = job.planned.record.slots;
    const std::string active = slots.has_value() ? slots->active : "";
    const bool switches = ReleasesBySwitch(job, intent.workload, job.planned.record.open_identity);
    const std::string slot =
        switches ? routing::OtherSlot(job.prior.has_value() ? active : "") : active;
    intent.workload =
        runner::SlotDeployment(intent.workload, job.blue_green->slot_label, slot, std::nullopt);
    if (switches) intent.agreed.push_back(kubernetes::FieldPath() / "spec" / "replicas");
    // A slot that is there is written over; whose it is was looked at with everything else.
    input.first_release = switches || job.planned.record.recorded.empty();
    input.adopt_existing = true;
  }

  void RehearseMore(const Connection& connection, const plugin::CallContext& context,
                    const ReleaseJob& job, const WriteIntent& intent,
                    Diagnostics& diagnostics) const override {
    RehearseMetrics(connection, job, intent, context.stop, diagnostics);
    if (!job.blue_green.has_value() || connection.preflight == Preflight::kOff) return;
    Prepared prepared;
    prepared.ref = kubernetes::RefOf(intent.workload);
    prepared.intent = intent;
    const std::string& open = job.planned.record.open_identity;
    if (!open.empty() || !ReleasesBySwitch(job, intent.workload, open)) return;
    const absl::Status refused = SetUpBlueGreen(connection, job, prepared, context.stop).status();
    const bool unanswered = !kubernetes::GetApiError(refused).has_value() &&
                            (absl::IsUnavailable(refused) || absl::IsDeadlineExceeded(refused));
    if (refused.ok() || absl::IsCancelled(refused) || unanswered) return;
    const std::string summary =
        absl::StrCat("A blue-green release of ", prepared.ref.ToString(), " could not begin");
    // What the slots have been switched by was there before; otherwise it may come in the same
    // apply.
    const bool was_there = job.prior.has_value() && absl::IsNotFound(refused);
    if (was_there || connection.preflight == Preflight::kError) {
      diagnostics.Error(value::Path::Of("service"), summary, std::string(refused.message()));
    } else {
      diagnostics.Warning(value::Path::Of("service"), summary, std::string(refused.message()));
    }
  }

  // That of the slot that serves.
  void ForgetMore(BlueGreenRelease& planned) const override {
    planned.results.uid = schema::Attr<std::string>::Unknown();
  }

  void KeepMore(const BlueGreenRelease& prior, BlueGreenRelease& planned) const override {
    planned.active_slot = prior.active_slot;
    planned.idle_slot = prior.idle_slot;
    planned.previous_expired = prior.previous_expired;
    planned.analysis_report = prior.analysis_report;
  }

  void SetMore(const WorkloadState& state, BlueGreenRelease& result) const override {
    SetSlots(state.record, result);
    const engine::AnalysisPlan plan = ToAnalysisPlan(result.analysis, false);
    result.analysis_report = ToReport(plan.metrics, state.run->tallies);
  }

  void CompleteRecord(const BlueGreenRelease& model, ReleaseRecord& record) const override {
    if (record.slots.has_value()) return;
    record.slots.emplace();
    record.slots->active = model.active_slot.value_or(routing::kSlots[0]);
  }

  absl::StatusOr<Json> GetLive(const Connection& connection, BlueGreenRelease& model,
                               ReleaseRecord& record, const std::stop_token& stop,
                               Diagnostics& diagnostics) const override {
    return FindServingSlot({connection, cluster().clock().Now(), stop, RefOf(model)}, model, record,
                           diagnostics);
  }

  bool RefreshRun(const Connection& connection, const plugin::CallContext& context,
                  const Json& live, ReleaseRecord& record, BlueGreenRelease& model,
                  Diagnostics& diagnostics) const override {
    return RefreshBlueGreen({connection, cluster().clock().Now(), context.stop, RefOf(model)}, live,
                            model, record, diagnostics);
  }

  absl::Status CheckImport(const Connection& connection, const kubernetes::ObjectRef& ref,
                           const std::stop_token& stop) const override {
    return RequireNoOpenRun(*connection.api, ref, cluster().clock().Now(), stop);
  }

  absl::StatusOr<Json> FindForImport(const Connection& connection, const kubernetes::ObjectRef& ref,
                                     const std::stop_token& stop,
                                     ReleaseRecord& record) const override {
    return FindSlotsForImport(*connection.api, ref, stop, record);
  }

  void ImportMore(const ReleaseRecord& record, BlueGreenRelease& model) const override {
    SetSlots(record, model);
    model.analysis_report = ToReport({}, {});
  }

  absl::Status CheckMoveHere() const override {
    return absl::FailedPreconditionError(
        "a plain Deployment has no slots, so it cannot become a blue-green release without new "
        "pods. The guide \"Moving a Deployment to blue-green\" shows the way without downtime.");
  }

  runner::Removal RemovalOf(const Connection& connection, const BlueGreenRelease& prior,
                            const ReleaseRecord& record,
                            const std::stop_token& stop) const override {
    runner::Removal removal{RefOf(prior), {}, {}};
    const std::string label = prior.slot_label.value_or("slot");
    for (const char* slot : routing::kSlots) {
      const kubernetes::ObjectRef ref = runner::SlotRef(removal.workload, slot);
      const absl::StatusOr<Json> live = connection.api->Get(ref, stop);
      // Not what somebody else calls so.
      if (live.ok() && runner::IsSlot(*live, label, slot)) {
        removal.objects.push_back({ref, kubernetes::UidOf(*live)});
      }
    }
    const absl::StatusOr<BlueGreenJob> job = ToBlueGreenJob(prior);
    if (!job.ok()) return removal;
    removal.before = [api = connection.api, job = *job, record, stop,
                      ref = removal.workload](const std::optional<engine::State>& journal) {
      return TakeBackSwitch({*api, job, ref, record, journal}, stop);
    };
    return removal;
  }

 private:
  static void SetSlots(const ReleaseRecord& record, BlueGreenRelease& model) {
    const SlotRecord slots = record.slots.value_or(SlotRecord());
    model.active_slot = slots.active.empty() ? std::string(routing::kSlots[0]) : slots.active;
    model.idle_slot = routing::OtherSlot(model.active_slot.value());
    model.previous_expired = slots.expired;
  }
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeBlueGreenRelease(const Cluster& cluster) {
  return std::make_unique<BlueGreenResource>(cluster);
}

}  // namespace delivery::resources
