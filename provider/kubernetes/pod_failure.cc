#include "provider/kubernetes/pod_failure.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"

namespace delivery::kubernetes {
namespace {

constexpr std::string_view kRevisionAnnotation = "deployment.kubernetes.io/revision";

// Reasons of a waiting container that mean trouble. Those that the runtime may recover from by
// itself (a name conflict, a runtime that timed out) are not definitive.
struct WaitingReason {
  std::string_view reason;
  bool definitive;
};
constexpr std::array<WaitingReason, 11> kWaitingReasons = {{
    {"ImagePullBackOff", true},
    {"ErrImageNeverPull", true},
    {"InvalidImageName", true},
    {"ImageInspectError", true},
    {"SignatureValidationFailed", true},
    {"CreateContainerConfigError", true},
    {"CrashLoopBackOff", true},
    {"CreateContainerError", false},
    {"RunContainerError", false},
    {"PreCreateHookError", false},
    {"PostStartHookError", false},
}};

// Messages of image pulls that may succeed when repeated.
constexpr std::array<std::string_view, 10> kPassingPullProblems = {
    "timeout",           "timed out",           "too many requests", "429",
    "connection reset",  "service unavailable", "bad gateway",       "deadline exceeded",
    "temporary failure", "unexpected eof"};

bool MayPass(const std::string& pull_message) {
  const std::string lower = absl::AsciiStrToLower(pull_message);
  return std::any_of(
      kPassingPullProblems.begin(), kPassingPullProblems.end(),
      [&](std::string_view problem) { return lower.find(problem) != std::string::npos; });
}

const Json& StateOf(const Json& container, const char* when, const char* state) {
  return GetObject(GetObject(container, when), state);
}

// What the last termination said, from lastState or the present state; empty object for none.
const Json& LastTermination(const Json& container) {
  const Json& now = StateOf(container, "state", "terminated");
  return now.empty() ? StateOf(container, "lastState", "terminated") : now;
}

void Append(std::string& text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += ", ";
  text += part;
}

// Notes how the container ended last, and how often it was restarted.
void AddTermination(const Json& container, PodFailure& failure) {
  const Json& terminated = LastTermination(container);
  failure.restarts = GetInt(container, "restartCount");
  if (terminated.empty()) return;
  const std::string reason = GetString(terminated, "reason");
  failure.exit_code = GetInt(terminated, "exitCode");
  failure.out_of_memory = reason == "OOMKilled";
  Append(failure.message, absl::StrCat("exit code ", *failure.exit_code));
  if (!reason.empty() && reason != "Error") Append(failure.message, reason);
  std::string message = GetString(terminated, "message");
  absl::StripAsciiWhitespace(&message);
  Append(failure.message, message);
  Append(failure.message,
         absl::StrCat(failure.restarts, failure.restarts == 1 ? " restart" : " restarts"));
}

std::optional<PodFailure> FindWaitingFailure(const Json& container) {
  const Json& waiting = StateOf(container, "state", "waiting");
  const std::string reason = GetString(waiting, "reason");
  const auto known = std::find_if(kWaitingReasons.begin(), kWaitingReasons.end(),
                                  [&](const WaitingReason& w) { return w.reason == reason; });
  if (known == kWaitingReasons.end()) return std::nullopt;
  PodFailure failure;
  failure.reason = reason;
  failure.definitive = known->definitive;
  const std::string message = GetString(waiting, "message");
  if (reason == "CrashLoopBackOff") {
    // Kubernetes' own message only says how long it backs off.
    failure.previous_log = true;
    AddTermination(container, failure);
  } else {
    failure.message = message;
    failure.restarts = GetInt(container, "restartCount");
  }
  if (reason == "ImagePullBackOff") failure.definitive = !MayPass(message);
  return failure;
}

// A crash that has not led to CrashLoopBackOff (yet): it may have been a first try too early.
std::optional<PodFailure> FindCrash(const Json& container) {
  if (GetBool(container, "ready")) return std::nullopt;
  const Json& terminated = LastTermination(container);
  if (terminated.empty() || GetInt(terminated, "exitCode") == 0) return std::nullopt;
  PodFailure failure;
  failure.reason = GetString(terminated, "reason", "Error");
  // While it is terminated its own log is the current one.
  failure.previous_log = StateOf(container, "state", "terminated").empty();
  AddTermination(container, failure);
  return failure;
}

std::optional<PodFailure> FindContainerFailure(const Json& container, bool init) {
  std::optional<PodFailure> failure = FindWaitingFailure(container);
  if (!failure) failure = FindCrash(container);
  if (!failure) return std::nullopt;
  failure->container = GetString(container, "name");
  failure->init_container = init;
  return failure;
}

// The first definitive failure of a container, else the first.
std::optional<PodFailure> FindFirstContainerFailure(const Json& pod) {
  std::optional<PodFailure> first;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& container : GetArray(Status(pod), list)) {
      const bool init = std::string_view(list).starts_with("init");
      std::optional<PodFailure> failure = FindContainerFailure(container, init);
      if (!failure) continue;
      if (failure->definitive) return failure;
      if (!first) first = std::move(failure);
    }
  }
  return first;
}

const Json* FindUnschedulable(const Json& pod) {
  const Json* scheduled = FindCondition(pod, "PodScheduled");
  const bool unschedulable = scheduled != nullptr && GetString(*scheduled, "status") == "False" &&
                             GetString(*scheduled, "reason") == "Unschedulable";
  return unschedulable ? scheduled : nullptr;
}

std::optional<PodFailure> FindUnschedulableFailure(const Json& pod, absl::Time now,
                                                   absl::Duration schedule_timeout) {
  const auto deadline = SchedulingDeadline(pod, schedule_timeout);
  if (!deadline || now < *deadline) return std::nullopt;
  PodFailure failure;
  failure.reason = "Unschedulable";
  failure.message = GetString(*FindUnschedulable(pod), "message");
  failure.definitive = true;
  return failure;
}

