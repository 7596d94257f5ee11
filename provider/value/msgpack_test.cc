#include "provider/value/msgpack.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::value {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string Hex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string ToHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    digits += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return digits;
}

// A str or bin header with one length byte, and the text.
std::string Str(std::string text) { return "\xd9" + std::string(1, char(text.size())) + text; }
std::string Bin(std::string text) { return "\xc4" + std::string(1, char(text.size())) + text; }

Type FromText(const std::string& text) { return *Type::FromJson(*ParseJson(text)); }
Value Text(std::string text) { return Value::String(std::move(text)); }
Value Int(int64_t n) { return Value::Number(n); }
Value Dec(const std::string& text) { return Value::Number(*Number::FromDecimal(text)); }
Value Double(double n) { return Value::Number(Number(n)); }

struct Case {
  std::string name;
  Type type;
  std::string bytes;
  Value value;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const Type kText = Type::String();
const Type kPair = FromText(R"(["object",{"a":"string","b":"number"}])");
const std::string kUnknown = Hex("d40000");

// What the hosts send and what we send back are the same bytes.
class EchoTest : public testing::TestWithParam<Case> {};

TEST_P(EchoTest, Decodes) {
  const auto value = DecodeMsgpack(GetParam().bytes, GetParam().type);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, GetParam().value) << value->DebugString();
}

TEST_P(EchoTest, EncodesToTheSameBytes) {
  const auto bytes = EncodeMsgpack(GetParam().value, GetParam().type);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(ToHex(*bytes), ToHex(GetParam().bytes));
}

