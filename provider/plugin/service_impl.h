// tfplugin6.Provider over a plugin::Provider. One rpc_<family>.cc per family of calls; what is not
// overridden answers UNIMPLEMENTED, which hosts rely on to find out what a provider has.
#ifndef DELIVERY_PLUGIN_SERVICE_IMPL_H_
#define DELIVERY_PLUGIN_SERVICE_IMPL_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "proto/tfplugin6.grpc.pb.h"
#include "provider/plugin/resource.h"
#include "provider/plugin/service_stop.h"

namespace delivery::plugin {

// A resource, data source or provider with its types worked out once.
struct ServedResource {
  const Resource* resource = nullptr;
  value::Type type;
  value::Type identity_type;  // dynamic when the resource has no identity
};
struct ServedDataSource {
  const DataSource* data_source = nullptr;
  value::Type type;
};

// Safe for any number of concurrent calls; everything but the stop switch is
// constant after construction.
class ProviderService final : public tfplugin6::Provider::Service {
 public:
  // `provider` must outlive the service.
  explicit ProviderService(Provider& provider);

  // rpc_schema.cc
  grpc::Status GetMetadata(grpc::ServerContext*,
                           const tfplugin6::ProviderMetadata::Request* request,
                           tfplugin6::ProviderMetadata::Response* response) override;
  grpc::Status GetProviderSchema(grpc::ServerContext*,
                                 const tfplugin6::GetProviderSchema::Request* request,
                                 tfplugin6::GetProviderSchema::Response* response) override;
  grpc::Status GetResourceIdentitySchemas(
      grpc::ServerContext*, const tfplugin6::GetResourceIdentitySchemas::Request* request,
      tfplugin6::GetResourceIdentitySchemas::Response* response) override;
  grpc::Status GetFunctions(grpc::ServerContext*, const tfplugin6::GetFunctions::Request* request,
                            tfplugin6::GetFunctions::Response* response) override;

  // rpc_config.cc
  grpc::Status ValidateProviderConfig(
      grpc::ServerContext*, const tfplugin6::ValidateProviderConfig::Request* request,
      tfplugin6::ValidateProviderConfig::Response* response) override;
  grpc::Status ConfigureProvider(grpc::ServerContext*,
                                 const tfplugin6::ConfigureProvider::Request* request,
                                 tfplugin6::ConfigureProvider::Response* response) override;
  grpc::Status StopProvider(grpc::ServerContext*, const tfplugin6::StopProvider::Request* request,
                            tfplugin6::StopProvider::Response* response) override;
  grpc::Status ValidateResourceConfig(
      grpc::ServerContext*, const tfplugin6::ValidateResourceConfig::Request* request,
      tfplugin6::ValidateResourceConfig::Response* response) override;
  grpc::Status ValidateDataResourceConfig(
      grpc::ServerContext*, const tfplugin6::ValidateDataResourceConfig::Request* request,
      tfplugin6::ValidateDataResourceConfig::Response* response) override;

  // rpc_upgrade.cc
  grpc::Status UpgradeResourceState(grpc::ServerContext*,
                                    const tfplugin6::UpgradeResourceState::Request* request,
                                    tfplugin6::UpgradeResourceState::Response* response) override;
  grpc::Status UpgradeResourceIdentity(
      grpc::ServerContext*, const tfplugin6::UpgradeResourceIdentity::Request* request,
      tfplugin6::UpgradeResourceIdentity::Response* response) override;

  // rpc_read.cc
  grpc::Status ReadResource(grpc::ServerContext*, const tfplugin6::ReadResource::Request* request,
                            tfplugin6::ReadResource::Response* response) override;
  grpc::Status ReadDataSource(grpc::ServerContext*,
                              const tfplugin6::ReadDataSource::Request* request,
                              tfplugin6::ReadDataSource::Response* response) override;

  // rpc_plan.cc
  grpc::Status PlanResourceChange(grpc::ServerContext*,
                                  const tfplugin6::PlanResourceChange::Request* request,
                                  tfplugin6::PlanResourceChange::Response* response) override;

  // rpc_apply.cc
  grpc::Status ApplyResourceChange(grpc::ServerContext*,
                                   const tfplugin6::ApplyResourceChange::Request* request,
                                   tfplugin6::ApplyResourceChange::Response* response) override;

  // rpc_import.cc
  grpc::Status ImportResourceState(grpc::ServerContext*,
                                   const tfplugin6::ImportResourceState::Request* request,
                                   tfplugin6::ImportResourceState::Response* response) override;
  grpc::Status MoveResourceState(grpc::ServerContext*,
                                 const tfplugin6::MoveResourceState::Request* request,
                                 tfplugin6::MoveResourceState::Response* response) override;

  // rpc_function.cc
  grpc::Status CallFunction(grpc::ServerContext*, const tfplugin6::CallFunction::Request* request,
                            tfplugin6::CallFunction::Response* response) override;

 private:
  // InvalidArgument for names we do not serve.
  absl::StatusOr<const ServedResource*> FindResource(const std::string& type_name) const;
  absl::StatusOr<const ServedDataSource*> FindDataSource(const std::string& type_name) const;

  CallContext NewCall() { return {stop_.Token()}; }

  Provider& provider_;
  value::Type provider_type_;
  std::map<std::string, ServedResource> resources_;
  std::map<std::string, ServedDataSource> data_sources_;
  std::map<std::string, const Function*> functions_;
  tfplugin6::GetProviderSchema::Response schema_;
  bool assert_host_rules_;
  StopSwitch stop_;
};

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_IMPL_H_
