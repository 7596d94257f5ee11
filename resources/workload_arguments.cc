#include "resources/workload_arguments.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/manifest_check.h"
#include "provider/kubernetes/object.h"
#include "re2/re2.h"
#include "resources/manifest_value.h"

namespace delivery::resources {
namespace {

using kubernetes::FieldPath;
using schema::Attr;
using schema::OnChange;
using schema::Spec;
using value::Path;

constexpr char kOneObject[] =
    "manifest takes one Kubernetes object, for example yamldecode(file(\"web.yaml\")). A file with "
    "several documents has to be split, one resource each.";

// repository[:tag][@digest], as the distribution project's grammar has it.
bool IsImageReference(const std::string& image) {
  static const auto* const pattern = new RE2(
      R"((?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?/)?)"
      R"([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
      R"((?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,})?)");
  return image.size() <= 1024 && RE2::FullMatch(image, *pattern);
}

void CheckImageReference(const Path& path, const std::string& image, Diagnostics& diagnostics) {
  if (IsImageReference(image)) return;
  diagnostics.Error(
      path, "Invalid image reference",
      absl::StrCat("\"", image,
                   "\" is not an image reference. The form is "
                   "[registry/]repository[:tag][@sha256:...], in lower case up to the tag."));
}

// An image of ours may stand in for a container's missing one.
std::vector<FieldPath> WithSuppliedImages(const PartialManifest& manifest,
                                          const Attr<Images>& images) {
  std::vector<FieldPath> unknown = manifest.unknown;
  const FieldPath pod = FieldPath() / "spec" / "template" / "spec";
  const Json& spec = GetObject(kubernetes::PodTemplate(manifest.json), "spec");
  for (const char* list : {"initContainers", "containers"}) {
    const Json& containers = GetArray(spec, list);
    for (size_t i = 0; i < containers.size(); ++i) {
      const std::string name = GetString(containers[i], "name");
      const bool supplied = images.is_unknown() || (images.is_known() && images->count(name) != 0);
      if (supplied) unknown.push_back((pod / list).At(i) / "image");
    }
  }
  return unknown;
}

void ValidateManifest(const WorkloadArguments& arguments,
                      const std::vector<std::string>& allowed_kinds, Diagnostics& diagnostics) {
  const value::Value& manifest = arguments.manifest.value();
  if (!manifest.is_mapping()) {
    diagnostics.Error(
        Path::Of("manifest"), "manifest is not an object",
        absl::StrCat(manifest.is_sequence() ? "It is a list. " : "It is a scalar. ", kOneObject));
    return;
  }
  const PartialManifest partial = ToPartialJson(manifest);
  kubernetes::ManifestCheckOptions options;
  options.allowed_kinds = allowed_kinds;
  options.unknown = WithSuppliedImages(partial, arguments.images);
  for (const auto& problem : kubernetes::CheckWorkloadManifest(partial.json, options)) {
    const std::string where =
        problem.path.empty() ? "manifest" : absl::StrCat("manifest.", problem.path.ToString());
    // The path ends here: hosts cannot follow it into a dynamic value, and would then point at the
    // resource's first line. The summary names the field.
    diagnostics.Error(Path::Of("manifest"), absl::StrCat("Invalid ", where),
                      absl::StrCat(problem.problem, " ", problem.remedy));
  }
  for (const kubernetes::ContainerRef& container : kubernetes::ContainersOf(partial.json)) {
    const std::string image = GetString(*container.container, "image");
    if (!image.empty()) CheckImageReference(Path::Of("manifest"), image, diagnostics);
  }
}

// True when a container's name is, or is inside, what is not known.
bool MayHideAContainerName(const FieldPath& unknown) {
  for (const char* list : {"initContainers", "containers"}) {
    const FieldPath containers = FieldPath() / "spec" / "template" / "spec" / list;
    if (unknown.Covers(containers)) return true;
    if (!containers.Covers(unknown)) continue;
    const size_t depth = unknown.steps().size() - containers.steps().size();
    if (depth == 1 || (depth == 2 && unknown.LastMember() == "name")) return true;
  }
  return false;
}

void ValidateImages(const WorkloadArguments& arguments, Diagnostics& diagnostics) {
  if (!arguments.images.is_known()) return;
  std::vector<std::string> names;
  bool names_known = arguments.manifest.is_known() && arguments.manifest->is_mapping();
  if (names_known) {
    const PartialManifest partial = ToPartialJson(arguments.manifest.value());
    for (const auto& [name, image] : kubernetes::ImagesOf(partial.json)) names.push_back(name);
    // A name that is not known yet may be the one that is meant.
    for (const FieldPath& unknown : partial.unknown) {
      names_known = names_known && !MayHideAContainerName(unknown);
    }
  }
  const std::set<std::string> known(names.begin(), names.end());
  for (const auto& [name, image] : arguments.images.value()) {
    const Path path = Path::Of("images").At(name);
    if (names_known && !names.empty() && known.count(name) == 0) {
      diagnostics.Error(path, "Unknown container",
                        absl::StrCat("images names the container \"", name,
                                     "\", which the manifest does not "
                                     "have. Its containers are: ",
                                     absl::StrJoin(names, ", "), "."));
    }
    if (image.is_known()) CheckImageReference(path, image.value(), diagnostics);
    if (image.is_null()) {
      diagnostics.Error(path, "Image is null",
                        absl::StrCat("images[\"", name,
                                     "\"] is null. Leave the entry out to use "
                                     "the manifest's image."));
    }
  }
}

void ValidateIgnoredFields(const WorkloadArguments& arguments, Diagnostics& diagnostics) {
  if (!arguments.ignore_fields.is_known()) return;
  for (size_t i = 0; i < arguments.ignore_fields->size(); ++i) {
    const Attr<std::string>& field = arguments.ignore_fields.value()[i];
    if (!field.is_known()) continue;
    const absl::StatusOr<FieldPath> path = FieldPath::Parse(field.value());
    if (path.ok() && !path->empty()) continue;
    diagnostics.Error(
        Path::Of("ignore_fields").At(static_cast<int64_t>(i)), "Invalid field path",
        path.ok() ? "The path is empty." : absl::StrCat(std::string(path.status().message())));
  }
}

absl::Duration DurationOr(const Attr<std::string>& text, absl::Duration otherwise) {
  if (!text.is_known()) return otherwise;
  return schema::ParseGoDuration(text.value()).value_or(otherwise);
}

}  // namespace

const Spec<Timeouts>& Timeouts::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<Timeouts>("Bounds on whole operations.");
    s->Field("create", &Timeouts::create)
        .Optional()
        .GoDuration()
        .Doc(
            "Bound on the first release. Unless given, twice `progress_deadline` and the time of "
            "checks, steps and analysis.");
    s->Field("update", &Timeouts::update)
        .Optional()
        .GoDuration()
        .Doc(
            "Bound on a release; a rollback has `progress_deadline` beyond it. Unless given, twice "
            "`progress_deadline` and the time of checks, steps and analysis.");
    s->Field("delete", &Timeouts::delete_)
        .Optional()
        .GoDuration()
        .Doc("Bound on waiting for the workload's pods to be gone. `10m` unless given.");
    return s;
  }();
  return *spec;
}

