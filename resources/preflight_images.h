// Whether the images of a workload can be pulled at all, asked of their registries.
#ifndef DELIVERY_RESOURCES_PREFLIGHT_IMAGES_H_
#define DELIVERY_RESOURCES_PREFLIGHT_IMAGES_H_

#include <stop_token>
#include <string>
#include <vector>

#include "provider/base/json.h"
#include "resources/cluster.h"

namespace delivery::resources {

struct ImageProblem {
  std::string container;
  std::string image;
  std::string what;  // a sentence
  // False: the registry refused the pod's imagePullSecrets; the nodes may have other credentials.
  bool certain = true;
};

// The images of `workload` that are absent from their registries, or made for no platform that the
// pods can run on. Only those are looked up that `live` (the workload as it is; null when there is
// none) does not run already, and none with imagePullPolicy Never.
//
// Asks with the provider's credentials and the pod's imagePullSecrets. A registry that is not
// reached within seconds, or that refuses the provider's credentials where the pod has none, says
// nothing of what the nodes can pull: then there is no problem; nor is there one where nodes may
// not be listed.
std::vector<ImageProblem> FindImageProblems(const Connection& connection, const Json& workload,
                                            const Json& live, const std::string& namespace_name,
                                            const std::stop_token& stop);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PREFLIGHT_IMAGES_H_
