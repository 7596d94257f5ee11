// What would be done.
#include "provider/base/status_macros.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/plan_check.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_carry.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {
namespace {

absl::StatusOr<PlanRequest> PlanFromWire(const tfplugin6::PlanResourceChange::Request& wire,
                                         const ServedResource& served) {
  PlanRequest plan;
  DELIVERY_ASSIGN_OR_RETURN(plan.config, ValueFromWire(wire.config(), served.type));
  DELIVERY_ASSIGN_OR_RETURN(plan.prior, ValueFromWire(wire.prior_state(), served.type));
  DELIVERY_ASSIGN_OR_RETURN(plan.proposed, ValueFromWire(wire.proposed_new_state(), served.type));
  DELIVERY_ASSIGN_OR_RETURN(plan.prior_identity,
                            IdentityFromWire(wire.prior_identity(), served.identity_type));
  plan.private_state = wire.prior_private();
  return plan;
}

// An identity may be unknown in parts while the object does not exist.
absl::Status PlannedIdentityToWire(const ServedResource& served, const PlanRequest& plan,
                                   const PlanResponse& answer,
                                   tfplugin6::PlanResourceChange::Response& response) {
  const auto wire = [&] { return response.mutable_planned_identity(); };
  if (answer.identity.is_null()) return CarryIdentity(served, plan.prior_identity, wire);
  const bool has_identity = served.resource->identity_schema() != nullptr;
  if (has_identity && plan.prior.is_null() && answer.identity.is_known()) {
    return ValueToWire(answer.identity, served.identity_type, *wire()->mutable_identity_data());
  }
  return CarryIdentity(served, answer.identity, wire);
}

}  // namespace

grpc::Status ProviderService::PlanResourceChange(
    grpc::ServerContext*, const tfplugin6::PlanResourceChange::Request* request,
    tfplugin6::PlanResourceChange::Response* response) {
  return Answer("PlanResourceChange", response, [&]() -> absl::Status {
    response->set_planned_private(request->prior_private());
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    DELIVERY_ASSIGN_OR_RETURN(const PlanRequest plan, PlanFromWire(*request, *served));

    const PlanResponse answer = served->resource->Plan(NewCall(), plan);
    DiagnosticsToWire(answer.diagnostics, *response->mutable_diagnostics());
    response->set_planned_private(CarriedPrivate(request->prior_private(), answer.private_state));
    if (answer.diagnostics.HasErrors()) return absl::OkStatus();
    if (assert_host_rules_) {
      AddViolations(CheckPlanned(served->resource->schema(), plan.config, plan.prior,
                                 answer.planned, answer.requires_replace),
                    *response->mutable_diagnostics());
    }
    for (const value::Path& path : answer.requires_replace) {
      PathToWire(path, *response->add_requires_replace());
    }
    DELIVERY_RETURN_IF_ERROR(
        ValueToWire(answer.planned, served->type, *response->mutable_planned_state()));
    return PlannedIdentityToWire(*served, plan, answer, *response);
  });
}

}  // namespace delivery::plugin
