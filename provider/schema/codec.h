// How a C++ type stands for a Terraform value: Codec<T>::TypeOf, Decode and Encode.
//
// Decode is given values that conform to TypeOf (the wire layer saw to that); what can still be
// wrong (a fraction where an integer is meant) is reported with its path. Encode(Decode(v)) == v
// for every conforming v that decodes without error.
#ifndef DELIVERY_SCHEMA_CODEC_H_
#define DELIVERY_SCHEMA_CODEC_H_

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "provider/schema/attr.h"
#include "provider/value/diagnostics.h"
#include "provider/value/path.h"
#include "provider/value/value.h"

namespace delivery::schema {

template <typename T>
struct Codec;

// A struct that declares its fields: `static const Spec<T>& Declaration();` (spec.h).
template <typename T>
concept Declared = requires {
  T::Declaration();
};

template <>
struct Codec<std::string> {
  static value::Type TypeOf() { return value::Type::String(); }
  static std::string Decode(const value::Value& value, const value::Path&, Diagnostics&) {
    return value.AsString();
  }
  static value::Value Encode(const std::string& text) { return value::Value::String(text); }
};

template <>
struct Codec<bool> {
  static value::Type TypeOf() { return value::Type::Bool(); }
  static bool Decode(const value::Value& value, const value::Path&, Diagnostics&) {
    return value.AsBool();
  }
  static value::Value Encode(bool b) { return value::Value::Bool(b); }
};

template <>
struct Codec<int64_t> {
  static value::Type TypeOf() { return value::Type::Number(); }
  static int64_t Decode(const value::Value& value, const value::Path& path,
                        Diagnostics& diagnostics);
  static value::Value Encode(int64_t n) { return value::Value::Number(n); }
};

// Arbitrary precision, echoed as it came.
template <>
struct Codec<value::Number> {
  static value::Type TypeOf() { return value::Type::Number(); }
  static value::Number Decode(const value::Value& value, const value::Path&, Diagnostics&) {
    return value.AsNumber();
  }
  static value::Value Encode(const value::Number& n) { return value::Value::Number(n); }
};

// Dynamic: any value with its own type.
template <>
struct Codec<value::Value> {
  static value::Type TypeOf() { return value::Type::Dynamic(); }
  static value::Value Decode(const value::Value& value, const value::Path&, Diagnostics&) {
    return value;
  }
  static value::Value Encode(const value::Value& value) { return value; }
};

// The tri-state around any codec.
template <typename T>
Attr<T> DecodeAttr(const value::Value& value, const value::Path& path, Diagnostics& diagnostics) {
  if (value.is_null()) return Attr<T>();
  if (value.is_unknown()) return Attr<T>::Unknown();
  return Attr<T>(Codec<T>::Decode(value, path, diagnostics));
}
template <typename T>
value::Value EncodeAttr(const Attr<T>& attr) {
  if (attr.is_null()) return value::Value::Null(Codec<T>::TypeOf());
  if (attr.is_unknown()) return value::Value::Unknown(Codec<T>::TypeOf());
  return Codec<T>::Encode(attr.value());
}

template <typename T>
struct Codec<std::vector<Attr<T>>> {
  static value::Type TypeOf() { return value::Type::List(Codec<T>::TypeOf()); }
  static std::vector<Attr<T>> Decode(const value::Value& value, const value::Path& path,
                                     Diagnostics& diagnostics) {
    std::vector<Attr<T>> result;
    for (const value::Value& element : value.elements()) {
      const auto index = static_cast<int64_t>(result.size());
      result.push_back(DecodeAttr<T>(element, path.At(index), diagnostics));
    }
    return result;
  }
  static value::Value Encode(const std::vector<Attr<T>>& list) {
    value::Value::List elements;
    for (const Attr<T>& element : list) elements.push_back(EncodeAttr(element));
    return value::Value::MakeList(Codec<T>::TypeOf(), std::move(elements));
  }
};

template <typename T>
struct Codec<std::map<std::string, Attr<T>>> {
  static value::Type TypeOf() { return value::Type::Map(Codec<T>::TypeOf()); }
  static std::map<std::string, Attr<T>> Decode(const value::Value& value, const value::Path& path,
                                               Diagnostics& diagnostics) {
    std::map<std::string, Attr<T>> result;
    for (const auto& [key, element] : value.entries()) {
      result.emplace(key, DecodeAttr<T>(element, path.At(key), diagnostics));
    }
    return result;
  }
  static value::Value Encode(const std::map<std::string, Attr<T>>& map) {
    value::Value::Map entries;
    for (const auto& [key, element] : map) entries.emplace(key, EncodeAttr(element));
    return value::Value::MakeMap(Codec<T>::TypeOf(), std::move(entries));
  }
};

template <Declared T>
struct Codec<T> {
  static value::Type TypeOf() { return T::Declaration().ImpliedType(); }
  static T Decode(const value::Value& value, const value::Path& path, Diagnostics& diagnostics) {
    return T::Declaration().Decode(value, path, diagnostics);
  }
  static value::Value Encode(const T& model) { return T::Declaration().Encode(model); }
};

}  // namespace delivery::schema

#endif  // DELIVERY_SCHEMA_CODEC_H_
