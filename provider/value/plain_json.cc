// Values from and to the JSON of manifests, which has no types of its own.
#include <utility>

#include "provider/base/status_macros.h"
#include "provider/value/trail.h"
#include "provider/value/value.h"

namespace delivery::value {
namespace {

Value FromNumber(const Json& json) {
  if (json.is_number_float()) return Value::Number(Number(json.get<double>()));
  if (!json.is_number_unsigned()) return Value::Number(json.get<int64_t>());
  const Number number(json.get<uint64_t>());
  const std::optional<int64_t> integer = number.AsInt64();
  return integer.has_value() ? Value::Number(*integer) : Value::Number(number);
}

Value FromArray(const Json& json) {
  Value::List elements;
  elements.reserve(json.size());
  for (const Json& element : json) elements.push_back(FromPlainJson(element));
  return Value::Tuple(std::move(elements));
}

Value FromObject(const Json& json) {
  Value::Map attributes;
  for (const auto& [name, attribute] : json.items()) {
    attributes.emplace_hint(attributes.end(), name, FromPlainJson(attribute));
  }
  return Value::Object(std::move(attributes));
}

absl::StatusOr<Json> ToJson(const Value& value, const Trail& trail);

absl::StatusOr<Json> ToNumber(const Number& number, const Trail& trail) {
  if (const std::optional<int64_t> integer = number.AsInt64()) return Json(*integer);
  if (const std::optional<uint64_t> natural = number.AsUint64()) return Json(*natural);
  const Number nearest(number.AsDouble());
  if (!nearest.IsFinite()) return trail.Invalid("the number is beyond the range of a double");
  return Json(number.AsDouble());
}

absl::StatusOr<Json> ToArray(const Value& value, const Trail& trail) {
  Json array = Json::array();
  for (const Value& element : value.elements()) {
    DELIVERY_ASSIGN_OR_RETURN(Json json, ToJson(element, Trail::Index(trail, array.size())));
    array.push_back(std::move(json));
  }
  return array;
}

absl::StatusOr<Json> ToObject(const Value& value, const Trail& trail) {
  Json object = Json::object();
  for (const auto& [name, entry] : value.entries()) {
    DELIVERY_ASSIGN_OR_RETURN(object[name],
                              ToJson(entry, Trail::Entry(trail, value.type().kind(), name)));
  }
  return object;
}

absl::StatusOr<Json> ToJson(const Value& value, const Trail& trail) {
  if (value.is_unknown()) return trail.Unmet("the value is not known yet");
  if (value.is_null()) return Json(nullptr);
  if (value.is_string()) return Json(value.AsString());
  if (value.is_bool()) return Json(value.AsBool());
  if (value.is_number()) return ToNumber(value.AsNumber(), trail);
  return value.is_sequence() ? ToArray(value, trail) : ToObject(value, trail);
}

}  // namespace

Value FromPlainJson(const Json& json) {
  if (json.is_object()) return FromObject(json);
  if (json.is_array()) return FromArray(json);
  if (json.is_string()) return Value::String(json.get<std::string>());
  if (json.is_boolean()) return Value::Bool(json.get<bool>());
  if (json.is_number()) return FromNumber(json);
  return Value();
}

absl::StatusOr<Json> ToPlainJson(const Value& value) { return ToJson(value, Trail()); }

}  // namespace delivery::value
