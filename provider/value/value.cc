#include "provider/value/value.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace delivery::value {
namespace {

using Kind = Type::Kind;

bool IsSequenceKind(Kind kind) {
  return kind == Kind::kList || kind == Kind::kSet || kind == Kind::kTuple;
}

bool IsMappingKind(Kind kind) { return kind == Kind::kMap || kind == Kind::kObject; }

// Nulls and unknowns of unknown type become those of the element type.
Value AsElement(const Type& element, Value value) {
  assert(value.type().ConformsTo(element));
  if (!value.type().IsDynamic() || element.IsDynamic()) return value;
  return value.is_null() ? Value::Null(element) : Value::Unknown(element);
}

// Equal for equal values: sets without regard to order, numbers by value.
size_t HashOf(const Value& value);

size_t HashOfSequence(const Value& value) {
  const bool ordered = value.type().kind() != Kind::kSet;
  size_t hash = value.elements().size();
  for (const Value& element : value.elements()) {
    hash = ordered ? absl::HashOf(hash, HashOf(element)) : hash + HashOf(element);
  }
  return hash;
}

size_t HashOfMapping(const Value& value) {
  size_t hash = value.entries().size();
  for (const auto& [key, entry] : value.entries()) hash = absl::HashOf(hash, key, HashOf(entry));
  return hash;
}

size_t HashOfNumber(const Number& number) {
  if (const std::optional<int64_t> integer = number.AsInt64()) return absl::HashOf(*integer);
  return absl::HashOf(number.ToDecimal());
}

size_t HashOf(const Value& value) {
  if (!value.is_known()) return value.is_null() ? 1 : 2;
  if (value.is_string()) return absl::HashOf(value.AsString());
  if (value.is_bool()) return absl::HashOf(value.AsBool());
  if (value.is_number()) return HashOfNumber(value.AsNumber());
  return value.is_sequence() ? HashOfSequence(value) : HashOfMapping(value);
}

// Values by their hash, so that sets of many elements are built and compared in linear time.
class Buckets {
 public:
  void Add(const Value& value) { buckets_[HashOf(value)].push_back(&value); }
  bool Contains(const Value& value) {
    const auto [bucket, at] = Locate(value);
    return bucket != nullptr && at != bucket->end();
  }
  // Removes one value equal to `value`; false when there is none.
  bool Remove(const Value& value) {
    const auto [bucket, at] = Locate(value);
    if (bucket == nullptr || at == bucket->end()) return false;
    bucket->erase(at);
    return true;
  }

 private:
  using Bucket = std::vector<const Value*>;

  std::pair<Bucket*, Bucket::iterator> Locate(const Value& value) {
    const auto it = buckets_.find(HashOf(value));
    if (it == buckets_.end()) return {nullptr, {}};
    const auto equals = [&](const Value* other) { return *other == value; };
    return {&it->second, std::find_if(it->second.begin(), it->second.end(), equals)};
  }

  absl::flat_hash_map<size_t, Bucket> buckets_;
};

Value::List WithoutDuplicates(const Value::List& elements) {
  Buckets seen;
  Value::List distinct;
  for (const Value& element : elements) {
    if (element.IsWhollyKnown()) {
      if (seen.Contains(element)) continue;
      seen.Add(element);
    }
    distinct.push_back(element);
  }
  return distinct;
}

bool EqualSets(const Value::List& a, const Value::List& b) {
  if (a.size() != b.size()) return false;
  Buckets unmatched;
  for (const Value& element : a) unmatched.Add(element);
  return std::all_of(b.begin(), b.end(), [&](const Value& e) { return unmatched.Remove(e); });
}

Type TypeOf(const Value::Map& attributes) {
  std::map<std::string, Type> types;
  for (const auto& [name, value] : attributes) types.emplace_hint(types.end(), name, value.type());
  return Type::Object(std::move(types));
}

bool IsTypeOf(const Type& type, const Value::Map& attributes) {
  const auto matches = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second == b.second.type();
  };
  return std::equal(type.attributes().begin(), type.attributes().end(), attributes.begin(),
                    attributes.end(), matches);
}

}  // namespace

Value Value::Make(Type type, State state, Content content) {
  return Value(std::make_shared<const Rep>(Rep{std::move(type), state, std::move(content)}));
}

Value Value::Null(Type type) { return Make(std::move(type), State::kNull, {}); }
Value Value::Unknown(Type type) { return Make(std::move(type), State::kUnknown, {}); }
Value Value::String(std::string text) {
  return Make(Type::String(), State::kKnown, std::move(text));
}
Value Value::Number(value::Number number) {
  return Make(Type::Number(), State::kKnown, std::move(number));
}
Value Value::Bool(bool b) { return Make(Type::Bool(), State::kKnown, b); }

