// The ways in which a resource can go wrong on demand.
#ifndef DELIVERY_CONFORMANCE_PROBE_MISBEHAVE_H_
#define DELIVERY_CONFORMANCE_PROBE_MISBEHAVE_H_

#include <string>

#include "provider/plugin/resource.h"

namespace delivery::conformance {

// Does what `way` says to the response of an apply, or to the whole process; nothing for "".
void Misbehave(const std::string& way, const std::string& secret, plugin::ApplyResponse& response);

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_MISBEHAVE_H_
