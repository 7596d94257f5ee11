// The pages of functions.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "resources/docs.h"
#include "resources/docs_markdown.h"

namespace delivery::resources {
namespace {

using plugin::Function;
using plugin::FunctionParameter;
using value::Type;

// A type as HCL writes it in a `variable` block.
std::string TypeConstraint(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kDynamic:
      return "dynamic";
    case Type::Kind::kString:
      return "string";
    case Type::Kind::kNumber:
      return "number";
    case Type::Kind::kBool:
      return "bool";
    case Type::Kind::kList:
      return absl::StrCat("list(", TypeConstraint(type.element()), ")");
    case Type::Kind::kSet:
      return absl::StrCat("set(", TypeConstraint(type.element()), ")");
    case Type::Kind::kMap:
      return absl::StrCat("map(", TypeConstraint(type.element()), ")");
    case Type::Kind::kObject:
      return "object";
    case Type::Kind::kTuple:
      break;
  }
  return "tuple";
}

std::string Signature(const Function& function) {
  std::vector<std::string> parameters;
  for (const FunctionParameter& parameter : function.parameters()) {
    parameters.push_back(absl::StrCat(parameter.name, " ", TypeConstraint(parameter.type)));
  }
  if (const FunctionParameter* variadic = function.variadic_parameter()) {
    parameters.push_back(absl::StrCat(variadic->name, " ", TypeConstraint(variadic->type), "..."));
  }
  return absl::StrCat(function.name(), "(", absl::StrJoin(parameters, ", "), ") ",
                      TypeConstraint(function.return_type()));
}

std::string ArgumentLine(const FunctionParameter& parameter, const char* variadic) {
  return absl::StrCat("1. `", parameter.name, "` (", variadic, TypeText(parameter.type),
                      parameter.allow_null ? ", Nullable" : "", ") ", parameter.description, "\n");
}

std::string ArgumentsSection(const Function& function) {
  std::string lines;
  for (const FunctionParameter& parameter : function.parameters()) {
    absl::StrAppend(&lines, ArgumentLine(parameter, ""));
  }
  if (const FunctionParameter* variadic = function.variadic_parameter()) {
    absl::StrAppend(&lines, ArgumentLine(*variadic, "Variadic, "));
  }
  return lines.empty() ? "" : absl::StrCat("## Arguments\n\n", lines, "\n");
}

// The attributes of the object that a function returns, or returns a collection of.
std::string ReturnedAttributes(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kList:
    case Type::Kind::kSet:
    case Type::Kind::kMap:
      return ReturnedAttributes(type.element());
    case Type::Kind::kObject:
      break;
    default:
      return "";
  }
  std::string lines;
  for (const auto& [name, attribute] : type.attributes()) {
    absl::StrAppend(&lines, "- `", name, "` (", TypeText(attribute), ")\n");
  }
  return lines.empty() ? "" : absl::StrCat(" with the attributes:\n\n", lines);
}

}  // namespace

std::string FunctionPage(const Function& function, const std::string& example) {
  const Type& type = function.return_type();
  return absl::StrCat(
      PageHead(absl::StrCat(function.name(), " Function"), function.name(), function.summary()),
      function.description(), "\n\n", ExampleSection(example), "## Signature\n\n",
      Fenced("text", Signature(function)), ArgumentsSection(function), "## Return Type\n\n",
      TypeText(type), ReturnedAttributes(type), "\n");
}

}  // namespace delivery::resources
