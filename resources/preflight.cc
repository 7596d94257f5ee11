#include "resources/preflight.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/workload_writer.h"
#include "resources/preflight_images.h"
#include "resources/preflight_quota.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using kubernetes::StringMap;
using Weight = Permission::Weight;

// The cluster did not answer, or not these credentials: asking on is of no use.
bool IsUnanswered(const absl::Status& status) {
  return !kubernetes::GetApiError(status).has_value() || absl::IsUnauthenticated(status) ||
         absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

std::string LabelsText(const StringMap& labels) {
  return labels.empty() ? "no labels" : absl::StrJoin(labels, ", ", absl::PairFormatter("="));
}

// The labels of the pod template after the write, as far as they can be told without the server.
StringMap LabelsAfter(const Json& live, const ReleaseRecord& record, const Json& workload) {
  StringMap labels = kubernetes::TemplateLabelsOf(live);
  if (record.written.has_value()) {
    for (const auto& [key, value] : kubernetes::TemplateLabelsOf(record.written->workload)) {
      labels.erase(key);
    }
  }
  for (const auto& [key, value] : kubernetes::TemplateLabelsOf(workload)) labels[key] = value;
  return labels;
}

// One preflight. Each step returns whether it makes sense to go on.
class PreflightRun {
 public:
  PreflightRun(const Connection& connection, const PreflightInput& input, absl::Time now,
               const std::stop_token& stop, Diagnostics& diagnostics)
      : connection_(connection),
        api_(*connection.api),
        input_(input),
        intent_(*input.intent),
        ref_(kubernetes::RefOf(intent_.workload)),
        now_(now),
        stop_(stop),
        diagnostics_(diagnostics) {}

  void Run() {
    const bool alive = input_.first_release ? LookBeforeCreate() : LookBeforeUpdate();
    if (!alive || !CheckPermissions()) return;
    CheckImages();
    if (DryRun() && CheckNames() && CheckSelectors()) CheckQuotas();
  }

 private:
  bool SayOpenRun();
  bool LookBeforeCreate();
  bool LookBeforeUpdate();
  bool CheckPermissions();
  void SayMissing(const std::vector<Permission>& missing);
  bool DryRun();
  void CheckImages();
  bool CheckNames();
  bool CheckSelectors();
  void SayUnselected(const char* kind, const std::vector<Json>& objects, const StringMap& before,
                     const StringMap& after);
  void CheckQuotas();
  bool ReplacesPods() const;

  void AddFinding(const std::string& summary, const std::string& detail);
  void Warn(const std::string& summary, const std::string& detail) {
    diagnostics_.Warning(value::Path::Of("manifest"), summary, detail);
  }
  // The cluster does not answer, or does not answer these credentials: no verdict on the apply.
  // False: there is nothing to go on with.
  bool WarnOfUncheckedPlan(const absl::Status& why);
  // An error of a look-up that is not worth more than itself: whether to go on with others.
  bool MayGoOnAfter(const absl::Status& status);

  const Connection& connection_;
  kubernetes::Api& api_;
  const PreflightInput& input_;
  WriteIntent intent_;
  const kubernetes::ObjectRef ref_;
  const absl::Time now_;
  const std::stop_token& stop_;
  Diagnostics& diagnostics_;

  std::optional<Json> live_;
  absl::Status unread_;  // why `live_` may not be read
  bool reviewed_ = false;
  bool may_write_ = true;
  std::optional<Json> rehearsed_;  // the workload as the dry run left it
};

void PreflightRun::AddFinding(const std::string& summary, const std::string& detail) {
  if (connection_.preflight == Preflight::kError) {
    diagnostics_.Error(value::Path::Of("manifest"), summary, detail);
  } else {
    Warn(summary, detail);
  }
}

bool PreflightRun::WarnOfUncheckedPlan(const absl::Status& why) {
  if (absl::IsCancelled(why)) return false;
  Warn(absl::StrCat("The plan for ", ref_.ToString(), " was not checked with the cluster"),
       absl::StrCat(std::string(why.message()),
                    ". What apply would trip on in the cluster, such as a missing namespace or a "
                    "refusal by admission, shows only when it is applied."));
  return false;
}

bool PreflightRun::MayGoOnAfter(const absl::Status& status) {
  return status.ok() || !IsUnanswered(status) || WarnOfUncheckedPlan(status);
}

// Of a release that is not in the state. Whether there is one.
bool PreflightRun::SayOpenRun() {
  const auto open = FindOpenRun(api_, ref_, now_, stop_);
  if (!open.ok() || !open->has_value()) return false;
  Warn(absl::StrCat("A release of ", ref_.ToString(), " is open: ", (*open)->status.phase.value()),
       absl::StrCat("It is not in the state: ", (*open)->status.message.value(), "."));
  return true;
}

// For a first release: says when the object exists.
bool PreflightRun::LookBeforeCreate() {
  absl::StatusOr<Json> live = api_.Get(ref_, stop_);
  if (absl::IsNotFound(live.status())) {
    // A release may have been killed before it made the object, or after it removed it.
    SayOpenRun();
    return true;
  }
  if (absl::IsPermissionDenied(live.status())) {
    unread_ = live.status();
    return true;
  }
  if (!live.ok()) return WarnOfUncheckedPlan(live.status());
  if (SayOpenRun()) return false;
  if (!input_.adopt_existing) {
    AddFinding(absl::StrCat(ref_.ToString(), " exists already"),
               absl::StrCat("Apply will refuse to overwrite it. Import it (id \"", ImportId(ref_),
                            "\") or set adopt_existing = true."));
    return false;
  }
  WarnOfTakeOver(runner::LegacyManagersOf(*live), diagnostics_);
  live_ = *std::move(live);
  return true;
}

bool PreflightRun::LookBeforeUpdate() {
  absl::StatusOr<Json> live = api_.Get(ref_, stop_);
  if (absl::IsNotFound(live.status())) {
    // Only a plan without refresh can come here: the state says that it was there.
    diagnostics_.Error(value::Path::Of("manifest"),
                       absl::StrCat(ref_.ToString(), " does not exist any more"),
                       "It was deleted outside Terraform. Plan with a refresh to create it anew.");
    return false;
  }
  if (absl::IsPermissionDenied(live.status())) {
    unread_ = live.status();
    return true;
  }
  if (!live.ok()) return WarnOfUncheckedPlan(live.status());
  live_ = *std::move(live);
  KeepLiveValues(*live_, intent_);
  return true;
}

bool PreflightRun::CheckPermissions() {
  PermissionNeeds needs = input_.needs;
  needs.workload = ref_;
  needs.creates = input_.first_release && !live_.has_value();
  needs.may_remove = needs.creates && input_.removes_failed;
  const absl::StatusOr<std::vector<Permission>> missing =
      MissingPermissions(api_, *connection_.preflight_memory, needs, now_, stop_);
  reviewed_ = missing.ok();
  if (!missing.ok() && IsUnanswered(missing.status())) {
    return WarnOfUncheckedPlan(missing.status());
  }
  if (missing.ok()) SayMissing(*missing);
  // What could not be read is said already, unless the cluster contradicts itself.
  if (!unread_.ok() && may_write_) return WarnOfUncheckedPlan(unread_);
  return true;
}

void PreflightRun::SayMissing(const std::vector<Permission>& missing) {
  const auto any = [&](const auto& what) {
    return std::any_of(missing.begin(), missing.end(), what);
  };
  const std::string where = absl::StrCat("namespace \"", ref_.namespace_name, "\"");
  const std::string role = absl::StrCat("\n", PermissionRemedy(ref_.namespace_name));
  may_write_ = !any([](const Permission& one) {
    return one.query.group == "apps" && !one.query.name.empty() &&
           (one.query.verb == "get" || one.query.verb == "patch" || one.query.verb == "create");
  });
  if (!may_write_) {
    Warn(
        absl::StrCat("What apply would do in ", where, " was not checked with the cluster"),
        absl::StrCat("These credentials may not write the workload, so the write was not rehearsed "
                     "(server-side dry run): a missing namespace, a refusal by admission, "
                     "validation or quota, and a conflict with another field manager show only "
                     "when it is applied. Not permitted:",
                     PermissionLines(missing), role));
    return;
  }
  if (any([](const Permission& one) { return one.weight == Weight::kRequired; })) {
    const std::string summary = absl::StrCat("Permissions are missing in ", where);
    const std::string detail = absl::StrCat(
        "Apply needs what these credentials may not do:", PermissionLines(missing), role);
    // Who may not write may be planning only.
    if (any([](const Permission& one) {
          return one.weight == Weight::kRequired && one.IsWrite();
        })) {
      Warn(summary, detail);
    } else {
      AddFinding(summary, detail);
    }
  } else if (any([](const Permission& one) { return one.weight == Weight::kUseful; })) {
    Warn(absl::StrCat("Less could be told about a failed release in ", where),
         absl::StrCat("These credentials may not:", PermissionLines(missing), role));
  }
}

bool PreflightRun::DryRun() {
  if (!may_write_) return true;
  const runner::WorkloadWrite write{intent_.workload, intent_.force, intent_.agreed,
                                    intent_.take_over_legacy};
  absl::StatusOr<kubernetes::ApplyResult> result =
      runner::WriteWorkload(api_, write, runner::WriteMode::kDryRun, stop_);
  if (result.ok()) {
    rehearsed_ = std::move(result->object);
    connection_.preflight_memory->RememberRehearsal(write, now_);
    return true;
  }
  const absl::Status& refusal = result.status();
  if (absl::IsCancelled(refusal)) return false;
  if (absl::IsUnauthenticated(refusal) || absl::IsUnavailable(refusal) ||
      absl::IsDeadlineExceeded(refusal) || (absl::IsPermissionDenied(refusal) && !reviewed_)) {
    return WarnOfUncheckedPlan(refusal);
  }
  AddFinding(absl::StrCat("Apply would fail for ", ref_.ToString()),
             absl::StrCat("A rehearsal of the write (server-side dry run) was refused: ",
                          RefusalText(refusal, ref_.namespace_name)));
  return !absl::IsNotFound(refusal);
}

void PreflightRun::CheckImages() {
  for (const ImageProblem& problem : FindImageProblems(
           connection_, intent_.workload, live_.value_or(Json()), ref_.namespace_name, stop_)) {
    const std::string image = absl::StrCat("The image of container \"", problem.container, "\"");
    if (problem.certain) {
      AddFinding(absl::StrCat(image, " cannot be pulled"),
                 absl::StrCat(problem.image, ": ", problem.what,
                              ". Push it first, or correct images or the manifest."));
    } else {
      Warn(absl::StrCat(image, " may not be pulled"),
           absl::StrCat(problem.image, ": ", problem.what,
                        ". The nodes may have other credentials; otherwise correct the Secrets."));
    }
  }
}

// What the arguments name beside the workload.
bool PreflightRun::CheckNames() {
  const auto checks = ToChecks(input_.arguments->check);
  if (checks.ok()) {
    const auto services = MissingServices(api_, ref_.namespace_name, *checks, stop_);
    if (!services.ok()) return MayGoOnAfter(services.status());
    for (const kubernetes::ObjectRef& service : *services) {
      AddFinding(absl::StrCat(service.ToString(), " does not exist"),
                 "A check asks it. Create it first, or correct check.http.service.");
    }
  }
  const absl::StatusOr<ContentLook> look =
      LookAtContents(api_, ref_.namespace_name, input_.arguments->restart_on, stop_);
  if (!look.ok()) return MayGoOnAfter(look.status());
  for (const kubernetes::ObjectRef& missing : look->missing) {
    const std::string summary = absl::StrCat(missing.ToString(), " does not exist");
    if (input_.record->released_contents.count(ContentKey(missing)) != 0) {
      diagnostics_.Error(value::Path::Of("restart_on"), absl::StrCat(summary, " any more"),
                         "It was there at the last release, and restart_on names it. Create it "
                         "again, or take it out of restart_on.");
    } else if (input_.first_release) {
      // Otherwise the refresh has said it.
      AddFinding(summary, "restart_on names it. Create it first, or correct restart_on.");
    }
  }
  return true;
}

bool PreflightRun::CheckSelectors() {
  if (!live_.has_value()) return true;
  const StringMap before = kubernetes::TemplateLabelsOf(*live_);
  const StringMap after = rehearsed_.has_value()
                              ? kubernetes::TemplateLabelsOf(*rehearsed_)
                              : LabelsAfter(*live_, *input_.record, intent_.workload);
  if (before == after) return true;
  kubernetes::ListOptions here;
  here.namespace_name = ref_.namespace_name;
  std::vector<std::string> unchecked;
  for (const auto& [api_version, kind] :
       {std::pair{"v1", "Service"}, std::pair{"policy/v1", "PodDisruptionBudget"}}) {
    const absl::StatusOr<kubernetes::ObjectList> list = api_.List(api_version, kind, here, stop_);
    if (list.ok()) {
      SayUnselected(kind, list->items, before, after);
    } else if (!MayGoOnAfter(list.status())) {
      return false;
    } else if (absl::IsPermissionDenied(list.status())) {
      unchecked.push_back(absl::StrCat(kind, "s"));
    }
  }
  if (!unchecked.empty()) {
    Warn(absl::StrCat("The labels of the pods of ", ref_.ToString(), " change"),
         absl::StrCat("These credentials may not list the ", absl::StrJoin(unchecked, " and "),
                      " in namespace \"", ref_.namespace_name,
                      "\", so it was not checked that they select the new pods too (",
                      LabelsText(after), ")."));
  }
  return true;
}

void PreflightRun::SayUnselected(const char* kind, const std::vector<Json>& objects,
                                 const StringMap& before, const StringMap& after) {
  const bool services = std::string_view(kind) == "Service";
  const auto selects = [services](const Json& object, const StringMap& labels) {
    if (!services) {
      const Json* selector = Find(kubernetes::Spec(object), "selector");
      return selector != nullptr && kubernetes::SelectorMatches(*selector, labels);
    }
    return GetString(kubernetes::Spec(object), "type") != "ExternalName" &&
           kubernetes::ServiceSelects(object, labels);
  };
  for (const Json& object : objects) {
    if (!selects(object, before) || selects(object, after)) continue;
    const Json& selector = GetObject(kubernetes::Spec(object), "selector");
    const std::string selected = services ? LabelsText(kubernetes::ToStringMap(selector))
                                          : kubernetes::SelectorToString(selector);
    AddFinding(
        absl::StrCat(kind, " ", ref_.namespace_name, "/", kubernetes::NameOf(object),
                     " would not select the new pods of ", ref_.ToString()),
        absl::StrCat("It selects the pods that run now by ", selected,
                     ". The new pod template has ", LabelsText(after),
                     services ? ", so the Service would be left without these pods. "
                              : ", so nothing would protect these pods from evictions. ",
                     "Keep the labels in spec.template.metadata.labels, or let the selector match "
                     "both first."));
  }
}

// Whether every pod is replaced, not only more or fewer of them wanted.
bool PreflightRun::ReplacesPods() const {
  if (!live_.has_value()) return false;
  const Json& before = kubernetes::PodTemplate(*live_);
  if (rehearsed_.has_value()) return before != kubernetes::PodTemplate(*rehearsed_);
  const Json named = kubernetes::ProjectNamedFields(intent_.workload, *live_);
  const std::vector<kubernetes::FieldPath> changed =
      kubernetes::ChangedFields(named, intent_.workload);
  const kubernetes::FieldPath pod_template = kubernetes::FieldPath() / "spec" / "template";
  return std::any_of(changed.begin(), changed.end(), [&](const kubernetes::FieldPath& field) {
    return pod_template.Covers(field);
  });
}

void PreflightRun::CheckQuotas() {
  if (ref_.kind != "Deployment") return;
  const absl::StatusOr<std::vector<Json>> quotas =
      connection_.preflight_memory->Quotas(api_, ref_.namespace_name, now_, stop_);
  // Not every role may look at quotas: then it shows when it is applied.
  if (!quotas.ok()) {
    MayGoOnAfter(quotas.status());
    return;
  }
  QuotaDemand demand{rehearsed_.value_or(intent_.workload), live_.value_or(Json()), ReplacesPods()};
  if (input_.canary_pods) {
    const auto stable = GetInt(kubernetes::Spec(demand.live), "replicas", 1);
    demand.beside = input_.canary_pods(static_cast<int>(stable));
  }
  for (const QuotaShortage& shortage : FindShortages(*quotas, demand)) {
    AddFinding(
        absl::StrCat("ResourceQuota ", ref_.namespace_name, "/", shortage.quota,
                     " leaves no room for the release of ", ref_.ToString()),
        absl::StrCat("Pods would be refused:\n  ", absl::StrJoin(shortage.lines, "\n  "),
                     "\nRaise the quota, or lower spec.replicas, the resources of the containers "
                     "or spec.strategy.rollingUpdate.maxSurge."));
  }
}

}  // namespace

void RunPreflight(const Connection& connection, const PreflightInput& input, absl::Time now,
                  const std::stop_token& stop, Diagnostics& diagnostics) {
  if (connection.preflight == Preflight::kOff) return;
  PreflightRun(connection, input, now, stop, diagnostics).Run();
}

}  // namespace delivery::resources
