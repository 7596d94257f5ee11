// For tests: a transport that answers requests by a script and remembers them.
#ifndef DELIVERY_HTTP_SCRIPTED_TRANSPORT_H_
#define DELIVERY_HTTP_SCRIPTED_TRANSPORT_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "provider/base/json.h"
#include "provider/http/transport.h"

namespace delivery::http {

// One exchange that the test itself answers, bit by bit. Ends with Cancelled on stop.
class OpenExchange {
 public:
  OpenExchange(std::stop_token stop, std::shared_ptr<ResponseHandler> handler)
      : handler_(std::move(handler)),
        on_stop_(std::move(stop), [this] { Done(absl::CancelledError("stopped")); }) {}

  void Headers(int status, const Headers& headers = {}) { handler_->OnHeaders(status, headers); }
  // Ends the exchange as a transport does when the receiver wants no more.
  void Data(std::string_view data) {
    if (!handler_->OnData(data)) Done(absl::CancelledError("ended by the receiver"));
  }
  void Done(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(done_, true)) return;
    }
    handler_->OnDone(status);
  }
  bool done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  const std::shared_ptr<ResponseHandler> handler_;
  std::mutex mutex_;
  bool done_ = false;
  std::stop_callback<std::function<void()>> on_stop_;
};

// Thread-safe. Requests beyond the script fail with Internal.
class ScriptedTransport : public Transport {
 public:
  void ThenText(int status, std::string body, Headers headers = {}) {
    Add({std::move(headers), status, std::move(body), absl::OkStatus(), false});
  }
  void ThenAnswer(int status, const Json& body, Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    ThenText(status, DumpJson(body), std::move(headers));
  }
  void ThenFail(absl::Status failure) { Add({{}, 0, "", std::move(failure), false}); }
  // The test answers, by WaitForOpen.
  void ThenOpen() { Add({{}, 0, "", absl::OkStatus(), true}); }

  void Start(Request request, std::stop_token stop,
             std::shared_ptr<ResponseHandler> handler) override {
    Step step{{}, 0, "", absl::InternalError("beyond the script: " + request.url), false};
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(std::move(request));
      if (!steps_.empty()) {
        step = std::move(steps_.front());
        steps_.pop_front();
      }
      if (step.open) open_.push_back(std::make_shared<OpenExchange>(std::move(stop), handler));
    }
    changed_.notify_all();
    if (step.open) return;
    if (step.failure.ok()) {
      handler->OnHeaders(step.status, step.headers);
      handler->OnData(step.body);
    }
    handler->OnDone(step.failure);
  }

  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Waits until `count` requests have come; false after 10 s.
  bool WaitForRequests(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return requests_.size() >= count; });
  }
  // The `index`th exchange that the test answers; null after 10 s.
  std::shared_ptr<OpenExchange> WaitForOpen(size_t index) {
    std::unique_lock lock(mutex_);
    const bool there =
        changed_.wait_for(lock, std::chrono::seconds(10), [&] { return open_.size() > index; });
    return there ? open_[index] : nullptr;
  }

 private:
  struct Step {
    Headers headers;
    int status = 0;
    std::string body;
    absl::Status failure;
    bool open = false;
  };
  void Add(Step step) {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Step> steps_;
  std::vector<Request> requests_;
  std::vector<std::shared_ptr<OpenExchange>> open_;
};

}  // namespace delivery::http

#endif  // DELIVERY_HTTP_SCRIPTED_TRANSPORT_H_
