// The JSON form of values, in which the hosts store state and send it to UpgradeResourceState and
// MoveResourceState. A dynamic value is an object with "value" and "type".
#ifndef DELIVERY_VALUE_JSON_CODEC_H_
#define DELIVERY_VALUE_JSON_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "provider/value/type.h"
#include "provider/value/value.h"

namespace delivery::value {

enum class UnknownAttributes { kReject, kIgnore };

// Decodes JSON `text` as a value of `type`. Numbers keep their decimal text, beyond the precision
// of a double (not beyond its range); strings become numbers or bools, and these strings, where
// `type` wants them, as in the hosts. Absent attributes of an object are null. InvalidArgument with
// the path otherwise. Never throws.
absl::StatusOr<Value> DecodeJson(std::string_view text, const Type& type,
                                 UnknownAttributes unknown = UnknownAttributes::kReject);

// FailedPrecondition when something is unknown; InvalidArgument when it does not conform to `type`.
absl::StatusOr<std::string> EncodeJson(const Value& value, const Type& type);

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_JSON_CODEC_H_
