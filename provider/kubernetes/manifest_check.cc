#include "provider/kubernetes/manifest_check.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"

namespace delivery::kubernetes {
namespace {

constexpr std::array<std::string_view, 6> kServerMetadata = {
    "managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink"};
constexpr size_t kLongestLabel = 63;

constexpr char kLabelRule[] =
    "Use lower-case letters, digits and '-', starting and ending with a letter or digit, at most "
    "63 "
    "characters.";
constexpr char kSubdomainRule[] =
    "Use lower-case letters, digits, '-' and '.', starting and ending with a letter or digit, at "
    "most 253 characters.";

bool IsLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsLabelValue(std::string_view value) {
  if (value.empty()) return true;
  const auto is_inner = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  return value.size() <= kLongestLabel && std::all_of(value.begin(), value.end(), is_inner) &&
         absl::ascii_isalnum(static_cast<unsigned char>(value.front())) &&
         absl::ascii_isalnum(static_cast<unsigned char>(value.back()));
}

std::string Quoted(const std::string& text) { return absl::StrCat("\"", text, "\""); }

// "Deployment, StatefulSet or DaemonSet".
std::string Alternatives(const std::vector<std::string>& words) {
  if (words.size() < 2) return absl::StrJoin(words, "");
  const std::vector<std::string> head(words.begin(), words.end() - 1);
  return absl::StrCat(absl::StrJoin(head, ", "), " or ", words.back());
}

std::string TypeName(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "a boolean";
  return value.is_number() ? "a number" : "null";
}

class Checker {
 public:
  Checker(const Json& manifest, const ManifestCheckOptions& options)
      : manifest_(manifest), options_(options) {
    for (const FieldPath& path : options.unknown) unknown_.push_back(Concrete(path));
  }

  std::vector<ManifestProblem> Run() {
    if (IsUnknown(FieldPath())) return {};
    if (!CheckIsOneObject()) return std::move(problems_);
    CheckType();
    CheckMetadata();
    CheckSpec();
    const Json* status = Find(manifest_, "status");
    if (status != nullptr && !status->is_null()) {
      Add(FieldPath() / "status", "The manifest has a status, which the cluster sets.",
          "Remove status from the manifest.");
    }
    return std::move(problems_);
  }

 private:
  using Path = FieldPath;

  // Unknown paths may name list elements by key; ours are by position. The last steps may be
  // absent from the manifest: they are kept as they are.
  Path Concrete(const Path& path) const {
    Path prefix = path;
    auto steps = ConcretePath(manifest_, prefix);
    while (!steps) {
      prefix = prefix.Parent();
      steps = ConcretePath(manifest_, prefix);
    }
    Path concrete;
    for (const auto& step : *steps) {
      const auto* name = std::get_if<std::string>(&step);
      concrete = name != nullptr ? concrete / *name : concrete.At(std::get<size_t>(step));
    }
    for (size_t i = steps->size(); i < path.steps().size(); ++i) {
      concrete = concrete.Plus(path.steps()[i]);
    }
    return concrete;
  }

  void Add(Path path, std::string problem, std::string remedy) {
    problems_.push_back({std::move(path), std::move(problem), std::move(remedy)});
  }

  // True when the value at `path` is not known, itself or because of what it is in.
  bool IsUnknown(const Path& path) const {
    return std::any_of(unknown_.begin(), unknown_.end(),
                       [&](const Path& unknown) { return unknown.Covers(path); });
  }

  bool HasUnknownInside(const Path& path) const {
    return IsUnknown(path) ||
           std::any_of(unknown_.begin(), unknown_.end(),
                       [&](const Path& unknown) { return path.Covers(unknown); });
  }

  // The member if it is there with this type; otherwise reports, unless it is unknown, and
  // returns null.
  const Json* Require(const Json& object, const Path& at, const char* key, Json::value_t type,
                      const char* remedy) {
    const Path path = at / key;
    const Json* value = Find(object, key);
    if (IsUnknown(path)) return nullptr;
    if (value == nullptr || value->is_null()) {
      Add(path, absl::StrCat(path.ToString(), " is missing."), remedy);
      return nullptr;
    }
    return HasType(*value, path, type) ? value : nullptr;
  }

