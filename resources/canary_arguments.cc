#include "resources/canary_arguments.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/oci/reference.h"
#include "provider/schema/rules.h"
#include "resources/approval.h"
#include "resources/manifest_value.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

absl::Duration DurationOr(const Attr<std::string>& text, absl::Duration otherwise) {
  if (!text.is_known()) return otherwise;
  return schema::ParseGoDuration(text.value()).value_or(otherwise);
}

// ---- Rules

// Only a Deployment has a canary; the others have means of their own.
bool ValidateKind(const CanaryRelease& config, Diagnostics& diagnostics) {
  if (!config.arguments.manifest.is_known()) return true;
  const std::string kind =
      kubernetes::KindOf(ToPartialJson(config.arguments.manifest.value()).json);
  if (kind != "StatefulSet" && kind != "DaemonSet") return true;
  diagnostics.Error(
      Path::Of("manifest"), absl::StrCat("A ", kind, " cannot be released by a canary"),
      kind == "StatefulSet"
          ? "A second StatefulSet would have other volumes and names. Use delivery_rollout and "
            "release the highest ordinals first with "
            "spec.updateStrategy.rollingUpdate.partition, or a Deployment."
          : "A node runs one pod of it. Use delivery_rollout and limit how many are replaced at a "
            "time with spec.updateStrategy.rollingUpdate.maxUnavailable, or a Deployment.");
  return false;
}

std::vector<std::string> CheckNames(const CheckBlocks& blocks, bool timed_only) {
  std::vector<std::string> names;
  if (!blocks.is_known()) return names;
  for (const CheckBlock& block : blocks.value()) {
    if (block.name.is_known() && (!timed_only || !block.at.is_null())) {
      names.push_back(block.name.value());
    }
  }
  return names;
}

bool SharesByReplicas(const CanaryRelease& config) {
  return config.traffic.is_known() && !config.traffic->replicas.is_null();
}

// The share is the ratio of ready pods: there is none without pods, and no way to choose.
void ValidateReplicasBackend(const CanaryRelease& config, Diagnostics& diagnostics) {
  if (!SharesByReplicas(config)) return;
  const int64_t first = config.step.is_known() && !config.step->empty()
                            ? config.step.value().front().weight.value_or(1)
                            : 1;
  if (config.approve_up_to.is_known() && config.approve_up_to.value() < first) {
    diagnostics.Error(Path::Of("approve_up_to"), "Without a router ready pods get traffic",
                      absl::StrCat("approve_up_to = ", config.approve_up_to.value(),
                                   " asks for a canary without traffic, which traffic.replicas "
                                   "cannot give: every ready pod is behind the Service. Use the "
                                   "weight of the first step, or a backend that routes."));
  }
  if (!config.arguments.check.is_known()) return;
  for (size_t i = 0; i < config.arguments.check->size(); ++i) {
    const CheckBlock& check = config.arguments.check.value()[i];
    if (check.at.value_or("") != "before_traffic") continue;
    diagnostics.Error(Path::Of("check").At(static_cast<int64_t>(i)).Attr("at"),
                      "Without a router ready pods get traffic",
                      "at = \"before_traffic\" is not possible with traffic.replicas: a canary pod "
                      "gets traffic as soon as it is ready. Name the check in the first step, or "
                      "use a backend that routes.");
  }
}

void ValidateStepBlocks(const CanaryRelease& config, Diagnostics& diagnostics) {
  StepRules rules;
  rules.share_by_replicas = SharesByReplicas(config);
  rules.interval = AnalysisInterval(config.analysis);
  rules.check_names = CheckNames(config.arguments.check, false);
  rules.timed_checks = CheckNames(config.arguments.check, true);
  ValidateSteps(config.step, rules, diagnostics);
}

// ---- What it asks for

absl::StatusOr<CanaryChecks> SplitChecks(const CanaryRelease& model) {
  CanaryChecks split;
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<checks::Check> all, ToChecks(model.arguments.check));
  std::set<std::string> of_steps;
  const std::vector<std::vector<std::string>> named = ChecksOfSteps(model.step);
  for (const auto& names : named) of_steps.insert(names.begin(), names.end());
  for (size_t i = 0; i < all.size(); ++i) {
    const CheckBlock& block = model.arguments.check.value()[i];
    const std::string at = block.at.value_or("");
    if (at == "before_traffic") {
      split.before_traffic.push_back(AskingCanary(all[i], block));
    } else if (at == "before_promotion") {
      split.before_promotion.push_back(AskingCanary(all[i], block));
    } else if (of_steps.count(all[i].name) == 0) {
      split.after_promotion.push_back(all[i]);
    }
    for (size_t step = 0; step < named.size(); ++step) {
      const auto& names = named[step];
      if (std::find(names.begin(), names.end(), all[i].name) == names.end()) continue;
      split.of_steps[static_cast<int>(step)].push_back(AskingCanary(all[i], block));
    }
  }
  return split;
}

