#include "resources/provider.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/redact.h"
#include "provider/http/scripted_transport.h"
#include "provider/kubernetes/rest_api.h"
#include "provider/schema/rules.h"
#include "provider/system/test_folder.h"
#include "resources/workload_fixture.h"
#include "tests/support/fake_kube_api.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using value::Type;
using value::Value;

constexpr char kKubeconfig[] = R"(
apiVersion: v1
kind: Config
current-context: main
contexts:
- {name: main, context: {cluster: c, user: u, namespace: team}}
- {name: other, context: {cluster: c, user: u, namespace: elsewhere}}
clusters:
- {name: c, cluster: {server: "https://file.test:6443"}}
users:
- {name: u, user: {token: file-token}}
)";

class ProviderTest : public ::testing::Test {
 protected:
  // The provider's block with these arguments; the others are null.
  Value Config(const Value::Map& arguments = {}) const {
    return With(EmptyBlock(provider_->schema().block), arguments);
  }
  // Its kubernetes block.
  Value Kubernetes(const Value::Map& arguments = {}) const {
    return With(EmptyBlock(BlockOf(provider_->schema().block, "kubernetes")), arguments);
  }
  Value Exec(const Value::Map& arguments) const {
    return With(EmptyBlock(BlockOf(BlockOf(provider_->schema().block, "kubernetes"), "exec")),
                arguments);
  }
  Value PrometheusConfig(const Value::Map& arguments) const {
    return Config({{"kubernetes", Kubernetes({{"host", Text("https://a.test")}})},
                   {"prometheus", With(EmptyBlock(BlockOf(provider_->schema().block, "prometheus")),
                                       arguments)}});
  }
  Value KubernetesConfig(const Value::Map& arguments) const {
    return Config({{"kubernetes", Kubernetes(arguments)}});
  }

  std::vector<std::string> Validate(const Value& config) const {
    return Said(provider_->Validate(config));
  }
  std::vector<std::string> Configure(const Value& config) {
    return Said(provider_->Configure(config, "1.9.0"));
  }

  const plugin::Resource& rollout() const { return *provider_->resources().front(); }
  plugin::PlanResponse Plan(const Json& manifest) const {
    Value::Map members = EmptyBlock(rollout().schema().block);
    members["manifest"] = value::FromPlainJson(manifest);
    const Value config = Value::Object(std::move(members));
    const Value none = Value::Null(rollout().schema().block.ImpliedType());
    return rollout().Plan({}, {config, none, config, "", Value()});
  }

  static Value Text(const std::string& text) { return Value::String(text); }
  static Value Texts(const std::vector<std::string>& texts) {
    Value::List list;
    for (const std::string& text : texts) list.push_back(Text(text));
    return Value::MakeList(Type::String(), std::move(list));
  }

  const system::TestFolder folder_;
  std::map<std::string, std::string> environment_;
  const std::shared_ptr<testing::FakeKubeApi> kube_ = std::make_shared<testing::FakeKubeApi>();
  // What clients were asked for, in order.
  std::vector<kubernetes::ClusterConfig> clusters_;
  const std::unique_ptr<plugin::Provider> provider_ = MakeProvider(
      Clock::Real(),
      [this](const std::string& name) -> std::optional<std::string> {
        const auto found = environment_.find(name);
        if (found == environment_.end()) return std::nullopt;
        return found->second;
      },
      [this](const kubernetes::ClusterConfig& config) {
        clusters_.push_back(config);
        return kubernetes::MakeRestApi(
            config, kubernetes::MakeCredentialSource(config, Clock::Real()),
            [this](const auto&) { return kube_; }, Clock::Real());
      },
      // Outside of the cluster nothing answers.
      [](const auto&) { return std::make_shared<http::ScriptedTransport>(); });

 private:
  static Value With(Value::Map members, const Value::Map& arguments) {
    for (const auto& [name, argument] : arguments) members[name] = argument;
    return Value::Object(std::move(members));
  }
  static const schema::Block& BlockOf(const schema::Block& block, const std::string& name) {
    for (const schema::BlockType& nested : block.blocks) {
      if (nested.name == name) return nested.block;
    }
    ADD_FAILURE() << "no block " << name;
    return block;
  }
};

// ---- What is declared

TEST_F(ProviderTest, DeclarationsHaveNoProblems) {
  EXPECT_THAT(schema::BlockProblems(provider_->schema().block), IsEmpty());
  for (const plugin::Resource* resource : provider_->resources()) {
    EXPECT_THAT(schema::BlockProblems(resource->schema().block), IsEmpty())
        << resource->type_name();
  }
}

