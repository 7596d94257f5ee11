#include "provider/routing/router_fixture.h"

#include <utility>

#include "provider/kubernetes/credentials.h"

namespace delivery::routing {

RouterFixture::RouterFixture() {
  kube_->AddNamespace("shop");
  kube_->AddType({"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"});
  kube_->AddType({"gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes"});
  kube_->AddType({"networking.istio.io", "v1", "VirtualService", "virtualservices"});
  kube_->AddType({"networking.istio.io", "v1", "DestinationRule", "destinationrules"});
  kube_->AddType({"traefik.io", "v1alpha1", "TraefikService", "traefikservices"});
  kubernetes::ClusterConfig config;
  config.server = "https://fake.test";
  api_ = kubernetes::MakeRestApi(
      config, kubernetes::MakeCredentialSource(config, clock_),
      [kube = kube_](const auto&) { return kube; }, clock_);
}

RouterFixture::~RouterFixture() {
  api_.reset();
  // The last handler of a watch would destroy the fake's thread on that very thread.
  Eventually([this] { return kube_.use_count() == 1; });
}

absl::Status RouterFixture::Apply(const Json& object, const std::string& manager) {
  return api_->Apply(object, {.field_manager = manager}, NoStop()).status();
}

Json RouterFixture::Manifest(Json object) {
  object["metadata"].erase("resourceVersion");
  object["metadata"].erase("uid");
  return object;
}

bool RouterFixture::Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(20);
  while (!condition()) {
    if (Clock::Real().Now() > deadline) return false;
    Clock::Real().Sleep(absl::Milliseconds(2), {});
  }
  return true;
}

Json Content(Json object) {
  object["metadata"].erase("resourceVersion");
  object["metadata"].erase("generation");
  return object;
}

}  // namespace delivery::routing
