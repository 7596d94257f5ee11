// delivery_rollout: releases a workload in place. Kubernetes' own controllers do the work; the
// resource writes, waits, explains, rolls back and shows drift.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "resources/analysis_block.h"
#include "resources/canary_preflight.h"
#include "resources/catalog.h"
#include "resources/manifest_value.h"
#include "resources/workload_resource.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

struct Rollout {
  WorkloadArguments arguments;
  Attr<bool> paused;
  Attr<std::string> on_failure;
  Attr<std::string> retry;
  Attr<AnalysisBlock> analysis;
  WorkloadResults results;
  Attr<ReleaseStatus> status;

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
              "warns, and apply refuses before any write.");
      s->Block("analysis", &Rollout::analysis);
      s->Embed(&Rollout::results);
      s->Field("status", &Rollout::status).Computed().Doc("Verdict on the last release.");
      return s;
    }();
    return *spec;
  }
};

engine::OnFailure OnFailureOf(const Rollout& model) {
  const std::string text = model.on_failure.value_or("rollback");
  if (text == "pause") return engine::OnFailure::kPause;
  if (text == "keep") return engine::OnFailure::kKeep;
  return engine::OnFailure::kRollback;
}

// Only a Deployment's rollout can be held.
void ValidateHolding(const Rollout& config, Diagnostics& diagnostics) {
  if (!config.arguments.manifest.is_known()) return;
  const std::string kind =
      kubernetes::KindOf(ToPartialJson(config.arguments.manifest.value()).json);
  if (kind != "StatefulSet" && kind != "DaemonSet") return;
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

class RolloutResource final : public WorkloadResource<Rollout> {
 public:
  explicit RolloutResource(const Cluster& cluster)
      : WorkloadResource("delivery_rollout", cluster, {"Deployment", "StatefulSet", "DaemonSet"}) {}

 protected:
  void ValidateConfig(const Rollout& config, Diagnostics& diagnostics) const override {
    ValidateWorkloadArguments(config.arguments, {"Deployment", "StatefulSet", "DaemonSet"},
                              diagnostics);
    ValidateHolding(config, diagnostics);
    ValidateCheckBlocks(config.arguments.check, {{"after_promotion"}, {"stable"}}, diagnostics);
    ValidateAnalysis(config.analysis, {.backend = "", .compares = false}, diagnostics);
  }

  void SetUpJob(const Rollout& planned, ReleaseJob& job) const override {
    job.on_failure = OnFailureOf(planned);
    job.paused = planned.paused.value_or(false);
    job.analysis = planned.analysis;
    job.besides = AnalysisDuration(planned.analysis);
  }

  bool AsksForRelease(const Rollout& planned, const Rollout& prior,
                      const ReleaseRecord&) const override {
    return !(planned.paused == prior.paused);
  }

  Attr<bool>* PausedOf(Rollout& model) const override { return &model.paused; }

  void JudgeChange(const Rollout& planned, const std::optional<Rollout>&, const ReleaseRecord&,
                   Diagnostics& diagnostics) const override {
    if (planned.status.is_unknown()) WarnOfOnDelete(planned, diagnostics);
  }

  void RehearseMore(const Connection& connection, const plugin::CallContext& context,
                    const ReleaseJob& job, const WriteIntent& intent,
                    Diagnostics& diagnostics) const override {
    RehearseMetrics(connection, job, intent, context.stop, diagnostics);
  }

  std::optional<std::vector<std::string>> DescribeRelease(const Rollout* prior,
                                                          const ReleaseRecord& record,
                                                          const Rollout& planned) const override {
    const WorkloadArguments& arguments = planned.arguments;
    // The others are told of: what is said now may not change once they are known.
    Rollout told = planned;
    told.arguments.retry_token = Attr<std::string>();
    told.arguments.schedule_timeout = Attr<std::string>();
    told.retry = Attr<std::string>();
    told.results = WorkloadResults();
    told.status = Attr<ReleaseStatus>();
    if (!Rollout::Declaration().Encode(told).IsWhollyKnown()) return std::nullopt;
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
    input.besides = AnalysisDuration(planned.analysis);
    input.analysis = DescribeAnalysis(planned.analysis, "");
    return DescribeRollout(input);
  }

 private:
  // What the journal of the planned release would say, empty when it cannot be told.
  std::string IdentityOfRelease(const Rollout& prior, const ReleaseRecord& record,
                                const Rollout& planned) const {
    const absl::StatusOr<WriteIntent> intent =
        IntentOfJob(JobOf(planned, &prior, record), NamespaceOfId(prior.results.id.value()));
    return intent.ok() ? RunIdentityOf(*intent) : "";
  }
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeRollout(const Cluster& cluster) {
  return std::make_unique<RolloutResource>(cluster);
}

}  // namespace delivery::resources
