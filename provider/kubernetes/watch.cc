#include "provider/kubernetes/watch.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <random>

#include "absl/strings/str_cat.h"
#include "provider/base/log.h"
#include "provider/kubernetes/api_error.h"

namespace delivery::kubernetes {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(200);
constexpr absl::Duration kLongestDelay = absl::Seconds(10);
constexpr int kWatchSeconds = 290;

std::string KeyOf(const Json& object) {
  const Json& metadata = GetObject(object, "metadata");
  return absl::StrCat(GetString(metadata, "namespace"), "/", GetString(metadata, "name"));
}

std::string VersionOf(const Json& object) {
  return GetString(GetObject(object, "metadata"), "resourceVersion");
}

// Trying again cannot help.
bool IsFinal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) ||
         absl::IsInvalidArgument(status) || absl::IsNotFound(status);
}

// Shared by the watch object and its exchanges; callbacks hold it weakly, so that an answer that
// arrives after the end finds nothing.
class WatchState : public std::enable_shared_from_this<WatchState> {
 public:
  WatchState(RestClient& client, TimerThread& timers, WatchTarget target, ChangeSignal signal)
      : client_(client), timers_(timers), target_(std::move(target)), signal_(std::move(signal)) {}

  void ScheduleNext(absl::Duration delay) {
    timers_.RunAfter(delay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->StartNext();
    });
  }
  void End() { stop_.request_stop(); }

  bool synced() const {
    const std::lock_guard lock(mutex_);
    return synced_;
  }
  std::vector<Json> Objects() const {
    const std::lock_guard lock(mutex_);
    std::vector<Json> objects;
    for (const auto& [key, object] : objects_) objects.push_back(object);
    return objects;
  }
  absl::Status status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

  void OnList(const absl::Status& transport, const http::Response& response);
  void OnWatchOpen();
  // One event line. False: the watch cannot go on.
  bool OnEvent(std::string_view line);
  void OnWatchDone(const absl::Status& transport, const http::Response& response);

 private:
  void StartNext();
  RestRequest Request(bool watch) const;
  bool ApplyEvent(const std::string& type, Json object);
  void Fail(const absl::Status& status);
  void Recover();
  std::string Doing() const { return absl::StrCat("watching ", target_.kind, " objects"); }

  RestClient& client_;
  TimerThread& timers_;
  const WatchTarget target_;
  ChangeSignal signal_;
  std::stop_source stop_;

  mutable std::mutex mutex_;
  bool synced_ = false;
  absl::Status status_;
  std::map<std::string, Json> objects_;
  std::string resource_version_;  // empty: list first
  absl::Duration delay_ = kFirstDelay;
  bool refreshed_credentials_ = false;
};

// Collects a whole answer.
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
    if (const auto state = state_.lock()) state->OnList(status, response_);
  }

 private:
  std::weak_ptr<WatchState> state_;
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
    response_.body.append(data);
    if (response_.status != 200) return true;
    const auto state = state_.lock();
    if (state == nullptr) return false;
    size_t start = 0;
    for (size_t end; (end = response_.body.find('\n', start)) != std::string::npos;
         start = end + 1) {
      const std::string_view line(response_.body.data() + start, end - start);
      if (!line.empty() && !state->OnEvent(line)) return false;
    }
    response_.body.erase(0, start);
    return true;
  }
  void OnDone(const absl::Status& status) override {
    if (const auto state = state_.lock()) state->OnWatchDone(status, response_);
  }

 private:
  std::weak_ptr<WatchState> state_;
  http::Response response_;
};

RestRequest WatchState::Request(bool watch) const {
  RestRequest request;
  request.path = target_.path;
  request.query = target_.query;
  if (!watch) return request;
  request.query.emplace_back("watch", "true");
  request.query.emplace_back("allowWatchBookmarks", "true");
  request.query.emplace_back("resourceVersion", resource_version_);
  request.query.emplace_back("timeoutSeconds", absl::StrCat(kWatchSeconds));
  request.timeout = absl::InfiniteDuration();
  request.idle_timeout = absl::Seconds(kWatchSeconds + 30);
  return request;
}

void WatchState::StartNext() {
  if (stop_.stop_requested()) return;
  bool watch = false;
  RestRequest request;
  {
    const std::lock_guard lock(mutex_);
    watch = !resource_version_.empty();
    request = Request(watch);
  }
  std::shared_ptr<http::ResponseHandler> handler;
  if (watch) {
    handler = std::make_shared<WatchHandler>(weak_from_this());
  } else {
    handler = std::make_shared<ListHandler>(weak_from_this());
  }
  const absl::Status started = client_.Start(request, stop_.get_token(), std::move(handler));
  if (!started.ok()) Fail(started);
}

