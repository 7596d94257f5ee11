#include "provider/routing/mirror_support.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"

namespace delivery::routing {
namespace {

constexpr char kVersion[] = "gateway.networking.k8s.io/v1";

// Since 1.4 a list of objects, before one of strings.
bool Supports(const Json& features, const std::string& wanted) {
  return std::any_of(features.begin(), features.end(), [&](const Json& feature) {
    return feature.is_string() ? feature == wanted : GetString(feature, "name") == wanted;
  });
}

}  // namespace

absl::Status CheckMirrorSupport(kubernetes::Api& api, const Json& route, int percent,
                                const std::stop_token& stop) {
  const bool grpc = kubernetes::KindOf(route) == "GRPCRoute";
  const std::string feature = absl::StrCat(kubernetes::KindOf(route), "Request",
                                           percent < 100 && !grpc ? "PercentageMirror" : "Mirror");
  for (const Json& parent : GetArray(kubernetes::Spec(route), "parentRefs")) {
    if (GetString(parent, "kind", "Gateway") != "Gateway") continue;
    const std::string in = GetString(parent, "namespace", kubernetes::NamespaceOf(route));
    const auto gateway = api.Get({kVersion, "Gateway", in, GetString(parent, "name")}, stop);
    if (!gateway.ok()) continue;
    const std::string name = GetString(kubernetes::Spec(*gateway), "gatewayClassName");
    const auto gateway_class = api.Get({kVersion, "GatewayClass", "", name}, stop);
    if (!gateway_class.ok()) continue;
    const Json& features = GetArray(kubernetes::Status(*gateway_class), "supportedFeatures");
    if (features.empty() || Supports(features, feature)) continue;
    const bool whole = feature != absl::StrCat(kubernetes::KindOf(route), "RequestMirror") &&
                       Supports(features, absl::StrCat(kubernetes::KindOf(route), "RequestMirror"));
    return absl::FailedPreconditionError(absl::StrCat(
        "Requests cannot be mirrored: GatewayClass ", name, ", which serves ",
        kubernetes::RefOf(route).ToString(), ", does not support ", feature,
        whole ? ": set percent = 100."
              : ": a rule that asks for it could refuse every request. Use what the router itself "
                "has (traefik, istio, nginx_ingress)."));
  }
  return absl::OkStatus();
}

}  // namespace delivery::routing
