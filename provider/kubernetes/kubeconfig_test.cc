#include "provider/kubernetes/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "provider/base/redact.h"
#include "provider/system/test_folder.h"

namespace delivery::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kCa[] = "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n";
constexpr char kCert[] = "-----BEGIN CERTIFICATE-----\nY2VydA==\n-----END CERTIFICATE-----\n";
constexpr char kKey[] = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
// kCa in base64.
constexpr char kCaData[] =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClkyRT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

Environment Env(std::map<std::string, std::string> variables = {}) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
}

std::string Config(const std::string& cluster, const std::string& user,
                   const std::string& context = "") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
         "clusters: [{name: c, cluster: {server: 'https://one.example.com:6443/', " +
         cluster + "}}]\nusers: [{name: u, user: {" + user +
         "}}]\ncontexts: [{name: dev, context: {cluster: c, user: u, " + context +
         "}}, {name: broken, context: {cluster: none, user: nobody}}]\n";
}

class KubeconfigTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    return folder_.Write(name, text);
  }
  KubernetesSettings With(const std::string& text) {
    KubernetesSettings settings;
    settings.config_paths = {Write("config", text)};
    return settings;
  }
  absl::StatusOr<ClusterConfig> Resolve(const KubernetesSettings& settings) {
    return ResolveClusterConfig(settings, Env());
  }
  ClusterConfig MustResolve(const KubernetesSettings& settings) {
    auto config = Resolve(settings);
    EXPECT_TRUE(config.ok()) << config.status();
    return config.ok() ? *config : ClusterConfig();
  }
  // The code and message of the refusal.
  void ExpectRefused(const KubernetesSettings& settings, absl::StatusCode code,
                     const std::string& message) {
    const absl::Status status = Resolve(settings).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
  }

  system::TestFolder folder_;
};

TEST_F(KubeconfigTest, ReadsTheCurrentContext) {
  const ClusterConfig config =
      MustResolve(With(Config(std::string("certificate-authority-data: ") + kCaData +
                                  ", tls-server-name: name, proxy-url: 'http://proxy:3128'",
                              "token: kubeconfig-token-1", "namespace: shop")));
  EXPECT_EQ(config.server, "https://one.example.com:6443");
  EXPECT_EQ(config.ca_certificate_pem, kCa);
  EXPECT_EQ(config.tls_server_name, "name");
  EXPECT_EQ(config.proxy_url, "http://proxy:3128");
  EXPECT_EQ(config.default_namespace, "shop");
  EXPECT_EQ(config.token, "kubeconfig-token-1");
  EXPECT_FALSE(config.insecure);
  EXPECT_EQ(Redact("kubeconfig-token-1"), "(redacted)");
}

TEST_F(KubeconfigTest, ReadsFilesRelativeToTheKubeconfig) {
  Write("sub/ca.pem", kCa);
  Write("sub/cert.pem", kCert);
  Write("sub/key.pem", kKey);
  KubernetesSettings settings;
  settings.config_paths = {
      Write("sub/config", Config("certificate-authority: ca.pem",
                                 "client-certificate: ./cert.pem, client-key: " +
                                     folder_.Path("sub/key.pem") + ", tokenFile: tok"))};
  const ClusterConfig config = MustResolve(settings);
  EXPECT_EQ(config.ca_certificate_pem, kCa);
  EXPECT_EQ(config.client_certificate_pem, kCert);
  EXPECT_EQ(config.client_key_pem, kKey);
  EXPECT_EQ(config.token_file, folder_.Path("sub/tok"));
  EXPECT_EQ(config.default_namespace, "default");
}

TEST_F(KubeconfigTest, ReadsJsonAndExpandsHome) {
  Write("home/.kube/config",
        R"({"current-context": "a", "clusters": [{"name": "a", "cluster": {"server": "http://x"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a"}}]})");
  KubernetesSettings settings;
  settings.config_paths = {"~/.kube/config"};
  const auto config = ResolveClusterConfig(settings, Env({{"HOME", folder_.Path("home")}}));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->server, "http://x");
}

