// Where inside a Kubernetes object a field is: spec.template.spec.containers[name=web].image.
//
// The spelling, which users write in `ignore_fields` and read in warnings:
//   a.b                                   members
//   annotations["a.b/c"]                  a member whose name is not a plain word
//   containers[name=web]                  the element of an associative list with this key
//   ports[containerPort=80,protocol=TCP]  the same with several keys
//   args[0]                               an element by position
//   finalizers[="example.com/x"]          a member of a set of scalars
//   containers[*]                         every element (in patterns only)
// Quoted strings are JSON strings. After annotations, labels, matchLabels, nodeSelector, limits and
// requests the rest of the text may be the unquoted key (metadata.annotations.a.b/c), as kubectl
// and the API server print it; a leading dot is accepted.
#ifndef DELIVERY_KUBERNETES_FIELD_PATH_H_
#define DELIVERY_KUBERNETES_FIELD_PATH_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::kubernetes {

// A sequence of steps from the root. Compares by content.
class FieldPath {
 public:
  struct Member {
    std::string name;
    friend bool operator==(const Member&, const Member&) = default;
  };
  struct Element {
    std::map<std::string, Json> keys;  // scalars
    friend bool operator==(const Element&, const Element&) = default;
  };
  struct Index {
    size_t index = 0;
    friend bool operator==(const Index&, const Index&) = default;
  };
  struct SetValue {
    Json value;
    friend bool operator==(const SetValue&, const SetValue&) = default;
  };
  struct AnyElement {
    friend bool operator==(const AnyElement&, const AnyElement&) = default;
  };
  using Step = std::variant<Member, Element, Index, SetValue, AnyElement>;

  FieldPath() = default;
  explicit FieldPath(std::vector<Step> steps) : steps_(std::move(steps)) {}

  // InvalidArgument that says what is wrong and shows an example. The empty text is the root.
  static absl::StatusOr<FieldPath> Parse(std::string_view text);

  FieldPath operator/(std::string_view member) const { return Plus(Member{std::string(member)}); }
  FieldPath At(size_t index) const { return Plus(Index{index}); }
  FieldPath Plus(Step step) const;
  FieldPath Parent() const;  // of the root: the root

  const std::vector<Step>& steps() const { return steps_; }
  bool empty() const { return steps_.empty(); }
  // The last step's member name, empty when it is not a member.
  std::string_view LastMember() const;

  std::string ToString() const;

  // True when `path` is this field or lies below it. As a pattern: [*] covers any element, and an
  // element with fewer keys covers those that have more.
  bool Covers(const FieldPath& path) const;

  friend bool operator==(const FieldPath&, const FieldPath&) = default;

 private:
  std::vector<Step> steps_;
};

// A path as positions: member names and list indices.
using ConcreteSteps = std::vector<std::variant<std::string, size_t>>;

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_FIELD_PATH_H_
