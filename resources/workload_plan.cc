#include "resources/workload_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/drift.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {

std::map<std::string, std::string> EffectiveImages(const WorkloadArguments& arguments) {
  std::map<std::string, std::string> images =
      kubernetes::ImagesOf(ToPartialJson(arguments.manifest.value()).json);
  for (const auto& [name, image] : KnownImages(arguments.images)) images[name] = image;
  return images;
}

namespace {

using kubernetes::FieldPath;

std::string ImagesText(const std::map<std::string, std::string>& images) {
  return absl::StrJoin(images, ", ", absl::PairFormatter(" = "));
}

constexpr const char* kContainerLists[] = {"containers", "initContainers"};

FieldPath ImageField(const char* list, const std::string& container) {
  return (FieldPath() / "spec" / "template" / "spec" / list)
             .Plus(FieldPath::Element{{{"name", container}}}) /
         "image";
}

std::string DescribeField(const FieldPath& path, const Json& before, const Json& after) {
  const auto show = [&path](const Json* value) {
    return value == nullptr ? std::string("(unset)") : kubernetes::DisplayValue(path, *value);
  };
  return absl::StrCat("change ", path.ToString(), ": ", show(kubernetes::FindField(before, path)),
                      " -> ", show(kubernetes::FindField(after, path)));
}

// What the other kinds' controllers do.
std::string DescribeUpdateStrategy(const std::string& kind, const Json& spec) {
  const Json& strategy = GetObject(spec, "updateStrategy");
  if (GetString(strategy, "type", "RollingUpdate") == "OnDelete") {
    return "write only: pods are replaced when somebody deletes them (OnDelete)";
  }
  const Json& rolling = GetObject(strategy, "rollingUpdate");
  if (kind == "DaemonSet") {
    const Json* unavailable = Find(rolling, "maxUnavailable");
    return absl::StrCat("roll out by RollingUpdate (maxUnavailable ",
                        unavailable == nullptr     ? std::string("1")
                        : unavailable->is_string() ? unavailable->get<std::string>()
                                                   : DumpJson(*unavailable),
                        "), on every node that takes a pod");
  }
  const int64_t partition = GetInt(rolling, "partition");
  const Json* replicas = Find(spec, "replicas");
  return absl::StrCat(
      "roll out by RollingUpdate, the highest ordinal first",
      partition > 0 ? absl::StrCat(", pods below ordinal ", partition, " keep their version") : "",
      replicas == nullptr ? "" : absl::StrCat(", ", DumpJson(*replicas), " replicas"));
}

std::string DescribeStrategy(const Json& manifest) {
  const Json& spec = kubernetes::Spec(manifest);
  const std::string kind = kubernetes::KindOf(manifest);
  if (kind != "Deployment") return DescribeUpdateStrategy(kind, spec);
  const Json& strategy = GetObject(spec, "strategy");
  const std::string type = GetString(strategy, "type", "RollingUpdate");
  if (type == "Recreate") return "roll out by Recreate: every old pod ends before a new one starts";
  const Json& rolling = GetObject(strategy, "rollingUpdate");
  const auto bound = [&rolling](const char* key) {
    const Json* value = Find(rolling, key);
    if (value == nullptr) return std::string("25%");
    return value->is_string() ? value->get<std::string>() : DumpJson(*value);
  };
  const Json* replicas = Find(spec, "replicas");
  return absl::StrCat(
      "roll out by RollingUpdate (maxSurge ", bound("maxSurge"), ", maxUnavailable ",
      bound("maxUnavailable"), ")",
      replicas == nullptr ? "" : absl::StrCat(", ", DumpJson(*replicas), " replicas"));
}

std::string DescribeWait(const ReleasePlanInput& input) {
  const absl::Duration timeout = input.prior == nullptr
                                     ? CreateTimeout(*input.arguments, input.besides)
                                     : UpdateTimeout(*input.arguments, input.besides);
  return absl::StrCat(
      "wait until every replica is updated and available; a pod that cannot start fails the "
      "release at once, no progress for ",
      absl::FormatDuration(ProgressDeadline(*input.arguments)), " or ",
      absl::FormatDuration(timeout), " in all fail it too");
}

std::string DescribeOnFailure(const ReleasePlanInput& input) {
  switch (input.on_failure) {
    case engine::OnFailure::kKeep:
    case engine::OnFailure::kHold:
      return "on failure: leave it as it is";
    case engine::OnFailure::kPause:
      return "on failure: pause the rollout where it is";
    case engine::OnFailure::kRollback:
      break;
  }
  if (input.record != nullptr && input.record->good.has_value()) {
    return absl::StrCat("on failure: roll back to ",
                        ImagesText(kubernetes::ImagesOf(input.record->good->workload)));
  }
  if (input.prior != nullptr) return "on failure: roll back to the fields as they were";
  return input.arguments->adopt_existing.value_or(false)
             ? "on failure: put an adopted object back as it was, remove a new one"
             : "on failure: remove what was made";
}

std::string WantedRestartMark(const WorkloadArguments& arguments, const WorkloadArguments* prior,
                              const ReleaseRecord& record) {
  const bool restart = TriggerRestarts(arguments, prior, record) ||
                       !ChangedContents(record.released_contents, record.contents).empty();
  if (restart) return RestartMark(arguments.restart_trigger.value_or(""), record.contents);
  if (record.pending.has_value()) return RestartMarkOf(record.pending->version.workload);
  return record.written.has_value() ? RestartMarkOf(record.written->workload) : "";
}

bool WantsAnotherVersion(const ReleasePlanInput& input) {
  return EffectiveImages(*input.prior) != EffectiveImages(*input.arguments) ||
         !AsksForNothingNew(input.arguments->manifest.value(), input.prior->manifest.value(), {},
                            false);
}

bool IsOnDelete(const Json& manifest) {
  const Json& strategy = GetObject(kubernetes::Spec(manifest), "updateStrategy");
  return kubernetes::KindOf(manifest) != "Deployment" && GetString(strategy, "type") == "OnDelete";
}

std::string FirstLine(const ReleasePlanInput& input, const Json& manifest) {
  const std::string what =
      absl::StrCat(kubernetes::KindOf(manifest), " ", kubernetes::NameOf(manifest));
  if (input.prior == nullptr) {
    const bool adopting = input.arguments->adopt_existing.value_or(false);
    return absl::StrCat(adopting ? "create or adopt " : "create ", what, ": ",
                        ImagesText(EffectiveImages(*input.arguments)));
  }
  if (input.prior_phase == phase::kInterrupted &&
      !input.resumes.value_or(!WantsAnotherVersion(input))) {
    return absl::StrCat("release another version of ", what, " in place of the interrupted one");
  }
  if (input.prior_phase == phase::kInterrupted) {
    return absl::StrCat(input.arguments->on_interrupt.value_or("resume") == "rollback"
                            ? "roll back the interrupted release of "
                            : "resume the interrupted release of ",
                        what);
  }
  if (input.prior_phase == phase::kFailed)
    return absl::StrCat("try the failed release of ", what, " again");
  return absl::StrCat("update ", what, " in place");
}

bool IsOursAlone(const Json& live, const FieldPath& field) {
  const std::vector<kubernetes::FieldOwner> owners = kubernetes::OwnersOf(live, field);
  return !owners.empty() &&
         std::all_of(owners.begin(), owners.end(), [](const kubernetes::FieldOwner& owner) {
           return owner.manager == kubernetes::kFieldManager;
         });
}

}  // namespace