absl::Duration TimeForStepChecks(const CanaryRelease& model) {
  // Each is counted once with the others; a check that several steps name runs as often.
  absl::Duration sum;
  if (!model.arguments.check.is_known()) return sum;
  std::map<std::string, int> times;
  for (const auto& names : ChecksOfSteps(model.step)) {
    for (const std::string& name : names) ++times[name];
  }
  for (const CheckBlock& block : model.arguments.check.value()) {
    const auto named = times.find(block.name.value_or(""));
    if (named == times.end()) continue;
    sum += (named->second - 1) * DurationOr(block.timeout, absl::Minutes(1));
  }
  return sum;
}

}  // namespace

const Spec<CanaryStatus>& CanaryStatus::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<CanaryStatus>("Verdict on the last release, and where it stands.");
    s->Embed(&CanaryStatus::verdict);
    s->Field("weight", &CanaryStatus::weight)
        .Computed()
        .Doc(
            "Percent of the traffic that the canary gets; 0 when there is none. With "
            "`traffic.replicas` its share of the ready pods.");
    s->Field("step", &CanaryStatus::step)
        .Computed()
        .Doc("The step at which the release stands; 1 is the first, 0 when there is none.");
    return s;
  }();
  return *spec;
}

Attr<ReleaseStatus> VerdictOf(const Attr<CanaryStatus>& status) {
  if (status.is_unknown()) return Attr<ReleaseStatus>::Unknown();
  return status.is_known() ? Attr<ReleaseStatus>(status->verdict) : Attr<ReleaseStatus>();
}

void SetVerdict(Attr<CanaryStatus>& status, ReleaseStatus verdict) {
  CanaryStatus changed;
  if (status.is_known()) changed = status.value();
  if (!changed.weight.is_known()) changed.weight = 0;
  if (!changed.step.is_known()) changed.step = 0;
  changed.verdict = std::move(verdict);
  status = std::move(changed);
}

namespace {

void DeclareTraffic(Spec<CanaryRelease>& s) {
  using C = CanaryRelease;
  s.Block("traffic", &C::traffic).Required();
  s.BlockList("step", &C::step);
  s.Block("match", &C::match);
  s.Field("approve_up_to", &C::approve_up_to)
      .Optional()
      .Between(0, 100)
      .Doc(
          "Run the steps up to this weight, stay there and return with the phase `Held`. A higher "
          "value goes on, and null goes on to the promotion. `0`: the canary is ready and checked, "
          "and gets no traffic.");
  s.Field("approved", &C::approved)
      .Optional()
      .Doc(
          "Container name => image. When given, `approve_up_to` holds until every image that is "
          "released is approved here: the same text, or the same digest.");
  s.Field("on_no_traffic", &C::on_no_traffic)
      .Default("fail")
      .OneOf({"fail", "continue"})
      .Doc(
          "What a measurement without any sample means: it is inconclusive, of which "
          "`analysis.inconclusive_limit` are tolerated, or it does not matter.");
  s.Field("scale_down_delay", &C::scale_down_delay)
      .Default("30s")
      .GoDuration()
      .Doc("How long the canary's pods stay after the traffic was taken from them.");
  s.Field("canary_labels", &C::canary_labels)
      .Optional()
      .Doc("Labels of the canary's pods, in place of what distinguishes them otherwise.");
}

}  // namespace

