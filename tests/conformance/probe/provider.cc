#include "tests/conformance/probe/provider.h"

#include <utility>

#include "provider/base/log.h"
#include "provider/base/redact.h"
#include "tests/conformance/probe/declare.h"
#include "tests/conformance/probe/functions.h"

namespace delivery::conformance {

using value::Type;

ProbeProvider::ProbeProvider() : thing_(settings_), echo_(settings_), functions_(MakeFunctions()) {
  schema_.block.description = "For tests of the plugin protocol.";
  schema_.block.attributes = {
      Declare("label", Type::String(), Use::kOptional, "Tells configurations apart."),
      Declare("store", Type::String(), Use::kOptional, "Folder for the things."),
      Declare("secret", Type::String(), Use::kOptional, "Must never be seen."),
  };
  schema_.block.attributes.back().sensitive = true;
}

Diagnostics ProbeProvider::Validate(const value::Value& config) const {
  Diagnostics diagnostics;
  RegisterSecret(TextOf(config, "secret"));
  if (TextOf(config, "label") == "forbidden") {
    diagnostics.Error(value::Path::Of("label"), "Label not allowed", "Any other label will do.");
  }
  return diagnostics;
}

Diagnostics ProbeProvider::Configure(const value::Value& config, const std::string& host_version) {
  Settings settings;
  settings.label = TextOf(config, "label");
  settings.store = TextOf(config, "store");
  settings.secret = TextOf(config, "secret");
  RegisterSecret(settings.secret);
  log::Info(
      "probe configured",
      {{"label", settings.label}, {"secret", settings.secret}, {"host_version", host_version}});
  settings_.Set(std::move(settings));
  return {};
}

std::vector<const plugin::Function*> ProbeProvider::functions() const {
  std::vector<const plugin::Function*> functions;
  functions.reserve(functions_.size());
  for (const auto& function : functions_) functions.push_back(function.get());
  return functions;
}

}  // namespace delivery::conformance