void WarnOfTakeOver(const std::vector<std::string>& legacy_managers, Diagnostics& diagnostics) {
  if (legacy_managers.empty()) return;
  diagnostics.Warning(value::Path::Of("manifest"), "Fields are taken over from other tools",
                      absl::StrCat("The first release takes the fields of the manifest over from ",
                                   absl::StrJoin(legacy_managers, ", "),
                                   ". Do not apply this workload with them any more."));
}

bool AsksForNothingNew(const value::Value& config, const value::Value& prior,
                       const std::vector<FieldPath>& ignored, bool imported) {
  const PartialManifest wanted = ToPartialJson(config);
  if (!wanted.unknown.empty()) return false;
  Json had = ToPartialJson(prior).json;
  if (imported) had = kubernetes::ProjectNamedFields(wanted.json, had);
  const std::vector<FieldPath> changed = kubernetes::ChangedFields(had, wanted.json);
  return std::all_of(changed.begin(), changed.end(), [&](const FieldPath& field) {
    return std::any_of(ignored.begin(), ignored.end(),
                       [&](const FieldPath& pattern) { return pattern.Covers(field); });
  });
}

bool ImagesAskForNothingNew(const WorkloadArguments& arguments, const WorkloadArguments& prior) {
  if (!arguments.images.is_known() || !prior.images.is_known()) return false;
  const Images& wanted = arguments.images.value();
  const Images& had = prior.images.value();
  const std::vector<FieldPath> ignored = IgnoredFields(arguments);
  const auto is_ignored = [&](const std::string& container) {
    return std::any_of(ignored.begin(), ignored.end(), [&](const FieldPath& pattern) {
      return std::any_of(
          std::begin(kContainerLists), std::end(kContainerLists),
          [&](const char* list) { return pattern.Covers(ImageField(list, container)); });
    });
  };
  if (wanted == had || wanted.size() != had.size()) return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const auto& [container, image] = entry;
    const auto before = had.find(container);
    if (before == had.end() || !image.is_known()) return false;
    return image == before->second || is_ignored(container);
  });
}

