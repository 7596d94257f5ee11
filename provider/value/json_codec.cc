#include "provider/value/json_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/value/json_text.h"
#include "provider/value/trail.h"
#include "provider/value/utf8.h"

namespace delivery::value {
namespace {

using Kind = Type::Kind;

const char* NameOf(const Json& json) {
  if (json.is_object()) return "an object";
  if (json.is_array()) return "an array";
  if (json.is_string()) return "a string";
  if (json.is_boolean()) return "a bool";
  return json.is_null() ? "null" : "a number";
}

absl::Status Unexpected(const Json& json, absl::string_view wanted, const Trail& trail) {
  return trail.Invalid(absl::StrCat("expected ", wanted, ", found ", NameOf(json)));
}

class Decoder {
 public:
  explicit Decoder(UnknownAttributes unknown) : unknown_(unknown) {}

  absl::StatusOr<Value> At(const Json& json, const Type& type, const Trail& trail) const;

 private:
  absl::StatusOr<Value> Dynamic(const Json& json, const Trail& trail) const;
  absl::StatusOr<Value> Primitive(const Json& json, const Type& type, const Trail& trail) const;
  absl::StatusOr<Value> Sequence(const Json& json, const Type& type, const Trail& trail) const;
  absl::StatusOr<Value> Map(const Json& json, const Type& type, const Trail& trail) const;
  absl::StatusOr<Value> Object(const Json& json, const Type& type, const Trail& trail) const;
  absl::StatusOr<Value> Tuple(const Json& json, const Type& type, const Trail& trail) const;
  absl::Status CheckNames(const Json& json, const Type& type, const Trail& trail) const;

