#include "provider/plugin/schema_to_wire.h"

#include "provider/plugin/to_wire.h"

namespace delivery::plugin {
namespace {

using WireBlock = tfplugin6::Schema::Block;
using WireNestedBlock = tfplugin6::Schema::NestedBlock;
using WireAttribute = tfplugin6::Schema::Attribute;
using WireObject = tfplugin6::Schema::Object;

WireObject::NestingMode ObjectNesting(schema::Nesting nesting) {
  switch (nesting) {
    case schema::Nesting::kSingle:
      return WireObject::SINGLE;
    case schema::Nesting::kList:
      return WireObject::LIST;
    case schema::Nesting::kSet:
      return WireObject::SET;
    case schema::Nesting::kMap:
      return WireObject::MAP;
  }
  return WireObject::INVALID;
}

WireNestedBlock::NestingMode BlockNesting(schema::Nesting nesting) {
  switch (nesting) {
    case schema::Nesting::kSingle:
      return WireNestedBlock::SINGLE;
    case schema::Nesting::kList:
      return WireNestedBlock::LIST;
    case schema::Nesting::kSet:
      return WireNestedBlock::SET;
    case schema::Nesting::kMap:
      return WireNestedBlock::MAP;
  }
  return WireNestedBlock::INVALID;
}

void AttributeToWire(const schema::Attribute& attribute, WireAttribute& wire);

// Type and nested type exclude each other on the wire.
void TypeToWire(const schema::Attribute& attribute, WireAttribute& wire) {
  if (attribute.nested == nullptr) {
    wire.set_type(attribute.type.ToString());
    return;
  }
  WireObject& object = *wire.mutable_nested_type();
  object.set_nesting(ObjectNesting(attribute.nested->nesting));
  for (const schema::Attribute& nested : attribute.nested->attributes) {
    AttributeToWire(nested, *object.add_attributes());
  }
}

void AttributeToWire(const schema::Attribute& attribute, WireAttribute& wire) {
  wire.set_name(WireText(attribute.name));
  TypeToWire(attribute, wire);
  wire.set_required(attribute.required);
  wire.set_optional(attribute.optional);
  wire.set_computed(attribute.computed);
  wire.set_sensitive(attribute.sensitive);
  wire.set_description(WireText(attribute.description));
  wire.set_description_kind(tfplugin6::MARKDOWN);
  wire.set_deprecated(!attribute.deprecation_message.empty());
  wire.set_deprecation_message(WireText(attribute.deprecation_message));
}

void BlockToWire(const schema::Block& block, WireBlock& wire);

// A single block says with its bounds whether it must be there; both bounds must be equal.
void BoundsToWire(const schema::BlockType& block, WireNestedBlock& wire) {
  if (block.nesting == schema::Nesting::kSingle) {
    wire.set_min_items(block.required ? 1 : 0);
    wire.set_max_items(block.required ? 1 : 0);
  } else if (block.nesting != schema::Nesting::kMap) {
    wire.set_min_items(block.min_items);
    wire.set_max_items(block.max_items);
  }
}

void NestedBlockToWire(const schema::BlockType& block, WireNestedBlock& wire) {
  wire.set_type_name(WireText(block.name));
  wire.set_nesting(BlockNesting(block.nesting));
  BoundsToWire(block, wire);
  BlockToWire(block.block, *wire.mutable_block());
}

void BlockToWire(const schema::Block& block, WireBlock& wire) {
  wire.set_description(WireText(block.description));
  wire.set_description_kind(tfplugin6::MARKDOWN);
  for (const schema::Attribute& attribute : block.attributes) {
    AttributeToWire(attribute, *wire.add_attributes());
  }
  for (const schema::BlockType& nested : block.blocks) {
    NestedBlockToWire(nested, *wire.add_block_types());
  }
}

void ParameterToWire(const FunctionParameter& parameter, tfplugin6::Function::Parameter& wire) {
  wire.set_name(WireText(parameter.name));
  wire.set_type(parameter.type.ToString());
  wire.set_allow_null_value(parameter.allow_null);
  wire.set_description(WireText(parameter.description));
  wire.set_description_kind(tfplugin6::MARKDOWN);
}

}  // namespace

void SchemaToWire(const schema::Schema& schema, tfplugin6::Schema& wire) {
  wire.set_version(schema.version);
  BlockToWire(schema.block, *wire.mutable_block());
}

void IdentitySchemaToWire(const schema::IdentitySchema& schema,
                          tfplugin6::ResourceIdentitySchema& wire) {
  wire.set_version(schema.version);
  for (const schema::IdentityAttribute& attribute : schema.attributes) {
    tfplugin6::ResourceIdentitySchema::IdentityAttribute& added = *wire.add_identity_attributes();
    added.set_name(WireText(attribute.name));
    added.set_type(attribute.type.ToString());
    added.set_required_for_import(attribute.required_for_import);
    added.set_optional_for_import(attribute.optional_for_import);
    added.set_description(WireText(attribute.description));
  }
}

void FunctionToWire(const Function& function, tfplugin6::Function& wire) {
  for (const FunctionParameter& parameter : function.parameters()) {
    ParameterToWire(parameter, *wire.add_parameters());
  }
  if (function.variadic_parameter() != nullptr) {
    ParameterToWire(*function.variadic_parameter(), *wire.mutable_variadic_parameter());
  }
  wire.mutable_return_()->set_type(function.return_type().ToString());
  wire.set_summary(WireText(function.summary()));
  wire.set_description(WireText(function.description()));
  wire.set_description_kind(tfplugin6::MARKDOWN);
}

}  // namespace delivery::plugin
