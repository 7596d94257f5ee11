// The router of ingress-nginx: the stable Ingress is read and never written.
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/edit_router.h"
#include "provider/routing/ownership.h"

namespace delivery::routing {
namespace {

class IngressRouter : public TrafficRouter {
 public:
  IngressRouter(kubernetes::Api& api, const TrafficTarget& target)
      : api_(api),
        target_(target),
        stable_(IngressRef(target)),
        canary_(CanaryIngressRef(target)) {}

  absl::StatusOr<Json> Record(const std::stop_token& stop) override;
  absl::Status Set(const Json& record, const Split& split, const std::stop_token& stop) override;
  absl::Status Restore(const Json& record, const std::stop_token& stop) override;
  absl::StatusOr<std::vector<std::string>> RestoreLost(const std::stop_token& stop) override;
  absl::StatusOr<RouteState> Inspect(const Json& record, const Split& expected,
                                     const std::stop_token& stop) override;
  RouteState Look(const Json& record, const Split& expected) override;
  std::vector<kubernetes::ObjectWatch*> Watch(kubernetes::ChangeSignal signal) override;

 private:
  absl::Status Silence(const std::stop_token& stop);
  absl::Status Show(const Split& split, const std::stop_token& stop);
  absl::StatusOr<Json> Write(const Json& wanted, const std::stop_token& stop);
  absl::Status TryRemove(const std::stop_token& stop);
  std::string Deviation(const Split& expected) const;

  kubernetes::Api& api_;
  const TrafficTarget target_;
  const kubernetes::ObjectRef stable_;
  const kubernetes::ObjectRef canary_;
  Json last_seen_;                 // the canary Ingress; null: none
  std::optional<Split> last_set_;  // by this process
  bool was_listed_ = false;        // the watch had it
  std::unique_ptr<kubernetes::ObjectWatch> stable_watch_;
  std::unique_ptr<kubernetes::ObjectWatch> canary_watch_;
};

kubernetes::FieldPath WeightField() {
  return kubernetes::FieldPath() / "metadata" / "annotations" /
         "nginx.ingress.kubernetes.io/canary-weight";
}

absl::StatusOr<Json> IngressRouter::Record(const std::stop_token& stop) {
  const absl::StatusOr<Json> stable = api_.Get(stable_, stop);
  if (absl::IsNotFound(stable.status())) {
    return absl::NotFoundError(
        absl::StrCat("Traffic cannot be shifted: ", stable_.ToString(), " does not exist."));
  }
  if (!stable.ok()) return stable.status();
  DELIVERY_RETURN_IF_ERROR(CheckIngress(target_, *stable));
  const absl::StatusOr<Json> canary = api_.Get(canary_, stop);
  if (!canary.ok() && !absl::IsNotFound(canary.status())) return canary.status();
  if (canary.ok() && !IsOurIngress(*canary)) {
    return absl::FailedPreconditionError(
        absl::StrCat("Traffic cannot be shifted: ", canary_.ToString(),
                     ", which a run makes, exists and is somebody else's; remove or rename it."));
  }
  if (canary.ok() && !RoutesToCanary(target_, *canary)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Traffic cannot be shifted: ", canary_.ToString(), " is of another run on ",
        stable_.ToString(), ", and ingress-nginx takes one canary for each; end that run first."));
  }
  return Json{{"uid", kubernetes::UidOf(*stable)}};
}

absl::Status IngressRouter::Set(const Json&, const Split& split, const std::stop_token& stop) {
  return split == Split{} ? Silence(stop) : Show(split, stop);
}

absl::Status IngressRouter::Silence(const std::stop_token& stop) {
  const auto change = [&](const Json& live) -> absl::StatusOr<ObjectEdit> {
    ObjectEdit edit(live);
    if (RoutesToCanary(target_, live)) SilenceCanaryIngress(edit);
    return edit;
  };
  absl::StatusOr<Json> written = EditObject(api_, canary_, change, stop);
  if (absl::IsNotFound(written.status())) return absl::OkStatus();
  if (!written.ok()) return written.status();
  last_seen_ = *std::move(written);
  last_set_ = Split{};
  return absl::OkStatus();
}

absl::Status IngressRouter::Show(const Split& split, const std::stop_token& stop) {
  const absl::StatusOr<Json> stable = api_.Get(stable_, stop);
  if (absl::IsNotFound(stable.status())) {
    return absl::NotFoundError(
        absl::StrCat("Traffic cannot be shifted: ", stable_.ToString(), " is gone."));
  }
  if (!stable.ok()) return stable.status();
  DELIVERY_ASSIGN_OR_RETURN(const Json wanted, MakeCanaryIngress(target_, *stable, split));
  DELIVERY_ASSIGN_OR_RETURN(last_seen_, Write(wanted, stop));
  last_set_ = split;
  if (ReadCanaryIngress(last_seen_) == split) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("Traffic was not shifted: the API server stored other annotations in ",
                   canary_.ToString(), "."));
}

