#include "provider/kubernetes/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"
#include "provider/system/test_folder.h"

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;

absl::Time Start() { return absl::FromUnixSeconds(1770091506); }  // 2026-02-03T04:05:06Z

std::string Authorization(CredentialSource& source) {
  const auto credential = source.Get({});
  EXPECT_TRUE(credential.ok()) << credential.status();
  return credential.ok() ? credential->authorization : "";
}

TEST(StaticCredentialsTest, EachKind) {
  SimulatedClock clock(Start());
  ClusterConfig config;
  config.client_certificate_pem = "cert";
  config.client_key_pem = "some-key-pem";
  const auto certificate = MakeCredentialSource(config, clock)->Get({});
  ASSERT_TRUE(certificate.ok());
  EXPECT_EQ(certificate->authorization, "");
  EXPECT_EQ(certificate->client_certificate_pem, "cert");
  EXPECT_EQ(certificate->client_key_pem, "some-key-pem");
  config.username = "user";
  config.password = "p:ss-word";
  const auto basic = MakeCredentialSource(config, clock);
  EXPECT_EQ(Authorization(*basic), "Basic dXNlcjpwOnNzLXdvcmQ=");
  config.token = "static-token-x";
  const auto token = MakeCredentialSource(config, clock);
  EXPECT_EQ(Authorization(*token), "Bearer static-token-x");
  EXPECT_FALSE(token->Invalidate());
  EXPECT_EQ(Redact("static-token-x dXNlcjpwOnNzLXdvcmQ= some-key-pem"),
            "(redacted) (redacted) (redacted)");
}

class TokenFileTest : public ::testing::Test {
 protected:
  TokenFileTest() { config_.token_file = folder_.Path("token"); }

  system::TestFolder folder_;
  SimulatedClock clock_{Start()};
  ClusterConfig config_;
};

TEST_F(TokenFileTest, IsReadAgainWhenItChanges) {
  folder_.Write("token", " first-token\n");
  const auto source = MakeCredentialSource(config_, clock_);
  EXPECT_EQ(Authorization(*source), "Bearer first-token");
  EXPECT_EQ(Redact("first-token"), "(redacted)");
  folder_.Write("token", "second-token-longer");
  EXPECT_EQ(Authorization(*source), "Bearer second-token-longer");
}

TEST_F(TokenFileTest, IsReadAgainWhenReplaced) {
  // As kubelet does: another file under the same name, even of the same size and time.
  folder_.Write("token", "token-a");
  const auto source = MakeCredentialSource(config_, clock_);
  EXPECT_EQ(Authorization(*source), "Bearer token-a");
  const auto time = std::filesystem::last_write_time(folder_.Path("token"));
  folder_.Write("new", "token-b");
  std::filesystem::last_write_time(folder_.Path("new"), time);
  std::filesystem::rename(folder_.Path("new"), folder_.Path("token"));
  EXPECT_EQ(Authorization(*source), "Bearer token-b");
}

TEST_F(TokenFileTest, IsReadAgainAfterAMinute) {
  folder_.Write("token", "token-a");
  const auto source = MakeCredentialSource(config_, clock_);
  EXPECT_EQ(Authorization(*source), "Bearer token-a");
  const auto time = std::filesystem::last_write_time(folder_.Path("token"));
  folder_.Write("token", "token-b");
  std::filesystem::last_write_time(folder_.Path("token"), time);
  clock_.Advance(absl::Seconds(61));
  EXPECT_EQ(Authorization(*source), "Bearer token-b");
}

TEST_F(TokenFileTest, KeepsTheLastTokenWhileTheFileIsBad) {
  folder_.Write("token", "token-a");
  const auto source = MakeCredentialSource(config_, clock_);
  EXPECT_EQ(Authorization(*source), "Bearer token-a");
  folder_.Write("token", "");
  EXPECT_EQ(Authorization(*source), "Bearer token-a");
  std::filesystem::remove(folder_.Path("token"));
  EXPECT_EQ(Authorization(*source), "Bearer token-a");
  EXPECT_FALSE(source->Invalidate());
  folder_.Write("token", "token-c");
  EXPECT_TRUE(source->Invalidate());
  EXPECT_FALSE(source->Invalidate());
  EXPECT_EQ(Authorization(*source), "Bearer token-c");
}

TEST_F(TokenFileTest, MissingFileIsAnErrorThatNamesIt) {
  const auto credential = MakeCredentialSource(config_, clock_)->Get({});
  // Not NotFound, which would read as a missing object.
  EXPECT_EQ(credential.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(credential.status().message()), HasSubstr(config_.token_file));
  folder_.Write("token", "two words");
  EXPECT_FALSE(MakeCredentialSource(config_, clock_)->Get({}).ok());
}

