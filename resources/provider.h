// The provider itself: its block, and everything it offers.
#ifndef DELIVERY_RESOURCES_PROVIDER_H_
#define DELIVERY_RESOURCES_PROVIDER_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "provider/base/clock.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/kubeconfig.h"
#include "provider/plugin/resource.h"

namespace delivery::resources {

// Makes a client for a resolved cluster; does not connect.
using ApiFactory =
    std::function<std::shared_ptr<kubernetes::Api>(const kubernetes::ClusterConfig&)>;

// Makes a transport for URLs outside the cluster's API.
using TransportFactory =
    std::function<std::shared_ptr<http::Transport>(const http::TransportOptions&)>;

std::unique_ptr<plugin::Provider> MakeProvider(Clock& clock, kubernetes::Environment environment,
                                               ApiFactory make_api,
                                               TransportFactory make_transport);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PROVIDER_H_
