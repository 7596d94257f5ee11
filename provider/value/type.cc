#include "provider/value/type.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "provider/base/status_macros.h"
#include "provider/value/trail.h"

namespace delivery::value {

struct Type::Parts {
  std::vector<Type> elements;  // exactly one for a list, set or map
  std::map<std::string, Type> attributes;
};

namespace {

using Kind = Type::Kind;

bool IsCollection(Kind kind) {
  return kind == Kind::kList || kind == Kind::kSet || kind == Kind::kMap;
}

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kDynamic:
      return "dynamic";
    case Kind::kString:
      return "string";
    case Kind::kNumber:
      return "number";
    case Kind::kBool:
      return "bool";
    case Kind::kList:
      return "list";
    case Kind::kSet:
      return "set";
    case Kind::kMap:
      return "map";
    case Kind::kObject:
      return "object";
    case Kind::kTuple:
      return "tuple";
  }
  return "";
}

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed type: ", what));
}

absl::StatusOr<Type> SimpleFromJson(const std::string& name) {
  if (name == "dynamic") return Type::Dynamic();
  if (name == "string") return Type::String();
  if (name == "number") return Type::Number();
  if (name == "bool") return Type::Bool();
  return Malformed(absl::StrCat("unknown name \"", name, "\""));
}

absl::StatusOr<Type> FromJsonAt(const Json& json, int depth);

absl::StatusOr<Type> ObjectFromJson(const Json& attributes, int depth) {
  if (!attributes.is_object()) return Malformed("an object needs a mapping of attributes");
  std::map<std::string, Type> types;
  for (const auto& [name, json] : attributes.items()) {
    DELIVERY_ASSIGN_OR_RETURN(Type type, FromJsonAt(json, depth));
    types.emplace(name, std::move(type));
  }
  return Type::Object(std::move(types));
}

absl::StatusOr<Type> TupleFromJson(const Json& elements, int depth) {
  if (!elements.is_array()) return Malformed("a tuple needs a list of types");
  std::vector<Type> types;
  for (const Json& json : elements) {
    DELIVERY_ASSIGN_OR_RETURN(types.emplace_back(), FromJsonAt(json, depth));
  }
  return Type::Tuple(std::move(types));
}

absl::StatusOr<Type> CollectionFromJson(const std::string& name, const Json& element, int depth) {
  DELIVERY_ASSIGN_OR_RETURN(Type type, FromJsonAt(element, depth));
  if (name == "list") return Type::List(std::move(type));
  if (name == "set") return Type::Set(std::move(type));
  if (name == "map") return Type::Map(std::move(type));
  return Malformed(absl::StrCat("unknown constructor \"", name, "\""));
}

absl::StatusOr<Type> FromJsonAt(const Json& json, int depth) {
  if (depth > kDeepestNesting) return Malformed("nested too deeply");
  if (json.is_string()) return SimpleFromJson(json.get<std::string>());
  if (!json.is_array() || json.size() < 2 || !json[0].is_string()) {
    return Malformed("neither a name nor a constructor with its argument");
  }
  const std::string name = json[0].get<std::string>();
  const bool has_optional_names = name == "object" && json.size() == 3;
  if (json.size() != 2 && !has_optional_names) return Malformed("too many arguments");
  if (name == "object") return ObjectFromJson(json[1], depth + 1);
  if (name == "tuple") return TupleFromJson(json[1], depth + 1);
  return CollectionFromJson(name, json[1], depth + 1);
}

}  // namespace

Type::Type(Kind kind, std::shared_ptr<const Parts> parts) : kind_(kind), parts_(std::move(parts)) {}

Type Type::Dynamic() { return Type(Kind::kDynamic, nullptr); }
Type Type::String() { return Type(Kind::kString, nullptr); }
Type Type::Number() { return Type(Kind::kNumber, nullptr); }
Type Type::Bool() { return Type(Kind::kBool, nullptr); }

Type Type::List(Type element) {
  return Type(Kind::kList, std::make_shared<Parts>(Parts{{std::move(element)}, {}}));
}
Type Type::Set(Type element) {
  return Type(Kind::kSet, std::make_shared<Parts>(Parts{{std::move(element)}, {}}));
}
Type Type::Map(Type element) {
  return Type(Kind::kMap, std::make_shared<Parts>(Parts{{std::move(element)}, {}}));
}
Type Type::Object(std::map<std::string, Type> attributes) {
  return Type(Kind::kObject, std::make_shared<Parts>(Parts{{}, std::move(attributes)}));
}
Type Type::Tuple(std::vector<Type> elements) {
  return Type(Kind::kTuple, std::make_shared<Parts>(Parts{std::move(elements), {}}));
}

bool Type::IsPrimitive() const {
  return kind_ == Kind::kString || kind_ == Kind::kNumber || kind_ == Kind::kBool;
}

const Type& Type::element() const {
  assert(IsCollection(kind_));
  return parts_->elements.front();
}

const std::map<std::string, Type>& Type::attributes() const {
  assert(kind_ == Kind::kObject);
  return parts_->attributes;
}

const std::vector<Type>& Type::elements() const {
  assert(kind_ == Kind::kTuple);
  return parts_->elements;
}

absl::StatusOr<Type> Type::FromJson(const Json& json) { return FromJsonAt(json, 0); }

Json Type::ToJson() const {
  if (parts_ == nullptr) return NameOf(kind_);
  Json argument;
  if (kind_ == Kind::kObject) {
    argument = Json::object();
    for (const auto& [name, type] : parts_->attributes) argument[name] = type.ToJson();
  } else if (kind_ == Kind::kTuple) {
    argument = Json::array();
    for (const Type& type : parts_->elements) argument.push_back(type.ToJson());
  } else {
    argument = element().ToJson();
  }
  return Json::array({NameOf(kind_), std::move(argument)});
}

std::string Type::ToString() const { return DumpJson(ToJson()); }

int Type::JsonDepth() const {
  if (parts_ == nullptr) return 0;
  int deepest = 0;
  for (const Type& type : parts_->elements) deepest = std::max(deepest, type.JsonDepth());
  for (const auto& [name, type] : parts_->attributes) {
    deepest = std::max(deepest, type.JsonDepth());
  }
  return deepest + (IsCollection(kind_) ? 1 : 2);
}

bool Type::ConformsTo(const Type& wanted) const {
  if (IsDynamic() || wanted.IsDynamic()) return true;
  if (kind_ != wanted.kind_) return false;
  if (parts_ == wanted.parts_) return true;
  const auto conforms = [](const Type& a, const Type& b) { return a.ConformsTo(b); };
  const auto entry_conforms = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.ConformsTo(b.second);
  };
  return std::equal(parts_->elements.begin(), parts_->elements.end(),
                    wanted.parts_->elements.begin(), wanted.parts_->elements.end(), conforms) &&
         std::equal(parts_->attributes.begin(), parts_->attributes.end(),
                    wanted.parts_->attributes.begin(), wanted.parts_->attributes.end(),
                    entry_conforms);
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind_ != b.kind_) return false;
  if (a.parts_ == b.parts_) return true;
  return a.parts_->elements == b.parts_->elements && a.parts_->attributes == b.parts_->attributes;
}

}  // namespace delivery::value
