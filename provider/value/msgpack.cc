#include "provider/value/msgpack.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/value/msgpack_wire.h"
#include "provider/value/trail.h"
#include "provider/value/utf8.h"

namespace delivery::value {
namespace {

using Token = MsgpackToken;
using Kind = Type::Kind;

constexpr int8_t kRefinedUnknown = 12;

const char* NameOf(Token::Kind kind) {
  switch (kind) {
    case Token::Kind::kNil:
      return "nil";
    case Token::Kind::kBool:
      return "a bool";
    case Token::Kind::kInt:
    case Token::Kind::kUint:
      return "an integer";
    case Token::Kind::kFloat:
      return "a float";
    case Token::Kind::kString:
      return "a string";
    case Token::Kind::kBinary:
      return "binary";
    case Token::Kind::kArray:
      return "an array";
    case Token::Kind::kMap:
      return "a map";
    case Token::Kind::kExt:
      return "an extension";
  }
  return "";
}

absl::Status Unexpected(const Token& token, absl::string_view wanted, const Trail& trail) {
  return trail.Invalid(absl::StrCat("expected ", wanted, ", found ", NameOf(token.kind)));
}

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : reader_(bytes) {}

  absl::StatusOr<Value> Decode(const Type& type) {
    DELIVERY_ASSIGN_OR_RETURN(Value value, At(type, Trail()));
    if (!reader_.AtEnd()) return absl::InvalidArgumentError("bytes after the end of the value");
    return value;
  }

 private:
  absl::StatusOr<Value> At(const Type& type, const Trail& trail);
  absl::StatusOr<Value> Known(const Token& token, const Type& type, const Trail& trail);
  absl::StatusOr<Value> Dynamic(const Token& token, const Trail& trail);
  absl::StatusOr<Value::List> Elements(const Token& token, const Type& element, const Trail& trail);
  absl::StatusOr<Value> Map(const Token& token, const Type& element, const Trail& trail);
  absl::StatusOr<Value> Object(const Token& token, const Type& type, const Trail& trail);
  absl::StatusOr<Value> Tuple(const Token& token, const Type& type, const Trail& trail);
  absl::StatusOr<Token> Next(const Trail& trail);
  absl::StatusOr<std::string> Name(const Trail& trail);

