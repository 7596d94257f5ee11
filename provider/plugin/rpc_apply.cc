// What is done.
#include "provider/base/status_macros.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/plan_check.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_carry.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {
namespace {

absl::StatusOr<ApplyRequest> ApplyFromWire(const tfplugin6::ApplyResourceChange::Request& wire,
                                           const ServedResource& served) {
  ApplyRequest apply;
  DELIVERY_ASSIGN_OR_RETURN(apply.config, ValueFromWire(wire.config(), served.type));
  DELIVERY_ASSIGN_OR_RETURN(apply.prior, ValueFromWire(wire.prior_state(), served.type));
  DELIVERY_ASSIGN_OR_RETURN(apply.planned, ValueFromWire(wire.planned_state(), served.type));
  DELIVERY_ASSIGN_OR_RETURN(apply.planned_identity,
                            IdentityFromWire(wire.planned_identity(), served.identity_type));
  apply.private_state = wire.planned_private();
  return apply;
}

// The state is written whatever else goes wrong: the host saves what comes with an error too, and
// without it an object that was created would be forgotten.
absl::Status ApplyToWire(const ServedResource& served, const ApplyRequest& apply,
                         const ApplyResponse& answer,
                         tfplugin6::ApplyResourceChange::Response& response) {
  DELIVERY_RETURN_IF_ERROR(ValueToWire(answer.state, served.type, *response.mutable_new_state()));
  const bool carry = answer.identity.is_null() && !answer.state.is_null();
  return CarryIdentity(served, carry ? apply.planned_identity : answer.identity,
                       [&] { return response.mutable_new_identity(); });
}

}  // namespace

grpc::Status ProviderService::ApplyResourceChange(
    grpc::ServerContext*, const tfplugin6::ApplyResourceChange::Request* request,
    tfplugin6::ApplyResourceChange::Response* response) {
  return Answer("ApplyResourceChange", response, [&]() -> absl::Status {
    response->set_private_(request->planned_private());
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    DELIVERY_ASSIGN_OR_RETURN(const ApplyRequest apply, ApplyFromWire(*request, *served));

    const ApplyResponse answer = served->resource->Apply(NewCall(), apply);
    DiagnosticsToWire(answer.diagnostics, *response->mutable_diagnostics());
    response->set_private_(CarriedPrivate(request->planned_private(), answer.private_state));
    if (assert_host_rules_ && !answer.diagnostics.HasErrors()) {
      AddViolations(CheckApplied(served->resource->schema(), apply.planned, answer.state),
                    *response->mutable_diagnostics());
    }
    return ApplyToWire(*served, apply, answer, *response);
  });
}

}  // namespace delivery::plugin
