#include "resources/docs.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/base/status_macros.h"
#include "resources/docs_markdown.h"

namespace delivery::resources {
namespace {

using schema::Attribute;
using schema::Block;
using schema::BlockType;
using schema::Nesting;

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
  if (block.attributes.empty() && block.blocks.empty()) return "It has no arguments.\n\n";
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

// The folders of pages and examples.
struct Tree {
  const std::filesystem::path root;
  const std::function<void(const std::string&)>& on_page;

  absl::Status Write(const std::string& page, const std::string& text) const {
    const std::filesystem::path path = root / "docs" / page;
    DELIVERY_RETURN_IF_ERROR(WriteFile(path, text));
    on_page(path.string());
    return absl::OkStatus();
  }
  std::string OptionalExample(const std::string& name) const {
    return ReadFileOrEmpty(root / "examples" / name);
  }
  absl::StatusOr<std::string> Example(const std::string& name) const {
    std::string example = OptionalExample(name);
    if (example.empty() && std::filesystem::exists(root / "examples")) {
      return absl::NotFoundError(absl::StrCat("no example: ", (root / "examples" / name).string()));
    }
    return example;
  }
};

std::string PageName(const std::string& type_name) {
  return absl::StrCat(std::string(absl::StripPrefix(type_name, "delivery_")), ".md");
}

// `kind` is the registry's word for what the type is. All but the import section.
std::string TypePage(const std::string& type_name, const std::string& kind, const Block& block,
                     const std::string& example) {
  return absl::StrCat(PageHead(absl::StrCat(type_name, " ", kind), type_name, block.description),
                      block.description, "\n\n", ExampleSection(example), SchemaSection(block));
}

}  // namespace

std::string ResourcePage(const plugin::Resource& resource, const std::string& example,
                         const std::string& import_example) {
  std::string page = TypePage(resource.type_name(), "Resource", resource.schema().block, example);
  if (!import_example.empty()) {
    absl::StrAppend(&page, "## Import\n\n", Fenced("shell", import_example));
  }
  return page;
}

std::string DataSourcePage(const plugin::DataSource& source, const std::string& example) {
  return TypePage(source.type_name(), "Data Source", source.schema().block, example);
}

std::string ProviderPage(const plugin::Provider& provider, const std::string& example) {
  const Block& block = provider.schema().block;
  return absl::StrCat(PageHead("Delivery Provider", "Delivery Provider", block.description),
                      block.description, "\n\n", ExampleSection(example), SchemaSection(block));
}

absl::Status WriteDocs(const plugin::Provider& provider, const std::string& root,
                       const std::function<void(const std::string&)>& on_page) {
  const Tree tree{root, on_page};
  DELIVERY_RETURN_IF_ERROR(
      tree.Write("index.md", ProviderPage(provider, tree.OptionalExample("provider/provider.tf"))));
  for (const plugin::Resource* resource : provider.resources()) {
    const std::string folder = absl::StrCat("resources/", resource->type_name());
    DELIVERY_ASSIGN_OR_RETURN(const std::string example,
                              tree.Example(absl::StrCat(folder, "/resource.tf")));
    const std::string import = tree.OptionalExample(absl::StrCat(folder, "/import.sh"));
    DELIVERY_RETURN_IF_ERROR(tree.Write(absl::StrCat("resources/", PageName(resource->type_name())),
                                        ResourcePage(*resource, example, import)));
  }
  for (const plugin::DataSource* source : provider.data_sources()) {
    DELIVERY_ASSIGN_OR_RETURN(
        const std::string example,
        tree.Example(absl::StrCat("data-sources/", source->type_name(), "/data-source.tf")));
    DELIVERY_RETURN_IF_ERROR(
        tree.Write(absl::StrCat("data-sources/", PageName(source->type_name())),
                   DataSourcePage(*source, example)));
  }
  for (const plugin::Function* function : provider.functions()) {
    DELIVERY_ASSIGN_OR_RETURN(
        const std::string example,
        tree.Example(absl::StrCat("functions/", function->name(), "/function.tf")));
    DELIVERY_RETURN_IF_ERROR(tree.Write(absl::StrCat("functions/", PageName(function->name())),
                                        FunctionPage(*function, example)));
  }
  return absl::OkStatus();
}

}  // namespace delivery::resources
