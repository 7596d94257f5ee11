#include "provider/runner/release.h"

#include <algorithm>
#include <functional>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/first_list.h"
#include "provider/runner/journal.h"
#include "provider/runner/lease.h"
#include "provider/runner/runner.h"

namespace delivery::runner {
namespace {

// Requests its own stop some time after another one's.
class StopGrace {
 public:
  StopGrace(Clock& clock, const std::stop_token& stop)
      : waiter_([this, &clock, stop](const std::stop_token& done) {
          // Sleeps until either the stop or the end of this object.
          std::stop_source either;
          std::stop_callback on_stop(stop, [&either] { either.request_stop(); });
          std::stop_callback on_done(done, [&either] { either.request_stop(); });
          clock.SleepUntil(absl::InfiniteFuture(), either.get_token());
          if (stop.stop_requested() && clock.Sleep(kStopGrace, done)) hard_.request_stop();
        }) {}

  std::stop_token hard_stop() const { return hard_.get_token(); }

 private:
  std::stop_source hard_;
  std::jthread waiter_;
};

std::string NewRunId() {
  std::random_device random;
  return absl::StrCat("run-", absl::Hex(random(), absl::kZeroPad8));
}

struct Beginning {
  engine::State state;
  bool open = false;     // the journal holds a run that is not over
  bool resumed = false;  // and it is this one
};

Beginning Continue(const ReleaseRequest& request, const engine::State& found, absl::Time now) {
  // Of what is only taken back the version does not matter.
  const bool same =
      found.identity == request.plan.identity ||
      (request.plan.strategy == engine::Strategy::kVariant && !request.plan.variant.serve);
  if (same) return {engine::Resume(request.plan, found, now), true, /*resumed=*/true};
  return {engine::Supersede(request.plan, found, NewRunId(), now), true};
}

absl::StatusOr<Beginning> Begin(const ReleaseRequest& request,
                                const std::optional<JournalEntry>& found, absl::Time now) {
  const bool open = found.has_value() && found->state.step != engine::Step::kDone;
  if (!open && request.remembered.has_value()) {
    return Continue(request, *request.remembered, now);
  }
  if (!open) return Beginning{engine::Start(request.plan, NewRunId(), now)};
  if (found->resource_type != request.resource_type) {
    return absl::FailedPreconditionError(
        absl::StrCat("a release of ", request.target.ref.ToString(), " by a ", found->resource_type,
                     " is still open. Let that resource finish it first."));
  }
  if (engine::IsOfCanary(found->state) && !request.canary.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "a canary release of ", request.target.ref.ToString(),
        " is still open, and there is no traffic block to take the canary back with. Finish that "
        "release with the configuration that began it."));
  }
  return Continue(request, found->state, now);
}

std::unique_ptr<ReleasePort> MakePort(kubernetes::Api& api, Clock& clock,
                                      const ReleaseRequest& request,
                                      RolloutPort::Written on_written, std::stop_token hard_stop) {
  if (request.blue_green.has_value()) {
    return std::make_unique<BlueGreenPort>(api, clock, request.target, *request.blue_green,
                                           std::move(on_written), std::move(hard_stop));
  }
  if (request.canary.has_value()) {
    return std::make_unique<CanaryPort>(api, clock, request.target, *request.canary,
                                        std::move(on_written), std::move(hard_stop));
  }
  return std::make_unique<RolloutPort>(api, clock, request.target, std::move(on_written),
                                       std::move(hard_stop));
}

ReleaseResult ToResult(const RunResult& run, const Beginning& beginning, const ReleasePort& port) {
  ReleaseResult result;
  result.outcome = run.outcome;
  result.reason = run.state.reason;
  result.step = run.state.step;
  result.state = run.state;
  result.resumed = beginning.resumed;
  result.started_at = run.state.started_at;
  if (port.last_write().has_value()) result.written = port.last_write()->object;
  result.version = port.last_version();
  result.store_status = run.store_status;
  const bool untouched =
      !beginning.open && result.written == std::nullopt && !engine::HasRouteRecord(run.state);
  if (untouched && run.outcome == engine::Outcome::kInterrupted && !run.store_status.ok()) {
    // The journal comes before the first write: without it nothing was begun.
    result.outcome = engine::Outcome::kRefused;
    result.reason = std::string(run.store_status.message());
    result.store_status = absl::OkStatus();
  }
  return result;
}

}  // namespace

