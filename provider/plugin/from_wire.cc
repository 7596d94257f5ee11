#include "provider/plugin/from_wire.h"

#include "absl/status/status.h"
#include "provider/value/json_codec.h"
#include "provider/value/msgpack.h"

namespace delivery::plugin {

absl::StatusOr<value::Value> ValueFromWire(const tfplugin6::DynamicValue& wire,
                                           const value::Type& type) {
  if (!wire.msgpack().empty()) return value::DecodeMsgpack(wire.msgpack(), type);
  if (!wire.json().empty()) return value::DecodeJson(wire.json(), type);
  return value::Value::Null(type);
}

absl::StatusOr<value::Value> IdentityFromWire(const tfplugin6::ResourceIdentityData& wire,
                                              const value::Type& type) {
  if (type.IsDynamic()) return value::Value::Null(type);
  return ValueFromWire(wire.identity_data(), type);
}

absl::StatusOr<std::string> JsonFromWire(const tfplugin6::RawState& raw) {
  if (!raw.json().empty()) return raw.json();
  if (raw.flatmap().empty()) {
    return absl::InvalidArgumentError("the host sent no stored state");
  }
  return absl::InvalidArgumentError(
      "the state is in the form of Terraform before 0.12; write it anew with Terraform 0.12 or "
      "later first");
}

}  // namespace delivery::plugin