TEST_F(ProviderTest, ItsFirstResourceIsTheRollout) {
  EXPECT_EQ(rollout().type_name(), "delivery_rollout");
}

TEST_F(ProviderTest, CredentialsAreSensitive) {
  std::vector<std::string> sensitive;
  for (const schema::BlockType& block : provider_->schema().block.blocks) {
    for (const schema::Attribute& attribute : block.block.attributes) {
      if (attribute.sensitive) sensitive.push_back(attribute.name);
    }
  }
  EXPECT_THAT(sensitive, ElementsAre("token", "password", "client_key", "password", "token",
                                     "password", "bearer_token", "headers"));
}

// ---- Validate

TEST_F(ProviderTest, NothingNeedsToBeGiven) {
  EXPECT_THAT(Validate(Config()), IsEmpty());
  EXPECT_THAT(Validate(KubernetesConfig({})), IsEmpty());
}

TEST_F(ProviderTest, WhatIsUnknownIsValid) {
  EXPECT_THAT(Validate(Config({{"kubernetes", Value::Unknown(Kubernetes().type())},
                               {"preflight", Value::Unknown(Type::String())}})),
              IsEmpty());
  EXPECT_THAT(
      Validate(KubernetesConfig({{"config_path", Value::Unknown(Type::String())},
                                 {"config_paths", Value::Unknown(Type::List(Type::String()))}})),
      IsEmpty());
}

TEST_F(ProviderTest, MistakesAreSaidAtTheirPlaces) {
  EXPECT_THAT(Validate(Config(
                  {{"preflight", Text("maybe")},
                   {"kubernetes", Kubernetes({{"config_path", Text("a")},
                                              {"config_paths", Texts({"b"})},
                                              {"exec", Exec({{"api_version", Text("v1")}})}})}})),
              ::testing::UnorderedElementsAre(
                  AllOf(StartsWith("error at preflight: "), HasSubstr("\"warn\"")),
                  StartsWith("error at kubernetes.config_paths: "),
                  AllOf(StartsWith("error at kubernetes.exec.api_version: "),
                        HasSubstr("client.authentication.k8s.io/v1")),
                  StartsWith("error at kubernetes.exec.command: ")));
}

TEST_F(ProviderTest, AGoodExecBlockIsValid) {
  EXPECT_THAT(Validate(KubernetesConfig(
                  {{"host", Text("https://a.test")},
                   {"exec", Exec({{"api_version", Text("client.authentication.k8s.io/v1beta1")},
                                  {"command", Text("aws")}})}})),
              IsEmpty());
}

// ---- Configure

TEST_F(ProviderTest, TheBlockSaysWhereTheClusterIs) {
  EXPECT_THAT(Configure(KubernetesConfig({{"host", Text("https://block.test/")},
                                          {"token", Text("block-token")},
                                          {"tls_server_name", Text("inner.test")},
                                          {"proxy_url", Text("http://proxy.test")},
                                          {"insecure", Value::Bool(true)}})),
              IsEmpty());
  ASSERT_EQ(clusters_.size(), 1u);
  EXPECT_EQ(clusters_[0].server, "https://block.test");
  EXPECT_EQ(clusters_[0].token, "block-token");
  EXPECT_EQ(clusters_[0].tls_server_name, "inner.test");
  EXPECT_EQ(clusters_[0].proxy_url, "http://proxy.test");
  EXPECT_TRUE(clusters_[0].insecure);
  EXPECT_EQ(clusters_[0].default_namespace, "default");
}

TEST_F(ProviderTest, KubeconfigsComeFromTheBlock) {
  const std::string path = folder_.Write("config", kKubeconfig);
  const std::vector<Value::Map> ways = {{{"config_path", Text(path)}},
                                        {{"config_paths", Texts({path})}}};
  for (const Value::Map& way : ways) {
    clusters_.clear();
    EXPECT_THAT(Configure(KubernetesConfig(way)), IsEmpty());
    ASSERT_EQ(clusters_.size(), 1u);
    EXPECT_EQ(clusters_[0].server, "https://file.test:6443");
    EXPECT_EQ(clusters_[0].token, "file-token");
  }
}

TEST_F(ProviderTest, TheContextIsChosenByTheBlockAndGivesTheNamespace) {
  const std::string path = folder_.Write("config", kKubeconfig);
  kube_->AddNamespace("elsewhere");
  EXPECT_THAT(
      Configure(KubernetesConfig({{"config_path", Text(path)}, {"config_context", Text("other")}})),
      IsEmpty());
  Json manifest = WebManifest();
  manifest["metadata"].erase("namespace");
  EXPECT_EQ(Plan(manifest).planned.Get("id"), Text("elsewhere/web"));
}

