#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/value/value.h"

namespace delivery::value {
namespace {

using testing::HasSubstr;

Value Text(std::string text) { return Value::String(std::move(text)); }
Value Int(int64_t n) { return Value::Number(n); }
Value Plain(const std::string& json) { return FromPlainJson(*ParseJson(json)); }

struct Case {
  std::string name;
  Value from;
  Type type;
  Value to;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ConversionTest : public testing::TestWithParam<Case> {};

TEST_P(ConversionTest, Converts) {
  const auto converted = ConvertTo(GetParam().from, GetParam().type);
  ASSERT_TRUE(converted.ok()) << converted.status();
  EXPECT_EQ(*converted, GetParam().to) << converted->DebugString();
}

const Type kText = Type::String();

INSTANTIATE_TEST_SUITE_P(
    Primitives, ConversionTest,
    testing::Values(Case{"same", Int(1), Type::Number(), Int(1)},
                    Case{"anything to dynamic", Int(1), Type::Dynamic(), Int(1)},
                    Case{"number to string", Value::Number(Number(1.5)), kText, Text("1.5")},
                    Case{"bool to string", Value::Bool(false), kText, Text("false")},
                    Case{"string to number", Text("1e2"), Type::Number(), Int(100)},
                    Case{"string to bool", Text("true"), Type::Bool(), Value::Bool(true)},
                    Case{"digit to bool", Text("0"), Type::Bool(), Value::Bool(false)},
                    Case{"null", Value(), kText, Value::Null(kText)},
                    Case{"typed null", Value::Null(Type::Bool()), kText, Value::Null(kText)},
                    Case{"unknown", Value::Unknown(Type::Dynamic()), Type::List(kText),
                         Value::Unknown(Type::List(kText))}));

INSTANTIATE_TEST_SUITE_P(
    Collections, ConversionTest,
    testing::Values(
        Case{"tuple to list", Plain(R"([1,"a",null])"), Type::List(kText),
             Value::MakeList(kText, {Text("1"), Text("a"), Value()})},
        Case{"tuple to set", Plain(R"(["a","a"])"), Type::Set(kText),
             Value::MakeSet(kText, {Text("a")})},
        Case{"list to set", Value::MakeList(Type::Number(), {Int(1), Int(1)}), Type::Set(kText),
             Value::MakeSet(kText, {Text("1")})},
        Case{"set to list", Value::MakeSet(kText, {Text("1")}), Type::List(Type::Number()),
             Value::MakeList(Type::Number(), {Int(1)})},
        Case{"empty tuple", Value::Tuple({}), Type::List(kText), Value::MakeList(kText, {})},
        Case{"object to map", Plain(R"({"a":1,"b":true})"), Type::Map(kText),
             Value::MakeMap(kText, {{"a", Text("1")}, {"b", Text("true")}})},
        Case{"map to object", Value::MakeMap(kText, {{"a", Text("1")}, {"b", Text("x")}}),
             Type::Object({{"a", Type::Number()}}), Value::Object({{"a", Int(1)}})},
        Case{"object to object", Plain(R"({"a":"1","b":[],"c":null})"),
             Type::Object({{"a", Type::Number()}, {"b", Type::List(kText)}, {"c", kText}}),
             Value::Object(
                 {{"a", Int(1)}, {"b", Value::MakeList(kText, {})}, {"c", Value::Null(kText)}})},
        Case{"surplus attribute", Plain(R"({"a":"x","b":1})"), Type::Object({{"a", kText}}),
             Plain(R"({"a":"x"})")},
        Case{"tuple to tuple", Plain("[1,2]"), Type::Tuple({kText, Type::Number()}),
             Plain(R"(["1",2])")}));

INSTANTIATE_TEST_SUITE_P(
    Unified, ConversionTest,
    testing::Values(Case{"numbers and strings", Plain(R"([1,null,"a"])"),
                         Type::List(Type::Dynamic()),
                         Value::MakeList(kText, {Text("1"), Value(), Text("a")})},
                    Case{"numbers", Plain(R"({"a":1,"b":2})"), Type::Map(Type::Dynamic()),
                         Value::MakeMap(Type::Number(), {{"a", Int(1)}, {"b", Int(2)}})},
                    Case{"nothing", Value::Tuple({}), Type::List(Type::Dynamic()),
                         Value::MakeList(Type::Dynamic(), {})}));

struct BadCase {
  std::string name;
  Value from;
  Type type;
  std::string message;
};

void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class BadConversionTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadConversionTest, IsRefused) {
  const absl::Status status = ConvertTo(GetParam().from, GetParam().type).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Conversions, BadConversionTest,
    testing::Values(
        BadCase{"no number", Plain(R"({"a":["x"]})"),
                Type::Object({{"a", Type::List(Type::Number())}}), "a[0]: not a decimal number"},
        BadCase{"no bool", Text("yes"), Type::Bool(), "spelled"},
        BadCase{"bool to number", Value::Bool(true), Type::Number(), "cannot become"},
        BadCase{"number to bool", Int(1), Type::Bool(), "cannot become"},
        BadCase{"list to string", Value::Tuple({}), kText, "cannot become"},
        BadCase{"string to list", Text("a"), Type::List(kText), "cannot become"},
        BadCase{"missing attribute", Plain(R"({"b":[{}]})"),
                Type::Object({{"b", Type::List(Type::Object({{"c", kText}}))}}),
                "b[0].c: the attribute is missing"},
        BadCase{"map entry", Plain(R"({"k":[]})"), Type::Map(kText), "k: a value of type"},
        BadCase{"tuple length", Plain("[1]"), Type::Tuple({}), "cannot become"},
        BadCase{"list to tuple", Value::MakeList(kText, {}), Type::Tuple({}), "cannot become"},
        BadCase{"null of a type that does not fit", Value::Null(Type::Bool()), Type::Number(),
                "cannot become"},
        BadCase{"unknown that does not fit", Value::Unknown(Type::List(kText)),
                Type::Map(Type::String()), "cannot become"},
        BadCase{"no common type", Plain("[1,[]]"), Type::List(Type::Dynamic()), "no common type"},
        BadCase{"objects are not cut to a common type", Plain(R"([{"a":1},{"a":1,"b":2}])"),
                Type::Set(Type::Dynamic()), "no common type"}));

TEST(ConversionTest, KeepsDynamicPlacesInside) {
  const Type element = Type::Object({{"a", Type::Dynamic()}});
  const auto list = ConvertTo(Plain(R"([{"a":1},{"a":"x"}])"), Type::List(element));
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->type(), Type::List(element));
  EXPECT_EQ(list->elements()[1].Get("a"), Text("x"));
}

}  // namespace
}  // namespace delivery::value
