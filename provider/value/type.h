// Types of Terraform's type system (cty), as schemas and dynamic values carry them.
// Source of the JSON form: Terraform plugin protocol, "type constraints"; docs/protocol.md.
#ifndef DELIVERY_VALUE_TYPE_H_
#define DELIVERY_VALUE_TYPE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::value {

// Immutable and cheap to copy. Equality is structural.
class Type {
 public:
  enum class Kind { kDynamic, kString, kNumber, kBool, kList, kSet, kMap, kObject, kTuple };

  Type() : Type(Dynamic()) {}

  static Type Dynamic();
  static Type String();
  static Type Number();
  static Type Bool();
  static Type List(Type element);
  static Type Set(Type element);
  static Type Map(Type element);
  static Type Object(std::map<std::string, Type> attributes);
  static Type Tuple(std::vector<Type> elements);

  Kind kind() const { return kind_; }
  bool IsDynamic() const { return kind_ == Kind::kDynamic; }
  bool IsPrimitive() const;
  // List, set or map only.
  const Type& element() const;
  // Object only.
  const std::map<std::string, Type>& attributes() const;
  // Tuple only.
  const std::vector<Type>& elements() const;

  // Parses the protocol's JSON form: "string", ["list","bool"], ["object",{...}] with an optional
  // third element (names of optional attributes) that is ignored. InvalidArgument otherwise.
  static absl::StatusOr<Type> FromJson(const Json& json);
  Json ToJson() const;
  // The JSON form as text.
  std::string ToString() const;
  // The levels of arrays and objects in the JSON form.
  int JsonDepth() const;

  // Equal to `wanted` but for places that are dynamic on either side.
  bool ConformsTo(const Type& wanted) const;

  friend bool operator==(const Type& a, const Type& b);

 private:
  struct Parts;
  Type(Kind kind, std::shared_ptr<const Parts> parts);

  Kind kind_;
  std::shared_ptr<const Parts> parts_;  // null for primitives and dynamic
};

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_TYPE_H_
