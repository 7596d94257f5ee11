// The machinery of FakeKubeApi: its thread, the requests on their way, open watches and faults.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_ENGINE_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_ENGINE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::testing {

// One request on its way. Its members belong to the worker thread, except for what Start sets.
struct KubeExchange {
  http::Request http;
  KubeRequest request;
  std::shared_ptr<http::ResponseHandler> handler;
  std::stop_token stop;
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop;
  std::atomic<bool> started = false;  // on_stop is set
  bool ended = false;
  size_t record = 0;
  // Watches only.
  bool is_watch = false;
  std::string type;  // qualified
  KubeSelectors selectors;
  int64_t seen = 0;  // version up to which events were sent
};

class FakeKubeApi::Impl {
 public:
  using Exchange = KubeExchange;
  using ExchangePtr = std::shared_ptr<Exchange>;
  using SteadyClock = std::chrono::steady_clock;

  Impl(FakeKubeApi& owner, Clock& clock);
  ~Impl();

  // Runs `task` on the worker, which calls the handlers.
  void Post(std::function<void()> task, absl::Duration delay = absl::ZeroDuration());
  void Submit(ExchangePtr exchange);

  // Runs `body` on the cluster's state, then the controller if something was written, and lets the
  // watches know.
  template <typename Body>
  auto WithState(Body&& body) {
    std::lock_guard lock(mutex_);
    const int64_t before = store_.version();
    auto result = body();
    if (store_.version() != before) AfterWrite();
    return result;
  }
  void RunController();

  void CutWatches();
  void EndWatches(const absl::Status& status);
  void SendBookmarks();

  // Guarded by mutex_, which is recursive since controllers call back.
  mutable std::recursive_mutex mutex_;
  FakeKubeApi& owner_;
  FakeKubeStore store_;
  FakeKubeHandler handler_;
  std::function<void(FakeKubeApi&)> controller_;
  bool in_controller_ = false;
  std::vector<KubeFault> faults_;
  std::vector<RecordedKubeRequest> records_;
  size_t forgotten_ = 0;  // records that were dropped
  int open_watches_ = 0;

 private:
  void Work();
  void AfterWrite();
  void Receive(const ExchangePtr& exchange);
  std::optional<KubeFault> TakeFault(const KubeRequest& request);
  bool ApplyFault(const ExchangePtr& exchange, const KubeFault& fault);
  void Serve(const ExchangePtr& exchange, bool lose_answer);
  void Deliver(const ExchangePtr& exchange, const http::Response& response);
  void EndAll();
  void End(const ExchangePtr& exchange, const absl::Status& status);
  void SetRecordedStatus(const Exchange& exchange, int status);
  void OpenWatch(const ExchangePtr& exchange);
  std::vector<std::string> PendingLines(Exchange& watch);
  void Flush();

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::multimap<SteadyClock::time_point, std::function<void()>> queue_;  // guarded by queue_mutex_
  bool stopping_ = false;                                                // guarded by queue_mutex_

  std::vector<ExchangePtr> exchanges_;  // of the worker thread
  std::thread worker_;
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_ENGINE_H_