TEST_F(KubeconfigTest, ReadsAnExecPlugin) {
  const ClusterConfig config = MustResolve(With(
      Config("extensions: [{name: client.authentication.k8s.io/exec, extension: {a: 1}}]",
             "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./bin/aws, "
             "args: [eks, '1'], env: [{name: AWS_PROFILE, value: dev}], provideClusterInfo: true, "
             "installHint: brew, interactiveMode: IfAvailable}")));
  ASSERT_TRUE(config.exec);
  EXPECT_EQ(config.exec->command, folder_.Path("bin/aws"));
  EXPECT_THAT(config.exec->args, ElementsAre("eks", "1"));
  EXPECT_EQ(config.exec->env.at("AWS_PROFILE"), "dev");
  EXPECT_TRUE(config.exec->provide_cluster_info);
  EXPECT_EQ(config.exec->install_hint, "brew");
  EXPECT_EQ(config.exec->cluster_extension_json, "{\"a\":1}");
}

TEST_F(KubeconfigTest, MergesLikeKubectl) {
  const std::string first = Write("first", R"(
clusters: [{name: c, cluster: {server: 'https://first'}}]
users: [{name: u, user: {username: first}}]
)");
  const std::string second = Write("second", R"(
current-context: two
clusters: [{name: c, cluster: {server: 'https://second', tls-server-name: lost}},
           {name: d, cluster: {server: 'https://d'}}]
users: [{name: u, user: {username: second, password: lost}}]
contexts: [{name: two, context: {cluster: c, user: u, namespace: n2}}]
)");
  const std::string third = Write("third", R"(
current-context: three
contexts: [{name: three, context: {cluster: d}}, {name: two, context: {cluster: d}}]
)");
  KubernetesSettings settings;
  settings.config_paths = {first, second, third};
  ClusterConfig config = MustResolve(settings);
  EXPECT_EQ(config.server, "https://first");
  EXPECT_EQ(config.tls_server_name, "");  // the whole entry of the first file
  EXPECT_EQ(config.username, "first");
  EXPECT_EQ(config.password, "");
  EXPECT_EQ(config.default_namespace, "n2");
  settings.config_context = "three";
  EXPECT_EQ(MustResolve(settings).server, "https://d");
  settings.config_context = "two";
  settings.config_context_cluster = "d";
  settings.config_context_auth_info = "u";
  config = MustResolve(settings);
  EXPECT_EQ(config.server, "https://d");
  EXPECT_EQ(config.username, "first");
}

TEST_F(KubeconfigTest, ExplicitSettingsOverride) {
  KubernetesSettings settings = With(Config(std::string("certificate-authority-data: ") + kCaData,
                                            "username: u, password: p, tokenFile: /x"));
  settings.host = "two.example.com/";
  settings.token = "explicit-token\n";
  settings.insecure = true;
  settings.tls_server_name = "n";
  settings.proxy_url = "http://p";
  const ClusterConfig config = MustResolve(settings);
  EXPECT_EQ(config.server, "https://two.example.com");
  EXPECT_EQ(config.token, "explicit-token");
  EXPECT_EQ(config.username, "");  // explicit credentials replace the user
  EXPECT_EQ(config.token_file, "");
  EXPECT_TRUE(config.insecure);
  EXPECT_EQ(config.ca_certificate_pem, "");
  EXPECT_EQ(config.tls_server_name, "n");
  EXPECT_EQ(config.proxy_url, "http://p");
}

TEST_F(KubeconfigTest, ExplicitAuthorityOverridesInsecure) {
  KubernetesSettings settings = With(Config("insecure-skip-tls-verify: true", "token: abcd"));
  EXPECT_TRUE(MustResolve(settings).insecure);
  settings.cluster_ca_certificate = kCa;
  EXPECT_FALSE(MustResolve(settings).insecure);
  settings.cluster_ca_certificate.clear();
  settings.insecure = false;
  EXPECT_FALSE(MustResolve(settings).insecure);
}

TEST_F(KubeconfigTest, HostAlone) {
  KubernetesSettings settings;
  settings.host = "https://host.example.com/prefix/";
  settings.client_certificate = kCert;
  settings.client_key = kKey;
  const ClusterConfig config = MustResolve(settings);
  EXPECT_EQ(config.server, "https://host.example.com/prefix");
  EXPECT_EQ(config.client_key_pem, kKey);
  for (const char* host :
       {"ftp://x", "https://", "https://u:hunter2@x", "https://x?y", "https://a b"}) {
    settings.host = host;
    ExpectRefused(settings, absl::StatusCode::kInvalidArgument, "must look like");
  }
}

