#include "tests/conformance/probe/declare.h"

#include <map>
#include <memory>

namespace delivery::conformance {

schema::Attribute Declare(std::string name, value::Type type, Use use, std::string description) {
  schema::Attribute attribute;
  attribute.name = std::move(name);
  attribute.type = std::move(type);
  attribute.required = use == Use::kRequired;
  attribute.optional = use == Use::kOptional || use == Use::kOptionalComputed;
  attribute.computed = use == Use::kComputed || use == Use::kOptionalComputed;
  attribute.description = std::move(description);
  return attribute;
}

schema::Attribute DeclareNested(std::string name, std::vector<schema::Attribute> attributes,
                                std::string description) {
  std::map<std::string, value::Type> types;
  for (const schema::Attribute& attribute : attributes) {
    types.emplace(attribute.name, attribute.type);
  }
  schema::Attribute nested = Declare(std::move(name), value::Type::Object(std::move(types)),
                                     Use::kComputed, std::move(description));
  auto object = std::make_shared<schema::NestedObject>();
  object->attributes = std::move(attributes);
  nested.nested = std::move(object);
  return nested;
}

schema::BlockType DeclareBlock(std::string name, schema::Nesting nesting, schema::Block block) {
  schema::BlockType type;
  type.name = std::move(name);
  type.nesting = nesting;
  type.block = std::move(block);
  return type;
}

std::string TextOf(const value::Value& object, const std::string& attribute) {
  const value::Value text = object.Get(attribute);
  return text.is_string() ? text.AsString() : "";
}

bool IsTrue(const value::Value& object, const std::string& attribute) {
  const value::Value flag = object.Get(attribute);
  return flag.is_bool() && flag.AsBool();
}

}  // namespace delivery::conformance
