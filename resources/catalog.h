// Everything the provider offers: the only place where resources are registered.
#ifndef DELIVERY_RESOURCES_CATALOG_H_
#define DELIVERY_RESOURCES_CATALOG_H_

#include <memory>
#include <vector>

#include "provider/plugin/resource.h"
#include "resources/cluster.h"

namespace delivery::resources {

std::unique_ptr<plugin::Resource> MakeRollout(const Cluster& cluster);

// All resources, in the order of the documentation. They must not outlive `cluster`.
std::vector<std::unique_ptr<plugin::Resource>> MakeResources(const Cluster& cluster);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CATALOG_H_
