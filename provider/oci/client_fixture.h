// For tests: a client of a FakeRegistry, on a clock that is moved by hand.
#ifndef DELIVERY_OCI_CLIENT_FIXTURE_H_
#define DELIVERY_OCI_CLIENT_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider/base/clock.h"
#include "provider/oci/client.h"
#include "tests/support/fake_registry.h"

namespace delivery::oci {

class ClientTest : public ::testing::Test {
 protected:
  using Settings = ::delivery::testing::FakeRegistrySettings;

  // Answers what a test sets, and counts.
  class Source : public CredentialSource {
   public:
    absl::StatusOr<Credential> Get(const std::string& registry, const std::string& repository,
                                   const std::stop_token& /*stop*/) override {
      ++asked;
      last = registry + "/" + repository;
      return answer;
    }
    std::atomic<int> asked = 0;
    std::string last;
    absl::StatusOr<Credential> answer = Credential();
  };

  Client& client() {
    if (client_ == nullptr) {
      client_ = std::make_unique<Client>(
          options_, credentials_,
          [this](const http::TransportOptions& options) {
            transports_.push_back(options);
            return registry_;
          },
          clock_);
    }
    return *client_;
  }

  static Reference Ref(const std::string& text) { return *ParseReference(text); }
  absl::Time Deadline() { return clock_.Now() + absl::Minutes(1); }

  absl::StatusOr<TagList> Tags(const std::string& repository = "registry.example.com/team/web",
                               const std::string& etag = "") {
    return client().ListTags(Ref(repository), Deadline(), {}, etag);
  }
  absl::StatusOr<ManifestHead> Head(const std::string& image) {
    return client().Head(Ref(image), Deadline(), {});
  }
  absl::StatusOr<Manifest> Get(const std::string& image) {
    return client().GetManifest(Ref(image), Deadline(), {});
  }
  absl::StatusOr<std::string> Blob(const std::string& digest, size_t max_bytes = 1000) {
    return client().GetBlob(Ref(kWeb), digest, max_bytes, Deadline(), {});
  }

  // Answers every request to the registry's API with this.
  void AnswerAlways(http::Response response) {
    registry_->Intercept([response](const http::Request&) { return response; });
  }
  // Answers in order, the last one again and again.
  void AnswerInOrder(std::vector<http::Response> responses) {
    auto next = std::make_shared<size_t>(0);
    registry_->Intercept([responses, next](const http::Request&) {
      return responses[std::min((*next)++, responses.size() - 1)];
    });
  }
  static std::string AuthorizationOf(const http::Request& request) {
    return http::FindHeader(request.headers, "Authorization").value_or("");
  }
  template <typename T>
  static std::string Message(const absl::StatusOr<T>& result) {
    return std::string(result.status().message());
  }

  static constexpr char kWeb[] = "registry.example.com/team/web";

  SimulatedClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::shared_ptr<::delivery::testing::FakeRegistry> registry_ =
      std::make_shared<::delivery::testing::FakeRegistry>();
  const std::shared_ptr<Source> credentials_ = std::make_shared<Source>();
  ClientOptions options_;  // to be set before the first use of client()
  std::vector<http::TransportOptions> transports_;
  std::unique_ptr<Client> client_;
};

// With two images, and with ways to ask for credentials.
class ClientAuthTest : public ClientTest {
 protected:
  ClientAuthTest() {
    registry_->AddImage("team/web", "1");
    registry_->AddImage("team/api", "1");
  }
  void UseBasic() {
    registry_->Change([](Settings& settings) {
      settings.user = "me";
      settings.password = "pass-word";
    });
    credentials_->answer = Credential{.username = "me", .password = "pass-word"};
  }
  void UseTokens(int64_t seconds = 0) {
    registry_->Change([seconds](Settings& settings) {
      settings.token_realm = "https://auth.example.com/token";
      settings.token_seconds = seconds;
    });
  }
  size_t TokenRequests() const { return registry_->Count("GET", "auth.example.com"); }
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_CLIENT_FIXTURE_H_
