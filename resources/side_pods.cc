#include "resources/side_pods.h"

#include <utility>

#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"

namespace delivery::resources {
namespace {

absl::StatusOr<std::vector<Json>> PodsOf(kubernetes::Api& api, const Json& deployment,
                                         const std::stop_token& stop) {
  kubernetes::ListOptions options;
  options.namespace_name = kubernetes::NamespaceOf(deployment);
  options.label_selector =
      kubernetes::SelectorToString(GetObject(kubernetes::Spec(deployment), "selector"));
  DELIVERY_ASSIGN_OR_RETURN(kubernetes::ObjectList list, api.List("v1", "Pod", options, stop));
  std::erase_if(list.items, kubernetes::IsBeingDeleted);
  return std::move(list.items);
}

}  // namespace

absl::StatusOr<SidePods> PodsOfSides(kubernetes::Api& api, const Json& stable, const Json& beside,
                                     const std::stop_token& stop) {
  SidePods pods;
  DELIVERY_ASSIGN_OR_RETURN(pods.beside, PodsOf(api, beside, stop));
  DELIVERY_ASSIGN_OR_RETURN(pods.stable, PodsOf(api, stable, stop));
  const Json& selector = GetObject(kubernetes::Spec(beside), "selector");
  std::erase_if(pods.stable, [&](const Json& pod) {
    return kubernetes::SelectorMatches(selector, kubernetes::LabelsOf(pod));
  });
  return pods;
}

}  // namespace delivery::resources
