#include "resources/schema_json.h"

#include <vector>

namespace delivery::resources {
namespace {

using schema::Attribute;
using schema::Block;
using schema::BlockType;
using schema::Nesting;

const char* NestingMode(Nesting nesting) {
  switch (nesting) {
    case Nesting::kSingle:
      return "single";
    case Nesting::kList:
      return "list";
    case Nesting::kSet:
      return "set";
    case Nesting::kMap:
      return "map";
  }
  return "";
}

// What is false, 0 or empty is left out throughout, as the hosts do.
void SetFlag(Json& object, const char* name, bool flag) {
  if (flag) object[name] = true;
}
void SetText(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}
void SetCount(Json& object, const char* name, int64_t count) {
  if (count != 0) object[name] = count;
}

Json AttributesAsJson(const std::vector<Attribute>& attributes);

Json AttributeAsJson(const Attribute& attribute) {
  Json json = {{"description_kind", "markdown"}};
  if (attribute.nested == nullptr) {
    json["type"] = attribute.type.ToJson();
  } else {
    json["nested_type"] = {{"nesting_mode", NestingMode(attribute.nested->nesting)},
                           {"attributes", AttributesAsJson(attribute.nested->attributes)}};
  }
  SetText(json, "description", attribute.description);
  SetFlag(json, "deprecated", !attribute.deprecation_message.empty());
  SetFlag(json, "required", attribute.required);
  SetFlag(json, "optional", attribute.optional);
  SetFlag(json, "computed", attribute.computed);
  SetFlag(json, "sensitive", attribute.sensitive);
  return json;
}

Json AttributesAsJson(const std::vector<Attribute>& attributes) {
  Json json = Json::object();
  for (const Attribute& attribute : attributes) json[attribute.name] = AttributeAsJson(attribute);
  return json;
}

Json BlockAsJson(const Block& block);

Json BlockTypeAsJson(const BlockType& type) {
  Json json = {{"nesting_mode", NestingMode(type.nesting)}, {"block", BlockAsJson(type.block)}};
  SetCount(json, "min_items", type.required ? 1 : type.min_items);
  SetCount(json, "max_items", type.required ? 1 : type.max_items);
  return json;
}

Json BlockAsJson(const Block& block) {
  Json json = {{"description_kind", "markdown"}};
  SetText(json, "description", block.description);
  if (!block.attributes.empty()) json["attributes"] = AttributesAsJson(block.attributes);
  for (const BlockType& type : block.blocks) json["block_types"][type.name] = BlockTypeAsJson(type);
  return json;
}

Json SchemaOf(const schema::Schema& schema) {
  return {{"version", schema.version}, {"block", BlockAsJson(schema.block)}};
}

Json IdentityAsJson(const schema::IdentitySchema& schema) {
  Json attributes = Json::object();
  for (const schema::IdentityAttribute& attribute : schema.attributes) {
    Json& json = attributes[attribute.name] = {{"type", attribute.type.ToJson()}};
    SetText(json, "description", attribute.description);
    SetFlag(json, "required_for_import", attribute.required_for_import);
    SetFlag(json, "optional_for_import", attribute.optional_for_import);
  }
  return {{"version", schema.version}, {"attributes", std::move(attributes)}};
}

Json ParameterAsJson(const plugin::FunctionParameter& parameter) {
  Json json = {{"name", parameter.name}, {"type", parameter.type.ToJson()}};
  SetText(json, "description", parameter.description);
  SetFlag(json, "is_nullable", parameter.allow_null);
  return json;
}

Json FunctionAsJson(const plugin::Function& function) {
  Json json = {{"return_type", function.return_type().ToJson()}};
  SetText(json, "summary", function.summary());
  SetText(json, "description", function.description());
  for (const plugin::FunctionParameter& parameter : function.parameters()) {
    json["parameters"].push_back(ParameterAsJson(parameter));
  }
  if (function.variadic_parameter() != nullptr) {
    json["variadic_parameter"] = ParameterAsJson(*function.variadic_parameter());
  }
  return json;
}

}  // namespace

Json SchemaAsJson(const plugin::Provider& provider, const std::string& address) {
  Json json = {{"provider", SchemaOf(provider.schema())}};
  for (const plugin::Resource* resource : provider.resources()) {
    json["resource_schemas"][resource->type_name()] = SchemaOf(resource->schema());
    if (resource->identity_schema() != nullptr) {
      json["resource_identity_schemas"][resource->type_name()] =
          IdentityAsJson(*resource->identity_schema());
    }
  }
  for (const plugin::DataSource* source : provider.data_sources()) {
    json["data_source_schemas"][source->type_name()] = SchemaOf(source->schema());
  }
  for (const plugin::Function* function : provider.functions()) {
    json["functions"][function->name()] = FunctionAsJson(*function);
  }
  return {{"format_version", "1.0"}, {"provider_schemas", {{address, std::move(json)}}}};
}

}  // namespace delivery::resources
