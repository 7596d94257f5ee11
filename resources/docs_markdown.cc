#include "resources/docs_markdown.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace delivery::resources {

using value::Type;

std::string TypeText(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kDynamic:
      return "Dynamic";
    case Type::Kind::kString:
      return "String";
    case Type::Kind::kNumber:
      return "Number";
    case Type::Kind::kBool:
      return "Boolean";
    case Type::Kind::kList:
      return absl::StrCat("List of ", TypeText(type.element()));
    case Type::Kind::kSet:
      return absl::StrCat("Set of ", TypeText(type.element()));
    case Type::Kind::kMap:
      return absl::StrCat("Map of ", TypeText(type.element()));
    case Type::Kind::kObject:
    case Type::Kind::kTuple:
      break;
  }
  return "Object";
}

std::string PageHead(const std::string& title, const std::string& heading,
                     const std::string& description) {
  return absl::StrCat("---\npage_title: \"", title, "\"\ndescription: |-\n  ", description,
                      "\n---\n\n<!-- Generated from the schema. Change the declaration, then run "
                      "./dev docs. -->\n\n# ",
                      heading, "\n\n");
}

std::string ExampleSection(const std::string& example) {
  return example.empty() ? "" : absl::StrCat("## Example Usage\n\n", Fenced("terraform", example));
}

std::string Fenced(const std::string& language, const std::string& text) {
  return absl::StrCat("```", language, "\n", std::string(absl::StripTrailingAsciiWhitespace(text)),
                      "\n```\n\n");
}

}  // namespace delivery::resources
