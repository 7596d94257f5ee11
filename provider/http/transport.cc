#include "provider/http/transport.h"

#include <condition_variable>
#include <mutex>

#include "absl/strings/match.h"

namespace delivery::http {
namespace {

constexpr char kNeverSentUrl[] = "delivery/http.NeverSent";

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// Collects a whole response and lets one thread wait for it.
class WholeResponse : public ResponseHandler {
 public:
  void OnHeaders(int status, const Headers& headers) override {
    response_.status = status;
    response_.headers = headers;
  }

  bool OnData(std::string_view data) override {
    response_.body.append(data);
    return true;
  }

  void OnDone(const absl::Status& status) override {
    // Notified under the lock: the waiter may drop the last other reference as soon as it wakes.
    std::lock_guard lock(mutex_);
    outcome_ = status;
    done_.notify_all();
  }

  absl::StatusOr<Response> Wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return outcome_.has_value(); });
    if (!outcome_->ok()) return *outcome_;
    return std::move(response_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::optional<absl::Status> outcome_;  // guarded by mutex_
  // Written by the transport's thread before OnDone, read by the waiter after it.
  Response response_;
};

}  // namespace

std::optional<std::string> FindHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, View(name))) return value;
  }
  return std::nullopt;
}

void MarkNeverSent(absl::Status& failure) { failure.SetPayload(kNeverSentUrl, absl::Cord()); }

bool WasNeverSent(const absl::Status& failure) {
  return failure.GetPayload(kNeverSentUrl).has_value();
}

absl::StatusOr<Response> Transport::Do(Request request, const std::stop_token& stop) {
  auto whole = std::make_shared<WholeResponse>();
  Start(std::move(request), stop, whole);
  return whole->Wait();
}

}  // namespace delivery::http