  const Json* Optional(const Json& object, const Path& at, const char* key, Json::value_t type) {
    const Json* value = Find(object, key);
    const Path path = at / key;
    if (value == nullptr || value->is_null() || IsUnknown(path)) return nullptr;
    return HasType(*value, path, type) ? value : nullptr;
  }

  bool HasType(const Json& value, const Path& path, Json::value_t type) {
    if (value.type() == type) return true;
    Add(path,
        absl::StrCat(path.ToString(), " must be ", TypeName(Json(type)), ", not ", TypeName(value),
                     "."),
        "Correct its type.");
    return false;
  }

  bool CheckIsOneObject() {
    const bool list = manifest_.is_array();
    if (list || KindOf(manifest_) == "List" || Find(manifest_, "items") != nullptr) {
      const size_t count = list ? manifest_.size() : GetArray(manifest_, "items").size();
      Add(Path(), absl::StrCat("The manifest is a list of ", count, " objects."),
          "Give one workload: keep each in a file of its own, or take the one you mean from the "
          "list, e.g. yamldecode(file(\"app.yaml\")).items[0], and declare a resource for each "
          "workload.");
      return false;
    }
    if (manifest_.is_object()) return true;
    Add(Path(), absl::StrCat("The manifest is ", TypeName(manifest_), ", not an object."),
        "Give the workload as an object, e.g. yamldecode(file(\"web.yaml\")).");
    return false;
  }

  void CheckType() {
    const Json* kind = Require(manifest_, Path(), "kind", Json::value_t::string,
                               "Set kind to the kind of the workload.");
    const bool allowed = kind == nullptr || CheckKind(kind->get<std::string>());
    const Json* version = Require(manifest_, Path(), "apiVersion", Json::value_t::string,
                                  "Set apiVersion to \"apps/v1\".");
    // Of another kind the version is right as it is.
    if (version == nullptr || !allowed || *version == "apps/v1") return;
    Add(Path() / "apiVersion",
        absl::StrCat("apiVersion is ", Quoted(version->get<std::string>()),
                     ", but workloads are served as \"apps/v1\"."),
        "Set apiVersion to \"apps/v1\".");
  }

  bool CheckKind(const std::string& kind) {
    const auto& kinds = options_.allowed_kinds;
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return true;
    Add(Path() / "kind",
        absl::StrCat("kind ", Quoted(kind), " is not supported here; it must be ",
                     Alternatives(kinds), "."),
        options_.other_kind_remedy.empty()
            ? absl::StrCat("Use a manifest of kind ", Alternatives(kinds), ".")
            : options_.other_kind_remedy);
    return false;
  }

  void CheckMetadata() {
    const Json* metadata = Require(manifest_, Path(), "metadata", Json::value_t::object,
                                   "Add metadata with the workload's name.");
    if (metadata == nullptr) return;
    const Path at = Path() / "metadata";
    CheckName(*metadata, at);
    CheckStringMap(*metadata, at, "labels", /*label_values=*/true);
    CheckStringMap(*metadata, at, "annotations", /*label_values=*/false);
    for (const std::string_view key : kServerMetadata) {
      // `kubectl create --dry-run -o yaml` prints creationTimestamp: null.
      const Json* value = Find(*metadata, key);
      if (value == nullptr || value->is_null()) continue;
      Add(at / key, absl::StrCat("metadata.", std::string(key), " is set by the cluster."),
          "Remove it from the manifest.");
    }
  }

  void CheckName(const Json& metadata, const Path& at) {
    const Json* generate = Find(metadata, "generateName");
    if (generate != nullptr && !generate->is_null()) {
      Add(at / "generateName",
          "metadata.generateName would give the workload another name at each apply.",
          "Set metadata.name instead.");
    } else if (const Json* name = Require(metadata, at, "name", Json::value_t::string,
                                          "Set metadata.name to the workload's name.")) {
      CheckDns(*name, at / "name", IsDnsSubdomain(name->get<std::string>()), kSubdomainRule);
    }
    if (const Json* space = Optional(metadata, at, "namespace", Json::value_t::string)) {
      // An empty namespace is the same as none.
      const std::string name = space->get<std::string>();
      CheckDns(*space, at / "namespace", name.empty() || IsDnsLabel(name), kLabelRule);
    }
  }