const Spec<WorkloadArguments>& WorkloadArguments::Declaration() {
  using A = WorkloadArguments;
  static const auto* const spec = [] {
    auto* s = new Spec<A>("Arguments of a workload release.");
    s->Field("manifest", &A::manifest)
        .Required()
        .Doc(
            "The workload as an object, for example `yamldecode(file(\"web.yaml\"))`. Only the "
            "fields it names are written (server-side apply) and compared.");
    s->Field("images", &A::images)
        .Optional()
        .Doc("Container or init container name => image, in place of the manifest's.");
    s->Field("on_interrupt", &A::on_interrupt)
        .Default("resume")
        .OneOf({"resume", "rollback"})
        .Doc(
            "What the next apply does with a release that was interrupted (Ctrl-C, a killed "
            "process).");
    s->Field("drift_mode", &A::drift_mode)
        .Default("correct")
        .OneOf({"correct", "report", "ignore"})
        .Doc(
            "What a refresh does with a named field that someone changed: show it in the plan as "
            "a change and take it back, warn only, or nothing.");
    s->Field("ignore_fields", &A::ignore_fields)
        .Default({})
        .Doc(
            "Fields of the manifest that others may change, for example "
            "`spec.template.spec.containers[name=web].resources`. They keep their live value.");
    s->Field("force_conflicts", &A::force_conflicts)
        .Default(false)
        .Doc("Take fields that another field manager owns and sets differently.");
    s->Field("adopt_existing", &A::adopt_existing)
        .Default(false)
        .Doc(
            "Create over an object that exists already. When that release fails the object is "
            "put back as it was and is not recorded.");
    s->Field("progress_deadline", &A::progress_deadline)
        .Default("10m")
        .GoDuration()
        .Doc(
            "A rollout that gets no further for this long has failed. The manifest's "
            "`progressDeadlineSeconds` counts too: the first to pass.");
    s->Field("schedule_timeout", &A::schedule_timeout)
        .Default("30s")
        .GoDuration()
        .Doc("A pod that no node can take for this long fails the release.");
    s->Field("retry_token", &A::retry_token)
        .Optional()
        .Doc("Any new value lets a version that was rolled back be tried again.");
    s->Field("restart_trigger", &A::restart_trigger)
        .Optional()
        .Doc("A changed value restarts the pods, by a rollout of the same version.");
    s->Block("restart_on", &A::restart_on);
    s->BlockList("check", &A::check);
    s->Block("timeouts", &A::timeouts);
    return s;
  }();
  return *spec;
}