TEST_F(ProviderTest, TheEnvironmentFillsWhatTheBlockLeavesOpen) {
  environment_ = {{"KUBE_HOST", "https://environment.test"}, {"KUBE_TOKEN", "environment-token"}};
  EXPECT_THAT(Configure(Config()), IsEmpty());
  EXPECT_THAT(Configure(KubernetesConfig({{"token", Text("block-token")}})), IsEmpty());
  ASSERT_EQ(clusters_.size(), 2u);
  EXPECT_EQ(clusters_[0].server, "https://environment.test");
  EXPECT_EQ(clusters_[0].token, "environment-token");
  EXPECT_EQ(clusters_[1].server, "https://environment.test");
  EXPECT_EQ(clusters_[1].token, "block-token");
}

TEST_F(ProviderTest, EmptyTextIsNotGiven) {
  environment_ = {{"KUBECONFIG", folder_.Write("config", kKubeconfig)}};
  EXPECT_THAT(Configure(KubernetesConfig({{"config_path", Text("")}, {"host", Text("")}})),
              IsEmpty());
  ASSERT_EQ(clusters_.size(), 1u);
  EXPECT_EQ(clusters_[0].server, "https://file.test:6443");
}

TEST_F(ProviderTest, AnExecBlockIsHandedOver) {
  const Value environment = Value::MakeMap(Type::String(), {{"AWS_PROFILE", Text("prod")}});
  EXPECT_THAT(Configure(KubernetesConfig(
                  {{"host", Text("https://a.test")},
                   {"exec", Exec({{"api_version", Text("client.authentication.k8s.io/v1")},
                                  {"command", Text("aws")},
                                  {"args", Texts({"eks", "get-token"})},
                                  {"env", environment}})}})),
              IsEmpty());
  ASSERT_EQ(clusters_.size(), 1u);
  ASSERT_TRUE(clusters_[0].exec.has_value());
  EXPECT_EQ(clusters_[0].exec->api_version, "client.authentication.k8s.io/v1");
  EXPECT_EQ(clusters_[0].exec->command, "aws");
  EXPECT_THAT(clusters_[0].exec->args, ElementsAre("eks", "get-token"));
  EXPECT_THAT(clusters_[0].exec->env, ElementsAre(::testing::Pair("AWS_PROFILE", "prod")));
}

TEST_F(ProviderTest, NoClientConnectsBeforeItIsNeeded) {
  Configure(KubernetesConfig({{"host", Text("https://a.test")}}));
  EXPECT_THAT(kube_->requests(), IsEmpty());
}

TEST_F(ProviderTest, SecretsOfTheBlockAreRedacted) {
  Configure(KubernetesConfig({{"host", Text("https://a.test")}, {"token", Text("geheim-4711")}}));
  EXPECT_THAT(Redact("the token is geheim-4711."), Not(HasSubstr("geheim-4711")));
}

TEST_F(ProviderTest, ThePrometheusBlockIsValidatedAndItsSecretsAreRedacted) {
  EXPECT_THAT(Validate(PrometheusConfig({{"url", Text("prometheus:9090")}})),
              ElementsAre(StartsWith("error at prometheus.url: Invalid URL")));
  const Value right =
      PrometheusConfig({{"url", Text("http://p.test")}, {"bearer_token", Text("geheim-08")}});
  EXPECT_THAT(Validate(right), IsEmpty());
  EXPECT_THAT(Configure(right), IsEmpty());
  EXPECT_THAT(Redact("the token is geheim-08."), Not(HasSubstr("geheim-08")));
}

// A Prometheus that the same apply makes does not keep the cluster from being read.
TEST_F(ProviderTest, AnUnknownPrometheusLeavesTheClusterKnown) {
  EXPECT_THAT(Configure(PrometheusConfig({{"url", Value::Unknown(Type::String())}})), IsEmpty());
  EXPECT_EQ(clusters_.size(), 1u);
}

struct BadConfigCase {
  std::string name;
  Value::Map arguments;
  std::string said;
};
void PrintTo(const BadConfigCase& test, std::ostream* out) { *out << test.name; }
class BadConfigTest : public ProviderTest, public ::testing::WithParamInterface<BadConfigCase> {};

