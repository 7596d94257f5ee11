#include "provider/runner/runner_fixture.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/pod_failure.h"

namespace delivery::runner {
namespace {

using testing::FakeKubeApi;
using testing::KubeFault;

constexpr char kRevision[] = "deployment.kubernetes.io/revision";

bool IsWrite(const http::Request& request) {
  return request.method != "GET" && !absl::StrContains(request.url, "dryRun=");
}

// Passes on what arrives until the process is dead.
class LivingHandler : public http::ResponseHandler {
 public:
  LivingHandler(std::shared_ptr<std::atomic<bool>> dead,
                std::shared_ptr<http::ResponseHandler> handler)
      : dead_(std::move(dead)), handler_(std::move(handler)) {}

  void OnHeaders(int status, const http::Headers& headers) override {
    if (!*dead_) handler_->OnHeaders(status, headers);
  }
  bool OnData(std::string_view data) override { return !*dead_ && handler_->OnData(data); }
  void OnDone(const absl::Status& status) override {
    handler_->OnDone(*dead_ ? absl::UnavailableError("the process is dead") : status);
  }

 private:
  const std::shared_ptr<std::atomic<bool>> dead_;
  const std::shared_ptr<http::ResponseHandler> handler_;
};

Json Owner(const Json& object) {
  return Json::array({{{"apiVersion", GetString(object, "apiVersion")},
                       {"kind", GetString(object, "kind")},
                       {"name", kubernetes::NameOf(object)},
                       {"uid", kubernetes::UidOf(object)},
                       {"controller", true}}});
}

int RevisionOf(const Json& object) {
  return std::stoi(kubernetes::AnnotationOf(object, kRevision).value_or("0"));
}

std::vector<Json> ControlledBy(FakeKubeApi& kube, const char* api_version, const char* kind,
                               const Json& owner) {
  std::vector<Json> controlled = kube.All(api_version, kind, kubernetes::NamespaceOf(owner));
  std::erase_if(controlled, [&](const Json& object) {
    return kubernetes::ControllerUidOf(object) != kubernetes::UidOf(owner);
  });
  return controlled;
}

// The ReplicaSet of the deployment's template, made or brought to the top revision.
Json CurrentReplicaSet(FakeKubeApi& kube, const Json& deployment) {
  int top = 0;
  Json current;
  for (const Json& set : ControlledBy(kube, "apps/v1", "ReplicaSet", deployment)) {
    top = std::max(top, RevisionOf(set));
    if (set["spec"]["template"] == deployment["spec"]["template"]) current = set;
  }
  if (current.is_null()) {
    const Json& pod_template = kubernetes::PodTemplate(deployment);
    current = {{"apiVersion", "apps/v1"},
               {"kind", "ReplicaSet"},
               {"metadata",
                {{"name", absl::StrCat(kubernetes::NameOf(deployment), "-rs", top + 1)},
                 {"namespace", kubernetes::NamespaceOf(deployment)},
                 {"labels", pod_template["metadata"]["labels"]},
                 {"annotations", {{kRevision, absl::StrCat(top + 1)}}},
                 {"ownerReferences", Owner(deployment)}}},
               {"spec", {{"template", pod_template}}}};
    return kube.Put(current, "kube-controller-manager");
  }
  if (RevisionOf(current) == top) return current;
  const kubernetes::ObjectRef ref = kubernetes::RefOf(current);
  kube.Change(
      ref, [&](Json& set) { set["metadata"]["annotations"][kRevision] = absl::StrCat(top + 1); });
  return *kube.Find(ref);
}

void MakePod(FakeKubeApi& kube, const Json& replica_set, int number, const Json& status) {
  const std::string name = absl::StrCat(kubernetes::NameOf(replica_set), "-", number);
  const std::string place = kubernetes::NamespaceOf(replica_set);
  const kubernetes::ObjectRef ref = {"v1", "Pod", place, name};
  if (kube.Find(ref).has_value()) return static_cast<void>(kube.SetStatus(ref, status));
  kube.Put({{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata",
             {{"name", name},
              {"namespace", place},
              {"labels", kubernetes::Metadata(replica_set)["labels"]},
              {"ownerReferences", Owner(replica_set)}}},
            {"spec", kubernetes::PodTemplate(replica_set)["spec"]},
            {"status", status}},
           "kubelet");
}

}  // namespace

// Waits for a change in the cluster end by the real time: by a clock that is behind it they end at
// once, so that time that passes in a test costs none.
TestClock::TestClock()
    : now_(absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now())) - absl::Hours(1)) {}

absl::Time TestClock::Now() {
  const std::lock_guard lock(mutex_);
  return now_;
}