INSTANTIATE_TEST_SUITE_P(
    Primitives, EchoTest,
    testing::Values(Case{"string", kText, "\xa1x", Text("x")},
                    Case{"empty string", kText, "\xa0", Text("")},
                    Case{"str8", kText, Str(std::string(40, 'x')), Text(std::string(40, 'x'))},
                    Case{"str16", kText, Hex("da0100") + std::string(256, 'x'),
                         Text(std::string(256, 'x'))},
                    Case{"str32", kText, Hex("db00010000") + std::string(65536, 'x'),
                         Text(std::string(65536, 'x'))},
                    Case{"not normalised", kText, "\xa2\xcc\x81", Text("\xcc\x81")},
                    Case{"true", Type::Bool(), "\xc3", Value::Bool(true)},
                    Case{"false", Type::Bool(), "\xc2", Value::Bool(false)},
                    Case{"null", kText, "\xc0", Value::Null(kText)},
                    Case{"unknown", kText, kUnknown, Value::Unknown(kText)}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, EchoTest,
    testing::Values(Case{"zero", Type::Number(), Hex("00"), Int(0)},
                    Case{"fixint", Type::Number(), Hex("7f"), Int(127)},
                    Case{"negative fixint", Type::Number(), Hex("e0"), Int(-32)},
                    Case{"uint8", Type::Number(), Hex("ccff"), Int(255)},
                    Case{"uint16", Type::Number(), Hex("cdffff"), Int(65535)},
                    Case{"uint32", Type::Number(), Hex("ceffffffff"), Int(4294967295)},
                    Case{"uint64", Type::Number(), Hex("cf0000000100000000"), Int(4294967296)},
                    Case{"largest", Type::Number(), Hex("cfffffffffffffffff"),
                         Value::Number(Number(std::numeric_limits<uint64_t>::max()))},
                    Case{"int8", Type::Number(), Hex("d080"), Int(-128)},
                    Case{"int16", Type::Number(), Hex("d18000"), Int(-32768)},
                    Case{"int32", Type::Number(), Hex("d280000000"), Int(-2147483648)},
                    Case{"int64", Type::Number(), Hex("d38000000000000000"),
                         Int(std::numeric_limits<int64_t>::min())},
                    Case{"double", Type::Number(), Hex("cb3ff8000000000000"), Double(1.5)},
                    Case{"infinity", Type::Number(), Hex("cb7ff0000000000000"),
                         Double(std::numeric_limits<double>::infinity())},
                    Case{"decimal", Type::Number(), "\xa3\x30.1", Dec("0.1")},
                    Case{"long decimal", Type::Number(),
                         "\xb5\x31"
                         "23456789012345678901",
                         Dec("123456789012345678901")},
                    Case{"unusual decimal", Type::Number(), "\xa5\x31.500", Dec("1.500")}));

INSTANTIATE_TEST_SUITE_P(
    Containers, EchoTest,
    testing::Values(
        Case{"list", Type::List(kText),
             "\x92\xa1"
             "a\xc0",
             Value::MakeList(kText, {Text("a"), Value::Null(kText)})},
        Case{"empty list", Type::List(kText), "\x90", Value::MakeList(kText, {})},
        Case{"array16", Type::List(Type::Number()), Hex("dc0010") + std::string(16, '\1'),
             Value::MakeList(Type::Number(), Value::List(16, Int(1)))},
        Case{"array32", Type::List(Type::Number()), Hex("dd00010000") + std::string(65536, '\1'),
             Value::MakeList(Type::Number(), Value::List(65536, Int(1)))},
        Case{"unknown list", Type::List(kText), kUnknown, Value::Unknown(Type::List(kText))},
        Case{"list of unknown", Type::List(kText), "\x91" + kUnknown,
             Value::MakeList(kText, {Value::Unknown(kText)})},
        Case{"set", Type::Set(Type::Number()), Hex("920201"),
             Value::MakeSet(Type::Number(), {Int(2), Int(1)})},
        Case{"set with two unknown elements", Type::Set(kText), "\x92" + kUnknown + kUnknown,
             Value::MakeSet(kText, {Value::Unknown(kText), Value::Unknown(kText)})},
        Case{"map", Type::Map(Type::Number()),
             "\x82\xa1"
             "a\1\xa1"
             "b\2",
             Value::MakeMap(Type::Number(), {{"a", Int(1)}, {"b", Int(2)}})},
        Case{"empty map", Type::Map(kText), "\x80", Value::MakeMap(kText, {})},
        Case{"object with a null", kPair,
             "\x82\xa1"
             "a\xc0\xa1"
             "b\1",
             Value::Object({{"a", Value::Null(kText)}, {"b", Int(1)}})},
        Case{"null object", kPair, "\xc0", Value::Null(kPair)},
        Case{"unknown object", kPair, kUnknown, Value::Unknown(kPair)},
        Case{"empty object", Type::Object({}), "\x80", Value::Object({})},
        Case{"tuple", FromText(R"(["tuple",["string","bool"]])"), "\x92\xa1x\xc3",
             Value::Tuple({Text("x"), Value::Bool(true)})},
        Case{"empty tuple", Type::Tuple({}), "\x90", Value::Tuple({})}));

INSTANTIATE_TEST_SUITE_P(
    Dynamic, EchoTest,
    testing::Values(
        Case{"known", Type(), "\x92" + Bin("\"string\"") + "\xa1x", Text("x")},
        Case{"null of unknown type", Type(), "\xc0", Value()},
        Case{"unknown of unknown type", Type(), kUnknown, Value::Unknown(Type())},
        Case{"typed null", Type(), "\x92" + Bin("\"bool\"") + "\xc0", Value::Null(Type::Bool())},
        Case{"typed unknown", Type(), "\x92" + Bin("\"bool\"") + kUnknown,
             Value::Unknown(Type::Bool())},
        Case{"object with a null of unknown type", Type(),
             "\x92" + Bin(R"(["object",{"a":"dynamic","b":"number"}])") +
                 "\x82\xa1"
                 "a\xc0\xa1"
                 "b\1",
             Value::Object({{"a", Value()}, {"b", Int(1)}})},
        Case{"dynamic attribute", Type::Object({{"a", Type()}}),
             "\x81\xa1"
             "a\x92" +
                 Bin("\"number\"") + "\1",
             Value::Object({{"a", Int(1)}})},
        Case{"list of differing objects", Type::List(Type::Object({{"a", Type()}})),
             "\x92\x81\xa1"
             "a\x92" +
                 Bin("\"number\"") +
                 "\1\x81\xa1"
                 "a\xc0",
             Value::MakeList(Type::Object({{"a", Type()}}),
                             {Value::Object({{"a", Int(1)}}), Value::Object({{"a", Value()}})})}));

// Other forms of the same values.
class AcceptedTest : public testing::TestWithParam<Case> {};

TEST_P(AcceptedTest, Decodes) {
  const auto value = DecodeMsgpack(GetParam().bytes, GetParam().type);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, GetParam().value) << value->DebugString();
}

