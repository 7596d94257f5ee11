// Restarts that the user asks for: a changed restart_trigger, or changed content of what restart_on
// names. Both become one annotation of the pod template, so that Kubernetes' controllers do the
// work.
#ifndef DELIVERY_RESOURCES_RESTART_H_
#define DELIVERY_RESOURCES_RESTART_H_

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"
#include "provider/schema/spec.h"

namespace delivery::resources {

inline constexpr char kRestartAnnotation[] = "terraform-provider-delivery/restart";

struct RestartOn {
  schema::Attr<std::vector<schema::Attr<std::string>>> config_maps;
  schema::Attr<std::vector<schema::Attr<std::string>>> secrets;
  static const schema::Spec<RestartOn>& Declaration();
};

// "ConfigMap settings" -> SHA-256 of its data, in hexadecimal.
using ContentHashes = std::map<std::string, std::string>;

struct ContentLook {
  ContentHashes hashes;
  std::vector<kubernetes::ObjectRef> missing;
};
// The key of an object in ContentHashes.
std::string ContentKey(const kubernetes::ObjectRef& ref);
// One request for each object that `restart_on` names; null or unknown lists are empty.
absl::StatusOr<ContentLook> LookAtContents(kubernetes::Api& api, const std::string& namespace_name,
                                           const schema::Attr<RestartOn>& restart_on,
                                           const std::stop_token& stop);

// Those of `now` that were released with another content. One that was never released has not
// changed.
std::vector<std::string> ChangedContents(const ContentHashes& released, const ContentHashes& now);

// The annotation's value for a restart, the same for the same cause.
std::string RestartMark(const std::string& trigger, const ContentHashes& contents);

// The annotation in a workload, empty when there is none; and a workload with it, or without.
std::string RestartMarkOf(const Json& workload);
void SetRestartMark(Json& workload, const std::string& mark);
Json WithoutRestartMark(Json workload);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_RESTART_H_