std::optional<std::string> NamespaceOf(const value::Value& manifest, const std::string& otherwise) {
  const value::Value metadata = manifest.Get("metadata");
  const value::Value name = metadata.Get("namespace");
  if (manifest.is_unknown() || metadata.is_unknown() || name.is_unknown()) return std::nullopt;
  return name.is_string() && !name.AsString().empty() ? name.AsString() : otherwise;
}

void DescribeChanges(const ReleasePlanInput& input, std::vector<std::string>& lines) {
  const std::map<std::string, std::string> before = EffectiveImages(*input.prior);
  for (const auto& [name, image] : EffectiveImages(*input.arguments)) {
    const auto old = before.find(name);
    if (old == before.end()) {
      lines.push_back(absl::StrCat("add container ", name, ": ", image));
    } else if (old->second != image) {
      lines.push_back(absl::StrCat("image of ", name, ": ", old->second, " -> ", image));
    }
  }
  constexpr size_t kMostFields = 20;
  Json prior = ToPartialJson(input.prior->manifest.value()).json;
  const Json next = ToPartialJson(input.arguments->manifest.value()).json;
  // An imported manifest is the whole object; what the user does not name stays in it.
  if (input.record != nullptr && input.record->imported) {
    prior = kubernetes::ProjectNamedFields(next, prior);
  }
  std::vector<FieldPath> fields = kubernetes::ChangedFields(prior, next);
  fields.erase(std::remove_if(fields.begin(), fields.end(),
                              [](const FieldPath& field) { return field.LastMember() == "image"; }),
               fields.end());
  for (size_t i = 0; i < fields.size() && i < kMostFields; ++i) {
    lines.push_back(DescribeField(fields[i], prior, next));
  }
  if (fields.size() > kMostFields) {
    lines.push_back(absl::StrCat("change ", fields.size() - kMostFields, " more fields"));
  }
}

void DescribeRestart(const ReleasePlanInput& input, std::vector<std::string>& lines) {
  if (input.prior == nullptr || input.record == nullptr) return;
  if (TriggerRestarts(*input.arguments, input.prior, *input.record)) {
    lines.push_back("restart the pods: restart_trigger changed");
  }
  for (const std::string& name :
       ChangedContents(input.record->released_contents, input.record->contents)) {
    lines.push_back(absl::StrCat("restart the pods: the content of ", name, " changed"));
  }
}

std::vector<std::string> DescribeRollout(const ReleasePlanInput& input) {
  const Json manifest = ToPartialJson(input.arguments->manifest.value()).json;
  std::vector<std::string> lines = {FirstLine(input, manifest)};
  if (input.prior != nullptr) DescribeChanges(input, lines);
  DescribeRestart(input, lines);
  if (input.paused) {
    lines.push_back("hold the rollout where it is (paused): write, and wait for nothing");
    return lines;
  }
  if (input.prior_paused) lines.push_back("let the paused rollout go on");
  lines.push_back(DescribeStrategy(manifest));
  const bool waits = !IsOnDelete(manifest);
  if (waits) lines.push_back(DescribeWait(input));
  const auto checks = ToChecks(input.arguments->check);
  const bool has_checks = checks.ok() && !checks->empty();
  if (has_checks) {
    for (std::string& line : DescribeChecks(*checks)) lines.push_back(std::move(line));
  }
  lines.insert(lines.end(), input.analysis.begin(), input.analysis.end());
  if (waits || has_checks || !input.analysis.empty()) lines.push_back(DescribeOnFailure(input));
  return lines;
}

