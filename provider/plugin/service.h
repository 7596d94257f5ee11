// The gRPC service tfplugin6.Provider over a plugin::Provider. This header is all that the server's
// life cycle needs; the implementation and its protobuf types are in service_impl.h.
#ifndef DELIVERY_PLUGIN_SERVICE_H_
#define DELIVERY_PLUGIN_SERVICE_H_

#include <memory>

#include "provider/plugin/resource.h"

namespace grpc {
class Service;
}

namespace delivery::plugin {

// `provider` must outlive the service. The service is safe for any number of concurrent calls; no
// call waits for another. Schemas are read once, here.
std::unique_ptr<grpc::Service> MakeProviderService(Provider& provider);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_SERVICE_H_
