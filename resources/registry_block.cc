#include "resources/registry_block.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "provider/oci/reference.h"
#include "resources/credential_rules.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

bool IsHost(const std::string& text) {
  // As the host of a reference; a host without a dot or a port would be taken for a path there.
  const absl::StatusOr<oci::Reference> reference = oci::ParseReference(
      absl::StrCat(text, text.find(':') == std::string::npos ? ":443" : "", "/repository"));
  return reference.ok() && reference->repository == "repository";
}

void ValidateHost(const std::string& host, const Path& path, std::set<std::string>& hosts,
                  Diagnostics& diagnostics) {
  if (!IsHost(host)) {
    diagnostics.Error(path, "Invalid registry host",
                      absl::StrCat("\"", host,
                                   "\" is not a host with an optional port. Give it as image "
                                   "references begin: without https:// and without a path."));
  } else if (!hosts.insert(oci::CanonicalHost(host)).second) {
    diagnostics.Error(path, "Registry configured twice",
                      absl::StrCat("There is another registry block for ", host, "."));
  }
}

void ValidateCredential(const RegistryBlock& block, const Path& path, Diagnostics& diagnostics) {
  ValidateSecret(block.password, path.Attr("password"), diagnostics);
  ValidateSecret(block.token, path.Attr("token"), diagnostics);
  if (IsGiven(block.token) && (IsGiven(block.username) || IsGiven(block.password))) {
    diagnostics.Error(path.Attr("token"), "Two kinds of credentials",
                      "Give either token, or username and password.");
  } else if (IsGiven(block.username) != IsGiven(block.password)) {
    diagnostics.Error(path.Attr(IsGiven(block.username) ? "password" : "username"),
                      "Half of the credentials", "username and password belong together.");
  }
}

void ValidateTrust(const RegistryBlock& block, const Path& path, Diagnostics& diagnostics) {
  ValidateCertificate(block.ca_certificate, path.Attr("ca_certificate"), diagnostics);
  const bool verifies_nothing = block.insecure.value_or(false) || IsGiven(block.ca_certificate);
  if (block.plain_http.value_or(false) && verifies_nothing) {
    diagnostics.Error(path.Attr("plain_http"), "No TLS, and how to verify it",
                      "With plain_http there is no certificate: remove ca_certificate and "
                      "insecure, or plain_http.");
  }
}

}  // namespace

const Spec<RegistryBlock>& RegistryBlock::Declaration() {
  using R = RegistryBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<R>(
        "A container registry, any number of them. Without a block, or without credentials in it, "
        "docker's `config.json` (`$DOCKER_CONFIG`, else `~/.docker`) and its credential helpers "
        "are used.");
    s->Field("host", &R::host)
        .Required()
        .Doc("Host and port as image references begin: `registry.example.com`.");
    s->Field("username", &R::username).Optional().Doc("User name.");
    s->Field("password", &R::password).Optional().Sensitive().Doc("Its password, or access token.");
    s->Field("token", &R::token)
        .Optional()
        .Sensitive()
        .Doc("Bearer token that is sent to the registry as it is.");
    s->Field("ca_certificate", &R::ca_certificate)
        .Optional()
        .Doc("PEM of the certificates that the registry's certificate is verified against.");
    s->Field("plain_http", &R::plain_http).Optional().Doc("Use http instead of https.");
    s->Field("insecure", &R::insecure).Optional().Doc("Do not verify the registry's certificate.");
    return s;
  }();
  return *spec;
}

void ValidateRegistryBlocks(const Attr<std::vector<RegistryBlock>>& blocks,
                            Diagnostics& diagnostics) {
  if (!blocks.is_known()) return;
  std::set<std::string> hosts;
  for (size_t i = 0; i < blocks.value().size(); ++i) {
    const RegistryBlock& block = blocks.value()[i];
    const Path path = Path::Of("registry").At(static_cast<int64_t>(i));
    if (block.host.is_known()) {
      ValidateHost(block.host.value(), path.Attr("host"), hosts, diagnostics);
    }
    ValidateCredential(block, path, diagnostics);
    ValidateTrust(block, path, diagnostics);
  }
}

std::vector<RegistrySettings> ToRegistrySettings(const Attr<std::vector<RegistryBlock>>& blocks) {
  std::vector<RegistrySettings> settings;
  if (!blocks.is_known()) return settings;
  for (const RegistryBlock& block : blocks.value()) {
    RegistrySettings one;
    one.host = block.host.value_or("");
    one.credential.username = block.username.value_or("");
    one.credential.password = block.password.value_or("");
    one.credential.registry_token = block.token.value_or("");
    oci::RegisterSecrets(one.credential);
    one.options.ca_certificate_pem = block.ca_certificate.value_or("");
    one.options.plain_http = block.plain_http.value_or(false);
    one.options.insecure = block.insecure.value_or(false);
    settings.push_back(std::move(one));
  }
  return settings;
}

}  // namespace delivery::resources
