// The wire form of values: schema-driven msgpack, the first form of a DynamicValue.
// Source: Terraform plugin protocol, object wire format; docs/protocol.md, "Values".
#ifndef DELIVERY_VALUE_MSGPACK_H_
#define DELIVERY_VALUE_MSGPACK_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "provider/value/type.h"
#include "provider/value/value.h"

namespace delivery::value {

// Decodes `bytes` as a value of `type`. Empty input is a null. Accepts every integer and float form
// and decimal strings for numbers, any ext of length <= 1 and ext 12 as unknown. InvalidArgument
// with the path inside the value for input that does not conform, is truncated, has trailing bytes,
// or is nested deeper than 200 levels; allocation is bounded by the input's size. Never throws.
absl::StatusOr<Value> DecodeMsgpack(std::string_view bytes, const Type& type);

// Encodes `value`, which must conform to `type` (every attribute present, element types equal, or
// dynamic in `type`). InvalidArgument with the path when it does not.
absl::StatusOr<std::string> EncodeMsgpack(const Value& value, const Type& type);

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_MSGPACK_H_
