// The schema model: what a provider, resource or data source accepts, free of wire types.
// Produced from a typed Spec (spec.h); consumed by the plugin layer (wire schema) and the docs.
#ifndef DELIVERY_SCHEMA_SCHEMA_H_
#define DELIVERY_SCHEMA_SCHEMA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "provider/value/type.h"

namespace delivery::schema {

enum class Nesting { kSingle, kList, kSet, kMap };

struct Attribute;

// The structure of a nested attribute (used for computed structure such as `status`).
struct NestedObject {
  Nesting nesting = Nesting::kSingle;
  std::vector<Attribute> attributes;
};

struct Attribute {
  std::string name;
  value::Type type;                            // the full type, also when `nested` is set
  std::shared_ptr<const NestedObject> nested;  // null for plain attributes
  bool required = false;
  bool optional = false;
  bool computed = false;
  bool sensitive = false;
  std::string description;          // Markdown, one paragraph
  std::string deprecation_message;  // empty: not deprecated
  std::string default_text;         // HCL spelling of the default, for the docs
  std::string rules_text;           // what validators demand, for the docs
};

struct BlockType;

struct Block {
  std::vector<Attribute> attributes;
  std::vector<BlockType> blocks;
  std::string description;

  // The object type of a value of this block.
  value::Type ImpliedType() const;
};

// A nested block. kSingle: at most one (exactly one when required), the value is an object or null.
// kList: any number within min/max, the value is a list, never null.
struct BlockType {
  std::string name;
  Nesting nesting = Nesting::kSingle;
  bool required = false;  // kSingle only
  int64_t min_items = 0;  // kList and kSet only
  int64_t max_items = 0;  // 0: no limit
  Block block;
};

struct Schema {
  int64_t version = 0;
  Block block;
};

// A resource's identity: flat attributes of primitive type.
struct IdentityAttribute {
  std::string name;
  value::Type type;
  bool required_for_import = false;
  bool optional_for_import = false;
  std::string description;
};
struct IdentitySchema {
  int64_t version = 0;
  std::vector<IdentityAttribute> attributes;

  value::Type ImpliedType() const;
};

}  // namespace delivery::schema

#endif  // DELIVERY_SCHEMA_SCHEMA_H_
