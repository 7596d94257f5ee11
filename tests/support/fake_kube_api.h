// A Kubernetes API server in memory, behind http::Transport, for tests of everything that talks to
// one. What it does is checked against the real server by tests/contracts.
//
//   auto kube = std::make_shared<FakeKubeApi>();
//   auto api = kubernetes::MakeRestApi(config, credentials,
//                                      [&](const auto&) { return kube; }, clock);
//   kube->SetController([](FakeKubeApi& k) { ... k.SetStatus(ref, {{"readyReplicas", 3}}); });
//
// Served: get, list (selectors, pages), watch (resume, bookmarks, expiry), create, replace, merge
// and JSON patch, server-side apply with field ownership, delete with preconditions and cascade,
// dry runs, status and scale subresources, pod logs, proxy, discovery and access reviews for the
// usual built-in kinds. Not served: validation against schemas, most defaults, admission,
// controllers (the test's part).
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_API_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_API_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/api.h"
#include "tests/support/fake_kube_handler.h"
#include "tests/support/fake_kube_store.h"

namespace delivery::testing {

// Something that goes wrong with requests.
struct KubeFault {
  enum class Kind {
    kStatus,       // the server refuses with `status`, having done nothing
    kCutBefore,    // the connection is lost before the server did anything
    kCutAfter,     // the server does its work, but the connection is lost before the answer
    kDelay,        // the answer takes `delay` of real time
    kUnconnected,  // the server cannot be reached; marked as never sent
  };
  Kind kind = Kind::kStatus;
  // Which requests: empty members match everything.
  std::string method;
  std::string path_part;
  bool watches_only = false;
  int skip = 0;   // matching requests that go well first
  int times = 1;  // how many go wrong after that

  int status = 503;
  std::string reason;
  std::string retry_after;  // header; empty for none
  absl::Duration delay;
};

// A request as it arrived, with the status it got (0: none).
struct RecordedKubeRequest {
  KubeRequest request;
  int status = 0;
};

// Thread-safe. Handlers are called on a thread of its own, as with the real transport; requests are
// served one after the other. Must not be destroyed by a handler.
class FakeKubeApi : public http::Transport {
 public:
  explicit FakeKubeApi(Clock& clock = Clock::Real());
  ~FakeKubeApi() override;
  FakeKubeApi(const FakeKubeApi&) = delete;
  FakeKubeApi& operator=(const FakeKubeApi&) = delete;

  void Start(http::Request request, std::stop_token stop,
             std::shared_ptr<http::ResponseHandler> handler) override;

  // The cluster as others change it: no preconditions, no conflicts, status included.
  void AddType(ResourceType type);
  void AddNamespace(const std::string& name);
  // Creates the object, or replaces the one of that name. Aborts on an unknown kind.
  Json Put(Json object, const std::string& manager = "kubectl");
  std::optional<Json> Find(const kubernetes::ObjectRef& ref) const;
  // All objects of a kind, in every namespace when `namespace_name` is empty.
  std::vector<Json> All(std::string_view api_version, std::string_view kind,
                        std::string_view namespace_name = "") const;
  // Changes an existing object in place; false when there is none.
  bool Change(const kubernetes::ObjectRef& ref, const std::function<void(Json&)>& change,
              const std::string& manager = "kube-controller-manager");
  bool SetStatus(const kubernetes::ObjectRef& ref, Json status);
  bool Remove(const kubernetes::ObjectRef& ref, Cascade cascade = Cascade::kBackground);
  void SetPodLog(const std::string& namespace_name, const std::string& pod,
                 const std::string& container, std::string text, bool previous = false);
  void SetProxy(FakeKubeHandler::Proxy proxy);
  void Deny(DeniedAccess access);
  void AllowAll();

  // Called after each write, a client's or the test's but not its own, on the thread that wrote.
  void SetController(std::function<void(FakeKubeApi&)> controller);
  void RunController();

  // What goes wrong.
  void AddFault(KubeFault fault);
  void ClearFaults();
  void SendBookmarks();
  // Ends every open watch: with a lost connection, or as the server does after a while.
  void CutWatches();
  void EndWatches();
  // Forgets the history: watches and pages that resume from before now get 410.
  void ExpireHistory();
  int open_watches() const;

  // What was asked.
  std::vector<RecordedKubeRequest> requests() const;
  // Those that would change something: no GET, no dry run, no access review.
  std::vector<RecordedKubeRequest> writes() const;
  void ForgetRequests();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_API_H_
