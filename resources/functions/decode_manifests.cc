// decode_manifests(yaml): the objects of a YAML text with several documents.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/kubernetes/yaml.h"
#include "resources/catalog.h"
#include "resources/functions/pure_function.h"

namespace delivery::resources {
namespace {

using value::Type;
using value::Value;

// One less than what a dynamic value can hold: the tuple around the documents is a level too.
constexpr int kDeepestDocument = 99;

plugin::FunctionResult DecodeManifests(const FunctionArguments& arguments) {
  const absl::StatusOr<std::vector<Json>> documents =
      kubernetes::ParseYamlDocuments(arguments[0].AsString(), {.depth = kDeepestDocument});
  if (!documents.ok()) return WrongArgument(0, documents.status());
  Value::List manifests;
  for (const Json& document : *documents) {
    if (!document.is_object()) {
      // The text itself is not shown: manifests hold secrets.
      return WrongArgument(
          0, absl::StrCat("document ", manifests.size() + 1, " (empty ones not counted) is a ",
                          document.is_array() ? "list" : "single value",
                          "; every document must be a manifest, which is a map with apiVersion, "
                          "kind and metadata"));
    }
    manifests.push_back(value::FromPlainJson(document));
  }
  return Returned(Value::Tuple(std::move(manifests)));
}

}  // namespace

std::unique_ptr<plugin::Function> MakeDecodeManifestsFunction() {
  return MakePureFunction(
      {.name = "decode_manifests",
       .summary = "Decodes YAML with several documents into a list of objects.",
       .description =
           "Decodes the manifests of a YAML text into a list with one object for each document, in "
           "their order. Documents are separated by `---`, where `yamldecode` takes a single one. "
           "Empty documents are passed over; a text without any gives an empty list. `yes`, `no`, "
           "`on` and `off` are strings. A manifest of the kind `List` stays one object.",
       .parameters = {{.name = "yaml",
                       .type = Type::String(),
                       .description = "The text, for example `file(\"web.yaml\")`."}},
       .return_type = Type::Dynamic()},
      DecodeManifests);
}

}  // namespace delivery::resources
