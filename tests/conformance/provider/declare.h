// Shorthand for schemas that are written down by hand.
#ifndef DELIVERY_TESTS_CONFORMANCE_PROVIDER_DECLARE_H_
#define DELIVERY_TESTS_CONFORMANCE_PROVIDER_DECLARE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider/schema/schema.h"

namespace delivery::conformance {

inline schema::Attribute Declare(std::string name, value::Type type) {
  schema::Attribute attribute;
  attribute.name = std::move(name);
  attribute.type = std::move(type);
  attribute.description = "For tests.";
  return attribute;
}
inline schema::Attribute Required(std::string name, value::Type type) {
  schema::Attribute attribute = Declare(std::move(name), std::move(type));
  attribute.required = true;
  return attribute;
}
inline schema::Attribute Optional(std::string name, value::Type type) {
  schema::Attribute attribute = Declare(std::move(name), std::move(type));
  attribute.optional = true;
  return attribute;
}
inline schema::Attribute Computed(std::string name, value::Type type) {
  schema::Attribute attribute = Declare(std::move(name), std::move(type));
  attribute.computed = true;
  return attribute;
}
inline schema::Attribute Sensitive(schema::Attribute attribute) {
  attribute.sensitive = true;
  return attribute;
}
// A computed object whose structure the schema shows.
inline schema::Attribute ComputedObject(std::string name,
                                        std::vector<schema::Attribute> attributes) {
  std::map<std::string, value::Type> types;
  for (const schema::Attribute& attribute : attributes) {
    types.emplace(attribute.name, attribute.type);
  }
  schema::Attribute object = Computed(std::move(name), value::Type::Object(std::move(types)));
  auto nested = std::make_shared<schema::NestedObject>();
  nested->attributes = std::move(attributes);
  object.nested = std::move(nested);
  return object;
}
inline schema::BlockType DeclareBlock(std::string name, schema::Nesting nesting,
                                      std::vector<schema::Attribute> attributes) {
  schema::BlockType block;
  block.name = std::move(name);
  block.nesting = nesting;
  block.block.attributes = std::move(attributes);
  block.block.description = "For tests.";
  return block;
}

}  // namespace delivery::conformance

#endif  // DELIVERY_TESTS_CONFORMANCE_PROVIDER_DECLARE_H_
