#include "resources/canary_refresh.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "resources/canary_setup.h"
#include "resources/side_pods.h"
#include "resources/workload_change.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using engine::Step;

kubernetes::ObjectRef CanaryRef(const CanaryRefresh& refresh) {
  kubernetes::ObjectRef ref = refresh.ref;
  ref.name = CanaryNameOf(ref.name);
  return ref;
}

void SetPosition(const engine::State& state, CanaryStatus& status) {
  status.weight = state.canary.weight;
  status.step = state.canary.step_index + 1;
}

void SetFailed(CanaryRelease& model, std::string why) {
  model.status.value().verdict.phase = std::string(phase::kFailed);
  model.status.value().verdict.message = std::move(why);
}

// ---- One measurement

metrics::Side SideOf(const CanaryRefresh& refresh, const std::string& service,
                     absl::Duration interval, bool canary, std::vector<Json> pods) {
  metrics::Side side;
  side.namespace_name = refresh.ref.namespace_name;
  side.name = refresh.ref.name;
  side.canary = CanaryNameOf(refresh.ref.name);
  side.stable = refresh.ref.name;
  side.workload = canary ? side.canary : side.stable;
  side.service = service;
  side.interval = interval;
  side.pods = std::move(pods);
  return side;
}

// Why the canary that waits is to be taken back; nullopt while nothing speaks against it.
absl::StatusOr<std::optional<std::string>> Measure(const CanaryRefresh& refresh,
                                                   const CanaryRelease& model, const Json& canary,
                                                   const engine::State& state) {
  const bool no_data_passes = model.on_no_traffic.value_or("fail") == "continue";
  const engine::AnalysisPlan plan = ToAnalysisPlan(model.analysis, no_data_passes);
  if (plan.metrics.empty()) return std::nullopt;
  DELIVERY_ASSIGN_OR_RETURN(const routing::Backend backend, ToBackend(model.traffic));
  DELIVERY_ASSIGN_OR_RETURN(
      const std::vector<metrics::Metric> metrics,
      ToMetrics(model.analysis, routing::BackendName(backend), refresh.connection.prometheus));
  DELIVERY_ASSIGN_OR_RETURN(
      SidePods pods, PodsOfSides(*refresh.connection.api, refresh.live, canary, refresh.stop));
  const std::string service = routing::ServiceOf(backend);
  const metrics::Side judged =
      SideOf(refresh, service, plan.interval, true, std::move(pods.beside));
  const metrics::Side stable =
      SideOf(refresh, service, plan.interval, false, std::move(pods.stable));
  const metrics::MetricContext context{*refresh.connection.api, refresh.connection.metric_transport,
                                       refresh.connection.url_transport};
  for (size_t i = 0; i < metrics.size(); ++i) {
    const analysis::Rule& rule = plan.metrics[i];
    analysis::Measurement measurement{
        rule.metric, metrics::ReadMetric(context, metrics[i], judged, refresh.stop), {}};
    if (rule.ComparesWithStable()) {
      measurement.stable = metrics::ReadMetric(context, metrics[i], stable, refresh.stop);
    }
    const auto before = state.tallies.find(rule.metric);
    const analysis::Tally tally = analysis::Count(
        rule, plan.limits, before == state.tallies.end() ? analysis::Tally() : before->second,
        measurement);
    // A source that does not answer is no reason to take back what serves well.
    if (tally.last_verdict != analysis::Verdict::kFail) continue;
    // One is enough, whatever a release in progress tolerates: nobody counts while it is held.
    return absl::StrCat(rule.metric, ": ", tally.last_reason);
  }
  return std::nullopt;
}

// ---- What is open

