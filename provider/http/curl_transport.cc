#include "provider/http/curl_transport.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include "provider/http/curl_exchange.h"

namespace delivery::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kShutDown[] = "the client was shut down";

// Never undone: other threads may still use libcurl while static objects are destroyed.
void InitialiseCurlOnce() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)code;
}

// Writing to a connection that the peer has closed raises SIGPIPE in the writing thread; the
// process's other signals are not this thread's business either.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// The multi handle and the thread that runs it. Shared by the transport, the thread and the stop
// callbacks, so that whichever ends last leaves nothing dangling.
class IoLoop : public std::enable_shared_from_this<IoLoop> {
 public:
  explicit IoLoop(TransportOptions options);
  ~IoLoop() { curl_multi_cleanup(multi_); }
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  void Submit(Request request, std::stop_token stop, std::shared_ptr<ResponseHandler> handler);
  // Ends all exchanges and waits for the thread, unless it is the caller.
  void ShutDown();

 private:
  // Ids instead of pointers: a stop may be requested while its exchange ends.
  using Id = uint64_t;
  struct OnStop {
    std::shared_ptr<IoLoop> loop;
    Id id;
    void operator()() const { loop->Cancel(id); }
  };
  struct Entry {
    std::unique_ptr<CurlExchange> exchange;
    std::unique_ptr<std::stop_callback<OnStop>> on_stop;
  };

  void Cancel(Id id);
  bool StartThread();  // with mutex_ held
  void Run();
  bool TakeIn();
  void Begin(Id id, Entry entry);
  void End(Id id, const absl::Status& status);
  void EndAll();
  void Collect();
  int ExpireOverdue();

  const std::shared_ptr<const ConnectionSettings> settings_;
  CURLM* const multi_;

  std::mutex mutex_;
  // The following are guarded by mutex_.
  Id next_id_ = 1;
  bool shutting_down_ = false;
  std::thread thread_;
  std::vector<std::pair<Id, Entry>> submitted_;
  std::vector<Id> cancelled_;

  // Of the I/O thread only.
  std::unordered_map<Id, Entry> active_;
  std::unordered_map<CURL*, Id> id_of_;
};

CURLM* NewMulti() {
  InitialiseCurlOnce();
  return curl_multi_init();
}

IoLoop::IoLoop(TransportOptions options)
    : settings_(std::make_shared<ConnectionSettings>(MakeConnectionSettings(std::move(options)))),
      multi_(NewMulti()) {
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
}

void IoLoop::Submit(Request request, std::stop_token stop,
                    std::shared_ptr<ResponseHandler> handler) {
  Entry entry;
  entry.exchange = std::make_unique<CurlExchange>(std::move(request), handler, settings_);
  Id id = 0;
  {
    std::lock_guard lock(mutex_);
    id = next_id_++;
  }
  // Outside the lock: a stop requested before runs the callback here and now.
  if (stop.stop_possible()) {
    entry.on_stop =
        std::make_unique<std::stop_callback<OnStop>>(stop, OnStop{shared_from_this(), id});
  }
  absl::Status refusal = absl::CancelledError(kShutDown);
  {
    std::lock_guard lock(mutex_);
    if (!shutting_down_ && StartThread()) {
      submitted_.emplace_back(id, std::move(entry));
      // The callback may have come, and its id gone, before the exchange was there to be ended.
      if (stop.stop_requested()) cancelled_.push_back(id);
      curl_multi_wakeup(multi_);
      return;
    }
    if (!shutting_down_) refusal = absl::UnavailableError("no thread can be started for requests");
  }
  entry.on_stop.reset();
  entry.exchange->Finish(refusal);
}