TEST_P(BadConfigTest, IsAnErrorAtTheBlockAndMakesNoClient) {
  EXPECT_THAT(Configure(KubernetesConfig(GetParam().arguments)),
              ElementsAre(AllOf(StartsWith("error at kubernetes: Invalid Kubernetes "
                                           "configuration: "),
                                HasSubstr(GetParam().said), Not(HasSubstr("geheim")))));
  EXPECT_THAT(clusters_, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    , BadConfigTest,
    ::testing::Values(
        BadConfigCase{"NothingAtAll", {}, "no Kubernetes cluster is configured"},
        BadConfigCase{
            "AMissingFile", {{"config_path", Value::String("/nowhere/config")}}, "/nowhere/config"},
        BadConfigCase{"ABadHost",
                      {{"host", Value::String("https://user:geheim@a.test")}},
                      "must look like https://host:port"},
        BadConfigCase{"TwoCredentials",
                      {{"host", Value::String("https://a.test")},
                       {"token", Value::String("geheim-1")},
                       {"username", Value::String("u")},
                       {"password", Value::String("geheim-2")}},
                      "exclude each other"},
        BadConfigCase{"ACertificateWithoutItsKey",
                      {{"host", Value::String("https://a.test")},
                       {"client_certificate", Value::String("-----BEGIN CERTIFICATE-----")}},
                      "belong together"},
        BadConfigCase{
            "InClusterAndAHost",
            {{"host", Value::String("https://a.test")}, {"in_cluster", Value::Bool(true)}},
            "in_cluster cannot be combined"},
        BadConfigCase{
            "InClusterOutside", {{"in_cluster", Value::Bool(true)}}, "this does not run in a pod"}),
    [](const auto& test) { return test.param.name; });

// A configuration that only uses functions needs no cluster.
TEST_F(ProviderTest, WithoutABlockOnlyAResourceMissesTheCluster) {
  EXPECT_THAT(Configure(Config()), IsEmpty());
  const Value none = Value::Null(rollout().schema().block.ImpliedType());
  const plugin::ReadResponse imported = rollout().Import({}, {"shop/web", Value()});
  EXPECT_THAT(Said(imported.diagnostics),
              ElementsAre(AllOf(HasSubstr("no Kubernetes cluster is configured"),
                                HasSubstr("KUBECONFIG"))));
}

TEST_F(ProviderTest, ABrokenEnvironmentIsAnErrorEvenWithoutABlock) {
  environment_ = {{"KUBE_CONFIG_PATH", "/nowhere/config"}};
  EXPECT_THAT(Configure(Config()), ElementsAre(HasSubstr("/nowhere/config")));
}

TEST_F(ProviderTest, AnUnknownConfigurationIsPlannedWithoutTheCluster) {
  environment_ = {{"KUBE_HOST", "https://wrong.test"}};
  EXPECT_THAT(Configure(KubernetesConfig({{"host", Value::Unknown(Type::String())}})), IsEmpty());
  EXPECT_THAT(Said(Plan(WebManifest()).diagnostics),
              ElementsAre(StartsWith("warning: Planned without the cluster")));
  EXPECT_THAT(clusters_, IsEmpty());
}

TEST_F(ProviderTest, ALaterConfigurationReplacesTheEarlierOne) {
  Configure(KubernetesConfig({{"host", Value::Unknown(Type::String())}}));
  EXPECT_THAT(Configure(KubernetesConfig({{"host", Text("https://a.test")}})), IsEmpty());
  kube_->AddNamespace("shop");
  EXPECT_THAT(Said(Plan(WebManifest()).diagnostics), IsEmpty());
  Configure(KubernetesConfig({{"config_path", Text("/nowhere/config")}}));
  const plugin::ReadResponse imported = rollout().Import({}, {"shop/web", Value()});
  EXPECT_THAT(Said(imported.diagnostics), ElementsAre(HasSubstr("/nowhere/config")));
}

struct PreflightCase {
  std::string name;
  Value preflight;
  std::vector<std::string> severities;
};
void PrintTo(const PreflightCase& test, std::ostream* out) { *out << test.name; }
class ProviderPreflightTest : public ProviderTest,
                              public ::testing::WithParamInterface<PreflightCase> {};

TEST_P(ProviderPreflightTest, DecidesHowLoudAFindingIs) {
  EXPECT_THAT(Configure(Config({{"kubernetes", Kubernetes({{"host", Text("https://a.test")}})},
                                {"preflight", GetParam().preflight}})),
              IsEmpty());
  // There is no namespace "shop".
  std::vector<std::string> severities;
  for (const std::string& said : Said(Plan(WebManifest()).diagnostics)) {
    severities.push_back(said.substr(0, said.find(' ')));
  }
  EXPECT_EQ(severities, GetParam().severities);
}

INSTANTIATE_TEST_SUITE_P(
    , ProviderPreflightTest,
    ::testing::Values(PreflightCase{"Default", Value::Null(Type::String()), {"warning"}},
                      PreflightCase{"Warn", Value::String("warn"), {"warning"}},
                      PreflightCase{"Error", Value::String("error"), {"error"}},
                      PreflightCase{"Off", Value::String("off"), {}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::resources
