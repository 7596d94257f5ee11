#include "provider/checks/job_check.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/base/redact.h"
#include "provider/checks/bounded_stop.h"
#include "provider/checks/job_report.h"
#include "provider/checks/job_yaml.h"
#include "provider/checks/outcome.h"
#include "provider/checks/printable.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/pod_failure.h"

namespace delivery::checks {
namespace {

using kubernetes::ObjectRef;
using kubernetes::ObjectWatch;

constexpr size_t kLongestName = 63;  // it becomes a label of the pods
constexpr size_t kShortId = 8;
constexpr char kManagedBy[] = "app.kubernetes.io/managed-by";
constexpr char kUs[] = "terraform-provider-delivery";
// Whose Job it is.
constexpr char kRunAnnotation[] = "terraform-provider-delivery/run";
constexpr char kCheckAnnotation[] = "terraform-provider-delivery/check";
constexpr char kPhaseAnnotation[] = "terraform-provider-delivery/phase";
constexpr int64_t kLeastSecondsAfterFinished = 300;
constexpr size_t kLongestMessage = 600;

constexpr absl::Duration kUntilNextTry = absl::Seconds(1);
// Changes wake the wait; what only time changes (a deadline) is looked at this often.
constexpr absl::Duration kLookAgain = absl::Seconds(1);
constexpr absl::Duration kReportPatience = absl::Seconds(8);
constexpr absl::Duration kRemovalPatience = absl::Seconds(8);
// When we have been told to stop: enough for the request to be on its way.
constexpr absl::Duration kHastyPatience = absl::Milliseconds(150);

// Lower-case letters, digits, "-" and "."; begins and ends with a letter or a digit.
std::string Clean(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
    const bool fits = absl::ascii_isalnum(static_cast<unsigned char>(lower)) || lower == '.';
    clean += fits ? lower : '-';
  }
  const auto trimmed = [](const std::string& s) {
    const size_t first = s.find_first_not_of("-.");
    return first == std::string::npos ? "" : s.substr(first, s.find_last_not_of("-.") - first + 1);
  };
  return trimmed(clean);
}

// FNV-1a.
uint32_t Hash(std::string_view text) {
  uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

// "deadbeef" of "run-deadbeef".
std::string ShortId(std::string_view run_id) {
  std::string id = Clean(run_id);
  std::erase_if(id, [](char c) { return c == '-' || c == '.'; });
  return id.size() > kShortId ? id.substr(id.size() - kShortId) : id;
}

std::string WordsOf(const absl::Status& status) {
  // The wait was cut off at the check's deadline.
  if (absl::IsCancelled(status)) return "no answer in time";
  const std::string_view message(status.message().data(), status.message().size());
  return Printable(Redact(message), kLongestMessage);
}

// `object`[key] as an object, whatever it was.
Json& MapIn(Json& object, const char* key) {
  Json& map = object[key];
  if (!map.is_object()) map = Json::object();
  return map;
}

bool IsTrue(const Json* condition) {
  return condition != nullptr && GetString(*condition, "status") == "True";
}

class JobRun {
 public:
  JobRun(const CheckContext& context, const Check& check, const JobCheck& job,
         const std::stop_token& stop);

  CheckResult Run();

 private:
  Json WantedJob(const Json& given) const;

  // Why there is no Job to wait for; nullopt once there is (job_).
  std::optional<CheckResult> Create();
  // The same, when there is a Job of the name already; sets `busy` when it is worth another try.
  std::optional<CheckResult> TakeUp(bool& busy);

  CheckResult Await();
  std::optional<CheckResult> Look(const ObjectWatch& jobs, const ObjectWatch& pods);
  std::optional<CheckResult> Verdict(const Json& job);
  std::optional<CheckResult> FindStuckPod(const ObjectWatch& pods) const;
  CheckResult FailedWithPods(const std::string& what) const;
  CheckResult TimedOut() const;

  void Remove();
  absl::Status Delete(const Json& job, const std::stop_token& stop) const;
  bool IsOurs(const Json& job, bool same_phase) const;
  std::string Title() const { return absl::StrCat("Job ", ref_.namespace_name, "/", ref_.name); }
  std::string Within() const { return absl::FormatDuration(check_.timeout); }

  const CheckContext& context_;
  const Check& check_;
  const std::stop_token& stop_;
  const absl::Time deadline_;
  const BoundedStop bounded_;
  const ObjectRef ref_;
  const Json wanted_;
  Json job_;                // as it was created or found; null before
  bool may_exist_ = false;  // a creation whose outcome is not known
};

JobRun::JobRun(const CheckContext& context, const Check& check, const JobCheck& job,
               const std::stop_token& stop)
    : context_(context),
      check_(check),
      stop_(stop),
      deadline_(context.clock.Now() + check.timeout),
      bounded_(stop, check.timeout),
      ref_{"batch/v1", "Job", context.workload.namespace_name,
           JobName(job.job, check.name, context.run_id)},
      wanted_(WantedJob(job.job)) {}

Json JobRun::WantedJob(const Json& given) const {
  Json job = given;
  job.erase("status");
  const Json old = GetObject(job, "metadata");
  job["metadata"] = {{"name", ref_.name},
                     {"namespace", ref_.namespace_name},
                     {"labels", GetObject(old, "labels")},
                     {"annotations", GetObject(old, "annotations")}};
  Json& metadata = job["metadata"];
  metadata["labels"][kManagedBy] = kUs;
  metadata["annotations"][kRunAnnotation] = context_.run_id;
  metadata["annotations"][kCheckAnnotation] = check_.name;
  metadata["annotations"][kPhaseAnnotation] = context_.phase;
  if (!context_.workload_uid.empty()) {
    metadata["ownerReferences"] = Json::array({{{"apiVersion", context_.workload.api_version},
                                                {"kind", context_.workload.kind},
                                                {"name", context_.workload.name},
                                                {"uid", context_.workload_uid}}});
  }
  constexpr char kTtl[] = "ttlSecondsAfterFinished";
  Json& spec = MapIn(job, "spec");
  if (spec.contains(kTtl) && GetInt(spec, kTtl) < kLeastSecondsAfterFinished) {
    spec[kTtl] = kLeastSecondsAfterFinished;
  }
  return job;
}

CheckResult JobRun::Run() {
  const std::string stated =
      GetString(GetObject(std::get<JobCheck>(check_.what).job, "metadata"), "namespace");
  if (!stated.empty() && stated != ref_.namespace_name) {
    return Failed(absl::StrCat("the Job names the namespace ", Printable(stated, kLongestName),
                               ", but runs in that of the workload, ", ref_.namespace_name,
                               ": leave metadata.namespace out"));
  }
  std::optional<CheckResult> ended = Create();
  CheckResult result = ended.has_value() ? *std::move(ended) : Await();
  Remove();
  return result;
}

std::optional<CheckResult> JobRun::Create() {
  for (;;) {
    absl::StatusOr<Json> created = context_.api.Create(wanted_, {}, bounded_.token());
    if (created.ok()) {
      job_ = *std::move(created);
      return std::nullopt;
    }
    absl::Status problem = created.status();
    // What was lost or cut off may have been done.
    may_exist_ = may_exist_ || !kubernetes::GetApiError(problem).has_value();
    if (stop_.stop_requested()) return Cancelled();
    if (absl::IsAlreadyExists(problem)) {
      bool busy = false;
      if (auto ended = TakeUp(busy)) return ended;
      if (!busy) return std::nullopt;
      problem = absl::UnavailableError("an earlier Job of that name is still there");
    } else if (kubernetes::IsFinalRefusal(problem) || absl::IsNotFound(problem)) {
      return Failed(absl::StrCat(Title(), " cannot be created: ", WordsOf(problem)));
    }
    const auto next = NextTry(context_.clock.Now(), kUntilNextTry, deadline_);
    if (!next.has_value()) {
      return Failed(
          absl::StrCat(Title(), " could not be created within ", Within(), ": ", WordsOf(problem)));
    }
    if (!context_.clock.SleepUntil(*next, stop_)) return Cancelled();
  }
}

std::optional<CheckResult> JobRun::TakeUp(bool& busy) {
  absl::StatusOr<Json> found = context_.api.Get(ref_, bounded_.token());
  if (stop_.stop_requested()) return Cancelled();
  busy = true;
  if (!found.ok()) {
    if (!kubernetes::IsFinalRefusal(found.status()))
      return std::nullopt;  // gone again, or the next try tells
    return Failed(absl::StrCat(Title(), " exists and cannot be read: ", WordsOf(found.status())));
  }
  if (kubernetes::IsBeingDeleted(*found)) return std::nullopt;
  if (IsOurs(*found, /*same_phase=*/true)) {
    log::Info("Job of a check is continued", {{"job", ref_.name}});
    busy = false;
    job_ = *std::move(found);
    return std::nullopt;
  }
  if (!IsOurs(*found, /*same_phase=*/false)) {
    return Failed(absl::StrCat(Title(),
                               " exists already, and this check of this run did not make "
                               "it. Give the Jobs of different checks different names"));
  }
  // Left by an earlier phase, whose verdict is not this one's.
  const absl::Status removed = Delete(*found, bounded_.token());
  if (removed.ok() || !kubernetes::IsFinalRefusal(removed)) return std::nullopt;
  return Failed(
      absl::StrCat(Title(), " of an earlier phase cannot be removed: ", WordsOf(removed)));
}

bool JobRun::IsOurs(const Json& job, bool same_phase) const {
  using kubernetes::AnnotationOf;
  return AnnotationOf(job, kRunAnnotation) == context_.run_id &&
         AnnotationOf(job, kCheckAnnotation) == check_.name &&
         (!same_phase || AnnotationOf(job, kPhaseAnnotation) == context_.phase);
}

CheckResult JobRun::Await() {
  // What was continued may have ended long ago.
  if (auto verdict = Verdict(job_)) return *std::move(verdict);
  kubernetes::ChangeSignal signal;
  kubernetes::ListOptions this_one;
  this_one.namespace_name = ref_.namespace_name;
  this_one.field_selector = absl::StrCat("metadata.name=", ref_.name);
  const auto jobs = context_.api.Watch(ref_.api_version, ref_.kind, this_one, signal);
  kubernetes::ListOptions its_pods;
  its_pods.namespace_name = ref_.namespace_name;
  its_pods.label_selector = absl::StrCat(kJobNameLabel, "=", ref_.name);
  const auto pods = context_.api.Watch("v1", "Pod", its_pods, signal);
  for (;;) {
    const uint64_t seen = signal.version();
    if (stop_.stop_requested()) return Cancelled();
    if (auto result = Look(*jobs, *pods)) return *std::move(result);
    const absl::Duration left = deadline_ - context_.clock.Now();
    if (left <= absl::ZeroDuration()) return TimedOut();
    signal.Wait(seen, Clock::Real().Now() + std::min(left, kLookAgain), stop_);
  }
}

std::optional<CheckResult> JobRun::Look(const ObjectWatch& jobs, const ObjectWatch& pods) {
  if (const absl::Status status = jobs.status(); kubernetes::IsFinalRefusal(status)) {
    return Failed(absl::StrCat(Title(), " cannot be watched: ", WordsOf(status)));
  }
  if (!jobs.synced()) return std::nullopt;
  const std::vector<Json> found = jobs.Objects();
  const bool there = !found.empty() &&
                     kubernetes::UidOf(found.front()) == kubernetes::UidOf(job_) &&
                     !kubernetes::IsBeingDeleted(found.front());
  if (!there) {
    return Failed(absl::StrCat(Title(), " was deleted by somebody before it was complete"));
  }
  if (auto verdict = Verdict(found.front())) return verdict;
  return FindStuckPod(pods);
}

std::optional<CheckResult> JobRun::Verdict(const Json& job) {
  if (IsTrue(kubernetes::FindCondition(job, "Complete"))) return Passed();
  const Json* failed = kubernetes::FindCondition(job, "Failed");
  if (!IsTrue(failed)) return std::nullopt;
  const std::string reason = GetString(*failed, "reason", "no reason given");
  const std::string message = GetString(*failed, "message");
  return FailedWithPods(absl::StrCat("failed: ", reason, message.empty() ? "" : ": ", message));
}

// A pod for which waiting does not help. One that crashes is the Job's own affair (backoffLimit).
std::optional<CheckResult> JobRun::FindStuckPod(const ObjectWatch& pods) const {
  for (const Json& pod : PodsOf(job_, pods.Objects())) {
    const auto failure =
        kubernetes::FindPodFailure(pod, context_.clock.Now(), context_.schedule_timeout);
    if (!failure.has_value() || !failure->definitive) continue;
    if (failure->reason == "CrashLoopBackOff") continue;
    return FailedWithPods("has a pod that cannot start");
  }
  return std::nullopt;
}

CheckResult JobRun::FailedWithPods(const std::string& what) const {
  const BoundedStop bounded(stop_, kReportPatience);
  return Failed(absl::StrCat(Title(), " ", Printable(Redact(what), kLongestMessage),
                             ReportPods(context_.api, job_, context_.clock.Now(),
                                        context_.schedule_timeout, bounded.token())));
}

CheckResult JobRun::TimedOut() const {
  return FailedWithPods(absl::StrCat("was not complete within ", Within()));
}

void JobRun::Remove() {
  if (job_.is_null() && !may_exist_) return;
  absl::Status removed = absl::CancelledError();
  const auto remove = [&](const std::stop_token& stop) {
    if (job_.is_null()) {
      absl::StatusOr<Json> found = context_.api.Get(ref_, stop);
      removed = found.status();
      if (!found.ok() || !IsOurs(*found, /*same_phase=*/true)) return;
      job_ = *std::move(found);
    }
    removed = Delete(job_, stop);
  };
  if (!stop_.stop_requested()) remove(BoundedStop(stop_, kRemovalPatience).token());
  if (!removed.ok() && stop_.stop_requested()) remove(BoundedStop({}, kHastyPatience).token());
  if (removed.ok() || absl::IsNotFound(removed) || absl::IsAborted(removed)) return;
  log::Warn("the Job of a check could not be removed; it goes with the workload",
            {{"job", Title()}, {"error", WordsOf(removed)}});
}

absl::Status JobRun::Delete(const Json& job, const std::stop_token& stop) const {
  kubernetes::DeleteOptions options;
  options.propagation = kubernetes::Propagation::kBackground;
  options.uid = kubernetes::UidOf(job);
  return context_.api.Delete(ref_, options, stop);
}

}  // namespace

absl::Status Validate(const JobCheck& job) { return ValidateJob(job.job); }

std::string JobName(const Json& job, std::string_view check_name, std::string_view run_id) {
  const std::string given = GetString(GetObject(job, "metadata"), "name", check_name);
  std::string name = Clean(given);
  if (name.empty()) name = "check";
  const std::string id = ShortId(run_id);
  const size_t longest = kLongestName - id.size() - 1;
  if (name.size() > longest) {
    const std::string hash = absl::StrCat("-", absl::Hex(Hash(given), absl::kZeroPad8));
    name = Clean(name.substr(0, longest - hash.size())) + hash;
  }
  return absl::StrCat(name, "-", id);
}

CheckResult RunJobCheck(const CheckContext& context, const Check& check, const JobCheck& job,
                        const std::stop_token& stop) {
  return JobRun(context, check, job, stop).Run();
}

}  // namespace delivery::checks
