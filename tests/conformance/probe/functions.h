// The probe provider's functions.
#ifndef DELIVERY_CONFORMANCE_PROBE_FUNCTIONS_H_
#define DELIVERY_CONFORMANCE_PROBE_FUNCTIONS_H_

#include <memory>
#include <vector>

#include "provider/plugin/resource.h"

namespace delivery::conformance {

// echo(value), is_nothing(value or null), chain(separator, parts...), half(number).
std::vector<std::unique_ptr<plugin::Function>> MakeFunctions();

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_FUNCTIONS_H_
