#include "provider/runner/failure_report.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/kubernetes/object.h"

namespace delivery::runner {
namespace {

constexpr int64_t kLogLines = 10;
constexpr size_t kEvents = 5;
constexpr size_t kLongestLine = 300;

// Not inside a character of UTF-8.
std::string_view Shortened(std::string_view line) {
  if (line.size() <= kLongestLine) return line;
  size_t end = kLongestLine;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end);
}

std::string Indented(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = absl::StrCat("\n", std::string(title));
  for (const std::string& line : lines) {
    absl::StrAppend(&text, "\n  ", std::string(Shortened(line)));
  }
  return text;
}

std::vector<std::string> LogTail(kubernetes::Api& api, const kubernetes::PodFailure& failure,
                                 const std::string& namespace_name, const std::stop_token& stop) {
  if (failure.container.empty()) return {};
  kubernetes::PodLogOptions options;
  options.container = failure.container;
  options.tail_lines = kLogLines;
  options.previous = failure.previous_log;
  absl::StatusOr<std::string> log = api.PodLog(namespace_name, failure.pod, options, stop);
  if (!log.ok() && options.previous) {
    options.previous = false;
    log = api.PodLog(namespace_name, failure.pod, options, stop);
  }
  if (!log.ok()) return {};
  return absl::StrSplit(*log, '\n', absl::SkipWhitespace());
}

std::string LastSeen(const Json& event) {
  for (const std::string& time : {GetString(GetObject(event, "series"), "lastObservedTime"),
                                  GetString(event, "lastTimestamp")}) {
    if (!time.empty()) return time;
  }
  return GetString(event, "eventTime");
}

std::vector<std::string> LastEvents(kubernetes::Api& api, const std::string& namespace_name,
                                    const std::string& uid, const std::stop_token& stop) {
  if (uid.empty()) return {};
  kubernetes::ListOptions options;
  options.namespace_name = namespace_name;
  options.field_selector = absl::StrCat("involvedObject.uid=", uid);
  absl::StatusOr<kubernetes::ObjectList> events = api.List("v1", "Event", options, stop);
  if (!events.ok()) return {};
  std::stable_sort(events->items.begin(), events->items.end(),
                   [](const Json& a, const Json& b) { return LastSeen(a) < LastSeen(b); });
  std::vector<std::string> lines;
  const size_t first = events->items.size() > kEvents ? events->items.size() - kEvents : 0;
  for (size_t i = first; i < events->items.size(); ++i) {
    const Json& event = events->items[i];
    const int64_t count = GetInt(GetObject(event, "series"), "count", GetInt(event, "count", 1));
    lines.push_back(absl::StrCat(GetString(event, "type"), " ", GetString(event, "reason"),
                                 count > 1 ? absl::StrCat(" (x", count, ")") : "", ": ",
                                 GetString(event, "message")));
  }
  return lines;
}

}  // namespace

std::string ReportFailure(kubernetes::Api& api, const kubernetes::PodFailure& failure,
                          const std::string& namespace_name, const std::string& uid,
                          const std::stop_token& stop) {
  return absl::StrCat(failure.ToString(),
                      Indented("Last log lines:", LogTail(api, failure, namespace_name, stop)),
                      Indented("Last events:", LastEvents(api, namespace_name, uid, stop)));
}

}  // namespace delivery::runner