  UnknownAttributes unknown_;
};

absl::StatusOr<Value> Decoder::At(const Json& json, const Type& type, const Trail& trail) const {
  if (trail.IsTooDeep()) return trail.TooDeep();
  if (json.is_null()) return Value::Null(type);
  switch (type.kind()) {
    case Kind::kDynamic:
      return Dynamic(json, trail);
    case Kind::kString:
    case Kind::kNumber:
    case Kind::kBool:
      return Primitive(json, type, trail);
    case Kind::kMap:
      return Map(json, type, trail);
    case Kind::kObject:
      return Object(json, type, trail);
    case Kind::kTuple:
      return Tuple(json, type, trail);
    case Kind::kList:
    case Kind::kSet:
      break;
  }
  return Sequence(json, type, trail);
}

absl::StatusOr<Value> Decoder::Dynamic(const Json& json, const Trail& trail) const {
  const Json* type_json = Find(json, "type");
  const Json* value = Find(json, "value");
  if (type_json == nullptr || value == nullptr || json.size() != 2) {
    return Unexpected(json, "an object with a type and a value", trail);
  }
  const absl::StatusOr<Type> type = Type::FromJson(*type_json);
  if (!type.ok()) return trail.Invalid(type.status().message());
  return At(*value, *type, Trail::Inside(trail));
}

absl::StatusOr<Value> Natural(const Json& json, const Trail& trail) {
  if (json.is_string()) return Value::String(json.get<std::string>());
  if (json.is_boolean()) return Value::Bool(json.get<bool>());
  if (!IsNumber(json)) return Unexpected(json, "a string, number or bool", trail);
  absl::StatusOr<Number> number = NumberOf(json);
  if (!number.ok()) return trail.Invalid(number.status().message());
  return Value::Number(*std::move(number));
}

// The hosts convert between strings and the other primitives here, so that attributes may change
// their type from one version of a schema to the next.
absl::StatusOr<Value> Decoder::Primitive(const Json& json, const Type& type,
                                         const Trail& trail) const {
  DELIVERY_ASSIGN_OR_RETURN(const Value natural, Natural(json, trail));
  absl::StatusOr<Value> value = ConvertTo(natural, type);
  if (!value.ok()) return trail.Invalid(value.status().message());
  return value;
}

absl::StatusOr<Value> Decoder::Sequence(const Json& json, const Type& type,
                                        const Trail& trail) const {
  if (!json.is_array()) return Unexpected(json, "an array", trail);
  Value::List elements;
  elements.reserve(json.size());
  for (const Json& element : json) {
    const Trail here = Trail::Index(trail, elements.size());
    DELIVERY_ASSIGN_OR_RETURN(Value value, At(element, type.element(), here));
    elements.push_back(std::move(value));
  }
  return type.kind() == Kind::kSet ? Value::MakeSet(type.element(), std::move(elements))
                                   : Value::MakeList(type.element(), std::move(elements));
}

absl::StatusOr<Value> Decoder::Map(const Json& json, const Type& type, const Trail& trail) const {
  if (!json.is_object()) return Unexpected(json, "an object", trail);
  Value::Map entries;
  for (const auto& [key, entry] : json.items()) {
    DELIVERY_ASSIGN_OR_RETURN(entries[key], At(entry, type.element(), Trail::Key(trail, key)));
  }
  return Value::MakeMap(type.element(), std::move(entries));
}

absl::Status Decoder::CheckNames(const Json& json, const Type& type, const Trail& trail) const {
  if (unknown_ == UnknownAttributes::kIgnore) return absl::OkStatus();
  for (const auto& [name, attribute] : json.items()) {
    if (type.attributes().count(name) == 0) {
      return Trail::Attribute(trail, name).Invalid("there is no such attribute");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Value> Decoder::Object(const Json& json, const Type& type,
                                      const Trail& trail) const {
  if (!json.is_object()) return Unexpected(json, "an object", trail);
  DELIVERY_RETURN_IF_ERROR(CheckNames(json, type, trail));
  Value::Map attributes;
  for (const auto& [name, wanted] : type.attributes()) {
    const Json* found = Find(json, name);
    if (found == nullptr) {
      attributes.emplace(name, Value::Null(wanted));
      continue;
    }
    DELIVERY_ASSIGN_OR_RETURN(attributes[name], At(*found, wanted, Trail::Attribute(trail, name)));
  }
  return Value::Object(type, std::move(attributes));
}

absl::StatusOr<Value> Decoder::Tuple(const Json& json, const Type& type, const Trail& trail) const {
  if (!json.is_array() || json.size() != type.elements().size()) {
    const std::string wanted = absl::StrCat("an array of ", type.elements().size());
    return Unexpected(json, wanted, trail);
  }
  Value::List elements;
  for (const Type& wanted : type.elements()) {
    const size_t i = elements.size();
    DELIVERY_ASSIGN_OR_RETURN(Value value, At(json[i], wanted, Trail::Index(trail, i)));
    elements.push_back(std::move(value));
  }
  return Value::Tuple(std::move(elements));
}

class Encoder {
 public:
  absl::Status At(const Value& value, const Type& type, const Trail& trail);
  std::string Take() && { return std::move(out_); }

 private:
  absl::Status Dynamic(const Value& value, const Trail& trail);
  absl::Status Known(const Value& value, const Type& type, const Trail& trail);
  absl::Status Sequence(const Value& value, const Type& type, const Trail& trail);
  absl::Status Mapping(const Value& value, const Type& type, const Trail& trail);
  absl::Status CheckAttributes(const Value& value, const Type& type, const Trail& trail);
  absl::Status Text(const std::string& text, const Trail& trail);

  std::string out_;
};

absl::Status Mismatch(const Value& value, const Type& type, const Trail& trail) {
  return trail.Invalid(absl::StrCat("a value of type ", value.type().ToString(),
                                    " where the schema wants ", type.ToString()));
}

absl::Status Encoder::At(const Value& value, const Type& type, const Trail& trail) {
  if (trail.IsTooDeep()) return trail.TooDeep();
  if (value.is_unknown()) return trail.Unmet("the value is not known yet");
  if (type.IsDynamic() && !value.type().IsDynamic()) return Dynamic(value, trail);
  if (value.is_known()) return Known(value, type, trail);
  if (!value.type().ConformsTo(type)) return Mismatch(value, type, trail);
  out_ += "null";
  return absl::OkStatus();
}

absl::Status Encoder::Dynamic(const Value& value, const Trail& trail) {
  if (value.type().JsonDepth() > kDeepestNesting) return trail.TooDeep();
  absl::StrAppend(&out_, "{\"type\":", value.type().ToString(), ",\"value\":");
  DELIVERY_RETURN_IF_ERROR(At(value, value.type(), Trail::Inside(trail)));
  out_ += "}";
  return absl::OkStatus();
}

absl::Status Encoder::Known(const Value& value, const Type& type, const Trail& trail) {
  if (value.type().kind() != type.kind()) return Mismatch(value, type, trail);
  if (value.is_string()) return Text(value.AsString(), trail);
  if (value.is_sequence()) return Sequence(value, type, trail);
  if (value.is_mapping()) return Mapping(value, type, trail);
  if (value.is_bool()) {
    out_ += value.AsBool() ? "true" : "false";
    return absl::OkStatus();
  }
  if (!value.AsNumber().IsFinite()) return trail.Invalid("JSON has no infinite numbers");
  out_ += value.AsNumber().ToDecimal();
  return absl::OkStatus();
}

absl::Status Encoder::Sequence(const Value& value, const Type& type, const Trail& trail) {
  const Value::List& elements = value.elements();
  const bool is_tuple = type.kind() == Kind::kTuple;
  const bool fits = is_tuple ? type.elements().size() == elements.size()
                             : !elements.empty() || value.type().ConformsTo(type);
  if (!fits) return Mismatch(value, type, trail);
  out_ += "[";
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out_ += ",";
    const Type& element = is_tuple ? type.elements()[i] : type.element();
    DELIVERY_RETURN_IF_ERROR(At(elements[i], element, Trail::Index(trail, i)));
  }
  out_ += "]";
  return absl::OkStatus();
}

absl::Status Encoder::CheckAttributes(const Value& value, const Type& type, const Trail& trail) {
  for (const auto& [name, wanted] : type.attributes()) {
    if (!value.Has(name)) return Trail::Attribute(trail, name).Invalid("the attribute is missing");
  }
  return value.entries().size() == type.attributes().size() ? absl::OkStatus()
                                                            : Mismatch(value, type, trail);
}

absl::Status Encoder::Mapping(const Value& value, const Type& type, const Trail& trail) {
  const bool is_object = type.kind() == Kind::kObject;
  if (is_object) {
    DELIVERY_RETURN_IF_ERROR(CheckAttributes(value, type, trail));
  } else if (value.entries().empty() && !value.type().ConformsTo(type)) {
    return Mismatch(value, type, trail);
  }
  const char* separator = "{";
  for (const auto& [name, entry] : value.entries()) {
    out_ += std::exchange(separator, ",");
    const Trail here = Trail::Entry(trail, type.kind(), name);
    DELIVERY_RETURN_IF_ERROR(Text(name, here));
    out_ += ":";
    const Type& wanted = is_object ? type.attributes().at(name) : type.element();
    DELIVERY_RETURN_IF_ERROR(At(entry, wanted, here));
  }
  out_ += value.entries().empty() ? "{}" : "}";
  return absl::OkStatus();
}

absl::Status Encoder::Text(const std::string& text, const Trail& trail) {
  if (!IsValidUtf8(text)) return trail.Invalid("the string is not valid UTF-8");
  out_ += DumpJson(text);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Value> DecodeJson(std::string_view text, const Type& type,
                                 UnknownAttributes unknown) {
  DELIVERY_ASSIGN_OR_RETURN(const Json json, ParseJsonWithDecimals(text));
  return Decoder(unknown).At(json, type, Trail());
}

absl::StatusOr<std::string> EncodeJson(const Value& value, const Type& type) {
  Encoder encoder;
  DELIVERY_RETURN_IF_ERROR(encoder.At(value, type, Trail()));
  return std::move(encoder).Take();
}

}  // namespace delivery::value
