#include "provider/runner/endpoints.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"

namespace delivery::runner {
namespace {

bool HasReadyEndpoint(const Json& slice, const std::function<bool(const std::string&)>& counts) {
  const Json& endpoints = GetArray(slice, "endpoints");
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const Json& endpoint) {
    // Absent means ready (discovery.k8s.io/v1).
    return GetBool(GetObject(endpoint, "conditions"), "ready", true) &&
           !GetArray(endpoint, "addresses").empty() &&
           counts(GetString(GetObject(endpoint, "targetRef"), "name"));
  });
}

}  // namespace

absl::Status RequireReadyEndpoint(kubernetes::Api& api, const kubernetes::ObjectRef& service,
                                  const std::function<bool(const std::string&)>& counts,
                                  const std::stop_token& stop) {
  kubernetes::ListOptions of_service;
  of_service.namespace_name = service.namespace_name;
  of_service.label_selector = absl::StrCat("kubernetes.io/service-name=", service.name);
  DELIVERY_ASSIGN_OR_RETURN(const kubernetes::ObjectList slices,
                            api.List("discovery.k8s.io/v1", "EndpointSlice", of_service, stop));
  const bool ready = std::any_of(slices.items.begin(), slices.items.end(), [&](const Json& slice) {
    return HasReadyEndpoint(slice, counts);
  });
  if (ready) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(service.ToString(), " has no ready endpoint of the new version"));
}

}  // namespace delivery::runner
