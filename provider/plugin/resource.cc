#include "provider/plugin/resource.h"

#include <utility>

#include "absl/status/statusor.h"
#include "provider/value/json_codec.h"

namespace delivery::plugin {

ReadResponse Resource::Upgrade(int64_t, const std::string& state_json) const {
  ReadResponse response;
  // A version before ours may have had attributes that are gone.
  absl::StatusOr<value::Value> state = value::DecodeJson(state_json, schema().block.ImpliedType(),
                                                         value::UnknownAttributes::kIgnore);
  if (state.ok()) {
    response.state = *std::move(state);
    return response;
  }
  response.diagnostics.Error({}, "Stored state cannot be read",
                             "The state of " + type_name() + " does not fit its schema: " +
                                 std::string(state.status().message()));
  return response;
}

}  // namespace delivery::plugin
