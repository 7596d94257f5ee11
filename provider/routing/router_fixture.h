// For tests of the routers: a cluster in memory with the kinds that route.
#ifndef DELIVERY_ROUTING_ROUTER_FIXTURE_H_
#define DELIVERY_ROUTING_ROUTER_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "provider/base/clock.h"
#include "provider/kubernetes/rest_api.h"
#include "provider/routing/routing_fixture.h"
#include "provider/routing/traffic_router.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::routing {

class RouterFixture : public ::testing::Test {
 protected:
  RouterFixture();
  ~RouterFixture() override;

  // Server-side applies the object as `manager`, as its owner does again and again.
  absl::Status Apply(const Json& object, const std::string& manager = "gitops");
  Json Live(const kubernetes::ObjectRef& ref) const { return kube_->Find(ref).value_or(Json()); }
  // `object` as its owner writes it: without what the server adds.
  static Json Manifest(Json object);
  // Waits in real time, for what happens on other threads; for at most 20 s.
  static bool Eventually(const std::function<bool()>& condition);
  static std::stop_token NoStop() { return {}; }

  SimulatedClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::shared_ptr<testing::FakeKubeApi> kube_ =
      std::make_shared<testing::FakeKubeApi>(clock_);
  std::shared_ptr<kubernetes::Api> api_;
};

// An API whose patches somebody else precedes.
class BusyApi : public kubernetes::Api {
 public:
  BusyApi(kubernetes::Api& api, std::function<void()> before) : api_(api), before_(before) {}
  absl::StatusOr<Json> Get(const kubernetes::ObjectRef& ref, const std::stop_token& s) override {
    return api_.Get(ref, s);
  }
  absl::StatusOr<Json> JsonPatch(const kubernetes::ObjectRef& ref, const Json& operations,
                                 const kubernetes::WriteOptions& options,
                                 const std::stop_token& s) override {
    ++patches;
    before_();
    return api_.JsonPatch(ref, operations, options, s);
  }
  absl::StatusOr<kubernetes::ObjectList> List(std::string_view v, std::string_view k,
                                              const kubernetes::ListOptions& o,
                                              const std::stop_token& s) override {
    return api_.List(v, k, o, s);
  }
  std::unique_ptr<kubernetes::ObjectWatch> Watch(std::string_view v, std::string_view k,
                                                 const kubernetes::ListOptions& o,
                                                 kubernetes::ChangeSignal signal) override {
    return api_.Watch(v, k, o, signal);
  }
  absl::StatusOr<kubernetes::ApplyResult> Apply(const Json& object,
                                                const kubernetes::ApplyOptions& o,
                                                const std::stop_token& s) override {
    return api_.Apply(object, o, s);
  }
  absl::StatusOr<Json> Create(const Json& object, const kubernetes::WriteOptions& o,
                              const std::stop_token& s) override {
    return api_.Create(object, o, s);
  }
  absl::StatusOr<Json> Replace(const Json& object, const kubernetes::WriteOptions& o,
                               const std::stop_token& s) override {
    return api_.Replace(object, o, s);
  }
  absl::StatusOr<Json> MergePatch(const kubernetes::ObjectRef& ref, const Json& patch,
                                  const kubernetes::WriteOptions& o,
                                  const std::stop_token& s) override {
    return api_.MergePatch(ref, patch, o, s);
  }
  absl::Status Delete(const kubernetes::ObjectRef& ref, const kubernetes::DeleteOptions& o,
                      const std::stop_token& s) override {
    return api_.Delete(ref, o, s);
  }
  absl::StatusOr<std::string> PodLog(std::string_view n, std::string_view p,
                                     const kubernetes::PodLogOptions& o,
                                     const std::stop_token& s) override {
    return api_.PodLog(n, p, o, s);
  }
  absl::StatusOr<http::Response> Proxy(const kubernetes::ProxyRequest& r,
                                       const std::stop_token& s) override {
    return api_.Proxy(r, s);
  }
  absl::StatusOr<kubernetes::AccessAnswer> ReviewAccess(const kubernetes::AccessQuery& q,
                                                        const std::stop_token& s) override {
    return api_.ReviewAccess(q, s);
  }
  absl::StatusOr<kubernetes::ResourceInfo> Discover(std::string_view v, std::string_view k,
                                                    const std::stop_token& s) override {
    return api_.Discover(v, k, s);
  }

  int patches = 0;

 private:
  kubernetes::Api& api_;
  const std::function<void()> before_;
};

// What stays the same when nobody writes: all but resourceVersion and generation.
Json Content(Json object);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_ROUTER_FIXTURE_H_