  void CheckDns(const Json& name, const Path& path, bool valid, const char* rule) {
    if (valid) return;
    Add(path,
        absl::StrCat(path.ToString(), " ", Quoted(name.get<std::string>()),
                     " is not a valid DNS-1123 name."),
        rule);
  }

  // Labels and annotations: YAML turns an unquoted 1.0 or true into something else than a string.
  void CheckStringMap(const Json& object, const Path& at, const char* key, bool label_values) {
    const Json* map = Optional(object, at, key, Json::value_t::object);
    if (map == nullptr) return;
    for (const auto& [name, value] : map->items()) {
      const Path path = at / key / name;
      if (IsUnknown(path) || value.is_null()) continue;
      if (!value.is_string()) {
        Add(path, absl::StrCat(path.ToString(), " must be a string, not ", TypeName(value), "."),
            "Quote the value.");
      } else if (label_values && !IsLabelValue(value.get_ref<const std::string&>())) {
        Add(path, absl::StrCat(path.ToString(), " is not a valid label value."),
            "Use at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter "
            "or digit.");
      }
    }
  }

  void CheckSpec() {
    const Json* spec = Require(manifest_, Path(), "spec", Json::value_t::object,
                               "Add spec with selector and template.");
    if (spec == nullptr) return;
    const Path at = Path() / "spec";
    const Json* selector = Require(*spec, at, "selector", Json::value_t::object,
                                   "Add spec.selector.matchLabels with labels of the template.");
    const Json* pod_template = Require(*spec, at, "template", Json::value_t::object,
                                       "Add spec.template, the pods to run.");
    if (pod_template != nullptr) CheckTemplateMetadata(*pod_template, at / "template");
    if (selector != nullptr) CheckSelector(*selector, at / "selector");
    if (selector != nullptr && pod_template != nullptr) {
      CheckSelectorMatches(*selector, *pod_template);
    }
    if (pod_template != nullptr) CheckPodSpec(*pod_template, at / "template");
  }

  void CheckTemplateMetadata(const Json& pod_template, const Path& at) {
    const Json* metadata = Optional(pod_template, at, "metadata", Json::value_t::object);
    if (metadata == nullptr) return;
    CheckStringMap(*metadata, at / "metadata", "labels", /*label_values=*/true);
    CheckStringMap(*metadata, at / "metadata", "annotations", /*label_values=*/false);
  }

  void CheckSelector(const Json& selector, const Path& at) {
    CheckStringMap(selector, at, "matchLabels", /*label_values=*/true);
    const bool empty = GetObject(selector, "matchLabels").empty() &&
                       GetArray(selector, "matchExpressions").empty();
    if (!empty || HasUnknownInside(at)) return;
    Add(at, "spec.selector is empty and would select every pod of the namespace.",
        "Add spec.selector.matchLabels with labels of the template.");
  }

  void CheckSelectorMatches(const Json& selector, const Json& pod_template) {
    const Path at = Path() / "spec" / "template" / "metadata" / "labels";
    if (HasUnknownInside(Path() / "spec" / "selector") || HasUnknownInside(at)) return;
    if (SelectorMatches(selector, LabelsOf(pod_template))) return;
    Add(at,
        absl::StrCat("spec.selector (", SelectorToString(selector),
                     ") does not match the labels of spec.template (",
                     LabelsToSelector(LabelsOf(pod_template)), ")."),
        "Give spec.template.metadata.labels every label that spec.selector asks for.");
  }

  void CheckPodSpec(const Json& pod_template, const Path& at) {
    const Json* spec = Require(pod_template, at, "spec", Json::value_t::object,
                               "Add spec.template.spec with the containers.");
    if (spec == nullptr) return;
    const Path path = at / "spec";
    CheckRestartPolicy(*spec, path);
    std::set<std::string> names;
    if (const Json* init = Optional(*spec, path, "initContainers", Json::value_t::array)) {
      CheckContainers(*init, path / "initContainers", names);
    }
    const Json* containers =
        Require(*spec, path, "containers", Json::value_t::array, "Add at least one container.");
    if (containers == nullptr) return;
    if (containers->empty()) {
      Add(path / "containers", "spec.template.spec.containers is empty.",
          "Add at least one container.");
    }
    CheckContainers(*containers, path / "containers", names);
  }

