// The verbs of the fake API server: one request, one answer. Watches are the transport's part
// (fake_kube_api.h).
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_HANDLER_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_HANDLER_H_

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "provider/base/json.h"
#include "provider/http/transport.h"
#include "tests/support/fake_kube_request.h"
#include "tests/support/fake_kube_store.h"

namespace delivery::testing {

// A rule that the fake's authorizer refuses by; empty members match everything.
struct DeniedAccess {
  std::string verb;
  std::string group;
  std::string resource;  // plural, or "pods/log"
  std::string namespace_name;
  std::string except_name = {};  // what the role allows for the object of this name only
};

// Not thread-safe; the fake API server guards it.
class FakeKubeHandler {
 public:
  using Proxy = std::function<http::Response(const KubeRequest& request)>;

  explicit FakeKubeHandler(FakeKubeStore& store) : store_(store) {}

  // Nullopt when the request is a watch that is to be opened.
  std::optional<http::Response> Handle(const KubeRequest& request);
  // The type that a request is about; null when it is not served.
  const ResourceType* TypeOf(const KubeRequest& request) const;

  void SetPodLog(const std::string& namespace_name, const std::string& pod,
                 const std::string& container, bool previous, std::string text);
  void SetProxy(Proxy proxy) { proxy_ = std::move(proxy); }
  void Deny(DeniedAccess access) { denied_.push_back(std::move(access)); }
  void AllowAll() { denied_.clear(); }

 private:
  struct Target;  // a request with its type and the object that it names

  http::Response Discover(const KubeRequest& request) const;
  http::Response DescribeGroup(const KubeRequest& request) const;
  http::Response ReviewAccess(const KubeRequest& request) const;
  bool IsDenied(const DeniedAccess& access, const std::string& name) const;
  std::optional<http::Response> CheckAccess(const Target& target) const;

  http::Response HandleCollection(const Target& target);
  http::Response HandleObject(const Target& target);
  http::Response HandleSubresource(const Target& target);
  http::Response List(const Target& target) const;
  http::Response Create(const Target& target);
  http::Response Replace(const Target& target, Json object);
  http::Response Patch(const Target& target);
  http::Response Apply(const Target& target);
  http::Response Delete(const Target& target);
  http::Response Log(const Target& target) const;
  http::Response Scale(const Target& target);

  http::Response StoreNew(const Target& target, Json object, bool applied);
  http::Response StoreSuccessor(const Target& target, Json object, bool applied);

  FakeKubeStore& store_;
  Proxy proxy_;
  std::vector<DeniedAccess> denied_;
  // (namespace, pod, container, previous) -> text
  std::map<std::tuple<std::string, std::string, std::string, bool>, std::string> logs_;
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_HANDLER_H_