TEST_F(KubeconfigTest, NothingConfigured) {
  ExpectRefused({}, absl::StatusCode::kFailedPrecondition, "KUBE_CONFIG_PATH");
  KubernetesSettings context_only;
  context_only.config_context = "dev";
  ExpectRefused(context_only, absl::StatusCode::kFailedPrecondition, "set config_path");
}

TEST_F(KubeconfigTest, MissingFiles) {
  KubernetesSettings settings;
  settings.config_paths = {folder_.Path("none")};
  ExpectRefused(settings, absl::StatusCode::kNotFound, folder_.Path("none"));
  settings.skip_missing_paths = true;
  ExpectRefused(settings, absl::StatusCode::kNotFound, "KUBECONFIG");
  settings.config_paths = {folder_.Path("none"), Write("config", Config("", "token: abcd"))};
  EXPECT_EQ(MustResolve(settings).token, "abcd");
  settings.skip_missing_paths = false;
  ExpectRefused(settings, absl::StatusCode::kNotFound, folder_.Path("none"));
  settings.config_paths = {folder_.path()};
  ExpectRefused(settings, absl::StatusCode::kFailedPrecondition, "directory");
}

TEST_F(KubeconfigTest, UnknownNamesListTheKnown) {
  KubernetesSettings settings = With(Config("", "token: hunter2"));
  settings.config_context = "prod";
  ExpectRefused(settings, absl::StatusCode::kNotFound, "contexts are: broken, dev");
  settings.config_context = "broken";
  ExpectRefused(settings, absl::StatusCode::kNotFound, "no cluster \"none\"");
  settings.config_context_cluster = "c";
  ExpectRefused(settings, absl::StatusCode::kNotFound, "users are: u");
  ExpectRefused(With("contexts: [{name: a, context: {}}]"), absl::StatusCode::kFailedPrecondition,
                "its contexts: a");
}

struct BadConfig {
  std::string name;
  std::string text;
  absl::StatusCode code;
  std::string message;
};

class BadKubeconfigTest : public KubeconfigTest, public ::testing::WithParamInterface<BadConfig> {};

