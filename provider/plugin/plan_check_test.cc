#include "provider/plugin/plan_check.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::plugin {
namespace {

using schema::Nesting;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using value::Path;
using value::Type;
using value::Value;

enum Use { kRequired, kOptional, kComputed, kOptionalComputed };

schema::Attribute Attr(std::string name, Type type, Use use) {
  schema::Attribute attribute;
  attribute.name = std::move(name);
  attribute.type = std::move(type);
  attribute.required = use == kRequired;
  attribute.optional = use == kOptional || use == kOptionalComputed;
  attribute.computed = use == kComputed || use == kOptionalComputed;
  return attribute;
}

Type NestedType() { return Type::Object({{"port", Type::Number()}, {"address", Type::String()}}); }

schema::Attribute NestedAttr(std::string name, Type type, Nesting nesting) {
  auto nested = std::make_shared<schema::NestedObject>();
  nested->nesting = nesting;
  nested->attributes = {Attr("port", Type::Number(), kOptional),
                        Attr("address", Type::String(), kComputed)};
  schema::Attribute attribute = Attr(std::move(name), std::move(type), kOptional);
  attribute.nested = std::move(nested);
  return attribute;
}

schema::BlockType BlockOf(std::string name, Nesting nesting) {
  schema::BlockType block;
  block.name = std::move(name);
  block.nesting = nesting;
  block.block.attributes = {Attr("port", Type::Number(), kOptional),
                            Attr("address", Type::String(), kComputed)};
  return block;
}

schema::Schema TestSchema() {
  schema::Schema schema;
  schema.block.attributes = {Attr("name", Type::String(), kRequired),
                             Attr("note", Type::String(), kOptional),
                             Attr("id", Type::String(), kComputed),
                             Attr("size", Type::Number(), kOptionalComputed),
                             NestedAttr("one", NestedType(), Nesting::kSingle),
                             NestedAttr("list", Type::List(NestedType()), Nesting::kList),
                             NestedAttr("map", Type::Map(NestedType()), Nesting::kMap),
                             NestedAttr("set", Type::Set(NestedType()), Nesting::kSet)};
  schema.block.blocks = {BlockOf("single", Nesting::kSingle), BlockOf("check", Nesting::kList),
                         BlockOf("rule", Nesting::kSet), BlockOf("label", Nesting::kMap)};
  return schema;
}

Value Endpoint(int64_t port) {
  return Value::Object({{"port", Value::Number(port)}, {"address", Value::Null(Type::String())}});
}
Value Endpoint(int64_t port, Value address) {
  return Endpoint(port).With("address", std::move(address));
}
Value UnknownText() { return Value::Unknown(Type::String()); }
Value Text(std::string text) { return Value::String(std::move(text)); }
Value ListOf(Value::List elements) { return Value::MakeList(NestedType(), std::move(elements)); }
Value SetOf(Value::List elements) { return Value::MakeSet(NestedType(), std::move(elements)); }
Value MapOf(Value::Map elements) { return Value::MakeMap(NestedType(), std::move(elements)); }

// A configuration with nothing but the name; also a state or plan, with nothing computed.
Value Config() {
  return Value::Object({{"name", Text("a")},
                        {"note", Value::Null(Type::String())},
                        {"id", Value::Null(Type::String())},
                        {"size", Value::Null(Type::Number())},
                        {"one", Value::Null(NestedType())},
                        {"list", Value::Null(Type::List(NestedType()))},
                        {"map", Value::Null(Type::Map(NestedType()))},
                        {"set", Value::Null(Type::Set(NestedType()))},
                        {"single", Value::Null(NestedType())},
                        {"check", ListOf({})},
                        {"rule", SetOf({})},
                        {"label", MapOf({})}});
}
Value Nothing() { return Value::Null(TestSchema().block.ImpliedType()); }

std::vector<Violation> Plan(const Value& config, const Value& prior, const Value& planned,
                            const std::vector<Path>& replace = {}) {
  return CheckPlanned(TestSchema(), config, prior, planned, replace);
}
std::vector<std::string> Places(const std::vector<Violation>& violations) {
  std::vector<std::string> places;
  for (const Violation& violation : violations) places.push_back(violation.path.ToString());
  return places;
}
std::vector<std::string> PlanPlaces(const Value& config, const Value& planned) {
  return Places(Plan(config, Nothing(), planned));
}
std::vector<std::string> ApplyPlaces(const Value& planned, const Value& state) {
  return Places(CheckApplied(TestSchema(), planned, state));
}

TEST(CheckPlanned, AcceptsConfigurationAsItIs) {
  EXPECT_THAT(PlanPlaces(Config(), Config()), IsEmpty());
  EXPECT_THAT(PlanPlaces(Config(), Config().With("id", UnknownText())), IsEmpty());
}

TEST(CheckPlanned, TypeFollowsSchema) {
  const auto violations = Plan(Config(), Nothing(), Config().Without("note"));
  ASSERT_THAT(violations, SizeIs(1));
  EXPECT_TRUE(violations[0].path.empty());
  EXPECT_THAT(Plan(Config(), Nothing(), Config().With("name", Value::Bool(true))), SizeIs(1));
}

TEST(CheckPlanned, NullExactlyWhenConfigurationIs) {
  EXPECT_THAT(Plan(Nothing(), Config(), Nothing()), IsEmpty());
  EXPECT_THAT(Plan(Nothing(), Config(), Config()), SizeIs(1));
  EXPECT_THAT(Plan(Config(), Config(), Nothing()), SizeIs(1));
  EXPECT_THAT(Plan(Config(), Config(), Value::Unknown(Nothing().type())), SizeIs(1));
}

TEST(CheckPlanned, ConfiguredValueIsKept) {
  EXPECT_THAT(PlanPlaces(Config(), Config().With("name", Text("b"))), ElementsAre("name"));
  EXPECT_THAT(PlanPlaces(Config(), Config().With("name", UnknownText())), ElementsAre("name"));
  EXPECT_THAT(PlanPlaces(Config().With("name", UnknownText()), Config()), ElementsAre("name"));
}

TEST(CheckPlanned, PriorValueMayStandForTheConfiguredOne) {
  const Value prior = Config().With("name", Text("A"));
  EXPECT_THAT(Plan(Config(), prior, prior), IsEmpty());
  EXPECT_THAT(Places(Plan(Config(), prior, Config().With("name", Text("c")))), ElementsAre("name"));
  // A prior null is no value that could mean the same.
  const Value noted = Config().With("note", Text("n"));
  EXPECT_THAT(Places(Plan(noted, Config(), Config())), ElementsAre("note"));
}

TEST(CheckPlanned, OnlyComputedAttributesMayBeFilled) {
  EXPECT_THAT(PlanPlaces(Config(), Config().With("size", Value::Number(3))), IsEmpty());
  EXPECT_THAT(PlanPlaces(Config(), Config().With("note", Text("n"))), ElementsAre("note"));
  EXPECT_THAT(PlanPlaces(Config(), Config().With("note", UnknownText())), ElementsAre("note"));
}

TEST(CheckPlanned, NestedSingle) {
  const Value config = Config().With("one", Endpoint(80));
  EXPECT_THAT(PlanPlaces(config, config.With("one", Endpoint(80, UnknownText()))), IsEmpty());
  EXPECT_THAT(PlanPlaces(config, config.With("one", Endpoint(81))), ElementsAre("one.port"));
  EXPECT_THAT(PlanPlaces(config, config.With("one", Value::Unknown(NestedType()))),
              ElementsAre("one"));
  EXPECT_THAT(PlanPlaces(config, config.With("one", Value::Null(NestedType()))),
              ElementsAre("one"));
}

TEST(CheckPlanned, NestedListKeepsLength) {
  const Value config = Config().With("list", ListOf({Endpoint(1), Endpoint(2)}));
  EXPECT_THAT(PlanPlaces(config, config.With("list", ListOf({Endpoint(1)}))), ElementsAre("list"));
  EXPECT_THAT(PlanPlaces(config, config.With("list", ListOf({Endpoint(1), Endpoint(3)}))),
              ElementsAre("list[1].port"));
  EXPECT_THAT(
      PlanPlaces(config, config.With("list", ListOf({Endpoint(1), Value::Unknown(NestedType())}))),
      ElementsAre("list[1]"));
}

TEST(CheckPlanned, NestedListUsesPriorByPosition) {
  const Value config = Config().With("list", ListOf({Endpoint(1), Endpoint(2)}));
  const Value prior = Config().With("list", ListOf({Endpoint(7)}));
  const Value planned = Config().With("list", ListOf({Endpoint(7), Endpoint(2)}));
  EXPECT_THAT(Plan(config, prior, planned), IsEmpty());
}

TEST(CheckPlanned, NestedMapKeepsKeys) {
  const Value config = Config().With("map", MapOf({{"a", Endpoint(1)}}));
  EXPECT_THAT(PlanPlaces(config, config.With("map", MapOf({{"a", Endpoint(1, UnknownText())}}))),
              IsEmpty());
  EXPECT_THAT(PlanPlaces(config, config.With("map", MapOf({{"b", Endpoint(1)}}))),
              ElementsAre("map[\"b\"]", "map[\"a\"]"));
  EXPECT_THAT(PlanPlaces(config, config.With("map", MapOf({{"a", Endpoint(2)}}))),
              ElementsAre("map[\"a\"].port"));
}

TEST(CheckPlanned, NestedSetCorrelates) {
  const Value config = Config().With("set", SetOf({Endpoint(1), Endpoint(2)}));
  const Value good = SetOf({Endpoint(2, UnknownText()), Endpoint(1, UnknownText())});
  EXPECT_THAT(PlanPlaces(config, config.With("set", good)), IsEmpty());
  EXPECT_THAT(PlanPlaces(config, config.With("set", SetOf({Endpoint(1)}))), ElementsAre("set"));
  EXPECT_THAT(PlanPlaces(config, config.With("set", SetOf({Endpoint(1), Endpoint(3)}))),
              ElementsAre("set"));
}

TEST(CheckPlanned, SingleBlock) {
  const Value config = Config().With("single", Endpoint(1));
  EXPECT_THAT(PlanPlaces(config, config.With("single", Endpoint(1, UnknownText()))), IsEmpty());
  EXPECT_THAT(PlanPlaces(config, Config()), ElementsAre("single"));
  EXPECT_THAT(PlanPlaces(Config(), config), ElementsAre("single"));
}

TEST(CheckPlanned, BlocksKeepTheirNumber) {
  const Value config = Config().With("check", ListOf({Endpoint(1)}));
  EXPECT_THAT(PlanPlaces(config, config.With("check", ListOf({Endpoint(1), Endpoint(2)}))),
              ElementsAre("check"));
  EXPECT_THAT(PlanPlaces(config, config.With("check", ListOf({Endpoint(2)}))),
              ElementsAre("check[0].port"));
  EXPECT_THAT(PlanPlaces(config, config.With("check", ListOf({Value::Unknown(NestedType())}))),
              ElementsAre("check[0]"));
}

TEST(CheckPlanned, BlocksOfSetsAndMaps) {
  const Value config = Config().With("rule", SetOf({Endpoint(1)}));
  EXPECT_THAT(PlanPlaces(config, config.With("rule", SetOf({Endpoint(1, UnknownText())}))),
              IsEmpty());
  EXPECT_THAT(PlanPlaces(config, config.With("rule", SetOf({Endpoint(2)}))), ElementsAre("rule"));
  const Value labelled = Config().With("label", MapOf({{"a", Endpoint(1)}}));
  EXPECT_THAT(PlanPlaces(labelled, Config()), ElementsAre("label[\"a\"]"));
}

TEST(CheckPlanned, BlockCollectionsAreNeverNull) {
  const Value planned = Config().With("check", Value::Null(Type::List(NestedType())));
  EXPECT_THAT(PlanPlaces(Config(), planned), ElementsAre("check"));
}

TEST(CheckPlanned, UnknownDynamicBlockStays) {
  const Value unknown = Config().With("check", Value::Unknown(Type::List(NestedType())));
  EXPECT_THAT(PlanPlaces(unknown, unknown), IsEmpty());
  EXPECT_THAT(PlanPlaces(unknown, Config()), ElementsAre("check"));
  EXPECT_THAT(PlanPlaces(Config(), unknown), ElementsAre("check"));
}

TEST(CheckPlanned, ReplacePathsExist) {
  const std::vector<Path> good = {Path::Of("name"), Path::Of("note"), Path::Of("list").At(0)};
  const Value planned = Config().With("list", ListOf({Endpoint(1)}));
  EXPECT_THAT(Plan(planned, Config(), planned, good), IsEmpty());
  const std::vector<Path> bad = {Path::Of("nome"), Path::Of("one").Attr("port"),
                                 Path::Of("list").At(1), Path::Of("map").At("x")};
  EXPECT_THAT(Plan(planned, Config(), planned, bad), SizeIs(4));
  EXPECT_THAT(Plan(planned, Nothing(), planned, bad), IsEmpty()) << "nothing to replace on create";
}

TEST(CheckApplied, UnknownMayBecomeAnything) {
  const Value planned = Config().With("id", UnknownText()).With("size", Value::Number(1));
  EXPECT_THAT(ApplyPlaces(planned, planned.With("id", Text("x"))), IsEmpty());
  EXPECT_THAT(ApplyPlaces(planned, planned.With("id", Value::Null(Type::String()))), IsEmpty());
}

TEST(CheckApplied, KnownValuesComeTrue) {
  EXPECT_THAT(ApplyPlaces(Config(), Config().With("name", Text("b"))), ElementsAre("name"));
  EXPECT_THAT(ApplyPlaces(Config(), Config().With("name", Value::Null(Type::String()))),
              ElementsAre("name"));
  EXPECT_THAT(ApplyPlaces(Config(), Config().With("id", Text("x"))), ElementsAre("id"));
}

TEST(CheckApplied, TypeFollowsSchema) {
  EXPECT_THAT(ApplyPlaces(Config(), Config().Without("id")), ElementsAre(""));
}

TEST(CheckApplied, NothingIsUnknown) {
  const Value planned = Config().With("id", UnknownText());
  EXPECT_THAT(ApplyPlaces(planned, planned), ElementsAre(""));
  EXPECT_THAT(ApplyPlaces(Config(), Config().With("name", UnknownText())), ElementsAre("name", ""));
}

TEST(CheckApplied, PresenceIsAsPlanned) {
  EXPECT_THAT(ApplyPlaces(Nothing(), Nothing()), IsEmpty());
  EXPECT_THAT(ApplyPlaces(Nothing(), Config()), ElementsAre(""));
  EXPECT_THAT(ApplyPlaces(Config(), Nothing()), ElementsAre(""));
}

TEST(CheckApplied, CollectionsKeepSizeAndKeys) {
  const Value planned =
      Config().With("check", ListOf({Endpoint(1)})).With("map", MapOf({{"a", Endpoint(1)}}));
  EXPECT_THAT(ApplyPlaces(planned, planned.With("check", ListOf({}))), ElementsAre("check"));
  EXPECT_THAT(ApplyPlaces(planned, planned.With("check", ListOf({Endpoint(2)}))),
              ElementsAre("check[0].port"));
  EXPECT_THAT(ApplyPlaces(planned, planned.With("map", MapOf({{"b", Endpoint(1)}}))),
              ElementsAre("map[\"a\"]", "map[\"b\"]"));
}

TEST(CheckApplied, SetsMayOnlyShrink) {
  const Value planned =
      Config().With("rule", SetOf({Endpoint(1, UnknownText()), Endpoint(1, UnknownText())}));
  EXPECT_THAT(ApplyPlaces(planned, planned.With("rule", SetOf({Endpoint(1, Text("x"))}))),
              IsEmpty());
  const Value three =
      SetOf({Endpoint(1, Text("x")), Endpoint(1, Text("y")), Endpoint(1, Text("z"))});
  EXPECT_THAT(ApplyPlaces(planned, planned.With("rule", three)), ElementsAre("rule"));
  EXPECT_THAT(ApplyPlaces(planned, planned.With("rule", SetOf({Endpoint(2)}))),
              ElementsAre("rule"));
}

TEST(CheckApplied, UnknownBlocksMayBecomeAnyNumber) {
  const Value planned = Config().With("check", Value::Unknown(Type::List(NestedType())));
  EXPECT_THAT(ApplyPlaces(planned, Config().With("check", ListOf({Endpoint(1)}))), IsEmpty());
}

TEST(CheckRead, NullOrWhollyKnown) {
  EXPECT_THAT(CheckRead(TestSchema(), Nothing()), IsEmpty());
  EXPECT_THAT(CheckRead(TestSchema(), Config()), IsEmpty());
  EXPECT_THAT(CheckRead(TestSchema(), Config().With("id", UnknownText())), SizeIs(1));
  EXPECT_THAT(CheckRead(TestSchema(), Config().Without("id")), SizeIs(1));
}

TEST(AddViolations, MakesErrorsThatSayWhoseFaultItIs) {
  WireDiagnostics wire;
  AddViolations({{Path::Of("name"), "is wrong"}}, wire);
  ASSERT_EQ(wire.size(), 1);
  EXPECT_EQ(wire[0].severity(), tfplugin6::Diagnostic::ERROR);
  EXPECT_EQ(wire[0].summary(), "Provider bug: is wrong");
  EXPECT_EQ(wire[0].attribute().steps(0).attribute_name(), "name");
}

}  // namespace
}  // namespace delivery::plugin