// A plugin that counts its runs and prints their number as the token.
class ExecSourceTest : public ::testing::Test {
 protected:
  void UsePlugin(const std::string& expires, const std::string& before = "") {
    const std::string status =
        expires.empty() ? "" : ", \"expirationTimestamp\": \"" + expires + "\"";
    const std::string runs = folder_.Path("runs");
    const std::string plugin = folder_.Script(
        "plugin", absl::StrCat("echo run >> ", runs, "\n", before, "\nn=$(wc -l < ", runs,
                               ")\ncat <<END\n{\"kind\": \"ExecCredential\", \"apiVersion\": "
                               "\"client.authentication.k8s.io/v1\", \"status\": {\"token\": "
                               "\"token-$((n))\"",
                               status, "}}\nEND"));
    config_.exec = ExecConfig{"client.authentication.k8s.io/v1", plugin, {}, {}, false};
    source_ = MakeCredentialSource(config_, clock_);
  }

  int Runs() const {
    const std::string runs = folder_.Read("runs");
    return static_cast<int>(std::count(runs.begin(), runs.end(), '\n'));
  }

  system::TestFolder folder_;
  SimulatedClock clock_{Start()};
  ClusterConfig config_;
  std::unique_ptr<CredentialSource> source_;
};

TEST_F(ExecSourceTest, IsCachedUntilShortlyBeforeItExpires) {
  UsePlugin("2026-02-03T04:10:06Z");  // five minutes
  EXPECT_EQ(Authorization(*source_), "Bearer token-1");
  clock_.Advance(absl::Seconds(289));
  EXPECT_EQ(Authorization(*source_), "Bearer token-1");
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Authorization(*source_), "Bearer token-2");
}

TEST_F(ExecSourceTest, WithoutExpiryIsCachedUntilInvalidated) {
  UsePlugin("");
  EXPECT_EQ(Authorization(*source_), "Bearer token-1");
  clock_.Advance(absl::Hours(1000));
  EXPECT_EQ(Authorization(*source_), "Bearer token-1");
  EXPECT_TRUE(source_->Invalidate());
  EXPECT_EQ(Authorization(*source_), "Bearer token-2");
}

TEST_F(ExecSourceTest, ConcurrentCallersWaitForOneRun) {
  UsePlugin("", "sleep 0.3");
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([this] { EXPECT_EQ(Authorization(*source_), "Bearer token-1"); });
  }
  callers.clear();
  EXPECT_EQ(Runs(), 1);
}

TEST_F(ExecSourceTest, ConcurrentCallersShareAFailure) {
  UsePlugin("", "sleep 0.3\nexit 1");
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([this] {
      EXPECT_EQ(source_->Get({}).status().code(), absl::StatusCode::kUnauthenticated);
    });
  }
  callers.clear();
  // One that came after the end runs it again.
  EXPECT_LE(Runs(), 2);
  EXPECT_FALSE(source_->Get({}).ok());
}

TEST_F(ExecSourceTest, AnotherCallerTakesOverFromOneThatIsStopped) {
  UsePlugin("", "test $(wc -l < " + folder_.Path("runs") + ") -gt 1 || sleep 300");
  std::stop_source stop;
  std::jthread first([&] {
    EXPECT_EQ(source_->Get(stop.get_token()).status().code(), absl::StatusCode::kCancelled);
  });
  while (Runs() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::jthread second([&] { EXPECT_EQ(Authorization(*source_), "Bearer token-2"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  stop.request_stop();
}

TEST_F(ExecSourceTest, AWaitingCallerCanBeStopped) {
  UsePlugin("", "sleep 300");
  std::stop_source stop_first;
  std::stop_source stop_second;
  std::jthread first([&] { EXPECT_FALSE(source_->Get(stop_first.get_token()).ok()); });
  while (Runs() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::jthread second([&] {
    EXPECT_EQ(source_->Get(stop_second.get_token()).status().code(), absl::StatusCode::kCancelled);
  });
  stop_second.request_stop();
  second.join();
  stop_first.request_stop();
}

TEST(CredentialPrecedenceTest, TokenBeforeExec) {
  SimulatedClock clock(Start());
  ClusterConfig config;
  config.exec = ExecConfig{"client.authentication.k8s.io/v1", "/nonexistent", {}, {}, false};
  config.token = "token-wins";
  EXPECT_EQ(Authorization(*MakeCredentialSource(config, clock)), "Bearer token-wins");
}

}  // namespace
}  // namespace delivery::kubernetes
