#include "resources/variant_refresh.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/schema/rules.h"
#include "resources/side_pods.h"
#include "resources/workload_change.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using engine::Step;
using value::Path;

absl::Duration IntervalOf(const VariantArguments& arguments) {
  constexpr absl::Duration kInterval = absl::Seconds(30);
  return schema::ParseGoDuration(arguments.interval.value_or("30s")).value_or(kInterval);
}

metrics::Side SideOf(const VariantJob& job, bool variant, std::vector<Json> pods) {
  const kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  metrics::Side side;
  side.namespace_name = ref.namespace_name;
  side.name = side.stable = ref.name;
  side.canary = VariantRef(job).name;
  side.workload = variant ? side.canary : side.stable;
  const absl::StatusOr<routing::Backend> backend = ToBackend(job.arguments.traffic);
  if (backend.ok()) side.service = routing::ServiceOf(*backend);
  side.interval = IntervalOf(job.arguments);
  side.pods = std::move(pods);
  return side;
}

std::string BackendOf(const VariantArguments& arguments) {
  const absl::StatusOr<routing::Backend> backend = ToBackend(arguments.traffic);
  return backend.ok() ? routing::BackendName(*backend) : "";
}

class Refresh {
 public:
  Refresh(const VariantJob& job, VariantRecord& record, VariantResults& results,
          const std::stop_token& stop, Diagnostics& diagnostics)
      : job_(job),
        api_(*job.connection.api),
        record_(record),
        results_(results),
        stop_(stop),
        diagnostics_(diagnostics) {}

  void Run() {
    if (!results_.serving.value_or(false)) return RefreshOpen();
    if (RefreshOpen(); NeedsRelease(PhaseText()) && record_.trouble.empty()) return;
    const absl::StatusOr<std::string> trouble = FindTrouble();
    if (!trouble.ok()) {
      diagnostics_.Warning({}, absl::StrCat("The ", Noun(), " was not looked at"),
                           std::string(trouble.status().message()));
      return;
    }
    SetTrouble(*trouble);
    if (!trouble->empty() || !variant_.is_object()) return;
    results_.stale = results_.stale.value_or(false) ||
                     (!record_.source_template.empty() &&
                      TemplateFingerprint(workload_) != record_.source_template);
    SayStale();
    Measure();
  }

 private:
  const std::string& Noun() const { return job_.wish.words.noun; }
  std::string PhaseText() const {
    return results_.status.is_known() ? results_.status->phase.value_or("") : "";
  }
  void SetStatus(const char* phase, std::string message) {
    if (!results_.status.is_known()) results_.status = ReleaseStatus();
    results_.status.value().phase = std::string(phase);
    results_.status.value().message = std::move(message);
  }

  // A run that another process left open, or is running.
  void RefreshOpen() {
    const absl::StatusOr<std::optional<OpenRun>> open = FindOpenRun(
        api_, WorkloadOf(job_.arguments), job_.clock.Now(), stop_, job_.wish.words.suffix);
    if (!open.ok()) {
      diagnostics_.Warning({}, "It could not be told whether an apply is open",
                           std::string(open.status().message()));
      return;
    }
    const std::string before = PhaseText();
    const bool was_open = before == phase::kInterrupted || before == phase::kProgressing;
    const bool is_open = open->has_value() && (*open)->state.step != Step::kServing;
    if (is_open) {
      record_.run = (*open)->state;
      results_.status = (*open)->status;
      if (PhaseText() == phase::kProgressing) {
        diagnostics_.Warning({}, absl::StrCat("The ", Noun(), " is being changed"),
                             results_.status->message.value_or(""));
      }
    } else if (was_open) {
      if (open->has_value()) record_.run = (*open)->state;
      SetStatus(phase::kSucceeded, "another apply ended");
    }
  }

  // What keeps the variant from serving as it was made; empty: nothing. Looks at the workload, the
  // variant and the route.
  absl::StatusOr<std::string> FindTrouble() {
    const kubernetes::ObjectRef ref = WorkloadOf(job_.arguments);
    const absl::StatusOr<Json> workload = api_.Get(ref, stop_);
    record_.workload_is_gone = absl::IsNotFound(workload.status()) ||
                               (workload.ok() && kubernetes::IsBeingDeleted(*workload));
    if (record_.workload_is_gone) {
      return absl::StrCat(ref.ToString(), " was deleted, and the ", Noun(),
                          " goes with it: destroy this resource, or create the workload again");
    }
    if (!workload.ok()) return workload.status();
    workload_ = *workload;
    const kubernetes::ObjectRef variant_ref = VariantRef(job_);
    const absl::StatusOr<Json> variant = api_.Get(variant_ref, stop_);
    if (absl::IsNotFound(variant.status()) ||
        (variant.ok() && kubernetes::IsBeingDeleted(*variant))) {
      return absl::StrCat(variant_ref.ToString(), " was deleted by someone else");
    }
    if (!variant.ok()) return variant.status();
    variant_ = *variant;
    if (!record_.variant_template.empty() &&
        TemplateFingerprint(variant_) != record_.variant_template) {
      return absl::StrCat("the pod template of ", variant_ref.ToString(),
                          " was changed by someone else", ByWhom());
    }
    return FindForeignRoute();
  }

  // The newest manager of the pod template but us.
  std::string ByWhom() const {
    for (const kubernetes::FieldOwner& owner : kubernetes::ManagersOf(variant_)) {
      if (owner.manager != kubernetes::kFieldManager && owner.subresource.empty()) {
        return absl::StrCat(" (", owner.manager, ")");
      }
    }
    return "";
  }

