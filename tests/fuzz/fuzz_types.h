// The types with which the fuzzers of values decode: each kind alone, and schemas as ours are.
#ifndef DELIVERY_TESTS_FUZZ_FUZZ_TYPES_H_
#define DELIVERY_TESTS_FUZZ_FUZZ_TYPES_H_

#include <cstdint>
#include <vector>

#include "provider/value/type.h"

namespace delivery::value {

inline std::vector<Type> MakeFuzzTypes() {
  const Type step = Type::Object({{"weight", Type::Number()}, {"pause", Type::String()}});
  const Type release = Type::Object({{"name", Type::String()},
                                     {"images", Type::Map(Type::String())},
                                     {"steps", Type::List(step)},
                                     {"hosts", Type::Set(Type::String())},
                                     {"manifest", Type::Dynamic()},
                                     {"wait", Type::Bool()}});
  return {Type::Dynamic(),
          Type::String(),
          Type::Number(),
          Type::Bool(),
          Type::List(Type::Dynamic()),
          Type::Set(Type::Set(Type::Number())),
          Type::Map(Type::Dynamic()),
          Type::Tuple({Type::String(), Type::Dynamic()}),
          Type::Object({{"a", Type::Dynamic()}, {"b", Type::Number()}}),
          release};
}

inline const Type& PickFuzzType(uint8_t choice) {
  static const auto* const types = new std::vector<Type>(MakeFuzzTypes());
  return (*types)[choice % types->size()];
}

}  // namespace delivery::value

#endif  // DELIVERY_TESTS_FUZZ_FUZZ_TYPES_H_
