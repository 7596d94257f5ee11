#include "tests/support/fake_kube_engine.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/fake_kube_answers.h"

namespace delivery::testing {
namespace {

constexpr char kCancelled[] = "the request was cancelled";
constexpr char kConnectionLost[] = "connection to the fake API server was lost";

std::string EventLine(const std::string& verb, const Json& object) {
  return absl::StrCat(DumpJson({{"type", verb}, {"object", object}}), "\n");
}

}  // namespace

FakeKubeApi::Impl::Impl(FakeKubeApi& owner, Clock& clock)
    : owner_(owner), store_(clock), handler_(store_) {
  worker_ = std::thread([this] { Work(); });
}

FakeKubeApi::Impl::~Impl() {
  {
    std::lock_guard lock(queue_mutex_);
    stopping_ = true;
    queue_changed_.notify_all();
  }
  worker_.join();
}

void FakeKubeApi::Impl::Post(std::function<void()> task, absl::Duration delay) {
  std::lock_guard lock(queue_mutex_);
  const auto due = SteadyClock::now() + absl::ToChronoNanoseconds(delay);
  queue_.emplace(std::chrono::time_point_cast<SteadyClock::duration>(due), std::move(task));
  queue_changed_.notify_all();
}

void FakeKubeApi::Impl::Work() {
  std::unique_lock lock(queue_mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      queue_changed_.wait(lock);
    } else if (queue_.begin()->first > SteadyClock::now()) {
      const auto due = queue_.begin()->first;
      queue_changed_.wait_until(lock, due);
    } else {
      const auto task = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      lock.unlock();
      task();
      lock.lock();
    }
  }
  // Requests that have not begun are known to their tasks only. Those that have are ended before:
  // a task may be the regular end of a watch, which is not due yet.
  auto rest = std::move(queue_);
  lock.unlock();
  EndAll();
  for (auto& [due, task] : rest) task();
  EndAll();
}

void FakeKubeApi::Impl::EndAll() {
  while (!exchanges_.empty()) {
    End(exchanges_.back(), absl::CancelledError("the fake API server was shut down"));
  }
}

void FakeKubeApi::Impl::Submit(ExchangePtr exchange) {
  if (exchange->stop.stop_possible()) {
    exchange->on_stop = std::make_unique<std::stop_callback<std::function<void()>>>(
        exchange->stop, [this, weak = std::weak_ptr(exchange)] {
          Post([this, weak] {
            const ExchangePtr found = weak.lock();
            // A stop that comes before on_stop is set is seen by Receive.
            if (found != nullptr && found->started) End(found, absl::CancelledError(kCancelled));
          });
        });
  }
  exchange->started = true;
  Post([this, exchange] {
    exchanges_.push_back(exchange);
    Receive(exchange);
  });
}

void FakeKubeApi::Impl::Receive(const ExchangePtr& exchange) {
  if (exchange->stop.stop_requested()) return End(exchange, absl::CancelledError(kCancelled));
  if (exchange->http.timeout < absl::Hours(24)) {
    Post(
        [this, weak = std::weak_ptr(exchange)] {
          const ExchangePtr found = weak.lock();
          if (found == nullptr || found->ended) return;
          End(found, absl::DeadlineExceededError("no complete answer from the fake API server"));
        },
        exchange->http.timeout);
  }
  exchange->request = ParseKubeRequest(exchange->http);
  std::optional<KubeFault> fault;
  {
    std::lock_guard lock(mutex_);
    exchange->record = forgotten_ + records_.size();
    records_.push_back({exchange->request, 0});
    fault = TakeFault(exchange->request);
  }
  if (fault.has_value() && ApplyFault(exchange, *fault)) return;
  Serve(exchange, false);
}

std::optional<KubeFault> FakeKubeApi::Impl::TakeFault(const KubeRequest& request) {
  for (KubeFault& fault : faults_) {
    const bool matches = (fault.method.empty() || fault.method == request.method) &&
                         absl::StrContains(request.path, fault.path_part) &&
                         (!fault.watches_only || request.IsWatch());
    if (!matches || fault.times == 0) continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    --fault.times;
    return fault;
  }
  return std::nullopt;
}

