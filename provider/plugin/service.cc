#include "provider/plugin/service.h"

#include <cstdlib>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "provider/plugin/schema_to_wire.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {
namespace {

// The hosts make the same checks, but tell the user "a bug in the provider" without saying where.
bool ShouldAssertHostRules() {
#ifndef NDEBUG
  return true;
#else
  const char* wanted = std::getenv("TF_DELIVERY_ASSERT");
  return wanted != nullptr && std::string_view(wanted) == "1";
#endif
}

ServedResource Serve(const Resource& resource) {
  ServedResource served{&resource, resource.schema().block.ImpliedType(), value::Type::Dynamic()};
  if (resource.identity_schema() != nullptr) {
    served.identity_type = resource.identity_schema()->ImpliedType();
  }
  return served;
}

void SetCapabilities(tfplugin6::ServerCapabilities& capabilities) {
  capabilities.set_plan_destroy(true);
  capabilities.set_get_provider_schema_optional(true);
  capabilities.set_move_resource_state(true);
}

tfplugin6::GetProviderSchema::Response SchemaOf(const Provider& provider) {
  tfplugin6::GetProviderSchema::Response schema;
  SetCapabilities(*schema.mutable_server_capabilities());
  SchemaToWire(provider.schema(), *schema.mutable_provider());
  for (const Resource* resource : provider.resources()) {
    SchemaToWire(resource->schema(), (*schema.mutable_resource_schemas())[resource->type_name()]);
  }
  for (const DataSource* source : provider.data_sources()) {
    SchemaToWire(source->schema(), (*schema.mutable_data_source_schemas())[source->type_name()]);
  }
  for (const Function* function : provider.functions()) {
    FunctionToWire(*function, (*schema.mutable_functions())[function->name()]);
  }
  return schema;
}

}  // namespace

ProviderService::ProviderService(Provider& provider)
    : provider_(provider),
      provider_type_(provider.schema().block.ImpliedType()),
      schema_(SchemaOf(provider)),
      assert_host_rules_(ShouldAssertHostRules()) {
  for (const Resource* resource : provider.resources()) {
    resources_.emplace(resource->type_name(), Serve(*resource));
  }
  for (const DataSource* source : provider.data_sources()) {
    data_sources_.emplace(source->type_name(),
                          ServedDataSource{source, source->schema().block.ImpliedType()});
  }
  for (const Function* function : provider.functions()) {
    functions_.emplace(function->name(), function);
  }
}

absl::StatusOr<const ServedResource*> ProviderService::FindResource(
    const std::string& type_name) const {
  const auto found = resources_.find(type_name);
  if (found != resources_.end()) return &found->second;
  return absl::InvalidArgumentError(
      absl::StrCat("this provider has no resource type \"", type_name, "\""));
}

absl::StatusOr<const ServedDataSource*> ProviderService::FindDataSource(
    const std::string& type_name) const {
  const auto found = data_sources_.find(type_name);
  if (found != data_sources_.end()) return &found->second;
  return absl::InvalidArgumentError(
      absl::StrCat("this provider has no data source \"", type_name, "\""));
}

std::unique_ptr<grpc::Service> MakeProviderService(Provider& provider) {
  return std::make_unique<ProviderService>(provider);
}

}  // namespace delivery::plugin
