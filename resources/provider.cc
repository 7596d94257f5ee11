#include "resources/provider.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"
#include "provider/schema/spec.h"
#include "resources/catalog.h"
#include "resources/cluster.h"
#include "resources/prometheus_block.h"
#include "resources/registry_block.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

struct ExecBlock {
  Attr<std::string> api_version;
  Attr<std::string> command;
  Attr<std::vector<Attr<std::string>>> args;
  Attr<std::map<std::string, Attr<std::string>>> env;

  static const Spec<ExecBlock>& Declaration() {
    static const auto* const spec = [] {
      auto* s = new Spec<ExecBlock>(
          "A credential plugin that is run to obtain a token or "
          "certificate, for example `aws eks get-token`.");
      s->Field("api_version", &ExecBlock::api_version)
          .Required()
          .OneOf({"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"})
          .Doc("Version of the exec protocol.");
      s->Field("command", &ExecBlock::command).Required().Doc("The program, looked up in PATH.");
      s->Field("args", &ExecBlock::args).Optional().Doc("Its arguments.");
      s->Field("env", &ExecBlock::env).Optional().Doc("Environment variables added for it.");
      return s;
    }();
    return *spec;
  }
};

struct KubernetesBlock {
  Attr<std::string> config_path;
  Attr<std::vector<Attr<std::string>>> config_paths;
  Attr<std::string> config_context;
  Attr<std::string> config_context_cluster;
  Attr<std::string> config_context_auth_info;
  Attr<std::string> host;
  Attr<std::string> token;
  Attr<std::string> username;
  Attr<std::string> password;
  Attr<std::string> client_certificate;
  Attr<std::string> client_key;
  Attr<std::string> cluster_ca_certificate;
  Attr<bool> insecure;
  Attr<std::string> tls_server_name;
  Attr<std::string> proxy_url;
  Attr<bool> in_cluster;
  Attr<ExecBlock> exec;

  static const Spec<KubernetesBlock>& Declaration() {
    using K = KubernetesBlock;
    static const auto* const spec = [] {
      auto* s = new Spec<K>(
          "How the cluster is reached. What is not given comes from the environment variables of "
          "the `hashicorp/kubernetes` provider (`KUBE_CONFIG_PATH`, `KUBE_HOST`, ...), then from "
          "`KUBECONFIG`. There is no fallback to localhost.");
      s->Field("config_path", &K::config_path).Optional().Doc("Path of a kubeconfig file.");
      s->Field("config_paths", &K::config_paths)
          .Optional()
          .Doc("Paths of kubeconfig files, merged as kubectl merges them.");
      s->Field("config_context", &K::config_context).Optional().Doc("Context to use.");
      s->Field("config_context_cluster", &K::config_context_cluster)
          .Optional()
          .Doc("Cluster to use instead of the context's.");
      s->Field("config_context_auth_info", &K::config_context_auth_info)
          .Optional()
          .Doc("User to use instead of the context's.");
      s->Field("host", &K::host).Optional().Doc("URL of the API server.");
      s->Field("token", &K::token).Optional().Sensitive().Doc("Bearer token.");
      s->Field("username", &K::username).Optional().Doc("User name for basic authentication.");
      s->Field("password", &K::password)
          .Optional()
          .Sensitive()
          .Doc("Password for basic authentication.");
      s->Field("client_certificate", &K::client_certificate)
          .Optional()
          .Doc("PEM of the client certificate.");
      s->Field("client_key", &K::client_key)
          .Optional()
          .Sensitive()
          .Doc("PEM of the client certificate's key.");
      s->Field("cluster_ca_certificate", &K::cluster_ca_certificate)
          .Optional()
          .Doc("PEM of the certificates that the API server's certificate is verified against.");
      s->Field("insecure", &K::insecure)
          .Optional()
          .Doc("Do not verify the API server's certificate.");
      s->Field("tls_server_name", &K::tls_server_name)
          .Optional()
          .Doc("Name to verify the API server's certificate for, instead of the host's.");
      s->Field("proxy_url", &K::proxy_url).Optional().Doc("Proxy for requests to the API server.");
      s->Field("in_cluster", &K::in_cluster)
          .Optional()
          .Doc("Use the service account of the pod that the provider runs in.");
      s->Block("exec", &K::exec);
      return s;
    }();
    return *spec;
  }
};

struct ProviderModel {
  Attr<KubernetesBlock> kubernetes;
  Attr<std::vector<RegistryBlock>> registry;
  Attr<PrometheusBlock> prometheus;
  Attr<std::string> preflight;
  Attr<std::string> progress_file;