  void CheckRestartPolicy(const Json& pod_spec, const Path& at) {
    const Json* policy = Optional(pod_spec, at, "restartPolicy", Json::value_t::string);
    if (policy == nullptr || *policy == "Always") return;
    Add(at / "restartPolicy", "restartPolicy of a workload's pods can only be \"Always\".",
        "Remove restartPolicy.");
  }

  void CheckContainers(const Json& containers, const Path& at, std::set<std::string>& names) {
    for (size_t i = 0; i < containers.size(); ++i) {
      const Path path = at.At(i);
      if (IsUnknown(path) || !HasType(containers[i], path, Json::value_t::object)) continue;
      CheckContainerName(containers[i], path, names);
      CheckImage(containers[i], path);
      CheckEnv(containers[i], path);
    }
  }

  void CheckContainerName(const Json& container, const Path& at, std::set<std::string>& names) {
    const Json* value =
        Require(container, at, "name", Json::value_t::string, "Give the container a name.");
    if (value == nullptr) return;
    const std::string name = value->get<std::string>();
    CheckDns(*value, at / "name", IsDnsLabel(name), kLabelRule);
    if (names.insert(name).second) return;
    Add(at / "name", absl::StrCat("Two containers are named ", Quoted(name), "."),
        "Give each container and init container its own name.");
  }

  void CheckImage(const Json& container, const Path& at) {
    // `images` sets it after this check.
    const auto& named = options_.images_set_elsewhere;
    const std::string name = GetString(container, "name");
    if (std::find(named.begin(), named.end(), name) != named.end()) return;
    const Json* image = Require(container, at, "image", Json::value_t::string,
                                "Set the container's image here or in `images`.");
    if (image == nullptr || !image->get_ref<const std::string&>().empty()) return;
    Add(at / "image", absl::StrCat((at / "image").ToString(), " is empty."),
        "Set the container's image here or in `images`.");
  }

  void CheckEnv(const Json& container, const Path& at) {
    const Json* env = Optional(container, at, "env", Json::value_t::array);
    if (env == nullptr) return;
    std::set<std::string> names;
    for (size_t i = 0; i < env->size(); ++i) {
      const Path path = (at / "env").At(i);
      if (IsUnknown(path) || !HasType((*env)[i], path, Json::value_t::object)) continue;
      const Json* name =
          Require((*env)[i], path, "name", Json::value_t::string, "Give the variable a name.");
      if (name != nullptr && !names.insert(name->get<std::string>()).second) {
        Add(path / "name",
            absl::StrCat("The variable ", Quoted(name->get<std::string>()), " is set twice."),
            "Remove one of the two; server-side apply refuses both.");
      }
      CheckEnvValue((*env)[i], path);
    }
  }

  void CheckEnvValue(const Json& variable, const Path& at) {
    const Json* value = Find(variable, "value");
    const Path path = at / "value";
    if (value == nullptr || value->is_null() || value->is_string() || IsUnknown(path)) return;
    Add(path, absl::StrCat(path.ToString(), " must be a string, not ", TypeName(*value), "."),
        "Quote the value.");
  }

  const Json& manifest_;
  const ManifestCheckOptions& options_;
  std::vector<Path> unknown_;
  std::vector<ManifestProblem> problems_;
};

}  // namespace

std::vector<ManifestProblem> CheckWorkloadManifest(const Json& manifest,
                                                   const ManifestCheckOptions& options) {
  return Checker(manifest, options).Run();
}

bool IsDnsLabel(std::string_view name) {
  return !name.empty() && name.size() <= kLongestLabel && IsLowerAlphanumeric(name.front()) &&
         IsLowerAlphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
           return IsLowerAlphanumeric(c) || c == '-';
         });
}

bool IsDnsSubdomain(std::string_view name) {
  if (name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    // Unlike a label alone, a part of a subdomain may be longer than 63 characters.
    if (label.empty() || !IsLowerAlphanumeric(label.front()) ||
        !IsLowerAlphanumeric(label.back()) || !std::all_of(label.begin(), label.end(), [](char c) {
          return IsLowerAlphanumeric(c) || c == '-';
        })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace delivery::kubernetes