INSTANTIATE_TEST_SUITE_P(
    Forms, AcceptedTest,
    testing::Values(
        Case{"nothing", kPair, "", Value::Null(kPair)},
        Case{"wide integer", Type::Number(), Hex("d30000000000000001"), Int(1)},
        Case{"float32", Type::Number(), Hex("ca3fc00000"), Double(1.5)},
        Case{"wide string", kText, Hex("db00000001") + "x", Text("x")},
        Case{"type as str", Type(), "\x92" + Str("\"string\"") + "\xa1x", Text("x")},
        Case{"type with optional attributes", Type(),
             "\x92" + Bin(R"(["object",{"a":"string"},["a"]])") +
                 "\x81\xa1"
                 "a\xc0",
             Value::Object({{"a", Value::Null(kText)}})},
        Case{"dynamic in dynamic", Type(),
             "\x92" + Bin("\"dynamic\"") + "\x92" + Bin("\"bool\"") + "\xc3", Value::Bool(true)},
        Case{"attributes in any order", kPair,
             "\x82\xa1"
             "b\1\xa1"
             "a\xa1x",
             Value::Object({{"a", Text("x")}, {"b", Int(1)}})},
        Case{"set with equal elements", Type::Set(Type::Number()), Hex("9201cb3ff0000000000000"),
             Value::MakeSet(Type::Number(), {Int(1)})},
        Case{"ext of length 0", kText, Hex("c7007f"), Value::Unknown(kText)},
        Case{"ext of any code", kText, Hex("d4ff05"), Value::Unknown(kText)},
        Case{"refined, fixext", kText, Hex("d50c8001"), Value::Unknown(kText)},
        Case{"refined, ext8", kText, Hex("c7030c8101c2"), Value::Unknown(kText)},
        Case{"refined, ext16", kText, Hex("c800060c8102a3666f6f"), Value::Unknown(kText)},
        Case{"refined list", Type::List(kText), Hex("c7050c820501060a"),
             Value::Unknown(Type::List(kText))},
        Case{"refined dynamic", Type(), "\x92" + Bin("\"string\"") + Hex("c7030c8101c2"),
             Value::Unknown(kText)}));

struct BadCase {
  std::string name;
  Type type;
  std::string bytes;
  std::string message;
};

void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class MalformedTest : public testing::TestWithParam<BadCase> {};

TEST_P(MalformedTest, IsRefused) {
  const absl::Status status = DecodeMsgpack(GetParam().bytes, GetParam().type).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Objects, MalformedTest,
    testing::Values(BadCase{"missing", kPair,
                            "\x81\xa1"
                            "a\xc0",
                            "b: the attribute is missing"},
                    BadCase{"empty", kPair, "\x80", "a: the attribute is missing"},
                    BadCase{"unknown name", kPair,
                            "\x81\xa1"
                            "c\xc0",
                            "c: there is no such attribute"},
                    BadCase{"duplicate", kPair,
                            "\x82\xa1"
                            "a\xc0\xa1"
                            "a\xc0",
                            "a: the attribute occurs twice"},
                    BadCase{"duplicate key", Type::Map(kText),
                            "\x82\xa1"
                            "a\xc0\xa1"
                            "a\xc0",
                            "[\"a\"]: the key occurs twice"},
                    BadCase{"key is no string", Type::Map(kText), Hex("8101c0"),
                            "expected a string"},
                    BadCase{"path", Type::Object({{"a", Type::List(Type::Map(kText))}}),
                            "\x81\xa1"
                            "a\x91\x81\xa1k\xc3",
                            "a[0][\"k\"]: expected a string, found a bool"}));

INSTANTIATE_TEST_SUITE_P(
    Kinds, MalformedTest,
    testing::Values(
        BadCase{"number for string", kText, "\1", "expected a string, found an integer"},
        BadCase{"binary for string", kText, Bin("x"), "expected a string, found binary"},
        BadCase{"string for bool", Type::Bool(), "\xa4true", "expected a bool"},
        BadCase{"text for number", Type::Number(), "\xa1x", "not a decimal number"},
        BadCase{"bool for number", Type::Number(), "\xc3", "expected a number, found a bool"},
        BadCase{"NaN", Type::Number(), Hex("cb7ff8000000000000"), "not a number"},
        BadCase{"map for list", Type::List(kText), "\x80", "expected an array, found a map"},
        BadCase{"array for map", Type::Map(kText), "\x90", "expected a map, found an array"},
        BadCase{"array for object", kPair, "\x90", "expected a map"},
        BadCase{"short tuple", Type::Tuple({kText}), "\x90", "expected 1 elements, found 0"},
        BadCase{"map for tuple", Type::Tuple({}), "\x80", "expected an array"},
        BadCase{"dynamic without type", Type(), "\xa1x", "expected an array of a type and a value"},
        BadCase{"dynamic of three", Type(), "\x93\xc0\xc0\xc0", "expected an array of a type"},
        BadCase{"type is no text", Type(), "\x92\1\1", "expected the JSON of a type"},
        BadCase{"type is no JSON", Type(), "\x92" + Bin("string") + "\xa1x", "not valid JSON"},
        BadCase{"type is no type", Type(), "\x92" + Bin("\"any\"") + "\xa1x", "malformed type"},
        BadCase{"ext of another code", kText, Hex("d50d0000"), "unknown msgpack extension 13"}));

