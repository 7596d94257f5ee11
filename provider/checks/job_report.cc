#include "provider/checks/job_report.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/redact.h"
#include "provider/checks/printable.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/pod_failure.h"

namespace delivery::checks {
namespace {

constexpr size_t kMostPods = 5;
constexpr size_t kMostLogs = 3;
constexpr int64_t kLogLines = 20;
constexpr size_t kLongestLine = 300;
constexpr size_t kLongestState = 600;

std::string CreatedAt(const Json& object) {
  return GetString(kubernetes::Metadata(object), "creationTimestamp");
}

std::string StateOf(const Json& pod, absl::Time now, absl::Duration schedule_timeout) {
  const auto failure = kubernetes::FindPodFailure(pod, now, schedule_timeout);
  if (failure.has_value()) return failure->ToString();
  const Json& status = kubernetes::Status(pod);
  std::string text =
      absl::StrCat("pod ", kubernetes::NameOf(pod), ": ", GetString(status, "phase", "Pending"));
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& container : GetArray(status, list)) {
      const Json& waiting = GetObject(GetObject(container, "state"), "waiting");
      if (waiting.empty()) continue;
      absl::StrAppend(&text, ", container ", GetString(container, "name"), ": ",
                      GetString(waiting, "reason", "waiting"));
    }
  }
  return text;
}

// A container whose log may tell something.
struct LogSource {
  std::string container;
  bool previous = false;  // its last instance, as the present one has not begun
  bool failed = false;
  bool running = false;
};

std::vector<LogSource> LogSourcesOf(const Json& pod) {
  std::vector<LogSource> sources;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& container : GetArray(kubernetes::Status(pod), list)) {
      const Json& state = GetObject(container, "state");
      LogSource source;
      source.container = GetString(container, "name");
      source.running = state.contains("running");
      source.previous = state.contains("waiting");
      const Json& ended =
          GetObject(source.previous ? GetObject(container, "lastState") : state, "terminated");
      source.failed = GetInt(ended, "exitCode") != 0;
      if (source.running || !ended.empty()) sources.push_back(std::move(source));
    }
  }
  return sources;
}

// Those that failed; without any those that run; without any all.
std::vector<LogSource> MostTelling(std::vector<LogSource> sources) {
  for (const auto member : {&LogSource::failed, &LogSource::running}) {
    const auto is = [member](const LogSource& source) { return source.*member; };
    if (std::none_of(sources.begin(), sources.end(), is)) continue;
    std::erase_if(sources, [&](const LogSource& source) { return !is(source); });
    break;
  }
  if (sources.size() > kMostLogs) sources.resize(kMostLogs);
  return sources;
}

std::string LogOf(kubernetes::Api& api, const Json& pod, const LogSource& source,
                  const std::stop_token& stop) {
  kubernetes::PodLogOptions options;
  options.container = source.container;
  options.tail_lines = kLogLines;
  options.previous = source.previous;
  const absl::StatusOr<std::string> log =
      api.PodLog(kubernetes::NamespaceOf(pod), kubernetes::NameOf(pod), options, stop);
  if (!log.ok()) {
    const auto error = kubernetes::GetApiError(log.status());
    return absl::StrCat(
        "\nThe log of container ", source.container, " cannot be read: ",
        Printable(error.has_value() ? error->message : std::string(log.status().message()),
                  kLongestLine));
  }
  // Split before the secrets go, which may hold newlines, but not shortened.
  const std::string hidden = Redact(*log);
  const std::vector<std::string> lines = absl::StrSplit(hidden, '\n', absl::SkipWhitespace());
  if (lines.empty()) return absl::StrCat("\nThe log of container ", source.container, " is empty.");
  std::string text = absl::StrCat("\nLast log lines of container ", source.container, ":");
  for (const std::string& line : lines) {
    absl::StrAppend(&text, "\n  ", Printable(line, kLongestLine));
  }
  return text;
}

// Why the Job's controller could make no pod.
std::string CreationFailureOf(kubernetes::Api& api, const Json& job, const std::stop_token& stop) {
  kubernetes::ListOptions about;
  about.namespace_name = kubernetes::NamespaceOf(job);
  about.field_selector = absl::StrCat("involvedObject.uid=", kubernetes::UidOf(job));
  const absl::StatusOr<kubernetes::ObjectList> events = api.List("v1", "Event", about, stop);
  if (!events.ok()) return "";
  const auto failure = kubernetes::FindCreationFailure(events->items, job, absl::InfinitePast());
  return failure.has_value() ? absl::StrCat("\n", Printable(failure->ToString(), kLongestState))
                             : "";
}

}  // namespace

std::vector<Json> PodsOf(const Json& job, const std::vector<Json>& pods) {
  std::vector<Json> own;
  for (const Json* pod : kubernetes::ControlledBy(kubernetes::UidOf(job), pods)) {
    own.push_back(*pod);
  }
  std::stable_sort(own.begin(), own.end(),
                   [](const Json& a, const Json& b) { return CreatedAt(a) > CreatedAt(b); });
  return own;
}

std::string ReportPods(kubernetes::Api& api, const Json& job, absl::Time now,
                       absl::Duration schedule_timeout, const std::stop_token& stop) {
  kubernetes::ListOptions selected;
  selected.namespace_name = kubernetes::NamespaceOf(job);
  selected.label_selector = absl::StrCat(kJobNameLabel, "=", kubernetes::NameOf(job));
  const absl::StatusOr<kubernetes::ObjectList> listed = api.List("v1", "Pod", selected, stop);
  if (!listed.ok()) {
    return absl::StrCat("\nIts pods cannot be read: ",
                        Printable(std::string(listed.status().message()), kLongestLine));
  }
  const std::vector<Json> pods = PodsOf(job, listed->items);
  if (pods.empty()) {
    return absl::StrCat("\nThere is no pod of it (any more), and so no log.",
                        CreationFailureOf(api, job, stop));
  }
  std::string text;
  for (size_t i = 0; i < pods.size() && i < kMostPods; ++i) {
    absl::StrAppend(&text, "\n",
                    Printable(Redact(StateOf(pods[i], now, schedule_timeout)), kLongestState));
  }
  if (pods.size() > kMostPods) {
    absl::StrAppend(&text, "\nand ", pods.size() - kMostPods, " older pods");
  }
  for (const LogSource& source : MostTelling(LogSourcesOf(pods.front()))) {
    text += LogOf(api, pods.front(), source, stop);
  }
  return text;
}

}  // namespace delivery::checks
