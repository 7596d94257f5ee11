// Which workload a resource is about: its identity, import ids, and moves from other resources.
#ifndef DELIVERY_RESOURCES_WORKLOAD_IDENTITY_H_
#define DELIVERY_RESOURCES_WORKLOAD_IDENTITY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/kubernetes/api.h"
#include "provider/plugin/resource.h"
#include "provider/schema/schema.h"
#include "provider/value/value.h"

namespace delivery::resources {

// {kind, namespace, name}; the kind may be left out of an import.
const schema::IdentitySchema& WorkloadIdentitySchema();
// Null while kind or name are missing.
value::Value IdentityValue(const kubernetes::ObjectRef& ref);

// The workload that an import names. `kinds` are those of the resource, the one of an id without a
// kind first. Nullopt when it names none.
std::optional<kubernetes::ObjectRef> ParseImport(const plugin::ImportRequest& request,
                                                 const std::vector<std::string>& kinds);
// "The form is namespace/name ...", for the message about an id that is none.
std::string ImportForm(const std::vector<std::string>& kinds);

// The workload of another provider's state (workload_move.h), which must be of one of `kinds`.
absl::StatusOr<kubernetes::ObjectRef> MovedWorkload(const std::string& source_type,
                                                    const std::string& state_json,
                                                    const std::vector<std::string>& kinds);

// Whether a move is from one of our own resources that release one workload.
bool IsOwnType(const std::string& type_name);
// Whether such a state can be taken over: a kind that is not among `kinds`, or a release that is
// open and that only its own resource can finish, is FailedPrecondition with the remedy.
absl::Status CheckMove(const kubernetes::ObjectRef& ref, const std::string& phase,
                       const std::vector<std::string>& kinds);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_IDENTITY_H_
