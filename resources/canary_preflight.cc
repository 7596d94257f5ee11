#include "resources/canary_preflight.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "resources/canary_setup.h"

namespace delivery::resources {
namespace {

using kubernetes::StringMap;
using value::Path;

// Kinds that select pods by a label selector, and what a canary without them lacks.
struct Selecting {
  const char* api_version;
  const char* kind;
  const char* selector;  // in spec
  const char* without;
};
constexpr Selecting kSelecting[] = {
    {"networking.k8s.io/v1", "NetworkPolicy", "podSelector",
     "the canary's connections are not the ones of the stable pods"},
    {"policy/v1", "PodDisruptionBudget", "selector",
     "nothing protects the canary's pods from evictions"},
    {"monitoring.coreos.com/v1", "PodMonitor", "selector", "the canary's pods are not measured"},
};

class CanaryPreflight {
 public:
  CanaryPreflight(const Connection& connection, const ReleaseJob& job, const WriteIntent& intent,
                  const std::stop_token& stop, Diagnostics& diagnostics)
      : connection_(connection),
        job_(job),
        workload_(intent.workload),
        ref_(kubernetes::RefOf(intent.workload)),
        stop_(stop),
        diagnostics_(diagnostics) {}

  void Run() {
    const absl::StatusOr<Json> live = connection_.api->Get(ref_, stop_);
    if (!live.ok()) return;  // RunPreflight has said why
    const bool open = !job_.planned.record.open_identity.empty();
    const CanarySetup setup{connection_, *job_.canary, workload_, *live,
                            open ? CanarySetup::Purpose::kGoOn : CanarySetup::Purpose::kBegin};
    const absl::StatusOr<runner::CanaryTarget> target = SetUpCanary(setup, stop_);
    if (!target.ok()) {
      Find(target.status());
      return;
    }
    const StringMap stable = kubernetes::TemplateLabelsOf(workload_);
    const StringMap canary = CanaryPodLabels(*target, workload_);
    for (const Selecting& one : kSelecting) SayUnselected(one, stable, canary);
    SayUnmonitored(*target);
    SayManagers();
    SayAutoscaler();
  }

 private:
  void Warn(const char* argument, const std::string& summary, const std::string& detail) {
    diagnostics_.Warning(Path::Of(argument), summary, detail);
  }

  void Find(const absl::Status& status) {
    const bool unanswered = !kubernetes::GetApiError(status).has_value() &&
                            (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status));
    if (absl::IsCancelled(status) || unanswered) return;
    const std::string summary = absl::StrCat("A canary of ", ref_.ToString(), " could not begin");
    const std::string detail(status.message());
    if (connection_.preflight == Preflight::kError) {
      diagnostics_.Error(Path::Of("traffic"), summary, detail);
    } else {
      Warn("traffic", summary, detail);
    }
  }

  // Empty where the cluster does not have the kind, or does not show it.
  std::vector<Json> All(const char* api_version, const char* kind) {
    kubernetes::ListOptions here;
    here.namespace_name = ref_.namespace_name;
    absl::StatusOr<kubernetes::ObjectList> list =
        connection_.api->List(api_version, kind, here, stop_);
    return list.ok() ? std::move(list->items) : std::vector<Json>();
  }

  void SayUnselected(const Selecting& kind, const StringMap& stable, const StringMap& canary) {
    for (const Json& object : All(kind.api_version, kind.kind)) {
      const Json* selector = ::delivery::Find(kubernetes::Spec(object), kind.selector);
      if (selector == nullptr || !kubernetes::SelectorMatches(*selector, stable) ||
          kubernetes::SelectorMatches(*selector, canary)) {
        continue;
      }
      SayLeftOut(kind.kind, object, kind.without);
    }
  }

  // A ServiceMonitor selects Services.
  void SayUnmonitored(const runner::CanaryTarget& target) {
    if (target.naming.service.empty()) return;
    const StringMap stable = kubernetes::LabelsOf(target.service);
    const StringMap canary = kubernetes::LabelsOf(
        runner::CanaryService(target.service, target.naming, target.canary_labels, ""));
    SayUnselected({"monitoring.coreos.com/v1", "ServiceMonitor", "selector",
                   "the canary's pods are not measured"},
                  stable, canary);
  }

