#include "provider/routing/traffic_router.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/edit_router.h"

namespace delivery::routing {
namespace {

// Nothing routes: the share is that of the ready pods.
class ReplicasRouter : public TrafficRouter {
 public:
  absl::StatusOr<Json> Record(const std::stop_token&) override { return Json::object(); }
  absl::Status Set(const Json&, const Split&, const std::stop_token&) override {
    return absl::OkStatus();
  }
  absl::Status Restore(const Json&, const std::stop_token&) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<std::string>> RestoreLost(const std::stop_token&) override {
    return std::vector<std::string>();
  }
  absl::StatusOr<RouteState> Inspect(const Json&, const Split&, const std::stop_token&) override {
    return RouteState();
  }
  RouteState Look(const Json&, const Split&) override { return {}; }
  std::vector<kubernetes::ObjectWatch*> Watch(kubernetes::ChangeSignal) override { return {}; }
};

bool Is(const absl::Status& status, absl::StatusCode code) { return status.code() == code; }

}  // namespace

std::unique_ptr<TrafficRouter> MakeTrafficRouter(kubernetes::Api& api, TrafficTarget target) {
  if (std::holds_alternative<ReplicasBackend>(target.backend)) {
    return std::make_unique<ReplicasRouter>();
  }
  if (target.mirror == 0 && std::holds_alternative<NginxIngressBackend>(target.backend)) {
    return MakeIngressRouter(api, target);
  }
  return MakeEditRouter(api, MakeRouteParts(target), target.mirror);
}

absl::StatusOr<Json> EditObject(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                                const std::function<absl::StatusOr<ObjectEdit>(const Json&)>& edit,
                                const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(Json live, api.Get(ref, stop));
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    DELIVERY_ASSIGN_OR_RETURN(const ObjectEdit change, edit(live));
    if (change.empty()) return live;
    const absl::StatusOr<Json> written =
        api.JsonPatch(ref, change.Operations(), {.field_manager = kTrafficManager}, stop);
    if (written.ok()) return written;
    // The server refuses a failed test as it refuses invalid content.
    const bool refused = Is(written.status(), absl::StatusCode::kInvalidArgument);
    if (!refused && !absl::IsAborted(written.status())) return written.status();
    DELIVERY_ASSIGN_OR_RETURN(Json now, api.Get(ref, stop));
    const bool same = kubernetes::ResourceVersionOf(now) == kubernetes::ResourceVersionOf(live);
    if (refused && same) return written.status();
    live = std::move(now);
  }
  return absl::AbortedError(absl::StrCat(
      ref.ToString(), " was changed by somebody else at the same time, ", kWriteAttempts,
      " times in a row; see who does that (kubectl get --show-managed-fields) and apply again."));
}

bool IsNewer(const Json& object, const Json& other) {
  if (other.is_null()) return true;
  int64_t version = 0;
  int64_t other_version = 0;
  // Numbers that grow, on every server so far; where they are not, what was seen last counts.
  if (!absl::SimpleAtoi(kubernetes::ResourceVersionOf(object), &version) ||
      !absl::SimpleAtoi(kubernetes::ResourceVersionOf(other), &other_version)) {
    return true;
  }
  return version >= other_version;
}

std::unique_ptr<kubernetes::ObjectWatch> WatchOne(kubernetes::Api& api,
                                                  const kubernetes::ObjectRef& ref,
                                                  const kubernetes::ChangeSignal& signal) {
  kubernetes::ListOptions options;
  options.namespace_name = ref.namespace_name;
  options.field_selector = absl::StrCat("metadata.name=", ref.name);
  return api.Watch(ref.api_version, ref.kind, options, signal);
}

Seen SeenBy(const kubernetes::ObjectWatch* watch) {
  if (watch == nullptr || !watch->synced()) return {};
  std::vector<Json> objects = watch->Objects();
  if (objects.empty()) return {.listed = true, .object = {}};
  return {.listed = true, .object = std::move(objects.front())};
}

std::string ByWhom(const std::string& deviation, const std::string& manager) {
  return absl::StrCat(deviation, manager.empty() ? " (changed by somebody unknown)"
                                                 : absl::StrCat(" (changed by ", manager, ")"));
}

}  // namespace delivery::routing