absl::StatusOr<Json> IngressRouter::Write(const Json& wanted, const std::stop_token& stop) {
  const auto change = [&](const Json& live) -> absl::StatusOr<ObjectEdit> {
    if (!IsOurIngress(live)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "Traffic cannot be shifted: ", canary_.ToString(), " has become somebody else's."));
    }
    ObjectEdit edit(live);
    EditCanaryIngress(wanted, edit);
    return edit;
  };
  const absl::StatusOr<Json> edited = EditObject(api_, canary_, change, stop);
  if (!absl::IsNotFound(edited.status())) return edited;
  const absl::StatusOr<Json> created =
      api_.Create(wanted, {.field_manager = kTrafficManager}, stop);
  // Made a moment ago, by an answer that was lost or by somebody else: that shows now.
  return absl::IsAlreadyExists(created.status()) ? EditObject(api_, canary_, change, stop)
                                                 : created;
}

absl::Status IngressRouter::Restore(const Json&, const std::stop_token& stop) {
  absl::Status status = absl::AbortedError("");
  for (int attempt = 0; attempt < kWriteAttempts && absl::IsAborted(status); ++attempt) {
    status = TryRemove(stop);
  }
  if (!status.ok()) return status;
  last_seen_ = Json();
  was_listed_ = false;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> IngressRouter::RestoreLost(const std::stop_token& stop) {
  const absl::StatusOr<Json> live = api_.Get(canary_, stop);
  if (absl::IsNotFound(live.status())) return std::vector<std::string>();
  if (!live.ok()) return live.status();
  if (!IsOurIngress(*live)) return std::vector<std::string>();
  DELIVERY_RETURN_IF_ERROR(Restore({}, stop));
  return std::vector<std::string>{canary_.ToString()};
}

absl::Status IngressRouter::TryRemove(const std::stop_token& stop) {
  const absl::StatusOr<Json> live = api_.Get(canary_, stop);
  if (absl::IsNotFound(live.status())) return absl::OkStatus();
  if (!live.ok()) return live.status();
  if (!IsOurIngress(*live)) return absl::OkStatus();
  const absl::Status deleted = api_.Delete(
      canary_,
      {.uid = kubernetes::UidOf(*live), .resource_version = kubernetes::ResourceVersionOf(*live)},
      stop);
  return absl::IsNotFound(deleted) ? absl::OkStatus() : deleted;
}

std::string IngressRouter::Deviation(const Split& expected) const {
  if (last_seen_.is_null()) {
    const bool lost = expected != Split{};
    return lost ? absl::StrCat(canary_.ToString(), " was deleted") : "";
  }
  if (ReadCanaryIngress(last_seen_) == expected) return "";
  // What this process did not write itself may be behind.
  if (last_set_ != expected && IsWrittenByUs(last_seen_, WeightField())) return "";
  return ByWhom(absl::StrCat(canary_.ToString(), " has other canary annotations than were written"),
                ForeignManager(last_seen_, WeightField()));
}

absl::StatusOr<RouteState> IngressRouter::Inspect(const Json&, const Split& expected,
                                                  const std::stop_token& stop) {
  RouteState state;
  absl::StatusOr<Json> canary = api_.Get(canary_, stop);
  if (!canary.ok() && !absl::IsNotFound(canary.status())) return canary.status();
  last_seen_ = canary.ok() ? *std::move(canary) : Json();
  last_set_ = expected;
  state.at_rest = last_seen_.is_null();
  if (!state.at_rest) state.split = ReadCanaryIngress(last_seen_);
  const std::string deviation = Deviation(expected);
  if (!deviation.empty()) state.foreign = deviation;
  return state;
}

RouteState IngressRouter::Look(const Json&, const Split& expected) {
  RouteState state;
  const Seen canary = SeenBy(canary_watch_.get());
  // A watch may be behind our own writes; a deletion has no version, but a watch that once had the
  // object and now has not is not behind.
  if (!canary.object.is_null() && IsNewer(canary.object, last_seen_)) {
    last_seen_ = canary.object;
    was_listed_ = true;
  } else if (canary.listed && canary.object.is_null() && was_listed_) {
    last_seen_ = Json();
  }
  if (!last_seen_.is_null()) {
    state.split = ReadCanaryIngress(last_seen_);
    state.at_rest = false;
  }
  const Seen stable = SeenBy(stable_watch_.get());
  const std::string deviation = Deviation(expected);
  if (stable.listed && stable.object.is_null()) {
    state.foreign = absl::StrCat(stable_.ToString(), " was deleted");
  } else if (!deviation.empty()) {
    state.foreign = deviation;
  }
  return state;
}

std::vector<kubernetes::ObjectWatch*> IngressRouter::Watch(kubernetes::ChangeSignal signal) {
  stable_watch_ = WatchOne(api_, stable_, signal);
  canary_watch_ = WatchOne(api_, canary_, signal);
  return {stable_watch_.get(), canary_watch_.get()};
}

}  // namespace

std::unique_ptr<TrafficRouter> MakeIngressRouter(kubernetes::Api& api,
                                                 const TrafficTarget& target) {
  return std::make_unique<IngressRouter>(api, target);
}

}  // namespace delivery::routing
