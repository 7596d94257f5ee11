#include "resources/manifest_value.h"

#include <map>
#include <utility>
#include <variant>

#include "absl/strings/str_split.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"

namespace delivery::resources {
namespace {

using kubernetes::ConcreteSteps;
using kubernetes::FieldPath;
using value::Value;

Json PartialJsonOf(const Value& node, const FieldPath& at, std::vector<FieldPath>& unknown) {
  if (node.is_unknown()) {
    unknown.push_back(at);
    return Json();
  }
  if (node.is_mapping()) {
    Json object = Json::object();
    for (const auto& [key, entry] : node.entries()) {
      if (entry.is_null()) continue;
      Json member = PartialJsonOf(entry, at / key, unknown);
      if (!entry.is_unknown()) object[key] = std::move(member);
    }
    return object;
  }
  if (node.is_sequence()) {
    Json array = Json::array();
    for (const Value& element : node.elements()) {
      array.push_back(PartialJsonOf(element, at.At(array.size()), unknown));
    }
    return array;
  }
  absl::StatusOr<Json> scalar = value::ToPlainJson(node);
  return scalar.ok() ? *std::move(scalar) : Json();
}

// Replaces or removes (nullopt) the node at `steps[next..]`.
Value Edited(const Value& node, const ConcreteSteps& steps, size_t next,
             const std::optional<Value>& replacement);

Value EditedMember(const Value& node, const std::string& name, const ConcreteSteps& steps,
                   size_t next, const std::optional<Value>& replacement) {
  const bool last = next + 1 == steps.size();
  if (last && !replacement.has_value()) return node.Without(name);
  Value::Map entries = node.entries();
  entries[name] = Edited(node.Get(name), steps, next + 1, replacement);
  // An object even where a map was: the new member may be of another type.
  return Value::Object(std::move(entries));
}

Value EditedElement(const Value& node, size_t index, const ConcreteSteps& steps, size_t next,
                    const std::optional<Value>& replacement) {
  Value::List elements = node.elements();
  if (index >= elements.size()) return node;
  const bool last = next + 1 == steps.size();
  if (last && !replacement.has_value()) {
    elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(index));
  } else {
    elements[index] = Edited(elements[index], steps, next + 1, replacement);
  }
  return Value::Tuple(std::move(elements));
}

Value Edited(const Value& node, const ConcreteSteps& steps, size_t next,
             const std::optional<Value>& replacement) {
  if (next == steps.size()) return replacement.value_or(Value());
  if (const auto* name = std::get_if<std::string>(&steps[next])) {
    return node.is_mapping() ? EditedMember(node, *name, steps, next, replacement) : node;
  }
  const size_t index = std::get<size_t>(steps[next]);
  return node.is_sequence() ? EditedElement(node, index, steps, next, replacement) : node;
}

}  // namespace

PartialManifest ToPartialJson(const Value& manifest) {
  PartialManifest partial;
  partial.json = PartialJsonOf(manifest, FieldPath(), partial.unknown);
  return partial;
}

Value WithLiveValues(const Value& manifest, const std::vector<kubernetes::FieldChange>& changes) {
  Value result = manifest;
  for (const kubernetes::FieldChange& change : changes) {
    const Json json = ToPartialJson(result).json;
    std::optional<ConcreteSteps> steps = kubernetes::ConcretePath(json, change.path);
    if (!steps.has_value()) continue;
    std::optional<Value> live;
    if (change.live.has_value()) live = value::FromPlainJson(*change.live);
    result = Edited(result, *steps, 0, live);
  }
  return result;
}

WorkloadIdentity IdentityOf(const Json& manifest, const std::string& otherwise) {
  const std::vector<std::string> version =
      absl::StrSplit(GetString(manifest, "apiVersion"), absl::MaxSplits('/', 1));
  WorkloadIdentity identity;
  identity.group = version.size() == 2 ? version[0] : "";
  identity.kind = kubernetes::KindOf(manifest);
  identity.namespace_name = kubernetes::NamespaceOf(manifest);
  if (identity.namespace_name.empty()) identity.namespace_name = otherwise;
  identity.name = kubernetes::NameOf(manifest);
  identity.selector = GetObject(kubernetes::Spec(manifest), "selector");
  return identity;
}

bool IdentityChanged(const Value& wanted, const Value& had, const std::string& otherwise) {
  const PartialManifest partial = ToPartialJson(wanted);
  const FieldPath root;
  const FieldPath identifying[] = {root / "apiVersion", root / "kind", root / "metadata" / "name",
                                   root / "metadata" / "namespace", root / "spec" / "selector"};
  for (const FieldPath& unknown : partial.unknown) {
    for (const FieldPath& field : identifying) {
      if (unknown.Covers(field) || field.Covers(unknown)) return false;
    }
  }
  return !(IdentityOf(partial.json, otherwise) == IdentityOf(ToPartialJson(had).json, otherwise));
}

absl::StatusOr<Json> DesiredWorkload(const Json& manifest, const std::string& namespace_name,
                                     const std::map<std::string, std::string>& images) {
  Json desired = manifest;
  const Json* metadata = Find(desired, "metadata");
  if (metadata == nullptr || !metadata->is_object()) {
    return absl::InvalidArgumentError("the manifest is not a Kubernetes object");
  }
  desired["metadata"]["namespace"] = namespace_name;
  DELIVERY_RETURN_IF_ERROR(kubernetes::SetImages(desired, images));
  return desired;
}

}  // namespace delivery::resources
