#include "provider/routing/service_refs.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace delivery::routing {

bool IsGatewayServiceRef(const Json& ref, const std::string& name,
                         const std::string& namespace_name) {
  return GetString(ref, "name") == name && GetString(ref, "kind", "Service") == "Service" &&
         GetString(ref, "group").empty() &&
         GetString(ref, "namespace", namespace_name) == namespace_name;
}

bool IsTraefikServiceRef(const Json& ref, const std::string& name,
                         const std::string& namespace_name) {
  return GetString(ref, "name") == name && GetString(ref, "kind", "Service") == "Service" &&
         GetString(ref, "namespace", namespace_name) == namespace_name;
}

bool IsHostOf(const std::string& host, const std::string& service,
              const std::string& namespace_name) {
  const std::string with_namespace = absl::StrCat(service, ".", namespace_name);
  const std::string with_svc = absl::StrCat(with_namespace, ".svc");
  return host == service || host == with_namespace || host == with_svc ||
         absl::StartsWith(host, absl::StrCat(with_svc, "."));
}

}  // namespace delivery::routing
