#include "resources/docs.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/base/status_macros.h"

namespace delivery::resources {
namespace {

using schema::Attribute;
using schema::Block;
using schema::BlockType;
using schema::Nesting;
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

std::string AttributeLine(const Attribute& attribute, const std::string& anchor) {
  std::string line =
      absl::StrCat("- `", attribute.name, "` (", TypeText(attribute.type),
                   attribute.sensitive ? ", Sensitive" : "", ") ", attribute.description);
  if (!attribute.rules_text.empty()) {
    absl::StrAppend(&line, " Must be ", attribute.rules_text, ".");
  }
  if (!attribute.default_text.empty()) {
    absl::StrAppend(&line, " Default: `", attribute.default_text, "`.");
  }
  if (attribute.nested != nullptr) {
    absl::StrAppend(&line, " (see [below](#nestedatt--", anchor, attribute.name, "))");
  }
  return absl::StrCat(line, "\n");
}

bool IsRequired(const Attribute& attribute) { return attribute.required; }
bool IsOptional(const Attribute& attribute) { return attribute.optional; }
bool IsReadOnly(const Attribute& attribute) {
  return attribute.computed && !attribute.optional && !attribute.required;
}

std::string Section(const std::string& title, const std::vector<Attribute>& attributes,
                    bool (*wanted)(const Attribute&), const std::string& blocks,
                    const std::string& anchor) {
  std::string lines;
  for (const Attribute& attribute : attributes) {
    if (wanted(attribute)) absl::StrAppend(&lines, AttributeLine(attribute, anchor));
  }
  absl::StrAppend(&lines, blocks);
  return lines.empty() ? "" : absl::StrCat("### ", title, "\n\n", lines, "\n");
}

std::string BlockLines(const Block& block, bool required, const std::string& anchor) {
  std::string lines;
  for (const BlockType& nested : block.blocks) {
    if ((nested.required || nested.min_items > 0) != required) continue;
    const std::string kind = nested.nesting == Nesting::kSingle ? "Block" : "Block List";
    absl::StrAppend(&lines, "- `", nested.name, "` (", kind, ") ", nested.block.description,
                    " (see [below](#nestedblock--", anchor, nested.name, "))\n");
  }
  return lines;
}

std::string BlockBody(const Block& block, const std::string& anchor) {
  return absl::StrCat(
      Section("Required", block.attributes, IsRequired, BlockLines(block, true, anchor), anchor),
      Section("Optional", block.attributes, IsOptional, BlockLines(block, false, anchor), anchor),
      Section("Read-Only", block.attributes, IsReadOnly, "", anchor));
}

// The sections of nested blocks and nested attributes, depth first.
std::string NestedSections(const Block& block, const std::string& anchor,
                           const std::string& title) {
  std::string text;
  for (const BlockType& nested : block.blocks) {
    const std::string name = absl::StrCat(title, nested.name);
    absl::StrAppend(&text, "<a id=\"nestedblock--", anchor, nested.name, "\"></a>\n### `", name,
                    "`\n\n", BlockBody(nested.block, absl::StrCat(anchor, nested.name, "--")),
                    NestedSections(nested.block, absl::StrCat(anchor, nested.name, "--"),
                                   absl::StrCat(name, ".")));
  }
  for (const Attribute& attribute : block.attributes) {
    if (attribute.nested == nullptr) continue;
    absl::StrAppend(&text, "<a id=\"nestedatt--", anchor, attribute.name, "\"></a>\n### `", title,
                    attribute.name, "`\n\n");
    for (const Attribute& inner : attribute.nested->attributes) {
      absl::StrAppend(&text, AttributeLine(inner, ""));
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::string FrontMatter(const std::string& title, const std::string& description) {
  return absl::StrCat("---\npage_title: \"", title, "\"\ndescription: |-\n  ", description,
                      "\n---\n\n<!-- Generated from the schema. Change the declaration, then run "
                      "./dev docs. -->\n\n");
}

std::string Fenced(const std::string& language, const std::string& text) {
  return absl::StrCat("```", language, "\n", std::string(absl::StripTrailingAsciiWhitespace(text)),
                      "\n```\n\n");
}

std::string SchemaSection(const Block& block) {
  return absl::StrCat("## Schema\n\n", BlockBody(block, ""), NestedSections(block, "", ""));
}

std::string ReadFileOrEmpty(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

absl::Status WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  std::ofstream out(path);
  out << std::string(absl::StripTrailingAsciiWhitespace(text)) << "\n";
  out.close();
  if (out.fail()) return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
  return absl::OkStatus();
}

}  // namespace

std::string ResourcePage(const plugin::Resource& resource, const std::string& example,
                         const std::string& import_example) {
  const Block& block = resource.schema().block;
  std::string page =
      absl::StrCat(FrontMatter(absl::StrCat(resource.type_name(), " Resource"), block.description),
                   "# ", resource.type_name(), "\n\n", block.description, "\n\n");
  if (!example.empty())
    absl::StrAppend(&page, "## Example Usage\n\n", Fenced("terraform", example));
  absl::StrAppend(&page, SchemaSection(block));
  if (!import_example.empty()) {
    absl::StrAppend(&page, "## Import\n\n", Fenced("shell", import_example));
  }
  return page;
}

std::string ProviderPage(const plugin::Provider& provider, const std::string& example) {
  const Block& block = provider.schema().block;
  return absl::StrCat(FrontMatter("Delivery Provider", block.description),
                      "# Delivery Provider\n\n", block.description, "\n\n## Example Usage\n\n",
                      Fenced("terraform", example), SchemaSection(block));
}

absl::Status WriteDocs(const plugin::Provider& provider, const std::string& root) {
  const std::filesystem::path docs = std::filesystem::path(root) / "docs";
  const std::filesystem::path examples = std::filesystem::path(root) / "examples";
  DELIVERY_RETURN_IF_ERROR(
      WriteFile(docs / "index.md",
                ProviderPage(provider, ReadFileOrEmpty(examples / "provider" / "provider.tf"))));
  for (const plugin::Resource* resource : provider.resources()) {
    const std::filesystem::path folder = examples / "resources" / resource->type_name();
    const std::string example = ReadFileOrEmpty(folder / "resource.tf");
    if (example.empty()) {
      return absl::NotFoundError(absl::StrCat("no example: ", (folder / "resource.tf").string()));
    }
    const std::string name(absl::StripPrefix(resource->type_name(), "delivery_"));
    DELIVERY_RETURN_IF_ERROR(
        WriteFile(docs / "resources" / absl::StrCat(name, ".md"),
                  ResourcePage(*resource, example, ReadFileOrEmpty(folder / "import.sh"))));
  }
  return absl::OkStatus();
}

}  // namespace delivery::resources
