// Everything the provider offers: the only place where it is registered.
#ifndef DELIVERY_RESOURCES_CATALOG_H_
#define DELIVERY_RESOURCES_CATALOG_H_

#include <memory>
#include <vector>

#include "provider/plugin/resource.h"
#include "resources/cluster.h"
#include "resources/registries.h"

namespace delivery::resources {

std::unique_ptr<plugin::Resource> MakeRollout(const Cluster& cluster);
std::unique_ptr<plugin::Resource> MakeCanaryRelease(const Cluster& cluster);
std::unique_ptr<plugin::Resource> MakeBlueGreenRelease(const Cluster& cluster);
std::unique_ptr<plugin::Resource> MakeAbTest(const Cluster& cluster);
std::unique_ptr<plugin::Resource> MakeTrafficMirror(const Cluster& cluster);
std::unique_ptr<plugin::Resource> MakeImagePolicy(const Registries& registries);
std::unique_ptr<plugin::DataSource> MakeImageData(const Registries& registries);
std::unique_ptr<plugin::Function> MakeParseImageFunction();
std::unique_ptr<plugin::Function> MakeSemverSelectFunction();
std::unique_ptr<plugin::Function> MakeSemverCompareFunction();
std::unique_ptr<plugin::Function> MakeDecodeManifestsFunction();
std::unique_ptr<plugin::Function> MakeCanaryStepsFunction();

// Everything there is, in the order of the documentation. It must not outlive `cluster` and
// `registries`.
std::vector<std::unique_ptr<plugin::Resource>> MakeResources(const Cluster& cluster,
                                                             const Registries& registries);
std::vector<std::unique_ptr<plugin::DataSource>> MakeDataSources(const Registries& registries);
std::vector<std::unique_ptr<plugin::Function>> MakeFunctions();

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CATALOG_H_