// A pod that was evicted or refused by its node; its controller makes another one.
std::optional<PodFailure> FindPhaseFailure(const Json& pod) {
  if (GetString(Status(pod), "phase") != "Failed") return std::nullopt;
  PodFailure failure;
  failure.reason = GetString(Status(pod), "reason", "Failed");
  failure.message = GetString(Status(pod), "message");
  return failure;
}

std::optional<absl::Time> EventTime(const Json& event) {
  const auto series = GetTime(GetObject(event, "series"), "lastObservedTime");
  for (const auto& time : {series, GetTime(event, "lastTimestamp"), GetTime(event, "eventTime")}) {
    if (time) return time;
  }
  return GetTime(Metadata(event), "creationTimestamp");
}

PodFailure CreationFailure(const Json& owner, std::string reason, std::string message) {
  PodFailure failure;
  failure.pod = NameOf(owner);
  failure.reason = std::move(reason);
  failure.message = std::move(message);
  // A webhook or etcd that is out of order for a moment; the controllers try again. Refusals by
  // quota or admission read otherwise.
  failure.definitive = !absl::StrContains(failure.message, "Internal error occurred");
  return failure;
}

}  // namespace

std::string PodFailure::ToString() const {
  std::string text = absl::StrCat("pod ", pod);
  if (reason.starts_with("FailedCreate")) text = absl::StrCat("pods of ", pod);
  if (!container.empty()) {
    absl::StrAppend(&text, init_container ? ", init container " : ", container ", container);
  }
  absl::StrAppend(&text, ": ", reason);
  if (!message.empty()) absl::StrAppend(&text, ": ", message);
  return text;
}

std::optional<PodFailure> FindPodFailure(const Json& pod, absl::Time now,
                                         absl::Duration schedule_timeout) {
  if (IsBeingDeleted(pod) || GetString(Status(pod), "phase") == "Succeeded") return std::nullopt;
  std::optional<PodFailure> failure = FindPhaseFailure(pod);
  if (failure && failure->reason == "Failed") {
    // The containers say more than the phase.
    if (auto crash = FindFirstContainerFailure(pod)) failure = std::move(crash);
  }
  if (!failure) failure = FindUnschedulableFailure(pod, now, schedule_timeout);
  if (!failure) failure = FindFirstContainerFailure(pod);
  if (failure) failure->pod = NameOf(pod);
  return failure;
}

std::optional<absl::Time> SchedulingDeadline(const Json& pod, absl::Duration schedule_timeout) {
  const Json* condition = FindUnschedulable(pod);
  if (condition == nullptr || IsBeingDeleted(pod)) return std::nullopt;
  auto since = GetTime(*condition, "lastTransitionTime");
  if (!since) since = GetTime(Metadata(pod), "creationTimestamp");
  return since ? std::optional(*since + schedule_timeout) : std::nullopt;
}

bool IsPodReady(const Json& pod) {
  const Json* ready = FindCondition(pod, "Ready");
  return ready != nullptr && GetString(*ready, "status") == "True";
}

std::optional<PodFailure> FindFirstPodFailure(const std::vector<Json>& pods, absl::Time now,
                                              absl::Duration schedule_timeout) {
  std::optional<PodFailure> first;
  for (const Json& pod : pods) {
    std::optional<PodFailure> failure = FindPodFailure(pod, now, schedule_timeout);
    if (!failure) continue;
    if (failure->definitive) return failure;
    if (!first) first = std::move(failure);
  }
  return first;
}

std::optional<PodFailure> FindReplicaSetFailure(const Json& replica_set) {
  const Json* condition = FindCondition(replica_set, "ReplicaFailure");
  if (condition == nullptr || GetString(*condition, "status") != "True") return std::nullopt;
  const std::string reason = GetString(*condition, "reason");
  // FailedDelete leaves a pod too many, which does not stop the new ones.
  if (reason != "FailedCreate") return std::nullopt;
  return CreationFailure(replica_set, reason, GetString(*condition, "message"));
}

std::optional<PodFailure> FindCreationFailure(const std::vector<Json>& events, const Json& owner,
                                              absl::Time since) {
  const Json* newest = nullptr;
  absl::Time newest_time = since;
  for (const Json& event : events) {
    const Json& about = GetObject(event, "involvedObject");
    if (GetString(about, "uid") != UidOf(owner) || GetString(event, "type") != "Warning") continue;
    const std::optional<absl::Time> time = EventTime(event);
    if (GetString(event, "reason") != "FailedCreate" || !time || *time < newest_time) continue;
    newest = &event;
    newest_time = *time;
  }
  if (newest == nullptr) return std::nullopt;
  return CreationFailure(owner, "FailedCreate", GetString(*newest, "message"));
}

const Json* NewestReplicaSet(const Json& deployment, const std::vector<Json>& replica_sets) {
  const auto revision = AnnotationOf(deployment, kRevisionAnnotation);
  if (!revision) return nullptr;
  for (const Json* replica_set : ControlledBy(UidOf(deployment), replica_sets)) {
    if (AnnotationOf(*replica_set, kRevisionAnnotation) == revision) return replica_set;
  }
  return nullptr;
}

std::vector<const Json*> ControlledBy(const std::string& owner_uid,
                                      const std::vector<Json>& objects) {
  std::vector<const Json*> controlled;
  for (const Json& object : objects) {
    if (!owner_uid.empty() && ControllerUidOf(object) == owner_uid) controlled.push_back(&object);
  }
  return controlled;
}

}  // namespace delivery::kubernetes
