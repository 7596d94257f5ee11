// What the tests of workload resources share: a manifest, and diagnostics as text.
#ifndef DELIVERY_RESOURCES_WORKLOAD_FIXTURE_H_
#define DELIVERY_RESOURCES_WORKLOAD_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/kubernetes/field_path.h"
#include "provider/value/diagnostics.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// A Deployment shop/web with one container of this image.
inline Json WebManifest(const std::string& image = "web:1") {
  Json manifest = Json::parse(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
      "replicas": 3,
      "selector": {"matchLabels": {"app": "web"}},
      "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": ""}]}}}})");
  manifest["spec"]["template"]["spec"]["containers"][0]["image"] = image;
  return manifest;
}

inline Json& PodSpecOf(Json& workload) { return workload["spec"]["template"]["spec"]; }
inline Json& FirstContainerOf(Json& workload) { return PodSpecOf(workload)["containers"][0]; }

// `manifest` with our defaults for everything else.
inline WorkloadArguments ArgumentsFor(const value::Value& manifest) {
  WorkloadArguments arguments;
  Diagnostics none;
  arguments.manifest = schema::DecodeAttr<value::Value>(manifest, {}, none);
  WorkloadArguments::Declaration().ApplyDefaults(arguments);
  return arguments;
}
inline WorkloadArguments ArgumentsFor(const Json& manifest) {
  return ArgumentsFor(value::FromPlainJson(manifest));
}

inline kubernetes::FieldPath Field(const std::string& text) {
  return kubernetes::FieldPath::Parse(text).value();
}

// What a host makes of an empty block: null attributes, absent blocks.
inline value::Value::Map EmptyBlock(const schema::Block& block) {
  const value::Type type = block.ImpliedType();
  value::Value::Map members;
  for (const auto& [name, member] : type.attributes()) {
    members.emplace(name, value::Value::Null(member));
  }
  for (const schema::BlockType& nested : block.blocks) {
    if (nested.nesting == schema::Nesting::kSingle) continue;
    members[nested.name] = value::Value::MakeList(nested.block.ImpliedType(), {});
  }
  return members;
}

// One text for each: "error at images["web"]: summary: detail", without " at ..." at the root.
inline std::vector<std::string> Said(const Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& one : diagnostics.list()) {
    const bool error = one.severity == Diagnostic::Severity::kError;
    texts.push_back(absl::StrCat(error ? "error" : "warning",
                                 one.path.empty() ? "" : absl::StrCat(" at ", one.path.ToString()),
                                 ": ", one.summary, ": ", one.detail));
  }
  return texts;
}

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_FIXTURE_H_
