// The probe provider's process; see provider.h.
#include <string_view>

#include "provider/plugin/serve.h"
#include "tests/conformance/probe/provider.h"

int main(int argc, char** argv) {
  delivery::conformance::ProbeProvider provider;
  delivery::plugin::ServeOptions options;
  options.debug = argc > 1 && std::string_view(argv[1]) == "debug";
  options.version = "0.0.1";
  options.provider_address = "registry.terraform.io/delivery-tf/probe";
  return delivery::plugin::Serve(provider, options);
}