// True when the fault is the answer.
bool FakeKubeApi::Impl::ApplyFault(const ExchangePtr& exchange, const KubeFault& fault) {
  absl::Status lost = absl::UnavailableError(kConnectionLost);
  switch (fault.kind) {
    case KubeFault::Kind::kStatus: {
      http::Response response =
          KubeRefusal(fault.status, fault.reason, "this is a fault that the test asked for");
      if (!fault.retry_after.empty()) {
        response.headers.emplace_back("Retry-After", fault.retry_after);
      }
      Deliver(exchange, response);
      return true;
    }
    case KubeFault::Kind::kUnconnected:
      http::MarkNeverSent(lost);
      [[fallthrough]];
    case KubeFault::Kind::kCutBefore:
      End(exchange, lost);
      return true;
    case KubeFault::Kind::kCutAfter:
      Serve(exchange, true);
      return true;
    case KubeFault::Kind::kDelay:
      Post([this, exchange] { Serve(exchange, false); }, fault.delay);
      return true;
  }
  return false;
}

void FakeKubeApi::Impl::Serve(const ExchangePtr& exchange, bool lose_answer) {
  if (exchange->ended) return;
  std::optional<http::Response> response =
      WithState([&] { return handler_.Handle(exchange->request); });
  if (lose_answer) return End(exchange, absl::UnavailableError(kConnectionLost));
  if (response.has_value()) return Deliver(exchange, *response);
  OpenWatch(exchange);
}

void FakeKubeApi::Impl::SetRecordedStatus(const Exchange& exchange, int status) {
  std::lock_guard lock(mutex_);
  if (exchange.record >= forgotten_) records_[exchange.record - forgotten_].status = status;
}

void FakeKubeApi::Impl::Deliver(const ExchangePtr& exchange, const http::Response& response) {
  if (exchange->ended) return;
  SetRecordedStatus(*exchange, response.status);
  exchange->handler->OnHeaders(response.status, response.headers);
  if (response.body.size() > exchange->http.max_response_bytes) {
    return End(exchange, absl::ResourceExhaustedError("the answer is too large"));
  }
  if (!response.body.empty() && !exchange->handler->OnData(response.body)) {
    return End(exchange, absl::CancelledError("ended by the receiver"));
  }
  End(exchange, absl::OkStatus());
}

void FakeKubeApi::Impl::End(const ExchangePtr& exchange, const absl::Status& status) {
  const ExchangePtr kept = exchange;  // `exchange` may refer into the list
  std::erase(exchanges_, kept);
  if (std::exchange(kept->ended, true)) return;
  kept->on_stop.reset();
  if (kept->is_watch) {
    std::lock_guard lock(mutex_);
    --open_watches_;
  }
  kept->handler->OnDone(status);
}

