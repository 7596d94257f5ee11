#include "provider/kubernetes/watch.h"

#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/http/retry.h"
#include "provider/kubernetes/api_error.h"

namespace delivery::kubernetes {
namespace {

constexpr http::RetryPolicy kRetryPolicy = {.longest_delay = absl::Seconds(10),
                                            .budget = absl::InfiniteDuration()};
constexpr char kPageSize[] = "500";
// The server ends each watch after this long; spread, so that watches that began together do not
// return together.
constexpr int kShortestWatchSeconds = 240;
constexpr int kLongestWatchSeconds = 340;
// Servers send a bookmark about every minute: silence beyond this is a dead connection.
constexpr absl::Duration kSilence = absl::Seconds(100);
// A watch that lasted longer did not end because something is wrong.
constexpr std::chrono::seconds kSound(5);
// The API server refuses objects beyond 3 MiB or so; no line can honestly be this long.
constexpr size_t kLongestLine = 32 * 1024 * 1024;

using Objects = std::map<std::string, Json>;

std::string KeyOf(const Json& object) {
  const Json& metadata = GetObject(object, "metadata");
  return absl::StrCat(GetString(metadata, "namespace"), "/", GetString(metadata, "name"));
}

std::string VersionOf(const Json& object) {
  return GetString(GetObject(object, "metadata"), "resourceVersion");
}

int RandomBetween(int low, int high) {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution<int>(low, high)(random);
}

http::Backoff NewBackoff() { return http::Backoff(kRetryPolicy, std::random_device{}()); }

// The list and its upkeep. Shared by the watch object and whatever is under way for it; callbacks
// hold it weakly, so that an answer that arrives after the end finds nothing. There is one exchange
// at a time: a page of the list, or the watch.
class WatchState : public std::enable_shared_from_this<WatchState> {
 public:
  WatchState(WatchServices services, std::string api_version, std::string kind, ListOptions options,
             ChangeSignal signal)
      : services_(std::move(services)),
        api_version_(std::move(api_version)),
        kind_(std::move(kind)),
        options_(std::move(options)),
        signal_(std::move(signal)) {}

  void ScheduleNext(absl::Duration delay) {
    services_.timers->RunAfter(delay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->StartNext();
    });
  }
  void End() { stop_.request_stop(); }

  bool synced() const {
    const std::lock_guard lock(mutex_);
    return synced_;
  }
  std::vector<Json> Copy() const {
    const std::lock_guard lock(mutex_);
    std::vector<Json> objects;
    objects.reserve(objects_.size());
    for (const auto& [key, object] : objects_) objects.push_back(object);
    return objects;
  }
  absl::Status status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

  // Called by the handlers below.
  void OnListDone(const absl::Status& transport, const http::Response& response);
  void OnWatchOpen();
  bool OnEvent(std::string_view line);
  void OnWatchDone(const absl::Status& transport, const http::Response& response);

 private:
  void StartNext();
  absl::StatusOr<RestRequest> NextRequest(bool* watch);
  void TakePage(const Json& page);
  bool OnErrorEvent(const Json& status_object);
  void Resume();
  void ListAgain();
  void Fail(const absl::Status& status);
  void RenewCredential(const absl::Status& refusal);
  void Recover();
  absl::Duration NextDelay();
  std::string Doing() const { return absl::StrCat("watching ", kind_, " objects"); }

  const WatchServices services_;
  const std::string api_version_;
  const std::string kind_;
  const ListOptions options_;
  ChangeSignal signal_;
  std::stop_source stop_;

  mutable std::mutex mutex_;
  // The following are guarded by mutex_.
  bool synced_ = false;
  absl::Status status_;
  Objects objects_;
  std::string path_;                              // empty: discovery first
  std::string resource_version_;                  // of the last list or event; empty: list first
  Objects listing_;                               // the pages that have arrived so far
  std::string continue_;                          // where the next page begins
  absl::Status error_event_;                      // what the server ended the watch with
  bool progress_ = false;                         // an event arrived since the last delay
  std::chrono::steady_clock::time_point opened_;  // the watch
  http::Backoff backoff_ = NewBackoff();
  Credential used_;  // by the latest exchange
  bool refreshed_credentials_ = false;
};

class ListHandler : public http::ResponseHandler {
 public:
  explicit ListHandler(std::weak_ptr<WatchState> state) : state_(std::move(state)) {}
  void OnHeaders(int status, const http::Headers& headers) override {
    response_.status = status;
    response_.headers = headers;
  }
  bool OnData(std::string_view data) override {
    response_.body.append(data);
    return true;
  }
  void OnDone(const absl::Status& status) override {
    if (const auto state = state_.lock()) state->OnListDone(status, response_);
  }

