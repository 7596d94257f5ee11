#include "resources/preflight_permissions.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/checks/check.h"
#include "provider/runner/journal.h"

namespace delivery::resources {
namespace {

using Weight = Permission::Weight;
using Verbs = std::vector<std::string>;

// A kind of object, or one object where `name` is given.
struct Resource {
  std::string group;
  std::string plural;
  std::string subresource = "";
  std::string name = "";
};

class PermissionList {
 public:
  explicit PermissionList(std::string namespace_name) : namespace_(std::move(namespace_name)) {}

  void Require(const Verbs& verbs, const Resource& resource) {
    for (const std::string& verb : verbs) Add(verb, resource, Weight::kRequired, "");
  }
  void Add(const std::string& verb, const Resource& resource, Weight weight, std::string without) {
    list_.push_back(
        {{verb, resource.group, resource.plural, resource.subresource, namespace_, resource.name},
         weight,
         std::move(without)});
  }
  std::vector<Permission> Take() { return std::move(list_); }

 private:
  const std::string namespace_;
  std::vector<Permission> list_;
};

// Of the kinds that are released, and of those that route.
std::string PluralOf(const std::string& kind) {
  return absl::StrCat(absl::AsciiStrToLower(kind), kind == "Ingress" ? "es" : "s");
}

std::string GroupOf(const std::string& api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

void RequireForCanary(const CanaryNeeds& canary, PermissionList& list) {
  list.Require({"create"}, {"apps", "deployments"});
  list.Require({"get", "patch", "delete"}, {"apps", "deployments", "", canary.deployment});
  list.Require({"get", "list", "watch"}, {"", "services"});
  if (canary.makes_service) list.Require({"create", "patch", "delete"}, {"", "services"});
  list.Require({"list", "watch"}, {"discovery.k8s.io", "endpointslices"});
  for (const kubernetes::ObjectRef& route : canary.routes) {
    const std::string group = GroupOf(route.api_version);
    const std::string plural = PluralOf(route.kind);
    list.Require({"get", "list", "watch", "patch"}, {group, plural, "", route.name});
    // nginx: the canary has an Ingress of its own.
    if (route.kind == "Ingress" && canary.makes_routes)
      list.Require({"create", "delete"}, {group, plural});
  }
}

// Asks for each of `queries`, a few at a time.
absl::StatusOr<std::vector<bool>> Review(kubernetes::Api& api, PreflightMemory& memory,
                                         const std::vector<kubernetes::AccessQuery>& queries,
                                         absl::Time now, const std::stop_token& stop) {
  constexpr size_t kAtATime = 6;
  std::vector<std::optional<absl::StatusOr<bool>>> answers(queries.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    for (size_t i = next++; i < queries.size() && !failed; i = next++) {
      answers[i] = memory.IsAllowed(api, queries[i], now, stop);
      if (!answers[i]->ok()) failed = true;
    }
  };
  {
    std::vector<std::jthread> helpers;
    while (helpers.size() + 1 < std::min(kAtATime, queries.size())) helpers.emplace_back(work);
    work();
  }
  std::vector<bool> allowed;
  for (const auto& answer : answers) {
    if (!answer.has_value()) continue;  // after a failure, which is among the others
    DELIVERY_ASSIGN_OR_RETURN(const bool one, *answer);
    allowed.push_back(one);
  }
  return allowed;
}

std::vector<Permission> WithoutAllowed(const std::vector<Permission>& permissions,
                                       const std::vector<bool>& allowed) {
  std::vector<Permission> lacking;
  for (size_t i = 0; i < permissions.size(); ++i) {
    if (!allowed[i]) lacking.push_back(permissions[i]);
  }
  return lacking;
}

// A release begins with objects that it makes, which no role can allow by name: without these,
// roles that are limited to named objects do not matter.
bool MayBegin(const std::vector<Permission>& missing) {
  return std::none_of(missing.begin(), missing.end(), [](const Permission& one) {
    return one.query.verb == "create" &&
           (one.query.resource == "leases" || one.query.resource == "configmaps");
  });
}

}  // namespace

PermissionNeeds NeedsOf(const WorkloadArguments& arguments) {
  using Target = checks::HttpCheck::Target;
  PermissionNeeds needs;
  needs.secrets =
      arguments.restart_on.is_known() && !KnownStrings(arguments.restart_on->secrets).empty();
  const absl::StatusOr<std::vector<checks::Check>> checks = ToChecks(arguments.check);
  if (!checks.ok()) return needs;
  for (const checks::Check& check : *checks) {
    if (const auto* http = std::get_if<checks::HttpCheck>(&check.what)) {
      needs.pod_proxy |= http->target == Target::kPod;
      needs.service_proxy |= http->target == Target::kService;
    }
    needs.jobs |= std::holds_alternative<checks::JobCheck>(check.what);
  }
  return needs;
}

bool Permission::IsWrite() const {
  return query.verb != "get" && query.verb != "list" && query.verb != "watch";
}

std::string Permission::ToString() const {
  return absl::StrCat(query.verb, " ", query.resource, query.group.empty() ? "" : ".", query.group,
                      query.subresource.empty() ? "" : "/", query.subresource);
}

std::vector<Permission> PermissionsFor(const PermissionNeeds& needs) {
  const std::string& kind = needs.workload.kind;
  const std::string run_object = needs.run_object.empty()
                                     ? runner::RunObjectName(needs.workload, needs.suffix)
                                     : needs.run_object;
  PermissionList list(needs.workload.namespace_name);
  const Resource workload{"apps", PluralOf(kind), "", needs.workload.name};
  list.Require({"get", "list", "watch"}, workload);
  if (needs.writes) list.Require({"patch"}, workload);
  if (needs.creates) list.Require({"create"}, workload);
  if (needs.may_remove) list.Require({"delete"}, workload);
  list.Require({"list", "watch"}, {"", "pods"});
  if (kind == "StatefulSet") list.Require({"delete"}, {"", "pods"});
  if (kind == "Deployment") list.Require({"list", "watch"}, {"apps", "replicasets"});
  if (kind == "DaemonSet") list.Require({"list", "watch"}, {"apps", "controllerrevisions"});
  list.Require({"get", "create", "update", "delete"}, {"", "configmaps", "", run_object});
  list.Require({"get", "create", "update", "delete"},
               {"coordination.k8s.io", "leases", "", run_object});
  if (needs.secrets) list.Require({"get"}, {"", "secrets"});
  if (needs.pod_proxy) list.Require({"get"}, {"", "pods", "proxy"});
  if (needs.service_proxy) list.Require({"get"}, {"", "services", "proxy"});
  if (needs.jobs) {
    list.Require({"get", "list", "watch", "create", "delete"}, {"batch", "jobs"});
  }
  if (needs.canary.has_value()) RequireForCanary(*needs.canary, list);
  list.Add("get", {"", "pods", "log"}, Weight::kUseful, "logs of failing pods cannot be shown");
  list.Add("list", {"", "events"}, Weight::kUseful,
           kind == "Deployment"
               ? "events of failing pods cannot be shown"
               : "events of failing pods cannot be shown, and pods that cannot be made are noticed "
                 "at progress_deadline only");
  list.Add("create", {"", "events"}, Weight::kOptional,
           "releases are not announced by Events on the workload");
  return list.Take();
}

absl::StatusOr<std::vector<Permission>> MissingPermissions(kubernetes::Api& api,
                                                           PreflightMemory& memory,
                                                           const PermissionNeeds& needs,
                                                           absl::Time now,
                                                           const std::stop_token& stop) {
  // In the namespace as a whole first: that is the same question for every workload in it.
  std::vector<Permission> lacking = PermissionsFor(needs);
  std::vector<kubernetes::AccessQuery> queries;
  for (const Permission& one : lacking) {
    queries.push_back(one.query);
    queries.back().name.clear();
  }
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<bool> everywhere,
                            Review(api, memory, queries, now, stop));
  lacking = WithoutAllowed(lacking, everywhere);
  if (lacking.empty() || !MayBegin(lacking)) return lacking;
  queries.clear();
  for (const Permission& one : lacking) queries.push_back(one.query);
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<bool> by_name,
                            Review(api, memory, queries, now, stop));
  return WithoutAllowed(lacking, by_name);
}

std::string PermissionLines(const std::vector<Permission>& permissions) {
  std::string text;
  for (const Permission& one : permissions) {
    absl::StrAppend(&text, "\n  ", one.ToString(),
                    one.without.empty() ? "" : absl::StrCat("  (else ", one.without, ")"));
  }
  return text;
}

std::string PermissionRemedy(const std::string& namespace_name) {
  return absl::StrCat("A Role with these is needed in namespace \"", namespace_name,
                      "\", bound to the credentials that apply uses.");
}

absl::Status RequirePermissions(kubernetes::Api& api, PreflightMemory& memory,
                                const PermissionNeeds& needs, absl::Time now,
                                const std::stop_token& stop) {
  memory.ForgetRefusals();
  absl::StatusOr<std::vector<Permission>> missing =
      MissingPermissions(api, memory, needs, now, stop);
  if (!missing.ok()) return absl::OkStatus();
  std::erase_if(*missing, [](const Permission& one) { return one.weight != Weight::kRequired; });
  if (missing->empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "these credentials may not do what the release of ", needs.workload.ToString(),
      " needs:", PermissionLines(*missing), "\n", PermissionRemedy(needs.workload.namespace_name)));
}

}  // namespace delivery::resources