bool TriggerRestarts(const WorkloadArguments& arguments, const WorkloadArguments* prior,
                     const ReleaseRecord& record) {
  if (prior == nullptr || !arguments.restart_trigger.is_known()) return false;
  if (prior->restart_trigger.is_null() && record.imported) return false;
  return !(arguments.restart_trigger == prior->restart_trigger);
}

std::string RunIdentityOf(const WriteIntent& intent) {
  return engine::RunIdentity(DumpJson(intent.workload));
}

std::string TemplateIdentity(const Json& workload) {
  return engine::RunIdentity(DumpJson(kubernetes::PodTemplate(workload)));
}

std::optional<std::string> RetryRefusal(const Json& workload, const std::string& retry,
                                        const std::string& retry_token,
                                        const ReleaseRecord& record) {
  if (retry != "on_change" || !record.failed.has_value()) return std::nullopt;
  if (record.failed->template_identity != TemplateIdentity(workload)) return std::nullopt;
  if (record.failed->retry_token != retry_token) return std::nullopt;
  return absl::StrCat("This version was rolled back at ", record.failed->at, ": ",
                      record.failed->reason,
                      ". With retry = \"on_change\" it is not tried again: change the version, or "
                      "give retry_token a new value.");
}

absl::StatusOr<WriteIntent> IntentOf(const IntentInput& input) {
  const WorkloadArguments& arguments = *input.arguments;
  const ReleaseRecord& record = *input.record;
  WriteIntent intent;
  DELIVERY_ASSIGN_OR_RETURN(intent.workload,
                            DesiredWorkload(ToPartialJson(arguments.manifest.value()).json,
                                            input.namespace_name, KnownImages(arguments.images)));
  if (input.paused) intent.workload["spec"]["paused"] = true;
  SetRestartMark(intent.workload, WantedRestartMark(arguments, input.prior, record));
  for (const std::string& text : record.drifted) {
    absl::StatusOr<FieldPath> path = FieldPath::Parse(text);
    if (path.ok()) intent.agreed.push_back(*std::move(path));
  }
  intent.ignored = IgnoredFields(arguments);
  intent.force = arguments.force_conflicts.value_or(false);
  const bool adopting = !record.written.has_value() && arguments.adopt_existing.value_or(false);
  // An imported workload whose first release by canary is under way has not been written yet.
  const bool unwritten = record.pending.has_value() && !record.legacy_managers.empty();
  intent.take_over_legacy = record.imported || adopting || unwritten;
  return intent;
}

void KeepLiveValues(const Json& live, WriteIntent& intent) {
  std::vector<kubernetes::FieldChange> keep;
  const Json named = kubernetes::ProjectNamedFields(intent.workload, live);
  for (const FieldPath& field : kubernetes::ChangedFields(intent.workload, named)) {
    const bool ignored =
        std::any_of(intent.ignored.begin(), intent.ignored.end(),
                    [&](const FieldPath& pattern) { return pattern.Covers(field); });
    if (!ignored) continue;
    kubernetes::FieldChange change;
    change.path = field;
    if (const Json* value = kubernetes::FindField(live, field)) change.live = *value;
    keep.push_back(std::move(change));
  }
  // Left out of the configuration, replicas would fall back to 1, and what is ignored from now on
  // would be removed: named as they are until another manager (an autoscaler) owns them.
  std::vector<FieldPath> handed_over = intent.ignored;
  handed_over.push_back(FieldPath() / "spec" / "replicas");
  for (const FieldPath& field : handed_over) {
    const Json* running = kubernetes::FindField(live, field);
    if (running == nullptr || kubernetes::FindField(intent.workload, field) != nullptr) continue;
    if (!IsOursAlone(live, field)) continue;
    kubernetes::FieldChange change;
    change.path = field;
    change.live = *running;
    keep.push_back(std::move(change));
  }
  intent.workload = kubernetes::ApplyChangesToManifest(intent.workload, keep);
  intent.kept.clear();
  for (const kubernetes::FieldChange& change : keep) intent.kept.push_back(change.path);
}

}  // namespace delivery::resources
