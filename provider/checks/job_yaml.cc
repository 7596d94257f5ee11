#include "provider/checks/job_yaml.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/checks/printable.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/yaml.h"

namespace delivery::checks {
namespace {

constexpr size_t kLongestWord = 100;

absl::Status Invalid(const std::string& why) { return absl::InvalidArgumentError(why); }

// "apps/v1 Deployment"; what is missing is said.
std::string TypeOf(const Json& object) {
  const std::string version = GetString(object, "apiVersion");
  const std::string kind = GetString(object, "kind");
  return Printable(absl::StrCat(version.empty() ? "(no apiVersion)" : version, " ",
                                kind.empty() ? "(no kind)" : kind),
                   kLongestWord);
}

absl::Status ValidateMetadata(const Json& job) {
  const Json* metadata = Find(job, "metadata");
  if (metadata == nullptr || metadata->is_null()) return absl::OkStatus();
  if (!metadata->is_object()) return Invalid("metadata of the Job is not a map");
  if (metadata->contains("generateName")) {
    return Invalid(
        "metadata.generateName cannot be used: the check names the Job after the run, so that an "
        "interrupted apply finds it again. Give metadata.name, or neither");
  }
  const Json* name = Find(*metadata, "name");
  if (name != nullptr && !name->is_string()) return Invalid("metadata.name is not a string");
  for (const char* member : {"labels", "annotations"}) {
    const Json* map = Find(*metadata, member);
    if (map == nullptr || map->is_null() || map->is_object()) continue;
    return Invalid(absl::StrCat("metadata.", member, " is not a map"));
  }
  return absl::OkStatus();
}

absl::Status ValidateTemplate(const Json& spec) {
  const Json& pod = GetObject(GetObject(spec, "template"), "spec");
  if (pod.empty()) {
    return Invalid("the Job has no spec.template.spec: there is no pod that it could run");
  }
  if (GetArray(pod, "containers").empty()) {
    return Invalid("spec.template.spec.containers of the Job is empty");
  }
  const std::string restart = GetString(pod, "restartPolicy");
  if (restart != "Never" && restart != "OnFailure") {
    return Invalid("spec.template.spec.restartPolicy of the Job must be Never or OnFailure");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateJob(const Json& job) {
  if (!job.is_object()) return Invalid("it is not a map, but must be a Kubernetes Job");
  if (GetString(job, "kind") != "Job" || GetString(job, "apiVersion") != "batch/v1") {
    return Invalid(absl::StrCat("it is a ", TypeOf(job), ", but must be a batch/v1 Job"));
  }
  DELIVERY_RETURN_IF_ERROR(ValidateMetadata(job));
  const Json& spec = GetObject(job, "spec");
  if (GetBool(spec, "suspend")) {
    return Invalid("spec.suspend of the Job is true: it would never run");
  }
  return ValidateTemplate(spec);
}

absl::StatusOr<Json> ParseJobYaml(std::string_view text) {
  DELIVERY_ASSIGN_OR_RETURN(std::vector<Json> documents, kubernetes::ParseYamlDocuments(text));
  if (documents.empty()) return Invalid("there is no YAML document in it");
  if (documents.size() > 1) {
    return Invalid(absl::StrCat("there are ", documents.size(),
                                " YAML documents in it; a check runs one Job"));
  }
  DELIVERY_RETURN_IF_ERROR(ValidateJob(documents.front()));
  return std::move(documents.front());
}

}  // namespace delivery::checks