TEST_P(BadKubeconfigTest, IsRefused) {
  ExpectRefused(With(GetParam().text), GetParam().code, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadKubeconfigTest,
    ::testing::Values(
        BadConfig{"Yaml", "a: 1\nb: [hunter2\n  c: }\n", absl::StatusCode::kInvalidArgument,
                  "line"},
        BadConfig{"Text", "hunter2", absl::StatusCode::kInvalidArgument, "not an object"},
        BadConfig{"Kind", "kind: Secret", absl::StatusCode::kInvalidArgument, "Secret"},
        BadConfig{"Lists", "clusters: {}", absl::StatusCode::kInvalidArgument, "not a list"},
        BadConfig{"NoName", "users: [{user: {token: hunter2}}]", absl::StatusCode::kInvalidArgument,
                  "no name"},
        BadConfig{"TwiceTheSameName", "users: [{name: u}, {name: u}]",
                  absl::StatusCode::kInvalidArgument, "same name"},
        BadConfig{"NotObject", "users: [{name: u, user: hunter2}]",
                  absl::StatusCode::kInvalidArgument, "not an object"},
        BadConfig{"Empty", "", absl::StatusCode::kFailedPrecondition, "current-context"},
        BadConfig{"NoServer",
                  "current-context: a\nclusters: [{name: a}]\n"
                  "contexts: [{name: a, context: {cluster: a}}]",
                  absl::StatusCode::kInvalidArgument, "no server"},
        BadConfig{"AuthProvider", Config("", "auth-provider: {name: gcp}"),
                  absl::StatusCode::kFailedPrecondition, "exec plugin"},
        BadConfig{"Impersonation", Config("", "as: admin"), absl::StatusCode::kFailedPrecondition,
                  "impersonation"},
        BadConfig{"Base64", Config("", "client-key-data: '!hunter2'"),
                  absl::StatusCode::kInvalidArgument, "base64"},
        BadConfig{"NotPem", Config("", "client-key-data: aHVudGVyMg=="),
                  absl::StatusCode::kInvalidArgument, "PEM"},
        BadConfig{"MissingFile", Config("certificate-authority: /nonexistent/ca.pem", ""),
                  absl::StatusCode::kNotFound, "/nonexistent/ca.pem"},
        BadConfig{"HalfCertificate", Config("", std::string("client-certificate-data: ") + kCaData),
                  absl::StatusCode::kInvalidArgument, "without its key"},
        BadConfig{
            "InsecureWithAuthority",
            Config(std::string("insecure-skip-tls-verify: true, certificate-authority-data: ") +
                       kCaData,
                   ""),
            absl::StatusCode::kInvalidArgument, "insecure-skip-tls-verify"},
        BadConfig{
            "ExecAlpha",
            Config("", "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}"),
            absl::StatusCode::kFailedPrecondition, "removed"},
        BadConfig{"ExecTerminal",
                  Config("",
                         "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                         "interactiveMode: Always}"),
                  absl::StatusCode::kFailedPrecondition, "terminal"},
        BadConfig{"TokenWithLineBreak", Config("", R"(token: "hunter2\nX: y")"),
                  absl::StatusCode::kInvalidArgument, "control characters"}),
    [](const auto& test) { return test.param.name; });

TEST_F(KubeconfigTest, ContradictingSettings) {
  const auto refused = [this](const std::string& message, auto change) {
    KubernetesSettings settings;
    settings.host = "https://x";
    change(settings);
    ExpectRefused(settings, absl::StatusCode::kInvalidArgument, message);
  };
  using S = KubernetesSettings;
  refused("in_cluster", [](S& s) { s.in_cluster = true; });
  refused("exclude each other", [](S& s) { s.token = s.username = "x"; });
  refused("without username", [](S& s) { s.password = "hunter2"; });
  refused("belong together", [](S& s) { s.client_key = kKey; });
  refused("insecure and cluster_ca", [](S& s) {
    s.insecure = true;
    s.cluster_ca_certificate = kCa;
  });
  refused("not PEM", [](S& s) { s.cluster_ca_certificate = "/path/ca.pem"; });
  refused("api_version", [](S& s) { s.exec = ExecConfig{"", "aws", {}, {}, false}; });
}

TEST_F(KubeconfigTest, InCluster) {
  Write("sa/ca.crt", kCa);
  Write("sa/token", "service-account-token");
  Write("sa/namespace", "shop\n");
  KubernetesSettings settings;
  settings.in_cluster = true;
  settings.service_account_folder = folder_.Path("sa");
  ExpectRefused(settings, absl::StatusCode::kFailedPrecondition, "KUBERNETES_SERVICE_HOST");
  const Environment pod =
      Env({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}});
  const auto config = ResolveClusterConfig(settings, pod);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->server, "https://[fd00::1]:443");
  EXPECT_EQ(config->ca_certificate_pem, kCa);
  EXPECT_EQ(config->token_file, folder_.Path("sa/token"));
  EXPECT_EQ(config->default_namespace, "shop");
  settings.service_account_folder = folder_.Path("none");
  EXPECT_EQ(ResolveClusterConfig(settings, pod).status().code(), absl::StatusCode::kNotFound);
}

TEST(EnvironmentTest, FillsWhatIsEmpty) {
  const KubernetesSettings settings = WithEnvironment({}, Env({{"KUBE_CONFIG_PATH", "/a"},
                                                               {"KUBE_CONFIG_PATHS", "/b:/c"},
                                                               {"KUBECONFIG", "/d"},
                                                               {"KUBE_CTX", "ctx"},
                                                               {"KUBE_CTX_CLUSTER", "cl"},
                                                               {"KUBE_CTX_AUTH_INFO", "ai"},
                                                               {"KUBE_HOST", "h"},
                                                               {"KUBE_TOKEN", "t"},
                                                               {"KUBE_USER", "u"},
                                                               {"KUBE_CLUSTER_CA_CERT_DATA", "ca"},
                                                               {"KUBE_CLIENT_CERT_DATA", "cert"},
                                                               {"KUBE_CLIENT_KEY_DATA", "key"},
                                                               {"KUBE_TLS_SERVER_NAME", "n"},
                                                               {"KUBE_PROXY_URL", "p"}}));
  EXPECT_THAT(settings.config_paths, ElementsAre("/a"));
  EXPECT_FALSE(settings.skip_missing_paths);
  EXPECT_EQ(settings.config_context, "ctx");
  EXPECT_EQ(settings.config_context_cluster, "cl");
  EXPECT_EQ(settings.config_context_auth_info, "ai");
  EXPECT_EQ(settings.host, "h");
  EXPECT_EQ(settings.token, "t");
  EXPECT_EQ(settings.username, "");
  EXPECT_EQ(settings.cluster_ca_certificate, "ca");
  EXPECT_EQ(settings.client_certificate, "cert");
  EXPECT_EQ(settings.client_key, "key");
  EXPECT_EQ(settings.tls_server_name, "n");
  EXPECT_EQ(settings.proxy_url, "p");
}

