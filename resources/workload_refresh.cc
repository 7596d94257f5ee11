#include "resources/workload_refresh.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/drift.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/workload_status.h"
#include "provider/runner/journal.h"
#include "provider/runner/lease.h"
#include "provider/runner/workload_writer.h"
#include "resources/manifest_value.h"
#include "resources/restart.h"
#include "resources/workload_change.h"

namespace delivery::resources {
namespace {

using kubernetes::FieldChange;
using kubernetes::FieldPath;

// The container whose image `path` is, empty when it is something else.
std::string ContainerOfImagePath(const FieldPath& path) {
  const auto& steps = path.steps();
  if (path.LastMember() != "image" || steps.size() < 2) return "";
  const auto* element = std::get_if<FieldPath::Element>(&steps[steps.size() - 2]);
  if (element == nullptr) return "";
  const auto name = element->keys.find("name");
  return name == element->keys.end() || !name->second.is_string() ? ""
                                                                  : name->second.get<std::string>();
}

// Takes the changes of images that `images` sets out of `changes`, into the argument.
void MoveToImages(std::vector<FieldChange>& changes, schema::Attr<Images>& images) {
  if (!images.is_known()) return;
  Images live = images.value();
  const auto is_ours = [&](const FieldChange& change) {
    const auto entry = live.find(ContainerOfImagePath(change.path));
    if (entry == live.end() || !change.live.has_value() || !change.live->is_string()) return false;
    entry->second = change.live->get<std::string>();
    return true;
  };
  changes.erase(std::remove_if(changes.begin(), changes.end(), is_ours), changes.end());
  images = std::move(live);
}

void WarnOfDrift(const Json& live, const std::vector<FieldChange>& changes, const std::string& mode,
                 Diagnostics& diagnostics) {
  std::string detail;
  for (const FieldChange& change : changes) {
    absl::StrAppend(&detail, kubernetes::DescribeChange(change), "\n");
  }
  absl::StrAppend(&detail, mode == "correct"
                               ? "The plan takes this back. To keep a change, write it into the "
                                 "configuration or name the field in ignore_fields."
                               : "drift_mode = \"report\": the plan leaves this as it is.");
  diagnostics.Warning(
      value::Path::Of("manifest"),
      absl::StrCat("Drift: ", kubernetes::RefOf(live).ToString(), " was changed outside Terraform"),
      detail);
}

// Kubernetes' own word for the version, by kind.
std::string RevisionOf(const Json& live) {
  const std::string kind = kubernetes::KindOf(live);
  if (kind == "StatefulSet") return GetString(kubernetes::Status(live), "updateRevision");
  return kubernetes::AnnotationOf(live, kind == "DaemonSet"
                                            ? "deprecated.daemonset.template.generation"
                                            : "deployment.kubernetes.io/revision")
      .value_or("");
}

bool IsPausedBeforeItsFirstPod(const Json& live) {
  return GetBool(kubernetes::Spec(live), "paused") &&
         GetInt(kubernetes::Status(live), "updatedReplicas") == 0;
}

// Takes the change of spec.paused out of `changes`, into the argument.
void MoveToPaused(std::vector<FieldChange>& changes, schema::Attr<bool>* paused) {
  if (paused == nullptr) return;
  const FieldPath field = FieldPath() / "spec" / "paused";
  const auto is_it = [&](const FieldChange& change) {
    if (!(change.path == field)) return false;
    *paused = change.live.has_value() && change.live->is_boolean() && change.live->get<bool>();
    return true;
  };
  changes.erase(std::remove_if(changes.begin(), changes.end(), is_it), changes.end());
}

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

std::string NamespaceOfId(const std::string& id) {
  return std::pair<std::string, std::string>(absl::StrSplit(id, absl::MaxSplits('/', 1))).first;
}

std::string ImportId(const kubernetes::ObjectRef& ref) {
  return absl::StrCat(ref.kind == "Deployment" ? "" : ref.kind + "/", ref.namespace_name, "/",
                      ref.name);
}

kubernetes::ObjectRef WorkloadRef(const WorkloadArguments& arguments,
                                  const std::string& namespace_name) {
  kubernetes::ObjectRef ref = kubernetes::RefOf(ToPartialJson(arguments.manifest.value()).json);
  ref.namespace_name = namespace_name;
  return ref;
}

void SetLiveResults(const Json& live, const Json& workload, const Json& good,
                    WorkloadResults& results) {
  results.uid = kubernetes::UidOf(live);
  results.revision = RevisionOf(live);
  const kubernetes::StringMap named = kubernetes::ImagesOf(workload);
  const bool any_runs = GetInt(kubernetes::Status(live), "replicas") > 0;
  const bool nothing_new_runs = IsPausedBeforeItsFirstPod(live);
  const bool old_runs = nothing_new_runs && any_runs && good.is_object();
  // A first release that is held back: there are no pods at all.
  const bool nothing_runs =
      nothing_new_runs && !any_runs && workload.is_object() && !good.is_object();
  kubernetes::StringMap running;
  for (const auto& [name, image] : kubernetes::ImagesOf(nothing_runs ? Json::object()
                                                        : old_runs   ? good
                                                                     : live)) {
    // What admission injected is not the user's.
    if (named.empty() || named.count(name) != 0) running.emplace(name, image);
  }
  results.running_images = ToImages(running);
}

absl::StatusOr<ReleaseRecord> RecordOf(const WorkloadArguments& arguments,
                                       const WorkloadResults& results,
                                       const schema::Attr<ReleaseStatus>& status,
                                       const std::string& private_state) {
  if (!private_state.empty()) return ReleaseRecord::Parse(private_state);
  ReleaseRecord record;
  const std::string phase = status.is_known() ? status->phase.value_or("") : "";
  if (status.is_known() && status->message.value_or("") == kImported) {
    record.imported = true;
    return record;
  }
  const auto version = [&](const schema::Attr<Images>& images) -> absl::StatusOr<WorkloadVersion> {
    WorkloadVersion made{arguments.manifest.value(), images, Json()};
    DELIVERY_ASSIGN_OR_RETURN(made.workload, DesiredWorkload(ToPartialJson(made.manifest).json,
                                                             NamespaceOfId(results.id.value_or("")),
                                                             KnownImages(images)));
    return made;
  };
  if (phase == phase::kHeld && results.running_images.is_known()) {
    // The state shows the version that waits. Of the stable one no more is known than its images,
    // so nothing is compared.
    DELIVERY_ASSIGN_OR_RETURN(record.written, version(results.running_images));
    DELIVERY_ASSIGN_OR_RETURN(WorkloadVersion waiting, version(arguments.images));
    record.pending.emplace();
    record.pending->version = std::move(waiting);
    record.good = record.written;
    return record;
  }
  DELIVERY_ASSIGN_OR_RETURN(record.written, version(arguments.images));
  // Compared as the user wrote it, since what the server answered is lost.
  record.recorded = record.written->workload;
  if (phase == phase::kSucceeded) {
    record.good = record.written;
  } else if (results.last_good_images.is_known() && !results.last_good_images->empty()) {
    DELIVERY_ASSIGN_OR_RETURN(record.good, version(results.last_good_images));
  }
  return record;
}

ReleaseStatus ImportedStatus() {
  ReleaseStatus status;
  status.phase = std::string(phase::kSucceeded);
  status.message = std::string(kImported);
  return status;
}

void RefreshFromLive(const Json& live, bool run_is_open, WorkloadArguments& arguments,
                     schema::Attr<bool>* paused, WorkloadResults& results, ReleaseRecord& record,
                     Diagnostics& diagnostics) {
  record.generation = kubernetes::GenerationOf(live);
  record.drifted.clear();
  if (!record.written.has_value()) {
    record.legacy_managers = runner::LegacyManagersOf(live);
    // An open run has changed it since: what it goes back to is what was imported.
    if (!run_is_open) arguments.manifest = value::FromPlainJson(WithoutServerFields(live));
    SetLiveResults(live, Json(), Json(), results);
    return;
  }
  // A record that was made from the state does not know of restarts; nobody else sets the mark.
  if (RestartMarkOf(record.written->workload).empty()) {
    SetRestartMark(record.written->workload, RestartMarkOf(live));
  }
  SetLiveResults(live, record.written->workload,
                 record.good.has_value() ? record.good->workload : Json(), results);
  // A version that waits beside the stable one is what the state shows.
  const WorkloadVersion& shown =
      record.pending.has_value() ? record.pending->version : *record.written;
  arguments.manifest = shown.manifest;
  arguments.images = shown.images;
  const std::string mode = arguments.drift_mode.value_or("correct");
  if (mode == "ignore" || !record.recorded.is_object()) return;

  kubernetes::DriftOptions options;
  options.ignore_fields = IgnoredFields(arguments);
  // The mark of a restart has no place in the user's manifest.
  const Json written = WithoutRestartMark(record.written->workload);
  options.manifest = &written;
  std::vector<FieldChange> changes =
      kubernetes::FindDrift(WithoutRestartMark(record.recorded), live, options);
  if (run_is_open) {
    // What the open run has written is no drift, and not the state's version before it is released.
    changes.erase(std::remove_if(changes.begin(), changes.end(),
                                 [](const FieldChange& change) {
                                   return change.manager.empty() ||
                                          change.manager == kubernetes::kFieldManager;
                                 }),
                  changes.end());
  }
  if (!changes.empty()) WarnOfDrift(live, changes, mode, diagnostics);
  if (mode != "correct") return;
  for (const FieldChange& change : changes) record.drifted.push_back(change.path.ToString());
  MoveToImages(changes, arguments.images);
  MoveToPaused(changes, paused);
  arguments.manifest = WithLiveValues(shown.manifest, changes);
}

void RefreshContents(kubernetes::Api& api, const std::string& namespace_name,
                     const WorkloadArguments& arguments, const std::stop_token& stop,
                     ReleaseRecord& record, Diagnostics& diagnostics) {
  const absl::StatusOr<ContentLook> look =
      LookAtContents(api, namespace_name, arguments.restart_on, stop);
  if (!look.ok()) {
    diagnostics.Warning(value::Path::Of("restart_on"),
                        "It could not be told whether contents changed",
                        std::string(look.status().message()));
    return;
  }
  for (const kubernetes::ObjectRef& missing : look->missing) {
    diagnostics.Warning(value::Path::Of("restart_on"),
                        absl::StrCat(missing.ToString(), " does not exist"),
                        "restart_on names it. Pods that need it cannot start; nothing is "
                        "restarted because of it.");
  }
  record.contents = look->hashes;
  // Named anew: the pods that run are taken to have what is there now.
  for (const auto& [name, hash] : look->hashes) record.released_contents.emplace(name, hash);
}

absl::StatusOr<std::optional<OpenRun>> FindOpenRun(kubernetes::Api& api,
                                                   const kubernetes::ObjectRef& ref, absl::Time now,
                                                   const std::stop_token& stop,
                                                   const std::string& suffix) {
  DELIVERY_ASSIGN_OR_RETURN(const auto entry, runner::LoadJournal(api, ref, stop, suffix));
  if (!entry.has_value() || entry->state.step == engine::Step::kDone) return std::nullopt;
  DELIVERY_ASSIGN_OR_RETURN(const auto lease, runner::ViewLease(api, ref, stop, suffix));
  const bool alive = lease.has_value() && now - lease->renewed < runner::kLeaseDuration;
  ReleaseStatus status;
  status.phase = std::string(alive ? phase::kProgressing : phase::kInterrupted);
  status.message = alive ? absl::StrCat("another apply is releasing this workload (Lease held by ",
                                        lease->holder, ")")
                         : absl::StrCat("a release was interrupted at step \"",
                                        engine::StepName(entry->state.step),
                                        "\"; the next apply goes on with it");
  status.started_at = Timestamp(entry->state.started_at);
  return OpenRun{std::move(status), entry->state, entry->resource_type};
}

ReleaseStatus EndedElsewhere(const Json& live) {
  const kubernetes::RolloutProgress progress = kubernetes::WorkloadProgress(live, 0);
  ReleaseStatus status;
  status.phase = std::string(progress.complete ? phase::kSucceeded : phase::kInterrupted);
  status.message = absl::StrCat("another apply ended: ", progress.summary);
  return status;
}

bool RefreshOpenRun(const RunLook& look, ReleaseRecord& record, schema::Attr<ReleaseStatus>& status,
                    Diagnostics& diagnostics) {
  const std::string before = status.is_known() ? status->phase.value_or("") : "";
  const bool unfinished = NeedsRelease(before) || before == phase::kProgressing;
  if (!unfinished && kubernetes::GenerationOf(look.live) == record.generation) return false;
  const absl::StatusOr<std::optional<OpenRun>> open =
      FindOpenRun(look.api, look.ref, look.now, look.stop);
  if (!open.ok()) {
    diagnostics.Warning({}, "It could not be told whether a release is open",
                        std::string(open.status().message()));
    return false;
  }
  if (!open->has_value()) {
    if (before == phase::kProgressing) status = EndedElsewhere(look.live);
    return false;
  }
  const ReleaseStatus& found = (*open)->status;
  if (found.phase.value() == phase::kProgressing) {
    diagnostics.Warning({}, absl::StrCat(look.ref.ToString(), " is being released"),
                        found.message.value());
  }
  record.open_identity = (*open)->state.identity;
  status = found;
  return true;
}

Json WithoutServerFields(const Json& live) {
  Json clean = live;
  clean.erase("status");
  if (!clean.contains("metadata") || !clean["metadata"].is_object()) return clean;
  Json& metadata = clean["metadata"];
  for (const char* key :
       {"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"}) {
    metadata.erase(key);
  }
  if (metadata.contains("annotations") && metadata["annotations"].is_object()) {
    metadata["annotations"].erase("deployment.kubernetes.io/revision");
    metadata["annotations"].erase("kubectl.kubernetes.io/last-applied-configuration");
    if (metadata["annotations"].empty()) metadata.erase("annotations");
  }
  return clean;
}

void AddApiError(const value::Path& path, const std::string& summary, const absl::Status& status,
                 Diagnostics& diagnostics) {
  diagnostics.Error(path, summary, std::string(status.message()));
}

std::string RefusalText(const absl::Status& status, const std::string& namespace_name) {
  if (!absl::IsNotFound(status)) return std::string(status.message());
  return absl::StrCat("Namespace \"", namespace_name,
                      "\" does not exist. Create it first, for example with a "
                      "kubernetes_namespace that this resource depends on, or correct "
                      "metadata.namespace. (",
                      std::string(status.message()), ")");
}

}  // namespace delivery::resources