 private:
  const std::weak_ptr<WatchState> state_;
  http::Response response_;
};

// Cuts the stream into lines, one JSON event each.
class WatchHandler : public http::ResponseHandler {
 public:
  explicit WatchHandler(std::weak_ptr<WatchState> state) : state_(std::move(state)) {}
  void OnHeaders(int status, const http::Headers& headers) override {
    response_.status = status;
    response_.headers = headers;
    const auto state = state_.lock();
    if (status == 200 && state != nullptr) state->OnWatchOpen();
  }
  bool OnData(std::string_view data) override {
    const size_t searched = response_.body.size();
    response_.body.append(data);
    if (response_.body.size() > kLongestLine) return false;
    return response_.status != 200 || TakeLines(searched);
  }
  void OnDone(const absl::Status& status) override {
    if (const auto state = state_.lock()) state->OnWatchDone(status, response_);
  }

 private:
  bool TakeLines(size_t searched) {
    const auto state = state_.lock();
    if (state == nullptr) return false;
    const std::string& body = response_.body;
    size_t start = 0;
    for (size_t end = body.find('\n', searched); end != std::string::npos;
         end = body.find('\n', start)) {
      const std::string_view line(body.data() + start, end - start);
      if (!line.empty() && !state->OnEvent(line)) return false;
      start = end + 1;
    }
    response_.body.erase(0, start);
    return true;
  }

  const std::weak_ptr<WatchState> state_;
  http::Response response_;  // the body is the line that is not complete yet, or a refusal
};

// Runs on the timer thread, which getting credentials and discovery may block: both are rare.
absl::StatusOr<RestRequest> WatchState::NextRequest(bool* watch) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = path_;
  }
  if (path.empty()) {
    const absl::StatusOr<ResourceInfo> info =
        services_.discovery->Resolve(api_version_, kind_, stop_.get_token());
    if (!info.ok()) return info.status();
    path = CollectionPath(api_version_, *info, options_.namespace_name);
  }
  RestRequest request;
  request.path = path;
  if (!options_.label_selector.empty()) {
    request.query.emplace_back("labelSelector", options_.label_selector);
  }
  if (!options_.field_selector.empty()) {
    request.query.emplace_back("fieldSelector", options_.field_selector);
  }
  const std::lock_guard lock(mutex_);
  path_ = path;
  *watch = !resource_version_.empty();
  if (!*watch) {
    request.query.emplace_back("limit", kPageSize);
    if (!continue_.empty()) request.query.emplace_back("continue", continue_);
    return request;
  }
  request.query.emplace_back("watch", "true");
  request.query.emplace_back("allowWatchBookmarks", "true");
  request.query.emplace_back("resourceVersion", resource_version_);
  request.query.emplace_back(
      "timeoutSeconds", absl::StrCat(RandomBetween(kShortestWatchSeconds, kLongestWatchSeconds)));
  request.timeout = absl::InfiniteDuration();
  request.idle_timeout = kSilence;
  request.max_response_bytes = std::numeric_limits<size_t>::max();
  return request;
}

void WatchState::StartNext() {
  if (stop_.stop_requested()) return;
  bool watch = false;
  const absl::StatusOr<RestRequest> request = NextRequest(&watch);
  if (!request.ok()) return Fail(request.status());
  std::shared_ptr<http::ResponseHandler> handler;
  if (watch) {
    handler = std::make_shared<WatchHandler>(weak_from_this());
  } else {
    handler = std::make_shared<ListHandler>(weak_from_this());
  }
  absl::StatusOr<Credential> used =
      services_.client->Start(*request, stop_.get_token(), std::move(handler));
  if (!used.ok()) return Fail(used.status());
  const std::lock_guard lock(mutex_);
  used_ = *std::move(used);
}

void WatchState::OnListDone(const absl::Status& transport, const http::Response& response) {
  if (stop_.stop_requested()) return;
  const absl::Status status = transport.ok() ? StatusFromResponse(response, Doing()) : transport;
  if (absl::IsOutOfRange(status)) return ListAgain();  // the pages took too long
  if (!status.ok()) return Fail(status);
  const absl::StatusOr<Json> page = ParseJson(response.body);
  if (!page.ok()) return Fail(absl::UnavailableError("the API server's list is not valid JSON"));
  TakePage(*page);
}

void WatchState::TakePage(const Json& page) {
  bool complete = false;
  {
    const std::lock_guard lock(mutex_);
    for (Json item : GetArray(page, "items")) {
      // Items of a list do not carry their type.
      item["apiVersion"] = api_version_;
      item["kind"] = kind_;
      std::string key = KeyOf(item);
      listing_.insert_or_assign(std::move(key), std::move(item));
    }
    continue_ = GetString(GetObject(page, "metadata"), "continue");
    complete = continue_.empty();
    if (complete) {
      objects_ = std::exchange(listing_, {});
      resource_version_ = VersionOf(page);
      synced_ = true;
    }
  }
  Recover();
  if (complete) signal_.Notify();
  ScheduleNext(absl::ZeroDuration());
}