absl::StatusOr<ReleaseResult> RunRelease(kubernetes::Api& api, Clock& clock,
                                         const ReleaseRequest& request,
                                         const std::stop_token& stop) {
  const kubernetes::ObjectRef& ref = request.target.ref;
  const StopGrace grace(clock, stop);
  DELIVERY_ASSIGN_OR_RETURN(
      const std::unique_ptr<Lease> lease,
      Lease::Acquire(api, ref, clock, stop, grace.hard_stop(), request.suffix));
  std::stop_source ends;
  const std::function<void()> end = [&ends] { ends.request_stop(); };
  const std::stop_callback on_stop(stop, end);
  // A stop leaves time to halt the rollout. When the Lease is lost nothing more may be written: the
  // workload is another apply's by then.
  std::stop_source writes_end;
  const std::function<void()> end_writes = [&writes_end] { writes_end.request_stop(); };
  const std::stop_callback on_grace_over(grace.hard_stop(), end_writes);
  const std::function<void()> end_all = [&] {
    writes_end.request_stop();
    ends.request_stop();
  };
  const std::stop_callback on_lost(lease->lost(), end_all);

  DELIVERY_ASSIGN_OR_RETURN(const std::optional<JournalEntry> found,
                            LoadJournal(api, ref, stop, request.suffix));
  DELIVERY_ASSIGN_OR_RETURN(const Beginning beginning, Begin(request, found, clock.Now()));
  Journal journal(api, ref, request.resource_type, found.has_value() ? found->resource_version : "",
                  writes_end.get_token(), request.suffix);
  const kubernetes::ObjectRef owner = request.owner.value_or(ref);
  journal.SetOwner(owner, request.workload_uid);
  Announcer announcer(api, clock, ref, request.progress_file, writes_end.get_token(),
                      request.plan.beside);
  announcer.SetObject(owner, request.workload_uid);
  const std::unique_ptr<ReleasePort> port = MakePort(
      api, clock, request,
      [&](const kubernetes::ApplyResult& result) {
        const kubernetes::ObjectRef written = kubernetes::RefOf(result.object);
        journal.SetOwner(written, kubernetes::UidOf(result.object));
        announcer.SetObject(written, kubernetes::UidOf(result.object));
      },
      writes_end.get_token());
  DELIVERY_RETURN_IF_ERROR(port->Open(stop));

  AnnouncingStore store(journal, announcer);
  const RunResult run = Run(request.plan, beginning.state, *port, store, clock, ends.get_token());
  announcer.AnnounceOutcome(run.outcome, run.state);
  ReleaseResult result = ToResult(run, beginning, *port);
  result.progress_status = announcer.file_status();
  if (lease->lost().stop_requested()) {
    result.reason = "another apply took the Lease of this workload over";
  }
  return result;
}

namespace {

// Whether the deletion of `uid` was refused because the name is another object's by now.
bool IsTakenByAnother(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                      const std::string& uid, const absl::Status& deleted,
                      const std::stop_token& stop) {
  if (!absl::IsAborted(deleted) || uid.empty()) return false;
  const absl::StatusOr<Json> live = api.Get(ref, stop);
  return live.ok() && kubernetes::UidOf(*live) != uid;
}

}  // namespace

namespace {

struct Deletion {
  Removed object;
  kubernetes::ChangeSignal signal;
  std::unique_ptr<kubernetes::ObjectWatch> watch;
};

absl::Status Begin(kubernetes::Api& api, Clock& clock, const Removed& object,
                   absl::Duration timeout, const std::stop_token& stop,
                   std::vector<Deletion>& deletions) {
  Deletion deletion{object, {}, nullptr};
  kubernetes::ListOptions one;
  one.namespace_name = object.ref.namespace_name;
  one.field_selector = absl::StrCat("metadata.name=", object.ref.name);
  deletion.watch = api.Watch(object.ref.api_version, object.ref.kind, one, deletion.signal);
  DELIVERY_RETURN_IF_ERROR(
      AwaitFirstLists({deletion.watch.get()}, deletion.signal, clock, timeout, stop));
  kubernetes::DeleteOptions options;
  options.propagation = kubernetes::Propagation::kForeground;
  options.uid = object.uid;
  const absl::Status deleted = api.Delete(object.ref, options, stop);
  if (IsTakenByAnother(api, object.ref, object.uid, deleted, stop)) return absl::OkStatus();
  if (!deleted.ok() && !absl::IsNotFound(deleted)) return deleted;
  deletions.push_back(std::move(deletion));
  return absl::OkStatus();
}

absl::Status Await(Clock& clock, const Deletion& deletion, absl::Time deadline,
                   absl::Duration timeout, const std::stop_token& stop) {
  const auto still_there = [&] {
    const std::vector<Json> objects = deletion.watch->Objects();
    return std::any_of(objects.begin(), objects.end(), [&](const Json& object) {
      return deletion.object.uid.empty() || kubernetes::UidOf(object) == deletion.object.uid;
    });
  };
  const kubernetes::ChangeSignal& signal = deletion.signal;
  for (uint64_t seen = signal.version(); still_there(); seen = signal.version()) {
    if (stop.stop_requested()) return absl::CancelledError("stopped while it was being deleted");
    if (clock.Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          deletion.object.ref.ToString(), " is still there ", absl::FormatDuration(timeout),
          " after its deletion (timeouts.delete). A finalizer or a pod that does not end may hold "
          "it: look at metadata.finalizers and at its pods, then destroy again."));
    }
    signal.Wait(seen, std::min(deadline, clock.Now() + absl::Seconds(5)), stop);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RemoveWorkload(kubernetes::Api& api, Clock& clock, const Removal& removal,
                            absl::Duration timeout, const std::stop_token& stop) {
  const kubernetes::ObjectRef& ref = removal.workload;
  const StopGrace grace(clock, stop);
  DELIVERY_ASSIGN_OR_RETURN(const std::unique_ptr<Lease> lease,
                            Lease::Acquire(api, ref, clock, stop, grace.hard_stop()));
  DELIVERY_ASSIGN_OR_RETURN(const std::optional<JournalEntry> found, LoadJournal(api, ref, stop));
  Journal journal(api, ref, "", found.has_value() ? found->resource_version : "",
                  grace.hard_stop());
  if (removal.before) {
    DELIVERY_RETURN_IF_ERROR(
        removal.before(found.has_value() ? std::optional(found->state) : std::nullopt));
  }
  const absl::Time deadline = clock.Now() + timeout;
  std::vector<Deletion> deletions;
  for (const Removed& object : removal.objects) {
    DELIVERY_RETURN_IF_ERROR(Begin(api, clock, object, timeout, stop, deletions));
  }
  for (Deletion& deletion : deletions) {
    DELIVERY_RETURN_IF_ERROR(Await(clock, deletion, deadline, timeout, stop));
  }
  return journal.Clear();
}

}  // namespace delivery::runner