const Spec<ReleaseStatus>& ReleaseStatus::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<ReleaseStatus>("Verdict on the last release.");
    s->Field("phase", &ReleaseStatus::phase)
        .Computed()
        .Doc(
            "`Succeeded`, `RolledBack`, `Failed`, `Interrupted`, `Paused` (a rollout), `Held` (a "
            "canary) or `Progressing`.");
    s->Field("message", &ReleaseStatus::message).Computed().Doc("What happened, in a sentence.");
    s->Field("started_at", &ReleaseStatus::started_at)
        .Computed()
        .Doc("When the release started (RFC 3339).");
    s->Field("finished_at", &ReleaseStatus::finished_at)
        .Computed()
        .Doc("When the verdict was reached; null while there is none.");
    return s;
  }();
  return *spec;
}

const Spec<WorkloadResults>& WorkloadResults::Declaration() {
  using R = WorkloadResults;
  static const auto* const spec = [] {
    auto* s = new Spec<R>("What a release leaves.");
    s->Field("id", &R::id).Computed(OnChange::kKeepPrior).Doc("`namespace/name`.");
    s->Field("uid", &R::uid).Computed(OnChange::kKeepPrior).Doc("The workload's uid.");
    s->Field("revision", &R::revision).Computed().Doc("Kubernetes' revision of the workload.");
    s->Field("running_images", &R::running_images)
        .Computed()
        .Doc("Container name => image that the cluster runs.");
    s->Field("last_good_images", &R::last_good_images)
        .Computed()
        .Doc("Images of the last release that succeeded.");
    s->Field("failed_images", &R::failed_images)
        .Computed()
        .Doc("Images of the last release, if it failed; empty otherwise.");
    s->Field("release_plan", &R::release_plan)
        .Computed()
        .Doc("What the release does, step by step, for the reader of the plan.");
    return s;
  }();
  return *spec;
}

void ValidateWorkloadArguments(const WorkloadArguments& arguments,
                               const std::vector<std::string>& allowed_kinds,
                               Diagnostics& diagnostics) {
  if (arguments.manifest.is_known()) ValidateManifest(arguments, allowed_kinds, diagnostics);
  ValidateImages(arguments, diagnostics);
  ValidateIgnoredFields(arguments, diagnostics);
}

std::vector<std::string> KnownStrings(const Attr<std::vector<Attr<std::string>>>& list) {
  std::vector<std::string> strings;
  if (!list.is_known()) return strings;
  for (const Attr<std::string>& entry : list.value()) {
    if (entry.is_known()) strings.push_back(entry.value());
  }
  return strings;
}

std::map<std::string, std::string> KnownImages(const Attr<Images>& images) {
  std::map<std::string, std::string> known;
  if (!images.is_known()) return known;
  for (const auto& [name, image] : images.value()) {
    if (image.is_known()) known.emplace(name, image.value());
  }
  return known;
}

Attr<Images> ToImages(const std::map<std::string, std::string>& images) {
  Images result;
  for (const auto& [name, image] : images) result.emplace(name, image);
  return result;
}

std::vector<FieldPath> IgnoredFields(const WorkloadArguments& arguments) {
  std::vector<FieldPath> paths;
  for (const std::string& text : KnownStrings(arguments.ignore_fields)) {
    absl::StatusOr<FieldPath> path = FieldPath::Parse(text);
    if (path.ok()) paths.push_back(*std::move(path));
  }
  return paths;
}

absl::Duration ProgressDeadline(const WorkloadArguments& arguments) {
  return DurationOr(arguments.progress_deadline, absl::Minutes(10));
}

absl::Duration ScheduleTimeout(const WorkloadArguments& arguments) {
  return DurationOr(arguments.schedule_timeout, absl::Seconds(30));
}

absl::Duration CreateTimeout(const WorkloadArguments& arguments, absl::Duration besides) {
  const absl::Duration otherwise =
      2 * ProgressDeadline(arguments) + TimeForChecks(arguments.check) + besides;
  return arguments.timeouts.is_known() ? DurationOr(arguments.timeouts->create, otherwise)
                                       : otherwise;
}

absl::Duration UpdateTimeout(const WorkloadArguments& arguments, absl::Duration besides) {
  const absl::Duration otherwise =
      2 * ProgressDeadline(arguments) + TimeForChecks(arguments.check) + besides;
  return arguments.timeouts.is_known() ? DurationOr(arguments.timeouts->update, otherwise)
                                       : otherwise;
}

absl::Duration DeleteTimeout(const WorkloadArguments& arguments) {
  const absl::Duration otherwise = absl::Minutes(10);
  return arguments.timeouts.is_known() ? DurationOr(arguments.timeouts->delete_, otherwise)
                                       : otherwise;
}

engine::OnInterrupt OnInterruptOf(const WorkloadArguments& arguments) {
  return arguments.on_interrupt.value_or("resume") == "rollback" ? engine::OnInterrupt::kRollback
                                                                 : engine::OnInterrupt::kResume;
}

}  // namespace delivery::resources
