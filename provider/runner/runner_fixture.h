// For tests of the runner: a cluster in memory, time under control, and provider processes that can
// be killed at any write.
#ifndef DELIVERY_RUNNER_RUNNER_FIXTURE_H_
#define DELIVERY_RUNNER_RUNNER_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/rest_api.h"
#include "provider/runner/workload_writer.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::runner {

// Moves when the thread that made it sleeps (at once, to the end of the sleep) or advances it. On
// other threads a sleep lasts until the time has come, so that what runs in the background (the
// renewal of a Lease) happens when the test says so. Thread-safe.
class TestClock : public Clock {
 public:
  TestClock();

  absl::Time Now() override;
  bool SleepUntil(absl::Time deadline, const std::stop_token& stop) override;
  void Advance(absl::Duration duration);
  // Sleeps whose time has not come yet.
  int sleepers();

 private:
  const std::thread::id owner_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::condition_variable_any changed_;
  absl::Time now_;                       // guarded by mutex_
  std::multiset<absl::Time> deadlines_;  // of the sleeps, guarded by mutex_
};

// The connection of one provider process to the cluster. It can be cut for good at a given write,
// which is what the cluster sees of a process that is killed. Thread-safe.
class Lifeline : public http::Transport {
 public:
  explicit Lifeline(std::shared_ptr<testing::FakeKubeApi> kube);

  // The `write`-th write (1 is the first) is the last that the process tries, and the server does
  // it or not; from then on nothing gets through. `died` is called at that moment.
  void DieAt(int write, bool done, std::function<void()> died);
  // Called before each request is sent; set while there are none.
  void OnRequest(std::function<void(const http::Request&)> on_request);
  // Writes so far, that is requests that would change something, the last one included.
  int writes() const { return writes_; }

  void Start(http::Request request, std::stop_token stop,
             std::shared_ptr<http::ResponseHandler> handler) override;

 private:
  const std::shared_ptr<testing::FakeKubeApi> kube_;
  const std::shared_ptr<testing::FakeKubeApi> nowhere_;  // refuses every connection
  const std::shared_ptr<std::atomic<bool>> dead_ = std::make_shared<std::atomic<bool>>(false);
  std::atomic<int> writes_ = 0;
  int last_write_ = 0;  // zero: it lives on
  bool last_is_done_ = false;
  std::function<void()> died_;
  std::function<void(const http::Request&)> on_request_;
};

// Waits in real time, for what happens on other threads; for at most 20 s.
bool Eventually(const std::function<bool()>& condition);

// A provider process: its own client and connection. Retries cost no time.
struct Process {
  explicit Process(std::shared_ptr<testing::FakeKubeApi> kube);
  // Waits for the handlers of watches that were just ended: the last one would destroy the fake's
  // thread on that very thread.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  SimulatedClock retry_clock{absl::FromUnixSeconds(1'700'000'000)};
  std::shared_ptr<Lifeline> line;
  std::shared_ptr<kubernetes::Api> api;
};

// Stands in for the controllers of Deployments and Services, the scheduler and the kubelet, as far
// as a release looks at them: new pods are ready at once and replace the old ones, unless their
// image is broken; ready pods are endpoints of the Services that select them. Thread-safe.
class FakeNodes {
 public:
  // Pods with this image get `pod_status` and stay as they are; the old pods stay too.
  void Break(const std::string& image, Json pod_status);
  // From the next Reconcile on they start after all.
  void Mend(const std::string& image);
  // To be called after each write (FakeKubeApi::SetController).
  void Reconcile(testing::FakeKubeApi& kube);

 private:
  void ReconcileOne(testing::FakeKubeApi& kube, const Json& deployment);
  static void ReconcileEndpoints(testing::FakeKubeApi& kube, const Json& service);

  std::mutex mutex_;
  std::map<std::string, Json> broken_;  // guarded by mutex_
  bool mended_ = false;                 // guarded by mutex_
};

class RunnerFixture : public ::testing::Test {
 protected:
  static constexpr char kOld[] = "registry.test/web:1";
  static constexpr char kNew[] = "registry.test/web:2";

  RunnerFixture();
  ~RunnerFixture() override;

  // The namespace and name that all these tests use.
  static kubernetes::ObjectRef Web() { return {"apps/v1", "Deployment", "shop", "web"}; }
  static kubernetes::ObjectRef JournalRef() {
    return {"v1", "ConfigMap", "shop", "delivery-deployment-web"};
  }
  static kubernetes::ObjectRef LeaseRef() {
    return {"coordination.k8s.io/v1", "Lease", "shop", "delivery-deployment-web"};
  }
  // What a user would write: only named fields.
  static Json Manifest(const std::string& image, int replicas = 2);
  static WorkloadWrite Write(const std::string& image) { return {.manifest = Manifest(image)}; }

  kubernetes::Api& api() { return *process_.api; }
  // The object in the cluster; null when there is none.
  Json Live(const kubernetes::ObjectRef& ref) const { return kube_->Find(ref).value_or(Json()); }
  std::string LiveImage() const;
  // The writes that reached the server: "PATCH deployments/web".
  std::vector<std::string> Writes() const;

  // Time passes in steps, from when `begin` holds for as long as `go_on` does, or until the thread
  // is joined: a single step could come before anybody waits for it.
  std::jthread PassTime(absl::Duration step, std::function<bool()> begin,
                        std::function<bool()> go_on);

  static std::stop_token NoStop() { return {}; }

  TestClock clock_;
  const std::shared_ptr<testing::FakeKubeApi> kube_ =
      std::make_shared<testing::FakeKubeApi>(clock_);
  Process process_{kube_};
};

// An element of status.containerStatuses of a pod with the container "web".
Json WaitingContainer(const std::string& reason, const std::string& message);
Json CrashedContainer(int exit_code, int restarts);
// The status of a pod with this container status.
Json PodStatusWith(Json container_status);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_RUNNER_FIXTURE_H_