const Spec<CanaryRelease>& CanaryRelease::Declaration() {
  using C = CanaryRelease;
  static const auto* const spec = [] {
    auto* s = new Spec<C>(
        "Releases a Kubernetes Deployment by a canary: the new version runs beside the stable one "
        "and gets its traffic step by step, is checked and measured, and is promoted or rolled "
        "back. No controller is installed in the cluster.");
    s->Embed(&C::arguments);
    DeclareTraffic(*s);
    s->Field("on_failure", &C::on_failure)
        .Default("rollback")
        .OneOf({"rollback", "hold"})
        .Doc(
            "What happens to a release that failed: the traffic goes back to the stable version "
            "and the canary is removed (a first release is removed), or it stays at its weight "
            "and the next apply measures that step again.");
    s->Field("retry", &C::retry)
        .Default("on_change")
        .OneOf({"always", "on_change"})
        .Doc(
            "`on_change`: a pod template that was rolled back is not tried again; the plan "
            "warns, and apply refuses before any write.");
    s->Block("analysis", &C::analysis);
    s->Embed(&C::results);
    s->Field("status", &C::status).Computed().Doc("Verdict on the last release.");
    s->Field("analysis_report", &C::analysis_report)
        .Computed()
        .Doc("What was measured in the last release by canary, per metric.");
    return s;
  }();
  return *spec;
}

void ValidateCanaryRelease(const CanaryRelease& config, Diagnostics& diagnostics) {
  const bool kind_said = !ValidateKind(config, diagnostics);
  ValidateWorkloadArguments(config.arguments,
                            kind_said
                                ? std::vector<std::string>{"Deployment", "StatefulSet", "DaemonSet"}
                                : std::vector<std::string>{"Deployment"},
                            diagnostics);
  ValidateTraffic(config.traffic, config.match, diagnostics);
  ValidateStepBlocks(config, diagnostics);
  ValidateCheckBlocks(
      config.arguments.check,
      {{"after_promotion", "before_traffic", "before_promotion"}, {"canary", "stable"}},
      diagnostics);
  ValidateReplicasBackend(config, diagnostics);
  ValidateApproved(config.approved, config.arguments, diagnostics);
  ValidateAnalysis(config.analysis, {.backend = BackendOf(config), .compares = true}, diagnostics);
}

bool IsWhollyKnown(const CanaryRelease& model) {
  CanaryRelease told = model;
  // What is said of a release does not depend on these.
  told.arguments.retry_token = Attr<std::string>();
  told.arguments.schedule_timeout = Attr<std::string>();
  told.retry = Attr<std::string>();
  told.results = WorkloadResults();
  told.status = Attr<CanaryStatus>();
  told.analysis_report = AnalysisReport();
  return CanaryRelease::Declaration().Encode(told).IsWhollyKnown();
}

std::optional<int> ApprovedUpTo(const CanaryRelease& model) {
  if (!model.approve_up_to.is_known()) return std::nullopt;
  const auto up_to = static_cast<int>(model.approve_up_to.value());
  if (ApprovesImages(model.approved, model.arguments)) return std::nullopt;
  return up_to;
}

absl::StatusOr<CanaryJob> ToCanaryJob(const CanaryRelease& model) {
  CanaryJob job;
  DELIVERY_ASSIGN_OR_RETURN(job.backend, ToBackend(model.traffic));
  DELIVERY_ASSIGN_OR_RETURN(job.checks, SplitChecks(model));
  job.match = ToMatch(model.match);
  job.plan.steps = ToSteps(model.step);
  for (auto& [index, checks] : job.checks.of_steps) {
    job.plan.steps[static_cast<size_t>(index)].has_checks = !checks.empty();
  }
  job.plan.approve_up_to = ApprovedUpTo(model);
  job.plan.scale_down_delay = ScaleDownDelay(model);
  job.labels = KnownImages(model.canary_labels);
  return job;
}

std::optional<std::string> BackendOf(const CanaryRelease& model) {
  if (!model.traffic.is_known()) return std::nullopt;
  if (!TrafficBlock::Declaration().Encode(model.traffic.value()).IsWhollyKnown()) {
    return std::nullopt;
  }
  const absl::StatusOr<routing::Backend> backend = ToBackend(model.traffic);
  if (!backend.ok()) return std::nullopt;
  return routing::BackendName(*backend);
}

absl::Duration TimeBesides(const CanaryRelease& model) {
  absl::Duration delay;
  if (model.analysis.is_known()) delay = DurationOr(model.analysis->initial_delay, delay);
  const size_t steps = model.step.is_known() ? model.step->size() : 0;
  return TimeForSteps(model.step) + static_cast<int64_t>(steps) * delay +
         AnalysisDuration(model.analysis) + ScaleDownDelay(model) + TimeForStepChecks(model);
}

absl::Duration ScaleDownDelay(const CanaryRelease& model) {
  return DurationOr(model.scale_down_delay, absl::Seconds(30));
}

}  // namespace delivery::resources
