// What each backend does to an object: pure functions over JSON. The router (traffic_router.h) does
// the I/O around them.
#ifndef DELIVERY_ROUTING_BACKENDS_H_
#define DELIVERY_ROUTING_BACKENDS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/field_path.h"
#include "provider/routing/object_edit.h"
#include "provider/routing/traffic_router.h"

namespace delivery::routing {

// What one object says now.
struct PartState {
  Split split;
  bool at_rest = true;
};

// One object of somebody else's that a run changes and puts back.
class RoutePart {
 public:
  // `api_versions` in the order of preference.
  RoutePart(std::vector<std::string> api_versions, kubernetes::ObjectRef ref)
      : api_versions_(std::move(api_versions)), ref_(std::move(ref)) {
    ref_.api_version = api_versions_.front();
  }
  virtual ~RoutePart() = default;
  RoutePart(const RoutePart&) = delete;
  RoutePart& operator=(const RoutePart&) = delete;

  const std::vector<std::string>& api_versions() const { return api_versions_; }
  const kubernetes::ObjectRef& ref() const { return ref_; }

  // The values that a run will replace, or FailedPrecondition or NotFound with the remedy when it
  // cannot begin.
  virtual absl::StatusOr<Json> Record(const Json& live) const = 0;
  // The changes that make it say `split`; FailedPrecondition when it has no place for that any
  // more. Split{} always works.
  virtual absl::Status Write(const Json& recorded, const Split& split, ObjectEdit& edit) const = 0;
  // Removes what a run added, wherever it is, and puts the recorded values back.
  virtual void Undo(const Json& recorded, ObjectEdit& edit) const = 0;
  virtual PartState Read(const Json& live) const = 0;
  // How it differs from what Write(expected) makes, as the beginning of a sentence; empty when it
  // does not. What lies outside a run's own parts does not count.
  virtual std::string Deviation(const Json& live, const Split& expected) const = 0;
  // The field that a run writes: its owner wrote last.
  virtual kubernetes::FieldPath Field() const = 0;

 private:
  const std::vector<std::string> api_versions_;
  kubernetes::ObjectRef ref_;
};
using RouteParts = std::vector<std::unique_ptr<RoutePart>>;

std::unique_ptr<RoutePart> MakeGatewayApiPart(const TrafficTarget& target);
std::unique_ptr<RoutePart> MakeVirtualServicePart(const TrafficTarget& target);
std::unique_ptr<RoutePart> MakeDestinationRulePart(const TrafficTarget& target);
std::unique_ptr<RoutePart> MakeTraefikPart(const TrafficTarget& target);
std::unique_ptr<RoutePart> MakeTraefikMirrorPart(const TrafficTarget& target);
std::unique_ptr<RoutePart> MakeIngressMirrorPart(const TrafficTarget& target);

// The objects that a run edits, in the order in which they are written when the canary gets
// traffic; they are put back in the opposite one. Empty for replicas{} and nginx_ingress{}.
RouteParts MakeRouteParts(const TrafficTarget& target);
// The same for a target that mirrors. Empty for replicas{}.
RouteParts MakeMirrorParts(const TrafficTarget& target);

// ---- ingress-nginx: a second Ingress, made and removed by the run

kubernetes::ObjectRef IngressRef(const TrafficTarget& target);
kubernetes::ObjectRef CanaryIngressRef(const TrafficTarget& target);
// FailedPrecondition when no path of the Ingress routes to the Service, or it is a canary itself.
absl::Status CheckIngress(const TrafficTarget& target, const Json& ingress);
// As long as it carries our label nobody else made it.
bool IsOurIngress(const Json& ingress);
// The canary's Ingress for `split`, from the live stable one.
absl::StatusOr<Json> MakeCanaryIngress(const TrafficTarget& target, const Json& ingress,
                                       const Split& split);
// Makes a canary Ingress that exists equal `wanted`, as far as a run decides it.
void EditCanaryIngress(const Json& wanted, ObjectEdit& edit);
bool RoutesToCanary(const TrafficTarget& target, const Json& ingress);
// Takes the canary out of the traffic, whatever else the Ingress says.
void SilenceCanaryIngress(ObjectEdit& edit);
Split ReadCanaryIngress(const Json& ingress);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_BACKENDS_H_
