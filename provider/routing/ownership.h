// Giving field ownership back. Lists such as spec.rules are atomic under server-side apply: who
// patches one element owns the list, and its former owner's next apply would conflict, even when
// the old value is back (tried on the real API server).
#ifndef DELIVERY_ROUTING_OWNERSHIP_H_
#define DELIVERY_ROUTING_OWNERSHIP_H_

#include <optional>
#include <string>

#include "provider/base/json.h"
#include "provider/kubernetes/field_path.h"

namespace delivery::routing {

// The entries of metadata.managedFields before a run, without ours and those of the status, which
// no write of ours touches.
Json EntriesToSave(const Json& object);

// metadata.managedFields of `live` without our entry: what it holds goes back to the entries of
// `saved` that held it. When nobody else wrote meanwhile, the result is what was there before the
// run (the server keeps its own order). Nullopt when we have no entry.
std::optional<Json> GiveBack(const Json& live, const Json& saved);

// Tells whether the field has the same value again; says nothing about the value. For a run that
// another process began.
std::string FingerprintOf(const Json& object, const kubernetes::FieldPath& field);

// Whether our last write is what the field still says, as far as its owners tell.
bool IsWrittenByUs(const Json& object, const kubernetes::FieldPath& field);
// The newest manager but us of the field; empty when there is none, as after a removal.
std::string ForeignManager(const Json& object, const kubernetes::FieldPath& field);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_OWNERSHIP_H_
