#include "provider/value/json_codec.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::value {
namespace {

using testing::StartsWith;

Type FromText(const std::string& text) { return *Type::FromJson(*ParseJson(text)); }
Value Text(std::string text) { return Value::String(std::move(text)); }
Value Int(int64_t n) { return Value::Number(n); }
Value Dec(const std::string& text) { return Value::Number(*Number::FromDecimal(text)); }

const Type kText = Type::String();
const Type kPair = FromText(R"(["object",{"a":"string","b":"number"}])");

struct Case {
  std::string json;
  Type type;
  Value value;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.json; }

class JsonTest : public testing::TestWithParam<Case> {};

TEST_P(JsonTest, Decodes) {
  const auto value = DecodeJson(GetParam().json, GetParam().type);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, GetParam().value) << value->DebugString();
}

TEST_P(JsonTest, EncodesAlike) {
  const auto json = EncodeJson(GetParam().value, GetParam().type);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json, GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, JsonTest,
    testing::Values(
        Case{"null", kText, Value::Null(kText)}, Case{"\"a\\n\\\"\"", kText, Text("a\n\"")},
        Case{"true", Type::Bool(), Value::Bool(true)}, Case{"-1", Type::Number(), Int(-1)},
        Case{"18446744073709551615", Type::Number(), Dec("18446744073709551615")},
        Case{"0.1", Type::Number(), Dec("0.1")},
        Case{"0.30000000000000000004", Type::Number(), Dec("0.30000000000000000004")},
        Case{"1.23456789012345678901234e23", Type::Number(), Dec("123456789012345678901234")},
        Case{"[]", Type::List(kText), Value::MakeList(kText, {})},
        Case{R"(["a",null])", Type::List(kText), Value::MakeList(kText, {Text("a"), Value()})},
        Case{"[1,2]", Type::Set(Type::Number()), Value::MakeSet(Type::Number(), {Int(1), Int(2)})},
        Case{"{}", Type::Map(kText), Value::MakeMap(kText, {})},
        Case{R"({"a":"x","é":null})", Type::Map(kText),
             Value::MakeMap(kText, {{"a", Text("x")}, {"é", Value()}})},
        Case{R"({"a":null,"b":1})", kPair,
             Value::Object({{"a", Value::Null(kText)}, {"b", Int(1)}})},
        Case{R"(["x",true])", FromText(R"(["tuple",["string","bool"]])"),
             Value::Tuple({Text("x"), Value::Bool(true)})},
        Case{"null", Type(), Value()},
        Case{R"({"type":"bool","value":null})", Type(), Value::Null(Type::Bool())},
        Case{R"({"type":["object",{"a":"dynamic"}],"value":{"a":null}})", Type(),
             Value::Object({{"a", Value()}})},
        Case{R"({"a":{"type":"number","value":1}})", Type::Object({{"a", Type()}}),
             Value::Object({{"a", Int(1)}})}));

TEST(JsonCodecTest, AbsentAttributesAreNull) {
  EXPECT_EQ(*DecodeJson(R"({"b":1})", kPair),
            Value::Object({{"a", Value::Null(kText)}, {"b", Int(1)}}));
}

TEST(JsonCodecTest, IgnoresUnknownAttributesWhenToldTo) {
  const std::string json = R"({"a":"x","b":1,"c":[{}]})";
  EXPECT_FALSE(DecodeJson(json, kPair).ok());
  EXPECT_EQ(*DecodeJson(json, kPair, UnknownAttributes::kIgnore),
            Value::Object({{"a", Text("x")}, {"b", Int(1)}}));
}

TEST(JsonCodecTest, TheOrderOfADynamicValueIsFree) {
  EXPECT_EQ(*DecodeJson(R"({"value":"x","type":"string"})", Type()), Text("x"));
}

TEST(JsonCodecTest, ConvertsBetweenStringsAndOtherPrimitives) {
  EXPECT_EQ(*DecodeJson("1.5", kText), Text("1.5"));
  EXPECT_EQ(*DecodeJson("true", kText), Text("true"));
  EXPECT_EQ(*DecodeJson("\"1.5\"", Type::Number()), Dec("1.5"));
  EXPECT_EQ(*DecodeJson("\"false\"", Type::Bool()), Value::Bool(false));
}

