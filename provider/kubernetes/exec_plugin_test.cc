#include "provider/kubernetes/exec_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/system/test_folder.h"

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kV1[] = "client.authentication.k8s.io/v1";

std::string Message(const absl::Status& status) { return std::string(status.message()); }

ClusterConfig Cluster(const std::string& command) {
  ClusterConfig cluster;
  cluster.server = "https://cluster.example.com";
  cluster.exec = ExecConfig{kV1, command, {}, {}, false};
  return cluster;
}

absl::StatusOr<ExecCredential> RunPlugin(const ClusterConfig& cluster) {
  return RunExecPlugin(cluster, absl::Seconds(20), {});
}

std::string Print(const std::string& json) { return "cat <<'END'\n" + json + "\nEND"; }

TEST(ExecConfigTest, ChecksVersionAndCommand) {
  const auto check = [](const std::string& version, const std::string& command) {
    return CheckExecConfig({version, command, {}, {}, false});
  };
  EXPECT_TRUE(check(kV1, "x").ok());
  EXPECT_TRUE(check("client.authentication.k8s.io/v1beta1", "x").ok());
  EXPECT_FALSE(check(kV1, "").ok());
  EXPECT_FALSE(check("", "x").ok());
  EXPECT_FALSE(check("v1", "x").ok());
  EXPECT_THAT(Message(check("client.authentication.k8s.io/v1alpha1", "aws")),
              HasSubstr("removed in 1.24"));
}

TEST(ExecInfoTest, TellsTheClusterWhenAsked) {
  ClusterConfig cluster = Cluster("x");
  EXPECT_EQ(MakeExecInfo(*cluster.exec, cluster),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false}})");
  cluster.exec->provide_cluster_info = true;
  cluster.exec->cluster_extension_json = R"({"audience": "a"})";
  cluster.ca_certificate_pem = "pem";
  cluster.insecure = true;
  cluster.tls_server_name = "name";
  cluster.proxy_url = "http://proxy";
  const auto info = ParseJson(MakeExecInfo(*cluster.exec, cluster));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(GetObject(GetObject(*info, "spec"), "cluster"),
            *ParseJson(R"({"server": "https://cluster.example.com", "tls-server-name": "name",
                "insecure-skip-tls-verify": true, "certificate-authority-data": "cGVt",
                "proxy-url": "http://proxy", "config": {"audience": "a"}})"));
}

