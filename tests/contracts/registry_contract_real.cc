// Debian's docker-registry as a process of the test, and what only a real server can be asked for.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "provider/base/clock.h"
#include "provider/http/curl_transport.h"
#include "provider/oci/client.h"
#include "provider/system/subprocess.h"
#include "provider/system/test_folder.h"
#include "tests/contracts/registry_contract.h"

namespace delivery::testing {
namespace {

// kContractUser and kContractPassword, by bcrypt.
constexpr char kHtpasswd[] = "me:$2b$04$siCya8PuEQTskOE1/FIhjeLdaUNnPQHHR38wtFSA8077Am4CXKYNe\n";
constexpr char kConfig[] = R"(version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $0/data}}
http: {addr: 127.0.0.1:$1}
)";

// One that is free now; 0 when there is none.
int FreePort() {
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = bind(file, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(file);
  return bound ? ntohs(address.sin_port) : 0;
}

class RealContractRegistry : public ContractRegistry {
 public:
  RealContractRegistry(const std::string& program, bool with_password) : port_(FreePort()) {
    std::string config = absl::Substitute(kConfig, folder_.path(), port_);
    if (with_password) {
      absl::StrAppend(&config,
                      "auth: {htpasswd: {realm: test, path: ", folder_.Write("htpasswd", kHtpasswd),
                      "}}\n");
    }
    system::ProcessRequest request;
    // REGISTRY_* variables would override the configuration; and it ends even if this test crashes.
    request.program = "/usr/bin/env";
    request.args = {
        "-i", "/usr/bin/timeout", "300", program, "serve", folder_.Write("config.yml", config)};
    request.timeout = absl::Minutes(5);
    request.max_stdout_bytes = 64 * 1024 * 1024;
    process_ = std::jthread([this, request](const std::stop_token& stop) {
      const auto result = system::RunProcess(request, stop);
      if (result.ok()) ADD_FAILURE() << "docker-registry ended: " << result->stderr_tail;
      ended_ = true;
    });
  }

  std::string host() const override { return absl::StrCat("127.0.0.1:", port_); }
  std::shared_ptr<http::Transport> transport() override { return transport_; }

  absl::Status WaitUntilItAnswers() {
    for (int i = 0; i < 200 && !ended_; ++i) {
      http::Request ping;
      ping.url = absl::StrCat("http://", host(), "/v2/");
      if (transport_->Do(ping, {}).ok()) return absl::OkStatus();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return absl::FailedPreconditionError("docker-registry does not answer within 10 s");
  }

 private:
  const system::TestFolder folder_;
  const int port_;
  const std::shared_ptr<http::Transport> transport_ = http::MakeCurlTransport({});
  std::atomic<bool> ended_ = false;
  std::jthread process_;  // last: ended before what it uses
};

// What a user meets who forgets plain_http.
TEST(RealRegistryTest, ARegistryWithoutTlsIsRecognised) {
  const auto registry = StartContractRegistry(false);
  ASSERT_TRUE(registry.ok()) << registry.status();
  oci::Client client({}, oci::MakeCredentialChain({}), http::MakeCurlTransport, Clock::Real());
  const auto tags = client.ListTags(*oci::ParseRepository((*registry)->host() + "/web"),
                                    absl::Now() + absl::Seconds(30), {});
  EXPECT_THAT(std::string(tags.status().message()),
              ::testing::HasSubstr(
                  absl::StrCat("plain_http = true in a registry block for ", (*registry)->host())));
}

TEST(RealRegistryTest, NobodyThereIsToldSoon) {
  const std::string host = absl::StrCat("127.0.0.1:", FreePort());
  oci::ClientOptions options;
  options.hosts[host].plain_http = true;
  oci::Client client(options, oci::MakeCredentialChain({}), http::MakeCurlTransport, Clock::Real());
  const absl::Time start = absl::Now();
  const auto tags =
      client.ListTags(*oci::ParseRepository(host + "/web"), start + absl::Seconds(60), {});
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(tags.status().message()), ::testing::HasSubstr("cannot connect"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ContractRegistry>> StartContractRegistry(bool with_password) {
  const char* const path = std::getenv("PATH");
  const auto program = system::FindExecutable("docker-registry", path == nullptr ? "" : path);
  if (!program.has_value()) {
    return absl::FailedPreconditionError(
        "docker-registry is not in PATH: these tests run against the real registry server. Install "
        "it with `apt-get install docker-registry`");
  }
  auto registry = std::make_unique<RealContractRegistry>(*program, with_password);
  const absl::Status answers = registry->WaitUntilItAnswers();
  if (!answers.ok()) return answers;
  return registry;
}

}  // namespace delivery::testing