INSTANTIATE_TEST_SUITE_P(
    Bytes, MalformedTest,
    testing::Values(BadCase{"trailing", kText, "\xa1xy", "bytes after the end"},
                    BadCase{"unused lead", kText, "\xc1", "byte 0xc1"},
                    BadCase{"no integer", Type::Number(), Hex("cd01"), "truncated"},
                    BadCase{"no text", kText, "\xa2x", "truncated"},
                    BadCase{"huge string", kText, Hex("dbffffffff") + "x", "truncated"},
                    BadCase{"huge list", Type::List(kText), Hex("ddffffffffc0"), "truncated"},
                    BadCase{"huge map", Type::Map(kText), Hex("dfffffffffa161c0"), "truncated"},
                    BadCase{"huge ext", kText, Hex("c9ffffffff0c00"), "truncated"},
                    BadCase{"list one short", Type::List(kText), Hex("92c0"), "truncated"},
                    BadCase{"overlong UTF-8", kText, "\xa2\xc0\x80",
                            "the string is not valid UTF-8"},
                    BadCase{"key in Latin-1", Type::Map(kText), "\x81\xa1\xe9\xc0",
                            "the string is not valid"}));

std::string NestedDynamic(int levels) {
  std::string bytes;
  for (int i = 0; i < levels; ++i) bytes += "\x92" + Bin(R"(["list","dynamic"])") + "\x91";
  return bytes + "\xc0";
}

TEST(MsgpackTest, LimitsNesting) {
  const auto deep = DecodeMsgpack(NestedDynamic(100), Type());
  ASSERT_TRUE(deep.ok()) << deep.status();
  EXPECT_TRUE(EncodeMsgpack(*deep, Type()).ok());
  const absl::Status status = DecodeMsgpack(NestedDynamic(101), Type()).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("deeper than 200"));
}

TEST(MsgpackTest, EncodingLimitsNestingToo) {
  Value deep = Text("x");
  for (int i = 0; i < 150; ++i) deep = Value::Tuple({deep});
  EXPECT_FALSE(EncodeMsgpack(deep, Type()).ok());
  for (int i = 0; i < 100; ++i) deep = Value::Tuple({deep});
  EXPECT_FALSE(EncodeMsgpack(deep, deep.type()).ok());
}

TEST(MsgpackTest, NullAndUnknownOfDynamicTypeFitEverywhere) {
  EXPECT_EQ(*EncodeMsgpack(Value(), kPair), "\xc0");
  EXPECT_EQ(*EncodeMsgpack(Value::Unknown(Type()), Type::List(kText)), kUnknown);
  EXPECT_EQ(*EncodeMsgpack(Value::Object({{"a", Value()}, {"b", Value::Unknown(Type())}}), kPair),
            "\x82\xa1"
            "a\xc0\xa1"
            "b" +
                kUnknown);
}

TEST(MsgpackTest, ElementsOfDynamicTypeMayFitAConcreteOne) {
  EXPECT_EQ(*EncodeMsgpack(Value::MakeList(Type(), {Text("x")}), Type::List(kText)), "\x91\xa1x");
}

struct MisfitCase {
  std::string name;
  Value value;
  Type type;
  std::string message;
};

void PrintTo(const MisfitCase& c, std::ostream* out) { *out << c.name; }

class MisfitTest : public testing::TestWithParam<MisfitCase> {};

TEST_P(MisfitTest, IsNotEncoded) {
  const absl::Status status = EncodeMsgpack(GetParam().value, GetParam().type).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Values, MisfitTest,
    testing::Values(
        MisfitCase{"kind", Int(1), kText, "a value of type \"number\""},
        MisfitCase{"missing", Value::Object({{"a", Text("x")}}), kPair,
                   "b: the attribute is missing"},
        MisfitCase{"surplus", Value::Object({{"a", Text("x")}, {"b", Int(1)}, {"c", Int(1)}}),
                   kPair, "c: the schema has no such attribute"},
        MisfitCase{"inside", Value::Object({{"a", Text("x")}, {"b", Text("y")}}), kPair,
                   "b: a value of type \"string\" where the schema wants \"number\""},
        MisfitCase{"tuple for list", Value::Tuple({Text("x")}), Type::List(kText),
                   "a value of type"},
        MisfitCase{"tuple length", Value::Tuple({Text("x")}), Type::Tuple({}), "a value of type"},
        MisfitCase{"null of another type", Value::Null(Type::Bool()), kText, "a value of type"},
        MisfitCase{"unknown of another type", Value::Unknown(kPair), kText, "a value of type"},
        MisfitCase{"empty list of another type", Value::MakeList(Type::Bool(), {}),
                   Type::List(kText), "a value of type"},
        MisfitCase{"empty map of another type", Value::MakeMap(Type::Bool(), {}), Type::Map(kText),
                   "a value of type"},
        MisfitCase{"not UTF-8", Value::MakeMap(kText, {{"a", Text("\xff")}}), Type::Map(kText),
                   "[\"a\"]: the string is not valid UTF-8"},
        MisfitCase{"NaN", Double(std::numeric_limits<double>::quiet_NaN()), Type::Number(),
                   "not a number"}));

}  // namespace
}  // namespace delivery::value