// False ends the exchange.
bool WatchState::OnEvent(std::string_view line) {
  absl::StatusOr<Json> event = ParseJson(line);
  const std::string type = event.ok() ? GetString(*event, "type") : "";
  const std::string version = event.ok() ? VersionOf(GetObject(*event, "object")) : "";
  if (type == "ERROR") return OnErrorEvent(GetObject(*event, "object"));
  {
    const std::lock_guard lock(mutex_);
    progress_ = true;
    if (version.empty()) {
      // Nothing to resume from: only a new list tells what we missed.
      error_event_ = absl::OutOfRangeError("an event that cannot be understood");
      return false;
    }
    resource_version_ = version;
    if (type == "BOOKMARK") return true;
    Json& object = (*event)["object"];
    std::string key = KeyOf(object);
    if (type == "DELETED") {
      objects_.erase(key);
    } else {
      objects_.insert_or_assign(std::move(key), std::move(object));
    }
  }
  signal_.Notify();
  return true;
}

bool WatchState::OnErrorEvent(const Json& status_object) {
  const int code = static_cast<int>(GetInt(status_object, "code", 500));
  const std::lock_guard lock(mutex_);
  error_event_ = StatusFromObject(status_object, code, Doing());
  return false;
}

void WatchState::OnWatchDone(const absl::Status& transport, const http::Response& response) {
  if (stop_.stop_requested()) return;
  absl::Status status;
  if (response.status == 200) {
    const std::lock_guard lock(mutex_);
    status = std::exchange(error_event_, absl::OkStatus());
  } else {
    status = transport.ok() ? StatusFromResponse(response, Doing()) : transport;
  }
  // A watch that was open ends by the server's time limit, by silence, or by a cut: none of them is
  // an error until the next attempt fails.
  if (status.ok()) return Resume();
  if (absl::IsOutOfRange(status)) return ListAgain();
  Fail(status);
}

void WatchState::OnWatchOpen() {
  {
    const std::lock_guard lock(mutex_);
    opened_ = std::chrono::steady_clock::now();
  }
  Recover();
}

void WatchState::Resume() {
  {
    const std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() - opened_ > kSound) progress_ = true;
  }
  ScheduleNext(NextDelay());
}

void WatchState::ListAgain() {
  log::Debug("watch lists again", {{"kind", kind_}});
  {
    const std::lock_guard lock(mutex_);
    resource_version_.clear();
    continue_.clear();
    listing_.clear();
  }
  ScheduleNext(NextDelay());
}

// None after progress, so that an ordinary end costs no time; growing without it.
absl::Duration WatchState::NextDelay() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(progress_, false)) {
    backoff_ = NewBackoff();
    return absl::ZeroDuration();
  }
  return backoff_.Next(absl::ZeroDuration()).value_or(kRetryPolicy.longest_delay);
}

void WatchState::Fail(const absl::Status& status) {
  if (stop_.stop_requested()) return;
  if (absl::IsUnauthenticated(status) && GetApiError(status).has_value()) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = !std::exchange(refreshed_credentials_, true);
    }
    if (first) return RenewCredential(status);
  }
  log::Debug("watch interrupted", {{"kind", kind_}, {"error", std::string(status.message())}});
  {
    const std::lock_guard lock(mutex_);
    status_ = status;
    progress_ = false;
  }
  signal_.Notify();
  if (!IsFinalRefusal(status)) ScheduleNext(NextDelay());
}

// On the timer thread, since it may block and this is the transport's; and after StartNext has
// noted which credential it used.
void WatchState::RenewCredential(const absl::Status& refusal) {
  services_.timers->RunAfter(absl::ZeroDuration(), [weak = weak_from_this(), refusal] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    Credential used;
    {
      const std::lock_guard lock(self->mutex_);
      used = self->used_;
    }
    if (self->services_.client->RenewCredential(used, self->stop_.get_token())) {
      return self->StartNext();
    }
    self->Fail(refusal);
  });
}

void WatchState::Recover() {
  bool was_failing = false;
  {
    const std::lock_guard lock(mutex_);
    was_failing = !std::exchange(status_, absl::OkStatus()).ok();
    refreshed_credentials_ = false;
  }
  if (was_failing) signal_.Notify();
}

class RestWatch : public ObjectWatch {
 public:
  explicit RestWatch(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}
  ~RestWatch() override { state_->End(); }
  bool synced() const override { return state_->synced(); }
  std::vector<Json> Objects() const override { return state_->Copy(); }
  absl::Status status() const override { return state_->status(); }

 private:
  const std::shared_ptr<WatchState> state_;
};

}  // namespace

std::unique_ptr<ObjectWatch> MakeObjectWatch(WatchServices services, std::string api_version,
                                             std::string kind, ListOptions options,
                                             ChangeSignal signal) {
  auto state = std::make_shared<WatchState>(std::move(services), std::move(api_version),
                                            std::move(kind), std::move(options), std::move(signal));
  state->ScheduleNext(absl::ZeroDuration());
  return std::make_unique<RestWatch>(std::move(state));
}

}  // namespace delivery::kubernetes
