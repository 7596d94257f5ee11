// Validation of configuration, and the life of the provider itself.
#include "provider/base/status_macros.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {
namespace {

// A configuration is an object, however little is known inside.
absl::StatusOr<value::Value> ConfigFromWire(const tfplugin6::DynamicValue& wire,
                                            const value::Type& type) {
  DELIVERY_ASSIGN_OR_RETURN(value::Value config, ValueFromWire(wire, type));
  if (config.is_known()) return config;
  return absl::InvalidArgumentError("the host sent no configuration");
}

}  // namespace

grpc::Status ProviderService::ValidateProviderConfig(
    grpc::ServerContext*, const tfplugin6::ValidateProviderConfig::Request* request,
    tfplugin6::ValidateProviderConfig::Response* response) {
  return Answer("ValidateProviderConfig", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const value::Value config,
                              ConfigFromWire(request->config(), provider_type_));
    DiagnosticsToWire(provider_.Validate(config), *response->mutable_diagnostics());
    return absl::OkStatus();
  });
}

grpc::Status ProviderService::ConfigureProvider(
    grpc::ServerContext*, const tfplugin6::ConfigureProvider::Request* request,
    tfplugin6::ConfigureProvider::Response* response) {
  return Answer("ConfigureProvider", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const value::Value config,
                              ConfigFromWire(request->config(), provider_type_));
    DiagnosticsToWire(provider_.Configure(config, request->terraform_version()),
                      *response->mutable_diagnostics());
    return absl::OkStatus();
  });
}

// Not framed by Answer: there are no diagnostics, and the host ignores the error text. It holds a
// lock while it waits for us, so this must return at once.
grpc::Status ProviderService::StopProvider(grpc::ServerContext*,
                                           const tfplugin6::StopProvider::Request*,
                                           tfplugin6::StopProvider::Response*) {
  log::Info("the host asks running calls to stop");
  stop_.Stop();
  return grpc::Status::OK;
}

grpc::Status ProviderService::ValidateResourceConfig(
    grpc::ServerContext*, const tfplugin6::ValidateResourceConfig::Request* request,
    tfplugin6::ValidateResourceConfig::Response* response) {
  return Answer("ValidateResourceConfig", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedResource* served, FindResource(request->type_name()));
    DELIVERY_ASSIGN_OR_RETURN(const value::Value config,
                              ConfigFromWire(request->config(), served->type));
    DiagnosticsToWire(served->resource->Validate(config), *response->mutable_diagnostics());
    return absl::OkStatus();
  });
}

grpc::Status ProviderService::ValidateDataResourceConfig(
    grpc::ServerContext*, const tfplugin6::ValidateDataResourceConfig::Request* request,
    tfplugin6::ValidateDataResourceConfig::Response* response) {
  return Answer("ValidateDataResourceConfig", response, [&]() -> absl::Status {
    DELIVERY_ASSIGN_OR_RETURN(const ServedDataSource* served, FindDataSource(request->type_name()));
    DELIVERY_ASSIGN_OR_RETURN(const value::Value config,
                              ConfigFromWire(request->config(), served->type));
    DiagnosticsToWire(served->data_source->Validate(config), *response->mutable_diagnostics());
    return absl::OkStatus();
  });
}

}  // namespace delivery::plugin
