// The way from the root of a value to the place a recursive function is at, kept on the stack and
// turned into a Path only when an error needs it.
#ifndef DELIVERY_VALUE_TRAIL_H_
#define DELIVERY_VALUE_TRAIL_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "provider/value/path.h"
#include "provider/value/type.h"

namespace delivery::value {

// Values and types nested deeper are refused by every decoder and encoder.
inline constexpr int kDeepestNesting = 200;

// Each step refers to the one before it, which must outlive it; names are not copied.
class Trail {
 public:
  Trail() = default;  // the root
  Trail(const Trail&) = delete;
  Trail& operator=(const Trail&) = delete;

  static Trail Attribute(const Trail& up, std::string_view name) { return {up, Step::kName, name}; }
  static Trail Key(const Trail& up, std::string_view key) { return {up, Step::kKey, key}; }
  static Trail Index(const Trail& up, size_t index) { return {up, Step::kIndex, {}, index}; }
  // The step into an entry of a mapping of `kind`.
  static Trail Entry(const Trail& up, Type::Kind kind, std::string_view name) {
    return kind == Type::Kind::kObject ? Attribute(up, name) : Key(up, name);
  }
  // A level of nesting that paths do not show.
  static Trail Inside(const Trail& up) { return {up, Step::kNone}; }

  bool IsTooDeep() const { return depth_ > kDeepestNesting; }
  Path ToPath() const;

  // `message` after the path of this place; FailedPrecondition and InvalidArgument.
  absl::Status Invalid(absl::string_view message) const;
  absl::Status Unmet(absl::string_view message) const;
  absl::Status TooDeep() const;

 private:
  enum class Step { kNone, kName, kKey, kIndex };

  Trail(const Trail& up, Step step, std::string_view name = {}, size_t index = 0)
      : up_(&up), step_(step), name_(name), index_(index), depth_(up.depth_ + 1) {}

  std::string Explain(absl::string_view message) const;

  const Trail* up_ = nullptr;
  Step step_ = Step::kNone;
  std::string_view name_;
  size_t index_ = 0;
  int depth_ = 0;
};

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_TRAIL_H_
