#include "tests/conformance/probe/data_sources.h"

#include "tests/conformance/probe/declare.h"

namespace delivery::conformance {

using value::Path;
using value::Type;
using value::Value;

Echo::Echo(const SharedSettings& settings) : settings_(settings) {
  schema_.block.description = "Gives back what it gets.";
  schema_.block.attributes = {
      Declare("input", Type::Dynamic(), Use::kOptional, "Anything."),
      Declare("output", Type::Dynamic(), Use::kComputed, "The same."),
      Declare("label", Type::String(), Use::kComputed, "Of the provider's configuration."),
  };
}

Diagnostics Echo::Validate(const Value& config) const {
  Diagnostics diagnostics;
  if (TextOf(config, "input") == "forbidden") {
    diagnostics.Error(Path::Of("input"), "Input not allowed", "Any other input will do.");
  }
  return diagnostics;
}

plugin::ReadResponse Echo::Read(const plugin::CallContext&, const Value& config) const {
  plugin::ReadResponse response;
  response.state = config.With("output", config.Get("input"))
                       .With("label", Value::String(settings_.Get().label));
  return response;
}

}  // namespace delivery::conformance
