// Composition root: wires clock, transports, clients and the catalog, and hands over to the plugin
// layer. Run by Terraform it serves the provider protocol; run by a person it has a few
// subcommands.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "provider/base/clock.h"
#include "provider/http/curl_transport.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/rest_api.h"
#include "provider/plugin/serve.h"
#include "resources/docs.h"
#include "resources/provider.h"

namespace {

using delivery::Clock;

std::optional<std::string> FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::shared_ptr<delivery::kubernetes::Api> MakeApi(
    const delivery::kubernetes::ClusterConfig& config) {
  std::shared_ptr<delivery::kubernetes::CredentialSource> credentials =
      delivery::kubernetes::MakeCredentialSource(config, Clock::Real());
  return delivery::kubernetes::MakeRestApi(config, std::move(credentials),
                                           delivery::http::MakeCurlTransport, Clock::Real());
}

int PrintUsage(std::FILE* to, int code) {
  std::fputs(
      "terraform-provider-delivery is a Terraform and OpenTofu provider; Terraform starts it.\n"
      "\n"
      "  terraform-provider-delivery version       print the version\n"
      "  terraform-provider-delivery docs DIR      write the reference documentation\n"
      "  terraform-provider-delivery debug         serve for TF_REATTACH_PROVIDERS\n",
      to);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "version") {
    std::puts(DELIVERY_VERSION);
    return 0;
  }
  if (command == "help" || command == "--help") return PrintUsage(stdout, 0);
  const std::unique_ptr<delivery::plugin::Provider> provider = delivery::resources::MakeProvider(
      Clock::Real(), FromEnvironment, MakeApi, delivery::http::MakeCurlTransport);
  if (command == "docs") {
    if (argc != 3) return PrintUsage(stderr, 2);
    const absl::Status written = delivery::resources::WriteDocs(*provider, argv[2]);
    if (!written.ok()) std::fprintf(stderr, "%s\n", std::string(written.message()).c_str());
    return written.ok() ? 0 : 1;
  }
  if (!command.empty() && command != "debug") return PrintUsage(stderr, 2);
  delivery::plugin::ServeOptions options;
  options.debug = command == "debug";
  options.version = DELIVERY_VERSION;
  return delivery::plugin::Serve(*provider, options);
}
