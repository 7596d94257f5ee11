#include "resources/canary_setup.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"

namespace delivery::resources {
namespace {

using kubernetes::ObjectRef;
using kubernetes::StringMap;

std::string LabelsText(const StringMap& labels) {
  return labels.empty() ? "no labels" : absl::StrJoin(labels, ", ", absl::PairFormatter("="));
}

std::string NamespaceOf(const CanarySetup& setup) { return kubernetes::NamespaceOf(setup.live); }

ObjectRef ServiceRef(const CanarySetup& setup, const std::string& name) {
  return {"v1", "Service", NamespaceOf(setup), name};
}

absl::StatusOr<std::vector<Json>> ServicesThatSelect(const CanarySetup& setup,
                                                     const StringMap& labels,
                                                     const std::stop_token& stop) {
  kubernetes::ListOptions here;
  here.namespace_name = NamespaceOf(setup);
  DELIVERY_ASSIGN_OR_RETURN(kubernetes::ObjectList list,
                            setup.connection.api->List("v1", "Service", here, stop));
  std::erase_if(list.items, [&](const Json& service) {
    return GetString(kubernetes::Spec(service), "type") == "ExternalName" ||
           !kubernetes::ServiceSelects(service, labels);
  });
  return std::move(list.items);
}

std::vector<std::string> NamesOf(const std::vector<Json>& objects) {
  std::vector<std::string> names;
  for (const Json& object : objects) names.push_back(kubernetes::NameOf(object));
  std::sort(names.begin(), names.end());
  return names;
}

// The Service of replicas {} without a name: the one that selects the pods.
absl::StatusOr<std::string> TheService(const CanarySetup& setup, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(
      std::vector<Json> services,
      ServicesThatSelect(setup, kubernetes::TemplateLabelsOf(setup.workload), stop));
  if (services.size() == 1) return kubernetes::NameOf(services.front());
  const std::string what = kubernetes::RefOf(setup.live).ToString();
  if (services.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no Service selects the pods of ", what,
                     ", so there is no traffic to share. Create the Service first, or name it in "
                     "traffic.replicas.service."));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "several Services select the pods of ", what, ": ", absl::StrJoin(NamesOf(services), ", "),
      ". Name the one that is meant in traffic.replicas.service."));
}

// What the Service was like, as far as names follow from it.
Json LostService(const CanarySetup& setup, const ObjectRef& ref) {
  const Json& selector = GetObject(kubernetes::Spec(setup.live), "selector");
  return {{"metadata", {{"namespace", ref.namespace_name}, {"name", ref.name}}},
          {"spec", {{"selector", GetObject(selector, "matchLabels")}}}};
}

absl::StatusOr<Json> GetService(const CanarySetup& setup, const std::string& name,
                                const std::stop_token& stop) {
  const ObjectRef ref = ServiceRef(setup, name);
  absl::StatusOr<Json> service = setup.connection.api->Get(ref, stop);
  if (!absl::IsNotFound(service.status())) return service;
  if (setup.purpose == CanarySetup::Purpose::kTakeBack) return LostService(setup, ref);
  return absl::NotFoundError(
      absl::StrCat(ref.ToString(), " does not exist. Create it first, or correct traffic."));
}

// Whether the stable Deployment owns `object`.
bool IsOfStable(const Json& object, const Json& stable) {
  const Json& owners = GetArray(kubernetes::Metadata(object), "ownerReferences");
  return std::any_of(owners.begin(), owners.end(), [&](const Json& owner) {
    return GetString(owner, "uid") == kubernetes::UidOf(stable);
  });
}

// What has the canary's name must be ours, left by a run.
absl::Status RequireFree(const CanarySetup& setup, const ObjectRef& ref,
                         const std::stop_token& stop) {
  const absl::StatusOr<Json> found = setup.connection.api->Get(ref, stop);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  if (!found.ok()) return found.status();
  if (IsOfStable(*found, setup.live)) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      ref.ToString(), " exists already and is not of this release, which would make a ", ref.kind,
      " of that name for the ", setup.job.words.noun, ". Rename or delete it."));
}

// Traffic must reach the canary by its own way only.
absl::Status RequireUnselected(const CanarySetup& setup, const runner::CanaryTarget& target,
                               const std::stop_token& stop) {
  const StringMap labels = CanaryPodLabels(target, setup.workload);
  absl::StatusOr<std::vector<Json>> services = ServicesThatSelect(setup, labels, stop);
  // Not every role may list them.
  if (absl::IsPermissionDenied(services.status())) return absl::OkStatus();
  if (!services.ok()) return services.status();
  const bool shares = routing::SharesService(target.traffic.backend);
  const std::string stable_service = kubernetes::NameOf(target.service);
  std::erase_if(*services, [&](const Json& service) {
    const std::string name = kubernetes::NameOf(service);
    return name == target.traffic.canary_service || (shares && name == stable_service);
  });
  if (services->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the ", setup.job.words.noun, "'s pods would get traffic that nobody shifts: Service ",
      absl::StrJoin(NamesOf(*services), ", "), " selects their labels (", LabelsText(labels),
      "). Give the selectors a label that ", setup.job.words.labels_argument,
      " can change, such as track=stable."));
}