Value Value::MakeList(Type element, List elements) {
  for (Value& value : elements) value = AsElement(element, std::move(value));
  return Make(Type::List(std::move(element)), State::kKnown, std::move(elements));
}

Value Value::MakeSet(Type element, List elements) {
  for (Value& value : elements) value = AsElement(element, std::move(value));
  return Make(Type::Set(std::move(element)), State::kKnown, WithoutDuplicates(elements));
}

Value Value::MakeMap(Type element, Map elements) {
  for (auto& [key, value] : elements) value = AsElement(element, std::move(value));
  return Make(Type::Map(std::move(element)), State::kKnown, std::move(elements));
}

Value Value::Object(Map attributes) {
  Type type = TypeOf(attributes);
  return Make(std::move(type), State::kKnown, std::move(attributes));
}

Value Value::Object(const Type& type, Map attributes) {
  if (!IsTypeOf(type, attributes)) return Object(std::move(attributes));
  return Make(type, State::kKnown, std::move(attributes));
}

Value Value::Tuple(List elements) {
  std::vector<Type> types;
  types.reserve(elements.size());
  for (const Value& element : elements) types.push_back(element.type());
  return Make(Type::Tuple(std::move(types)), State::kKnown, std::move(elements));
}

bool Value::IsWhollyKnown() const {
  if (is_unknown()) return false;
  const auto known = [](const Value& value) { return value.IsWhollyKnown(); };
  if (is_sequence()) return std::all_of(elements().begin(), elements().end(), known);
  if (!is_mapping()) return true;
  return std::all_of(entries().begin(), entries().end(),
                     [](const auto& entry) { return entry.second.IsWhollyKnown(); });
}

bool Value::is_sequence() const { return is_known() && IsSequenceKind(type().kind()); }
bool Value::is_mapping() const { return is_known() && IsMappingKind(type().kind()); }

const std::string& Value::AsString() const {
  assert(is_string());
  return *std::get_if<std::string>(&rep_->content);
}

const value::Number& Value::AsNumber() const {
  assert(is_number());
  return *std::get_if<value::Number>(&rep_->content);
}

bool Value::AsBool() const {
  assert(is_bool());
  return *std::get_if<bool>(&rep_->content);
}

const Value::List& Value::elements() const {
  assert(is_sequence());
  return *std::get_if<List>(&rep_->content);
}

const Value::Map& Value::entries() const {
  assert(is_mapping());
  return *std::get_if<Map>(&rep_->content);
}

Value Value::Get(std::string_view key) const {
  if (!is_mapping()) return Value();
  const auto it = entries().find(std::string(key));
  return it == entries().end() ? Value() : it->second;
}

bool Value::Has(std::string_view key) const {
  return is_mapping() && entries().count(std::string(key)) > 0;
}

Value Value::With(std::string key, Value entry) const {
  Map changed = entries();
  changed.insert_or_assign(std::move(key), std::move(entry));
  if (type().kind() == Kind::kMap) return MakeMap(type().element(), std::move(changed));
  return Object(type(), std::move(changed));
}

Value Value::Without(std::string_view key) const {
  Map changed = entries();
  changed.erase(std::string(key));
  if (type().kind() == Kind::kMap) return MakeMap(type().element(), std::move(changed));
  return Object(type(), std::move(changed));
}

bool operator==(const Value& a, const Value& b) {
  if (a.rep_ == b.rep_) return true;
  if (a.rep_->state != b.rep_->state || !(a.type() == b.type())) return false;
  if (a.is_known() && a.type().kind() == Kind::kSet) return EqualSets(a.elements(), b.elements());
  return a.rep_->content == b.rep_->content;
}

std::string Value::DebugString() const {
  if (is_null()) return "null";
  if (is_unknown()) return "(unknown)";
  if (is_string()) return absl::StrCat("\"", absl::Utf8SafeCEscape(AsString()), "\"");
  if (is_number()) return AsNumber().ToDecimal();
  if (is_bool()) return AsBool() ? "true" : "false";
  const auto element = [](std::string* out, const Value& value) { *out += value.DebugString(); };
  const auto entry = [](std::string* out, const Map::value_type& item) {
    absl::StrAppend(out, item.first, ": ", item.second.DebugString());
  };
  return is_sequence() ? absl::StrCat("[", absl::StrJoin(elements(), ", ", element), "]")
                       : absl::StrCat("{", absl::StrJoin(entries(), ", ", entry), "}");
}

}  // namespace delivery::value
