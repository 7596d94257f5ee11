#include "resources/variant_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/object.h"
#include "resources/preflight_images.h"
#include "resources/variant_refresh.h"

namespace delivery::resources {
namespace {

using value::Path;

std::string Differences(const VariantArguments& arguments) {
  std::vector<std::string> parts;
  for (const auto& [container, image] : KnownImages(arguments.images)) {
    parts.push_back(absl::StrCat(container, " = ", image));
  }
  // Values may be secret: their names say enough.
  for (const auto& [container, variables] : KnownEnvironments(arguments.env)) {
    std::vector<std::string> names;
    for (const auto& [name, value] : variables) names.push_back(name);
    parts.push_back(absl::StrCat("variables of ", container, ": ", absl::StrJoin(names, ", ")));
  }
  return parts.empty() ? "unchanged" : absl::StrJoin(parts, ", ");
}

std::string RequestsText(const VariantWish& wish) {
  if (wish.mirror > 0) return absl::StrCat("copies of ", wish.mirror, " % of the requests");
  if (wish.match.empty()) return absl::StrCat(wish.weight, " % of the requests");
  std::vector<std::string> conditions;
  for (const routing::HeaderMatch& header : wish.match.headers) {
    conditions.push_back(absl::StrCat("header ", header.name));
  }
  for (const routing::CookieMatch& cookie : wish.match.cookies) {
    conditions.push_back(absl::StrCat("cookie ", cookie.name));
  }
  return absl::StrCat("requests with a matching ", absl::StrJoin(conditions, " or "));
}

std::string RoutesText(const VariantWish& wish, const VariantArguments& arguments) {
  const absl::StatusOr<routing::Backend> backend = ToBackend(arguments.traffic);
  if (!backend.ok()) return "";
  std::vector<std::string> names;
  for (const kubernetes::ObjectRef& ref :
       routing::ObjectsOf(*backend, WorkloadOf(arguments).namespace_name, wish.mirror > 0)) {
    names.push_back(ref.ToString());
  }
  return absl::StrCat(" through ", absl::StrJoin(names, " and "));
}

class Rehearsal {
 public:
  Rehearsal(const VariantJob& job, const std::stop_token& stop, Diagnostics& diagnostics)
      : job_(job), stop_(stop), diagnostics_(diagnostics) {}

  void Run(bool existed, bool open) {
    const absl::StatusOr<Json> live = GetWorkload(job_, stop_);
    if (!live.ok()) return SayNoWorkload(live.status(), existed);
    const absl::StatusOr<VariantSetup> setup = SetUpVariant(job_, *live, open, stop_);
    if (!setup.ok()) {
      Find(Path::Of("traffic"), absl::StrCat("A ", job_.wish.words.noun, " could not begin"),
           setup.status());
    } else {
      SayImages(setup->manifest, *live);
    }
    SayPermissions();
    RehearseVariantMetrics(job_, stop_, diagnostics_);
  }

 private:
  void Find(const Path& path, const std::string& summary, const absl::Status& status) {
    const bool unanswered = !kubernetes::GetApiError(status).has_value() &&
                            (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status));
    if (absl::IsCancelled(status) || unanswered) return;
    const std::string detail(status.message());
    if (job_.connection.preflight == Preflight::kError) {
      diagnostics_.Error(path, summary, detail);
    } else {
      diagnostics_.Warning(path, summary, detail);
    }
  }

  // Never an error of its own: hosts plan before they destroy, too, and that must go on.
  void SayNoWorkload(const absl::Status& status, bool existed) {
    const std::string summary =
        absl::StrCat(WorkloadOf(job_.arguments).ToString(), " is not there");
    if (existed) {
      diagnostics_.Warning(Path::Of("workload"), summary, std::string(status.message()));
    } else {
      Find(Path::Of("workload"), summary, status);
    }
  }

  void SayImages(const Json& manifest, const Json& live) {
    for (const ImageProblem& problem :
         FindImageProblems(job_.connection, manifest, live, kubernetes::NamespaceOf(live), stop_)) {
      diagnostics_.Warning(
          Path::Of("images"),
          absl::StrCat("The image of container \"", problem.container, "\" cannot be pulled"),
          absl::StrCat(problem.image, ": ", problem.what, "."));
    }
  }

  void SayPermissions() {
    const auto missing = MissingPermissions(*job_.connection.api, *job_.connection.preflight_memory,
                                            NeedsOf(job_), job_.clock.Now(), stop_);
    if (!missing.ok()) return;
    std::vector<Permission> required = *missing;
    std::erase_if(required, [](const Permission& one) {
      return one.weight != Permission::Weight::kRequired;
    });
    if (required.empty()) return;
    Find({}, "Permissions are missing",
         absl::PermissionDeniedError(absl::StrCat(
             "Apply needs, and these credentials do not have:", PermissionLines(required), "\n",
             PermissionRemedy(WorkloadOf(job_.arguments).namespace_name))));
  }

  const VariantJob& job_;
  const std::stop_token& stop_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<std::string> DescribeVariant(const VariantWish& wish, const VariantArguments& arguments,
                                         VariantChange change) {
  const std::string name = WorkloadOf(arguments).name;
  const std::string variant = name + wish.words.suffix;
  const std::string back = absl::StrCat("take ", variant, " out of the route, then delete it");
  if (change == VariantChange::kEnd) return {back};
  std::vector<std::string> lines;
  if (change == VariantChange::kRenew) lines.push_back(back);
  const int64_t replicas = arguments.replicas.value_or(1);
  lines.push_back(absl::StrCat(change == VariantChange::kChange ? "keep" : "create", " Deployment ",
                               variant, " with ", replicas, replicas == 1 ? " pod" : " pods",
                               " from the live pod template of ", name,
                               ", which is not written: ", Differences(arguments)));
  lines.push_back(
      absl::StrCat("once it is ready, send it ", RequestsText(wish), RoutesText(wish, arguments)));
  for (std::string& line : DescribeVariantMetrics(arguments.metric)) {
    lines.push_back(std::move(line));
  }
  return lines;
}

void RehearseVariant(const VariantJob& job, bool existed, bool open, const std::stop_token& stop,
                     Diagnostics& diagnostics) {
  if (job.connection.preflight == Preflight::kOff) return;
  Rehearsal(job, stop, diagnostics).Run(existed, open);
}

bool AsksForSameVariant(const VariantArguments& one, const VariantArguments& other) {
  const auto decisive = [](VariantArguments arguments) {
    arguments.metric = std::vector<VariantMetricBlock>();
    arguments.interval = {};
    arguments.confidence = {};
    arguments.min_samples = {};
    arguments.progress_deadline = {};
    arguments.schedule_timeout = {};
    arguments.timeouts = {};
    return VariantArguments::Declaration().Encode(arguments);
  };
  return decisive(one) == decisive(other);
}

}  // namespace delivery::resources
