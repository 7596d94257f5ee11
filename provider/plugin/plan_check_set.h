// Comparing sets whose elements may hold unknown values and therefore have no fixed identity.
#ifndef DELIVERY_PLUGIN_PLAN_CHECK_SET_H_
#define DELIVERY_PLUGIN_PLAN_CHECK_SET_H_

#include <algorithm>

#include "provider/value/value.h"

namespace delivery::plugin {

// Whether every element of `a` fits at least one of `b` and the other way round, which is how the
// hosts correlate sets. `fits` takes an element of each. Both must be known.
template <typename Fits>
bool SetsCorrelate(const value::Value& a, const value::Value& b, Fits fits) {
  const auto in_b = [&](const value::Value& x) {
    return std::any_of(b.elements().begin(), b.elements().end(),
                       [&](const value::Value& y) { return fits(x, y); });
  };
  const auto in_a = [&](const value::Value& y) {
    return std::any_of(a.elements().begin(), a.elements().end(),
                       [&](const value::Value& x) { return fits(x, y); });
  };
  return std::all_of(a.elements().begin(), a.elements().end(), in_b) &&
         std::all_of(b.elements().begin(), b.elements().end(), in_a);
}

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_PLAN_CHECK_SET_H_
