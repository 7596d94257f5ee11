// A Terraform value: a tree of null, unknown and known nodes, each with its type.
#ifndef DELIVERY_VALUE_VALUE_H_
#define DELIVERY_VALUE_VALUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/value/number.h"
#include "provider/value/type.h"

namespace delivery::value {

// Immutable, cheap to copy (shared representation), safe to share between threads. Every value has
// a type; a null or unknown value of unknown type has the dynamic type. Refinements of unknown
// values are dropped when decoding, which the protocol allows.
class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::map<std::string, Value>;

  // Null of the dynamic type.
  Value() : Value(Null(Type::Dynamic())) {}

  static Value Null(Type type);
  static Value Unknown(Type type);
  static Value String(std::string text);
  static Value Number(value::Number number);
  static Value Number(int64_t number) { return Number(value::Number(number)); }
  static Value Bool(bool b);
  // Element types must equal `element`, or conform to it where it holds dynamic places (null and
  // unknown elements included; those of the dynamic type take on the type `element`).
  static Value MakeList(Type element, List elements);
  // As MakeList; equal elements are dropped, but not those with something unknown inside, which may
  // turn out to differ. Order is kept as given and ignored by ==.
  static Value MakeSet(Type element, List elements);
  static Value MakeMap(Type element, Map elements);
  // The type follows from the elements.
  static Value Object(Map attributes);
  // As Object, sharing `type` when that is the type of `attributes`, which saves building it anew.
  static Value Object(const Type& type, Map attributes);
  static Value Tuple(List elements);

  const Type& type() const { return rep_->type; }
  bool is_null() const { return rep_->state == State::kNull; }
  bool is_unknown() const { return rep_->state == State::kUnknown; }
  bool is_known() const { return rep_->state == State::kKnown; }  // known and not null
  // No unknown anywhere inside.
  bool IsWhollyKnown() const;

  bool is_string() const { return is_known() && type().kind() == Type::Kind::kString; }
  bool is_number() const { return is_known() && type().kind() == Type::Kind::kNumber; }
  bool is_bool() const { return is_known() && type().kind() == Type::Kind::kBool; }
  // List, set or tuple.
  bool is_sequence() const;
  // Map or object.
  bool is_mapping() const;

  // Preconditions: the matching is_...() is true.
  const std::string& AsString() const;
  const value::Number& AsNumber() const;
  bool AsBool() const;
  const List& elements() const;
  const Map& entries() const;

  // Attribute or map entry; null value of dynamic type when absent or not a mapping.
  Value Get(std::string_view key) const;
  bool Has(std::string_view key) const;

  // A copy with one attribute or entry replaced or added (objects: the type follows).
  Value With(std::string key, Value entry) const;
  Value Without(std::string_view key) const;

  // Deep equality of type, state and content; sets compare without order, numbers by value.
  friend bool operator==(const Value& a, const Value& b);

  // Test and log form, for example {a: "x", b: (unknown), c: null}. Not for users: may hold
  // secrets.
  std::string DebugString() const;

 private:
  enum class State { kNull, kUnknown, kKnown };
  using Content = std::variant<std::monostate, std::string, value::Number, bool, List, Map>;
  struct Rep {
    Type type;
    State state;
    Content content;
  };
  explicit Value(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  static Value Make(Type type, State state, Content content);

  std::shared_ptr<const Rep> rep_;
};

// A value from plain JSON: objects become objects, arrays tuples, integers and floats numbers.
Value FromPlainJson(const Json& json);

// Plain JSON from a known value: mappings become objects, sequences arrays, whole numbers integers,
// other numbers doubles. Null map entries are kept as JSON null. FailedPrecondition when something
// inside is unknown, InvalidArgument for infinite numbers, naming the path.
absl::StatusOr<Json> ToPlainJson(const Value& value);

// `value` converted so that it conforms to `type` where cty's conversion rules allow it without
// loss (tuple to list or set, list to set and back, object to map or object, map to object,
// number/bool to string and back, anything to dynamic); InvalidArgument with the path otherwise.
// Attributes that an object type does not have are dropped, those it has must be present. A
// collection of dynamic elements gets the one of its elements' types that all others convert to.
absl::StatusOr<Value> ConvertTo(const Value& value, const Type& type);

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_VALUE_H_