void FakeKubeApi::Impl::OpenWatch(const ExchangePtr& exchange) {
  const KubeRequest& request = exchange->request;
  auto selectors =
      KubeSelectors::Parse(request.Query("labelSelector"), request.Query("fieldSelector"));
  if (!selectors.ok()) {
    const std::string message(selectors.status().message());
    return Deliver(exchange, KubeRefusal(400, "BadRequest", message));
  }
  std::vector<std::string> lines;
  bool expired = false;
  {
    std::lock_guard lock(mutex_);
    const ResourceType& type = *handler_.TypeOf(request);
    exchange->is_watch = true;
    exchange->type = type.Qualified();
    exchange->selectors = *std::move(selectors);
    ++open_watches_;
    const bool resumes =
        absl::SimpleAtoi(request.Query("resourceVersion"), &exchange->seen) && exchange->seen > 0;
    expired = resumes && exchange->seen < store_.compacted();
    if (!resumes) {
      for (const Json* object : store_.List(type, request.namespace_name)) {
        if (exchange->selectors.Match(*object)) lines.push_back(EventLine("ADDED", *object));
      }
      exchange->seen = store_.version();
    }
  }
  SetRecordedStatus(*exchange, 200);
  exchange->handler->OnHeaders(200, {{"Content-Type", "application/json"}});
  for (const std::string& line : lines) {
    if (!exchange->handler->OnData(line)) {
      return End(exchange, absl::CancelledError("ended by the receiver"));
    }
  }
  if (expired) {
    // As the real server does: an event, since the status of the answer is long sent.
    const http::Response refusal =
        KubeRefusal(410, "Expired", absl::StrCat("too old resource version: ", exchange->seen));
    exchange->handler->OnData(EventLine("ERROR", *ParseJson(refusal.body)));
    return End(exchange, absl::OkStatus());
  }
  int64_t seconds = 0;
  if (absl::SimpleAtoi(request.Query("timeoutSeconds"), &seconds)) {
    Post(
        [this, weak = std::weak_ptr(exchange)] {
          if (const ExchangePtr found = weak.lock()) End(found, absl::OkStatus());
        },
        absl::Seconds(seconds));
  }
  Flush();
}

// The events that a watch has not sent yet. A change that makes an object match, or no longer
// match, is an addition or a deletion for this watch.
std::vector<std::string> FakeKubeApi::Impl::PendingLines(Exchange& watch) {
  std::vector<std::string> lines;
  for (const StoreEvent& event : store_.history()) {
    if (event.version <= watch.seen || event.type != watch.type) continue;
    const std::string place = GetString(GetObject(event.object, "metadata"), "namespace");
    if (!watch.request.namespace_name.empty() && place != watch.request.namespace_name) continue;
    const bool matched = event.previous.is_object() && watch.selectors.Match(event.previous);
    const bool matches = event.verb != "DELETED" && watch.selectors.Match(event.object);
    if (!matched && !matches) continue;
    const char* verb = !matched ? "ADDED" : matches ? "MODIFIED" : "DELETED";
    lines.push_back(EventLine(verb, event.object));
  }
  watch.seen = store_.version();
  return lines;
}

void FakeKubeApi::Impl::Flush() {
  const std::vector<ExchangePtr> open = exchanges_;
  for (const ExchangePtr& watch : open) {
    if (!watch->is_watch || watch->ended) continue;
    std::vector<std::string> lines;
    {
      std::lock_guard lock(mutex_);
      lines = PendingLines(*watch);
    }
    for (const std::string& line : lines) {
      if (watch->handler->OnData(line)) continue;
      End(watch, absl::CancelledError("ended by the receiver"));
      break;
    }
  }
}

void FakeKubeApi::Impl::AfterWrite() {
  Post([this] { Flush(); });
  RunController();
}

void FakeKubeApi::Impl::RunController() {
  if (in_controller_ || !controller_) return;
  in_controller_ = true;
  controller_(owner_);
  in_controller_ = false;
}

void FakeKubeApi::Impl::CutWatches() { EndWatches(absl::UnavailableError(kConnectionLost)); }

void FakeKubeApi::Impl::EndWatches(const absl::Status& status) {
  Post([this, status] {
    const std::vector<ExchangePtr> open = exchanges_;
    for (const ExchangePtr& exchange : open) {
      if (exchange->is_watch) End(exchange, status);
    }
  });
}

void FakeKubeApi::Impl::SendBookmarks() {
  Post([this] {
    Flush();
    for (const ExchangePtr& watch : exchanges_) {
      if (!watch->is_watch || watch->request.Query("allowWatchBookmarks") != "true") continue;
      std::string line;
      {
        std::lock_guard lock(mutex_);
        const ResourceType& type = *handler_.TypeOf(watch->request);
        line =
            EventLine("BOOKMARK", {{"kind", type.kind},
                                   {"apiVersion", type.ApiVersion()},
                                   {"metadata", {{"resourceVersion", absl::StrCat(watch->seen)}}}});
      }
      watch->handler->OnData(line);
    }
  });
}

}  // namespace delivery::testing
