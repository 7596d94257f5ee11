#include "provider/runner/lease.h"

#include <unistd.h>

#include <array>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/runner/journal.h"

namespace delivery::runner {
namespace {

using kubernetes::ObjectRef;

// Kubernetes' MicroTime.
std::string MicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

absl::Time ParseMicroTime(const std::string& text) {
  absl::Time time = absl::InfinitePast();
  std::string error;
  absl::ParseTime(absl::RFC3339_full, text, &time, &error);
  return time;
}

std::string ThisHolder() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::random_device random;
  return absl::StrCat(host.data(), "_", ::getpid(), "_", absl::Hex(random(), absl::kZeroPad8));
}

ObjectRef LeaseRef(const ObjectRef& workload, std::string_view suffix) {
  return {"coordination.k8s.io/v1", "Lease", workload.namespace_name,
          RunObjectName(workload, suffix)};
}

Json LeaseSpec(const std::string& holder, absl::Time acquired, absl::Time renewed) {
  return {{"holderIdentity", holder},
          {"leaseDurationSeconds", absl::ToInt64Seconds(kLeaseDuration)},
          {"acquireTime", MicroTime(acquired)},
          {"renewTime", MicroTime(renewed)}};
}

LeaseView ViewOf(const Json& lease) {
  const Json& spec = GetObject(lease, "spec");
  return {GetString(spec, "holderIdentity"), ParseMicroTime(GetString(spec, "acquireTime")),
          ParseMicroTime(GetString(spec, "renewTime"))};
}

absl::Status HeldBySomebody(const ObjectRef& ref, const Json& lease, absl::Time now) {
  const LeaseView view = ViewOf(lease);
  // By the holder's clock, which may be ahead of ours.
  const bool age_known = view.acquired <= now && view.acquired != absl::InfinitePast();
  const std::string since =
      age_known
          ? absl::StrCat(" since ",
                         absl::FormatDuration(absl::Trunc(now - view.acquired, absl::Seconds(1))))
          : "";
  return absl::AbortedError(absl::StrCat("another apply is releasing this workload: Lease ",
                                         ref.namespace_name, "/", ref.name, " is held by ",
                                         view.holder, since,
                                         " and being renewed. Wait for it to end, then apply "
                                         "again."));
}

// Waits until the Lease `seen` disappears or stops being renewed; returns it as it is then (null
// when it is gone). Aborted when its holder lives.
absl::StatusOr<Json> WatchHolder(kubernetes::Api& api, const ObjectRef& ref, Json seen,
                                 Clock& clock, const std::stop_token& stop) {
  const std::string renewed = GetString(GetObject(seen, "spec"), "renewTime");
  const absl::Time until = clock.Now() + kLeaseDuration;
  while (clock.Now() < until) {
    if (!clock.Sleep(absl::Seconds(1), stop)) return absl::CancelledError("stopped");
    absl::StatusOr<Json> now = api.Get(ref, stop);
    if (absl::IsNotFound(now.status())) return Json();
    DELIVERY_RETURN_IF_ERROR(now.status());
    if (GetString(GetObject(*now, "spec"), "renewTime") != renewed) {
      return HeldBySomebody(ref, *now, clock.Now());
    }
    seen = *std::move(now);
  }
  return seen;
}

Json NewLease(const ObjectRef& ref, const std::string& holder, absl::Time now) {
  return {{"apiVersion", ref.api_version},
          {"kind", ref.kind},
          {"metadata",
           {{"name", ref.name},
            {"namespace", ref.namespace_name},
            {"labels", {{"app.kubernetes.io/managed-by", "terraform-provider-delivery"}}}}},
          {"spec", LeaseSpec(holder, now, now)}};
}

}  // namespace

absl::StatusOr<std::optional<LeaseView>> ViewLease(kubernetes::Api& api, const ObjectRef& workload,
                                                   const std::stop_token& stop,
                                                   std::string_view suffix) {
  absl::StatusOr<Json> lease = api.Get(LeaseRef(workload, suffix), stop);
  if (absl::IsNotFound(lease.status())) return std::nullopt;
  DELIVERY_RETURN_IF_ERROR(lease.status());
  return ViewOf(*lease);
}

