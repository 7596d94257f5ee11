// Objects of the probe provider as JSON files in a folder, so that tests can look at them, change
// them (drift) and remove them behind the host's back.
#ifndef DELIVERY_CONFORMANCE_PROBE_STORE_H_
#define DELIVERY_CONFORMANCE_PROBE_STORE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "provider/value/type.h"
#include "provider/value/value.h"

namespace delivery::conformance {

absl::Status SaveObject(const std::string& folder, const std::string& name,
                        const value::Value& object, const value::Type& type);
// NotFound when there is none of that name.
absl::StatusOr<value::Value> LoadObject(const std::string& folder, const std::string& name,
                                        const value::Type& type);
void RemoveObject(const std::string& folder, const std::string& name);

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_STORE_H_
