// JSON text parsed without loss: numbers that are not 64-bit integers keep their decimal text.
#ifndef DELIVERY_VALUE_JSON_TEXT_H_
#define DELIVERY_VALUE_JSON_TEXT_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/value/number.h"

namespace delivery::value {

// As ParseJson, but numbers are for NumberOf only, and a name that occurs twice in an object is an
// error.
absl::StatusOr<Json> ParseJsonWithDecimals(std::string_view text);

// True for numbers in a document from ParseJsonWithDecimals.
bool IsNumber(const Json& json);

// The number that a node holds; InvalidArgument when it is none or has too many digits.
absl::StatusOr<Number> NumberOf(const Json& json);

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_JSON_TEXT_H_