// A canary that waits. It must still be there, and be well.
void RefreshWaiting(const CanaryRefresh& refresh, const engine::State& state, CanaryRelease& model,
                    PendingVersion& pending, Diagnostics& diagnostics) {
  if (!pending.abort_reason.empty()) return;  // known already
  const kubernetes::ObjectRef ref = CanaryRef(refresh);
  const absl::StatusOr<Json> canary = refresh.connection.api->Get(ref, refresh.stop);
  const bool gone =
      absl::IsNotFound(canary.status()) || (canary.ok() && kubernetes::IsBeingDeleted(*canary));
  if (gone) {
    pending.abort_reason =
        absl::StrCat(ref.ToString(), " was deleted by someone else while it was held");
    SetFailed(model, pending.abort_reason);
    return;
  }
  if (state.step != Step::kHeld) return;
  const absl::StatusOr<std::optional<std::string>> failure =
      canary.ok() ? Measure(refresh, model, *canary, state)
                  : absl::StatusOr<std::optional<std::string>>(canary.status());
  if (!failure.ok()) {
    diagnostics.Warning(value::Path::Of("analysis"), "The canary that is held was not measured",
                        std::string(failure.status().message()));
  } else if (failure->has_value()) {
    pending.abort_reason = absl::StrCat("measured while held: ", **failure);
    SetFailed(model, pending.abort_reason);
    diagnostics.Warning(value::Path::Of("analysis"),
                        absl::StrCat("The canary of ", refresh.ref.ToString(), " fails"),
                        absl::StrCat(pending.abort_reason, ". The next apply rolls it back."));
  }
}

// The journal is gone: another apply has ended the run, or somebody has deleted it.
void EndWithoutJournal(const CanaryRefresh& refresh, CanaryRelease& model, ReleaseRecord& record) {
  record.open_identity.clear();
  ReleaseStatus& verdict = model.status.value().verdict;
  if (!record.pending.has_value()) {
    if (verdict.phase.value_or("") != phase::kProgressing) return;
    verdict = EndedElsewhere(refresh.live);
  } else {
    const WorkloadVersion version = record.pending->version;
    record.pending.reset();
    const Json named = kubernetes::ProjectNamedFields(version.workload, refresh.live);
    if (TemplateDiffers(version.workload, named)) {
      SetFailed(model,
                "the release was open and is not any more: its journal is gone, and stable does "
                "not run the new version");
    } else {
      verdict = EndedElsewhere(refresh.live);
      record.written = version;
      record.good = version;
      record.recorded = named;
    }
  }
  model.status.value().weight = 0;
  model.status.value().step = 0;
}

}  // namespace

bool RefreshCanary(const CanaryRefresh& refresh, CanaryRelease& model, ReleaseRecord& record,
                   Diagnostics& diagnostics) {
  if (!model.status.is_known()) SetVerdict(model.status, ReleaseStatus());
  const absl::StatusOr<std::optional<OpenRun>> found =
      FindOpenRun(*refresh.connection.api, refresh.ref, refresh.now, refresh.stop);
  if (!found.ok()) {
    diagnostics.Warning({}, "It could not be told whether a release is open",
                        std::string(found.status().message()));
    return false;
  }
  if (!found->has_value()) {
    EndWithoutJournal(refresh, model, record);
    return false;
  }
  const OpenRun& run = **found;
  record.open_identity = run.state.identity;
  const bool alive = run.status.phase.value() == phase::kProgressing;
  const bool waits = run.state.step == Step::kHeld || run.state.step == Step::kFailedHold;
  const std::string before = model.status->verdict.phase.value_or("");
  const bool known = before == phase::kHeld || before == phase::kFailed;
  if (!alive && waits && known && record.pending.has_value()) {
    RefreshWaiting(refresh, run.state, model, *record.pending, diagnostics);
    return false;
  }
  // Could not be undone: the verdict stands, and the next apply goes on with it.
  if (!alive && before == phase::kFailed) return true;
  if (alive) {
    diagnostics.Warning({}, absl::StrCat(refresh.ref.ToString(), " is being released"),
                        run.status.message.value());
  }
  model.status.value().verdict = run.status;
  SetPosition(run.state, model.status.value());
  return true;
}

absl::Status RequireNoOpenRun(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                              absl::Time now, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const std::optional<OpenRun> open, FindOpenRun(api, ref, now, stop));
  if (!open.has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("a release of ", ref.ToString(), " is open: ", open->status.message.value(),
                   ". Let the resource that began it (", open->resource_type,
                   ") finish it first, then import."));
}

}  // namespace delivery::resources
