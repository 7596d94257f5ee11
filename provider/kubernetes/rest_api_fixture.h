// For tests: a RestApi on a scripted transport, a simulated clock and credentials under control.
#ifndef DELIVERY_KUBERNETES_REST_API_FIXTURE_H_
#define DELIVERY_KUBERNETES_REST_API_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/clock.h"
#include "provider/http/scripted_transport.h"
#include "provider/kubernetes/rest_api.h"

namespace delivery::kubernetes {

// Tokens "token-1", "token-2", ... after each Invalidate, as long as there are newer ones.
class TestCredentials : public CredentialSource {
 public:
  absl::StatusOr<Credential> Get(const std::stop_token&) override {
    if (!failure.ok()) return failure;
    Credential credential;
    credential.authorization = absl::StrCat("Bearer token-", generation_.load());
    credential.client_certificate_pem = certificate;
    credential.client_key_pem = certificate.empty() ? "" : "key";
    return credential;
  }
  bool Invalidate() override {
    ++invalidated;
    if (generation_ >= generations) return false;
    ++generation_;
    return true;
  }

  absl::Status failure;
  std::string certificate;
  int generations = 1;
  std::atomic<int> invalidated = 0;

 private:
  std::atomic<int> generation_ = 1;
};

inline Json StatusObject(int code, const std::string& reason, const std::string& message) {
  return {{"kind", "Status"},   {"apiVersion", "v1"}, {"status", "Failure"},
          {"message", message}, {"reason", reason},   {"code", code}};
}

inline Json Named(const std::string& api_version, const std::string& kind, const std::string& name,
                  const std::string& version = "1") {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata", {{"namespace", "shop"}, {"name", name}, {"resourceVersion", version}}}};
}

class RestApiFixture : public ::testing::Test {
 protected:
  RestApiFixture() {
    ClusterConfig config;
    config.server = "https://cluster.test.example:6443";
    config.ca_certificate_pem = "authority";
    api_ = MakeRestApi(
        config, credentials_,
        [this](const http::TransportOptions& options) {
          transport_options_.push_back(options);
          return transport_;
        },
        clock_);
  }

  std::string Path(size_t index) const {
    const std::string url = transport_->requests().at(index).url;
    return url.substr(std::string("https://cluster.test.example:6443").size());
  }
  std::string Header(size_t index, std::string_view name) const {
    return http::FindHeader(transport_->requests().at(index).headers, name).value_or("");
  }
  Json Body(size_t index) const { return ParseJson(transport_->requests().at(index).body).value(); }

  const ObjectRef web_{"apps/v1", "Deployment", "shop", "web"};
  const std::stop_token no_stop_;
  SimulatedClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::shared_ptr<TestCredentials> credentials_ = std::make_shared<TestCredentials>();
  std::shared_ptr<http::ScriptedTransport> transport_ = std::make_shared<http::ScriptedTransport>();
  std::vector<http::TransportOptions> transport_options_;
  std::shared_ptr<Api> api_;
};

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_REST_API_FIXTURE_H_