bool IoLoop::StartThread() {
  if (thread_.joinable()) return true;
  if (multi_ == nullptr) return false;
  try {
    thread_ = std::thread([self = shared_from_this()] {
      BlockSignals();
      self->Run();
    });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void IoLoop::Cancel(Id id) {
  std::lock_guard lock(mutex_);
  cancelled_.push_back(id);
  curl_multi_wakeup(multi_);
}

void IoLoop::ShutDown() {
  std::thread thread;
  {
    std::lock_guard lock(mutex_);
    shutting_down_ = true;
    thread.swap(thread_);
  }
  if (!thread.joinable()) return;
  curl_multi_wakeup(multi_);
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

void IoLoop::Run() {
  while (TakeIn()) {
    int running = 0;
    curl_multi_perform(multi_, &running);
    Collect();
    const int timeout_ms = ExpireOverdue();
    curl_multi_poll(multi_, nullptr, 0, timeout_ms, nullptr);
  }
  EndAll();
}

// Adopts what other threads asked for; false when it is time to end.
bool IoLoop::TakeIn() {
  std::vector<std::pair<Id, Entry>> submitted;
  std::vector<Id> cancelled;
  bool shutting_down = false;
  {
    std::lock_guard lock(mutex_);
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
    shutting_down = shutting_down_;
  }
  const auto was_cancelled = [&](Id id) {
    return std::find(cancelled.begin(), cancelled.end(), id) != cancelled.end();
  };
  for (auto& [id, entry] : submitted) {
    if (shutting_down || was_cancelled(id)) {
      active_.emplace(id, std::move(entry));
    } else {
      Begin(id, std::move(entry));
    }
  }
  for (const Id id : cancelled) End(id, absl::CancelledError("the request was cancelled"));
  return !shutting_down;
}

void IoLoop::Begin(Id id, Entry entry) {
  CurlExchange& exchange = *entry.exchange;
  absl::Status status = exchange.Prepare();
  active_.emplace(id, std::move(entry));
  if (!status.ok()) return End(id, status);
  const CURLMcode code = curl_multi_add_handle(multi_, exchange.easy());
  if (code != CURLM_OK) return End(id, absl::InternalError(curl_multi_strerror(code)));
  id_of_.emplace(exchange.easy(), id);
}

void IoLoop::End(Id id, const absl::Status& status) {
  const auto found = active_.find(id);
  if (found == active_.end()) return;
  Entry entry = std::move(found->second);
  active_.erase(found);
  CURL* const easy = entry.exchange->easy();
  if (id_of_.erase(easy) > 0) curl_multi_remove_handle(multi_, easy);
  // Waits for a callback that is running elsewhere, which only takes the mutex for a moment.
  entry.on_stop.reset();
  entry.exchange->Finish(status);
}

void IoLoop::EndAll() {
  while (!active_.empty()) {
    End(active_.begin()->first, absl::CancelledError(kShutDown));
  }
}

void IoLoop::Collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto id = id_of_.find(message->easy_handle);
    if (id == id_of_.end()) continue;
    const absl::Status outcome = active_.at(id->second).exchange->Outcome(message->data.result);
    End(id->second, outcome);
  }
}

// Ends what is overdue; returns the milliseconds until the next deadline.
int IoLoop::ExpireOverdue() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = now + std::chrono::hours(1);
  std::vector<Id> overdue;
  for (const auto& [id, entry] : active_) {
    const Clock::time_point deadline = entry.exchange->Deadline();
    if (deadline <= now) {
      overdue.push_back(id);
    } else {
      next = std::min(next, deadline);
    }
  }
  for (const Id id : overdue) End(id, active_.at(id).exchange->DeadlineStatus(now));
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
  return static_cast<int>(left);
}

class CurlTransport : public Transport {
 public:
  explicit CurlTransport(TransportOptions options)
      : loop_(std::make_shared<IoLoop>(std::move(options))) {}
  ~CurlTransport() override { loop_->ShutDown(); }

  void Start(Request request, std::stop_token stop,
             std::shared_ptr<ResponseHandler> handler) override {
    loop_->Submit(std::move(request), std::move(stop), std::move(handler));
  }

 private:
  const std::shared_ptr<IoLoop> loop_;
};

}  // namespace

std::shared_ptr<Transport> MakeCurlTransport(TransportOptions options) {
  return std::make_shared<CurlTransport>(std::move(options));
}

}  // namespace delivery::http