  absl::StatusOr<std::string> FindForeignRoute() {
    if (!record_.run.has_value()) return std::string();
    const engine::CanaryState& canary = record_.run->canary;
    absl::StatusOr<routing::Backend> backend = ToBackend(job_.arguments.traffic);
    if (!backend.ok()) return std::string();  // imported: the route is known at the next apply
    routing::TrafficTarget target;
    target.backend = *std::move(backend);
    target.match = job_.wish.match;
    target.mirror = canary.mirror;
    target.noun = Noun();
    target.namespace_name = WorkloadOf(job_.arguments).namespace_name;
    target.canary_service = record_.naming.service;
    target.label_key = record_.naming.label_key;
    target.stable_label_value = record_.naming.stable_value;
    target.canary_label_value = record_.naming.canary_value;
    const routing::Split expected{
        .weight = canary.weight, .match = canary.match, .mirror = canary.mirror};
    DELIVERY_ASSIGN_OR_RETURN(
        const routing::RouteState state,
        routing::MakeTrafficRouter(api_, target)->Inspect(canary.route_record, expected, stop_));
    return state.foreign.value_or("");
  }

  // What a refresh found, and what it no longer finds, is not the verdict of an apply.
  void SetTrouble(const std::string& trouble) {
    if (!trouble.empty()) {
      SetStatus(phase::kFailed, trouble);
      diagnostics_.Warning(
          {}, absl::StrCat("The ", Noun(), " no longer serves as it was made"),
          absl::StrCat(trouble,
                       record_.workload_is_gone ? "." : ". The next apply makes it anew."));
    } else if (!record_.trouble.empty()) {
      SetStatus(phase::kSucceeded, absl::StrCat("the ", Noun(), " serves"));
    }
    record_.trouble = trouble;
  }

  void SayStale() {
    if (!results_.stale.value_or(false)) return;
    diagnostics_.Warning({}, absl::StrCat("The ", Noun(), " is stale"),
                         absl::StrCat("The pod template of ", WorkloadOf(job_.arguments).ToString(),
                                      " has changed since the ", Noun(),
                                      " was made from it. The plan makes it anew."));
  }

  void Measure() {
    const std::optional<absl::Time> since = StartOf(results_);
    const bool measures = job_.arguments.metric.is_known() && !job_.arguments.metric->empty();
    if (!since.has_value() || !measures) return;
    absl::StatusOr<SidePods> pods = PodsOfSides(api_, workload_, variant_, stop_);
    if (!pods.ok()) {
      diagnostics_.Warning(Path::Of("metric"), "Nothing was measured",
                           std::string(pods.status().message()));
      return;
    }
    MeasureVariant(
        {job_.connection, job_.arguments.metric, BackendOf(job_.arguments),
         SideOf(job_, false, std::move(pods->stable)), SideOf(job_, true, std::move(pods->beside)),
         IntervalOf(job_.arguments), *since, job_.clock.Now(), stop_},
        record_.samples);
    for (const auto& [metric, samples] : record_.samples) {
      if (samples.problem.empty()) continue;
      diagnostics_.Warning(Path::Of("metric"), absl::StrCat("Metric ", metric, " was not measured"),
                           samples.problem);
    }
  }

  const VariantJob& job_;
  kubernetes::Api& api_;
  VariantRecord& record_;
  VariantResults& results_;
  const std::stop_token& stop_;
  Diagnostics& diagnostics_;
  Json workload_;
  Json variant_;
};

}  // namespace

void RefreshVariant(const VariantJob& job, VariantRecord& record, VariantResults& results,
                    const std::stop_token& stop, Diagnostics& diagnostics) {
  Refresh(job, record, results, stop, diagnostics).Run();
  results.report = ReportOf(job.arguments, record);
}

VariantReports ReportOf(const VariantArguments& arguments, const VariantRecord& record) {
  ReportRules rules;
  if (arguments.confidence.is_known()) rules.confidence = arguments.confidence->AsDouble();
  if (arguments.min_samples.is_known()) rules.min_samples = arguments.min_samples.value();
  return ToVariantReports(arguments.metric, record.samples, rules);
}

std::optional<absl::Time> StartOf(const VariantResults& results) {
  absl::Time time;
  std::string error;
  const bool known = results.started_at.is_known() &&
                     absl::ParseTime(absl::RFC3339_full, results.started_at.value(), &time, &error);
  return known ? std::optional(time) : std::nullopt;
}

std::string InstantText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void RehearseVariantMetrics(const VariantJob& job, const std::stop_token& stop,
                            Diagnostics& diagnostics) {
  const VariantMetricBlocks& metrics = job.arguments.metric;
  if (!metrics.is_known() || job.connection.prometheus_unknown) return;
  const metrics::MetricContext context{*job.connection.api, job.connection.metric_transport,
                                       job.connection.url_transport};
  const metrics::Side side = SideOf(job, false, {});
  for (const VariantMetricBlock& block : metrics.value()) {
    if (stop.stop_requested()) return;
    for (const absl::StatusOr<metrics::Metric>& metric :
         MetricsOf(block, BackendOf(job.arguments), job.connection.prometheus)) {
      const absl::Status asked =
          metric.ok() ? metrics::RehearseMetric(context, *metric, side, stop) : metric.status();
      if (asked.ok() || absl::IsCancelled(asked)) continue;
      diagnostics.Warning(
          Path::Of("metric"),
          absl::StrCat("Metric ", block.name.value_or(""), " cannot be measured now"),
          std::string(asked.message()));
    }
  }
}

}  // namespace delivery::resources
