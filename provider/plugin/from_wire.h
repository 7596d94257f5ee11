// What arrives on the wire, as values.
#ifndef DELIVERY_PLUGIN_FROM_WIRE_H_
#define DELIVERY_PLUGIN_FROM_WIRE_H_

#include <string>

#include "absl/status/statusor.h"
#include "proto/tfplugin6.pb.h"
#include "provider/value/type.h"
#include "provider/value/value.h"

namespace delivery::plugin {

// The msgpack form when there is one, else the JSON form, else null of `type` (hosts send an empty
// message for a null). InvalidArgument with the path inside the value when it does not conform.
absl::StatusOr<value::Value> ValueFromWire(const tfplugin6::DynamicValue& wire,
                                           const value::Type& type);

// The identity that the host has, null when it has none or `type` is dynamic (the resource has no
// identity).
absl::StatusOr<value::Value> IdentityFromWire(const tfplugin6::ResourceIdentityData& wire,
                                              const value::Type& type);

// The JSON text of a stored value. InvalidArgument when there is none or only the flat form, which
// Terraform before 0.12 wrote.
absl::StatusOr<std::string> JsonFromWire(const tfplugin6::RawState& raw);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_FROM_WIRE_H_
