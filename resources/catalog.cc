#include "resources/catalog.h"

namespace delivery::resources {

std::vector<std::unique_ptr<plugin::Resource>> MakeResources(const Cluster& cluster,
                                                             const Registries& registries) {
  std::vector<std::unique_ptr<plugin::Resource>> resources;
  resources.push_back(MakeRollout(cluster));
  resources.push_back(MakeCanaryRelease(cluster));
  resources.push_back(MakeBlueGreenRelease(cluster));
  resources.push_back(MakeAbTest(cluster));
  resources.push_back(MakeTrafficMirror(cluster));
  resources.push_back(MakeImagePolicy(registries));
  return resources;
}

std::vector<std::unique_ptr<plugin::DataSource>> MakeDataSources(const Registries& registries) {
  std::vector<std::unique_ptr<plugin::DataSource>> sources;
  sources.push_back(MakeImageData(registries));
  return sources;
}

std::vector<std::unique_ptr<plugin::Function>> MakeFunctions() {
  std::vector<std::unique_ptr<plugin::Function>> functions;
  functions.push_back(MakeParseImageFunction());
  functions.push_back(MakeSemverSelectFunction());
  functions.push_back(MakeSemverCompareFunction());
  functions.push_back(MakeDecodeManifestsFunction());
  functions.push_back(MakeCanaryStepsFunction());
  return functions;
}

}  // namespace delivery::resources