TEST(EnvironmentTest, Paths) {
  EXPECT_THAT(WithEnvironment({}, Env({{"KUBE_CONFIG_PATHS", "/b::/c"}})).config_paths,
              ElementsAre("/b", "/c"));
  const KubernetesSettings standard = WithEnvironment({}, Env({{"KUBECONFIG", "/d:/e"}}));
  EXPECT_THAT(standard.config_paths, ElementsAre("/d", "/e"));
  EXPECT_TRUE(standard.skip_missing_paths);
  KubernetesSettings explicit_path;
  explicit_path.config_paths = {"/x"};
  EXPECT_THAT(
      WithEnvironment(explicit_path, Env({{"KUBE_CONFIG_PATH", "/a"}, {"KUBECONFIG", "/d"}}))
          .config_paths,
      ElementsAre("/x"));
  KubernetesSettings host;
  host.host = "h";
  EXPECT_THAT(WithEnvironment(host, Env({{"KUBECONFIG", "/d"}})).config_paths, IsEmpty());
  EXPECT_THAT(WithEnvironment({}, Env({{"KUBE_CONFIG_PATH", ""}})).config_paths, IsEmpty());
}

TEST(EnvironmentTest, InClusterIsNotMixedWithAnotherCluster) {
  KubernetesSettings in_cluster;
  in_cluster.in_cluster = true;
  const KubernetesSettings settings = WithEnvironment(in_cluster, Env({{"KUBE_CONFIG_PATH", "/a"},
                                                                       {"KUBE_HOST", "h"},
                                                                       {"KUBE_TOKEN", "t"},
                                                                       {"KUBECONFIG", "/d"}}));
  EXPECT_THAT(settings.config_paths, IsEmpty());
  EXPECT_EQ(settings.host, "");
  EXPECT_EQ(settings.token, "");
}

TEST(EnvironmentTest, ExplicitCredentialsAreNotMixedWithAnotherKind) {
  const Environment environment = Env({{"KUBE_TOKEN", "t"},
                                       {"KUBE_USER", "u"},
                                       {"KUBE_PASSWORD", "p"},
                                       {"KUBE_CLIENT_CERT_DATA", "c"},
                                       {"KUBE_CLIENT_KEY_DATA", "k"}});
  KubernetesSettings basic;
  basic.username = "me";
  basic = WithEnvironment(basic, environment);
  EXPECT_EQ(basic.token, "");
  EXPECT_EQ(basic.password, "p");
  EXPECT_EQ(basic.client_certificate, "");
  KubernetesSettings certificate;
  certificate.client_certificate = "mine";
  certificate = WithEnvironment(certificate, environment);
  EXPECT_EQ(certificate.token, "");
  EXPECT_EQ(certificate.client_key, "k");
  KubernetesSettings exec;
  exec.exec = ExecConfig();
  exec = WithEnvironment(exec, environment);
  EXPECT_EQ(exec.token, "");
  EXPECT_EQ(exec.username, "");
}

TEST(EnvironmentTest, Insecure) {
  EXPECT_EQ(WithEnvironment({}, Env({{"KUBE_INSECURE", "true"}})).insecure, true);
  EXPECT_EQ(WithEnvironment({}, Env({{"KUBE_INSECURE", "0"}})).insecure, false);
  EXPECT_EQ(WithEnvironment({}, Env({{"KUBE_INSECURE", "maybe"}})).insecure, std::nullopt);
  KubernetesSettings secure;
  secure.insecure = false;
  EXPECT_EQ(WithEnvironment(secure, Env({{"KUBE_INSECURE", "true"}})).insecure, false);
  KubernetesSettings authority;
  authority.cluster_ca_certificate = kCa;
  EXPECT_EQ(WithEnvironment(authority, Env({{"KUBE_INSECURE", "true"}})).insecure, std::nullopt);
}

}  // namespace
}  // namespace delivery::kubernetes
