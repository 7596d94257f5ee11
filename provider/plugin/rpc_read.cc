// What exists: resources and data sources.
#include "provider/base/status_macros.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/plan_check.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_carry.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {

grpc::Status ProviderService::ReadResource(grpc::ServerContext*,
                                           const tfplugin6::ReadResource::Request* request,
                                           tfplugin6::ReadResource::Response* response) {
  return Answer("ReadResource", response, [&]() -> absl::Status {
    response->set_private_(request->private_());
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    ReadRequest read;
    DELIVERY_ASSIGN_OR_RETURN(read.prior, ValueFromWire(request->current_state(), served->type));
    DELIVERY_ASSIGN_OR_RETURN(read.identity,
                              IdentityFromWire(request->current_identity(), served->identity_type));
    read.private_state = request->private_();

    const ReadResponse answer = served->resource->Read(NewCall(), read);
    DiagnosticsToWire(answer.diagnostics, *response->mutable_diagnostics());
    response->set_private_(CarriedPrivate(request->private_(), answer.private_state));
    if (assert_host_rules_ && !answer.diagnostics.HasErrors()) {
      AddViolations(CheckRead(served->resource->schema(), answer.state),
                    *response->mutable_diagnostics());
    }
    DELIVERY_RETURN_IF_ERROR(
        ValueToWire(answer.state, served->type, *response->mutable_new_state()));
    return CarryIdentity(*served, answer.identity.is_null() ? read.identity : answer.identity,
                         [&] { return response->mutable_new_identity(); });
  });
}

grpc::Status ProviderService::ReadDataSource(grpc::ServerContext*,
                                             const tfplugin6::ReadDataSource::Request* request,
                                             tfplugin6::ReadDataSource::Response* response) {
  return Answer("ReadDataSource", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedDataSource* served, FindDataSource(request->type_name()));
    DELIVERY_ASSIGN_OR_RETURN(const value::Value config,
                              ValueFromWire(request->config(), served->type));
    const ReadResponse answer = served->data_source->Read(NewCall(), config);
    DiagnosticsToWire(answer.diagnostics, *response->mutable_diagnostics());
    if (answer.diagnostics.HasErrors()) return absl::OkStatus();
    if (!answer.state.is_known() || !answer.state.IsWhollyKnown()) {
      return absl::InternalError("the data source gave no complete result");
    }
    return ValueToWire(answer.state, served->type, *response->mutable_state());
  });
}

}  // namespace delivery::plugin