  MsgpackReader reader_;
};

absl::StatusOr<Token> Decoder::Next(const Trail& trail) {
  absl::StatusOr<Token> token = reader_.Next();
  if (!token.ok()) return trail.Invalid(token.status().message());
  return token;
}

absl::StatusOr<std::string> TextOf(const Token& token, const Trail& trail) {
  if (token.kind != Token::Kind::kString) return Unexpected(token, "a string", trail);
  if (!IsValidUtf8(token.bytes)) return trail.Invalid("the string is not valid UTF-8");
  return std::string(token.bytes);
}

absl::StatusOr<std::string> Decoder::Name(const Trail& trail) {
  DELIVERY_ASSIGN_OR_RETURN(const Token token, Next(trail));
  return TextOf(token, trail);
}

absl::StatusOr<Value> StringOf(const Token& token, const Trail& trail) {
  DELIVERY_ASSIGN_OR_RETURN(std::string text, TextOf(token, trail));
  return Value::String(std::move(text));
}

absl::StatusOr<Value> BoolOf(const Token& token, const Trail& trail) {
  if (token.kind != Token::Kind::kBool) return Unexpected(token, "a bool", trail);
  return Value::Bool(token.boolean);
}

absl::StatusOr<Value> DecimalOf(const Token& token, const Trail& trail) {
  absl::StatusOr<Number> number = Number::FromDecimal(token.bytes);
  if (!number.ok()) return trail.Invalid(number.status().message());
  return Value::Number(*std::move(number));
}

absl::StatusOr<Value> NumberOf(const Token& token, const Trail& trail) {
  switch (token.kind) {
    case Token::Kind::kInt:
      return Value::Number(token.integer);
    case Token::Kind::kUint:
      return Value::Number(Number(token.natural));
    case Token::Kind::kFloat:
      if (std::isnan(token.floating)) return trail.Invalid("not a number");
      return Value::Number(Number(token.floating));
    case Token::Kind::kString:
      return DecimalOf(token, trail);
    default:
      return Unexpected(token, "a number", trail);
  }
}

absl::StatusOr<Value> UnknownOf(const Token& token, const Type& type, const Trail& trail) {
  if (token.bytes.size() > 1 && token.ext_code != kRefinedUnknown) {
    return trail.Invalid(absl::StrCat("unknown msgpack extension ", token.ext_code));
  }
  return Value::Unknown(type);
}

absl::StatusOr<Value> Decoder::At(const Type& type, const Trail& trail) {
  if (trail.IsTooDeep()) return trail.TooDeep();
  DELIVERY_ASSIGN_OR_RETURN(const Token token, Next(trail));
  if (token.kind == Token::Kind::kNil) return Value::Null(type);
  if (token.kind == Token::Kind::kExt) return UnknownOf(token, type, trail);
  return Known(token, type, trail);
}

absl::StatusOr<Value> Decoder::Known(const Token& token, const Type& type, const Trail& trail) {
  switch (type.kind()) {
    case Kind::kDynamic:
      return Dynamic(token, trail);
    case Kind::kString:
      return StringOf(token, trail);
    case Kind::kNumber:
      return NumberOf(token, trail);
    case Kind::kBool:
      return BoolOf(token, trail);
    case Kind::kMap:
      return Map(token, type.element(), trail);
    case Kind::kObject:
      return Object(token, type, trail);
    case Kind::kTuple:
      return Tuple(token, type, trail);
    case Kind::kList:
    case Kind::kSet:
      break;
  }
  DELIVERY_ASSIGN_OR_RETURN(Value::List elements, Elements(token, type.element(), trail));
  return type.kind() == Kind::kSet ? Value::MakeSet(type.element(), std::move(elements))
                                   : Value::MakeList(type.element(), std::move(elements));
}

absl::StatusOr<Type> TypeOf(const Token& token, const Trail& trail) {
  if (token.kind != Token::Kind::kBinary && token.kind != Token::Kind::kString) {
    return Unexpected(token, "the JSON of a type", trail);
  }
  const absl::StatusOr<Json> json = ParseJson(token.bytes);
  if (!json.ok()) return trail.Invalid(json.status().message());
  absl::StatusOr<Type> type = Type::FromJson(*json);
  if (!type.ok()) return trail.Invalid(type.status().message());
  return type;
}

absl::StatusOr<Value> Decoder::Dynamic(const Token& token, const Trail& trail) {
  if (token.kind != Token::Kind::kArray || token.count != 2) {
    return Unexpected(token, "an array of a type and a value", trail);
  }
  DELIVERY_ASSIGN_OR_RETURN(const Token type_token, Next(trail));
  DELIVERY_ASSIGN_OR_RETURN(const Type type, TypeOf(type_token, trail));
  return At(type, Trail::Inside(trail));
}

absl::StatusOr<Value::List> Decoder::Elements(const Token& token, const Type& element,
                                              const Trail& trail) {
  if (token.kind != Token::Kind::kArray) return Unexpected(token, "an array", trail);
  Value::List elements;
  elements.reserve(token.count);
  for (size_t i = 0; i < token.count; ++i) {
    DELIVERY_ASSIGN_OR_RETURN(elements.emplace_back(), At(element, Trail::Index(trail, i)));
  }
  return elements;
}

absl::StatusOr<Value> Decoder::Map(const Token& token, const Type& element, const Trail& trail) {
  if (token.kind != Token::Kind::kMap) return Unexpected(token, "a map", trail);
  Value::Map entries;
  for (size_t i = 0; i < token.count; ++i) {
    DELIVERY_ASSIGN_OR_RETURN(std::string key, Name(trail));
    const Trail here = Trail::Key(trail, key);
    if (entries.count(key) > 0) return here.Invalid("the key occurs twice");
    DELIVERY_ASSIGN_OR_RETURN(Value entry, At(element, here));
    entries.emplace(std::move(key), std::move(entry));
  }
  return Value::MakeMap(element, std::move(entries));
}

absl::Status MissingAttribute(const Type& type, const Value::Map& attributes, const Trail& trail) {
  for (const auto& [name, attribute_type] : type.attributes()) {
    if (attributes.count(name) == 0) {
      return Trail::Attribute(trail, name).Invalid("the attribute is missing");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Value> Decoder::Object(const Token& token, const Type& type, const Trail& trail) {
  if (token.kind != Token::Kind::kMap) return Unexpected(token, "a map", trail);
  Value::Map attributes;
  for (size_t i = 0; i < token.count; ++i) {
    DELIVERY_ASSIGN_OR_RETURN(std::string name, Name(trail));
    const Trail here = Trail::Attribute(trail, name);
    const auto declared = type.attributes().find(name);
    if (declared == type.attributes().end()) return here.Invalid("there is no such attribute");
    if (attributes.count(name) > 0) return here.Invalid("the attribute occurs twice");
    DELIVERY_ASSIGN_OR_RETURN(Value attribute, At(declared->second, here));
    attributes.emplace(std::move(name), std::move(attribute));
  }
  DELIVERY_RETURN_IF_ERROR(MissingAttribute(type, attributes, trail));
  return Value::Object(type, std::move(attributes));
}

absl::StatusOr<Value> Decoder::Tuple(const Token& token, const Type& type, const Trail& trail) {
  const std::vector<Type>& types = type.elements();
  if (token.kind != Token::Kind::kArray) return Unexpected(token, "an array", trail);
  if (token.count != types.size()) {
    return trail.Invalid(absl::StrCat("expected ", types.size(), " elements, found ", token.count));
  }
  Value::List elements;
  for (const Type& element : types) {
    DELIVERY_ASSIGN_OR_RETURN(Value value, At(element, Trail::Index(trail, elements.size())));
    elements.push_back(std::move(value));
  }
  return Value::Tuple(std::move(elements));
}

class Encoder {
 public:
  absl::Status At(const Value& value, const Type& type, const Trail& trail);
  std::string Take() && { return std::move(writer_).Take(); }

 private:
  absl::Status Dynamic(const Value& value, const Trail& trail);
  absl::Status Known(const Value& value, const Type& type, const Trail& trail);
  absl::Status Sequence(const Value& value, const Type& type, const Trail& trail);
  absl::Status Mapping(const Value& value, const Type& type, const Trail& trail);
  absl::Status Text(const std::string& text, const Trail& trail);
  absl::Status Number(const value::Number& number, const Trail& trail);

  MsgpackWriter writer_;
};

absl::Status Mismatch(const Value& value, const Type& type, const Trail& trail) {
  return trail.Invalid(absl::StrCat("a value of type ", value.type().ToString(),
                                    " where the schema wants ", type.ToString()));
}

absl::Status Encoder::At(const Value& value, const Type& type, const Trail& trail) {
  if (trail.IsTooDeep()) return trail.TooDeep();
  if (type.IsDynamic() && !value.type().IsDynamic()) return Dynamic(value, trail);
  if (value.is_known()) return Known(value, type, trail);
  if (!value.type().ConformsTo(type)) return Mismatch(value, type, trail);
  if (value.is_null()) {
    writer_.Nil();
  } else {
    writer_.Unknown();
  }
  return absl::OkStatus();
}

absl::Status Encoder::Dynamic(const Value& value, const Trail& trail) {
  // What the decoder would refuse.
  if (value.type().JsonDepth() > kDeepestNesting) return trail.TooDeep();
  writer_.Array(2);
  writer_.Binary(value.type().ToString());
  return At(value, value.type(), Trail::Inside(trail));
}

absl::Status Encoder::Known(const Value& value, const Type& type, const Trail& trail) {
  if (value.type().kind() != type.kind()) return Mismatch(value, type, trail);
  if (value.is_string()) return Text(value.AsString(), trail);
  if (value.is_number()) return Number(value.AsNumber(), trail);
  if (value.is_sequence()) return Sequence(value, type, trail);
  if (value.is_mapping()) return Mapping(value, type, trail);
  writer_.Bool(value.AsBool());
  return absl::OkStatus();
}

absl::Status Encoder::Sequence(const Value& value, const Type& type, const Trail& trail) {
  const Value::List& elements = value.elements();
  const bool is_tuple = type.kind() == Kind::kTuple;
  const bool fits = is_tuple ? type.elements().size() == elements.size()
                             : !elements.empty() || value.type().ConformsTo(type);
  if (!fits) return Mismatch(value, type, trail);
  writer_.Array(elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    const Type& element = is_tuple ? type.elements()[i] : type.element();
    DELIVERY_RETURN_IF_ERROR(At(elements[i], element, Trail::Index(trail, i)));
  }
  return absl::OkStatus();
}

absl::Status SurplusAttribute(const Value::Map& attributes, const Type& type, const Trail& trail) {
  for (const auto& [name, value] : attributes) {
    if (type.attributes().count(name) == 0) {
      return Trail::Attribute(trail, name).Invalid("the schema has no such attribute");
    }
  }
  return absl::OkStatus();
}

absl::Status Encoder::Mapping(const Value& value, const Type& type, const Trail& trail) {
  const Value::Map& entries = value.entries();
  const bool is_object = type.kind() == Kind::kObject;
  if (is_object) {
    DELIVERY_RETURN_IF_ERROR(SurplusAttribute(entries, type, trail));
    DELIVERY_RETURN_IF_ERROR(MissingAttribute(type, entries, trail));
  } else if (entries.empty() && !value.type().ConformsTo(type)) {
    return Mismatch(value, type, trail);
  }
  writer_.Map(entries.size());
  for (const auto& [name, entry] : entries) {
    const Trail here = Trail::Entry(trail, type.kind(), name);
    DELIVERY_RETURN_IF_ERROR(Text(name, here));
    const Type& wanted = is_object ? type.attributes().at(name) : type.element();
    DELIVERY_RETURN_IF_ERROR(At(entry, wanted, here));
  }
  return absl::OkStatus();
}

absl::Status Encoder::Text(const std::string& text, const Trail& trail) {
  if (!IsValidUtf8(text)) return trail.Invalid("the string is not valid UTF-8");
  writer_.String(text);
  return absl::OkStatus();
}

absl::Status Encoder::Number(const value::Number& number, const Trail& trail) {
  const value::Number::Form& form = number.form();
  if (const auto* integer = std::get_if<int64_t>(&form)) {
    writer_.Int(*integer);
  } else if (const auto* natural = std::get_if<uint64_t>(&form)) {
    writer_.Uint(*natural);
  } else if (const auto* decimal = std::get_if<std::string>(&form)) {
    writer_.String(*decimal);
  } else if (std::isnan(std::get<double>(form))) {
    return trail.Invalid("not a number");
  } else {
    writer_.Double(std::get<double>(form));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Value> DecodeMsgpack(std::string_view bytes, const Type& type) {
  if (bytes.empty()) return Value::Null(type);
  return Decoder(bytes).Decode(type);
}

absl::StatusOr<std::string> EncodeMsgpack(const Value& value, const Type& type) {
  Encoder encoder;
  DELIVERY_RETURN_IF_ERROR(encoder.At(value, type, Trail()));
  return std::move(encoder).Take();
}

}  // namespace delivery::value
