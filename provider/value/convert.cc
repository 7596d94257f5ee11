// Conversion between types by cty's rules.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/value/trail.h"
#include "provider/value/value.h"

namespace delivery::value {
namespace {

using Kind = Type::Kind;

// Safe conversions succeed for every value and drop nothing.
enum class Mode { kAny, kSafe };

bool IsListOrSet(const Type& type) {
  return type.kind() == Kind::kList || type.kind() == Kind::kSet;
}

bool CanConvert(const Type& from, const Type& to, Mode mode);

bool CanConvertPrimitive(const Type& from, const Type& to, Mode mode) {
  if (!from.IsPrimitive()) return false;
  if (to.kind() == Kind::kString) return true;
  return from.kind() == Kind::kString && mode == Mode::kAny;
}

bool CanConvertToElements(const Type& from, const Type& element, Mode mode) {
  if (IsListOrSet(from)) return CanConvert(from.element(), element, mode);
  if (from.kind() != Kind::kTuple) return false;
  return std::all_of(from.elements().begin(), from.elements().end(),
                     [&](const Type& type) { return CanConvert(type, element, mode); });
}

bool CanConvertToEntries(const Type& from, const Type& element, Mode mode) {
  if (from.kind() == Kind::kMap) return CanConvert(from.element(), element, mode);
  if (from.kind() != Kind::kObject) return false;
  return std::all_of(from.attributes().begin(), from.attributes().end(),
                     [&](const auto& entry) { return CanConvert(entry.second, element, mode); });
}

bool CanConvertToAttributes(const Type& from, const Type& to, Mode mode) {
  const bool from_map = from.kind() == Kind::kMap && mode == Mode::kAny;
  if (!from_map && from.kind() != Kind::kObject) return false;
  const auto convertible = [&](const auto& wanted) {
    if (from_map) return CanConvert(from.element(), wanted.second, mode);
    const auto it = from.attributes().find(wanted.first);
    return it != from.attributes().end() && CanConvert(it->second, wanted.second, mode);
  };
  if (mode == Mode::kSafe && from.attributes().size() != to.attributes().size()) return false;
  return std::all_of(to.attributes().begin(), to.attributes().end(), convertible);
}

bool CanConvertToTuple(const Type& from, const Type& to, Mode mode) {
  if (from.kind() != Kind::kTuple) return false;
  return std::equal(from.elements().begin(), from.elements().end(), to.elements().begin(),
                    to.elements().end(),
                    [&](const Type& a, const Type& b) { return CanConvert(a, b, mode); });
}

bool CanConvert(const Type& from, const Type& to, Mode mode) {
  if (from.IsDynamic() || to.IsDynamic() || from == to) return true;
  if (to.IsPrimitive()) return CanConvertPrimitive(from, to, mode);
  if (IsListOrSet(to)) return CanConvertToElements(from, to.element(), mode);
  if (to.kind() == Kind::kMap) return CanConvertToEntries(from, to.element(), mode);
  if (to.kind() == Kind::kObject) return CanConvertToAttributes(from, to, mode);
  return CanConvertToTuple(from, to, mode);
}

absl::Status Mismatch(const Value& value, const Type& type, const Trail& trail) {
  return trail.Invalid(absl::StrCat("a value of type ", value.type().ToString(),
                                    " cannot become one of type ", type.ToString()));
}

// The type among `types` that all others convert to safely; dynamic when all are dynamic.
std::optional<Type> CommonType(const std::vector<Type>& types) {
  std::vector<Type> distinct;
  for (const Type& type : types) {
    const bool seen = std::find(distinct.begin(), distinct.end(), type) != distinct.end();
    if (!type.IsDynamic() && !seen) distinct.push_back(type);
  }
  if (distinct.empty()) return Type::Dynamic();
  for (const Type& candidate : distinct) {
    const auto converts = [&](const Type& t) { return CanConvert(t, candidate, Mode::kSafe); };
    if (std::all_of(distinct.begin(), distinct.end(), converts)) return candidate;
  }
  return std::nullopt;
}

// `wanted`, or what stands for it when it is dynamic.
absl::StatusOr<Type> ElementType(const Type& wanted, const std::vector<Type>& types,
                                 const Trail& trail) {
  if (!wanted.IsDynamic()) return wanted;
  std::optional<Type> common = CommonType(types);
  if (!common.has_value()) return trail.Invalid("the elements have no common type");
  return *std::move(common);
}

absl::StatusOr<Value> Convert(const Value& value, const Type& type, const Trail& trail);

absl::StatusOr<Value> ToSequence(const Value& value, const Type& type, const Trail& trail) {
  if (!value.is_sequence()) return Mismatch(value, type, trail);
  std::vector<Type> types;
  for (const Value& element : value.elements()) types.push_back(element.type());
  DELIVERY_ASSIGN_OR_RETURN(Type wanted, ElementType(type.element(), types, trail));
  Value::List elements;
  for (const Value& element : value.elements()) {
    const Trail here = Trail::Index(trail, elements.size());
    DELIVERY_ASSIGN_OR_RETURN(Value converted, Convert(element, wanted, here));
    elements.push_back(std::move(converted));
  }
  return type.kind() == Kind::kSet ? Value::MakeSet(std::move(wanted), std::move(elements))
                                   : Value::MakeList(std::move(wanted), std::move(elements));
}

absl::StatusOr<Value> ToMap(const Value& value, const Type& type, const Trail& trail) {
  if (!value.is_mapping()) return Mismatch(value, type, trail);
  std::vector<Type> types;
  for (const auto& [key, entry] : value.entries()) types.push_back(entry.type());
  DELIVERY_ASSIGN_OR_RETURN(Type wanted, ElementType(type.element(), types, trail));
  Value::Map entries;
  for (const auto& [key, entry] : value.entries()) {
    const Trail here = Trail::Entry(trail, value.type().kind(), key);
    DELIVERY_ASSIGN_OR_RETURN(entries[key], Convert(entry, wanted, here));
  }
  return Value::MakeMap(std::move(wanted), std::move(entries));
}

absl::StatusOr<Value> ToObject(const Value& value, const Type& type, const Trail& trail) {
  if (!value.is_mapping()) return Mismatch(value, type, trail);
  Value::Map attributes;
  for (const auto& [name, wanted] : type.attributes()) {
    const Trail here = Trail::Attribute(trail, name);
    const auto it = value.entries().find(name);
    if (it == value.entries().end()) return here.Invalid("the attribute is missing");
    DELIVERY_ASSIGN_OR_RETURN(attributes[name], Convert(it->second, wanted, here));
  }
  return Value::Object(type, std::move(attributes));
}

absl::StatusOr<Value> ToTuple(const Value& value, const Type& type, const Trail& trail) {
  const bool fits = value.is_sequence() && value.type().kind() == Kind::kTuple &&
                    value.elements().size() == type.elements().size();
  if (!fits) return Mismatch(value, type, trail);
  Value::List elements;
  for (const Type& wanted : type.elements()) {
    const size_t i = elements.size();
    DELIVERY_ASSIGN_OR_RETURN(Value converted,
                              Convert(value.elements()[i], wanted, Trail::Index(trail, i)));
    elements.push_back(std::move(converted));
  }
  return Value::Tuple(std::move(elements));
}

absl::StatusOr<Value> ToString(const Value& value, const Trail& trail) {
  if (value.is_number()) return Value::String(value.AsNumber().ToDecimal());
  if (value.is_bool()) return Value::String(value.AsBool() ? "true" : "false");
  return Mismatch(value, Type::String(), trail);
}

absl::StatusOr<Value> ToNumber(const Value& value, const Trail& trail) {
  if (!value.is_string()) return Mismatch(value, Type::Number(), trail);
  absl::StatusOr<Number> number = Number::FromDecimal(value.AsString());
  if (!number.ok()) return trail.Invalid(number.status().message());
  return Value::Number(*std::move(number));
}

absl::StatusOr<Value> ToBool(const Value& value, const Trail& trail) {
  if (!value.is_string()) return Mismatch(value, Type::Bool(), trail);
  const std::string& text = value.AsString();
  if (text == "true" || text == "1") return Value::Bool(true);
  if (text == "false" || text == "0") return Value::Bool(false);
  return trail.Invalid("a bool is spelled \"true\" or \"false\"");
}

absl::StatusOr<Value> ConvertKnown(const Value& value, const Type& type, const Trail& trail) {
  switch (type.kind()) {
    case Kind::kString:
      return ToString(value, trail);
    case Kind::kNumber:
      return ToNumber(value, trail);
    case Kind::kBool:
      return ToBool(value, trail);
    case Kind::kList:
    case Kind::kSet:
      return ToSequence(value, type, trail);
    case Kind::kMap:
      return ToMap(value, type, trail);
    case Kind::kObject:
      return ToObject(value, type, trail);
    case Kind::kTuple:
      return ToTuple(value, type, trail);
    case Kind::kDynamic:
      break;
  }
  return value;
}

absl::StatusOr<Value> Convert(const Value& value, const Type& type, const Trail& trail) {
  if (type.IsDynamic() || value.type() == type) return value;
  if (value.is_known()) return ConvertKnown(value, type, trail);
  if (!CanConvert(value.type(), type, Mode::kAny)) return Mismatch(value, type, trail);
  return value.is_null() ? Value::Null(type) : Value::Unknown(type);
}

}  // namespace

absl::StatusOr<Value> ConvertTo(const Value& value, const Type& type) {
  return Convert(value, type, Trail());
}

}  // namespace delivery::value