TEST(ExecPluginTest, ReadsTheCredential) {
  const system::TestFolder folder;
  ClusterConfig cluster = Cluster(
      folder.Script("plugin", "echo \"$1 $MODE\" > " + folder.Path("args") + "\n" + Print(R"({
      "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
      "status": {"token": "exec-test-token-1", "expirationTimestamp": "2026-02-03T04:05:06Z"}})")));
  cluster.exec->args = {"get token"};
  cluster.exec->env = {{"MODE", "test"}};
  const auto credential = RunPlugin(cluster);
  ASSERT_TRUE(credential.ok()) << credential.status();
  EXPECT_EQ(credential->token, "exec-test-token-1");
  EXPECT_EQ(credential->expires, absl::FromUnixSeconds(1770091506));
  EXPECT_EQ(folder.Read("args"), "get token test\n");
  EXPECT_EQ(Redact("x exec-test-token-1"), "x (redacted)");
}

TEST(ExecPluginTest, GivesTheExecInfo) {
  const system::TestFolder folder;
  const auto credential = RunPlugin(Cluster(folder.Script(
      "plugin", "printf %s \"$KUBERNETES_EXEC_INFO\" > " + folder.Path("info") + "\nexit 1")));
  EXPECT_FALSE(credential.ok());
  EXPECT_THAT(folder.Read("info"), HasSubstr("\"interactive\":false"));
}

TEST(ExecPluginTest, FailureShowsTheEndOfStderrWithoutSecrets) {
  const system::TestFolder folder;
  RegisterSecret("registered-secret");
  const auto credential = RunPlugin(Cluster(folder.Script(
      "plugin",
      "head -c 5000 /dev/zero | tr '\\0' x >&2\n"
      "echo ' token=eyJhbGciOi.abc registered-secret:\nsession expired' >&2; exit 7")));
  EXPECT_EQ(credential.status().code(), absl::StatusCode::kUnauthenticated);
  const std::string message = Message(credential.status());
  EXPECT_THAT(message, HasSubstr("exit code 7"));
  EXPECT_THAT(message, HasSubstr("session expired"));
  EXPECT_THAT(message, Not(HasSubstr("eyJ")));
  EXPECT_THAT(message, Not(HasSubstr("registered-secret")));
  EXPECT_LT(message.size(), 800U);
}

TEST(ExecPluginTest, HangingPluginIsKilled) {
  const system::TestFolder folder;
  const ClusterConfig cluster = Cluster(folder.Script("plugin", "echo waiting >&2\nsleep 300"));
  const auto credential = RunExecPlugin(cluster, absl::Milliseconds(300), {});
  EXPECT_EQ(credential.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(credential.status()),
              HasSubstr("did not end within 300ms; it said: waiting"));
}

TEST(ExecPluginTest, StopIsCancelled) {
  const system::TestFolder folder;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(RunExecPlugin(Cluster(folder.Script("plugin", "sleep 300")), absl::Seconds(20),
                          stop.get_token())
                .status()
                .code(),
            absl::StatusCode::kCancelled);
}

TEST(ExecPluginTest, MissingCommandNamesPathAndHint) {
  ClusterConfig cluster = Cluster("delivery-no-such-plugin");
  cluster.exec->install_hint = "\n  install it with brew\n";
  const auto in_path = RunPlugin(cluster);
  EXPECT_EQ(in_path.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(in_path.status()), HasSubstr("delivery-no-such-plugin"));
  EXPECT_THAT(Message(in_path.status()), HasSubstr("in PATH (/"));
  EXPECT_THAT(Message(in_path.status()), HasSubstr("install it with brew"));
  EXPECT_THAT(Message(RunPlugin(Cluster("/nonexistent/plugin")).status()),
              HasSubstr("/nonexistent/plugin is not there"));
}

TEST(ExecPluginTest, ProgramThatCannotStart) {
  const system::TestFolder folder;
  const std::string plugin = folder.Write("plugin", "#!/nonexistent/interpreter\n");
  chmod(plugin.c_str(), 0755);
  EXPECT_EQ(RunPlugin(Cluster(plugin)).status().code(), absl::StatusCode::kFailedPrecondition);
}

struct Output {
  std::string name;
  std::string script;
  std::string message;
};

class ExecOutputTest : public ::testing::TestWithParam<Output> {};

TEST_P(ExecOutputTest, IsRefused) {
  const system::TestFolder folder;
  const auto credential = RunPlugin(Cluster(folder.Script("plugin", GetParam().script)));
  ASSERT_FALSE(credential.ok());
  EXPECT_EQ(credential.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(credential.status()), HasSubstr(GetParam().message));
  EXPECT_THAT(Message(credential.status()), Not(HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(
    All, ExecOutputTest,
    ::testing::Values(
        Output{"Nothing", "true", "not JSON"}, Output{"Garbage", "echo hunter2", "not JSON"},
        Output{"Megabytes", "exec cat /dev/zero", "printed more than"},
        Output{"Signal", "kill -KILL $$", "killed by signal 9"},
        Output{"OtherJson", "echo '[]'", "not an ExecCredential"},
        Output{"OtherKind", "echo '{\"kind\": \"Pod\"}'", "not an ExecCredential"},
        Output{"OtherVersion", Print(R"({"kind": "ExecCredential",
                         "apiVersion": "client.authentication.k8s.io/v1beta1",
                         "status": {"token": "hunter2"}})"),
               "v1beta1"},
        Output{
            "NoStatus",
            Print(R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"})"),
            "neither a token"},
        Output{"HalfCertificate",
               Print(R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                         "status": {"clientCertificateData": "hunter2"}})"),
               "without key"},
        Output{"BadTime",
               Print(R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                         "status": {"token": "hunter2", "expirationTimestamp": "soon"}})"),
               "expirationTimestamp"},
        Output{"LineBreak",
               Print(R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                         "status": {"token": "hunter2\r\nX: y"}})"),
               "control characters"}),
    [](const auto& test) { return test.param.name; });

TEST(SecretVariableTest, ByName) {
  EXPECT_TRUE(IsSecretVariable("AWS_SECRET_ACCESS_KEY"));
  EXPECT_TRUE(IsSecretVariable("GITHUB_TOKEN"));
  EXPECT_FALSE(IsSecretVariable("AWS_PROFILE"));
}

}  // namespace
}  // namespace delivery::kubernetes