bool TestClock::SleepUntil(absl::Time deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (stop.stop_requested()) return false;
  if (std::this_thread::get_id() == owner_) {
    now_ = std::max(now_, deadline);
    changed_.notify_all();
    return true;
  }
  const auto entry = deadlines_.insert(deadline);
  changed_.wait(lock, stop, [&] { return now_ >= deadline; });
  deadlines_.erase(entry);
  return !stop.stop_requested();
}

int TestClock::sleepers() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::distance(deadlines_.upper_bound(now_), deadlines_.end()));
}

void TestClock::Advance(absl::Duration duration) {
  const std::lock_guard lock(mutex_);
  now_ += duration;
  changed_.notify_all();
}

Lifeline::Lifeline(std::shared_ptr<FakeKubeApi> kube)
    : kube_(std::move(kube)), nowhere_(std::make_shared<FakeKubeApi>()) {
  nowhere_->AddFault(
      {.kind = KubeFault::Kind::kUnconnected, .times = std::numeric_limits<int>::max()});
}

void Lifeline::DieAt(int write, bool done, std::function<void()> died) {
  last_write_ = write;
  last_is_done_ = done;
  died_ = std::move(died);
}

void Lifeline::OnRequest(std::function<void(const http::Request&)> on_request) {
  on_request_ = std::move(on_request);
}

void Lifeline::Start(http::Request request, std::stop_token stop,
                     std::shared_ptr<http::ResponseHandler> handler) {
  if (on_request_) on_request_(request);
  bool reaches = !*dead_;
  if (reaches && IsWrite(request) && ++writes_ == last_write_) {
    *dead_ = true;
    reaches = last_is_done_;
    died_();
    // A request that was sent is not taken back by the death of its sender.
    stop = {};
  }
  auto living = std::make_shared<LivingHandler>(dead_, std::move(handler));
  (reaches ? kube_ : nowhere_)->Start(std::move(request), std::move(stop), std::move(living));
}

Process::Process(std::shared_ptr<FakeKubeApi> kube)
    : line(std::make_shared<Lifeline>(std::move(kube))) {
  kubernetes::ClusterConfig config;
  config.server = "https://fake.test";
  api = kubernetes::MakeRestApi(
      config, kubernetes::MakeCredentialSource(config, retry_clock),
      [transport = line](const auto&) { return transport; }, retry_clock);
}

Process::~Process() {
  api.reset();
  Eventually([this] { return line.use_count() == 1; });
}

void FakeNodes::Break(const std::string& image, Json pod_status) {
  const std::lock_guard lock(mutex_);
  broken_[image] = std::move(pod_status);
}

void FakeNodes::Mend(const std::string& image) {
  const std::lock_guard lock(mutex_);
  broken_.erase(image);
  mended_ = true;
}

void FakeNodes::Reconcile(FakeKubeApi& kube) {
  const std::lock_guard lock(mutex_);
  for (const Json& deployment : kube.All("apps/v1", "Deployment")) {
    const int64_t seen = kubernetes::ObservedGenerationOf(deployment);
    if (mended_ || seen != kubernetes::GenerationOf(deployment)) ReconcileOne(kube, deployment);
  }
  mended_ = false;
  for (const Json& service : kube.All("v1", "Service")) ReconcileEndpoints(kube, service);
}

void FakeNodes::ReconcileEndpoints(FakeKubeApi& kube, const Json& service) {
  const std::string name = kubernetes::NameOf(service);
  const std::string place = kubernetes::NamespaceOf(service);
  Json endpoints = Json::array();
  for (const Json& pod : kube.All("v1", "Pod", place)) {
    if (!kubernetes::IsPodReady(pod) ||
        !kubernetes::ServiceSelects(service, kubernetes::LabelsOf(pod))) {
      continue;
    }
    endpoints.push_back({{"addresses", {"10.0.0.1"}},
                         {"conditions", {{"ready", true}}},
                         {"targetRef", {{"kind", "Pod"}, {"name", kubernetes::NameOf(pod)}}}});
  }
  const kubernetes::ObjectRef ref = {"discovery.k8s.io/v1", "EndpointSlice", place,
                                     absl::StrCat(name, "-1")};
  const std::optional<Json> live = kube.Find(ref);
  if (live.has_value() && GetArray(*live, "endpoints") == endpoints) return;
  kube.Put({{"apiVersion", ref.api_version},
            {"kind", ref.kind},
            {"metadata",
             {{"name", ref.name},
              {"namespace", place},
              {"labels", {{"kubernetes.io/service-name", name}}}}},
            {"addressType", "IPv4"},
            {"endpoints", std::move(endpoints)}},
           "endpointslice-controller");
}

