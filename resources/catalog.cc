#include "resources/catalog.h"

namespace delivery::resources {

std::vector<std::unique_ptr<plugin::Resource>> MakeResources(const Cluster& cluster) {
  std::vector<std::unique_ptr<plugin::Resource>> resources;
  resources.push_back(MakeRollout(cluster));
  return resources;
}

}  // namespace delivery::resources
