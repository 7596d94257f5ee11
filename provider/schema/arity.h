// How many members an aggregate has, at compile time, so that a declaration that forgets one is
// found by a test and not by a user.
#ifndef DELIVERY_SCHEMA_ARITY_H_
#define DELIVERY_SCHEMA_ARITY_H_

#include <cstddef>
#include <utility>

namespace delivery::schema {
namespace arity_internal {

struct ConvertsToAnything {
  template <typename T>
  operator T() const;  // NOLINT: never defined, only looked at
};

template <typename M, size_t... I>
constexpr bool Takes(std::index_sequence<I...>) {
  return requires { M{(static_cast<void>(I), ConvertsToAnything{})...}; };
}

template <typename M, size_t N = 0>
constexpr size_t Count() {
  if constexpr (!Takes<M>(std::make_index_sequence<N + 1>())) {
    return N;
  } else {
    return Count<M, N + 1>();
  }
}

}  // namespace arity_internal

template <typename M>
inline constexpr size_t kArity = arity_internal::Count<M>();

}  // namespace delivery::schema

#endif  // DELIVERY_SCHEMA_ARITY_H_