struct BadCase {
  std::string json;
  Type type;
  std::string message;
};

void PrintTo(const BadCase& c, std::ostream* out) { *out << c.json; }

class BadJsonTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadJsonTest, IsRefused) {
  const absl::Status status = DecodeJson(GetParam().json, GetParam().type).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, BadJsonTest,
    testing::Values(
        BadCase{"", kText, "not valid JSON at byte"}, BadCase{"\"a", kText, "not valid JSON"},
        BadCase{"\"\xff\"", kText, "not valid JSON"}, BadCase{"1 2", Type::Number(), "not valid"},
        BadCase{"1e999", Type::Number(), "not valid JSON"},
        BadCase{"[]", kText, "expected a string, number or bool, found an array"},
        BadCase{"1", Type::Bool(), "a value of type \"number\""},
        BadCase{"\"x\"", Type::Number(), "not a decimal number"},
        BadCase{"1", Type::List(kText), "expected an array, found a number"},
        BadCase{"1.5", Type::Map(kText), "expected an object, found a number"},
        BadCase{"[]", kPair, "expected an object, found an array"},
        BadCase{"{\"c\":1}", kPair, "c: there is no such attribute"},
        BadCase{R"({"a":1,"a":2})", kPair, "the name \"a\" occurs twice in an object"},
        BadCase{R"({"a":[]})", kPair, "a: expected a string"},
        BadCase{"[1]", Type::Tuple({}), "expected an array of 0"},
        BadCase{"\"x\"", Type(), "expected an object with a type and a value"},
        BadCase{R"({"type":"string"})", Type(), "expected an object with a type and a value"},
        BadCase{R"({"type":"any","value":1})", Type(), "malformed type"},
        BadCase{R"({"type":0.5,"value":1})", Type(), "malformed type"},
        BadCase{R"([{"k":{}}])", Type::List(Type::Map(kText)), "[0][\"k\"]: expected a string"},
        BadCase{std::string(1000, '['), Type::List(kText), "the JSON is nested too deeply"}));

TEST(JsonCodecTest, LimitsNesting) {
  std::string json = "null";
  for (int i = 0; i < 150; ++i) json = R"({"type":["list","dynamic"],"value":[)" + json + "]}";
  EXPECT_EQ(DecodeJson(json, Type()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(JsonCodecTest, DoesNotEncodeUnknowns) {
  const Value value = Value::Object({{"a", Value::Unknown(kText)}, {"b", Int(1)}});
  const absl::Status status = EncodeJson(value, kPair).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), StartsWith("a: "));
}

TEST(JsonCodecTest, DoesNotEncodeWhatDoesNotConform) {
  const auto code = [](const Value& value, const Type& type) {
    return EncodeJson(value, type).status().code();
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code(Int(1), kText), invalid);
  EXPECT_EQ(code(Value::Null(Type::Bool()), kText), invalid);
  EXPECT_EQ(code(Value::Object({{"a", Text("x")}}), kPair), invalid);
  EXPECT_EQ(code(Value::Object({{"a", Text("x")}, {"b", Int(1)}, {"c", Int(1)}}), kPair), invalid);
  EXPECT_EQ(code(Value::Tuple({Int(1)}), Type::Tuple({})), invalid);
  EXPECT_EQ(code(Value::MakeMap(Type::Bool(), {}), Type::Map(kText)), invalid);
  EXPECT_EQ(code(Value::MakeList(Type::Bool(), {}), Type::List(kText)), invalid);
  EXPECT_EQ(code(Text("\xff"), kText), invalid);
  EXPECT_EQ(code(Value::Number(Number(std::numeric_limits<double>::infinity())), Type::Number()),
            invalid);
}

TEST(JsonCodecTest, NullOfDynamicTypeFitsEverywhere) {
  EXPECT_EQ(*EncodeJson(Value(), kPair), "null");
}

}  // namespace
}  // namespace delivery::value
