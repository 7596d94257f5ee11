// The objects of a canary: its Deployment and its Service, made from the stable ones. Pure.
#ifndef DELIVERY_RUNNER_CANARY_OBJECTS_H_
#define DELIVERY_RUNNER_CANARY_OBJECTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"

namespace delivery::runner {

struct CanaryNaming {
  std::string stable;        // the workload's name
  std::string deployment;    // "<name>-canary"
  std::string service;       // "<service>-canary"; empty: the backend needs none
  std::string label_key;     // the label by which canary pods differ from stable ones
  std::string stable_value;  // its value on stable pods; empty: they do not have the label
  std::string canary_value;
};

// What the second Deployment is, in names and in messages.
struct BesideWords {
  std::string noun = "canary";
  std::string suffix = "-canary";  // of names and label values
  std::string track = "canary";    // its value of the label `track`
  std::string labels_argument = "canary_labels";
};

struct CanaryNamingInput {
  Json workload;             // the Deployment as it is to be written
  Json service;              // the live Service; null: the backend has none
  std::string service_name;  // empty: none
  bool shares_service =
      false;  // replicas{} and istio{}: that Service selects the canary's pods too
  std::map<std::string, std::string> canary_labels;  // the argument: overrides what distinguishes
  BesideWords words;
};

// How the canary (or another second Deployment: BesideWords) is told from stable (product.md
// section 4): by `track` if both selectors have it, else by the lexically first key that both have,
// with the suffix. With `shares_service` the Service must go on selecting both: a key of the
// Deployment's selector that is not in the Service's, else `track`, which only the canary gets.
// `canary_labels` overrides. InvalidArgument when a name or value would be longer than Kubernetes
// allows (63), when the Service does not select the workload's pods, or when canary_labels leaves
// the canary's pods selected by the stable Service or Deployment.
absl::StatusOr<CanaryNaming> NameCanary(const CanaryNamingInput& input);

// The canary's Deployment: the workload under another name with the distinguishing label in
// selector and pod template (and canary_labels), `replicas` pods, without the labels and
// annotations by which other tools track the workload (Argo CD, Helm, Flux, kubectl, kustomize),
// without autoscaling hints and without a pause. Owner: the stable Deployment (uid).
Json CanaryDeployment(const Json& workload, const CanaryNaming& naming,
                      const std::map<std::string, std::string>& canary_labels, int replicas,
                      const std::string& stable_uid);

// The canary's Service: ports, protocol and session affinity of the live one; its selector with the
// canary's value; ClusterIP (headless stays headless), no node ports, no load balancer, no external
// names. Owner as above.
Json CanaryService(const Json& service, const CanaryNaming& naming,
                   const std::map<std::string, std::string>& canary_labels,
                   const std::string& stable_uid);

// A Service called `name` with ports, protocol and session affinity of `service`, and its selector
// with `labels`; see CanaryService.
Json CopyOfService(const Json& service, const std::string& name,
                   const std::map<std::string, std::string>& labels);

// Makes a Deployment the owner in `metadata` of an object.
void SetOwner(Json& metadata, const std::string& deployment, const std::string& uid);

// Whether `selector` (a Service's, a PodDisruptionBudget's matchLabels) selects pods with `labels`.
bool Selects(const std::map<std::string, std::string>& selector,
             const std::map<std::string, std::string>& labels);

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_CANARY_OBJECTS_H_
