#include "provider/schema/schema.h"

#include <map>

namespace delivery::schema {
namespace {

value::Type BlockValueType(const BlockType& block) {
  value::Type object = block.block.ImpliedType();
  switch (block.nesting) {
    case Nesting::kSingle:
      return object;
    case Nesting::kList:
      return value::Type::List(std::move(object));
    case Nesting::kSet:
      return value::Type::Set(std::move(object));
    case Nesting::kMap:
      return value::Type::Map(std::move(object));
  }
  return object;
}

}  // namespace

value::Type Block::ImpliedType() const {
  std::map<std::string, value::Type> types;
  for (const Attribute& attribute : attributes) types.emplace(attribute.name, attribute.type);
  for (const BlockType& block : blocks) types.emplace(block.name, BlockValueType(block));
  return value::Type::Object(std::move(types));
}

value::Type IdentitySchema::ImpliedType() const {
  std::map<std::string, value::Type> types;
  for (const IdentityAttribute& attribute : attributes) {
    types.emplace(attribute.name, attribute.type);
  }
  return value::Type::Object(std::move(types));
}

}  // namespace delivery::schema
