// The parts of gRPC that are registered, in place of its own list of all: a server on a unix
// socket, and a channel within the process. Left out are its client of service meshes (xDS), which
// alone is half of its code, and what else belongs to clients that look for servers: name
// resolution, load balancing, proxies, injected faults. For programs that link gRPC's archive; the
// headers that declare these are not installed, and what a newer gRPC names otherwise is an error
// of the linker.
namespace grpc_core {

class CoreConfiguration {
 public:
  class Builder;
};

using Part = void(CoreConfiguration::Builder*);

extern Part BuildClientChannelConfiguration;
extern Part RegisterBuiltins;
extern Part RegisterChannelIdleFilters;
extern Part RegisterClientAuthorityFilter;
extern Part RegisterDeadlineFilter;
extern Part RegisterHttpFilters;
extern Part RegisterMessageSizeFilter;
extern Part RegisterPickFirstLbPolicy;
extern Part RegisterResourceQuota;
extern Part RegisterSecurityFilters;
extern Part RegisterServiceConfigChannelArgFilter;
extern Part RegisterSockaddrResolver;
extern Part RegisterTCPConnectHandshaker;
extern Part SecurityRegisterHandshakerFactories;

}  // namespace grpc_core

namespace grpc_event_engine::experimental {

extern grpc_core::Part RegisterEventEngineChannelArgPreconditioning;

}  // namespace grpc_event_engine::experimental

namespace grpc_core {

// In the order of gRPC's own list, which matters.
void BuildCoreConfiguration(CoreConfiguration::Builder* builder) {
  grpc_event_engine::experimental::RegisterEventEngineChannelArgPreconditioning(builder);
  RegisterTCPConnectHandshaker(builder);
  RegisterPickFirstLbPolicy(builder);
  BuildClientChannelConfiguration(builder);
  SecurityRegisterHandshakerFactories(builder);
  RegisterClientAuthorityFilter(builder);
  RegisterChannelIdleFilters(builder);
  RegisterHttpFilters(builder);
  RegisterDeadlineFilter(builder);
  RegisterMessageSizeFilter(builder);
  RegisterServiceConfigChannelArgFilter(builder);
  RegisterResourceQuota(builder);
  RegisterSockaddrResolver(builder);
  RegisterSecurityFilters(builder);
  RegisterBuiltins(builder);
}

}  // namespace grpc_core
