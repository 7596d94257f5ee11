// What the provider has: metadata, schemas, functions. None of these calls changes anything; hosts
// that know the schema already never make them.
#include "provider/plugin/schema_to_wire.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {

grpc::Status ProviderService::GetMetadata(grpc::ServerContext*,
                                          const tfplugin6::ProviderMetadata::Request*,
                                          tfplugin6::ProviderMetadata::Response* response) {
  return Answer("GetMetadata", response, [&] {
    *response->mutable_server_capabilities() = schema_.server_capabilities();
    for (const auto& [name, served] : resources_) response->add_resources()->set_type_name(name);
    for (const auto& [name, served] : data_sources_) {
      response->add_data_sources()->set_type_name(name);
    }
    for (const auto& [name, function] : functions_) response->add_functions()->set_name(name);
    return absl::OkStatus();
  });
}

grpc::Status ProviderService::GetProviderSchema(grpc::ServerContext*,
                                                const tfplugin6::GetProviderSchema::Request*,
                                                tfplugin6::GetProviderSchema::Response* response) {
  return Answer("GetProviderSchema", response, [&] {
    *response = schema_;
    return absl::OkStatus();
  });
}

grpc::Status ProviderService::GetResourceIdentitySchemas(
    grpc::ServerContext*, const tfplugin6::GetResourceIdentitySchemas::Request*,
    tfplugin6::GetResourceIdentitySchemas::Response* response) {
  return Answer("GetResourceIdentitySchemas", response, [&] {
    for (const auto& [name, served] : resources_) {
      const schema::IdentitySchema* identity = served.resource->identity_schema();
      if (identity == nullptr) continue;
      IdentitySchemaToWire(*identity, (*response->mutable_identity_schemas())[name]);
    }
    return absl::OkStatus();
  });
}

grpc::Status ProviderService::GetFunctions(grpc::ServerContext*,
                                           const tfplugin6::GetFunctions::Request*,
                                           tfplugin6::GetFunctions::Response* response) {
  return Answer("GetFunctions", response, [&] {
    *response->mutable_functions() = schema_.functions();
    return absl::OkStatus();
  });
}

}  // namespace delivery::plugin
