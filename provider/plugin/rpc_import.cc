// Objects that come from elsewhere: by import, or from another resource type's state.
#include "provider/base/status_macros.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_carry.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {
namespace {

absl::StatusOr<ImportRequest> ImportFromWire(const tfplugin6::ImportResourceState::Request& wire,
                                             const ServedResource& served) {
  ImportRequest import;
  import.id = wire.id();
  DELIVERY_ASSIGN_OR_RETURN(import.identity,
                            IdentityFromWire(wire.identity(), served.identity_type));
  if (import.id.empty() && !import.identity.is_known()) {
    return absl::InvalidArgumentError("an import needs an id or an identity");
  }
  return import;
}

MoveRequest MoveFromWire(const tfplugin6::MoveResourceState::Request& wire, std::string json) {
  MoveRequest move;
  move.source_provider_address = wire.source_provider_address();
  move.source_type = wire.source_type_name();
  move.source_schema_version = wire.source_schema_version();
  move.source_state_json = std::move(json);
  move.source_private_state = wire.source_private();
  return move;
}

}  // namespace

grpc::Status ProviderService::ImportResourceState(
    grpc::ServerContext*, const tfplugin6::ImportResourceState::Request* request,
    tfplugin6::ImportResourceState::Response* response) {
  return Answer("ImportResourceState", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    DELIVERY_ASSIGN_OR_RETURN(const ImportRequest import, ImportFromWire(*request, *served));

    const ReadResponse answer = served->resource->Import(NewCall(), import);
    DiagnosticsToWire(answer.diagnostics, *response->mutable_diagnostics());
    if (answer.diagnostics.HasErrors()) return absl::OkStatus();
    if (!answer.state.is_known() || !answer.state.IsWhollyKnown()) {
      return absl::NotFoundError("there is no such object to import");
    }
    // Hosts want exactly one object, of the type they asked for.
    tfplugin6::ImportResourceState::ImportedResource& imported =
        *response->add_imported_resources();
    imported.set_type_name(request->type_name());
    imported.set_private_(answer.private_state);
    const value::Value state = WithEmptyBlocks(answer.state, served->resource->schema().block);
    DELIVERY_RETURN_IF_ERROR(ValueToWire(state, served->type, *imported.mutable_state()));
    return CarryIdentity(*served, answer.identity.is_null() ? import.identity : answer.identity,
                         [&] { return imported.mutable_identity(); });
  });
}

grpc::Status ProviderService::MoveResourceState(
    grpc::ServerContext*, const tfplugin6::MoveResourceState::Request* request,
    tfplugin6::MoveResourceState::Response* response) {
  return Answer("MoveResourceState", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served,
                              FindResource(request->target_type_name()));
    DELIVERY_ASSIGN_OR_RETURN(std::string json, JsonFromWire(request->source_state()));

    const ReadResponse answer =
        served->resource->Move(NewCall(), MoveFromWire(*request, std::move(json)));
    DiagnosticsToWire(answer.diagnostics, *response->mutable_diagnostics());
    if (answer.diagnostics.HasErrors()) return absl::OkStatus();
    if (!answer.state.is_known() || !answer.state.IsWhollyKnown()) {
      return absl::InternalError("the move gave no complete state");
    }
    response->set_target_private(answer.private_state);
    const value::Value state = WithEmptyBlocks(answer.state, served->resource->schema().block);
    DELIVERY_RETURN_IF_ERROR(ValueToWire(state, served->type, *response->mutable_target_state()));
    return CarryIdentity(*served, answer.identity,
                         [&] { return response->mutable_target_identity(); });
  });
}

}  // namespace delivery::plugin
