// Stored state and identities of this and older versions. Hosts make the first call for every
// resource of every run, also when the versions are equal.
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_impl.h"
#include "provider/value/json_codec.h"

namespace delivery::plugin {
namespace {

constexpr char kNewerProvider[] = "State was written by a newer provider";

std::string NewerDetail(const std::string& what, int64_t found, int64_t ours) {
  return absl::StrCat("The stored ", what, " has schema version ", found,
                      "; this version of the provider knows versions up to ", ours,
                      ". Use the provider version that wrote it, or a later one.");
}

ReadResponse CurrentState(const std::string& json, const value::Type& type) {
  ReadResponse response;
  absl::StatusOr<value::Value> state =
      value::DecodeJson(json, type, value::UnknownAttributes::kIgnore);
  if (state.ok()) {
    response.state = *std::move(state);
  } else {
    response.diagnostics.Error({}, "Stored state cannot be read",
                               std::string(state.status().message()));
  }
  return response;
}

}  // namespace

grpc::Status ProviderService::UpgradeResourceState(
    grpc::ServerContext*, const tfplugin6::UpgradeResourceState::Request* request,
    tfplugin6::UpgradeResourceState::Response* response) {
  return Answer("UpgradeResourceState", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    const schema::Schema& schema = served->resource->schema();
    if (request->version() > schema.version) {
      AddError(*response->mutable_diagnostics(), kNewerProvider,
               NewerDetail("state", request->version(), schema.version));
      return absl::OkStatus();
    }
    DELIVERY_ASSIGN_OR_RETURN(const std::string json, JsonFromWire(request->raw_state()));
    const ReadResponse upgraded = request->version() == schema.version
                                      ? CurrentState(json, served->type)
                                      : served->resource->Upgrade(request->version(), json);
    DiagnosticsToWire(upgraded.diagnostics, *response->mutable_diagnostics());
    if (upgraded.diagnostics.HasErrors()) return absl::OkStatus();
    // The host would take a null for "there is no such object" and forget it.
    if (!upgraded.state.is_known() || !upgraded.state.IsWhollyKnown()) {
      return absl::InternalError("upgrading the stored state gave no complete state");
    }
    return ValueToWire(WithEmptyBlocks(upgraded.state, schema.block), served->type,
                       *response->mutable_upgraded_state());
  });
}

grpc::Status ProviderService::UpgradeResourceIdentity(
    grpc::ServerContext*, const tfplugin6::UpgradeResourceIdentity::Request* request,
    tfplugin6::UpgradeResourceIdentity::Response* response) {
  return Answer("UpgradeResourceIdentity", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    const schema::IdentitySchema* schema = served->resource->identity_schema();
    if (schema == nullptr) {
      return absl::InvalidArgumentError(request->type_name() + " has no identity");
    }
    if (request->version() > schema->version) {
      AddError(*response->mutable_diagnostics(), kNewerProvider,
               NewerDetail("identity", request->version(), schema->version));
      return absl::OkStatus();
    }
    DELIVERY_ASSIGN_OR_RETURN(const std::string json, JsonFromWire(request->raw_identity()));
    DELIVERY_ASSIGN_OR_RETURN(
        const value::Value identity,
        value::DecodeJson(json, served->identity_type, value::UnknownAttributes::kIgnore));
    return ValueToWire(identity, served->identity_type,
                       *response->mutable_upgraded_identity()->mutable_identity_data());
  });
}

}  // namespace delivery::plugin