void WatchState::OnList(const absl::Status& transport, const http::Response& response) {
  absl::Status status = transport.ok() ? StatusFromResponse(response, Doing()) : transport;
  const absl::StatusOr<Json> list =
      status.ok() ? ParseJson(response.body) : absl::StatusOr<Json>(status);
  if (!list.ok()) {
    Fail(list.status());
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    objects_.clear();
    for (Json item : GetArray(*list, "items")) {
      // Items of a list do not carry their type.
      item["apiVersion"] = target_.api_version;
      item["kind"] = target_.kind;
      objects_[KeyOf(item)] = std::move(item);
    }
    resource_version_ = VersionOf(*list);
    synced_ = true;
  }
  Recover();
  signal_.Notify();
  ScheduleNext(absl::ZeroDuration());
}

void WatchState::OnWatchOpen() { Recover(); }

bool WatchState::OnEvent(std::string_view line) {
  absl::StatusOr<Json> event = ParseJson(line);
  if (!event.ok()) return false;
  const std::string type = GetString(*event, "type");
  return ApplyEvent(type, GetObject(*event, "object"));
}

bool WatchState::ApplyEvent(const std::string& type, Json object) {
  {
    const std::lock_guard lock(mutex_);
    if (type == "ERROR") {
      // Usually 410: what we resume from is gone. Whatever it is, a new list is the way out.
      resource_version_.clear();
      return false;
    }
    resource_version_ = VersionOf(object);
    if (type == "BOOKMARK") return true;
    const std::string key = KeyOf(object);
    if (type == "DELETED") {
      objects_.erase(key);
    } else {
      objects_[key] = std::move(object);
    }
  }
  signal_.Notify();
  return true;
}

void WatchState::OnWatchDone(const absl::Status& transport, const http::Response& response) {
  if (stop_.stop_requested()) return;
  if (response.status == 200) {
    // Ended by the server's time limit, a cut, or an event we gave up at: go on from there.
    ScheduleNext(transport.ok() ? absl::ZeroDuration() : kFirstDelay);
    return;
  }
  const absl::Status status = transport.ok() ? StatusFromResponse(response, Doing()) : transport;
  if (absl::IsOutOfRange(status)) {
    const std::lock_guard lock(mutex_);
    resource_version_.clear();
  }
  Fail(status);
}

void WatchState::Fail(const absl::Status& status) {
  if (stop_.stop_requested()) return;
  absl::Duration delay;
  bool final = IsFinal(status);
  {
    const std::lock_guard lock(mutex_);
    if (absl::IsUnauthenticated(status) && !refreshed_credentials_) {
      refreshed_credentials_ = true;
      final = !client_.InvalidateCredentials();
    }
    if (!absl::IsOutOfRange(status)) status_ = status;
    delay = delay_;
    delay_ = std::min(delay_ * 2, kLongestDelay);
  }
  log::Debug("watch interrupted",
             {{"kind", target_.kind}, {"error", std::string(status.message())}});
  signal_.Notify();
  if (!final) ScheduleNext(delay);
}

void WatchState::Recover() {
  bool was_failing = false;
  {
    const std::lock_guard lock(mutex_);
    was_failing = !status_.ok();
    status_ = absl::OkStatus();
    delay_ = kFirstDelay;
    refreshed_credentials_ = false;
  }
  if (was_failing) signal_.Notify();
}

class RestWatch : public ObjectWatch {
 public:
  explicit RestWatch(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}
  ~RestWatch() override { state_->End(); }
  bool synced() const override { return state_->synced(); }
  std::vector<Json> Objects() const override { return state_->Objects(); }
  absl::Status status() const override { return state_->status(); }

 private:
  std::shared_ptr<WatchState> state_;
};

class FailedWatch : public ObjectWatch {
 public:
  explicit FailedWatch(absl::Status status) : status_(std::move(status)) {}
  bool synced() const override { return false; }
  std::vector<Json> Objects() const override { return {}; }
  absl::Status status() const override { return status_; }

 private:
  absl::Status status_;
};

}  // namespace

std::unique_ptr<ObjectWatch> MakeObjectWatch(RestClient& client, TimerThread& timers,
                                             WatchTarget target, ChangeSignal signal) {
  auto state = std::make_shared<WatchState>(client, timers, std::move(target), std::move(signal));
  state->ScheduleNext(absl::ZeroDuration());
  return std::make_unique<RestWatch>(std::move(state));
}

std::unique_ptr<ObjectWatch> MakeFailedWatch(absl::Status status) {
  return std::make_unique<FailedWatch>(std::move(status));
}

}  // namespace delivery::kubernetes