void FakeNodes::ReconcileOne(FakeKubeApi& kube, const Json& deployment) {
  const kubernetes::ObjectRef ref = kubernetes::RefOf(deployment);
  const int64_t generation = kubernetes::GenerationOf(deployment);
  if (GetBool(kubernetes::Spec(deployment), "paused")) {
    kube.Change(ref, [&](Json& live) { live["status"]["observedGeneration"] = generation; });
    return;
  }
  const Json current = CurrentReplicaSet(kube, deployment);
  kube.Change(ref, [&](Json& live) {
    live["metadata"]["annotations"][kRevision] = *kubernetes::AnnotationOf(current, kRevision);
  });
  const int replicas = static_cast<int>(GetInt(kubernetes::Spec(deployment), "replicas", 1));
  const auto broken = broken_.find(kubernetes::ImagesOf(deployment)["web"]);
  const bool works = broken == broken_.end();
  int old_pods = 0;
  for (const Json& set : ControlledBy(kube, "apps/v1", "ReplicaSet", deployment)) {
    if (kubernetes::NameOf(set) == kubernetes::NameOf(current)) continue;
    for (const Json& pod : ControlledBy(kube, "v1", "Pod", set)) {
      const bool goes = works || !kubernetes::IsPodReady(pod);
      if (goes) {
        kube.Remove(kubernetes::RefOf(pod));
      } else {
        ++old_pods;
      }
    }
  }
  const Json ready = {{"phase", "Running"},
                      {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}};
  const int updated = works ? replicas : 1;
  std::vector<Json> of_current = ControlledBy(kube, "v1", "Pod", current);
  for (size_t i = static_cast<size_t>(updated); i < of_current.size(); ++i) {
    kube.Remove(kubernetes::RefOf(of_current[i]));
  }
  for (int i = 0; i < updated; ++i) MakePod(kube, current, i, works ? ready : broken->second);
  const int available = works ? replicas : old_pods;
  kube.SetStatus(ref, {{"observedGeneration", generation},
                       {"replicas", updated + old_pods},
                       {"updatedReplicas", updated},
                       {"readyReplicas", available},
                       {"availableReplicas", available}});
}

RunnerFixture::RunnerFixture() { kube_->AddNamespace("shop"); }

// The cluster outlives the tests' own objects, which its controller may refer to.
RunnerFixture::~RunnerFixture() { kube_->SetController(nullptr); }

Json RunnerFixture::Manifest(const std::string& image, int replicas) {
  const Json labels = {{"app", "web"}};
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
      {"spec",
       {{"replicas", replicas},
        {"selector", {{"matchLabels", labels}}},
        {"template",
         {{"metadata", {{"labels", labels}}},
          {"spec", {{"containers", Json::array({Json{{"name", "web"}, {"image", image}}})}}}}}}}};
}

std::string RunnerFixture::LiveImage() const { return kubernetes::ImagesOf(Live(Web()))["web"]; }

std::vector<std::string> RunnerFixture::Writes() const {
  std::vector<std::string> writes;
  for (const auto& [request, status] : kube_->writes()) {
    // Of a new object the name is in the body only.
    const std::string name = request.name.empty() ? "" : absl::StrCat("/", request.name);
    writes.push_back(absl::StrCat(request.method, " ", request.plural, name));
  }
  return writes;
}

std::jthread RunnerFixture::PassTime(absl::Duration step, std::function<bool()> begin,
                                     std::function<bool()> go_on) {
  return std::jthread(
      [this, step, begin = std::move(begin), go_on = std::move(go_on)](const std::stop_token& end) {
        EXPECT_TRUE(Eventually(begin));
        while (go_on() && Clock::Real().Sleep(absl::Milliseconds(5), end)) clock_.Advance(step);
      });
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 4000 && !condition(); ++i) {
    Clock::Real().Sleep(absl::Milliseconds(5), {});
  }
  return condition();
}

Json WaitingContainer(const std::string& reason, const std::string& message) {
  return {{"name", "web"},
          {"restartCount", 0},
          {"state", {{"waiting", {{"reason", reason}, {"message", message}}}}}};
}

Json CrashedContainer(int exit_code, int restarts) {
  return {{"name", "web"},
          {"restartCount", restarts},
          {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
          {"lastState", {{"terminated", {{"exitCode", exit_code}, {"reason", "Error"}}}}}};
}

Json PodStatusWith(Json container_status) {
  return {{"phase", "Pending"}, {"containerStatuses", Json::array({std::move(container_status)})}};
}

}  // namespace delivery::runner
