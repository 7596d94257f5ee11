#include "resources/prometheus_block.h"

#include <mutex>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"
#include "provider/checks/url.h"
#include "resources/credential_rules.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

using Headers = Attr<std::map<std::string, Attr<std::string>>>;

void ValidateUrl(const Attr<std::string>& url, const Path& path, Diagnostics& diagnostics) {
  if (!url.is_known()) return;
  const absl::StatusOr<checks::Url> parsed = checks::ParseUrl(url.value());
  if (!parsed.ok()) {
    diagnostics.Error(path, "Invalid URL", std::string(parsed.status().message()));
  } else if (absl::StrContains(parsed->request, "?")) {
    diagnostics.Error(
        path, "Invalid URL",
        "url must be the server's base, without a query. What a request needs besides "
        "can be given in headers.");
  }
}

bool HasUser(const Attr<std::string>& url) {
  const absl::StatusOr<checks::Url> parsed = checks::ParseUrl(url.value_or(""));
  return parsed.ok() && !parsed->authorization.empty();
}

bool IsAuthorization(const std::string& name) {
  return absl::EqualsIgnoreCase(name, "Authorization");
}

bool SetsAuthorization(const Headers& headers) {
  if (!headers.is_known()) return false;
  for (const auto& [name, value] : headers.value()) {
    if (IsAuthorization(name)) return true;
  }
  return false;
}

void ValidateCredentials(const PrometheusBlock& block, const Path& path, Diagnostics& diagnostics) {
  ValidateSecret(block.password, path.Attr("password"), diagnostics);
  ValidateSecret(block.bearer_token, path.Attr("bearer_token"), diagnostics);
  const bool basic = IsGiven(block.username) || IsGiven(block.password);
  if (IsGiven(block.bearer_token) && basic) {
    diagnostics.Error(path.Attr("bearer_token"), "Two kinds of credentials",
                      "Give either bearer_token, or username and password.");
  } else if (IsGiven(block.username) != IsGiven(block.password)) {
    diagnostics.Error(path.Attr(IsGiven(block.username) ? "password" : "username"),
                      "Half of the credentials", "username and password belong together.");
  }
  const bool given = basic || IsGiven(block.bearer_token);
  if (given && HasUser(block.url)) {
    diagnostics.Error(path.Attr("url"), "Two kinds of credentials",
                      "url has a user of its own: remove it, or the other credentials.");
  }
  if ((given || HasUser(block.url)) && SetsAuthorization(block.headers)) {
    diagnostics.Error(path.Attr("headers"), "Two kinds of credentials",
                      "headers sets Authorization: remove it, or the other credentials.");
  }
}

bool IsHeaderName(const std::string& name) {
  if (name.empty()) return false;
  for (const char c : name) {
    const bool token = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                       absl::StrContains("!#$%&'*+-.^_`|~", std::string(1, c));
    if (!token) return false;
  }
  return true;
}

void ValidateHeaders(const Headers& headers, const Path& path, Diagnostics& diagnostics) {
  if (!headers.is_known()) return;
  for (const auto& [name, value] : headers.value()) {
    if (!IsHeaderName(name)) {
      diagnostics.Error(path, "Invalid header name",
                        absl::StrCat("\"", name, "\" is not the name of an HTTP header."));
      continue;
    }
    ValidateSecret(value, path.At(name), diagnostics);
  }
}

}  // namespace

const Spec<PrometheusBlock>& PrometheusBlock::Declaration() {
  using P = PrometheusBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<P>(
        "The Prometheus, or a server with its HTTP API, that metrics are asked of unless they name "
        "another one.");
    s->Field("url", &P::url)
        .Required()
        .Doc("Its base, with a prefix if there is one: `http://prometheus.example.com`.");
    s->Field("username", &P::username).Optional().Doc("User name for basic authentication.");
    s->Field("password", &P::password)
        .Optional()
        .Sensitive()
        .Doc("Password for basic authentication.");
    s->Field("bearer_token", &P::bearer_token)
        .Optional()
        .Sensitive()
        .Doc("Bearer token, instead of user name and password.");
    s->Field("ca_certificate", &P::ca_certificate)
        .Optional()
        .Doc("PEM of the certificates that the server's certificate is verified against.");
    s->Field("insecure", &P::insecure).Optional().Doc("Do not verify the server's certificate.");
    s->Field("headers", &P::headers)
        .Optional()
        .Sensitive()
        .Doc("Headers for each request, such as `X-Scope-OrgID`.");
    return s;
  }();
  return *spec;
}

void ValidatePrometheusBlock(const Attr<PrometheusBlock>& block, const Path& path,
                             Diagnostics& diagnostics) {
  if (!block.is_known()) return;
  ValidateUrl(block->url, path.Attr("url"), diagnostics);
  ValidateCredentials(block.value(), path, diagnostics);
  ValidateCertificate(block->ca_certificate, path.Attr("ca_certificate"), diagnostics);
  ValidateHeaders(block->headers, path.Attr("headers"), diagnostics);
}

std::optional<metrics::PrometheusServer> ToPrometheusServer(const Attr<PrometheusBlock>& block) {
  if (!block.is_known()) return std::nullopt;
  metrics::PrometheusServer server;
  server.url = block->url.value_or("");
  server.username = block->username.value_or("");
  server.password = block->password.value_or("");
  server.bearer_token = block->bearer_token.value_or("");
  server.ca_certificate = block->ca_certificate.value_or("");
  server.insecure = block->insecure.value_or(false);
  server.headers = KnownImages(block->headers);
  RegisterSecret(server.password);
  RegisterSecret(server.bearer_token);
  for (const auto& [name, value] : server.headers) RegisterSecret(value);
  return server;
}

metrics::TransportOf MetricTransports(
    std::function<std::shared_ptr<http::Transport>(const http::TransportOptions&)> make) {
  struct Made {
    std::mutex mutex;
    std::map<std::pair<std::string, bool>, std::shared_ptr<http::Transport>> transports;
  };
  return [make = std::move(make),
          made = std::make_shared<Made>()](const metrics::PrometheusServer& server) {
    const std::lock_guard lock(made->mutex);
    std::shared_ptr<http::Transport>& transport =
        made->transports[{server.ca_certificate, server.insecure}];
    if (transport == nullptr) {
      http::TransportOptions options;
      options.ca_certificate_pem = server.ca_certificate;
      options.insecure = server.insecure;
      transport = make(options);
    }
    return transport;
  };
}

}  // namespace delivery::resources
