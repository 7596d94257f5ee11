#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/redact.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/schema_to_wire.h"
#include "provider/plugin/to_wire.h"
#include "provider/value/msgpack.h"

namespace delivery::plugin {
namespace {

using testing::HasSubstr;
using value::Path;
using value::Type;
using value::Value;

Type Pair() { return Type::Object({{"a", Type::String()}, {"b", Type::Number()}}); }
Value PairValue() { return Value::Object({{"a", Value::String("x")}, {"b", Value::Number(1)}}); }

TEST(FromWire, PrefersMsgpack) {
  tfplugin6::DynamicValue wire;
  ASSERT_TRUE(ValueToWire(PairValue(), Pair(), wire).ok());
  wire.set_json("{}");
  EXPECT_EQ(*ValueFromWire(wire, Pair()), PairValue());
}

TEST(FromWire, FallsBackToJson) {
  tfplugin6::DynamicValue wire;
  wire.set_json(R"({"a":"x","b":1})");
  EXPECT_EQ(*ValueFromWire(wire, Pair()), PairValue());
}

TEST(FromWire, EmptyIsNullOfTheType) {
  const absl::StatusOr<Value> value = ValueFromWire({}, Pair());
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(value->is_null());
  EXPECT_EQ(value->type(), Pair());
}

TEST(FromWire, RefusesWhatDoesNotConform) {
  tfplugin6::DynamicValue wire;
  wire.set_msgpack("\xc1");
  EXPECT_FALSE(ValueFromWire(wire, Pair()).ok());
  wire.set_msgpack("\x80");
  EXPECT_FALSE(ValueFromWire(wire, Pair()).ok());
}

TEST(FromWire, StoredStateIsJson) {
  tfplugin6::RawState raw;
  EXPECT_FALSE(JsonFromWire(raw).ok());
  (*raw.mutable_flatmap())["id"] = "x";
  EXPECT_THAT(std::string(JsonFromWire(raw).status().message()), HasSubstr("0.12"));
  raw.set_json("{}");
  EXPECT_EQ(*JsonFromWire(raw), "{}");
}

TEST(ToWire, NullIsNil) {
  tfplugin6::DynamicValue wire;
  ASSERT_TRUE(ValueToWire(Value(), Pair(), wire).ok());
  EXPECT_EQ(wire.msgpack(), "\xc0");
  EXPECT_FALSE(ValueToWire(Value::Bool(true), Pair(), wire).ok());
}

TEST(ToWire, TextIsAlwaysUtf8) {
  EXPECT_EQ(WireText("ol\xc3\xa9"), "ol\xc3\xa9");
  EXPECT_EQ(WireText("a\xff"
                     "b\n\"c"),
            "a\xef\xbf\xbd"
            "b\n\"c");
}

TEST(ToWire, DiagnosticsKeepOrderSeverityAndPath) {
  Diagnostics diagnostics;
  diagnostics.Warning({}, "First", "w");
  diagnostics.Error(Path::Of("check").At(2).Attr("images").At("web"), "Second", "e");
  WireDiagnostics wire;
  DiagnosticsToWire(diagnostics, wire);
  ASSERT_EQ(wire.size(), 2);
  EXPECT_EQ(wire[0].severity(), tfplugin6::Diagnostic::WARNING);
  EXPECT_FALSE(wire[0].has_attribute());
  EXPECT_EQ(wire[1].severity(), tfplugin6::Diagnostic::ERROR);
  const auto& steps = wire[1].attribute().steps();
  ASSERT_EQ(steps.size(), 4);
  EXPECT_EQ(steps[0].attribute_name(), "check");
  EXPECT_EQ(steps[1].element_key_int(), 2);
  EXPECT_EQ(steps[2].attribute_name(), "images");
  EXPECT_EQ(steps[3].element_key_string(), "web");
  EXPECT_TRUE(HasErrors(wire));
}

TEST(ToWire, DiagnosticsHoldNoSecretsAndNoBadBytes) {
  RegisterSecret("s3cr3t-\xff-token");
  Diagnostics diagnostics;
  diagnostics.Error({}, "Bad \xfe", "token s3cr3t-\xff-token refused");
  WireDiagnostics wire;
  DiagnosticsToWire(diagnostics, wire);
  EXPECT_EQ(wire[0].summary(), "Bad \xef\xbf\xbd");
  EXPECT_EQ(wire[0].detail(), "token (redacted) refused");
}

schema::Attribute Plain(std::string name, Type type) {
  schema::Attribute attribute;
  attribute.name = std::move(name);
  attribute.type = std::move(type);
  attribute.optional = true;
  return attribute;
}

schema::BlockType ListBlock() {
  schema::BlockType block;
  block.name = "check";
  block.nesting = schema::Nesting::kList;
  block.max_items = 3;
  block.block.attributes = {Plain("port", Type::Number())};
  return block;
}

TEST(SchemaToWire, EmptySchemaHasABlock) {
  tfplugin6::Schema wire;
  SchemaToWire({}, wire);
  EXPECT_TRUE(wire.has_block());
}

TEST(SchemaToWire, Attributes) {
  schema::Schema schema;
  schema.version = 4;
  schema.block.attributes = {Plain("tags", Type::Map(Type::String()))};
  schema.block.attributes[0].deprecation_message = "old";
  schema.block.attributes[0].sensitive = true;
  tfplugin6::Schema wire;
  SchemaToWire(schema, wire);
  EXPECT_EQ(wire.version(), 4);
  const auto& attribute = wire.block().attributes(0);
  EXPECT_EQ(attribute.name(), "tags");
  EXPECT_EQ(attribute.type(), R"(["map","string"])");
  EXPECT_TRUE(attribute.optional() && attribute.sensitive() && attribute.deprecated());
  EXPECT_FALSE(attribute.required() || attribute.computed() || attribute.has_nested_type());
  EXPECT_EQ(attribute.deprecation_message(), "old");
  EXPECT_EQ(attribute.description_kind(), tfplugin6::MARKDOWN);
}

TEST(SchemaToWire, NestedTypeReplacesType) {
  schema::Schema schema;
  auto nested = std::make_shared<schema::NestedObject>();
  nested->nesting = schema::Nesting::kMap;
  nested->attributes = {Plain("inner", Type::Bool())};
  schema.block.attributes = {Plain("outer", Type::Map(Type::Object({{"inner", Type::Bool()}})))};
  schema.block.attributes[0].nested = nested;
  tfplugin6::Schema wire;
  SchemaToWire(schema, wire);
  const auto& attribute = wire.block().attributes(0);
  EXPECT_TRUE(attribute.type().empty());
  EXPECT_EQ(attribute.nested_type().nesting(), tfplugin6::Schema::Object::MAP);
  EXPECT_EQ(attribute.nested_type().attributes(0).name(), "inner");
}

TEST(SchemaToWire, BlockBounds) {
  schema::Schema schema;
  schema.block.blocks = {ListBlock(), ListBlock(), ListBlock()};
  schema.block.blocks[1].nesting = schema::Nesting::kSingle;
  schema.block.blocks[1].required = true;
  schema.block.blocks[2].nesting = schema::Nesting::kSingle;
  tfplugin6::Schema wire;
  SchemaToWire(schema, wire);
  EXPECT_EQ(wire.block().block_types(0).nesting(), tfplugin6::Schema::NestedBlock::LIST);
  EXPECT_EQ(wire.block().block_types(0).max_items(), 3);
  EXPECT_EQ(wire.block().block_types(1).min_items(), 1);
  EXPECT_EQ(wire.block().block_types(1).max_items(), 1);
  EXPECT_EQ(wire.block().block_types(2).max_items(), 0);
  EXPECT_EQ(wire.block().block_types(2).block().attributes(0).name(), "port");
}

TEST(SchemaToWire, Identity) {
  schema::IdentitySchema identity;
  identity.version = 1;
  identity.attributes = {{"name", Type::String(), true, false, "the name"}};
  tfplugin6::ResourceIdentitySchema wire;
  IdentitySchemaToWire(identity, wire);
  EXPECT_EQ(wire.version(), 1);
  EXPECT_EQ(wire.identity_attributes(0).type(), "\"string\"");
  EXPECT_TRUE(wire.identity_attributes(0).required_for_import());
}

TEST(WithEmptyBlocks, NullCollectionsBecomeEmptyAtAllLevels) {
  schema::BlockType outer = ListBlock();
  outer.name = "stage";
  outer.block.blocks = {ListBlock()};
  schema::Block block;
  block.blocks = {outer, ListBlock()};
  const Type stage = outer.block.ImpliedType();
  const Type checks = Type::List(ListBlock().block.ImpliedType());
  const Value element = Value::Object({{"port", Value::Number(1)}, {"check", Value::Null(checks)}});
  const Value fixed = WithEmptyBlocks(
      Value::Object({{"stage", Value::MakeList(stage, {element})}, {"check", Value::Null(checks)}}),
      block);
  EXPECT_EQ(fixed.type(), block.ImpliedType());
  EXPECT_TRUE(fixed.Get("check").is_known());
  EXPECT_TRUE(fixed.Get("stage").elements()[0].Get("check").is_known());
}

}  // namespace
}  // namespace delivery::plugin
