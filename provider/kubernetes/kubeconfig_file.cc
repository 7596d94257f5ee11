#include "provider/kubernetes/kubeconfig_file.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/yaml.h"
#include "provider/system/read_file.h"

namespace delivery::kubernetes {
namespace {

absl::Status Malformed(const std::string& file, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the kubeconfig ", file, " is malformed: ", std::string(what)));
}

std::string FolderOf(const std::string& file) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(file, error);
  return error ? "" : absolute.parent_path().string();
}

// One of the lists `clusters`, `users`, `contexts`, whose elements are {name, <member>: {...}}.
absl::StatusOr<KubeconfigEntries> ParseEntries(const Json& config, const char* list,
                                               const char* member, const std::string& file) {
  KubeconfigEntries entries;
  const Json* elements = Find(config, list);
  if (elements == nullptr || elements->is_null()) return entries;
  if (!elements->is_array()) return Malformed(file, absl::StrCat(list, " is not a list"));
  for (const Json& element : *elements) {
    const Json* name = Find(element, "name");
    if (name == nullptr || !name->is_primitive() || name->is_null()) {
      return Malformed(file, absl::StrCat("an entry of ", list, " has no name"));
    }
    // A plain number is a name as well.
    std::string text = name->is_string() ? name->get<std::string>() : DumpJson(*name);
    const Json* value = Find(element, member);
    if (value != nullptr && !value->is_object() && !value->is_null()) {
      return Malformed(file, absl::StrCat(member, " of an entry of ", list, " is not an object"));
    }
    const bool empty = value == nullptr || value->is_null();
    KubeconfigEntry entry{empty ? Json::object() : *value, file, FolderOf(file)};
    if (!entries.emplace(std::move(text), std::move(entry)).second) {
      return Malformed(file, absl::StrCat("two entries of ", list, " have the same name"));
    }
  }
  return entries;
}

void Merge(Kubeconfig& into, Kubeconfig from) {
  if (into.current_context.empty()) into.current_context = std::move(from.current_context);
  into.contexts.merge(from.contexts);
  into.clusters.merge(from.clusters);
  into.users.merge(from.users);
}

}  // namespace

absl::StatusOr<Kubeconfig> ParseKubeconfig(std::string_view text, const std::string& file) {
  const absl::StatusOr<Json> parsed = ParseYaml(text);
  if (!parsed.ok()) return Malformed(file, std::string(parsed.status().message()));
  if (parsed->is_null()) return Kubeconfig();
  if (!parsed->is_object()) return Malformed(file, "it is not an object");
  const std::string kind = GetString(*parsed, "kind", "Config");
  if (kind != "Config") {
    return Malformed(file, absl::StrCat("its kind is \"", kind, "\", not \"Config\""));
  }
  Kubeconfig config;
  config.current_context = GetString(*parsed, "current-context");
  DELIVERY_ASSIGN_OR_RETURN(config.contexts, ParseEntries(*parsed, "contexts", "context", file));
  DELIVERY_ASSIGN_OR_RETURN(config.clusters, ParseEntries(*parsed, "clusters", "cluster", file));
  DELIVERY_ASSIGN_OR_RETURN(config.users, ParseEntries(*parsed, "users", "user", file));
  return config;
}

absl::StatusOr<Kubeconfig> LoadKubeconfigs(const std::vector<std::string>& files,
                                           bool skip_missing) {
  Kubeconfig merged;
  size_t missing = 0;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = system::ReadFile(file);
    if (skip_missing && absl::IsNotFound(text.status())) {
      ++missing;
      continue;
    }
    if (!text.ok()) {
      return absl::Status(text.status().code(),
                          absl::StrCat("kubeconfig: ", text.status().message(),
                                       "; correct config_path, or KUBE_CONFIG_PATH"));
    }
    DELIVERY_ASSIGN_OR_RETURN(Kubeconfig config, ParseKubeconfig(*text, file));
    Merge(merged, std::move(config));
  }
  if (missing > 0 && missing == files.size()) {
    return absl::NotFoundError(
        absl::StrCat("none of the kubeconfig files that KUBECONFIG names "
                     "exists: ",
                     absl::StrJoin(files, ", ")));
  }
  return merged;
}

}  // namespace delivery::kubernetes
