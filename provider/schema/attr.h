// Attr<T>: the tri-state every declared field has. Terraform distinguishes "not given" (null), "not
// known yet" (unknown) and a value; std::optional cannot.
#ifndef DELIVERY_SCHEMA_ATTR_H_
#define DELIVERY_SCHEMA_ATTR_H_

#include <cassert>
#include <optional>
#include <utility>

namespace delivery::schema {

template <typename T>
class Attr {
 public:
  using value_type = T;

  Attr() = default;                            // null
  Attr(T value) : value_(std::move(value)) {}  // NOLINT: implicit by design
  static Attr Unknown() {
    Attr attr;
    attr.unknown_ = true;
    return attr;
  }

  bool is_null() const { return !unknown_ && !value_.has_value(); }
  bool is_unknown() const { return unknown_; }
  bool is_known() const { return value_.has_value(); }

  // Precondition: is_known().
  const T& value() const {
    assert(is_known());
    return *value_;
  }
  T& value() {
    assert(is_known());
    return *value_;
  }
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }

  // The value, or `otherwise` when null or unknown.
  T value_or(T otherwise) const { return is_known() ? *value_ : std::move(otherwise); }

  friend bool operator==(const Attr&, const Attr&) = default;

 private:
  bool unknown_ = false;
  std::optional<T> value_;
};

}  // namespace delivery::schema

#endif  // DELIVERY_SCHEMA_ATTR_H_