absl::StatusOr<std::unique_ptr<Lease>> Lease::Acquire(kubernetes::Api& api,
                                                      const ObjectRef& workload, Clock& clock,
                                                      const std::stop_token& stop,
                                                      std::stop_token hard_stop,
                                                      std::string_view suffix) {
  const ObjectRef ref = LeaseRef(workload, suffix);
  const std::string holder = ThisHolder();
  constexpr int kAttempts = 5;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    absl::StatusOr<Json> taken = api.Create(NewLease(ref, holder, clock.Now()), {}, stop);
    // Its answer may have been lost: then the Lease that is met below is ours.
    if (absl::IsUnavailable(taken.status())) {
      taken = api.Create(NewLease(ref, holder, clock.Now()), {}, stop);
    }
    if (taken.ok()) {
      return std::unique_ptr<Lease>(new Lease(api, ref, clock, *std::move(taken), hard_stop));
    }
    if (!absl::IsAlreadyExists(taken.status())) {
      return StatusBuilder(taken.status()) << "while taking the Lease of the release";
    }
    absl::StatusOr<Json> held = api.Get(ref, stop);
    if (absl::IsNotFound(held.status())) continue;
    DELIVERY_RETURN_IF_ERROR(held.status()) << "while reading the Lease of another release";
    if (ViewOf(*held).holder == holder) {
      return std::unique_ptr<Lease>(new Lease(api, ref, clock, *std::move(held), hard_stop));
    }
    DELIVERY_ASSIGN_OR_RETURN(Json abandoned, WatchHolder(api, ref, *held, clock, stop));
    if (abandoned.is_null()) continue;
    abandoned["spec"] = LeaseSpec(holder, clock.Now(), clock.Now());
    taken = api.Replace(abandoned, {}, stop);
    if (taken.ok()) {
      return std::unique_ptr<Lease>(new Lease(api, ref, clock, *std::move(taken), hard_stop));
    }
    if (!absl::IsAborted(taken.status()) && !absl::IsNotFound(taken.status())) {
      return StatusBuilder(taken.status()) << "while taking over the Lease of a dead release";
    }
  }
  return absl::AbortedError(absl::StrCat("several applies want Lease ", ref.namespace_name, "/",
                                         ref.name, " at once; apply again"));
}

Lease::Lease(kubernetes::Api& api, ObjectRef ref, Clock& clock, Json object,
             std::stop_token hard_stop)
    : api_(api),
      ref_(std::move(ref)),
      clock_(clock),
      object_(std::move(object)),
      hard_stop_(std::move(hard_stop)) {
  renewer_ = std::jthread([this](const std::stop_token& stop) { KeepRenewing(stop); });
}

Lease::~Lease() {
  renewer_.request_stop();
  renewer_.join();
  if (lost_.stop_requested()) return;
  absl::MutexLock lock(&mutex_);
  const absl::Status deleted = RepeatedWhileOurs(hard_stop_, [this] {
    mutex_.AssertHeld();
    kubernetes::DeleteOptions options;
    options.resource_version = GetString(GetObject(object_, "metadata"), "resourceVersion");
    return api_.Delete(ref_, options, hard_stop_);
  });
  if (!deleted.ok() && !absl::IsNotFound(deleted)) {
    log::Warn("the Lease could not be given back; the next apply waits for it to expire",
              {{"lease", ref_.name}, {"error", std::string(deleted.message())}});
  }
}

// A conflict need not mean that the Lease was taken: somebody may have labelled it, or the answer
// to a write of our own was lost.
absl::Status Lease::RepeatedWhileOurs(const std::stop_token& stop,
                                      const std::function<absl::Status()>& write) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    absl::Status status = write();
    if (!absl::IsAborted(status)) return status;
    DELIVERY_ASSIGN_OR_RETURN(Json live, api_.Get(ref_, stop));
    if (ViewOf(live).holder != ViewOf(object_).holder) return status;
    if (attempt == kAttempts) return absl::UnavailableError("it is being changed all the time");
    object_ = std::move(live);
  }
}

absl::Status Lease::Renew(const std::stop_token& stop) {
  absl::MutexLock lock(&mutex_);
  return RepeatedWhileOurs(stop, [&]() -> absl::Status {
    mutex_.AssertHeld();
    Json next = object_;
    next["spec"]["renewTime"] = MicroTime(clock_.Now());
    DELIVERY_ASSIGN_OR_RETURN(object_, api_.Replace(next, {}, stop));
    return absl::OkStatus();
  });
}

void Lease::KeepRenewing(const std::stop_token& stop) {
  absl::Time renewed = clock_.Now();
  while (clock_.Sleep(kLeaseRenewal, stop)) {
    const absl::Status status = Renew(stop);
    if (status.ok()) {
      renewed = clock_.Now();
    } else if (absl::IsAborted(status) || absl::IsNotFound(status) ||
               clock_.Now() - renewed > kLeaseDuration) {
      if (stop.stop_requested()) return;
      log::Error("the Lease of the release was lost", {{"lease", ref_.name}});
      lost_.request_stop();
      return;
    }
  }
}

}  // namespace delivery::runner
