// delivery_canary_release: shifts traffic to a new version step by step, beside the stable one.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/kubernetes/object.h"
#include "resources/canary_arguments.h"
#include "resources/canary_plan.h"
#include "resources/canary_preflight.h"
#include "resources/canary_refresh.h"
#include "resources/catalog.h"
#include "resources/workload_resource.h"

namespace delivery::resources {
namespace {

class CanaryResource final : public WorkloadResource<CanaryRelease> {
 public:
  explicit CanaryResource(const Cluster& cluster)
      : WorkloadResource("delivery_canary_release", cluster, {"Deployment"}) {}

 protected:
  void ValidateConfig(const CanaryRelease& config, Diagnostics& diagnostics) const override {
    ValidateCanaryRelease(config, diagnostics);
  }

  void SetUpJob(const CanaryRelease& planned, ReleaseJob& job) const override {
    job.on_failure = planned.on_failure.value_or("rollback") == "hold"
                         ? engine::OnFailure::kHold
                         : engine::OnFailure::kRollback;
    job.analysis = planned.analysis;
    job.no_data_passes = planned.on_no_traffic.value_or("fail") == "continue";
    job.backend = BackendOf(planned).value_or("");
    job.besides = TimeBesides(planned);
    // Validation has seen to it; without it the workload would be released in place.
    absl::StatusOr<CanaryJob> canary = ToCanaryJob(planned);
    if (canary.ok()) job.canary = *std::move(canary);
  }

  bool AsksForRelease(const CanaryRelease& planned, const CanaryRelease& prior,
                      const ReleaseRecord& record) const override {
    return PhaseOf(prior) == phase::kHeld && GoesOn(planned, record);
  }

  std::optional<std::vector<std::string>> DescribeRelease(
      const CanaryRelease* prior, const ReleaseRecord& record,
      const CanaryRelease& planned) const override {
    if (!IsWhollyKnown(planned) || !planned.results.id.is_known()) return std::nullopt;
    const ReleaseJob job = JobOf(planned, prior, record);
    const absl::StatusOr<WriteIntent> intent =
        IntentOfJob(job, NamespaceOfId(planned.results.id.value()));
    if (!intent.ok() || !job.canary.has_value()) return std::nullopt;
    return DescribeCanaryRelease(
        {planned, prior, record, job, intent->workload, prior == nullptr ? "" : PhaseOf(*prior)});
  }

  void JudgeChange(const CanaryRelease& planned, const std::optional<CanaryRelease>& prior,
                   const ReleaseRecord& record, Diagnostics& diagnostics) const override {
    if (prior.has_value()) {
      JudgeOpenCanary(planned, *prior, PhaseOf(*prior), record, diagnostics);
    }
  }

  void RehearseMore(const Connection& connection, const plugin::CallContext& context,
                    const ReleaseJob& job, const WriteIntent& intent,
                    Diagnostics& diagnostics) const override {
    if (job.canary.has_value()) {
      RehearseCanary(connection, job, intent, context.stop, diagnostics);
    }
    RehearseMetrics(connection, job, intent, context.stop, diagnostics);
  }

  void KeepMore(const CanaryRelease& prior, CanaryRelease& planned) const override {
    planned.analysis_report = prior.analysis_report;
  }

  void SetMore(const WorkloadState& state, CanaryRelease& result) const override {
    CanaryStatus status;
    status.weight = state.share;
    status.step = state.position;
    result.status = std::move(status);
    const engine::AnalysisPlan plan = ToAnalysisPlan(result.analysis, false);
    result.analysis_report = ToReport(plan.metrics, state.run->tallies);
  }

  void ImportMore(const ReleaseRecord&, CanaryRelease& model) const override {
    if (model.status.is_known()) SetVerdict(model.status, model.status->verdict);
    model.analysis_report = ToReport({}, {});
  }

  bool RefreshRun(const Connection& connection, const plugin::CallContext& context,
                  const Json& live, ReleaseRecord& record, CanaryRelease& model,
                  Diagnostics& diagnostics) const override {
    return RefreshCanary({connection, cluster().clock().Now(), context.stop, RefOf(model), live},
                         model, record, diagnostics);
  }

  absl::Status CheckImport(const Connection& connection, const kubernetes::ObjectRef& ref,
                           const std::stop_token& stop) const override {
    return RequireNoOpenRun(*connection.api, ref, cluster().clock().Now(), stop);
  }

  absl::Status BeforeDelete(const Connection& connection, const CanaryRelease& prior,
                            const ReleaseRecord& record,
                            const std::stop_token& stop) const override {
    return TakeBackCanary(connection, cluster().clock(), JobOf(prior, &prior, record), RefOf(prior),
                          stop);
  }
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeCanaryRelease(const Cluster& cluster) {
  return std::make_unique<CanaryResource>(cluster);
}

}  // namespace delivery::resources
