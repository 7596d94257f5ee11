// Composition root: wires clock, transports, clients and the catalog, and hands over to the plugin
// layer. Run by Terraform it serves the provider protocol; run by a person it has a few commands
// (resources/command_line.h).
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/base/clock.h"
#include "provider/http/curl_transport.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/rest_api.h"
#include "provider/plugin/handshake.h"
#include "provider/plugin/serve.h"
#include "resources/command_line.h"
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

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  delivery::plugin::ServeOptions options;
  options.debug = !arguments.empty();
  options.version = DELIVERY_VERSION;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const delivery::resources::Console console{.version = options.version,
                                             .provider_address = options.provider_address,
                                             .out = std::cout,
                                             .errors = std::cerr,
                                             .progress = terminal,
                                             .colours = terminal && !FromEnvironment("NO_COLOR")};
  if (arguments.empty() && !delivery::plugin::HasMagicCookie(FromEnvironment)) {
    delivery::resources::PrintHelp(console, std::cerr);
    return 1;
  }
  const std::unique_ptr<delivery::plugin::Provider> provider = delivery::resources::MakeProvider(
      Clock::Real(), FromEnvironment, MakeApi, delivery::http::MakeCurlTransport);
  const std::optional<int> done = delivery::resources::RunCommand(arguments, *provider, console);
  if (done.has_value()) return *done;
  return delivery::plugin::Serve(*provider, options);
}
