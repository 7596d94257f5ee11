// gRPC's client of service meshes (xDS) is half of its code, and this is the function by which it
// is registered: gRPC's own builds without it have it empty, too. Linked in place of the archive's
// where gRPC is linked statically. The header that declares it is not installed.
namespace grpc_core {

class CoreConfiguration {
 public:
  class Builder;
};

void RegisterExtraFilters(CoreConfiguration::Builder*) {}

}  // namespace grpc_core