  static const Spec<ProviderModel>& Declaration() {
    static const auto* const spec = [] {
      auto* s = new Spec<ProviderModel>(
          "Progressive delivery for Kubernetes: releases of workloads as resources, with their "
          "steps in the plan, checks, rollback and drift detection.");
      s->Block("kubernetes", &ProviderModel::kubernetes);
      s->BlockList("registry", &ProviderModel::registry);
      s->Block("prometheus", &ProviderModel::prometheus);
      s->Field("preflight", &ProviderModel::preflight)
          .Optional()
          .OneOf({"warn", "error", "off"})
          .Doc(
              "What plan does with what it finds in the cluster that apply would trip on: "
              "`warn` (default), `error` or `off`.");
      s->Field("progress_file", &ProviderModel::progress_file)
          .Optional()
          .Doc(
              "File to which apply appends a line for each transition of a release, to be followed "
              "while it runs. Events on the workload say the same.");
      return s;
    }();
    return *spec;
  }
};

std::map<std::string, std::string> KnownEntries(
    const Attr<std::map<std::string, Attr<std::string>>>& map) {
  return KnownImages(map);
}

kubernetes::KubernetesSettings ToSettings(const KubernetesBlock& block) {
  kubernetes::KubernetesSettings settings;
  settings.config_paths = KnownStrings(block.config_paths);
  if (block.config_path.is_known()) settings.config_paths.push_back(block.config_path.value());
  // Empty text is not given, as with the other arguments.
  std::erase(settings.config_paths, "");
  settings.config_context = block.config_context.value_or("");
  settings.config_context_cluster = block.config_context_cluster.value_or("");
  settings.config_context_auth_info = block.config_context_auth_info.value_or("");
  settings.host = block.host.value_or("");
  settings.token = block.token.value_or("");
  settings.username = block.username.value_or("");
  settings.password = block.password.value_or("");
  settings.client_certificate = block.client_certificate.value_or("");
  settings.client_key = block.client_key.value_or("");
  settings.cluster_ca_certificate = block.cluster_ca_certificate.value_or("");
  if (block.insecure.is_known()) settings.insecure = block.insecure.value();
  settings.tls_server_name = block.tls_server_name.value_or("");
  settings.proxy_url = block.proxy_url.value_or("");
  settings.in_cluster = block.in_cluster.value_or(false);
  if (block.exec.is_known()) {
    settings.exec = kubernetes::ExecConfig{
        block.exec->api_version.value_or(""), block.exec->command.value_or(""),
        KnownStrings(block.exec->args), KnownEntries(block.exec->env), false};
  }
  for (const std::string& secret : {settings.token, settings.password, settings.client_key}) {
    RegisterSecret(secret);
  }
  return settings;
}

Preflight ToPreflight(const std::string& text) {
  if (text == "error") return Preflight::kError;
  return text == "off" ? Preflight::kOff : Preflight::kWarn;
}

// A transport for URLs that is made when it is first needed. Thread-safe.
std::function<std::shared_ptr<http::Transport>()> MadeOnce(TransportFactory make) {
  struct Once {
    std::once_flag made;
    std::shared_ptr<http::Transport> transport;
  };
  return [make = std::move(make), once = std::make_shared<Once>()] {
    std::call_once(once->made, [&] { once->transport = make(http::TransportOptions()); });
    return once->transport;
  };
}

class DeliveryProvider final : public plugin::Provider {
 public:
  DeliveryProvider(Clock& clock, kubernetes::Environment environment, ApiFactory make_api,
                   TransportFactory make_transport)
      : environment_(std::move(environment)),
        make_api_(std::move(make_api)),
        url_transport_(MadeOnce(make_transport)),
        metric_transport_(MetricTransports(make_transport)),
        cluster_(clock),
        registries_(clock, environment_, std::move(make_transport)),
        schema_{0, ProviderModel::Declaration().Describe()},
        resources_(MakeResources(cluster_, registries_)),
        data_sources_(MakeDataSources(registries_)),
        functions_(MakeFunctions()) {}

  const schema::Schema& schema() const override { return schema_; }