// Its own name where it has one, so that its labels can be told apart.
absl::StatusOr<runner::CanaryTarget> NameIt(const CanarySetup& setup, const Json& service) {
  const routing::Backend& backend = setup.job.backend;
  const bool own_service = routing::NeedsCanaryService(backend);
  runner::CanaryNamingInput input;
  input.workload = setup.workload;
  input.service = service;
  input.service_name = own_service ? kubernetes::NameOf(service) : "";
  input.shares_service = routing::SharesService(backend);
  input.canary_labels = setup.job.labels;
  input.words = setup.job.words;
  runner::CanaryTarget target;
  DELIVERY_ASSIGN_OR_RETURN(target.naming, runner::NameCanary(input));
  target.noun = setup.job.words.noun;
  target.service = service;
  target.canary_labels = setup.job.labels;
  target.before_traffic = setup.job.checks.before_traffic;
  target.before_promotion = setup.job.checks.before_promotion;
  target.of_steps = setup.job.checks.of_steps;
  target.traffic.backend = backend;
  target.traffic.match = setup.job.match;
  target.traffic.mirror = setup.job.mirror;
  target.traffic.noun = setup.job.words.noun;
  for (const Json& port : GetArray(kubernetes::Spec(service), "ports")) {
    target.traffic.service_ports[GetString(port, "name")] = static_cast<int>(GetInt(port, "port"));
  }
  target.traffic.namespace_name = NamespaceOf(setup);
  target.traffic.canary_service = target.naming.service;
  target.traffic.label_key = target.naming.label_key;
  target.traffic.stable_label_value = target.naming.stable_value;
  target.traffic.canary_label_value = target.naming.canary_value;
  return target;
}

absl::Status RequireRoute(const CanarySetup& setup, const runner::CanaryTarget& target,
                          const std::stop_token& stop) {
  return routing::MakeTrafficRouter(*setup.connection.api, target.traffic)->Record(stop).status();
}

absl::Status InContext(const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status)) return status;
  const std::string text(status.message());
  const bool said = absl::StrContains(text, "Traffic cannot be shifted") ||
                    absl::StrContains(text, "Requests cannot be mirrored");
  return absl::Status(status.code(), absl::StrCat(said ? "" : "Traffic cannot be shifted: ", text));
}

}  // namespace

std::string CanaryNameOf(const std::string& deployment) { return deployment + "-canary"; }

std::map<std::string, std::string> CanaryPodLabels(const runner::CanaryTarget& target,
                                                   const Json& workload) {
  return kubernetes::TemplateLabelsOf(
      runner::CanaryDeployment(workload, target.naming, target.canary_labels, 1, ""));
}

absl::StatusOr<runner::CanaryTarget> SetUpCanary(const CanarySetup& setup,
                                                 const std::stop_token& stop) {
  std::string name = routing::ServiceOf(setup.job.backend);
  if (name.empty()) {
    absl::StatusOr<std::string> found = TheService(setup, stop);
    if (!found.ok()) return InContext(found.status());
    name = *std::move(found);
  }
  const absl::StatusOr<Json> service = GetService(setup, name, stop);
  if (!service.ok()) return InContext(service.status());
  CanaryJob job = setup.job;
  if (auto* replicas = std::get_if<routing::ReplicasBackend>(&job.backend)) {
    replicas->service = name;
  }
  const CanarySetup named{setup.connection, job, setup.workload, setup.live, setup.purpose};
  absl::StatusOr<runner::CanaryTarget> target = NameIt(named, *service);
  if (!target.ok()) return InContext(target.status());
  // What an open run has made is no obstacle to it, and to taking it back nothing is.
  if (setup.purpose != CanarySetup::Purpose::kBegin) return target;
  const std::string in = NamespaceOf(setup);
  DELIVERY_RETURN_IF_ERROR(
      RequireFree(named, {"apps/v1", "Deployment", in, target->naming.deployment}, stop));
  if (!target->naming.service.empty()) {
    DELIVERY_RETURN_IF_ERROR(RequireFree(named, ServiceRef(named, target->naming.service), stop));
  }
  DELIVERY_RETURN_IF_ERROR(RequireUnselected(named, *target, stop));
  const absl::Status route = InContext(RequireRoute(named, *target, stop));
  if (!route.ok()) return route;
  return target;
}

}  // namespace delivery::resources
