// What every answer about a resource carries besides its state: private bytes and identity.
#ifndef DELIVERY_PLUGIN_SERVICE_CARRY_H_
#define DELIVERY_PLUGIN_SERVICE_CARRY_H_

#include <string>

#include "absl/status/status.h"
#include "provider/plugin/service_impl.h"
#include "provider/plugin/to_wire.h"

namespace delivery::plugin {

// The host replaces its private bytes by those of each answer, so an implementation that says
// nothing about them must not lose them.
inline std::string CarriedPrivate(const std::string& from_request, const std::string& answered) {
  return answered.empty() ? from_request : answered;
}

// Sets the identity in `response` through `mutable_identity` when the resource has one and the
// value is a wholly known object; otherwise the host keeps the identity that it has.
template <typename MutableIdentity>
absl::Status CarryIdentity(const ServedResource& served, const value::Value& identity,
                           MutableIdentity mutable_identity) {
  const bool has_identity = served.resource->identity_schema() != nullptr;
  if (!has_identity || !identity.is_known() || !identity.IsWhollyKnown()) return absl::OkStatus();
  return ValueToWire(identity, served.identity_type, *mutable_identity()->mutable_identity_data());
}

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_CARRY_H_