  Diagnostics Validate(const value::Value& config) const override {
    Diagnostics diagnostics;
    const ProviderModel model = ProviderModel::Declaration().Decode(config, {}, diagnostics);
    ProviderModel::Declaration().Validate(model, {}, diagnostics);
    if (model.kubernetes.is_known() && model.kubernetes->config_path.is_known() &&
        model.kubernetes->config_paths.is_known()) {
      diagnostics.Error(Path::Of("kubernetes").Attr("config_paths"), "Two kinds of path",
                        "Give either config_path or config_paths.");
    }
    ValidateRegistryBlocks(model.registry, diagnostics);
    ValidatePrometheusBlock(model.prometheus, Path::Of("prometheus"), diagnostics);
    return diagnostics;
  }

  Diagnostics Configure(const value::Value& config, const std::string&) override {
    Diagnostics diagnostics;
    const ProviderModel model = ProviderModel::Declaration().Decode(config, {}, diagnostics);
    if (diagnostics.HasErrors()) return diagnostics;
    ConfigureRegistries(config, model);
    ConfigureCluster(config, model, diagnostics);
    return diagnostics;
  }

  std::vector<const plugin::Resource*> resources() const override {
    return Pointers<plugin::Resource>(resources_);
  }
  std::vector<const plugin::DataSource*> data_sources() const override {
    return Pointers<plugin::DataSource>(data_sources_);
  }
  std::vector<const plugin::Function*> functions() const override {
    return Pointers<plugin::Function>(functions_);
  }

 private:
  template <typename T>
  static std::vector<const T*> Pointers(const std::vector<std::unique_ptr<T>>& owned) {
    std::vector<const T*> list;
    for (const auto& one : owned) list.push_back(one.get());
    return list;
  }

  // What is not known of the cluster does not keep images from being selected, and the other way
  // round.
  void ConfigureRegistries(const value::Value& config, const ProviderModel& model) {
    if (config.Get("registry").IsWhollyKnown()) {
      registries_.Set(ToRegistrySettings(model.registry));
    } else {
      registries_.SetUnknown();
    }
  }

  void ConfigureCluster(const value::Value& config, const ProviderModel& model,
                        Diagnostics& diagnostics) {
    for (const char* part : {"kubernetes", "preflight", "progress_file"}) {
      if (config.Get(part).IsWhollyKnown()) continue;
      cluster_.SetUnknown();
      return;
    }
    const KubernetesBlock block =
        model.kubernetes.is_known() ? model.kubernetes.value() : KubernetesBlock();
    const kubernetes::KubernetesSettings settings =
        kubernetes::WithEnvironment(ToSettings(block), environment_);
    const absl::StatusOr<kubernetes::ClusterConfig> resolved =
        kubernetes::ResolveClusterConfig(settings, environment_);
    if (!resolved.ok()) {
      // Nothing configured at all matters only to a resource that needs the cluster.
      cluster_.SetUnavailable(resolved.status());
      if (model.kubernetes.is_known() || !absl::IsFailedPrecondition(resolved.status())) {
        diagnostics.Error(Path::Of("kubernetes"), "Invalid Kubernetes configuration",
                          std::string(resolved.status().message()));
      }
      return;
    }
    Connection connection;
    connection.api = make_api_(*resolved);
    connection.url_transport = url_transport_;
    connection.prometheus_unknown = !config.Get("prometheus").IsWhollyKnown();
    if (!connection.prometheus_unknown) {
      connection.prometheus = ToPrometheusServer(model.prometheus);
    }
    connection.metric_transport = metric_transport_;
    connection.registries = &registries_;
    connection.default_namespace = resolved->default_namespace;
    connection.preflight = ToPreflight(model.preflight.value_or("warn"));
    if (!model.progress_file.value_or("").empty()) {
      connection.progress_file =
          std::make_shared<runner::ProgressFile>(model.progress_file.value());
    }
    cluster_.Set(std::move(connection));
  }

  const kubernetes::Environment environment_;
  const ApiFactory make_api_;
  const std::function<std::shared_ptr<http::Transport>()> url_transport_;
  const metrics::TransportOf metric_transport_;
  Cluster cluster_;
  Registries registries_;
  const schema::Schema schema_;
  const std::vector<std::unique_ptr<plugin::Resource>> resources_;
  const std::vector<std::unique_ptr<plugin::DataSource>> data_sources_;
  const std::vector<std::unique_ptr<plugin::Function>> functions_;
};

}  // namespace

std::unique_ptr<plugin::Provider> MakeProvider(Clock& clock, kubernetes::Environment environment,
                                               ApiFactory make_api,
                                               TransportFactory make_transport) {
  return std::make_unique<DeliveryProvider>(clock, std::move(environment), std::move(make_api),
                                            std::move(make_transport));
}

}  // namespace delivery::resources
