#include "provider/checks/exchange.h"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "provider/checks/printable.h"

namespace delivery::checks {
namespace {

constexpr size_t kExcerptBytes = 200;
constexpr size_t kLongestPlace = 300;

// Collects the beginning of a response and lets one thread wait for it.
class Beginning : public http::ResponseHandler {
 public:
  explicit Beginning(size_t most_bytes) : most_bytes_(most_bytes) {}

  void OnHeaders(int status, const http::Headers& headers) override {
    answer_.status = status;
    answer_.location = http::FindHeader(headers, "Location").value_or("");
  }

  bool OnData(std::string_view data) override {
    const size_t room = most_bytes_ - answer_.body.size();
    answer_.longer = data.size() > room;
    answer_.body.append(data.substr(0, room));
    return !answer_.longer;
  }

  void OnDone(const absl::Status& status) override {
    // Notified under the lock: the waiter may drop the last other reference as soon as it wakes.
    const std::lock_guard lock(mutex_);
    outcome_ = status;
    done_.notify_all();
  }

  absl::StatusOr<Answer> Wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return outcome_.has_value(); });
    if (!outcome_->ok() && !answer_.longer) return *outcome_;
    return std::move(answer_);
  }

 private:
  const size_t most_bytes_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::optional<absl::Status> outcome_;  // guarded by mutex_
  // Written by the transport's thread before OnDone, read by the waiter after it.
  Answer answer_;
};

}  // namespace

absl::StatusOr<Answer> Exchange(http::Transport& transport, const Url& url, http::Request request,
                                size_t most_bytes, const std::stop_token& stop) {
  request.url = url.request;
  if (!url.authorization.empty()) request.headers.emplace_back("Authorization", url.authorization);
  request.max_response_bytes = std::numeric_limits<size_t>::max();
  auto beginning = std::make_shared<Beginning>(most_bytes);
  transport.Start(std::move(request), stop, beginning);
  return beginning->Wait();
}

std::string Excerpt(const Answer& answer, const Shown& shown, std::string_view original) {
  const std::string text = Printable(shown.Hide(answer.body, original), kExcerptBytes);
  if (text.empty()) return "\nIts body is empty.";
  return absl::StrCat("\nIts body: ", text);
}

std::string RedirectNote(const Answer& answer) {
  if (answer.status < 300 || answer.status > 399 || answer.location.empty()) return "";
  const absl::StatusOr<Url> place = ParseUrl(answer.location);
  // A place on the same server is a path; of what else it may be nothing is repeated.
  std::string shown = place.ok() ? place->shown.text : ShowPath(answer.location).text;
  if (!place.ok() && answer.location[0] != '/') shown = "another place";
  return absl::StrCat(", a redirect to ", Printable(shown, kLongestPlace), " (not followed)");
}

}  // namespace delivery::checks