  void SayLeftOut(const char* kind, const Json& object, const char* without) {
    Warn("traffic",
         absl::StrCat(kind, " ", ref_.namespace_name, "/", kubernetes::NameOf(object),
                      " does not select the canary's pods"),
         absl::StrCat("It selects the stable pods of ", ref_.ToString(), ", so ", without,
                      ". Select by a label that both have, or add one for the canary."));
  }

  void SayManagers() {
    for (const kubernetes::ObjectRef& ref :
         routing::ObjectsOf(job_.canary->backend, ref_.namespace_name)) {
      const absl::StatusOr<Json> object = connection_.api->Get(ref, stop_);
      if (!object.ok()) continue;
      const std::vector<std::string> managers = routing::RouteManagers(*object);
      if (managers.empty()) continue;
      Warn("traffic",
           absl::StrCat(ref.ToString(), " is managed by ", absl::StrJoin(managers, ", ")),
           "What it writes during the release resets the weights: the release then returns the "
           "traffic to stable and fails. Do not let it write while a canary is open, or let it "
           "ignore the weights.");
    }
  }

  void SayAutoscaler() {
    const kubernetes::FieldPath replicas = kubernetes::FieldPath() / "spec" / "replicas";
    const std::vector<kubernetes::FieldPath> ignored = IgnoredFields(job_.planned.arguments);
    const bool named = ::delivery::Find(kubernetes::Spec(workload_), "replicas") != nullptr &&
                       std::none_of(ignored.begin(), ignored.end(),
                                    [&](const auto& pattern) { return pattern.Covers(replicas); });
    if (!named) return;
    for (const Json& scaler : All("autoscaling/v2", "HorizontalPodAutoscaler")) {
      const Json& target = GetObject(kubernetes::Spec(scaler), "scaleTargetRef");
      if (GetString(target, "kind") != ref_.kind || GetString(target, "name") != ref_.name) {
        continue;
      }
      Warn("manifest",
           absl::StrCat("HorizontalPodAutoscaler ", ref_.namespace_name, "/",
                        kubernetes::NameOf(scaler), " scales ", ref_.ToString()),
           "The manifest sets spec.replicas too, so each release sets the size that the autoscaler "
           "chose back. Leave spec.replicas out of the manifest.");
    }
  }

  const Connection& connection_;
  const ReleaseJob& job_;
  const Json& workload_;
  const kubernetes::ObjectRef ref_;
  const std::stop_token& stop_;
  Diagnostics& diagnostics_;
};

}  // namespace

void RehearseCanary(const Connection& connection, const ReleaseJob& job, const WriteIntent& intent,
                    const std::stop_token& stop, Diagnostics& diagnostics) {
  if (connection.preflight == Preflight::kOff) return;
  if (!ReleasesByCanary(job, intent.workload, job.planned.record.open_identity)) return;
  CanaryPreflight(connection, job, intent, stop, diagnostics).Run();
}

void RehearseMetrics(const Connection& connection, const ReleaseJob& job, const WriteIntent& intent,
                     const std::stop_token& stop, Diagnostics& diagnostics) {
  if (connection.preflight == Preflight::kOff || connection.prometheus_unknown) return;
  const auto say = [&](const std::string& summary, const absl::Status& status) {
    if (absl::IsCancelled(status)) return;
    diagnostics.Warning(Path::Of("analysis"), summary, std::string(status.message()));
  };
  const absl::StatusOr<std::vector<metrics::Metric>> metrics =
      ToMetrics(job.analysis, job.backend, connection.prometheus);
  if (!metrics.ok()) {
    say("The release could not be measured", metrics.status());
    return;
  }
  const kubernetes::ObjectRef ref = kubernetes::RefOf(intent.workload);
  metrics::Side side;
  side.namespace_name = ref.namespace_name;
  side.name = side.workload = side.stable = ref.name;
  side.canary = job.canary.has_value() ? CanaryNameOf(ref.name) : "";
  side.service = job.canary.has_value() ? routing::ServiceOf(job.canary->backend) : "";
  side.interval = AnalysisInterval(job.analysis);
  const metrics::MetricContext context{*connection.api, connection.metric_transport,
                                       connection.url_transport};
  for (const metrics::Metric& metric : *metrics) {
    if (stop.stop_requested()) return;
    const absl::Status asked = metrics::RehearseMetric(context, metric, side, stop);
    if (!asked.ok()) say(absl::StrCat("Metric ", metric.name, " cannot be measured now"), asked);
  }
}

}  // namespace delivery::resources
